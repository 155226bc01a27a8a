"""What does not stop an import but must be said, shown and kept: same three parts as a refusal."""

from __future__ import annotations

from typing import ClassVar

from registration.errors import gettext_noop


class Notice:
    """A warning about an examination or a series.

    Parameters
    ----------
    **facts
        The values that ``sentence`` and ``remedy`` name in braces; kept for translation and for JSON.
    """

    code: ClassVar[str] = "notice"
    sentence: ClassVar[str] = ""
    remedy: ClassVar[str] = ""
    blocks_volumetry: ClassVar[bool] = False  # no volume, hence no growth, may be computed from the series

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        self.as_sentence()  # a fact that is missing fails here, not on a page

    def as_sentence(self) -> str:
        """Give the sentence in English with its facts filled in."""
        return self.sentence.format(**self.facts)

    def as_remedy(self) -> str:
        """Give the remedy in English with its facts filled in."""
        return self.remedy.format(**self.facts)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.as_sentence()!r})"


class JunkIgnored(Notice):
    """Files that are not DICOM."""

    code = "junk_ignored"
    sentence = gettext_noop("{count} file(s) without DICOM content were ignored: {files}.")


class SeveralPatients(Notice):
    """One upload, several people."""

    code = "several_patients"
    sentence = gettext_noop("This input holds {count} patients ({patients}); each is kept apart.")
    remedy = gettext_noop("Check that this was meant; send one patient at a time.")


class LocalizerLeftOut(Notice):
    """Scout views beside the slices."""

    code = "localizer_left_out"
    sentence = gettext_noop("{count} localizer image(s) left out ({files}).")


class OtherStackLeftOut(Notice):
    """Images of another orientation, size or kernel under the same series UID."""

    code = "other_stack_left_out"
    sentence = gettext_noop("The series holds {groups} images; only the {count} of the first kind are used.")
    remedy = gettext_noop("Nothing to do if the axial slices are complete.")


class SameInstanceTwice(Notice):
    """The same file came twice."""

    code = "same_instance_twice"
    sentence = gettext_noop(
        "{count} file(s) occur twice (same SOPInstanceUID, same bytes); the copy was dropped: {files}."
    )


class SameInstanceDiffers(Notice):
    """One SOP Instance UID, two contents."""

    code = "same_instance_differs"
    blocks_volumetry = True
    sentence = gettext_noop("{count} file(s) repeat the SOPInstanceUID of another file but differ from it: {files}.")
    remedy = gettext_noop("Ask the archive which of them is right and send the series again.")


class TwoInstancesOnePosition(Notice):
    """Two different images claim one place."""

    code = "two_instances_one_position"
    sentence = gettext_noop(
        "Two different instances lie at z = {positions} mm; used: {used}; left out: {left_out} (SOPInstanceUID {uid})."
    )
    remedy = gettext_noop("Check in the archive which image belongs to the series.")


class TwoScansInOneSeries(Notice):
    """Most places are taken twice: two acquisitions were merged."""

    code = "two_scans_in_one_series"
    blocks_volumetry = True
    sentence = gettext_noop(
        "{count} of {total} positions hold two images: two acquisitions share one SeriesInstanceUID."
    )
    remedy = gettext_noop("Ask the archive to send the acquisitions as separate series.")


class GapBetweenSlices(Notice):
    """Slices are missing in between."""

    code = "gap_between_slices"
    blocks_volumetry = True
    sentence = gettext_noop(
        "There is a gap of {gap_mm:g} mm between z = {below} and z = {above}; elsewhere the step is {step_mm:g} mm. "
        "Missing slices: {missing} (z = {missing_at}). Gaps in the series: {gaps}."
    )
    remedy = gettext_noop("Send the whole series again from the archive.")


class UnevenSpacing(Notice):
    """No single slice distance fits."""

    code = "uneven_spacing"
    blocks_volumetry = True
    sentence = gettext_noop(
        "Slice spacing varies ({least_mm:g} to {most_mm:g} mm), first after z = {where}: "
        "a volume built with one spacing is wrong."
    )
    remedy = gettext_noop("Ask for a reconstruction with one spacing.")


class ShiftedSlices(Notice):
    """Slices jump sideways."""

    code = "shifted_slices"
    blocks_volumetry = True
    sentence = gettext_noop("Slices are shifted sideways by up to {shift_mm:.2f} mm (z = {where}).")
    remedy = gettext_noop("Ask for one reconstruction with one field of view.")


class TooThick(Notice):
    """Partial volume makes small nodules unmeasurable."""

    code = "too_thick"
    blocks_volumetry = True
    sentence = gettext_noop(
        "{slice_mm:g} mm slices: too thick for nodule volumetry (limit {limit_mm:g} mm). "
        "Diameters at most; no doubling time."
    )
    remedy = gettext_noop("Ask for a thin reconstruction (1.5 mm or less) while the raw data exist.")


class DateDoesNotExist(Notice):
    """No interval may be computed from it."""

    code = "date_does_not_exist"
    blocks_volumetry = True
    sentence = gettext_noop("The {tag} {value} does not exist; no interval is computed from it.")
    remedy = gettext_noop("Correct the date in the archive and send the examination again.")


class DateInFuture(Notice):
    """The clock of the scanner, or a typing error."""

    code = "date_in_future"
    blocks_volumetry = True
    sentence = gettext_noop("The {tag} {value} lies in the future; no interval is computed from it.")
    remedy = gettext_noop("Correct the date in the archive and send the examination again.")


class DateMissing(Notice):
    """Without a date there is no interval."""

    code = "date_missing"
    blocks_volumetry = True
    sentence = gettext_noop("The examination has no date; no interval can be computed.")
    remedy = gettext_noop("Add the study date in the archive and send the examination again.")


class ManyFramesOfReference(Notice):
    """Each slice names its own frame of reference; a fault of some anonymisers."""

    code = "many_frames_of_reference"
    sentence = gettext_noop(
        "The slices name {count} different frames of reference; they are ordered as one scan by position."
    )


class LossyCompression(Notice):
    """Numbers may differ from what the scanner wrote."""

    code = "lossy_compression"
    sentence = gettext_noop("The images were compressed with loss (ratio {ratio}); densities may be off by some HU.")
    remedy = gettext_noop("Ask the archive for the lossless original if it still exists.")


class PaddingIsTissue(Notice):
    """The padding value is also a density of the body."""

    code = "padding_is_tissue"
    sentence = gettext_noop(
        "PixelPaddingValue means {padding_hu:g} HU, which is also a density of the body; "
        "it is taken as padding only outside the round field of view."
    )

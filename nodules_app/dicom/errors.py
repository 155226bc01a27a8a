"""The honest no of the intake, first half: whole inputs and single files.

``InputRefused`` is the base. ``FileRefused`` concerns files; what many files have in common is said once.
What concerns a series as a whole stands in ``series_errors``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Self

from registration.errors import Refused, gettext_noop

NAMED_FILES = 3  # how many file names one sentence can carry; the rest is counted
LONGEST_NAME = 80


def printable(text: str) -> str:
    """Make foreign text fit for one line: control characters are shown as codes, long text is cut."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return shown if len(shown) <= LONGEST_NAME else shown[: LONGEST_NAME - 1] + "…"


def name_some(names: Sequence[str]) -> str:
    """List the first names and count the others, without a word that would need translation."""
    listed = ", ".join(printable(name) for name in names[:NAMED_FILES])
    return listed if len(names) <= NAMED_FILES else f"{listed} … (+{len(names) - NAMED_FILES})"


class InputRefused(Refused):
    """What was handed in cannot be used. ``also`` holds further refusals of the same input."""

    also: tuple[Refused, ...] = ()
    files_concerned = 0


class FileRefused(InputRefused):
    """Files cannot be used, all for the same reason.

    Parameters
    ----------
    *names
        The files as the sender knows them.
    **facts
        Of the first file, where files differ.
    """

    series_uid: str = ""
    merge_by: ClassVar[tuple[str, ...]] = ()  # facts in which merged complaints must agree

    def __init__(self, *names: str, **facts: object) -> None:
        self.names = names
        self.files_concerned = len(names)
        self.own_facts = facts
        first = printable(names[0]) if names else ""
        super().__init__(**{"count": len(names), "files": name_some(names), "first": first, **facts})

    @classmethod
    def merged(cls, refusals: Iterable[FileRefused]) -> tuple[FileRefused, ...]:
        """Say once what many files have in common, in order of first appearance."""
        alike: dict[tuple[object, ...], list[FileRefused]] = {}
        for refusal in refusals:
            key = (type(refusal), refusal.series_uid, *(refusal.own_facts.get(fact) for fact in refusal.merge_by))
            alike.setdefault(key, []).append(refusal)
        return tuple(group[0].joined(group) for group in alike.values())

    def joined(self, group: Sequence[FileRefused]) -> Self:
        """Give this complaint with the names of the whole group."""
        names = [name for refusal in group for name in refusal.names]
        one = type(self)(*names, **self.own_facts)
        one.series_uid = self.series_uid
        return one


class NoDicomFound(InputRefused):
    """Nothing in the input is DICOM, whatever the names say."""

    code = "no_dicom_found"
    sentence = gettext_noop(
        "No DICOM file was found among {count} file(s) ({files}); the ending .dcm alone proves nothing."
    )
    remedy = gettext_noop("Export the CT from the archive as DICOM and send the folder or a zip of it.")


class NothingThere(InputRefused):
    """The path, or the folder, or the list names no file."""

    code = "nothing_there"
    sentence = gettext_noop("There is no file to read in {source}.")
    remedy = gettext_noop("Choose the folder, zip or file that holds the CT.")


class TooManyFiles(InputRefused):
    """More files than any examination has."""

    code = "too_many_files"
    sentence = gettext_noop("There are more than {limit} files; one examination has far fewer.")
    remedy = gettext_noop("Send one examination at a time.")


class NestedArchive(FileRefused):
    """An archive within an archive."""

    code = "nested_archive"
    sentence = gettext_noop(
        "No DICOM file in {files}: it is an archive inside an archive, and nested archives are not unpacked."
    )
    remedy = gettext_noop("Unpack the outer archive and send the inner one.")


class EmptyFile(FileRefused):
    """A file of zero bytes: a transfer that broke off."""

    code = "empty_file"
    sentence = gettext_noop("Empty files, 0 bytes ({count}): {files}.")
    remedy = gettext_noop("Send these files again from the archive.")


class UnreadableFile(FileRefused):
    """The operating system does not let us read it."""

    code = "unreadable_file"
    sentence = gettext_noop("Files that cannot be opened ({count}): {files}. {first}: {reason}.")
    remedy = gettext_noop("Check the permissions and the disk, then import again.")


class MissingFromList(FileRefused):
    """The file list names what is not there."""

    code = "missing_from_list"
    sentence = gettext_noop("The list names files that do not exist ({count}): {files}.")
    remedy = gettext_noop("Correct the list; paths are relative to the folder of the list.")


class ListLeavesFolder(FileRefused):
    """A list must not reach what was not handed in."""

    code = "list_leaves_folder"
    sentence = gettext_noop("The list names files outside its own folder ({count}): {files}.")
    remedy = gettext_noop("Put the list into the folder of the examination, or send that folder.")


class DamagedHeader(FileRefused):
    """It says DICOM, but its elements cannot be read."""

    code = "damaged_header"
    sentence = gettext_noop("DICOM files whose header is damaged ({count}): {files}.")
    remedy = gettext_noop("Send these files again from the archive.")


class BadValue(FileRefused):
    """An element holds what its type forbids."""

    code = "bad_value"
    merge_by = ("tag",)
    sentence = gettext_noop("{tag} holds no usable value ({value}) in {count} file(s): {files}.")
    remedy = gettext_noop("Export the series again from the scanner or the archive.")


class MissingElement(FileRefused):
    """An element without which there is no geometry or no image."""

    code = "missing_element"
    merge_by = ("tag",)
    sentence = gettext_noop("{tag} is missing in {count} file(s): {files}. Without it nothing can be measured.")
    remedy = gettext_noop(
        "Export the series again, complete; nothing else in the header, such as the InstanceNumber, can take its place."
    )


class NoRescale(FileRefused):
    """Stored numbers without the line that makes them Hounsfield units."""

    code = "no_rescale"
    sentence = gettext_noop(
        "There are no rescale values (RescaleSlope, RescaleIntercept), so the pixels are not HU "
        "({count} file(s): {files})."
    )
    remedy = gettext_noop("Export the original CT series; density and volume cannot be measured without HU.")


class NotHounsfield(FileRefused):
    """The rescaled numbers are declared to be something else than HU."""

    code = "not_hounsfield"
    merge_by = ("rescale_type",)
    sentence = gettext_noop("The pixels of {count} file(s) are given as {rescale_type}, not as HU: {files}.")
    remedy = gettext_noop("Send the plain CT series; dual-energy maps and the like cannot be measured as CT.")


class WrongModality(FileRefused):
    """DICOM, but no CT."""

    code = "wrong_modality"
    merge_by = ("modality",)
    sentence = gettext_noop("The modality is {modality} ({kind}); a chest CT is needed ({count} file(s): {files}).")
    remedy = gettext_noop("Choose the CT examination.")


class SecondaryCapture(FileRefused):
    """A picture of a screen or a paper."""

    code = "secondary_capture"
    sentence = gettext_noop("Secondary capture, no measurable CT ({count} file(s)): {files}.")
    remedy = gettext_noop("Send the original CT series; a picture of a screen has no geometry and no HU.")


class Localizer(FileRefused):
    """The scout view from which the scan was planned."""

    code = "only_localizer"
    sentence = gettext_noop("There is only a localizer (scout), no axial series ({count} file(s): {files}).")
    remedy = gettext_noop("Send the axial chest series of this examination.")


class DerivedImage(FileRefused):
    """Reformats, projections, subtractions: computed from slices, not measured."""

    code = "derived_images"
    merge_by = ("image_type",)
    sentence = gettext_noop(
        "Derived images ({image_type}), left out because they are computed ({count} file(s)): {files}."
    )
    remedy = gettext_noop("Send the original axial slices; reformats and projections cannot be measured.")


class NoPixelData(FileRefused):
    """Header without image."""

    code = "no_pixel_data"
    sentence = gettext_noop("There is no pixel data in {count} file(s): {files}.")
    remedy = gettext_noop("Send the images themselves, not only their headers.")


class PixelDataTooShort(FileRefused):
    """Fewer bytes than the header claims, seen before anything is allocated."""

    code = "pixel_data_too_short"
    sentence = gettext_noop(
        "Pixel data is shorter than rows x columns in {count} file(s) ({files}): the header of {first} claims "
        "{rows} x {columns} x {frames} pixels, {needed} bytes, and the pixel data has {found} bytes."
    )
    remedy = gettext_noop("Send these files again from the archive; the transfer broke off or the header is wrong.")


class NotEncapsulated(FileRefused):
    """The transfer syntax promises a compressed stream and there is none."""

    code = "not_encapsulated"
    merge_by = ("syntax",)
    sentence = gettext_noop(
        "Pixel data cannot be decoded as {syntax} in {count} file(s) ({files}): "
        "it is not stored in compressed fragments."
    )
    remedy = gettext_noop("Export the series again; its transfer syntax was labelled wrongly on the way.")


class UndecodablePixels(FileRefused):
    """The codec says no."""

    code = "undecodable_pixels"
    merge_by = ("syntax",)
    sentence = gettext_noop("Pixel data cannot be decoded as {syntax} in {count} file(s): {files}. {first}: {reason}.")
    remedy = gettext_noop("Send these files again from the archive, best uncompressed.")


class UnknownTransferSyntax(FileRefused):
    """A compression that we do not read."""

    code = "unknown_transfer_syntax"
    merge_by = ("syntax",)
    sentence = gettext_noop("The compression {syntax} is not read by this program ({count} file(s): {files}).")
    remedy = gettext_noop("Ask the archive for the series uncompressed (Explicit VR Little Endian) or in JPEG-LS.")


class UnusualPixels(FileRefused):
    """Colour, 8 bit, or a size that no CT has."""

    code = "unusual_pixels"
    merge_by = ("what",)
    sentence = gettext_noop("The pixels are not those of a CT ({what}) in {count} file(s): {files}.")
    remedy = gettext_noop("Send the original CT series: one grey sample of 16 bits in each pixel.")


class EnhancedIncomplete(FileRefused):
    """Enhanced CT without the groups that place its frames."""

    code = "enhanced_incomplete"
    sentence = gettext_noop(
        "Enhanced CT with {frames} frames and pixel data for {with_pixels}; "
        "missing: {missing} ({count} file(s): {files})."
    )
    remedy = gettext_noop(
        "Export the series again, or ask the scanner for classic CT images (one file for each slice)."
    )

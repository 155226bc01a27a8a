"""The honest no to a whole series or volume, naming patients, positions and numbers."""

from __future__ import annotations

from nodules_app.dicom.errors import InputRefused
from registration.errors import gettext_noop


class SeriesRefused(InputRefused):
    """A series that cannot become a scan. ``series_uid`` says which."""

    series_uid: str = ""


class TwoPatients(SeriesRefused):
    """Patients are never merged."""

    code = "two_patients"
    sentence = gettext_noop("{count} patients ({patients}) share one SeriesInstanceUID ({series_uid}): never merged.")
    remedy = gettext_noop("Correct the identifiers in the archive, then send the series of one patient.")


class SeriesInTwoStudies(SeriesRefused):
    """One series UID under two study UIDs."""

    code = "series_in_two_studies"
    sentence = gettext_noop("One SeriesInstanceUID ({series_uid}) occurs in {count} studies.")
    remedy = gettext_noop("Send one examination at a time, as the archive holds it.")


class OneSliceOnly(SeriesRefused):
    """One image makes no volume."""

    code = "one_slice_only"
    sentence = gettext_noop("One slice only (z = {position}, {files}), no volume (series {series_uid}).")
    remedy = gettext_noop("Send all slices of the series.")


class NotAxial(SeriesRefused):
    """Coronal or sagittal images."""

    code = "not_axial"
    sentence = gettext_noop("The images are {plane}, not axial ({count} file(s), series {series_uid}).")
    remedy = gettext_noop("Send the original axial slices.")


class GantryTilt(SeriesRefused):
    """Slices sheared against the table axis: not a rectangular grid."""

    code = "gantry_tilt"
    sentence = gettext_noop(
        "Gantry tilt of {tilt_degrees:.1f} degrees: the {count} slices are sheared against the table axis. They lie "
        "{normal_step_mm:.3f} mm apart across the slice, not the {table_step_mm:g} mm that the table moved."
    )
    remedy = gettext_noop("Ask for a reconstruction without tilt; a volume of sheared slices would be wrong.")


class TooLarge(SeriesRefused):
    """More voxels than a chest CT has."""

    code = "series_too_large"
    sentence = gettext_noop(
        "The series claims {slices} x {rows} x {columns} voxels, more than the limit of {limit_mb} MB."
    )
    remedy = gettext_noop("Check the header; send the chest series only.")


class NotOneGrid(SeriesRefused):
    """Slices that do not lie on an even grid are not stacked."""

    code = "not_one_grid"
    sentence = gettext_noop("The slices do not form one even stack: {why}")
    remedy = gettext_noop("Send the whole series again from the archive.")


class NoSuchSeries(SeriesRefused):
    """The override names a series that is not there."""

    code = "no_such_series"
    sentence = gettext_noop("The series {series_uid} is not among the {count} usable series.")
    remedy = gettext_noop("Choose one of the listed series.")


class SeveralStudies(SeriesRefused):
    """A choice is made within one examination."""

    code = "several_studies"
    sentence = gettext_noop("The series belong to {count} studies; one is chosen within one study.")
    remedy = gettext_noop("Choose the study first.")

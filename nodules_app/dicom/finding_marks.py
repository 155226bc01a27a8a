"""A marked finding, the space of the CT that it must lie in, and what is said when it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nodules_app.dicom.errors import printable
from nodules_app.dicom.read_measures import Measure
from nodules_app.dicom.series import CtSeries
from registration.errors import Refused, gettext_noop


@dataclass(frozen=True, slots=True)
class FindingMark:
    """Where somebody marked something.

    Parameters
    ----------
    lps_mm
        Centre of what was marked, order x, y, z.
    label
        As its author called it.
    tracking_uid
        DICOM Tracking Unique Identifier, ``""`` when there is none.
    kind
        A segmentation, a region drawn on one or more slices, a point, or what another program proposes.
    extent_mm
        Size of the box round it along x, y, z, including the pixels or slices at its ends.
    measures
        Numbers that its author gives.
    source
        Whose it is, in words.
    certainty
        How sure a program was, 0 to 1; None where it does not say, and of a person's mark.
    """

    lps_mm: tuple[float, float, float]
    label: str
    tracking_uid: str
    kind: Literal["segmentation", "region", "point", "cad"]
    extent_mm: tuple[float, float, float]
    measures: tuple[Measure, ...] = ()
    source: str = ""
    certainty: float | None = None


class FindingsOffTheCt(Refused):
    """Their coordinates miss the scan."""

    code = "findings_off_the_ct"
    sentence = gettext_noop(
        "The findings in {file} do not lie on this CT: they reach from {axis} = {from_mm:g} to {to_mm:g} mm, "
        "the CT from {ct_from_mm:g} to {ct_to_mm:g} mm."
    )
    remedy = gettext_noop(
        "Their coordinates are wrong or they belong to another scan. Mark the nodule by hand instead."
    )


class FindingsBetweenSlices(Refused):
    """Planes that are none of the scan's."""

    code = "findings_between_slices"
    sentence = gettext_noop("A plane of {file} at z = {position_mm:g} mm is none of the slices of this CT.")
    remedy = gettext_noop("They were made on another series. Import the findings together with that series.")


class FindingsOfOtherPatient(Refused):
    """Patients are never mixed."""

    code = "findings_of_other_patient"
    sentence = gettext_noop("{file} belongs to patient {patient}, the CT to patient {ct_patient}.")
    remedy = gettext_noop("Choose the findings of this patient.")


class FindingsOfOtherSeries(Refused):
    """They name images that are not in this series."""

    code = "findings_of_other_series"
    sentence = gettext_noop("{file} refers to images of another series ({count} references, none to this CT).")
    remedy = gettext_noop("Import the findings together with the series they were made on.")


class SegmentationMissing(Refused):
    """The report says "see segment 1" of a file that we were not given."""

    code = "segmentation_missing"
    sentence = gettext_noop("{file} refers to a segmentation that was not sent with it ({uid}).")
    remedy = gettext_noop("Send the DICOM SEG together with the report.")


class NotFindings(Refused):
    """Another kind of file."""

    code = "not_findings"
    sentence = gettext_noop("{file} is neither a DICOM segmentation nor a structured report.")
    remedy = gettext_noop("Send a DICOM SEG, or an SR with measurement groups (TID 1500).")


class FindingsUnreadable(Refused):
    """A damaged or unusual file."""

    code = "findings_unreadable"
    sentence = gettext_noop("{file} cannot be read: {reason}.")
    remedy = gettext_noop("Export the findings again, or mark the nodule by hand.")


class NoFindings(Refused):
    """No coordinates in it."""

    code = "no_findings"
    sentence = gettext_noop("{file} marks no place on an image.")
    remedy = gettext_noop("Mark the nodule by hand.")


@dataclass(frozen=True, slots=True)
class CtSpace:
    """Coordinates of a CT series without its pixels."""

    on: CtSeries
    row: NDArray[np.float64]
    column: NDArray[np.float64]
    along: NDArray[np.float64]
    slices_mm: NDArray[np.float64]

    @classmethod
    def of(cls, on: CtSeries) -> CtSpace:
        """Set up the axes of a series."""
        row, column = np.asarray(on.orientation[:3]), np.asarray(on.orientation[3:])
        along = np.asarray(on.stack_direction)
        positions = np.array([one.position_lps_mm for one in on.slices])
        return cls(on, row, column, along, positions @ along)

    def lps_from_pixels(
        self, origin_lps_mm: tuple[float, ...], columns_rows: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Patient points (n, 3) of positions (column, row) in a plane; (0, 0) is the centre of the first pixel."""
        _, y_mm, x_mm = self.on.spacing_zyx_mm
        steps = columns_rows * (x_mm, y_mm)
        return np.asarray(origin_lps_mm) + steps[:, :1] * self.row + steps[:, 1:] * self.column

    def check(self, points_lps_mm: NDArray[np.float64], file: str) -> None:
        """See that points lie within the scan, half a voxel beyond the outermost centres included.

        Raises
        ------
        FindingsOffTheCt
            With both ranges along the first axis that disagrees, z first.
        """
        low, high = self._box()
        slack = np.asarray(self.on.spacing_zyx_mm)[::-1] / 2 + 0.01
        for axis in (2, 1, 0):
            found = points_lps_mm[:, axis]
            if found.min() < low[axis] - slack[axis] or found.max() > high[axis] + slack[axis]:
                raise FindingsOffTheCt(
                    file=printable(file),
                    axis="xyz"[axis],
                    from_mm=round(float(found.min()), 2),
                    to_mm=round(float(found.max()), 2),
                    ct_from_mm=round(float(low[axis]), 2),
                    ct_to_mm=round(float(high[axis]), 2),
                )

    def check_plane(self, point_lps_mm: NDArray[np.float64], file: str) -> None:
        """See that a plane through a point is one of the slices.

        Raises
        ------
        FindingsBetweenSlices
            It is a quarter of a step or more away from every slice.
        """
        distance = np.abs(self.slices_mm - point_lps_mm @ self.along).min()
        if distance > self.on.spacing_zyx_mm[0] / 4:
            raise FindingsBetweenSlices(file=printable(file), position_mm=round(float(point_lps_mm[2]), 2))

    def _box(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        corners = np.array([(c, r) for c in (0, self.on.columns - 1) for r in (0, self.on.rows - 1)], dtype=np.float64)
        ends = [self.lps_from_pixels(one.position_lps_mm, corners) for one in (self.on.slices[0], self.on.slices[-1])]
        points = np.concatenate(ends)
        return points.min(axis=0), points.max(axis=0)

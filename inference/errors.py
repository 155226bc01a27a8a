"""The honest no of measuring: why this nodule has no volume, and what a person can do about it."""

from __future__ import annotations

from registration.errors import Refused, gettext_noop


class NotMeasured(Refused):
    """A nodule that this method cannot stand behind; base of all refusals of measuring."""

    code = "not_measured"
    sentence = gettext_noop("This nodule could not be measured.")
    remedy = gettext_noop("Measure it by hand.")


class PointOutsideScan(NotMeasured):
    """The point lies outside the scanned block, or is no point at all."""

    code = "point_outside_scan"
    sentence = gettext_noop("The point lies outside this scan.")
    remedy = gettext_noop("Set the point on the nodule in this scan; coordinates are patient LPS millimetres.")


class PointNotInLung(NotMeasured):
    """There is hardly any aerated lung around the point: bone, mediastinum, abdomen, a table."""

    code = "point_not_in_lung"
    sentence = gettext_noop("There is no aerated lung around this point ({lung_percent:.0f} % within 12 mm).")
    remedy = gettext_noop("Set the point inside a nodule in the lung.")


class NothingAtPoint(NotMeasured):
    """What is at the point does not stand out from the lung around it."""

    code = "nothing_at_point"
    sentence = gettext_noop("Nothing at this point stands out from the lung around it ({contrast_hu:.0f} HU brighter).")
    remedy = gettext_noop("Set the point inside the nodule, near its middle.")


class MetalAtPoint(NotMeasured):
    """What is at the point is brighter than any calcified nodule: a clip, a marker, a wire."""

    code = "metal_at_point"
    sentence = gettext_noop("What is at this point is as bright as metal ({brightness_hu:.0f} HU).")
    remedy = gettext_noop("Set the point on the nodule itself; a clip or a marker is not measured.")


class BorderNotFound(NotMeasured):
    """The contour runs out into vessels, wall or consolidation: most rays find no border."""

    code = "border_not_found"
    sentence = gettext_noop(
        "On {leaking_percent:.0f} % of its surface the nodule has no border against its surroundings."
    )
    remedy = gettext_noop("Measure it by hand; a volume would include what it is joined to.")


class CavityWallTooThin(NotMeasured):
    """A cavity whose wall the scan cannot show: blur has left neither its border nor its brightness."""

    code = "cavity_wall_too_thin"
    sentence = gettext_noop("This is a cavity with a wall thinner than {limit_mm:.1f} mm, which the scan blurs away.")
    remedy = gettext_noop("Measure its outer axes by hand.")


class PointDrifted(NotMeasured):
    """The contour that was found does not hold the point that was asked for."""

    code = "point_drifted"
    sentence = gettext_noop("The border found near this point belongs to something {moved_mm:.1f} mm away.")
    remedy = gettext_noop("Set the point nearer to the middle of the nodule.")


class CutByScanEdge(NotMeasured):
    """A part of the nodule lies outside the scan."""

    code = "cut_by_scan_edge"
    sentence = gettext_noop("The nodule is cut by the edge of the scan.")
    remedy = gettext_noop("Reconstruct or scan a field that holds the whole nodule.")


class TooSmall(NotMeasured):
    """Below the size at which a volume says anything."""

    code = "too_small"
    sentence = gettext_noop(
        "At {diameter_mm:.1f} mm this is too small for a volume on slices of {thickness_mm:.1f} mm."
    )
    remedy = gettext_noop("Report it as smaller than {limit_mm:.0f} mm.")


class TooLarge(NotMeasured):
    """Larger than a nodule: a mass, a consolidation, or the contour ran away."""

    code = "too_large"
    sentence = gettext_noop("This is larger than {limit_mm:.0f} mm: a mass or a consolidation, not a nodule.")
    remedy = gettext_noop("Measure its axes by hand and assess it as a mass.")


class SlicesTooThick(NotMeasured):
    """Slices so thick that a volume would be guessed; the axes in the plane still hold."""

    code = "slices_too_thick"
    sentence = gettext_noop(
        "Slices of {thickness_mm:.1f} mm are too thick for a volume; in the plane it measures "
        "{long_axis_mm:.1f} x {short_axis_mm:.1f} mm."
    )
    remedy = gettext_noop("Send a reconstruction of 2.5 mm or thinner from the same examination, or compare the axes.")


class NotForecast(Refused):
    """A volume from which no course can be computed."""

    code = "not_forecast"
    sentence = gettext_noop("A volume of {volume_mm3:.3g} mm³ is no nodule's; no course can be computed from it.")
    remedy = gettext_noop("Check the measurement of this nodule.")

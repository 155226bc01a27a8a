"""A signed reading as the value that DICOM objects are made of: words and numbers as signed, outlines anew.

The signed content carries what the reader saw. Whatever it does not repeat (mean attenuation, the outline) is taken
from the rows that stood at the moment of the signature, and only where these rows say the signed numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.utils import timezone

from inference.drawn import Stroke, measure_drawn, outline_of
from inference.estimate import Z_95
from inference.measure import NoduleMeasurement
from inference.outline import outline_polygons_px, solid_part
from inference.repeatability import METHOD_VERSION
from nodules_app.clinical.assessment import RULESET_VERSION
from nodules_app.clinical.management import MANAGEMENT
from nodules_app.clinical.rounding import as_reported
from nodules_app.dicom.series import CtSeries
from nodules_app.dicom.signed_report import Mask, Quantity, ReportedAnswer, ReportedNodule, SignedReport
from nodules_app.lifecycles import NoduleState
from nodules_app.models import Attenuation, Finding, Growth, Measurement, Reading, Scan, User
from nodules_app.selectors.signed_findings import Places, finding_told, findings_then, measurement_then
from nodules_app.services.corrections_measure import by_machine, strokes_behind
from nodules_app.services.measured import CALIPER_NAME, DRAWN_NAME, METHOD_NAME
from registration.errors import Refused, gettext_noop
from registration.volume import Volume

SOFTWARE: Final = f"rules {RULESET_VERSION}, measurement {METHOD_VERSION}"
NOT_REPORTED: Final = (NoduleState.NOT_A_NODULE.value,)
WITH_ERROR: Final = ("volume_mm3", "mean_diameter_mm")
SIGNED: Final = ("volume_mm3", "mean_diameter_mm", "long_axis_mm", "short_axis_mm")
# Not in the signed content: from the row, rounded as the pages round.
BESIDE: Final[Mapping[str, str]] = {
    "mean_hu": "1",
    "mass_mg": "1",
    "solid_volume_mm3": "1",
    "solid_mean_diameter_mm": "0.1",
}
Json = dict[str, Any]


class NotWhatWasSigned(Refused):
    """Rows and signature disagree."""

    code = "not_what_was_signed"
    sentence = gettext_noop("What is stored of {label} is not what was signed.")
    remedy = gettext_noop("Sign the reading again, and tell the operator: this must not happen.")


@dataclass(frozen=True, slots=True)
class Source:
    """The scan that was read, with its geometry and voxels."""

    scan: Scan
    series: CtSeries
    volume: Volume


def report_of(reading: Reading, source: Source) -> SignedReport:
    """Give a signed reading with its addenda as a value.

    Raises
    ------
    NotWhatWasSigned
    """
    content: Json = reading.content or {}
    at, by = reading.signed_at, reading.signed_by
    if at is None or by is None:
        raise ValueError(f"{reading} is not signed")
    addenda = list(reading.addenda.select_related("by").order_by("pk"))
    prior_on = _day(content.get("prior_on"))
    stood = _Stood(reading, at, source)
    return SignedReport(
        name=str(reading.code),
        revision=len(addenda),
        observer=person_name(by),
        organisation=reading.patient.clinic.name,
        signed_at=in_utc(at),
        made_at=in_utc(addenda[-1].at if addenda else at),
        software_version=SOFTWARE,
        exam_on=_day(content.get("exam_on")),
        prior_on=prior_on,
        nodules=tuple(stood.nodule(told) for told in content["nodules"] if told["state"] not in NOT_REPORTED),
        answers=tuple(_answer(told) for told in content["answers"]),
        recommended=_recommended(content["step"]),
        recommended_on=_day(content["step"]["due_from"]) if content["step"] else None,
        addenda=tuple(f"Addendum by {row.by}, {in_utc(row.at):%Y-%m-%d %H:%M} UTC: {row.text}" for row in addenda),
    )


def person_name(user: User) -> str:
    """Write a person as DICOM writes names: family name first."""
    return "^".join(part for part in (user.last_name, user.first_name) if part) or user.username


class _Stood:
    """What stood of a scan, and of the one before it, when the reading was signed."""

    def __init__(self, reading: Reading, at: datetime, source: Source) -> None:
        self.at = at
        self.source = source
        content: Json = reading.content or {}
        self.here = findings_then(reading.scan, at)
        before = Scan.objects.filter(code=content["prior_scan"]).first() if content.get("prior_scan") else None
        self.before: Places = findings_then(before, at) if before else {}
        self.interval_days = reading.comparison.interval_days if reading.comparison else None

    def nodule(self, told: Json) -> ReportedNodule:
        """Give one nodule: who it is follows from its place, which stays where numbers of records change."""
        here, before = (finding_told(told[side], rows) for side, rows in self._sides())
        nodule = (here or before or _missing(told)).nodule
        row = measurement_then(here, self.at)
        measured = row if row is not None and row.refusal is None else None
        self._hold(told, measured)
        outline = self._outline(measured)
        facts, change = told["facts"], told["change"] or {}
        return ReportedNodule(
            label=told["label"],
            tracking_uid=nodule.tracking_uid,
            lobe=str(facts.get("lobe", "")),
            present=here.present if here else None,
            attenuation=measured.attenuation if measured else "",
            word=str(change.get("word", "")),
            key_plane=self._key_plane(here, measured),
            quantities=tuple(self._quantities(told, measured, measurement_then(before, self.at))),
            method=measured.method if measured else "",
            method_version=measured.version if measured else "",
            drawn_by=person_name(measured.by) if measured and measured.by else "",
            why_not_measured=str((told["current"] or {}).get("refusal", "")),
            outline=outline,
            solid=self._solid(measured, outline),
        )

    def _sides(self) -> tuple[tuple[str, Places], ...]:
        return ("current", self.here), ("prior", self.before)

    def _hold(self, told: Json, measured: Measurement | None) -> None:
        signed = (told["current"] or {}).get("volume_mm3")
        stored = None if measured is None or measured.volume_mm3 is None else as_reported(measured.volume_mm3, "1")
        if (None if signed is None else float(signed)) != (None if stored is None else float(stored)):
            raise NotWhatWasSigned(label=told["label"])

    def _key_plane(self, here: Finding | None, measured: Measurement | None) -> int | None:
        if here is None or not here.present:
            return None
        if measured is not None and measured.axial_index is not None:
            return measured.axial_index
        plane = round(float(self.source.volume.index_from_lps(here.lps_mm)[0]))
        return min(max(plane, 0), len(self.source.series.slices) - 1)

    def _quantities(self, told: Json, measured: Measurement | None, earlier: Measurement | None) -> Iterator[Quantity]:
        signed: Json = told["current"] or {}
        for name in SIGNED:
            value = signed.get(name)
            if value is None or (name == "volume_mm3" and measured is not None and measured.method == CALIPER_NAME):
                continue  # a caliper measures no volume
            error = signed.get(f"{name.rsplit('_', 1)[0]}_sd_{name.rsplit('_', 1)[1]}") if name in WITH_ERROR else None
            reach = None if error is None else Z_95 * error
            yield _with_reach(name, value, reach)
        for name, digits in BESIDE.items():
            value = getattr(measured, name) if measured is not None else None
            if value is not None:
                yield Quantity(name, float(as_reported(value, digits)))
        yield from self._growth(told, measured, earlier)

    def _growth(self, told: Json, measured: Measurement | None, earlier: Measurement | None) -> Iterator[Quantity]:
        change: Json = told["change"] or {}
        if change.get("volume_ratio") is None:
            return
        ratio = float(change["volume_ratio"])
        rows = Growth.objects.filter(
            prior_measurement=earlier, current_measurement=measured, created_at__lte=self.at
        ).order_by("-pk")
        row = next((one for one in rows if round(one.volume_ratio, 3) == ratio), None)
        low, high = (_percent(row.volume_ratio_low), _percent(row.volume_ratio_high)) if row else (None, None)
        yield Quantity("volume_change_percent", _percent(ratio), low, high)
        if change.get("vdt_days") is not None:
            yield Quantity("vdt_days", change["vdt_days"], change["vdt_low_days"], change["vdt_high_days"])
        if self.interval_days is not None:
            yield Quantity("interval_days", self.interval_days)

    def _outline(self, measured: Measurement | None) -> Mask | None:
        """Draw the outline anew on which the signed numbers rest; None where another one would come out today."""
        if measured is None or measured.method not in (METHOD_NAME, DRAWN_NAME):
            return None
        found = by_machine(measured.finding)
        machine = None if isinstance(found, Refused) else found
        strokes = strokes_behind(measured)
        try:
            drawn = outline_of(self.source.volume, machine, strokes)
            if measured.version != METHOD_VERSION and not self._is_as_signed(measured, machine, strokes):
                return None
        except Refused:  # nothing is found there any more
            return None
        return Mask(drawn.inside, drawn.start_zyx)

    def _is_as_signed(
        self, measured: Measurement, machine: NoduleMeasurement | None, strokes: Sequence[Stroke]
    ) -> bool:
        """Whether a later version of the method still draws the border that was kept, to a hundredth of a pixel."""
        if measured.method == DRAWN_NAME:
            polygons = measure_drawn(self.source.volume, machine, strokes).outline_px
        else:
            polygons = outline_polygons_px(machine) if machine is not None else []
        return bool([[list(point) for point in polygon] for polygon in polygons] == measured.outline_px)

    def _solid(self, measured: Measurement | None, outline: Mask | None) -> Mask | None:
        if measured is None or outline is None or measured.attenuation != Attenuation.PART_SOLID:
            return None
        return Mask(solid_part(self.source.volume, outline.inside, outline.start_zyx), outline.start_zyx)


def _missing(told: Json) -> Finding:
    raise NotWhatWasSigned(label=told["label"])


def _with_reach(name: str, value: float, reach: float | None) -> Quantity:
    return Quantity(name, value) if reach is None else Quantity(name, value, value - reach, value + reach)


def _percent(ratio: float) -> float:
    return round((ratio - 1) * 100, 1)


def _day(told: str | None) -> date | None:
    return date.fromisoformat(told) if told else None


def in_utc(at: datetime) -> datetime:
    """The moment in UTC without its zone, as the objects say it beside their offset of zero."""
    return timezone.make_naive(at, timezone.get_fixed_timezone(0)).replace(microsecond=0)


def _answer(told: Json) -> ReportedAnswer:
    return ReportedAnswer(
        guideline=told["guideline"],
        edition=told["edition"],
        category=told["category"],
        rule=told["rule_id"],
        words=_words(told["management"]),
    )


def _words(management: str) -> str:
    return MANAGEMENT[management].en if management in MANAGEMENT else management


def _recommended(step: Json | None) -> str:
    if not step:
        return ""
    return f"{_words(step['management'] or step['kind'])} Between {step['due_from']} and {step['due_until']}."

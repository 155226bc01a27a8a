"""The steps of a period, counted in one walk, and those that are overdue or suspected lost now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final, NamedTuple, TypeVar

from django.db.models import Count, Q

from nodules_app.ladder.rungs import HIGH_WITHIN_DAYS, MIDDLE_WITHIN_DAYS, Tier
from nodules_app.lifecycles import FOLLOWED_NODULE, TO_ARRANGE
from nodules_app.models import FollowUp, FollowUpKind
from nodules_app.models.evidence import NOTHING_OWED
from nodules_app.selectors.quality.asking import Question, ask, month_starts
from nodules_app.selectors.quality.values import NOTHING, Month, Share, Steps

WITHIN_DAYS: Final = 30  # of the target day: as published safety-net studies count
OVERDUE_DAYS: Final = (30, 90, 180)
SUSPECTED_LONG_DAYS: Final = 60
AGES_YEARS: Final = (50, 65, 75)  # where an age band begins
AGE_BANDS: Final = ("0-49", "50-64", "65-74", "75-")
TIERS: Final = (Tier.HIGH, Tier.MIDDLE, Tier.LOW)

# Ages are those of the last day: a comparison with four days costs a tenth of an age per row. A month is the number of
# its place among the twelve; 0 lies before them.
WALK: Final = """
SELECT p.clinic_id, f.kind, f.state = 'proposed', e.id IS NOT NULL, f.due_until >= %(first)s,
    width_bucket(f.due_until, %(months)s::date[]), p.sex, width_bucket(p.birth_date, %(born)s::date[]),
    width_bucket(f.target_on - (f.created_at AT TIME ZONE %(zone)s)::date, %(tiers)s::int[]),
    count(*),
    count(*) FILTER (WHERE s.acquired_on <= f.due_until),
    count(*) FILTER (WHERE s.acquired_on <= f.target_on + %(within)s),
    count(*) FILTER (WHERE (f.closed_at AT TIME ZONE %(zone)s)::date <= f.due_until OR s.acquired_on <= f.due_until)
FROM nodules_app_followup f
JOIN nodules_app_patient p ON p.id = f.patient_id
LEFT JOIN nodules_app_study s ON s.id = f.exam_id
LEFT JOIN nodules_app_evidence e ON e.id = f.evidence_id AND e.kind = ANY(%(nothing_owed)s)
WHERE p.clinic_id = ANY(%(clinics)s) AND f.due_until BETWEEN %(since)s AND %(last)s
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
"""

Name = TypeVar("Name", str, int)


class Cell(NamedTuple):
    """Steps that are alike in all that is asked about."""

    clinic: int
    kind: str
    is_unsigned: bool
    is_excused: bool
    is_asked: bool  # its window ended in the period; the months may begin earlier
    month: int
    sex: str
    born: int | None  # None: the day of birth is not known
    tier: int
    whole: int
    on_time: int
    within: int
    ended: int

    @property
    def is_owed_ct(self) -> bool:
        return self.kind == FollowUpKind.CT and not self.is_unsigned and not self.is_excused


def walk(question: Question) -> Steps:
    """Count the steps whose window ended in the period; CTs by month, sex, age, urgency and clinic."""
    months = month_starts(question.last)
    rows = ask(
        WALK,
        question,
        since=min(question.first, months[0]),
        months=months,
        born=_born_before(question.last),
        tiers=[HIGH_WITHIN_DAYS + 1, MIDDLE_WITHIN_DAYS + 1],
        within=WITHIN_DAYS,
        nothing_owed=[str(kind) for kind in NOTHING_OWED],
    )
    cells = [Cell(*row) for row in rows]
    asked = [cell for cell in cells if cell.is_asked]
    cts = [cell for cell in asked if cell.is_owed_ct]
    by_month = _by((cell.month, _on_time(cell)) for cell in cells if cell.is_owed_ct and cell.month)
    names = {clinic.pk: clinic.name for clinic in question.clinics}
    return Steps(
        on_time=sum(map(_on_time, cts), NOTHING),
        within_30_days=sum((Share(cell.within, cell.whole) for cell in cts), NOTHING),
        excused=sum(cell.whole for cell in asked if cell.kind == FollowUpKind.CT and cell.is_excused),
        by_kind=_by((cell.kind, Share(cell.ended, cell.whole)) for cell in asked if not cell.is_excused),
        months=tuple(Month(months[place - 1], share) for place, share in by_month),
        by_sex=_by((cell.sex, _on_time(cell)) for cell in cts),
        by_age=_by((_age(cell.born), _on_time(cell)) for cell in cts),
        by_tier=_by((str(TIERS[cell.tier]), _on_time(cell)) for cell in cts),
        by_clinic=_by((names[cell.clinic], _on_time(cell)) for cell in cts),
    )


def _on_time(cell: Cell) -> Share:
    return Share(cell.on_time, cell.whole)


def _by(counted: Iterable[tuple[Name, Share]]) -> tuple[tuple[Name, Share], ...]:
    found: defaultdict[Name, Share] = defaultdict(lambda: NOTHING)
    for name, share in counted:
        found[name] += share
    return tuple(sorted(found.items()))


def _born_before(day: date) -> list[date]:
    """Days of birth on which the age bands change, the oldest first: born then is the younger band's last day."""
    return [_years_before(day, years) + timedelta(days=1) for years in reversed(AGES_YEARS)]


def _years_before(day: date, years: int) -> date:
    """The same day in an earlier year; on 29 February the last day of the month."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def _age(born: int | None) -> str:
    return "" if born is None else AGE_BANDS[len(AGE_BANDS) - 1 - born]


# ------------------------------------------------------------------ now


def overdue(question: Question) -> tuple[tuple[int, int], ...]:
    """Signed steps without an exam whose window has ended, by how long ago."""
    today = question.today
    rows = FollowUp.objects.filter(patient__clinic__in=question.keys, state__in=TO_ARRANGE, due_until__lt=today)
    bounds = [0, *OVERDUE_DAYS]
    counts = {
        f"up_to_{upper}": Count(
            "pk",
            filter=Q(due_until__lt=today - timedelta(days=lower), due_until__gte=today - timedelta(days=upper)),
        )
        for lower, upper in zip(bounds, OVERDUE_DAYS, strict=False)
    }
    longest = Count("pk", filter=Q(due_until__lt=today - timedelta(days=OVERDUE_DAYS[-1])))
    found = rows.aggregate(**counts, longer=longest)
    return (*((upper, found[f"up_to_{upper}"]) for upper in OVERDUE_DAYS), (0, found["longer"]))


SUSPECTED: Final = """
SELECT count(*), count(*) FILTER (WHERE (c.since AT TIME ZONE %(zone)s)::date < %(today)s::date - %(long)s)
FROM nodules_app_followup f
JOIN nodules_app_patient p ON p.id = f.patient_id
LEFT JOIN LATERAL (
    SELECT max(at) AS since FROM nodules_app_followupchange
    WHERE follow_up_id = f.id AND to_state = 'lost_suspected' AND from_state <> 'lost_suspected') c ON true
WHERE p.clinic_id = ANY(%(clinics)s) AND f.state = 'lost_suspected'
"""


def suspected_lost(question: Question) -> tuple[int, int]:
    """Steps of patients who answered nothing: all, and those that wait for longer than sixty days."""
    ((all_of_them, long),) = ask(SUSPECTED, question, long=SUSPECTED_LONG_DAYS)
    return all_of_them, long


LOST: Final = """
SELECT count(u.nodule_id), count(*)
FROM nodules_app_nodule n
JOIN nodules_app_patient p ON p.id = n.patient_id
LEFT JOIN nodules_app_uncovered_nodule u ON u.nodule_id = n.id
WHERE p.clinic_id = ANY(%(clinics)s) AND n.state = ANY(%(followed)s)
"""


def lost(question: Question) -> Share:
    """Ask the view that the safety net's trigger asks too."""
    return Share(*ask(LOST, question, followed=[str(state) for state in FOLLOWED_NODULE])[0])

"""What waits to be read, in the order of risk and age: new, to compare, waiting for work, failed, to sign."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Q
from django.utils import timezone

from nodules_app.clinical.management import MANAGEMENT, ManagementClass
from nodules_app.lifecycles import FOLLOWED_NODULE, OPEN_READING, OPEN_RUN, ReadingState, RunState
from nodules_app.models import Assessment, Claim, Comparison, Match, Reading, Run, User
from nodules_app.selectors.clinics import patients_of

ROWS_SHOWN: Final = 200  # the first that a reader would take; the count says how many there are
GREW: Final = ("larger-markedly", "new", "larger-slightly")
ENDED_WITHOUT_RESULT: Final = (RunState.REFUSED, RunState.FAILED)
BASE: Final = timedelta(minutes=2)  # for a reader of whom nothing is known yet: one pair, side by side
EACH_NODULE: Final = timedelta(seconds=30)
LEARNT_FROM: Final = 20  # one's own latest signed readings
FEWEST_LEARNT: Final = 5
LONGEST_SITTING: Final = timedelta(minutes=60)  # whoever began and signed later than this did something else between


class Lane(StrEnum):
    NEW = "new"  # no prior here
    COMPARE = "compare"  # a prior is there, registered
    WAITING = "waiting"  # the product is at work on it, or its prior
    FAILED = "failed"  # work ended without a result: with the reason, and to be tried again
    SIGN = "sign"  # read, and not signed


@dataclass(frozen=True, slots=True)
class FailedRun:
    code: UUID
    kind: str
    refusal: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class ListedReading:
    """One exam that waits for a reader."""

    patient: UUID
    name: str
    number: str
    lane: Lane
    state: ReadingState
    version: int
    exam_on: date | None
    prior_on: date | None
    since: datetime
    risk: int  # 3 work-up or marked growth, 2 new or grown or dated, 1 nodules, 0 none known
    nodules: int
    word: str
    minutes: int
    reader: str
    claimed_by: str  # somebody else, until then
    claimed_until: datetime | None
    is_mine: bool
    failed: FailedRun | None


@dataclass(frozen=True, slots=True)
class ReadingList:
    rows: tuple[ListedReading, ...]
    counts: Mapping[Lane, int]
    all: int
    minutes: int  # for what is shown
    oldest: datetime | None


def reading_list(*, user: User, lane: Lane | None = None, now: datetime | None = None) -> ReadingList:
    """Read the list of this person's clinics in a number of queries that does not grow."""
    at = now or timezone.now()
    readings = list(
        Reading.objects.filter(state__in=OPEN_READING, patient__in=patients_of(user))
        .select_related("patient", "scan__study", "reader")
        .order_by("created_at")
    )
    rows = _rows(readings, user, at)
    shown = sorted((row for row in rows if lane in (None, row.lane)), key=lambda row: (-row.risk, row.since))
    return ReadingList(
        rows=tuple(shown[:ROWS_SHOWN]),
        counts=Counter(row.lane for row in rows),
        all=len(rows),
        minutes=sum(row.minutes for row in shown),
        oldest=min((row.since for row in rows), default=None),
    )


def next_case(*, user: User, after: UUID | None = None) -> ListedReading | None:
    """The case that a reader should take next: nobody else is at it, and it can be read."""
    for row in reading_list(user=user).rows:
        readable = row.lane in (Lane.NEW, Lane.COMPARE, Lane.SIGN)
        if readable and not row.claimed_by and row.patient != after:
            return row
    return None


def _rows(readings: Sequence[Reading], user: User, at: datetime) -> list[ListedReading]:
    keys = [reading.patient_id for reading in readings]
    failed, working = _failed(keys), _working(keys)
    classes, words, nodules = _classes(keys), _words(keys), _nodules(keys)
    claims = {
        claim.patient_id: claim for claim in Claim.objects.filter(patient__in=keys, until__gt=at).select_related("by")
    }
    pairs, usual = _pairs(readings), _usual(user)
    rows = []
    for reading in readings:
        key = reading.patient_id
        claim = claims.get(key)
        others = claim is not None and claim.by_id != user.pk
        pair = pairs.get(reading.scan_id)
        many, word = nodules.get(key, 0), words.get(key, "")
        rows.append(
            ListedReading(
                patient=reading.patient.code,
                name=reading.patient.name,
                number=reading.patient.identifier,
                lane=_lane(reading, pair, failed.get(key), is_working=key in working),
                state=ReadingState(reading.state),
                version=reading.version,
                exam_on=reading.scan.study.acquired_on,
                prior_on=pair.prior.study.acquired_on if pair else None,
                since=reading.created_at,
                risk=_risk(classes.get(key), word, many),
                nodules=many,
                word=word,
                minutes=max(1, round((usual or BASE + many * EACH_NODULE).total_seconds() / 60)),
                reader=str(reading.reader or ""),
                claimed_by=str(claim.by) if claim is not None and others else "",
                claimed_until=claim.until if claim is not None and others else None,
                is_mine=claim is not None and not others,
                failed=failed.get(key),
            )
        )
    return rows


def _lane(reading: Reading, pair: Comparison | None, failed: FailedRun | None, *, is_working: bool) -> Lane:
    if reading.state == ReadingState.READ:
        return Lane.SIGN
    if failed is not None:
        return Lane.FAILED
    if is_working:
        return Lane.WAITING
    return Lane.COMPARE if pair is not None else Lane.NEW


def _pairs(readings: Iterable[Reading]) -> dict[int, Comparison]:
    """The comparison of each scan with the one before it; of two the nearer."""
    rows = Comparison.objects.filter(
        current__in=[reading.scan_id for reading in readings], prior__superseded_at__isnull=True
    ).select_related("prior__study")
    return {pair.current_id: pair for pair in rows.order_by("-interval_days", "-pk")}


def _risk(managed: ManagementClass | None, word: str, nodules: int) -> int:
    """Of what the guidelines ask for now, before anybody has signed it, and of what grew."""
    if managed is ManagementClass.WORK_UP or word == GREW[0]:
        return 3
    if managed is ManagementClass.DATED or word in GREW:
        return 2
    return 1 if nodules else 0


def _failed(patients: Iterable[int]) -> dict[int, FailedRun]:
    """Work that ended without a result, where nothing newer of its kind on the same subject has made it good."""
    latest = (
        Run.objects.filter(patient__in=patients)
        .order_by("patient_id", "kind", "scan_id", "comparison_id", "-pk")
        .distinct("patient_id", "kind", "scan_id", "comparison_id")
    )
    return {
        run.patient_id: FailedRun(run.code, run.kind, run.refusal)
        for run in latest
        if run.state in ENDED_WITHOUT_RESULT and run.patient_id is not None
    }


def _working(patients: Iterable[int]) -> set[int]:
    open_runs = Run.objects.filter(patient__in=patients, state__in=OPEN_RUN)
    return set(open_runs.values_list("patient_id", flat=True))


def _classes(patients: Iterable[int]) -> dict[int, ManagementClass]:
    """The most urgent class among the answers in force of each patient."""
    order = [ManagementClass.WORK_UP, ManagementClass.DATED, ManagementClass.NO_FOLLOW_UP]
    asked: defaultdict[int, list[int]] = defaultdict(list)
    latest = Assessment.objects.filter(patient__in=patients).order_by("patient_id", "guideline", "-pk")
    for patient, management in latest.distinct("patient_id", "guideline").values_list("patient_id", "management"):
        kind = MANAGEMENT[management].kind
        if kind in order:
            asked[patient].append(order.index(kind))
    return {patient: order[min(places)] for patient, places in asked.items()}


def _words(patients: Iterable[int]) -> dict[int, str]:
    """The word of each patient that matters most, of the nodules on the latest pair."""
    rank = {word: place for place, word in enumerate(GREW)}
    words: dict[int, str] = {}
    rows = Match.objects.filter(
        nodule__patient__in=patients, superseded_at__isnull=True, word__in=GREW, nodule__state__in=FOLLOWED_NODULE
    ).values_list("nodule__patient_id", "word")
    for patient, word in rows:
        if patient not in words or rank[word] < rank[words[patient]]:
            words[patient] = word
    return words


def _nodules(patients: Iterable[int]) -> dict[int, int]:
    followed = Count("patient__nodules", filter=Q(patient__nodules__state__in=FOLLOWED_NODULE))
    rows = Reading.objects.filter(patient__in=patients, state__in=OPEN_READING).values("patient_id")
    return dict(rows.annotate(many=followed).values_list("patient_id", "many"))


def _usual(user: User) -> timedelta | None:
    """How long this reader took of late; None while too little is known."""
    signed = Reading.objects.filter(signed_by=user, reader=user, began_at__isnull=False).order_by("-signed_at")
    spans = [
        ended - began
        for began, ended in signed.values_list("began_at", "signed_at")[:LEARNT_FROM]
        if began is not None and ended is not None and ended - began < LONGEST_SITTING
    ]
    return sorted(spans)[len(spans) // 2] if len(spans) >= FEWEST_LEARNT else None

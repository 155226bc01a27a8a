"""What an act on a nodule would change: asked before it is done, so that the page can say it."""

from __future__ import annotations

from dataclasses import dataclass

from nodules_app.lifecycles import FOLLOWED_NODULE, OPEN_FOLLOW_UP
from nodules_app.models import Nodule
from nodules_app.selectors.descriptions import descriptions_of
from nodules_app.selectors.patients import Owed, owed


@dataclass(frozen=True, slots=True)
class Other:
    """Another followed nodule of the patient, with its lobe, which tells two apart."""

    nodule: Nodule
    lobe: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What hangs on a nodule now."""

    ends: tuple[Owed, ...]  # open steps that cover nothing else that is followed: they end
    keeps: tuple[Owed, ...]  # open steps that go on for other nodules
    exams: int  # on which it was seen


def others_of(nodule: Nodule) -> tuple[Other, ...]:
    """The nodules with which this one can be joined."""
    others = list(
        Nodule.objects.filter(patient=nodule.patient_id, state__in=FOLLOWED_NODULE)
        .exclude(pk=nodule.pk)
        .order_by("number")
    )
    said = descriptions_of(Nodule.objects.filter(pk__in=[other.pk for other in others]))
    return tuple(Other(other, said[other.pk].lobe if other.pk in said else "") for other in others)


def changes_of(nodule: Nodule) -> Changes:
    """Read what would end and what would stay if this nodule were followed no more."""
    ends: list[Owed] = []
    keeps: list[Owed] = []
    steps = nodule.follow_ups.filter(state__in=OPEN_FOLLOW_UP).select_related("assessment", "owner", "exam")
    for step in steps.prefetch_related("nodules").order_by("due_until", "pk"):
        others = step.nodules.filter(state__in=FOLLOWED_NODULE).exclude(pk=nodule.pk)
        (keeps if others.exists() else ends).append(owed(step))
    seen = nodule.findings.filter(superseded_at__isnull=True, present=True).values("scan").distinct().count()
    return Changes(tuple(ends), tuple(keeps), seen)

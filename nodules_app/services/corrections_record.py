"""What stands of a patient's nodules, and bringing back what stood: the ground of every undo.

Nothing is deleted. What was put out of force comes back into force, what came later is put out of force, and numbers
that were replaced are written once more, naming the row whose numbers they are (measurements are append-only).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.utils import timezone

from nodules_app.lifecycles import FOLLOWED_NODULE, NODULE, NoduleState, NoSuchStep
from nodules_app.models import (
    Candidate,
    Finding,
    Match,
    Measurement,
    Nodule,
    NoduleDescription,
    Patient,
    User,
)
from nodules_app.services import follow_ups

Standing = dict[str, dict[str, Any]]  # kind of row, its key as JSON has it, what stands of it

NOT_COPIED: Final = ("id", "code", "created_at", "restores")
OF_MATCH: Final = ("word", "confirmed_at", "confirmed_by_id")
OF_CANDIDATE: Final = ("state", "decided_at", "decided_by_id", "nodule_id", "reason", "words")


def standing(patient: Patient) -> Standing:
    """Name what is in force of all nodules of a patient, by keys; two equal answers mean that nothing differs."""
    findings = list(Finding.objects.filter(nodule__patient=patient, superseded_at__isnull=True).order_by("pk"))
    return {
        "nodules": {
            str(one.pk): {"state": one.state, "merged_into": one.merged_into_id}
            for one in patient.nodules.order_by("pk")
        },
        "findings": {str(one.pk): {"nodule": one.nodule_id, "numbers": _numbers(one)} for one in findings},
        "matches": {
            str(one.pk): {"nodule": one.nodule_id} | _plain(one, OF_MATCH)
            for one in Match.objects.filter(nodule__patient=patient, superseded_at__isnull=True).order_by("pk")
        },
        "descriptions": {
            str(row.nodule_id): {"facts": row.facts}
            for row in NoduleDescription.objects.filter(nodule__patient=patient)
            .order_by("nodule_id", "-pk")
            .distinct("nodule_id")
        },
        "candidates": {
            str(one.pk): _plain(one, OF_CANDIDATE)
            for one in Candidate.objects.filter(scan__study__patient=patient).order_by("pk")
        },
    }


def touched(before: Standing, after: Standing) -> set[int]:
    """Give the nodules of which something differs."""
    nodules: set[int] = set()
    for kind in ("nodules", "findings", "matches", "descriptions"):
        for key in before[kind].keys() | after[kind].keys():
            first, second = before[kind].get(key), after[kind].get(key)
            if first != second:
                own = kind in ("nodules", "descriptions")
                nodules |= {int(key)} if own else {told["nodule"] for told in (first, second) if told is not None}
    return nodules


def bring_back(patient: Patient, wanted: Standing, nodules: Iterable[int], *, by: User) -> None:
    """Let what stood stand again, for these nodules; a nodule that was not there is taken back.

    Raises
    ------
    NoSuchStep
        Somebody has moved a nodule since to where no step leads back.
    """
    keys = set(nodules)
    now = timezone.now()
    findings = {int(key): told for key, told in wanted["findings"].items() if told["nodule"] in keys}
    matches = {int(key): told for key, told in wanted["matches"].items() if told["nodule"] in keys}
    for rows, kept in ((Match, matches), (Finding, findings)):
        in_force = rows.objects.filter(nodule__in=keys, superseded_at__isnull=True)
        in_force.exclude(pk__in=kept).update(superseded_at=now)
    Finding.objects.filter(pk__in=findings, superseded_at__isnull=False).update(superseded_at=None)
    for key, told in matches.items():
        Match.objects.filter(pk=key).update(superseded_at=None, **{field: told[field] for field in OF_MATCH})
    for key, told in findings.items():
        _numbers_again(Finding.objects.get(pk=key), told["numbers"])
    _bring_back_descriptions(keys, wanted, by=by)
    _bring_back_candidates(patient, wanted)
    _bring_back_states(patient, keys, wanted, by=by)


def root_of(row: Measurement) -> int:
    """The row whose numbers these are."""
    return row.restores_id or row.pk


def _numbers(finding: Finding) -> int | None:
    latest = finding.measurements.order_by("-pk").first()
    return root_of(latest) if latest is not None else None


def _numbers_again(finding: Finding, wanted: int | None) -> None:
    """Write numbers once more. Numbers where there were none cannot be taken away: their finding is out of force."""
    if wanted is None or _numbers(finding) == wanted:
        return
    row = Measurement.objects.get(pk=wanted)
    columns = {
        field.attname: getattr(row, field.attname)
        for field in Measurement._meta.concrete_fields  # noqa: SLF001 Django's own name
        if field.name not in NOT_COPIED
    }
    Measurement.objects.create(**columns | {"restores_id": row.pk})


def _bring_back_descriptions(keys: set[int], wanted: Standing, *, by: User) -> None:
    for nodule in Nodule.objects.filter(pk__in=keys):
        latest = nodule.descriptions.order_by("-pk").first()
        told = wanted["descriptions"].get(str(nodule.pk), {"facts": {}})["facts"]
        if (latest.facts if latest else {}) != told:
            NoduleDescription.objects.create(nodule=nodule, facts=told, by=by)


def _bring_back_candidates(patient: Patient, wanted: Standing) -> None:
    for one in Candidate.objects.filter(scan__study__patient=patient):
        told = wanted["candidates"].get(str(one.pk))
        if told is not None and told != _plain(one, OF_CANDIDATE):
            Candidate.objects.filter(pk=one.pk).update(**told)


def _bring_back_states(patient: Patient, keys: set[int], wanted: Standing, *, by: User) -> None:
    followed = []
    for nodule in Nodule.objects.select_for_update().filter(pk__in=keys).order_by("pk"):
        told = wanted["nodules"].get(str(nodule.pk), {"state": NoduleState.TAKEN_BACK, "merged_into": None})
        goal = NoduleState(told["state"])
        if nodule.state != goal:
            _require_way(NoduleState(nodule.state), goal)
        if (nodule.state, nodule.merged_into_id) != (goal, told["merged_into"]):
            Nodule.objects.filter(pk=nodule.pk).update(state=goal, merged_into=told["merged_into"])
            if goal in FOLLOWED_NODULE:
                followed.append(nodule)
    for nodule in followed:
        follow_ups.owe_review(patient=patient, nodule=nodule, by=by)


def _require_way(state: NoduleState, goal: NoduleState) -> None:
    """Let a nodule go only where a step of the table leads."""
    if not any(known == state and to == goal for (known, _step), to in NODULE.items()):
        raise NoSuchStep(state, goal)


def _plain(row: Match | Candidate, fields: Iterable[str]) -> dict[str, Any]:
    values: Mapping[str, Any] = {field: getattr(row, field) for field in fields}
    return {field: value.isoformat() if hasattr(value, "isoformat") else value for field, value in values.items()}

"""The record of who looked at or did what: written in the same transaction as the act."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nodules_app.models import AuditEvent, Patient, User


def record(verb: str, patient: Patient | None, *, by: User | None, **facts: object) -> AuditEvent:
    """Write one line of the audit trail; ``by`` is None when the clock or a worker acted.

    Facts are codes, states and days. Names and numbers of people do not belong here: the patient is the foreign key.
    """
    event = _event(verb, patient, by, facts)
    event.save(force_insert=True)
    return event


def record_all(events: Iterable[tuple[str, Patient | None, Mapping[str, object]]], *, by: User | None) -> None:
    """Write many lines at once: verb, patient and facts of each."""
    AuditEvent.objects.bulk_create(
        [_event(verb, patient, by, facts) for verb, patient, facts in events], batch_size=1000
    )


def _event(verb: str, patient: Patient | None, by: User | None, facts: Mapping[str, object]) -> AuditEvent:
    return AuditEvent(verb=verb, patient=patient, by=by, facts={name: str(value) for name, value in facts.items()})

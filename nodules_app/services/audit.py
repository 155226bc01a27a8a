"""The record of who looked at or did what: written in the same transaction as the act."""

from __future__ import annotations

from nodules_app.models import AuditEvent, Patient, User


def record(verb: str, patient: Patient | None, *, by: User | None, **facts: object) -> AuditEvent:
    """Write one line of the audit trail; ``by`` is None when the clock or a worker acted.

    Facts are codes, states and days. Names and numbers of people do not belong here: the patient is the foreign key.
    """
    return AuditEvent.objects.create(
        verb=verb, patient=patient, by=by, facts={name: str(value) for name, value in facts.items()}
    )

"""Tables, one file per noun or for nouns that only make sense together; the constraints in them are the truth."""

from nodules_app.models.clinics import Clinic, ClinicDay, EmergencyAccess, Membership, Role
from nodules_app.models.contacts import ContactKind, ContactOf, ContactPoint, ContactPreference
from nodules_app.models.evidence import Evidence, Transfer
from nodules_app.models.imaging import (
    Comparison,
    FindingsFile,
    ImportBatch,
    Instance,
    Registration,
    Scan,
    Series,
    Study,
)
from nodules_app.models.nodules import (
    Attenuation,
    ComparisonWord,
    Finding,
    Growth,
    Match,
    Measurement,
    Nodule,
    NoduleDescription,
    Origin,
)
from nodules_app.models.pathway import (
    Assessment,
    AuditEvent,
    Closure,
    Decision,
    FollowUp,
    FollowUpChange,
    FollowUpKind,
    OverrideReason,
    StepWindow,
)
from nodules_app.models.patients import Patient, RiskFactors, Setting, Sex
from nodules_app.models.reminders import LadderVersion, LetterBatch, Reminder, ReminderEvent
from nodules_app.models.runs import Run, RunKind
from nodules_app.models.users import User

__all__ = [
    "Assessment",
    "Attenuation",
    "AuditEvent",
    "Clinic",
    "ClinicDay",
    "Closure",
    "Comparison",
    "ComparisonWord",
    "ContactKind",
    "ContactOf",
    "ContactPoint",
    "ContactPreference",
    "Decision",
    "EmergencyAccess",
    "Evidence",
    "Finding",
    "FindingsFile",
    "FollowUp",
    "FollowUpChange",
    "FollowUpKind",
    "Growth",
    "ImportBatch",
    "Instance",
    "LadderVersion",
    "LetterBatch",
    "Match",
    "Measurement",
    "Membership",
    "Nodule",
    "NoduleDescription",
    "Origin",
    "OverrideReason",
    "Patient",
    "Registration",
    "Reminder",
    "ReminderEvent",
    "RiskFactors",
    "Role",
    "Run",
    "RunKind",
    "Scan",
    "Series",
    "Setting",
    "Sex",
    "StepWindow",
    "Study",
    "Transfer",
    "User",
]

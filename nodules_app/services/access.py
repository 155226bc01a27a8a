"""Fetching is authorising: there is no other way from an address to a row, and a look at a patient is recorded.

Pages call ``…_to_see`` once and thereby write one line of the audit trail; pictures of a page and acts on it ask for
permission only, since the act writes its own line. A row of another clinic's patient is not found, as if it were not
there; one that this person sees but may not act upon is refused.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404

from nodules_app.lifecycles import OPEN_FOLLOW_UP
from nodules_app.models import (
    Appointment,
    BulkAct,
    CalendarFeed,
    Candidate,
    Clinic,
    ClinicalDocument,
    Comparison,
    Connection,
    ContactPoint,
    EmergencyAccess,
    Finding,
    FollowUp,
    HeldExam,
    LetterBatch,
    LetterPosting,
    Match,
    MdtAction,
    MdtCase,
    MdtMeeting,
    Membership,
    Nodule,
    Patient,
    PatientMerge,
    PriorSearch,
    Reading,
    Reminder,
    Resource,
    RiskCorrection,
    Role,
    Run,
    SavedView,
    Scan,
    Spreadsheet,
    Study,
    Transfer,
    User,
)
from nodules_app.selectors.audit import Asked
from nodules_app.selectors.clinics import MAY, Act, acts_of, clinics_where, may_where, sees
from nodules_app.services.audit import record

__all__ = ["MAY", "Act", "acts_of", "allow", "member"]  # the words of permission, for views that import only this

Row = TypeVar("Row", bound=Model)
Anybody = User | AnonymousUser


def member(user: Anybody) -> User:
    """Give the signed-in member of staff, or refuse."""
    if not isinstance(user, User) or not user.is_active:
        raise PermissionDenied("sign in first")
    return user


def allow(user: Anybody, act: Act, clinic: Clinic | int | None = None) -> User:
    """Give the member back when a role allows the act, in this clinic or in any when none is named; or refuse."""
    who = member(user)
    if act not in acts_of(who, clinic):
        raise PermissionDenied(f"no role allows to {act}")
    return who


def clinic_for(act: Act, code: UUID, *, by: Anybody) -> Clinic:
    """Fetch a clinic in which this person may do something; any other is not found."""
    return get_object_or_404(clinics_where(member(by), act), code=code)


def membership_for(clinic: Clinic, key: int) -> Membership:
    """Fetch a role in force of a clinic that was fetched with permission."""
    return get_object_or_404(Membership.objects.select_related("user", "clinic"), pk=key, clinic=clinic, ended_at=None)


def fetch(act: Act, rows: QuerySet[Row], patient: str, *, by: Anybody, **named: object) -> Row:
    """Give the row that is named, of a patient whom this person sees, or 404; refuse when no role allows the act."""
    who = member(by)
    row = get_object_or_404(rows.filter(sees(who, patient)), **named)
    if act is not Act.SEE and not type(row)._default_manager.filter(may_where(who, act, patient), pk=row.pk).exists():  # noqa: SLF001 Django's own name
        raise PermissionDenied(f"no role allows to {act} there")
    return row


def patient_to_see(code: UUID, *, by: Anybody, page: str) -> Patient:
    """Fetch a patient for a page and write down who looked."""
    patient = patient_for(Act.SEE, code, by=by)
    record("patient.seen", patient, by=member(by), page=page)
    return patient


def patient_for(act: Act, code: UUID, *, by: Anybody) -> Patient:
    return fetch(act, Patient.objects.select_related("clinic"), "", by=by, code=code)


def patients_for(act: Act, codes: Collection[UUID], *, by: Anybody) -> list[Patient]:
    """Fetch several patients for one act; one that this person does not see, or may not act upon, refuses all."""
    who = member(by)
    rows = Patient.objects.select_related("clinic").filter(sees(who, ""), code__in=codes)
    found = list(rows.order_by("name", "pk"))
    if len(found) != len(set(codes)):
        raise Http404("no such patients")
    if Patient.objects.filter(pk__in=[one.pk for one in found]).exclude(may_where(who, act, "")).exists():
        raise PermissionDenied(f"no role allows to {act} there")
    return found


def study_for(act: Act, code: UUID, *, by: Anybody) -> Study:
    return fetch(act, Study.objects.select_related("patient__clinic"), "patient", by=by, code=code)


def bulk_act_for(code: UUID, *, by: Anybody) -> BulkAct:
    """Fetch one's own act on many patients; nobody else's is found."""
    return get_object_or_404(BulkAct, code=code, by=member(by))


def colleague_for(code: UUID, *, by: Anybody) -> User:
    """Fetch somebody of a clinic in which this person works, or themselves."""
    who = member(by)
    mine = Membership.objects.filter(user=who, ended_at__isnull=True).values("clinic")
    there = Membership.objects.filter(clinic__in=mine, ended_at__isnull=True).values("user")
    return get_object_or_404(User, Q(pk__in=there) | Q(pk=who.pk), code=code, is_active=True)


def scan_to_see(code: UUID, *, by: Anybody, page: str) -> Scan:
    """Fetch a scan for a page of its slices and write down who looked at whose."""
    scan = scan_for(Act.SEE, code, by=by)
    record("patient.seen", scan.study.patient, by=member(by), page=page, scan=scan.code)
    return scan


def scan_for(act: Act, code: UUID, *, by: Anybody) -> Scan:
    return fetch(act, Scan.objects.select_related("study__patient", "series"), "study__patient", by=by, code=code)


def comparison_for(act: Act, code: UUID, *, by: Anybody) -> Comparison:
    return fetch(act, Comparison.objects.select_related("prior__series"), "patient", by=by, code=code)


def finding_for(act: Act, code: UUID, *, by: Anybody) -> Finding:
    findings = Finding.objects.select_related("scan__series", "scan__study__patient", "nodule__patient")
    return fetch(act, findings, "nodule__patient", by=by, code=code)


def nodule_for(act: Act, code: UUID, *, by: Anybody) -> Nodule:
    return fetch(act, Nodule.objects.select_related("patient"), "patient", by=by, code=code)


def candidate_for(act: Act, code: UUID, *, by: Anybody) -> Candidate:
    """Fetch what a program proposes, also when it is decided: its acts say so in words."""
    rows = Candidate.objects.select_related("scan__study__patient")
    return fetch(act, rows, "scan__study__patient", by=by, code=code)


def match_for(act: Act, code: UUID, *, by: Anybody) -> Match:
    """Fetch a match, also one that was replaced: its service says so in words."""
    related = ("nodule__patient", "prior_finding", "current_finding")
    return fetch(act, Match.objects.select_related(*related), "nodule__patient", by=by, code=code)


def open_follow_up_for(act: Act, code: UUID, *, by: Anybody) -> FollowUp:
    """Fetch a step that can still be acted upon; one that somebody closed meanwhile is not found."""
    steps = FollowUp.objects.select_related("patient", "assessment", "owner").filter(state__in=OPEN_FOLLOW_UP)
    return fetch(act, steps, "patient", by=by, code=code)


def appointment_for(act: Act, code: UUID, *, by: Anybody) -> Appointment:
    appointments = Appointment.objects.select_related("follow_up__patient", "resource")
    return fetch(act, appointments, "follow_up__patient", by=by, code=code)


def signs_corrections(user: User, clinic: Clinic) -> bool:
    """Whether somebody may take a correction of a risk model into use there: a physician or a chair."""
    roles = (Role.PHYSICIAN, Role.CHAIR)
    return Membership.objects.filter(user=user, clinic=clinic, role__in=roles, ended_at__isnull=True).exists()


def correction_to_sign(code: UUID, *, by: Anybody) -> RiskCorrection:
    """Fetch a correction of an own clinic for a physician's signature; any other clinic's is not found."""
    who = member(by)
    rows = RiskCorrection.objects.select_related("clinic").filter(clinic__in=clinics_where(who, Act.SEE))
    row = get_object_or_404(rows, code=code)
    if not signs_corrections(who, row.clinic):
        raise PermissionDenied("a physician signs a correction")
    return row


def resource_for(act: Act, code: UUID, *, by: Anybody) -> Resource:
    """Fetch a scanner or a room of a clinic in which this person may do it; any other is not found."""
    mine = clinics_where(member(by), act)
    return get_object_or_404(Resource.objects.select_related("clinic"), code=code, clinic__in=mine)


def calendar_feed_for(act: Act, code: UUID, *, by: Anybody) -> CalendarFeed:
    return get_object_or_404(CalendarFeed, code=code, clinic__in=clinics_where(member(by), act))


def follow_up_for(act: Act, code: UUID, *, by: Anybody) -> FollowUp:
    """Fetch a step, also one that ended: its page says how, and its acts say so in words."""
    related = ("patient__clinic", "assessment", "owner", "exam", "evidence__by")
    return fetch(act, FollowUp.objects.select_related(*related), "patient", by=by, code=code)


def transfer_for(act: Act, code: UUID, *, by: Anybody) -> Transfer:
    """Fetch a request to another hospital, also one that was answered: its acts say so in words."""
    return fetch(act, Transfer.objects.select_related("patient__clinic"), "patient", by=by, code=code)


def saved_view_for(code: UUID, *, by: Anybody) -> SavedView:
    """Fetch a view of one's own; of anybody else's it is not found."""
    return get_object_or_404(SavedView, code=code, by=member(by))


def run_for(act: Act, code: UUID, *, by: Anybody) -> Run:
    """Fetch a run: of a patient whom this person sees, or, of a delivery that names nobody yet, of an own clinic."""
    who = member(by)
    delivered = Q(patient__isnull=True, import_batch__clinic__in=clinics_where(who, Act.SEE))
    runs = Run.objects.select_related("patient", "import_batch").filter(sees(who) | delivered)
    run = get_object_or_404(runs, code=code)
    about = run.patient or run.import_batch
    if act not in acts_of(who, about.clinic_id if about else None):
        raise PermissionDenied(f"no role allows to {act} there")
    return run


def spreadsheet_for(act: Act, code: UUID, *, by: Anybody) -> Spreadsheet:
    """Fetch a list that was sent to a clinic where this person may do something; any other is not found."""
    mine = clinics_where(member(by), act)
    rows = Spreadsheet.objects.select_related("batch__clinic", "batch__by", "stored_by")
    return get_object_or_404(rows, code=code, batch__clinic__in=mine)


def note_list_seen(spreadsheet: Spreadsheet, *, by: Anybody) -> None:
    """Write down that somebody looked at the patients of a list."""
    record("list.seen", None, by=member(by), spreadsheet=spreadsheet.code)


def clinics_of(user: User, act: Act) -> list[Clinic]:
    """The clinics in which this person may do something, by name."""
    return list(clinics_where(user, act))


def reminder_to_see(code: UUID, *, by: Anybody) -> Reminder:
    """Fetch a reminder for its page and write down who looked at whose."""
    row = reminder_for(Act.SEE, code, by=by)
    record("patient.seen", row.patient, by=member(by), page="reminder", reminder=row.code)
    return row


def reminder_for(act: Act, code: UUID, *, by: Anybody) -> Reminder:
    rows = Reminder.objects.select_related("patient", "follow_up", "ladder", "contact", "acknowledged_by", "batch")
    return fetch(act, rows, "patient", by=by, code=code)


def batch_for(act: Act, code: UUID, *, by: Anybody) -> LetterBatch:
    """Fetch a batch of letters of a clinic where this person may do something."""
    clinics = clinics_where(member(by), act)
    return get_object_or_404(LetterBatch.objects.select_related("clinic"), code=code, clinic__in=clinics)


def posting_for(act: Act, code: UUID, *, by: Anybody) -> LetterPosting:
    """Fetch the word that a letter of a patient was posted."""
    rows = LetterPosting.objects.select_related("version__document__patient").defer("version__pdf")
    return fetch(act, rows, "version__document__patient", by=by, code=code)


def contact_for(act: Act, code: UUID, *, by: Anybody) -> ContactPoint:
    return fetch(act, ContactPoint.objects.select_related("patient"), "patient", by=by, code=code)


def emergency_for(act: Act, code: UUID, *, by: Anybody) -> EmergencyAccess:
    rows = EmergencyAccess.objects.select_related("patient").filter(may_where(member(by), act))
    return get_object_or_404(rows, code=code)


def mdt_meeting_for(act: Act, code: UUID, *, by: Anybody) -> MdtMeeting:
    """Fetch a meeting of a clinic where this person may do something; any other is not found."""
    mine = clinics_where(member(by), act)
    return get_object_or_404(MdtMeeting.objects.select_related("clinic", "chair"), code=code, clinic__in=mine)


def mdt_case_for(act: Act, code: UUID, *, by: Anybody) -> MdtCase:
    rows = MdtCase.objects.select_related("patient__clinic", "meeting", "presenter", "outcome")
    return fetch(act, rows, "patient", by=by, code=code)


def mdt_action_for(act: Act, code: UUID, *, by: Anybody) -> MdtAction:
    return fetch(act, MdtAction.objects.select_related("case__patient"), "case__patient", by=by, code=code)


def document_to_see(code: UUID, *, by: Anybody, page: str) -> ClinicalDocument:
    """Fetch a report or letter for its page and write down who looked at whose."""
    row = document_for(Act.SEE, code, by=by)
    record("patient.seen", row.patient, by=member(by), page=page, document=row.code)
    return row


def document_for(act: Act, code: UUID, *, by: Anybody) -> ClinicalDocument:
    related = ("patient__clinic", "reading__scan__study", "signed_by", "written_by", "template", "contact", "replaces")
    return fetch(act, ClinicalDocument.objects.select_related(*related), "patient", by=by, code=code)


def reading_for(act: Act, code: UUID, *, by: Anybody) -> Reading:
    """Fetch a reading, signed or not: what is handed out of it says in words that it is not signed."""
    return fetch(act, Reading.objects.select_related("patient__clinic", "scan__series"), "patient", by=by, code=code)


def merge_for(act: Act, code: UUID, *, by: Anybody) -> PatientMerge:
    return fetch(act, PatientMerge.objects.select_related("gone", "kept"), "kept", by=by, code=code)


def held_exam_for(act: Act, code: UUID, *, by: Anybody) -> HeldExam:
    return fetch(act, HeldExam.objects.select_related("patient", "batch"), "patient", by=by, code=code)


def connection_for(act: Act, code: UUID, *, by: Anybody) -> Connection:
    """Fetch a connection in use of a clinic where this person may do something; any other is not found."""
    mine = clinics_where(member(by), act)
    in_use = Connection.objects.filter(retired_at__isnull=True, clinic__in=mine).select_related("clinic")
    return get_object_or_404(in_use, code=code)


def prior_search_for(act: Act, code: UUID, *, by: Anybody) -> PriorSearch:
    rows = PriorSearch.objects.select_related("study__patient", "connection")
    return fetch(act, rows, "study__patient", by=by, code=code)


def note_priors_list(user: User) -> None:
    """Write down that somebody looked at the earlier exams that are sought."""
    record("priors.list_seen", None, by=user)


def note_identity_list(user: User) -> None:
    """Write down that somebody looked at the records that may be one person."""
    record("identity.list_seen", None, by=user)


def note_search(user: User, asked: Asked) -> None:
    """Write down that somebody searched the trail, and for what; a page further on is the same search."""
    if asked.before is None:
        named = {"person": asked.person, "act": asked.verb, "since": asked.since, "until": asked.until}
        record("audit.searched", None, by=user, **{name: value for name, value in named.items() if value})

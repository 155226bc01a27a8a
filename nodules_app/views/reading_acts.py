"""The acts of a reading by name: the leave each needs, what it reads from the request, which service it asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django import forms as django_forms
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest
from django.utils.translation import gettext

from inference.drawn import Stroke
from nodules_app.clinical.errors import Refused as NotUnderstood
from nodules_app.forms import reading as forms
from nodules_app.forms.nodules import DescriptionForm, as_asked
from nodules_app.selectors.descriptions import description_of
from nodules_app.selectors.reading import panel
from nodules_app.services import access, candidates, corrections, reading_opinions, readings

if TYPE_CHECKING:
    from nodules_app.models import Candidate, Correction, Finding, Match, Nodule, Patient, Reading, Scan, User

Act = Callable[[HttpRequest, "Patient", "User"], str]


def _asked(form: django_forms.Form) -> Mapping[str, Any]:
    """Give what a form was told, or refuse the request in words."""
    if not form.is_valid():
        raise BadRequest(form.errors.as_text())
    return form.cleaned_data


def _of(patient: Patient, whose: int) -> None:
    """Let nothing of another patient be changed from this one's page."""
    if whose != patient.pk:
        raise Http404


def _scan(request: HttpRequest, patient: Patient, code: UUID) -> Scan:
    scan = access.scan_for(access.Act.MARK, code, by=request.user)
    _of(patient, scan.study.patient_id)
    return scan


def _finding(request: HttpRequest, patient: Patient, code: UUID) -> Finding:
    finding = access.finding_for(access.Act.MARK, code, by=request.user)
    _of(patient, finding.nodule.patient_id)
    return finding


def _nodule(request: HttpRequest, patient: Patient) -> Nodule:
    code = _asked(forms.NoduleForm(request.POST))["nodule"]
    nodule = access.nodule_for(access.Act.MARK, code, by=request.user)
    _of(patient, nodule.patient_id)
    return nodule


def _match(request: HttpRequest, patient: Patient, code: UUID) -> Match:
    match = access.match_for(access.Act.MARK, code, by=request.user)
    _of(patient, match.nodule.patient_id)
    return match


def _candidate(request: HttpRequest, patient: Patient, code: UUID) -> Candidate:
    candidate = access.candidate_for(access.Act.MARK, code, by=request.user)
    _of(patient, candidate.scan.study.patient_id)
    return candidate


def _open(patient: Patient) -> Reading:
    reading = readings.open_reading(patient)
    if reading is None:
        raise readings.NotAsShown
    return reading


def _done(done: Correction) -> str:
    label = f"{done.nodule.label}: " if done.nodule else ""
    seconds = f"{done.took_ms / 1000:.1f}"
    return label + gettext("%(what)s, followed through in %(seconds)s s.") % {
        "what": done.get_kind_display(),
        "seconds": seconds,
    }


def add(request: HttpRequest, patient: Patient, who: User) -> str:
    form = forms.AddForm(request.POST)
    scan = _scan(request, patient, _asked(form)["scan"])
    return _done(corrections.add_nodule(scan=scan, lps_mm=form.lps_mm(), by=who))


def accept(request: HttpRequest, patient: Patient, who: User) -> str:
    code = _asked(forms.CandidateForm(request.POST))["candidate"]
    return _done(corrections.accept_candidate(candidate=_candidate(request, patient, code), by=who))


def decline(request: HttpRequest, patient: Patient, who: User) -> str:
    told = _asked(forms.DeclineForm(request.POST))
    candidate = _candidate(request, patient, told["candidate"])
    done = corrections.reject_candidate(candidate=candidate, reason=told["reason"], words=told["words"], by=who)
    return _done(done)


def reject(request: HttpRequest, patient: Patient, who: User) -> str:
    return _done(corrections.reject_nodule(nodule=_nodule(request, patient), by=who))


def restore(request: HttpRequest, patient: Patient, who: User) -> str:
    return _done(corrections.follow_again(nodule=_nodule(request, patient), by=who))


def confirm(request: HttpRequest, patient: Patient, who: User) -> str:
    code = _asked(forms.MatchForm(request.POST))["match"]
    return _done(corrections.confirm_match(match=_match(request, patient, code), by=who))


def part(request: HttpRequest, patient: Patient, who: User) -> str:
    told = _asked(forms.PartForm(request.POST))
    match, answer = _match(request, patient, told["match"]), told["answer"]
    if answer in ("another", "nothing"):
        return _done(corrections.unlink_match(match=match, follow_there=answer == "another", by=who))
    try:
        code = UUID(answer)
    except ValueError as odd:
        raise BadRequest("no such answer") from odd
    return _done(corrections.relink_match(match=match, finding=_finding(request, patient, code), by=who))


def refit(request: HttpRequest, patient: Patient, who: User) -> str:
    form = forms.RefitForm(request.POST)
    finding = _finding(request, patient, _asked(form)["finding"])
    return _done(corrections.refit(finding=finding, lps_mm=form.lps_mm(), by=who))


def stroke(request: HttpRequest, patient: Patient, who: User) -> str:
    form = forms.StrokeForm(request.POST)
    finding = _finding(request, patient, _asked(form)["finding"])
    return _done(corrections.draw(finding=finding, strokes=[form.stroke()], by=who))


def strokes(request: HttpRequest, patient: Patient, who: User) -> str:
    told = _asked(forms.StrokesForm(request.POST))
    finding = _finding(request, patient, told["finding"])
    return _done(corrections.draw(finding=finding, strokes=told["strokes"], by=who))


def smooth(request: HttpRequest, patient: Patient, who: User) -> str:
    code = _asked(forms.FindingForm(request.POST))["finding"]
    return _done(corrections.draw(finding=_finding(request, patient, code), strokes=[Stroke("smooth")], by=who))


def caliper(request: HttpRequest, patient: Patient, who: User) -> str:
    told = _asked(forms.CaliperForm(request.POST))
    finding = _finding(request, patient, told["finding"])
    return _done(corrections.lay_caliper(finding=finding, long_mm=told["long_mm"], short_mm=told["short_mm"], by=who))


def attenuation(request: HttpRequest, patient: Patient, who: User) -> str:
    told = _asked(forms.AttenuationForm(request.POST))
    finding = _finding(request, patient, told["finding"])
    return _done(
        corrections.say_attenuation(
            finding=finding, attenuation=told["attenuation"], solid_mean_diameter_mm=told["solid_mm"], by=who
        )
    )


def describe(request: HttpRequest, patient: Patient, who: User) -> str:
    """Lobe, margin and flags; what the full form asks besides stays as it was said."""
    nodule = _nodule(request, patient)
    described = description_of(nodule)
    earlier = described.facts if described else {}
    asked = as_asked(earlier)
    for name in ("lobe", "margin"):
        asked[name] = request.POST.get(name, "")
    asked["places"] = request.POST.getlist("places")
    form = DescriptionForm(asked)
    _asked(form)
    try:
        return _done(corrections.describe(nodule=nodule, facts=form.facts(earlier), by=who))
    except NotUnderstood as odd:
        raise BadRequest(str(odd)) from odd


def undo(_request: HttpRequest, patient: Patient, who: User) -> str:
    return _done(corrections.undo(patient=patient, by=who))


def redo(_request: HttpRequest, patient: Patient, who: User) -> str:
    return _done(corrections.redo(patient=patient, by=who))


def show(_request: HttpRequest, patient: Patient, who: User) -> str:
    candidates.note_asked(patient=patient, by=who)
    return gettext("What the program proposes is shown.")


def begin(_request: HttpRequest, patient: Patient, who: User) -> str:
    readings.begin(patient=patient, by=who)
    return gettext("The reading is yours.")


def resume(_request: HttpRequest, patient: Patient, who: User) -> str:
    readings.resume(reading=_open(patient), by=who)
    return gettext("The reading is a draft again.")


def finish(_request: HttpRequest, patient: Patient, who: User) -> str:
    readings.finish(reading=_open(patient), by=who)
    return gettext("Read to the end. It waits for a signature.")


def own(request: HttpRequest, patient: Patient, who: User) -> str:
    labels = tuple(row.line.label for row in panel(patient, user=who).nodules)
    form = forms.OwnReadForm(request.POST, labels=labels)
    _asked(form)
    reading_opinions.read_independently(reading=_open(patient), said=form.said(), by=who)
    return gettext("Your read is recorded.")


def sign(request: HttpRequest, patient: Patient, who: User) -> str:
    told = _asked(forms.SignForm(request.POST))
    readings.sign(reading=_open(patient), shown_sha256=told["sha256"], consensus=told["consensus"], by=who)
    return gettext("Signed. The result stands in the clinic's worklist; press e for the next case.")


def addend(request: HttpRequest, patient: Patient, who: User) -> str:
    text = _asked(forms.AddendumForm(request.POST))["text"]
    signed = readings.latest_signed(patient)
    if signed is None:
        raise readings.NotAsShown
    readings.addend(reading=signed, text=text, by=who)
    return gettext("The addendum is signed.")


_MARK: Final = (accept, add, attenuation, begin, caliper, confirm, decline, describe, finish, own, part, redo, refit)
_MARK_TOO: Final = (reject, restore, resume, smooth, stroke, strokes, undo)
ACTS: Final[Mapping[str, tuple[access.Act, Act]]] = (
    {do.__name__: (access.Act.MARK, do) for do in (*_MARK, *_MARK_TOO)}
    | {do.__name__: (access.Act.DECIDE, do) for do in (sign, addend)}
    | {"show": (access.Act.SEE, show)}
)

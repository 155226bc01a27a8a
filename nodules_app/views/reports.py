"""Reports and letters of a patient: the list, one document as it stands, what is done to it, and its bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django import forms as django_forms
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from nodules_app.exchange.documents_readability import reading_age_years
from nodules_app.exchange.documents_text import NoSuchSentence, from_json
from nodules_app.forms.reports import AddendumForm, RetractionForm, SentenceForm, ShownForm, WriteForm
from nodules_app.lifecycles import DocumentState, NoSuchStep
from nodules_app.selectors import patients as patient_selectors
from nodules_app.selectors import reports as selectors
from nodules_app.selectors.clinics import acts_of
from nodules_app.services import access, reports, reports_drawn
from nodules_app.services.access import Act
from nodules_app.templatetags.follow_ups import refused_words
from registration.errors import Refused

if TYPE_CHECKING:
    from nodules_app.models import ClinicalDocument, User

WRITES: Final = {
    "report": Act.MARK
}  # a letter may be written by whoever records; each is signed by whom the clinic names


KEPT: Final = "private, max-age=31536000, immutable"  # a picture of a document never changes


def _writes(kind: str) -> Act:
    return WRITES.get(kind, Act.RECORD)


@never_cache
@require_safe
def of_patient(request: HttpRequest, code: UUID) -> HttpResponse:
    """All reports and letters of a patient, and what can be written."""
    patient = access.patient_to_see(code, by=request.user, page="documents")
    context = {
        "identity": patient_selectors.identity(patient, today=timezone.localdate()),
        "documents": selectors.documents_of(patient),
        "writable": selectors.writable(patient),
        "clinic": patient.clinic,
        "may": acts_of(access.member(request.user), patient.clinic_id),
    }
    return render(request, "reports/documents.html", context)


@require_POST
def write(request: HttpRequest, code: UUID) -> HttpResponse:
    """Compose a draft and open it, or say why nothing can be written."""
    form = WriteForm(request.POST)
    patient = access.patient_for(Act.RECORD, code, by=request.user)
    if not form.is_valid():
        raise BadRequest(form.errors.as_text())
    told = form.cleaned_data
    patient = access.patient_for(_writes(told["kind"]), code, by=request.user)
    try:
        made = reports.write(patient=patient, by=access.member(request.user), **told)
    except Refused as refusal:
        messages.warning(request, refused_words(refusal))
        return redirect("documents", code=code)
    return redirect("document", code=made.code)


@never_cache
@require_safe
def show(request: HttpRequest, code: UUID) -> HttpResponse:
    """One document as it stands; ``?edit=key`` opens a sentence of a draft."""
    document = access.document_to_see(code, by=request.user, page="document")
    return _page(request, document)


def _page(
    request: HttpRequest, document: ClinicalDocument, form: AddendumForm | RetractionForm | None = None
) -> HttpResponse:
    written = from_json(document.content)
    may = acts_of(access.member(request.user), document.patient.clinic_id)
    is_draft = document.state == DocumentState.DRAFT
    pictures = selectors.pictures_of(document)
    context: Mapping[str, Any] = {
        "document": document,
        "written": written,
        "identity": patient_selectors.identity(document.patient, today=timezone.localdate()),
        "history": selectors.history_of(document),
        "pictures": pictures,
        "has_images": any(is_drawn for _picture, is_drawn in pictures),
        "may": may,
        "is_draft": is_draft,
        "can_edit": is_draft and _writes(document.kind) in may,
        "editing": request.GET.get("edit", "") if is_draft else "",
        "reading_age": _reading_age(document, [one.text for one in written.sentences()]),
        "addendum": form if isinstance(form, AddendumForm) else AddendumForm(),
        "retraction": form if isinstance(form, RetractionForm) else RetractionForm(),
        "lang": selectors.bcp_47(document.language),
        "replaced_words": reports_drawn.replaced_words(document),
    }
    return render(request, "reports/document.html", context, status=422 if form else 200)


def _reading_age(document: ClinicalDocument, sentences: list[str]) -> int | None:
    """Whole years, of a patient's letter in English; of other texts nothing is said."""
    if document.kind != "patient_letter" or document.language != "en":
        return None
    years = reading_age_years("\n\n".join(sentences))
    return None if years is None else round(years)


@require_POST
def act(request: HttpRequest, code: UUID, act: str) -> HttpResponse:
    """Edit a sentence, sign, add words, retract, discard."""
    if act not in ACTS:
        raise Http404(act)
    do, form_class, signs = ACTS[act]
    document = access.document_for(Act.SEE, code, by=request.user)
    needed = Act.DECIDE if signs else _writes(document.kind)
    document = access.document_for(needed, code, by=request.user)
    form = form_class(request.POST)
    if not form.is_valid():
        if isinstance(form, AddendumForm | RetractionForm):
            return _page(request, document, form)
        raise BadRequest(form.errors.as_text())
    try:
        said = do(document, form.cleaned_data, access.member(request.user))
    except NoSuchSentence as missing:
        raise Http404(missing) from None
    except NoSuchStep:
        messages.warning(request, gettext("Somebody was quicker: this is not possible any more. What stands is shown."))
    except Refused as refusal:
        messages.warning(request, refused_words(refusal))
    else:
        messages.success(request, said)
    return redirect("document", code=code)


def _edit(document: ClinicalDocument, told: Mapping[str, Any], who: User) -> str:
    reports.edit(document=document, shown_version=told["version"], key=told["key"], words=told["words"], by=who)
    return gettext("The sentence is changed; what the machine wrote is kept beside it.")


def _sign(document: ClinicalDocument, told: Mapping[str, Any], who: User) -> str:
    signed = reports.sign(document=document, shown_version=told["version"], by=who)
    return gettext("Signed and kept. SHA-256 %(digest)s.") % {"digest": signed.sha256[:16]}


def _addend(document: ClinicalDocument, told: Mapping[str, Any], who: User) -> str:
    signed = reports.addend(document=document, words=told["words"], by=who)
    return gettext("Added. Version %(number)s is kept beside the earlier ones.") % {"number": signed.number}


def _retract(document: ClinicalDocument, told: Mapping[str, Any], who: User) -> str:
    reports.retract(document=document, why=told["why"], by=who)
    return gettext("Retracted. Whoever has it must be told; what was signed stays readable here.")


def _discard(document: ClinicalDocument, told: Mapping[str, Any], who: User) -> str:
    reports.discard(document=document, shown_version=told["version"], by=who)
    return gettext("The draft is discarded; it stays readable and is never signed.")


Do = Callable[["ClinicalDocument", Mapping[str, Any], "User"], str]
ACTS: Final[Mapping[str, tuple[Do, type[django_forms.Form], bool]]] = {  # what it does, what it asks, whether it signs
    "sentence": (_edit, SentenceForm, False),
    "sign": (_sign, ShownForm, True),
    "addendum": (_addend, AddendumForm, True),
    "retract": (_retract, RetractionForm, True),
    "discard": (_discard, ShownForm, False),
}


@never_cache
@require_safe
def pdf(request: HttpRequest, code: UUID, version: int) -> HttpResponse:
    """A signed version byte for byte; version 0 draws a draft as it stands, which says that nobody has signed it."""
    document = access.document_to_see(code, by=request.user, page="document-pdf")
    if version:
        signed = selectors.signed_version(document, version)
        if signed is None:
            raise Http404(version)
        data, name = bytes(signed.pdf), f"{document.kind}-{document.code}-{version}"
    else:
        if document.state != DocumentState.DRAFT:
            raise Http404("signed already")
        try:
            data = reports_drawn.draw(document, at=timezone.now())
        except Refused as refusal:
            messages.warning(request, refused_words(refusal))
            return redirect("document", code=code)
        name = f"draft-{document.code}"
    return HttpResponse(
        data, content_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}.pdf"'}
    )


@require_safe
def picture(request: HttpRequest, code: UUID, number: int) -> HttpResponse:
    """One picture of a report. A look is recorded by the page that shows it, once."""
    document = access.document_for(Act.SEE, code, by=request.user)
    png = selectors.picture(document, number)
    if png is None:
        raise Http404(number)
    return HttpResponse(png, content_type="image/png", headers={"Cache-Control": KEPT})

"""Where a patient is reached and how they wish to be told."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from nodules_app.forms.reminders import ContactForm, WishForm
from nodules_app.selectors import patients as patient_selectors
from nodules_app.selectors import reminders as selectors
from nodules_app.services import access, contacts
from nodules_app.services.access import Act


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def of_patient(request: HttpRequest, code: UUID) -> HttpResponse:
    """Add an address, or write down a wish; both count from the next message on."""
    patient = access.patient_for(Act.RECORD, code, by=request.user)
    who = access.member(request.user)
    reach = selectors.reach_of(patient)
    wish = reach.wish
    known = (
        {
            "language": wish.language,
            "kind": wish.kind,
            "call_instead": "yes" if wish.call_instead else "no",
            "do_not_contact": wish.do_not_contact,
        }
        if wish
        else {}
    )
    asked = request.POST.get("form", "")
    if request.method == "POST" and asked not in ("contact", "wish"):
        raise BadRequest("no such form")
    contact_form = ContactForm(request.POST if asked == "contact" else None)
    wish_form = WishForm(request.POST if asked == "wish" else None, initial=known)
    if asked == "contact" and contact_form.is_valid():
        contacts.add_contact(patient=patient, by=who, **contact_form.cleaned_data)
    elif asked == "wish" and wish_form.is_valid():
        contacts.wish(patient=patient, by=who, **wish_form.cleaned_data)
    else:
        context = {
            "identity": patient_selectors.identity(patient, today=timezone.localdate()),
            "reach": reach,
            "contact_form": contact_form,
            "wish_form": wish_form,
        }
        status = 422 if contact_form.is_bound or wish_form.is_bound else 200
        return render(request, "reminders/contacts.html", context, status=status)
    messages.success(request, gettext("Recorded. It counts from the next message on."))
    return redirect("patient-contacts", code=code)


@require_POST
def retire(request: HttpRequest, code: UUID) -> HttpResponse:
    """Use an address no more."""
    contact = access.contact_for(Act.RECORD, code, by=request.user)
    contacts.retire_contact(contact=contact, by=access.member(request.user))
    return redirect("patient-contacts", code=contact.patient.code)

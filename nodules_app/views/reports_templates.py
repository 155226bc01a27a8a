"""The letter templates of a clinic: which are in force, and changing one after a look at what a reader would get."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from nodules_app.exchange.documents_templates import FIELDS, OWN, Template
from nodules_app.forms.reports import TemplateForm
from nodules_app.selectors import reports as selectors
from nodules_app.selectors.clinics import acts_of
from nodules_app.services import access, reports, reports_templates
from nodules_app.services.access import Act
from nodules_app.templatetags.follow_ups import refused_words
from registration.errors import Refused


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, code: UUID, kind: str = "patient_letter", language: str = "") -> HttpResponse:
    """Show a template with its preview, try other words, put them in force."""
    clinic = access.clinic_for(Act.MANAGE if request.method == "POST" else Act.SEE, code, by=request.user)
    language = language or clinic.language
    if (kind, language) not in OWN:
        raise Http404(kind)
    row = selectors.template_in_force(clinic, kind, language)
    in_force = reports.as_template(row, kind, language)
    form = TemplateForm(request.POST or None, initial={"subject": in_force.subject, "text": in_force.text})
    shown, refused, filled = in_force, "", None
    if form.is_valid():
        told = form.cleaned_data
        shown = Template(kind, language, told["subject"], told["text"].replace("\r\n", "\n"), in_force.number)
    try:
        filled = reports_templates.preview(shown, clinic)
        if form.is_bound and form.is_valid() and "save" in request.POST:
            why = form.cleaned_data["why"]
            if why:
                by = access.member(request.user)
                saved = reports_templates.save(clinic=clinic, template=shown, why=why, by=by)
                messages.success(request, gettext("Version %(number)s is in force.") % {"number": saved.number})
                return redirect("letter-template", code=code, kind=kind, language=language)
            form.add_error("why", gettext("Say why; the reason is kept with the version."))
    except Refused as refusal:
        refused = refused_words(refusal)
    context = {
        "clinic": clinic,
        "form": form,
        "kind": kind,
        "language": language,
        "lang": selectors.bcp_47(language),
        "in_force": in_force,
        "filled": filled,
        "refused": refused,
        "reading_age": reports_templates.reading_age(shown, filled) if filled and kind == "patient_letter" else None,
        "fields": [(f"{{{name}}}", gettext(means)) for name, means in FIELDS[kind].items()],
        "versions": selectors.template_versions(clinic, kind, language),
        "choices": [(one, other, str(dict(settings.LANGUAGES)[other])) for one, other in OWN],
        "may_change": Act.MANAGE in acts_of(access.member(request.user), clinic),
    }
    return render(request, "reports/template.html", context, status=422 if refused or form.errors else 200)

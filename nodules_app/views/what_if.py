"""What if: one case as a form, every guideline's answer beside it. It reads; it writes nothing but who looked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from nodules_app.charts import ladder as charts
from nodules_app.charts.definitions import GROWTH, definitions_ladder
from nodules_app.clinical.assessment import RULESET_VERSION
from nodules_app.clinical.case import Case
from nodules_app.clinical.change import Series
from nodules_app.clinical.growth import measured
from nodules_app.clinical.risk.layers import Corrected
from nodules_app.forms import what_if_case as cases
from nodules_app.forms.what_if import ChangesForm, WhatIfForm
from nodules_app.selectors import patients as patient_selectors
from nodules_app.selectors.what_if import RealCase, real_case
from nodules_app.services import access, replay, rulesets
from nodules_app.services.ladders import Ladder, is_told
from nodules_app.services.recalibration import corrector
from nodules_app.services.what_if import WhatIf, ask
from nodules_app.templatetags.patients import guideline_name, management_words
from nodules_app.templatetags.what_if import grade, short_words
from nodules_app.templatetags.what_if_growth import definition_name, verdict_words

if TYPE_CHECKING:
    from nodules_app.models import Patient

Context = dict[str, Any]
NEW_NODULE = "N1"


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """From nothing: a case that is no patient's."""
    access.allow(request.user, access.Act.SEE)
    form = _new_case(request)
    context = _asked(form) | {"form": form, "fragment": reverse("what-if-answers")}
    return render(request, "what_if/what_if.html", context, status=200 if form.is_valid() else 422)


@never_cache
@require_safe
def answers(request: HttpRequest) -> HttpResponse:
    """The answers alone, for the page on which somebody types."""
    access.allow(request.user, access.Act.SEE)
    return render(request, "what_if/_answers.html", _asked(_new_case(request)))


@never_cache
@require_safe
def of_patient(request: HttpRequest, code: UUID) -> HttpResponse:
    """From a patient's real numbers: the inputs of the latest assessment."""
    patient = access.patient_to_see(code, by=request.user, page="what-if")
    identity = patient_selectors.identity(patient, today=timezone.localdate())
    real = real_case(patient)
    if real is None:
        return render(request, "what_if/no_case.html", {"identity": identity})
    form = _real_case_form(request, real)
    context = _asked(form, corrected=corrector(patient.clinic)) | {
        "form": form,
        "identity": identity,
        "real": real,
        "nodules": [str(nodule["id"]) for nodule in real.inputs["nodules"]],
        "fragment": reverse("patient-what-if-answers", kwargs={"code": code}),
        "replayed": list(replay.replay(patient=patient))[::-1],
    }
    return render(request, "what_if/what_if.html", context, status=200 if form.is_valid() else 422)


@never_cache
@require_safe
def answers_of_patient(request: HttpRequest, code: UUID) -> HttpResponse:
    """The same for a patient; the look was recorded with the page."""
    patient: Patient = access.patient_for(access.Act.SEE, code, by=request.user)
    real = real_case(patient)
    if real is None:
        return render(request, "what_if/_answers.html", {"form": None, "told": None})
    return render(
        request, "what_if/_answers.html", _asked(_real_case_form(request, real), corrected=corrector(patient.clinic))
    )


@never_cache
@require_safe
def changes(request: HttpRequest) -> HttpResponse:
    """Whose answers a ruleset would change, today's or another that is kept: to be read before it is used."""
    access.allow(request.user, access.Act.SEE)
    form = ChangesForm(request.GET)
    asked = form.cleaned_data if form.is_valid() else {}
    ruleset = asked.get("ruleset") or RULESET_VERSION
    page = replay.page_of_changes(asked.get("page") or 1, under=ruleset)
    context = {
        "page": page,
        "ruleset": ruleset,
        "rulesets": rulesets.held(),
        "next": page.number + 1,
        "before": page.number - 1,
    }
    return render(request, "what_if/changes.html", context)


def _new_case(request: HttpRequest) -> WhatIfForm:
    start = cases.from_nothing(timezone.localdate())
    titles = [gettext("Earlier exam"), gettext("Current exam")]
    return WhatIfForm(_query(request), start=start, nodule=NEW_NODULE, exams=titles, is_real=False)


def _real_case_form(request: HttpRequest, real: RealCase) -> WhatIfForm:
    asked = request.GET.get("nodule")
    known = {str(nodule["id"]) for nodule in real.inputs["nodules"]}
    titles = _titles(len(real.inputs["exams"]))
    nodule = asked if asked in known else real.lead
    return WhatIfForm(_query(request), start=dict(real.inputs), nodule=nodule, exams=titles, is_real=True)


def _query(request: HttpRequest) -> Mapping[str, str]:
    return {name: str(text) for name, text in request.GET.items()}


def _titles(exams: int) -> list[str]:
    middle = [gettext("Exam %(number)s") % {"number": k + 1} for k in range(1, exams - 1)]
    return [*([gettext("First exam")] if exams > 1 else []), *middle, gettext("Current exam")]


def _asked(form: WhatIfForm, *, corrected: Corrected | None = None) -> Context:
    """Ask the guidelines, unless the form is refused or nothing is measured yet."""
    valid = form.is_valid()
    told: WhatIf | None = None
    if valid and form.case is not None and is_told(form.case, form.nodule):
        measured_case = form.real_case() if form.is_real else None
        blood = form.cleaned_data["cea"]
        told = ask(form.case, form.nodule, measured=measured_case, blood=blood, corrected=corrected)
    ladders = [_drawn(ladder, number, form.nodule) for number, ladder in enumerate(told.ladders)] if told else []
    growth = _growth(form.case, form.nodule, told.series) if told and told.series and form.case else None
    return {"form": form, "told": told, "ladders": ladders, "growth": growth, "summary": _summary(form, told)}


def _growth(case: Case, nodule: str, series: Series) -> Context:
    """The present measurement, and the definitions of growth along its size."""
    now = measured(next(one for one in case.nodules if one.id == nodule))[-1]
    ladder = definitions_ladder(series.whole, now)
    if ladder is None:
        return {"now": now, "ladder": None}
    words = charts.Words(
        guideline=definition_name,
        management=lambda code: verdict_words(grew=code == GROWTH),
        short=lambda zone: verdict_words(grew=zone.management == GROWTH),
        grade=lambda code: "c" if code == GROWTH else "a",
        here=_size_words(ladder),
        measured="",
    )
    return {"now": now, "ladder": {"figure": charts.figure(ladder, words)}}


def _summary(form: WhatIfForm, told: WhatIf | None) -> str:
    """What a screen reader hears after each change."""
    if form.errors:
        return " ".join(str(error) for errors in form.errors.values() for error in errors)
    if told is None:
        return gettext("Nothing is measured yet.")
    first = told.answers[0]
    said = f"{guideline_name(first.guideline)}: {management_words(first.result['management'])}"
    if told.changed:
        count = ngettext("%(count)s answer changed.", "%(count)s answers changed.", told.changed)
        return f"{said} {count % {'count': told.changed}}"
    return said


def _drawn(ladder: Ladder, number: int, nodule: str) -> Context:
    words = charts.Words(
        guideline=guideline_name,
        management=management_words,
        short=short_words,
        grade=grade,
        here=_size_words(ladder),
        measured=gettext("measured %(size)s") % {"size": f"{ladder.measured} {ladder.unit}"},
    )
    return {
        "id": f"ladder-{number}",
        "title": _title(ladder.quantity, nodule),
        "figure": charts.figure(ladder, words),
        "columns": [gettext("Guideline"), gettext("Size"), gettext("Answer"), gettext("Rule")],
        "rows": charts.table_rows(ladder, words),
        "note": _note(ladder),
    }


def _title(quantity: str, nodule: str) -> str:
    titles = {
        "volume_mm3": gettext("Along the volume of %(nodule)s"),
        "mean_diameter_mm": gettext("Along the mean diameter of %(nodule)s"),
        "long_axis_mm": gettext("Along the largest diameter of %(nodule)s"),
        "solid_mean_mm": gettext("Along the solid part of %(nodule)s"),
    }
    return titles[quantity] % {"nodule": nodule}


def _size_words(ladder: Ladder) -> str:
    size = f"{ladder.size} {ladder.unit}"
    if ladder.interval_95 is None:
        return size
    digits = 0 if ladder.unit == "mm³" else 1
    low, high = ladder.interval_95
    return f"{size} ({low:.{digits}f}–{high:.{digits}f})"


def _note(ladder: Ladder) -> str:
    """How many boundaries the measurement's interval crosses, guideline by guideline."""
    if ladder.interval_95 is None:
        return gettext("No measurement error is stated for this size, so no interval is drawn.")
    low, high = ladder.interval_95
    crossed = [(guideline_name(strip.guideline), strip.boundaries(low, high)) for strip in ladder.strips]
    told = [
        ngettext("%(count)s boundary of %(guideline)s", "%(count)s boundaries of %(guideline)s", count)
        % {"count": count, "guideline": guideline}
        for guideline, count in crossed
        if count
    ]
    bar = gettext("The bar is the 95 % interval of the measurement.")
    nothing = gettext("No boundary lies inside it.")
    inside = gettext("Inside it: %(boundaries)s.") % {"boundaries": _joined(told)}
    return f"{bar} {inside}" if told else f"{bar} {nothing}"


def _joined(words: Sequence[str]) -> str:
    return gettext(", ").join(words)

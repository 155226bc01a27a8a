"""The learned models in use, each with its card, and choosing another version."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from inference.model_card import Task
from inference.model_errors import ModelRefused
from nodules_app.selectors.learned import counts
from nodules_app.services import access, models
from nodules_app.services.access import Act
from nodules_app.templatetags.models import refusal_words


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Every task: which model does it, what its card says, and what else there is."""
    who = access.member(request.user)
    context = {
        "tasks": models.by_task().values(),
        "refused": [(name, refusal_words(refusal)) for name, refusal in models.registry().refused],
        "judged": counts(access.clinics_of(who, Act.SEE)),
        "may_choose": Act.ADMINISTER in access.acts_of(who),
    }
    return render(request, "models/show.html", context)


@require_POST
def choose(request: HttpRequest, task: str) -> HttpResponse:
    """An administrator pins a version for everybody, goes back to the recommended one, or switches the model off."""
    if task not in list(Task):
        raise Http404(task)
    who = access.allow(request.user, Act.ADMINISTER)
    try:
        models.choose(task=Task(task), version=request.POST.get("version", ""), by=who)
    except ModelRefused as refusal:
        messages.warning(request, refusal_words(refusal))
    else:
        messages.success(request, gettext("The choice holds from now on; what was computed before stays as it is."))
    return redirect("models")

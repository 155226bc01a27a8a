"""Acts on a nodule that change what a patient is owed: each says what will change, asks, and can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from nodules_app.forms.nodule_acts import JoinForm
from nodules_app.lifecycles import NODULE, NoduleState, NoSuchStep, steps_from
from nodules_app.selectors import nodule_acts as selectors
from nodules_app.selectors import patients as patient_selectors
from nodules_app.services import access, merging, nodules
from nodules_app.services.access import Act
from nodules_app.templatetags.follow_ups import refused_words
from registration.errors import Refused

if TYPE_CHECKING:
    from nodules_app.models import Nodule, User


@dataclass(frozen=True, slots=True)
class NoduleAct:
    """One act: the step of the life cycle, what it says before and after, and what takes it back."""

    step: str
    title: Promise
    effect: Promise
    button: Promise
    done: Promise
    do: Callable[[Nodule, User], object]


ACTS: Final[Mapping[str, NoduleAct]] = {
    "part": NoduleAct(
        "unmerge",
        _("%(label)s is a nodule of its own after all"),
        _("It is followed by itself again. The other one gives back what it had taken over; both are owed a review."),
        _("Follow it by itself"),
        _("%(label)s is followed by itself again; both nodules are owed a review."),
        lambda nodule, by: merging.unmerge(nodule=nodule, by=by),
    ),
    "resected": NoduleAct(
        "resect",
        _("%(label)s was resected"),
        _("Surgery has removed it: it is followed no more, and the guidelines are asked again."),
        _("Record that it was resected"),
        _("%(label)s counts as resected. Whoever recorded it in error can take it back at the nodule."),
        lambda nodule, by: nodules.resect(nodule=nodule, by=by),
    ),
    "not-resected": NoduleAct(
        "unresect",
        _("%(label)s was not resected"),
        _("The resection was recorded in error: it is followed again and owed a review."),
        _("Take the resection back"),
        _("%(label)s is followed again and owed a review."),
        lambda nodule, by: nodules.unresect(nodule=nodule, by=by),
    ),
}
QUICKER: Final = _("Somebody was quicker: this nodule's state has changed. It is shown below.")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest, code: UUID, name: str) -> HttpResponse:
    """Say what one act would change, then do it."""
    wanted = ACTS[name]
    nodule = access.nodule_for(Act.MARK, code, by=request.user)
    if wanted.step not in steps_from(NODULE, NoduleState(nodule.state)):
        messages.warning(request, str(QUICKER))
        return _to(nodule)
    if request.method == "POST":
        try:
            wanted.do(nodule, access.member(request.user))
        except NoSuchStep:
            messages.warning(request, str(QUICKER))
        else:
            messages.success(request, str(wanted.done) % {"label": nodule.label})
        return _to(nodule)
    said = {"title": str(wanted.title) % {"label": nodule.label}, "effect": wanted.effect, "button": wanted.button}
    followed = wanted.step == "resect"
    return render(request, "nodules/act.html", _about(nodule) | said | {"form": None, "followed": followed})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, code: UUID) -> HttpResponse:
    """Say which nodule this one is, and what joining the two will change."""
    nodule = access.nodule_for(Act.MARK, code, by=request.user)
    others = selectors.others_of(nodule)
    if "merge" not in steps_from(NODULE, NoduleState(nodule.state)) or not others:
        messages.warning(request, gettext("There is no other followed nodule that it could be."))
        return _to(nodule)
    form = JoinForm(others, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            kept = merging.merge(nodule=nodule, into=form.chosen(), by=access.member(request.user))
        except NoSuchStep:
            messages.warning(request, str(QUICKER))
        except Refused as refusal:
            messages.warning(request, refused_words(refusal))
        else:
            said = gettext("%(label)s is followed as %(kept)s. To undo it, part them again at %(label)s.")
            messages.success(request, said % {"label": nodule.label, "kept": kept.label})
        return _to(nodule)
    words = {
        "title": gettext("%(label)s is the same as another nodule") % {"label": nodule.label},
        "effect": gettext("The other one is followed in its place, takes over its exams, and is owed a review."),
        "button": gettext("Join the two"),
    }
    context = _about(nodule) | words | {"form": form, "followed": True}
    return render(request, "nodules/act.html", context, status=422 if form.is_bound else 200)


def _about(nodule: Nodule) -> dict[str, object]:
    return {
        "nodule": nodule,
        "changes": selectors.changes_of(nodule),
        "identity": patient_selectors.identity(nodule.patient, today=timezone.localdate()),
        "back": _address(nodule),
    }


def _address(nodule: Nodule) -> str:
    return f"{reverse('patient', kwargs={'code': nodule.patient.code})}?nodule={nodule.label}"


def _to(nodule: Nodule) -> HttpResponse:
    return redirect(_address(nodule))

"""Letters on paper: what waits, one PDF to print, and the word that they were posted."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from nodules_app.forms.letters import PostedForm, TakeBackForm
from nodules_app.selectors import posting as selectors
from nodules_app.selectors import reminders as reminder_selectors
from nodules_app.services import access
from nodules_app.services.access import Act
from nodules_app.services.reminders import acts, post, signed_letters
from nodules_app.views.saying_no import in_words
from registration.errors import Refused

if TYPE_CHECKING:
    from nodules_app.models import Clinic, User


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """Letters that wait and those printed last; a POST makes a batch of what waits in a clinic."""
    who = access.allow(request.user, Act.SEE)
    if request.method == "POST":
        try:
            code = UUID(request.POST.get("clinic", ""))
        except ValueError as wrong:
            raise BadRequest("no such clinic") from wrong
        clinic = access.clinic_for(Act.RECORD, code, by=request.user)
        try:
            batch = acts.print_letters(clinic=clinic, by=who, now=timezone.now())
        except Refused as refused:
            messages.warning(request, in_words(refused))
            return redirect("letters")
        for why in acts.held_back(batch):
            messages.warning(request, in_words(why))
        return redirect("letters-pdf", code=batch.code)
    return _page(request, who)


def _page(request: HttpRequest, who: User, refused: tuple[Clinic, PostedForm] | None = None) -> HttpResponse:
    desks = []
    waiting = reminder_selectors.letters_waiting(user=who)
    for clinic, reminders in waiting:
        letters = selectors.letters_to_post(clinic)
        shown = letters[: selectors.SHOWN]
        signed = len(selectors.to_print(letters))
        form = refused[1] if refused and refused[0] == clinic else PostedForm(shown)
        desks.append(
            {
                "clinic": clinic,
                "reminders": reminders,
                "signed": signed,
                "waiting": reminders + signed,
                "letters": shown,
                "more": len(letters) - len(shown),
                "form": form,
            }
        )
    batches = reminder_selectors.batches(user=who)
    stopped = selectors.stopped_in(batches)
    context = {
        "desks": desks,
        "batches": [(batch, stopped[batch.pk]) for batch in batches],
        "posted": selectors.posted_lately([clinic for clinic, _reminders in waiting]),
        "take_back": TakeBackForm(),
    }
    return render(request, "reminders/letters.html", context, status=422 if refused else 200)


@never_cache
@require_POST
def say_posted(request: HttpRequest, code: UUID) -> HttpResponse:
    """Record that the chosen letters went to the post."""
    clinic = access.clinic_for(Act.RECORD, code, by=request.user)
    who = access.member(request.user)
    form = PostedForm(selectors.letters_to_post(clinic), request.POST)
    if form.is_valid():
        try:
            count = signed_letters.say_posted(
                clinic=clinic, chosen=form.cleaned_data["letters"], posted_on=form.cleaned_data["posted_on"], by=who
            )
        except Refused as refused:
            form.add_error(None, in_words(refused))
        else:
            said = ngettext(
                "%(count)s letter is recorded as posted.", "%(count)s letters are recorded as posted.", count
            )
            messages.success(request, said % {"count": count})
            return redirect("letters")
    return _page(request, who, (clinic, form))


@never_cache
@require_POST
def take_back(request: HttpRequest, code: UUID) -> HttpResponse:
    """Take back that a letter was posted."""
    posting = access.posting_for(Act.RECORD, code, by=request.user)
    form = TakeBackForm(request.POST)
    if not form.is_valid():
        messages.error(request, gettext("Say why it is taken back; nothing was recorded."))
        return redirect("letters")
    try:
        signed_letters.take_back(posting=posting, why=form.cleaned_data["why"], by=access.member(request.user))
    except Refused as refused:
        messages.warning(request, in_words(refused))
    else:
        messages.success(request, gettext("Taken back. The letter waits again."))
    return redirect("letters")


@never_cache
@require_safe
def pdf(request: HttpRequest, code: UUID) -> HttpResponse:
    """A batch as PDF, as often as it is needed: reminders as they were fixed then, signed letters as signed."""
    batch = access.batch_for(Act.RECORD, code, by=request.user)
    try:
        body = post.pdf_of_batch(batch, by=access.member(request.user))
    except Refused as refused:
        messages.error(request, in_words(refused))
        return redirect("letters")
    headers = {"Content-Disposition": f'inline; filename="letters-{batch.created_at:%Y-%m-%d}.pdf"'}
    return HttpResponse(body, content_type="application/pdf", headers=headers)

"""Connections to PACS: how each stands, setting one up, trying it, its log; and the list of earlier exams sought."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from nodules_app.forms.connections import ConnectionForm
from nodules_app.lifecycles import NoSuchStep
from nodules_app.selectors import connections as selectors
from nodules_app.services import access, connections, errand_acts, priors, receiving
from nodules_app.services.access import Act
from nodules_app.views.saying_no import in_words
from registration.errors import Refused

METHODS = ["GET", "HEAD", "POST"]


@never_cache
@require_safe
def show_all(request: HttpRequest) -> HttpResponse:
    """Every connection of the clinics that this person administers: state, queue, last error."""
    who = access.allow(request.user, Act.ADMINISTER)
    context = {
        "standings": selectors.standings(selectors.of_administrator(who)),
        "clinics": access.clinics_of(who, Act.ADMINISTER),
        "listening": selectors.listening(),
    }
    return render(request, "connections/all.html", context)


@never_cache
@require_http_methods(METHODS)
def add(request: HttpRequest, code: UUID) -> HttpResponse:
    clinic = access.clinic_for(Act.ADMINISTER, code, by=request.user)
    form = ConnectionForm(request.POST or None, clinic=clinic)
    if form.is_valid():
        try:
            made = connections.set_up(connection=form.save(commit=False), by=access.member(request.user))
        except Refused as refused:
            _say_taken(form, refused)
        else:
            messages.success(request, gettext("Saved. Test it now: nothing has been asked yet."))
            return redirect("connection", code=made.code)
    return render(
        request, "connections/add.html", {"clinic": clinic, "form": form}, status=422 if form.is_bound else 200
    )


@never_cache
@require_http_methods(METHODS)
def show(request: HttpRequest, code: UUID) -> HttpResponse:
    """One connection: its settings, what waits, what was given up, and what has passed."""
    connection = access.connection_for(Act.ADMINISTER, code, by=request.user)
    form = ConnectionForm(request.POST or None, instance=connection, clinic=connection.clinic)
    if form.is_valid():
        who = access.member(request.user)
        try:
            connections.change(connection=form.save(commit=False), changed=form.changed_data, by=who)
        except Refused as refused:
            _say_taken(form, refused)
        else:
            messages.success(request, gettext("Saved. Test it now: nothing has been asked yet."))
            return redirect("connection", code=code)
    (standing,) = selectors.standings(selectors.in_use().filter(pk=connection.pk))
    context = {
        "standing": standing,
        "form": form,
        "searches": selectors.searches_of(connection),
        "sendings": selectors.sendings_of(connection),
        "log": [(line, receiving.waiting_folder(line) is not None) for line in selectors.log_of(connection)],
        "listening": selectors.listening(),
    }
    return render(request, "connections/connection.html", context, status=422 if form.is_bound else 200)


def _say_taken(form: ConnectionForm, refused: Refused) -> None:
    form.add_error("title" if isinstance(refused, connections.TitleTaken) else "name", in_words(refused))


@require_POST
def test(request: HttpRequest, code: UUID) -> HttpResponse:
    """Talk to it now, and say in one sentence what is wrong."""
    connection = access.connection_for(Act.ADMINISTER, code, by=request.user)
    refusal = connections.test(connection=connection, by=access.member(request.user))
    if refusal is None:
        messages.success(request, gettext("%(name)s answers.") % {"name": connection.name})
    else:
        messages.error(request, in_words(refusal))
    return redirect("connection", code=code)


@require_POST
def retire(request: HttpRequest, code: UUID) -> HttpResponse:
    """Use it no more."""
    connection = access.connection_for(Act.ADMINISTER, code, by=request.user)
    connections.retire(connection=connection, by=access.member(request.user))
    messages.success(request, gettext("%(name)s is not used any more. Its log stays.") % {"name": connection.name})
    return redirect("connections")


@require_POST
def act_on_errand(request: HttpRequest, code: UUID, errand: UUID, act: str) -> HttpResponse:
    """Ask or send once more, or take it off the list."""
    connection = access.connection_for(Act.ADMINISTER, code, by=request.user)
    if act not in ("again", "drop"):
        raise Http404
    try:
        errand_acts.act_on(connection=connection, errand=errand, act=act, by=access.member(request.user))
    except NoSuchStep:
        messages.error(request, gettext("This has changed meanwhile; look at what is shown now."))
    return redirect("connection", code=code)


@require_POST
def read_anyway(request: HttpRequest, code: UUID, line: UUID) -> HttpResponse:
    """Have an exam read that broke off, as far as it came."""
    connection = access.connection_for(Act.ADMINISTER, code, by=request.user)
    receiving.read_anyway(connection=connection, line=line, by=access.member(request.user))
    messages.success(request, gettext("What came of this exam will be read within a minute."))
    return redirect("connection", code=code)


@never_cache
@require_safe
def show_priors(request: HttpRequest) -> HttpResponse:
    """The earlier exams that are sought, waited for or given up, for those who see the patients."""
    who = access.allow(request.user, Act.SEE)
    searches = selectors.searches(who)
    access.note_priors_list(who)
    return render(request, "connections/priors.html", {"searches": searches, "acts": access.acts_of(who)})


@require_POST
def seek_again(request: HttpRequest, code: UUID) -> HttpResponse:
    """Ask the PACS once more for the earlier exams of one patient."""
    search = access.prior_search_for(Act.RECORD, code, by=request.user)
    try:
        priors.again(search=search, by=access.member(request.user))
    except NoSuchStep:
        messages.error(request, gettext("This has changed meanwhile; look at what is shown now."))
    else:
        messages.success(request, gettext("The PACS is asked again."))
    return redirect("priors")

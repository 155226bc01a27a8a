"""The pack of a meeting, to be read beforehand or printed: the list, then a page for each case.

It is drawn when it is asked for and says when that was, so that it is never older than its reader thinks.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import formats, timezone
from django.utils.translation import get_language, gettext, to_locale
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from nodules_app.charts import pairs, printed
from nodules_app.exchange.documents import Block, Document, Heading, Lines, Pictures, Small, Table, pdf_of_document
from nodules_app.forms.patients import told_facts
from nodules_app.selectors import mdt as selectors
from nodules_app.selectors import patients as patient_selectors
from nodules_app.selectors.spreadsheets import told_by_lists
from nodules_app.services import access
from nodules_app.services.access import Act
from nodules_app.services.mdt import meetings
from nodules_app.services.recalibration import corrected
from nodules_app.templatetags import mdt as mdt_words
from nodules_app.templatetags import patients as patient_words
from nodules_app.templatetags import words
from nodules_app.templatetags.follow_ups import refused_words
from nodules_app.templatetags.imports import person_name
from nodules_app.templatetags.outcomes import risk_lines
from nodules_app.templatetags.quantities import half_width_95, rounded, signed_percent
from nodules_app.templatetags.recommendations import card
from registration.errors import Refused

if TYPE_CHECKING:
    from nodules_app.charts.pairs import NoduleRow
    from nodules_app.models import Patient, User
    from nodules_app.selectors.mdt import CaseLine, MeetingPage
    from nodules_app.selectors.patients import PatientPage
    from nodules_app.selectors.spreadsheets import Told
    from nodules_app.selectors.timeline import Appearance

PICTURED: Final = 2  # nodules of a case that are shown in pictures: the leading one and the next that changed
SMALL_CHANGE: Final = ("unchanged", "")


@never_cache
@require_GET
def pack(request: HttpRequest, code: UUID) -> HttpResponse:
    """Draw the pack; it is written down that each patient in it was looked at."""
    meeting = access.mdt_meeting_for(Act.SEE, code, by=request.user)
    who = access.member(request.user)
    page = selectors.meeting_page(meeting)
    font = Path(settings.LETTER_FONT) if settings.LETTER_FONT else None
    try:
        pdf = pdf_of_document(_document(page, by=who), font=font)
    except Refused as refusal:
        messages.warning(request, refused_words(refusal))
        return redirect("mdt-meeting", code=code)
    meetings.note_pack_read(meeting, by=who)
    headers = {"Content-Disposition": f'inline; filename="pack-{meeting.code}.pdf"'}
    return HttpResponse(pdf, content_type="application/pdf", headers=headers)


def _document(page: MeetingPage, *, by: User) -> Document:
    when = _instant(page.meeting.starts_at)
    told = {"when": when, "drawn": _instant(timezone.now()), "who": by}
    cases = (*page.to_discuss, *page.noted)
    patients = selectors.patients_of(page.meeting)
    pages = (_case(case, patients[case.code], place) for place, case in enumerate(cases, start=1))
    return Document(
        title=gettext("Pack for the conference"),
        subtitle=f"{page.meeting.clinic.name} · {when} · {page.meeting.place}",
        language=to_locale(get_language() or "en").replace("_", "-"),
        blocks=(*_list(cases), *chain.from_iterable(pages)),
        footer=gettext("Conference of %(when)s, drawn %(drawn)s for %(who)s. A clinician decides.") % told,
    )


def _list(cases: tuple[CaseLine, ...]) -> Iterator[Block]:
    columns = ("", gettext("Patient"), gettext("Question"), gettext("Ready"))
    rows = tuple((str(place), _who(case), gettext(case.question), _ready(case)) for place, case in enumerate(cases, 1))
    if rows:
        yield Table(columns, (1, 6, 8, 5), rows)
    else:
        yield Lines((gettext("The list is empty."),))


def _who(case: CaseLine) -> str:
    name = person_name(case.patient) or gettext("Name not given")
    facts = [case.number]
    facts += [gettext("%(age)s y") % {"age": case.age_years}] if case.age_years is not None else []
    facts += [patient_words.sex_word(case.sex)] if case.sex else []
    return f"{name} · {', '.join(facts)}"


def _ready(case: CaseLine) -> str:
    if case.outcome is not None:
        return mdt_words.outcome_words(case)
    if case.without_discussion:
        return gettext("noted without discussion")
    lacks = mdt_words.lacking(case)
    return gettext("missing: %(lacks)s") % {"lacks": lacks} if lacks else gettext("complete")


def _case(case: CaseLine, patient: Patient, place: int) -> Iterator[Block]:
    page = patient_selectors.patient_page(patient, today=timezone.localdate())
    volumes = pairs.Volumes()
    rows = pairs.nodule_rows(page.timeline, volumes)
    yield Heading(f"{place}. {_who(case)}", on_new_page=True)
    yield Lines((*_asked(case, page), *_known(case, patient, page)))
    shown = [picture for row in _leading(rows, page) for picture in printed.pictures(row, page.timeline, volumes)]
    if shown:
        yield Pictures(tuple(shown))
    if not page.timeline.scans:
        yield Lines((gettext("There are no images of this patient here."), *map(_listed, told_by_lists(patient))))
    elif rows:
        yield _nodules(rows, page)
    yield from _curve(page)
    if page.answers:
        yield _advice(rows, page)


def _curve(page: PatientPage) -> Iterator[Block]:
    curve, left_out = printed.curve(page.timeline, lead=page.lead)
    if curve is not None:
        yield curve
    if left_out:
        yield Small((gettext("Not drawn, and in the table above: %(nodules)s") % {"nodules": ", ".join(left_out)},))


def _asked(case: CaseLine, page: PatientPage) -> Iterator[str]:
    yield gettext("Question: %(question)s") % {"question": gettext(case.question)}
    asks = case.asked_by or gettext("a rule")
    reasons = ", ".join(str(mdt_words.conference_reason_words(code)) for code in case.reasons)
    yield gettext("Asked by: %(who)s") % {"who": f"{asks} · {reasons}" if reasons else asks}
    if case.presenter:
        yield gettext("Presents: %(who)s") % {"who": case.presenter}
    status = f"PS {case.performance_status}" if case.performance_status is not None else gettext("not known")
    yield gettext("Fitness: %(status)s") % {"status": " · ".join(part for part in (status, case.fitness) if part)}
    yield gettext("Pathology: %(state)s") % {"state": mdt_words.pathology_words(case.pathology)}


def _known(case: CaseLine, patient: Patient, page: PatientPage) -> Iterator[str]:
    """What is known of the patient: risk, what is owed, what was decided before."""
    if page.risk:
        facts = [f"{label}: {value}" for label, value in told_facts(page.risk.facts) if value != gettext("No")]
        yield " · ".join(facts)
    risks = [
        f"{risk.model} {risk.here or risk.percent}" + ("" if risk.valid else f" ({gettext('outside its people')})")
        for risk in risk_lines(page.answers, corrected(patient.clinic, page.answers))
    ]
    if risks:
        yield gettext("Probability of cancer: %(models)s") % {"models": "; ".join(risks)}
    for step in page.owed:
        owed = patient_words.next_step_words(step, page.answers, timezone.localdate())
        yield gettext("Owed now: %(step)s") % {"step": owed.title}
    for one in selectors.earlier_outcomes(patient, but=case.code):
        day = formats.date_format(one.confirmed_at, "DATE_FORMAT") if one.confirmed_at else ""
        said = f"{one.get_kind_display()} – {one.says}" if one.says else str(one.get_kind_display())
        yield gettext("Decided before: %(day)s, %(outcome)s") % {"day": day, "outcome": said}


def _leading(rows: tuple[NoduleRow, ...], page: PatientPage) -> list[NoduleRow]:
    """The leading nodule, and the next that changed."""
    first = [row for row in rows if row.nodule.label == page.lead]
    changed = [row for row in rows if row not in first and row.change and row.change.word not in SMALL_CHANGE]
    return (first + changed)[:PICTURED]


def _listed(told: Told) -> str:
    """What the clinic's own list says of a nodule."""
    size = f"{rounded(told.size_mm, 1)} ± {half_width_95(told.size_sd_mm, 1)} mm" if told.size_mm else ""
    seen = patient_words.day_text(told.seen_on) if told.seen_on else ""
    kind = [str(words.lobe_word(told.lobe)), str(words.attenuation_word(told.attenuation)), size, seen]
    facts = {"nodule": told.label or "–", "facts": ", ".join(fact for fact in kind if fact)}
    return gettext("From the clinic's list: %(nodule)s, %(facts)s") % facts


def _nodules(rows: tuple[NoduleRow, ...], page: PatientPage) -> Table:
    days = [one[0].acquired_on if one else None for one in pairs.two_latest(page.timeline)]
    sizes = [f"{patient_words.day_text(day) if day else '–'}, mm³" for day in days]
    columns = (gettext("Nodule"), *sizes, gettext("Change"), gettext("Doubling time"))
    return Table(columns, (5, 4, 4, 8, 5), tuple(_nodule(row) for row in rows), in_small=True)


def _nodule(row: NoduleRow) -> tuple[str, ...]:
    kind = [str(words.lobe_word(row.nodule.lobe))] if row.nodule.lobe else []
    kind += [str(words.attenuation_word(row.shown.attenuation))] if row.shown else []
    change, say = row.change, "–"
    if change is not None and change.word:
        say = str(words.comparison_sign(change.word).label)
    if change is not None and change.volume_ratio:
        low, high = signed_percent(change.volume_ratio_low), signed_percent(change.volume_ratio_high)
        say = f"{say}, {signed_percent(change.volume_ratio)} ({low.removesuffix(' %')} … {high})"
    doubling = patient_words.doubling_words(change) if change is not None and change.volume_ratio else "–"
    return (f"{row.nodule.label} {', '.join(kind)}".strip(), _size(row.prior), _size(row.current), say, doubling)


def _size(seen: Appearance | None) -> str:
    if seen is None or seen.measured is None or not seen.present:
        return pairs.size_text(seen) if seen is not None else "–"
    return f"{rounded(seen.measured.volume_mm3)} ± {half_width_95(seen.measured.volume_sd_mm3)}"


def _advice(rows: tuple[NoduleRow, ...], page: PatientPage) -> Table:
    answers = []
    for answer in page.answers:
        told = card(answer, rows)
        name = f"{told.guideline} · {told.category}" if told.category else told.guideline
        sure = str(words.certainty_word(told.certainty)) if told.certainty else "–"
        answers.append((name, told.say, told.window or "–", sure))
    columns = (gettext("Guideline"), gettext("Says"), gettext("When"), gettext("How sure"))
    return Table(columns, (4, 9, 7, 4), tuple(answers), in_small=True)


def _instant(at: datetime) -> str:
    return formats.date_format(timezone.localtime(at), "DATETIME_FORMAT")

"""A letter as text, from its template and the same signed facts as the report, line by line to be edited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from django.utils.translation import gettext

from nodules_app.exchange import documents_conference as conference
from nodules_app.exchange import documents_plain as plain
from nodules_app.exchange import reports_sentences as sentences
from nodules_app.exchange import reports_words as words
from nodules_app.exchange.documents_templates import DOCTOR, Template, fill
from nodules_app.exchange.documents_text import Part, Written, said
from nodules_app.selectors.reports_facts import SignedFacts

CONFERENCE: Final = "{conference}"


def letter(facts: SignedFacts, template: Template, *, contact: str) -> Written:
    """Fill a template in the language that is active.

    Parameters
    ----------
    contact
        Whom to call or write to, as the clinic says it; empty where the clinic has said nothing.

    Raises
    ------
    UnknownField, LoneBrace, FieldIsEmpty
    """
    filled = fill(_with_conference(template, facts), values(facts, template.kind, contact=contact))
    paragraphs = [block.splitlines() for block in filled.text.split("\n\n")]
    parts: list[Part] = []
    number = 0
    for lines in paragraphs:
        told = []
        for line in filter(None, (line.strip() for line in lines)):
            number += 1
            told.append(said(f"line-{number}", line))
        if told:
            parts.append(Part("", tuple(told)))
    if parts:  # a person's own line stands before the greeting at the end
        place = max(0, len(parts) - 2)
        parts[place] = replace(parts[place], own_key="own")
    made = gettext("Template %(name)s.") % {"name": template.name}
    sources = [conference.source(facts.conference)] if facts.conference else []
    made_from = (made, *sources, *sentences.made_from(facts))
    return Written(filled.subject, sentences.identity(facts), tuple(parts), made_from)


def _with_conference(template: Template, facts: SignedFacts) -> Template:
    """Say what a conference decided even by a template that has no place for it: before the next step, or the end."""
    if facts.conference is None or CONFERENCE in template.text:
        return template
    paragraphs = template.text.split("\n\n")
    place = next((at for at, words in enumerate(paragraphs) if "{next_step}" in words), max(0, len(paragraphs) - 2))
    return replace(template, text="\n\n".join((*paragraphs[:place], CONFERENCE, *paragraphs[place:])))


def values(facts: SignedFacts, kind: str, *, contact: str) -> Mapping[str, str]:
    """Give what each field stands for; what is not known stays empty."""
    who = facts.who
    common = {
        "patient_name": words.person(who.name),
        "born": words.day(who.born) if who.born else "",
        "number": who.number,
        "exam_day": words.day(facts.exam.on) if facts.exam.on else "",
        "contact": contact,
        "clinic": facts.clinic,
    }
    if facts.conference is not None:
        tell = conference.to_doctor if kind == DOCTOR else conference.to_patient
        common["conference"] = tell(facts.conference)
    if kind != DOCTOR:
        return common | {"next_step": plain.next_step(facts.step), "result": plain.result(facts)}
    return common | {
        "next_step": sentences.step_words(facts.step),
        "in_short": plain.in_short(facts),
        "findings": "\n".join(one.text for one in sentences.findings(facts)),
        "assessment": "\n".join(one.text for one in sentences.assessment(facts)),
    }

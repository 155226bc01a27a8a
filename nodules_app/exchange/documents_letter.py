"""A letter as text, from its template and the same signed facts as the report, line by line to be edited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from django.utils.translation import gettext

from nodules_app.exchange import documents_plain as plain
from nodules_app.exchange import reports_sentences as sentences
from nodules_app.exchange import reports_words as words
from nodules_app.exchange.documents_templates import DOCTOR, Template, fill
from nodules_app.exchange.documents_text import Part, Written, said
from nodules_app.selectors.reports_facts import SignedFacts


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
    filled = fill(template, values(facts, template.kind, contact=contact))
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
    return Written(filled.subject, sentences.identity(facts), tuple(parts), (made, *sentences.made_from(facts)))


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
    if kind != DOCTOR:
        return common | {"next_step": plain.next_step(facts.step), "result": plain.result(facts)}
    return common | {
        "next_step": sentences.step_words(facts.step),
        "in_short": plain.in_short(facts),
        "findings": "\n".join(one.text for one in sentences.findings(facts)),
        "assessment": "\n".join(one.text for one in sentences.assessment(facts)),
    }

"""One case as a form: every question a text, so that the clinical core itself judges it and says its own no.

Only what differs from the case one started with is written into the case, so an untouched form asks exactly what was
measured. Everything stands in the address; nothing is saved.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext

from nodules_app.clinical.case import Case
from nodules_app.clinical.codec import case_from_json
from nodules_app.clinical.errors import Refused
from nodules_app.forms import what_if_case as cases
from nodules_app.forms.what_if_words import CHOICES, GROUPS, HINTS, LABELS, SIZES, UNITS
from nodules_app.services.rulesets import held

if TYPE_CHECKING:
    from nodules_app.forms.what_if_words import Text


@dataclass(frozen=True, slots=True)
class Question:
    """One field as the page draws it."""

    field: BoundField
    unit: Text
    measured: str  # what it was before it was changed; empty while it is unchanged or nothing was measured

    is_told: bool = False  # asked by the address, also where there is nothing to compare with

    @property
    def is_changed(self) -> bool:
        return bool(self.measured)


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that belong together; ``folded`` ones are open only when one of them was changed or refused."""

    title: Text
    questions: tuple[Question, ...]
    folded: bool
    is_sizes: bool = False

    @property
    def is_open(self) -> bool:
        return not self.folded or any(one.is_changed or one.field.errors or one.is_told for one in self.questions)


class ChangesForm(forms.Form):
    """Which ruleset, and which page of the patients whose answer it would change."""

    page = forms.IntegerField(min_value=1, required=False)
    ruleset = forms.ChoiceField(choices=lambda: [(version, version) for version in held()], required=False)


class WhatIfForm(forms.Form):
    """The questions of a case.

    Parameters
    ----------
    asked
        The query of the address; what it does not name is as in the case one started with.
    start
        The case to begin with, in the shape of the clinical contract.
    nodule
        The nodule whose sizes are asked.
    exams
        What each exam is called, oldest first.
    is_real
        The case one starts with was measured, so that what differs from it is marked.
    """

    def __init__(
        self, asked: Mapping[str, str], *, start: cases.Json, nodule: str, exams: Sequence[str], is_real: bool
    ) -> None:
        self.start, self.nodule, self.is_real = start, nodule, is_real
        self.began_with = cases.as_told(start, nodule)
        self.case: Case | None = None
        self.exam_titles = exams
        told = {name: _plain(asked.get(name, text)) for name, text in self.began_with.items()}
        super().__init__(told)
        for name in self.began_with:
            self.fields[name] = _field(name)

    def clean_cea(self) -> str:
        """One of the answers of the list; another one comes from a mistyped address."""
        told = str(self.cleaned_data["cea"])
        if told not in dict(CHOICES["cea"]):
            raise forms.ValidationError(gettext("Choose one of the answers."))
        return told

    def clean(self) -> dict[str, Any]:
        """Build the case, or say what the clinical core refuses at the question it is about."""
        told = self.cleaned_data
        try:
            self.case = case_from_json(json.dumps(cases.changed(self.start, self.nodule, self._changed(told))))
        except Refused as refused:
            where = cases.field_of(refused, told)
            self.add_error(where if where in self.fields else None, self._sentence(refused))
        return told

    def real_case(self) -> Case | None:
        """The case one began with, when it can be asked at all."""
        try:
            return case_from_json(json.dumps(cases.changed(self.start, self.nodule, {})))
        except Refused:
            return None

    def _changed(self, told: Mapping[str, str]) -> dict[str, str]:
        return {name: text for name, text in told.items() if text != self.began_with[name]}

    @property
    def changes(self) -> int:
        if not self.is_real:
            return 0
        return len(self._changed({name: str(self.data[name]) for name in self.began_with}))

    def groups(self) -> Iterator[Group]:
        """The questions in the order of the page: the current exam first, what is seldom asked folded."""
        last = len(self.exam_titles) - 1
        for k in range(last, -1, -1):
            of_exam = [f"e{k}_{name}" for name in ("on", *SIZES)]
            yield self._group(self.exam_titles[k], of_exam, folded=0 < k < last, is_sizes=True)
        for title, names, folded in GROUPS:
            yield self._group(title, names, folded=folded)

    def _group(self, title: Text, names: Sequence[str], *, folded: bool, is_sizes: bool = False) -> Group:
        return Group(title, tuple(self._question(name) for name in names if name in self.fields), folded, is_sizes)

    def _question(self, name: str) -> Question:
        before, now = self.began_with[name], self.data[name]
        is_marked = self.is_real and before != now
        measured = (self._shown(name, before) or gettext("nothing")) if is_marked else ""
        return Question(self[name], UNITS.get(_plain_name(name), ""), measured, before != now)

    def _shown(self, name: str, text: str) -> str:
        choices = CHOICES.get(_plain_name(name))
        return str(dict(choices).get(text, text)) if choices else text

    def _sentence(self, refused: Refused) -> str:
        """The core's sentence and remedy in the reader's language, with the words of this page for its fields."""
        facts = {name: self._fact(name, value) for name, value in refused.facts.items()}
        sentence = gettext(refused.sentence).format(**facts)
        remedy = gettext(refused.remedy).format(**facts) if refused.remedy else ""
        return f"{sentence} {remedy}".strip()

    def _fact(self, name: str, value: object) -> object:
        if name in ("field", "short_field", "long_field"):
            return str(LABELS.get(str(value), LABELS.get(cases.FORM_NAME.get(str(value), ""), value)))
        if name == "where":
            return self._place(str(value))
        return value

    def _place(self, where: str) -> str:
        if exam := re.fullmatch(r"exam (\d+)", where):
            shift = len(self.exam_titles) - cases.count_exams(self.start, self.cleaned_data)
            return str(self.exam_titles[min(int(exam[1]) - 1 + shift, len(self.exam_titles) - 1)])
        if nodule := re.fullmatch(r"nodule (.+)", where):
            return nodule[1]
        return {"patient": gettext("Person"), "case": gettext("Case")}.get(where, where)


def _plain(text: str) -> str:
    """Full-width digits as Chinese keyboards write them, and no stray spaces."""
    return unicodedata.normalize("NFKC", text).strip()[:40]


def _plain_name(name: str) -> str:
    return re.sub(r"^e\d+_", "", name)


def _field(name: str) -> forms.CharField:
    plain = _plain_name(name)
    widget: forms.Widget
    if plain in CHOICES:
        widget = forms.Select(choices=CHOICES[plain])
    elif plain == "on":
        widget = forms.DateInput(attrs={"type": "date"})
    else:
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    return forms.CharField(
        label=LABELS[plain], help_text=HINTS.get(plain, ""), required=False, max_length=40, widget=widget
    )

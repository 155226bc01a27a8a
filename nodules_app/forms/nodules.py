"""What a reader says of a nodule, in the words of section 2.4 of the clinical cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from nodules_app.forms.what_if_words import CHOICES, LABELS, UNTOLD

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Text = str | _StrPromise
    Choices = Sequence[tuple[str, Text]]

WORDS: Final[Mapping[str, tuple[Text, Choices]]] = {
    "lobe": (LABELS["lobe"], CHOICES["lobe"]),
    "margin": (LABELS["margin"], CHOICES["margin"]),
    "shape": (
        _("Shape"),
        [
            UNTOLD,
            ("round", pgettext_lazy("shape", "Round")),
            ("oval", pgettext_lazy("shape", "Oval")),
            ("lentiform", pgettext_lazy("shape", "Lens-shaped")),
            ("triangular", pgettext_lazy("shape", "Triangular")),
            ("irregular", pgettext_lazy("shape", "Irregular")),
        ],
    ),
    "calcification": (LABELS["calcification"], CHOICES["calcification"]),
    "airway": (
        _("In an airway"),
        [
            ("", pgettext_lazy("airway", "No")),
            ("subsegmental", _("Yes, in a subsegmental one")),
            ("segmental_or_proximal", _("Yes, in a segmental or larger one")),
        ],
    ),
    "pet_uptake": (LABELS["pet_uptake"], CHOICES["pet_uptake"]),
    "workup": (
        _("What a work-up found"),
        [UNTOLD, ("benign", pgettext_lazy("workup", "Benign")), ("malignant", pgettext_lazy("workup", "Malignant"))],
    ),
}
IN_LOCATION: Final[Mapping[str, Text]] = {
    "perifissural": _("At a fissure"),
    "juxtapleural": _("At the pleura"),
    "airway_secretions": _("In an airway, and looks like secretions"),
}
SEEN: Final[Mapping[str, Text]] = {
    "fat": _("Holds fat"),
    "bubbly": _("Holds bubbles or small cysts"),
}
SUSPICIOUS: Final[Choices] = [
    ("spiculation", _("Spiculation")),
    ("lymphadenopathy", _("Enlarged lymph nodes")),
    ("metastasis", _("Signs of metastasis")),
    ("ggn_doubled_1y", _("Ground glass that doubled within a year")),
    ("chest_wall_invasion", _("Grows into the chest wall")),
    ("other", pgettext_lazy("suspicious", "Something else")),
]
PLACES: Final[Choices] = list(IN_LOCATION.items())
CONTENTS: Final[Choices] = list(SEEN.items())
ASKED: Final = frozenset({*WORDS, *SEEN, "location", "suspicious_features"} - {"airway"})


def word(name: str) -> forms.ChoiceField:
    label, choices = WORDS[name]
    return forms.ChoiceField(label=label, choices=choices, required=False)


def ticks(label: Text, choices: Choices) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(label=label, choices=choices, required=False, widget=forms.CheckboxSelectMultiple)


class DescriptionForm(forms.Form):
    """Nothing is required: an empty answer says that nobody told."""

    lobe = word("lobe")
    margin = word("margin")
    shape = word("shape")
    calcification = word("calcification")
    airway = word("airway")
    pet_uptake = word("pet_uptake")
    workup = word("workup")
    places = ticks(_("Where it lies"), PLACES)
    contents = ticks(_("What it holds"), CONTENTS)
    suspicious_features = ticks(_("What looks suspicious"), SUSPICIOUS)

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        if "airway_secretions" in (told.get("places") or ()) and not told.get("airway"):
            self.add_error("airway", _("Secretions lie in an airway: say in which one, or take the tick away."))
        return told

    @property
    def selects(self) -> list[forms.BoundField]:
        return [self[name] for name in WORDS]

    @property
    def tick_lists(self) -> list[forms.BoundField]:
        return [self[name] for name in ("places", "contents", "suspicious_features")]

    def facts(self, earlier: Mapping[str, Any]) -> dict[str, Any]:
        """Give the new facts; what this form does not ask (a cyst) stays as it was, an empty answer is left out."""
        told = self.cleaned_data
        facts = {name: fact for name, fact in earlier.items() if name not in ASKED}
        facts |= {name: told[name] for name in WORDS if name != "airway" and told[name]}
        location: dict[str, object] = dict.fromkeys(told["places"], True)
        if told["airway"]:
            location["airway"] = told["airway"]
        if location:
            facts["location"] = location
        facts |= dict.fromkeys(told["contents"], True)
        if told["suspicious_features"]:
            facts["suspicious_features"] = list(told["suspicious_features"])
        return facts


def as_asked(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Give kept facts in the shape of the form's questions."""
    location = facts.get("location") or {}
    return {
        **{name: facts.get(name) or "" for name in WORDS if name != "airway"},
        "airway": location.get("airway") or "",
        "places": _true(location, IN_LOCATION),
        "contents": _true(facts, SEEN),
        "suspicious_features": list(facts.get("suspicious_features") or ()),
    }


def _true(facts: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    return [name for name in names if facts.get(name)]


def told_description(facts: Mapping[str, Any]) -> list[tuple[Text, list[Text]]]:
    """Give what is told as pairs of question and answers, in the order of the form; what nobody told is left out."""
    asked = as_asked(facts)
    pairs: list[tuple[Text, list[Text]]] = [
        (label, [dict(choices)[asked[name]]]) for name, (label, choices) in WORDS.items() if asked[name]
    ]
    for label, name, choices in (
        (_("Where it lies"), "places", PLACES),
        (_("What it holds"), "contents", CONTENTS),
        (_("What looks suspicious"), "suspicious_features", SUSPICIOUS),
    ):
        if asked[name]:
            pairs.append((label, [dict(choices)[one] for one in asked[name]]))
    return pairs


ANOTHER: Final = "another"
NOTHING: Final = "nothing"


class NotTheSameForm(forms.Form):
    """What a finding is that is not this nodule; ``others`` are findings that may be this nodule instead."""

    answer = forms.ChoiceField(
        label=_("What is right?"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one of the answers.")},
    )

    def __init__(self, *args: Any, label: str, others: Sequence[tuple[str, str]], **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        theirs = _("%(label)s is what is called %(other)s there")
        answers: list[tuple[str, Text]] = [
            (ANOTHER, _("It is another nodule. Follow it as one of its own.")),
            (NOTHING, _("It is no nodule: a vessel, a scar, or nothing.")),
            *((code, theirs % {"label": label, "other": other}) for code, other in others),
        ]
        field = self.fields["answer"]
        if isinstance(field, forms.ChoiceField):
            field.choices = answers

"""What letters say around their facts: the product's own templates, and how any template is read and filled.

A template is text with fields in braces. A clinic may write its own; a field that no letter knows is refused in one
sentence, and so is a brace that stands alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from registration.errors import Refused, gettext_noop

PATIENT, DOCTOR = "patient_letter", "doctor_letter"
FIELD: Final = re.compile(r"\{([^{}\n]*)\}")
# What may stand in braces, with what it stands for; pages show the second.
COMMON: Final[dict[str, str]] = {
    "patient_name": gettext_noop("the patient's name"),
    "born": gettext_noop("day of birth"),
    "number": gettext_noop("the patient's number"),
    "exam_day": gettext_noop("day of the exam"),
    "conference": gettext_noop("what a conference decided, where one did; else nothing"),
    "next_step": gettext_noop("the next step with its days"),
    "contact": gettext_noop("whom to call or write to"),
    "clinic": gettext_noop("the name of the clinic"),
}
FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    PATIENT: COMMON | {"result": gettext_noop("the result in plain words")},
    DOCTOR: COMMON
    | {
        "in_short": gettext_noop("how the nodules stand, in one line"),
        "findings": gettext_noop("each nodule with its numbers, as in the report"),
        "assessment": gettext_noop("what the guidelines say, as in the report"),
    },
}
OPTIONAL: Final = frozenset({"conference"})  # may be empty: its paragraph is left out then
OWN_VERSION: Final = 2  # of the templates below; raised when their words change


class UnknownField(Refused):
    """A template names what no letter knows, or a brace stands alone."""

    code = "template_unknown_field"
    sentence = gettext_noop("This template names {fields}, which such a letter does not know.")
    remedy = gettext_noop("Use only these: {known}.")


class LoneBrace(Refused):
    """A brace without its partner."""

    code = "template_lone_brace"
    sentence = gettext_noop("A brace stands alone in line {line} of the template: “{words}”.")
    remedy = gettext_noop("Close it around the name of a field, or take it away.")


class FieldIsEmpty(Refused):
    """What a template asks for is not known of this patient or clinic: a letter with a gap is not sent."""

    code = "letter_field_is_empty"
    sentence = gettext_noop("The letter needs this, and it is not recorded: {field}.")
    remedy = gettext_noop("Record it at the patient or in the settings of the clinic, then write the letter again.")


@dataclass(frozen=True, slots=True)
class Template:
    """A letter before its facts; ``number`` 0 is the product's own."""

    kind: str
    language: str
    subject: str
    text: str
    number: int = 0

    @property
    def name(self) -> str:
        version = f"{self.number}" if self.number else f"0.{OWN_VERSION}"
        return f"{self.kind} {self.language} {version}"


def check(template: Template) -> None:
    """See that a template can be filled.

    Raises
    ------
    UnknownField
        It names a field that this kind of letter does not have.
    LoneBrace
        A brace opens or closes nothing.
    """
    known = FIELDS[template.kind]
    for number, line in enumerate((template.subject, *template.text.splitlines())):
        if set("{}") & set(FIELD.sub("", line)):
            raise LoneBrace(line=number, words=line.strip()[:60])
    named = FIELD.findall(f"{template.subject}\n{template.text}")
    unknown = dict.fromkeys(f"{{{field}}}" for field in named if field not in known)
    if unknown:
        raise UnknownField(fields=", ".join(unknown), known=", ".join(f"{{{field}}}" for field in known))


def fill(template: Template, values: Mapping[str, str]) -> Template:
    """Put the values in the place of the fields.

    Raises
    ------
    UnknownField, LoneBrace
    FieldIsEmpty
        A field that the template names has no value.
    """
    check(template)
    named = dict.fromkeys(FIELD.findall(f"{template.subject}\n{template.text}"))
    empty = next((field for field in named if field not in OPTIONAL and not values.get(field)), None)
    if empty is not None:
        raise FieldIsEmpty(field=FIELDS[template.kind][empty])
    subject, text = (
        FIELD.sub(lambda found: values.get(found[1], ""), words) for words in (template.subject, template.text)
    )
    return Template(template.kind, template.language, subject, text, template.number)


_PATIENT_EN: Final = """Dear {patient_name},

You had a CT scan of your chest on {exam_day}. Now we have the result.

{result}

{conference}

{next_step}

If you feel worse, cough up blood or lose weight, do not wait. Call us or your family doctor.

{contact}

Yours sincerely
{clinic}"""
_PATIENT_ZH: Final = """{patient_name}：

您好！您于{exam_day}做了胸部CT检查，现将结果告诉您。

{result}

{conference}

{next_step}

如果您感到不适加重、咳血或体重下降，请不要等待，马上联系我们或您的家庭医生。

{contact}

{clinic}"""
_DOCTOR_EN: Final = """Dear colleague,

{patient_name}, born {born}, number {number}, had a CT of the chest on {exam_day}.

In short: {in_short} {next_step}

{findings}

{assessment}

{conference}

{contact}

Yours sincerely
{clinic}"""
_DOCTOR_ZH: Final = """尊敬的同道：

患者{patient_name}（出生日期：{born}，编号：{number}）于{exam_day}接受了胸部CT检查。

概要：{in_short}{next_step}

{findings}

{assessment}

{conference}

{contact}

{clinic}"""
OWN: Final[Mapping[tuple[str, str], Template]] = {
    (PATIENT, "en"): Template(PATIENT, "en", "The result of your CT scan", _PATIENT_EN),
    (PATIENT, "zh-hans"): Template(PATIENT, "zh-hans", "您的CT检查结果", _PATIENT_ZH),
    (DOCTOR, "en"): Template(DOCTOR, "en", "{patient_name}: CT of the chest on {exam_day}", _DOCTOR_EN),
    (DOCTOR, "zh-hans"): Template(DOCTOR, "zh-hans", "{patient_name}：{exam_day} 胸部CT", _DOCTOR_ZH),
}

"""The honest no of the clinical core: what is wrong with the case, where, and what to do about it.

Same three parts as the refusals of the imaging packages (code, sentence, remedy), but its own class: the clinical
core needs nothing but Python.
"""

from __future__ import annotations

from typing import ClassVar


def gettext_noop(message: str) -> str:
    """Mark a sentence for translation; pages translate it at the edge, the core does not know Django."""
    return message


class Refused(Exception):
    """What cannot be answered, said in one sentence.

    Parameters
    ----------
    **facts
        The values that ``sentence`` and ``remedy`` name in braces; kept for translation and for JSON.
    """

    code: ClassVar[str] = "refused"
    sentence: ClassVar[str] = gettext_noop("This case cannot be evaluated.")
    remedy: ClassVar[str] = ""

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(self.as_sentence())

    def as_sentence(self) -> str:
        """Give the sentence in English with its facts filled in."""
        return self.sentence.format(**self.facts)

    def as_remedy(self) -> str:
        """Give the remedy in English with its facts filled in."""
        return self.remedy.format(**self.facts)


class NotUnderstood(Refused):
    """The base of everything that makes a case unreadable or impossible."""


class NotAnObject(NotUnderstood):
    """The line is no JSON object."""

    code = "not_an_object"
    sentence = gettext_noop("The line is not a JSON object.")
    remedy = gettext_noop("Write one JSON object per line, in UTF-8.")


class FieldMissing(NotUnderstood):
    """A required field is absent or empty."""

    code = "field_missing"
    sentence = gettext_noop("{where}: {field} is missing or empty.")
    remedy = gettext_noop("Give {field}.")


class WrongKind(NotUnderstood):
    """A list where an object is expected, a number where a word is expected, and so on."""

    code = "wrong_kind"
    sentence = gettext_noop("{where}: {field} must be {expected}.")
    remedy = gettext_noop("Write {field} as {expected}.")


class UnknownWord(NotUnderstood):
    """A word outside its list."""

    code = "unknown_word"
    sentence = gettext_noop("{where}: {field} has no value {value}; it may be {allowed}.")
    remedy = gettext_noop("Use one of the listed words.")


class NotANumber(NotUnderstood):
    """Something else where a number is expected."""

    code = "not_a_number"
    sentence = gettext_noop("{where}: {field} is not a number: {value}.")
    remedy = gettext_noop("Write digits with a decimal point, such as 6.5.")


class NumberOutOfRange(NotUnderstood):
    """A negative number, a size of zero, or a number no examination can give."""

    code = "number_out_of_range"
    sentence = gettext_noop("{where}: {field} cannot be {value}; it must be {allowed}.")
    remedy = gettext_noop("Check the number and its unit.")


class NotADate(NotUnderstood):
    """A date that is badly written or does not exist."""

    code = "not_a_date"
    sentence = gettext_noop("{where}: {field} {value} is not a date that exists.")
    remedy = gettext_noop("Write dates as YYYY-MM-DD.")


class NoSuchExam(NotUnderstood):
    """A measurement on a day without an exam."""

    code = "no_such_exam"
    sentence = gettext_noop("Nodule {nodule}: the measurement of {date} belongs to no exam.")
    remedy = gettext_noop("Give the exam of that day, or correct the date.")


class ShortAxisLonger(NotUnderstood):
    """The short axis is longer than the long axis."""

    code = "short_axis_longer"
    sentence = gettext_noop("Nodule {nodule}, {date}: {short_field} {short_mm} is larger than {long_field} {long_mm}.")
    remedy = gettext_noop("Give the larger diameter as the long axis.")


class SolidPartLarger(NotUnderstood):
    """The solid component is longer than the nodule."""

    code = "solid_part_larger"
    sentence = gettext_noop(
        "Nodule {nodule}, {date}: solid_long_axis_mm {solid_mm} is larger than long_axis_mm {whole_mm}."
    )
    remedy = gettext_noop("Measure the solid component inside the nodule, in the same plane.")


class SameNoduleTwice(NotUnderstood):
    """Two nodules carry one id."""

    code = "same_nodule_twice"
    sentence = gettext_noop("Two nodules have the id {nodule}.")
    remedy = gettext_noop("Give every nodule its own id.")


class BornAfterExam(NotUnderstood):
    """The birth date lies after the last exam."""

    code = "born_after_exam"
    sentence = gettext_noop("The birth date {birth_date} lies after the last exam {exam_date}.")
    remedy = gettext_noop("Check the birth date and the exam dates.")


class UnknownEdition(Refused):
    """A stored answer, or a caller, asks for a ruleset or an edition that this program does not hold."""

    code = "unknown_edition"
    sentence = gettext_noop("There is no ruleset or edition {ruleset}; this program holds {held}.")
    remedy = gettext_noop("Name one of these, or use the program version that gave the answer.")


class ScanNotLater(Refused):
    """A later scan is asked about that is not later."""

    code = "scan_not_later"
    sentence = gettext_noop("The scan of {on} does not lie after the current exam of {exam_date}.")
    remedy = gettext_noop("Give a day after the current exam.")

"""The honest no of the imaging packages: what is wrong and where, and what to do about it.

``Refused`` is the base for ``registration``, ``inference`` and ``nodules_app.dicom``. A refusal is not an
error of ours: it is shown to a person as one sentence with a remedy and is never retried. Subclasses state ``code``,
``sentence`` and ``remedy`` as class attributes; the facts that the sentence names are passed by keyword and kept.
"""

from __future__ import annotations

from typing import ClassVar


def gettext_noop(message: str) -> str:
    """Mark a sentence for translation; pages translate it at the edge, the cores do not know Django."""
    return message


class Refused(Exception):
    """What cannot be measured, registered or read, said in one sentence.

    Parameters
    ----------
    **facts
        The values that ``sentence`` and ``remedy`` name in braces; kept for translation and for JSON.
    """

    code: ClassVar[str] = "refused"
    sentence: ClassVar[str] = gettext_noop("This cannot be done.")
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


class NoLungsFound(Refused):
    """Nothing in the scan looks like a lung."""

    code = "no_lungs_found"
    sentence = gettext_noop("No lungs were found in this scan: {reason}.")
    remedy = gettext_noop("Choose the series that shows the chest; check that its intensities are Hounsfield units.")


class NotRegistrable(Refused):
    """The two scans cannot be brought into one space."""

    code = "not_registrable"
    sentence = gettext_noop("The two scans cannot be brought into one space: {reason}.")
    remedy = gettext_noop("Check that both scans show the chest of the same patient; compare them side by side by eye.")


class NoCommonLung(NotRegistrable):
    """One scan ends before the lung that the other shows begins."""

    code = "no_common_lung"
    sentence = gettext_noop("The two scans share only {shared_mm:.0f} mm of lung from top to bottom.")
    remedy = gettext_noop("Choose series that show the same part of the chest.")


class TurnedOver(NotRegistrable):
    """The pictures of one scan run against what its header says."""

    code = "turned_over"
    sentence = gettext_noop("One of the two scans is {how} against its header: turned back, they match.")
    remedy = gettext_noop(
        "Do not measure on either; have the archive check orientation and slice order and send again."
    )


class UnknownDevice(Refused):
    """A processor was asked for that this installation cannot use."""

    code = "unknown_device"
    sentence = gettext_noop("Registration does not know '{device}': it runs on 'cpu', 'cuda' or 'auto'.")
    remedy = gettext_noop("Ask for 'auto'.")


class NoDevice(Refused):
    """The GPU that was asked for does not compute."""

    code = "no_device"
    sentence = gettext_noop("Registration cannot run on '{device}': {reason}.")
    remedy = gettext_noop("Ask for 'auto', which takes the processor where there is no GPU.")

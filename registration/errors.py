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

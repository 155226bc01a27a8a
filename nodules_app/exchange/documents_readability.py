"""How hard an English text is to read: the reading age in years that the Flesch-Kincaid grade means.

Source
------
Kincaid et al. 1975, Research Branch Report 8-75: grade = 0.39 words per sentence + 11.8 syllables per word - 15.59. A
pupil of grade g is about g + 5 years old. The formula is of English alone; of Chinese nothing is said.
"""

from __future__ import annotations

import re
from typing import Final

WORD: Final = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")
SENTENCE_END: Final = re.compile(r"[.!?]+(?:\s|$)|\n\s*\n")
DAY: Final = re.compile(r"\b\d{1,2}-[A-Z][a-z]{2}-\d{4}\b")
SPOKEN_LE: Final = re.compile(r"[^aeiouy]le$")  # as in table; the e of nodule is silent
VOWELS: Final = re.compile(r"[aeiouy]+")
YEARS_BEFORE_SCHOOL: Final = 5
FIRST_GRADE_YEARS: Final = 6


def reading_age_years(text: str) -> float | None:
    """Give the age at which most children read such a text with ease.

    A date counts as one short word: people read it as a sign, not letter by letter.

    Returns
    -------
    float or None
        Years, at least six; None where there is no English word to measure.
    """
    plain = DAY.sub("day", text)
    sentences = [one for one in SENTENCE_END.split(plain) if WORD.search(one)]
    found = WORD.findall(plain)
    if not found:
        return None
    grade = 0.39 * len(found) / len(sentences) + 11.8 * sum(map(syllables, found)) / len(found) - 15.59
    return max(float(FIRST_GRADE_YEARS), grade + YEARS_BEFORE_SCHOOL)


def syllables(word: str) -> int:
    """Count the syllables of an English word by its runs of vowels; a silent e at the end is none.

    Counting by rule is off by one for about one word in ten, either way; over a letter this levels out.
    """
    plain = re.sub(r"['’].*", "", word.lower())
    count = len(VOWELS.findall(plain))
    silent = plain.endswith("e") and not plain.endswith("ee") and not SPOKEN_LE.search(plain)
    if plain.endswith("ed") and not plain.endswith(("ted", "ded")):
        silent = True
    if plain.endswith("es") and not plain.endswith(("ses", "zes", "ces", "ges", "xes", "ches", "shes")):
        silent = True
    return max(1, count - silent)

"""How a Chinese name sounds, so that it is found by its pinyin as well."""

from __future__ import annotations

import re
from typing import Final

from pypinyin import Style, lazy_pinyin

from nodules_app.models.patients import HAN

HAN_RUN: Final = re.compile(f"[{HAN}]+")


def sounds_of(name: str) -> str:
    """Give the syllables apart, together, and by their first letters: 张^三 is found by "zhang san", "zhangsan", "zs".

    Empty for a name without Chinese characters. A character with several readings has its most usual one.
    """
    said = []
    for run in HAN_RUN.findall(name.replace("^", "")):  # DICOM parts family and given name
        syllables = lazy_pinyin(run, style=Style.NORMAL, errors="ignore")
        said += [" ".join(syllables), "".join(syllables), "".join(syllable[0] for syllable in syllables)]
    return " ".join(said)[:200]

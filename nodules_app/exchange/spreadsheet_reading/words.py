"""The words of a list, English and Chinese, and what each means to us."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from nodules_app.exchange.spreadsheet_reading.cells import plain

NOT_A_LETTER: Final = re.compile(r"[\W_]+")

SEX: Final[Mapping[str, str]] = {
    "female": "female f w woman women 女 女性 女士",
    "male": "male m man men 男 男性 先生",
}
LOBE: Final[Mapping[str, str]] = {
    "RUL": "rul|right upper lobe|right upper|ru|右上|右上叶|右肺上叶|右上肺",
    "RML": "rml|right middle lobe|right middle|rm|middle lobe|右中|右中叶|右肺中叶|右中肺",
    "RLL": "rll|right lower lobe|right lower|rl|右下|右下叶|右肺下叶|右下肺",
    "LUL": "lul|left upper lobe|left upper|lu|左上|左上叶|左肺上叶|左上肺",
    "LINGULA": "lingula|lingular|舌段|左舌段|左肺舌段|左肺上叶舌段|左上叶舌段",
    "LLL": "lll|left lower lobe|left lower|ll|左下|左下叶|左肺下叶|左下肺",
}
ATTENUATION: Final[Mapping[str, str]] = {
    "solid": "solid|s|sn|实性|实性结节",
    "part_solid": "part solid|partsolid|part-solid|partly solid|mixed|mixed ggn|mggn|semisolid|semi solid|psn"
    "|部分实性|混合|混合磨玻璃|混合性磨玻璃|混合磨玻璃结节|部分实性结节|混杂磨玻璃",
    "ground_glass": "ground glass|groundglass|ggn|ggo|pure ggn|pggn|nonsolid|non solid|nsn"
    "|磨玻璃|纯磨玻璃|磨玻璃结节|纯磨玻璃结节|磨玻璃影",
}
STEP: Final[Mapping[str, str]] = {
    "ct": "ct|ct scan|ldct|low dose ct|ct chest|chest ct|hrct|repeat ct|follow up ct|followup ct|surveillance ct"
    "|annual ct|scan|复查ct|胸部ct|低剂量ct|ct复查|ct随访|随访ct|复查|薄层ct",
    "workup": "work up|workup|pet|pet ct|petct|biopsy|bronchoscopy|surgery|resection|mdt|referral|oncology"
    "|穿刺|活检|手术|支气管镜|会诊|多学科会诊|转诊|进一步检查",
    "review": "review|clinic|clinic visit|clinic review|appointment|call|phone|telephone|discuss|outpatient"
    "|reader review|门诊|门诊复诊|复诊|电话|阅片|医生复核|门诊随访",
    "discharge": "discharge|discharged|no follow up|none|stop|ended|end|closed|no further"
    "|结束随访|终止随访|停止随访|无需随访|不再随访|出组|无需复查",
}


def folded(text: str) -> str:
    """Give the letters and figures of a word alone, lower case, so that "Right-Upper lobe" is "right upper lobe"."""
    return " ".join(NOT_A_LETTER.sub(" ", plain(text).casefold()).split())


def _meanings(words: Mapping[str, str]) -> dict[str, str]:
    separator = "|" if any("|" in said for said in words.values()) else " "
    return {folded(word): meaning for meaning, said in words.items() for word in said.split(separator)}


MEANINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "sex": _meanings(SEX),
    "lobe": _meanings(LOBE),
    "attenuation": _meanings(ATTENUATION),
    "step": _meanings(STEP),
}


def examples(words: Mapping[str, str]) -> str:
    """One word of each meaning in both languages, for whoever wrote one that is not understood."""
    separator = "|" if any("|" in said for said in words.values()) else " "
    told = []
    for said in words.values():
        known = said.split(separator)
        told.append(f"{known[0]} ({next(word for word in known if not word.isascii())})")
    return ", ".join(told)


def meaning_of(kind: str, text: str) -> str | None:
    """What a word means: of a step also where it stands within other words ("CT chest in 6 months"). None: unknown."""
    known = MEANINGS[kind]
    said = folded(text)
    if said in known:
        return known[said]
    if (joined := said.replace(" ", "")) in known:
        return known[joined]
    return _within(said) if kind == "step" else None


def _within(said: str) -> str | None:
    """The one step that is named by whole words within a longer text; None where it names none, or two."""
    words = f" {said} "
    found = {meaning for word, meaning in MEANINGS["step"].items() if len(word) > 1 and _is_in(word, words)}
    if found == {"ct", "workup"}:  # "PET-CT", "CT-guided biopsy": the work-up says more
        return "workup"
    return found.pop() if len(found) == 1 else None


def _is_in(word: str, words: str) -> bool:
    return f" {word} " in words if word.isascii() else word in words

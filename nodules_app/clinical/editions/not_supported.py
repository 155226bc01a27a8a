"""Guidelines that are known but whose tables could not be read: they are named and answered ``not_supported``."""

from __future__ import annotations

from typing import Final

from nodules_app.clinical.assessment import Finding
from nodules_app.clinical.editions.edition import Edition, found
from nodules_app.clinical.reasons import because
from nodules_app.clinical.rules import NOTHING, Rule
from nodules_app.clinical.view import View


def _edition(code: str, edition: str, title: str) -> Edition:
    rule = Rule(f"{code}.NOT_SUPPORTED", NOTHING, "not_supported", None, title, "M")

    def judge(view: View) -> Finding:
        return found(rule, view, why=(because("not_implemented"),))

    return Edition(code, edition, title, (rule,), judge)


EDITIONS: Final = (
    _edition("ESTI2025", "2025", "European Society of Thoracic Imaging 2025"),
    _edition("IELCAP", "protocol", "I-ELCAP protocol"),
    _edition("NCCN", "2025", "NCCN lung cancer screening"),
    _edition("JSCTS", "5th ed. 2017", "Japanese Society of CT Screening"),
)

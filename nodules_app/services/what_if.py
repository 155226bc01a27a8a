"""One case asked of every guideline, beside what was really measured. Nothing is stored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from nodules_app.clinical.answers import answer_to_json, kept_answer
from nodules_app.clinical.assess import assess
from nodules_app.clinical.assessment import Assessment, Probability
from nodules_app.clinical.case import Case
from nodules_app.clinical.change import Series, series
from nodules_app.clinical.risk.layers import Corrected, Layers, layers
from nodules_app.clinical.view import look_at
from nodules_app.services.assessments import SIDE_BY_SIDE
from nodules_app.services.ladders import GUIDELINES, NO_STEP, Ladder, ladders

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """What one guideline says of the case, and of what was measured when that is another case."""

    guideline: str
    result: Json
    growth: tuple[Json, ...]
    was: Json | None = None

    @property
    def is_changed(self) -> bool:
        """Whether a clinician would act otherwise than on the measured values."""
        acted_upon = ("management", "interval", "category")
        return self.was is not None and any(self.was.get(name) != self.result.get(name) for name in acted_upon)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Everything the page shows of one case."""

    answers: tuple[Said, ...]
    risk_nodule: str
    risks: tuple[Probability, ...]
    layers: Layers | None  # the published model and what PET and blood add; None where no model can be computed
    ladders: tuple[Ladder, ...]
    series: Series | None  # how the nodule changed, by both definitions of growth; None with one size only

    @property
    def changed(self) -> int:
        return sum(said.is_changed for said in self.answers)


def ask(
    case: Case, nodule: str, *, measured: Case | None = None, blood: str = "", corrected: Corrected | None = None
) -> WhatIf:
    """Ask every guideline about a case.

    Parameters
    ----------
    case
        Its own list of guidelines is not looked at: all that have tables are asked.
    nodule
        The nodule whose sizes the ladders run along.
    measured
        The case as it really is; answers that differ from its answers are marked.
    blood, corrected
        For the layers of the risk, see ``clinical.risk.layers``.
    """
    asked = replace(case, guidelines=GUIDELINES)
    told = assess(asked)
    real = {} if measured is None else _by_guideline(assess(replace(measured, guidelines=GUIDELINES)))
    growth = tuple(answer_to_json(told)["growth"])
    answers = [Said(code, result, growth, real.get(code)) for code, result in _by_guideline(told).items()]
    order = SIDE_BY_SIDE[case.setting]
    answers.sort(key=lambda said: (said.result["management"] in NO_STEP, said.guideline not in order))
    return WhatIf(
        answers=tuple(answers),
        risk_nodule=told.risk_nodule_id or "",
        risks=tuple(told.risk.values()),
        layers=layers(look_at(asked), blood=blood, corrected=corrected),
        ladders=tuple(ladders(asked, nodule, measured=measured)),
        series=next((series(one) for one in case.nodules if one.id == nodule), None),
    )


def _by_guideline(assessment: Assessment) -> dict[str, Json]:
    """The answers as pages take them: as stored ones, with the reasons in both languages and how firm they are."""
    return {result["guideline"]: result for result in kept_answer(assessment)["results"]}

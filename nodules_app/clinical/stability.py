"""How sure an answer is, given the measurement errors that were stated: every management the true sizes may lead to.

Every nodule that carries an error is split into states between whose sizes nothing changes (``true_sizes``), and the
edition judges one example of each combination of states: how the guideline picks the leading nodule is asked of the
guideline itself. Errors of different nodules are independent. No random numbers: the same case gives the same digits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from nodules_app.clinical.assessment import Branch, Finding, Stability
from nodules_app.clinical.case import Case
from nodules_app.clinical.editions.catalogue import EDITIONS
from nodules_app.clinical.editions.edition import Edition
from nodules_app.clinical.ranks import chance_to_be_largest, contenders, size_by_rank, with_largest
from nodules_app.clinical.true_sizes import NEGLIGIBLE, State, has_errors, states
from nodules_app.clinical.view import Look, View, look_at

BORDERLINE: Final = Decimal("0.05")  # more than this elsewhere
EITHER_WAY: Final = Decimal("0.33")

Answer = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Weighing:
    """Managements by falling probability; their probabilities sum to one."""

    branches: tuple[Branch, ...]
    stability: Stability


def weigh(case: Case, guideline: str) -> Weighing:
    """Weigh one guideline's answer against the stated measurement errors of all nodules.

    Parameters
    ----------
    case
        Measurements may carry ``sd``; without any there is one branch with probability 1.
    guideline
        Code of an edition.

    Returns
    -------
    Weighing
        ``stable`` while at most 5 % lie elsewhere, ``could_go_either_way`` from 33 %.
    """
    view, edition = look_at(case), EDITIONS[guideline]
    return weigh_finding(view, edition, edition.judge(view))


def weigh_finding(view: View, edition: Edition, finding: Finding) -> Weighing:
    """The same for an answer that was already given."""
    chances = _chances(view, edition) if states_errors(view, edition) else {_answer(finding): Decimal(1)}
    elsewhere = 1 - sum((p for (code, _), p in chances.items() if code == finding.code), Decimal(0))
    stability: Stability = "stable"
    if elsewhere > BORDERLINE:
        stability = "could_go_either_way" if elsewhere > EITHER_WAY else "borderline"
    return Weighing(_branches(chances), stability)


def states_errors(view: View, edition: Edition) -> bool:
    """Whether any nodule carries a measurement error other than 0."""
    return any(has_errors(edition, look) for look in view.present)


def _answer(finding: Finding) -> Answer:
    return finding.code, finding.rule.id


def _branches(chances: dict[Answer, Decimal]) -> tuple[Branch, ...]:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    likeliest: dict[str, tuple[Decimal, str]] = {}
    for (code, rule_id), chance in chances.items():
        totals[code] += chance
        likeliest[code] = max(likeliest.get(code, (Decimal(-1), "")), (chance, rule_id))
    order = sorted(totals, key=lambda code: (-totals[code], code))
    return tuple(Branch(code, likeliest[code][1], "true size within the stated error", totals[code]) for code in order)


def _chances(view: View, edition: Edition) -> dict[Answer, Decimal]:
    unsure = [look for look in view.present if has_errors(edition, look)]
    certain = [look for look in view.present if not has_errors(edition, look)]
    split = [states(view, edition, look, certain) for look in unsure]
    if len(split) > 1:
        split = [_merged(view, edition, nodule) for nodule in split]
    chances: dict[Answer, Decimal] = defaultdict(Decimal)
    for chance, chosen in _combinations(split):
        for share, answer in _answers(view, edition, chosen):
            chances[answer] += chance * share
    total = sum(chances.values(), Decimal(0))
    return {answer: chance / total for answer, chance in chances.items()}


def _answers(view: View, edition: Edition, chosen: Sequence[State]) -> list[tuple[Decimal, Answer]]:
    """What is said of one combination of states; more than one answer where it depends on who is the largest."""
    size = size_by_rank(edition, view.present)
    rivals = contenders(size, chosen) if edition.leads_by != "urgency" and len(chosen) > 1 else []
    if len(rivals) < 2:
        return [(Decimal(1), _judged(view, edition, [state.look for state in chosen]))]
    led = {place: looks for place in rivals if (looks := with_largest(size, chosen, place)) is not None}
    said = {place: _judged(view, edition, looks) for place, looks in led.items()}
    shares = {place: Decimal(1) for place in said}
    if len(set(said.values())) > 1:
        shares = {place: chance_to_be_largest(size, chosen, place) for place in said}
    total = sum(shares.values(), Decimal(0))
    if not total:  # nodules without a size, or of one size: their order in the case decides
        return [(Decimal(1), _judged(view, edition, [state.look for state in chosen]))]
    return [(shares[place] / total, answer) for place, answer in said.items()]


def _judged(view: View, edition: Edition, looks: Sequence[Look]) -> Answer:
    for look in looks:
        view = view.with_look(look)
    return _answer(edition.judge(view))


def _merged(view: View, edition: Edition, nodule: list[State]) -> list[State]:
    """States in which a nodule plays the same part are one."""
    if edition.part_played is None:
        return nodule
    parts: dict[Hashable, State] = {}
    for state in sorted(nodule, key=lambda state: -state.probability):
        part = edition.part_played(view.with_look(state.look), state.look)
        likelier = parts.get(part)
        parts[part] = state if likelier is None else likelier.joined(state)
    return list(parts.values())


def _combinations(split: Sequence[Sequence[State]]) -> Iterator[tuple[Decimal, tuple[State, ...]]]:
    """One state of every nodule, but none that is too unlikely to be printed."""
    likely: list[tuple[Decimal, tuple[State, ...]]] = [(Decimal(1), ())]
    for nodule in split:
        likely = [
            (chance * state.probability, (*chosen, state))
            for chance, chosen in likely
            for state in nodule
            if chance * state.probability > NEGLIGIBLE
        ]
    yield from likely

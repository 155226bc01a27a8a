"""All risk models of one case, in the order in which they are printed."""

from __future__ import annotations

from collections.abc import Mapping

from nodules_app.clinical.assessment import Probability
from nodules_app.clinical.risk.brock import COEFFICIENTS, brock
from nodules_app.clinical.risk.herder import herder
from nodules_app.clinical.risk.mayo import mayo
from nodules_app.clinical.risk.pkuph import pkuph
from nodules_app.clinical.risk.plcom2012 import plcom2012
from nodules_app.clinical.risk.subject import subject_of
from nodules_app.clinical.risk.va import va
from nodules_app.clinical.sizes import longest_mm
from nodules_app.clinical.view import Look, View, is_benign


def risk_look(view: View) -> Look | None:
    """The nodule the models speak of: the one asked for, else the one with the largest diameter, first on ties.

    Benign nodules and nodules without a diameter do not count.
    """
    asked = view.case.risk_nodule_id
    if asked is not None:
        return next((look for look in view.present if look.nodule.id == asked), None)
    sized = [
        (size, look)
        for look in view.present
        if not is_benign(look.nodule) and (size := longest_mm(look.now)) is not None
    ]
    return max(sized, key=lambda pair: pair[0])[1] if sized else None


def risks(view: View) -> tuple[Look | None, Mapping[str, Probability]]:
    """Every model with its probability, or with what it misses."""
    look = risk_look(view)
    found: list[Probability] = []
    if look is not None:
        subject = subject_of(view, look)
        found = [brock(model, subject) for model in COEFFICIENTS]
        found += [mayo(subject), herder(subject), va(subject), pkuph(subject)]
    found.append(plcom2012(view.case.patient, view.age))
    return look, {p.model: p for p in found}

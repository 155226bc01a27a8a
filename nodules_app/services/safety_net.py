"""The proof that nobody is lost: the database is asked, and an answer other than "nobody" is an alarm."""

from __future__ import annotations

import logging

from django.core.cache import cache
from django.utils import timezone

from nodules_app.selectors.safety_net import LAST_PROOF, PROVED_AT, Proof, coverage, uncovered_nodules

log = logging.getLogger(__name__)


class SomebodyIsLost(RuntimeError):
    """An active nodule has neither an open follow-up nor a closure. The database should have refused this."""

    def __init__(self, proof: Proof) -> None:
        self.proof = proof
        super().__init__(", ".join(sorted({str(one.patient) for one in proof.lost})))


def prove() -> Proof:
    """Ask the database and keep the answer for the pages; raise ``SomebodyIsLost`` with the patients' codes."""
    proof = Proof(at=timezone.now(), covered=coverage(), lost=uncovered_nodules())
    cache.set(LAST_PROOF, proof, timeout=None)
    if proof.lost:
        lost = SomebodyIsLost(proof)
        log.critical("somebody is lost: patients %s have an active nodule and no next step", lost)
        raise lost
    cache.set(PROVED_AT, (proof.at, proof.covered.active_nodules), timeout=None)
    return proof

"""What a worker does when the network may have something for it: one errand at a time, until none is due."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from nodules_app.models import PriorSearch, Sending
from nodules_app.services import errands, priors, transfers
from nodules_app.services.errands import Kind
from registration.errors import Refused

log = logging.getLogger(__name__)

MOST_A_ROUND: Final = 20  # then another worker, or the clock, goes on: imaging waits in the same queue


def do_due() -> int:
    """Do what is due. Returns how many errands were taken up."""
    done = 0
    while done < MOST_A_ROUND and (_next(Sending, transfers.send) or _next(PriorSearch, priors.search)):
        done += 1
    return done


def _next(kind: type[Kind], act: Callable[[Kind], None]) -> bool:
    """Take up one that is due; a refusal that is not the network's (an object that cannot be made) waits as well."""
    errand = errands.claim(kind)
    if errand is None:
        return False
    try:
        act(errand)
    except Refused as refusal:
        log.warning("%s cannot be done now: %s", errand, refusal.code)
        errands.wait(errand, refusal)
    return True

"""The search of one or two scans for what may be a nodule: by the detector, and by a network where one is in use."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from inference.candidate_filter import find_filtered
from inference.candidates import METHOD, VERSION, Candidate, find_candidates
from inference.model_card import Task
from inference.model_errors import NotForNetworks
from inference.networks.running import Network
from nodules_app.models import Candidate as Row
from nodules_app.models import Scan
from nodules_app.services.pipeline.networks import keep_answer, opened
from registration.lungs import Lungs
from registration.volume import Volume

log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search found, scan by scan, and who it was.

    Parameters
    ----------
    notes
        For the run: method and model.
    shown
        By key of the scan, a digest of what the network was shown; empty where there was none.
    """

    found: tuple[tuple[Candidate, ...], ...]
    notes: dict[str, str]
    network: Network | None = None
    shown: dict[int, str] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """Of detector and network, for the rows."""
        return f"{VERSION}+{self.network.card.version}" if self.network else VERSION

    def keep_answers(self, rows: Sequence[Row]) -> None:
        """Write down what the network said of the rows that came of this search."""
        if self.network is None:
            return
        for row in rows:
            if row.version == self.version and row.scan_id in self.shown:
                keep_answer(self.network, self.shown[row.scan_id], {"score": row.score}, candidate=row)


def search(scans: Sequence[tuple[Scan, Volume, Lungs]]) -> Searched:
    """Search scans that are held against each other: all of them with the network, or none."""
    network, notes = opened(Task.CANDIDATES)
    method = {"candidates": f"{METHOD} {VERSION}"}
    if network is not None:
        try:
            seen = [find_filtered(volume, lungs, network) for _, volume, lungs in scans]
        except NotForNetworks as refusal:
            log.warning("searched without a model: %s", refusal.as_sentence())
            notes = {"model": "none", "model_refused": refusal.code}
        else:
            shown = {scan.pk: one.input_sha256 for (scan, _, _), one in zip(scans, seen, strict=True)}
            notes |= {"looked_at": str(sum(one.looked_at for one in seen))}
            notes |= {f"input_{number}": one.input_sha256[:16] for number, one in enumerate(seen)}
            return Searched(tuple(one.candidates for one in seen), method | notes, network, shown)
    return Searched(tuple(find_candidates(volume, lungs) for _, volume, lungs in scans), method | notes)

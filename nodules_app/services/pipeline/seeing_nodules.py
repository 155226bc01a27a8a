"""Beside the main job: ask the network in use what the nodules of a scan look like, and which region says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from inference.attribution import heat_maps
from inference.heat_regions import regions
from inference.model_card import Task
from inference.networks.running import Network
from inference.phenotype import PhenotypeWord, describe_all
from nodules_app.models import Finding, Run, Scan
from nodules_app.services import runs
from nodules_app.services.assessments import in_force
from nodules_app.services.pipeline.networks import keep_answer, opened
from nodules_app.services.pipeline.volumes import volume_of
from registration.volume import Volume

LIKELY: Final = 0.5  # a feature that is held for likely is shown with its region


def see_nodules(run: Run) -> Callable[[], Mapping[str, str]]:
    """Ask about every measured nodule of a scan that this network has not been asked about."""
    if run.scan is None:
        raise ValueError(f"run {run.code} names no scan")
    network, notes = opened(Task.PHENOTYPE)
    findings = _unseen(run.scan, network) if network else []
    if network is None or not findings:
        return lambda: notes
    volume = volume_of(run.scan.series)
    words = describe_all(volume, [finding.lps_mm for finding in findings], network)
    answers = []
    for number, (finding, word) in enumerate(zip(findings, words, strict=True), start=1):
        answers.append(_answer(finding, word, volume, network))
        runs.say_progress(run, 100 * number // len(findings))

    def store() -> Mapping[str, str]:
        for finding, word, answer in zip(findings, words, answers, strict=True):
            keep_answer(network, word.input_sha256, answer, finding=finding)
        return notes

    return store


def _unseen(scan: Scan, network: Network) -> list[Finding]:
    asked = scan.findings.filter(superseded_at__isnull=True, present=True)
    return list(asked.exclude(answers__weights_sha256=network.card.weights_sha256).order_by("pk"))


def _answer(finding: Finding, word: PhenotypeWord, volume: Volume, network: Network) -> dict[str, Any]:
    """What it says, and the regions of what it holds for likely, on the slice that pages show."""
    measured = in_force(finding)
    shown = measured.axial_index if measured is not None and measured.axial_index is not None else None
    slice_index = round(float(volume.index_from_lps(finding.lps_mm)[0])) if shown is None else shown
    likely = {word.likeliest_attenuation} | {name for name, share in word.features.items() if share >= LIKELY}
    heats = {name: heat for name, heat in heat_maps(volume, finding.lps_mm, network).items() if name in likely}
    found = regions(heats, volume, finding.lps_mm, slice_index)
    return {**word.as_json(), "regions": {name: region.as_json() for name, region in found.items()}}

"""Make the growth network's own errors as wide as real CT asks for; writes one factor into its card.

``python -m tests.benchmarks.calibrate_growth FOLDER`` lays simulated nodules of known growth into the real scans that
``tests.benchmarks.bench_registration --folder`` moved, measures and asks about them as the product does, and takes the
smallest factor on the network's errors with which the interval of measured and learned together holds 95 % of the true
ratios, or as many as any factor lets it. The real nodules of these pairs, and all of other pairs, are left for
``tests.benchmarks.evaluate_growth``.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from scipy import ndimage

from inference.learned_growth import read_answers
from inference.model_card import Task
from inference.networks.running import open_model
from inference.registry import OUR_WEIGHTS, Registry
from inference.simulate.inserted import draw_inserted, insert
from inference.simulate.nodules import Attenuation, Placement
from inference.training.growth import joint_factor, joint_held
from registration.volume import Volume
from tests.benchmarks.known_motion import MOVED_SCANS, Case, MovedScan, moved_scan
from tests.benchmarks.learned_on_real_ct import MeasuredReal, RealPair, measure_real, real_pair

NODULES: Final = 20  # ordered in each pair; what finds no place is left out
APART_MM: Final = 26.0
DIAMETERS_MM: Final = (4.5, 13.0)
SMALLEST_MM: Final = {Attenuation.SOLID: 4.5, Attenuation.PART_SOLID: 7.0, Attenuation.GROUND_GLASS: 5.5}
RATIOS: Final = (0.6, 2.5)
UNCHANGED_SHARE: Final = 0.3
OFF_MIDDLE: Final = 0.1  # of the diameter: spread of the asked point


def laid(plan: MovedScan, case: Case, pair: RealPair) -> list[MeasuredReal]:
    """Lay nodules into both scans of a pair, at places that its motion is known for, and measure them."""
    rng = np.random.default_rng([plan.seed, 21])
    orders = sorted((_order(rng) for _ in range(NODULES)), key=lambda order: -order[0])
    drawn = draw_inserted(
        pair.current.read.volume,
        pair.current.lungs,
        orders,
        rng,
        apart_mm=APART_MM,
        avoid_lps_mm=case.nodules[1],
        among_lps_mm=case.lattice[1],
    )
    prior, ratios = [], []
    for one in drawn:
        (number,) = np.flatnonzero((case.lattice[1] == one.centre_lps_mm).all(axis=1))
        x, y, z = (float(v) for v in case.lattice[0][number])
        log_ratio = 0.0 if rng.random() < UNCHANGED_SHARE else float(rng.uniform(*np.log(RATIOS)))
        ratios.append(log_ratio)
        prior.append(replace(one, centre_lps_mm=(x, y, z), diameter_mm=one.diameter_mm * math.exp(-log_ratio / 3)))
    before = pair.current.read.volume
    current = _softened(before, insert(before, drawn), float(plan.settings["source_sigma_mm"]))
    pair = pair.with_volumes(insert(pair.prior.read.volume, prior), current)
    told = []
    for one, log_ratio in zip(prior, ratios, strict=True):
        asked = np.asarray(one.centre_lps_mm) + rng.normal(0, OFF_MIDDLE * one.diameter_mm, 3)
        told.append(measure_real(pair, asked, log_ratio))
    found = [one for one in told if one is not None]
    sys.stderr.write(f"{plan.name}: {len(found)} of {len(drawn)} nodules measured on both scans\n")
    return found


def _softened(before: Volume, after: Volume, sigma_mm: float) -> Volume:
    """What was laid in, as soft as the scan around it: a moved scan is made of a smoothed one."""
    change = after.array_hu.astype(np.float32) - before.array_hu
    change = ndimage.gaussian_filter(change, sigma_mm / np.asarray(before.spacing_zyx_mm))
    array_hu = np.rint(before.array_hu + change).astype(np.int16)
    return Volume(array_hu, before.spacing_zyx_mm, before.origin_lps_mm, before.direction)


def _order(rng: np.random.Generator) -> tuple[float, Attenuation, Placement]:
    kind = Attenuation(rng.choice(["solid", "part_solid", "ground_glass"], p=[0.6, 0.1, 0.3]))
    diameter_mm = float(np.exp(rng.uniform(np.log(SMALLEST_MM[kind]), np.log(DIAMETERS_MM[1]))))
    return diameter_mm, kind, Placement(rng.choice(["isolated", "vessel"]))


def main() -> None:
    """Lay in, measure, ask, write the factor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("made", type=Path, help="what bench_registration --folder made of real CT")
    parser.add_argument("--version", default="3")
    parser.add_argument("--folder", type=Path, default=OUR_WEIGHTS)
    told = parser.parse_args()
    model = Registry.of(our_folder=told.folder).choose(Task.GROWTH, told.version)
    if model is None:
        raise SystemExit(f"no version {told.version}")
    measured = []
    for plan in MOVED_SCANS:
        case = moved_scan(plan, told.made)
        measured += laid(plan, case, real_pair(plan.name, told.made / plan.folder))
    said = read_answers(np.stack([one.cubes_hu for one in measured]), open_model(model))
    true, found, errors = (
        np.array([getattr(one, name) for one in measured]) for name in ("true", "measured", "measured_error")
    )
    factor = joint_factor(true, found, errors, said)
    before, after = (joint_held(true, found, errors, said, by) for by in (1.0, factor))
    whole = round(model.card.settings["error_factor"] * factor, 4)
    card = replace(model.card, settings=model.card.settings | {"error_factor": whole})
    (told.folder / f"{card.name}.json").write_text(card.to_json(), "utf-8")
    sys.stdout.write(
        f"{card.name}: on {len(measured)} nodules laid into real CT the joint interval held {before:.3f}, "
        f"with errors {factor:.2f} times as large {after:.3f}; error_factor {whole}\n"
    )


if __name__ == "__main__":
    main()

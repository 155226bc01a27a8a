"""Maps between two scans that are known to the last digit, where registering real images would take a minute."""

from __future__ import annotations

import numpy as np

from registration.affine import Affine
from registration.mapping import Mapping
from registration.quality import Support
from registration.spline import Spline, SplineGrid
from registration.transform import Registration
from registration.volume import Volume


def breathing(prior: Volume, *, most_mm: float = 4.0, seed: int = 0) -> Registration:
    """Give a shift, a little stretch and a smooth bend of some millimetres, known all over the prior scan."""
    low, high = _box(prior)
    grid = SplineGrid.over(low, high, 24.0)
    bend = np.random.default_rng(seed).uniform(-most_mm, most_mm, (grid.nodes, 3))
    stretch = np.diag([1.03, 0.98, 1.01])
    steps = np.meshgrid(*(np.linspace(a, b, 5) for a, b in zip(low, high, strict=True)), indexing="ij")
    points = np.stack(steps, axis=-1).reshape(-1, 3)
    return Registration(
        mapping=Mapping(Affine(stretch, (low + high) / 2, np.array([3.0, -2.0, 1.5])), (Spline(grid, bend),)),
        prior_rotation=np.eye(3),
        current_rotation=np.eye(3),
        support=Support(points, np.full(len(points), 0.3)),
        median_residual_mm=0.3,
        inverse_error_mm=0.1,
        fold_fraction=0.0,
        kept_fraction=0.9,
        median_agreement=0.9,
    )


def _box(volume: Volume) -> tuple[np.ndarray, np.ndarray]:
    """Corners of a scan whose axes are the patient's, in the order z, y, x."""
    ends = volume.lps_from_index([[0, 0, 0], np.asarray(volume.shape_zyx) - 1])[:, ::-1]
    return ends.min(axis=0), ends.max(axis=0)

"""Where the heavy loops run: compiled for the processor, or as torch tensors on a GPU.

The plan of a registration is written once, in ``register.py`` and ``coarse.py``. It asks one of these for its loops and
gets the same types back; keypoints, lungs and block means are found on the processor either way, so that both walk
the same points.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from registration.errors import NoDevice, UnknownDevice
from registration.grid import Grid, LungImage
from registration.refine import Moved, moved
from registration.search import Costs, choose_shifts, shift_costs
from registration.spline import SplineGrid
from registration.spline_fit import SplineFit, fit_spline

logger: Final = logging.getLogger(__name__)

DEVICES: Final = ("cpu", "cuda", "auto")
Points = NDArray[np.float64]


class Kernels(Protocol):
    """The loops that the plan needs; see the functions of the same name for what they take and give."""

    @property
    def name(self) -> str:
        """What they run on, for people; empty for the processor."""

    def shift_costs(
        self, prior: Grid, current: Grid, points_mm: Points, expected_mm: Points, stretch: Points, *, reach: int,
        step_mm: float,
    ) -> Costs:  # fmt: skip
        """See :func:`registration.search.shift_costs`."""

    def choose_shifts(self, costs: Costs, drawn_to_mm: Points, weight_per_mm2: float) -> tuple[Points, Points]:
        """See :func:`registration.search.choose_shifts`."""

    def moved(
        self, lung: LungImage, other: LungImage, points_mm: Points, places_mm: Points, jacobians: Points, *,
        sigma_mm: float, half_width_mm: float,
    ) -> Moved:  # fmt: skip
        """See :func:`registration.refine.moved`."""

    def fit_spline(
        self, grid: SplineGrid, points_mm: Points, wanted_mm: Points, weights: Points, *, stiffness: float,
        least_outlier_mm: float,
    ) -> SplineFit:  # fmt: skip
        """See :func:`registration.spline_fit.fit_spline`."""


class OnProcessor:
    """The compiled loops."""

    name: Final = ""
    shift_costs = staticmethod(shift_costs)
    choose_shifts = staticmethod(choose_shifts)
    moved = staticmethod(moved)
    fit_spline = staticmethod(fit_spline)


def kernels_for(device: str) -> Kernels:
    """The loops for a device.

    Parameters
    ----------
    device
        ``"cpu"``; ``"cuda"``; or ``"auto"``: a GPU that answers, else the processor, and the log says why.

    Raises
    ------
    UnknownDevice
        Another word.
    NoDevice
        ``"cuda"`` was asked for and there is no GPU that computes.
    """
    if device not in DEVICES:
        raise UnknownDevice(device=device)
    if device == "cpu":
        return OnProcessor()
    # By name: torch takes a second to load, and what serves pages must be able to import this package without it.
    on_torch: Callable[[str], Any] = importlib.import_module("registration.torch_kernels").OnTorch
    try:
        kernels: Kernels = on_torch("cuda")
    except NoDevice as missing:
        if device == "cuda":
            raise
        logger.info("Registration runs on the processor: %s", missing.as_sentence())
        return OnProcessor()
    logger.info("Registration runs on %s", kernels.name)
    return kernels

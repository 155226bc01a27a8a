"""The loops of registration as torch tensors: the same steps as the compiled ones, all points side by side.

Not bit for bit: sums run in another order. Asked for their places, both agree within a few hundredths of a millimetre
(``tests/unit/registration/test_torch_kernels.py``).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from registration.errors import NoDevice
from registration.grid import Grid, LungImage
from registration.refine import Moved
from registration.search import NOISE_HU2, PATCH_HALF, Costs
from registration.spline import SplineGrid
from registration.spline_fit import Basis, SplineFit, conjugate_gradients, fit_spline
from registration.torch_fit import Equations
from registration.torch_patches import TorchLung, settled

POINTS_AT_ONCE: Final = 2048  # bounds the memory: 600 samples of a patch take 40 kB
SEARCHED_AT_ONCE: Final = 256
Points = NDArray[np.float64]


class OnTorch:
    """The loops on one torch device.

    Parameters
    ----------
    device
        As torch names it; ``"cpu"`` serves the tests.

    Raises
    ------
    NoDevice
        The device does not compute.
    """

    def __init__(self, device: str) -> None:
        self.device = torch.device(device)
        if self.device.type == "cuda" and not torch.cuda.is_available():
            raise NoDevice(device=device, reason="torch finds no GPU with a driver that fits")
        try:
            torch.ones(2, device=self.device).sum().item()  # a GPU may be there and yet be full, or too old
        except RuntimeError as failed:
            raise NoDevice(device=device, reason=str(failed).splitlines()[0]) from failed
        self._lungs: dict[int, tuple[LungImage, TorchLung]] = {}

    @property
    def name(self) -> str:
        """What they run on."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "torch on the processor"

    def shift_costs(
        self, prior: Grid, current: Grid, points_mm: Points, expected_mm: Points, stretch: Points, *, reach: int,
        step_mm: float,
    ) -> Costs:  # fmt: skip
        """See :func:`registration.search.shift_costs`."""
        here, there = self._sent(prior.image).float(), self._sent(current.image).float()
        width = reach + PATCH_HALF
        steps = torch.arange(-PATCH_HALF, PATCH_HALF + 1, device=self.device) * step_mm
        far = torch.arange(-width, width + 1, device=self.device) * step_mm
        costs = []
        for start in range(0, len(points_mm), SEARCHED_AT_ONCE):
            some = slice(start, start + SEARCHED_AT_ONCE)
            axes = [self._index(points_mm[some], prior, a, steps / stretch[a]) for a in range(3)]
            template = _interpolated(here, axes)
            template = template - template.mean(dim=(1, 2, 3), keepdim=True)
            axes = [self._index(expected_mm[some], current, a, far) for a in range(3)]
            costs.append(_slid(template, _nearest(there, axes)))
        return Costs(torch.cat(costs).cpu().numpy(), reach, step_mm)

    def choose_shifts(self, costs: Costs, drawn_to_mm: Points, weight_per_mm2: float) -> tuple[Points, Points]:
        """See :func:`registration.search.choose_shifts`."""
        steps = torch.arange(-costs.reach, costs.reach + 1, device=self.device, dtype=torch.float64) * costs.step_mm
        shifts_mm = torch.cartesian_prod(steps, steps, steps)
        values, drawn = self._sent(costs.values), self._sent(drawn_to_mm)
        chosen = (values + weight_per_mm2 * torch.cdist(drawn, shifts_mm) ** 2).argmin(dim=1)
        agreement = 1.0 - values.gather(1, chosen[:, None])[:, 0].double()
        return shifts_mm[chosen].cpu().numpy(), agreement.cpu().numpy()

    def moved(
        self, lung: LungImage, other: LungImage, points_mm: Points, places_mm: Points, jacobians: Points, *,
        sigma_mm: float, half_width_mm: float,
    ) -> Moved:  # fmt: skip
        """See :func:`registration.refine.moved`."""
        parts = []
        for start in range(0, max(len(points_mm), 1), POINTS_AT_ONCE):
            some = slice(start, start + POINTS_AT_ONCE)
            points, places, slopes = (self._sent(array[some]) for array in (points_mm, places_mm, jacobians))
            parts.append(settled(self._lung(lung), self._lung(other), points, places, slopes, sigma_mm, half_width_mm))
        return Moved(*(torch.cat(part).double().cpu().numpy() for part in zip(*parts, strict=True)))

    def fit_spline(
        self, grid: SplineGrid, points_mm: Points, wanted_mm: Points, weights: Points, *, stiffness: float,
        least_outlier_mm: float,
    ) -> SplineFit:  # fmt: skip
        """See :func:`registration.spline_fit.fit_spline`."""
        return fit_spline(
            grid, points_mm, wanted_mm, weights, stiffness=stiffness, least_outlier_mm=least_outlier_mm,
            solve=self._solve,
        )  # fmt: skip

    def _solve(self, basis: Basis, weights: Points, wanted_mm: Points, stiffness: float, coefficients: Points) -> None:
        """As the compiled loops do, with everything sent there once and the coefficients fetched at the end."""
        first, shares, believed = (self._sent(array) for array in (basis.first, basis.weights, weights))
        equations = Equations(basis.shape, first, shares, believed, stiffness)
        improved = self._sent(coefficients).clone()
        side = equations.right_hand_side(self._sent(wanted_mm))
        conjugate_gradients(equations.product, side, equations.diagonal(), improved)
        coefficients[:] = improved.cpu().numpy()

    def _sent(self, array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    def _lung(self, lung: LungImage) -> TorchLung:
        """The lung on the device, sent once; the image is kept beside it so that its number stays its own."""
        if id(lung.image) not in self._lungs:
            sent = TorchLung(
                self._sent(lung.image).float(),
                self._sent(lung.inner) != 0,
                self._sent(lung.spacing_mm),
                self._sent(lung.origin_mm),
            )
            self._lungs[id(lung.image)] = lung, sent
        return self._lungs[id(lung.image)][1]

    def _index(self, points_mm: Points, grid: Grid, axis: int, steps_mm: Tensor) -> Tensor:
        """Continuous index (n, k) along one axis of a grid of steps (k,) around points (n, 3)."""
        along = self._sent((points_mm[:, axis] - grid.origin_mm[axis]) / grid.spacing_mm[axis])
        return along[:, None] + steps_mm.double() / float(grid.spacing_mm[axis])


def _nearest(image: Tensor, axes: list[Tensor]) -> Tensor:
    """Values (n, a, b, c) of the voxels nearest to the lattice of continuous indices (n, a), (n, b), (n, c)."""
    z, y, x = ((index + 0.5).floor().long().clamp(0, size - 1) for index, size in zip(axes, image.shape, strict=True))
    found: Tensor = image[z[:, :, None, None], y[:, None, :, None], x[:, None, None, :]]
    return found


def _interpolated(image: Tensor, axes: list[Tensor]) -> Tensor:
    """The same, trilinear; beyond the border the border's value."""
    low = [index.floor().clamp(0, size - 2) for index, size in zip(axes, image.shape, strict=True)]
    z, y, x = ((index - start).clamp(0, 1).float() for index, start in zip(axes, low, strict=True))
    z, y, x = z[:, :, None, None], y[:, None, :, None], x[:, None, None, :]
    block = [_nearest(image, [low[0] + i, low[1] + j, low[2] + k]) for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    rows = [torch.lerp(block[n], block[n + 1], x.expand_as(block[n])) for n in (0, 2, 4, 6)]
    planes = [torch.lerp(rows[n], rows[n + 1], y.expand_as(rows[n])) for n in (0, 2)]
    return torch.lerp(planes[0], planes[1], z.expand_as(planes[0]))


def _slid(template: Tensor, block: Tensor) -> Tensor:
    """1 - correlation (n, shifts) of each template (n, 5, 5, 5) with every patch of its block (n, w, w, w)."""
    samples = template[0].numel()
    noise = samples * NOISE_HU2
    block = block - block.mean(dim=(1, 2, 3), keepdim=True)  # keeps the sums of squares small
    product = functional.conv3d(block[None], template[:, None], groups=len(template))[0]
    total = samples * functional.avg_pool3d(block[:, None], template.shape[-1], stride=1)[:, 0]
    squares = samples * functional.avg_pool3d(block[:, None] ** 2, template.shape[-1], stride=1)[:, 0]
    energy = (squares - total**2 / samples).clamp(min=0) + noise
    own = (template**2).sum(dim=(1, 2, 3)) + noise
    costs: Tensor = 1 - product / (own[:, None, None, None] * energy).sqrt()
    return costs.flatten(1)

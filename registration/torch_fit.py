"""The normal equations of the spline fit as torch tensors; what they say stands in ``spline_fit.py``."""

from __future__ import annotations

import torch
from torch import Tensor

from registration.spline_fit import RIDGE


class Equations:
    """``B' W B + stiffness D' D + ridge`` with B the basis and D second differences along each axis.

    Parameters
    ----------
    shape
        Nodes along z, y, x.
    first, basis : (n,), (n, 64)
        First node and weights of each point, as :meth:`registration.spline.SplineGrid.support` gives them.
    weights : (n, 3, 3)
        How much each point is believed along each direction.
    stiffness
        Weight of the second differences.
    """

    def __init__(
        self, shape: tuple[int, int, int], first: Tensor, basis: Tensor, weights: Tensor, stiffness: float
    ) -> None:
        self.shape, self.basis, self.weights, self.stiffness = shape, basis.double(), weights, stiffness
        near = torch.arange(4, device=first.device)
        reached = (near[:, None, None] * shape[1] + near[:, None]) * shape[2] + near
        self.nodes = first[:, None] + reached.flatten()  # (n, 64)

    def product(self, x: Tensor) -> Tensor:
        """The matrix times ``x`` (nodes, 3)."""
        at_points = torch.einsum("nk,nka->na", self.basis, x[self.nodes])
        return self.right_hand_side(at_points) + self.stiffness * self._bending(x) + RIDGE * x

    def right_hand_side(self, wanted_mm: Tensor) -> Tensor:
        """``B' W wanted`` (nodes, 3)."""
        believed = torch.einsum("nab,nb->na", self.weights, wanted_mm)
        return self._gathered(self.basis[:, :, None] * believed[:, None, :])

    def diagonal(self) -> Tensor:
        """The diagonal (nodes, 3)."""
        own = self.weights.diagonal(dim1=1, dim2=2)
        bending = 18.0 * self.stiffness  # second differences 1, -2, 1 along three axes
        return self._gathered(self.basis[:, :, None] ** 2 * own[:, None, :]) + RIDGE + bending

    def _gathered(self, shares: Tensor) -> Tensor:
        """What the points give (n, 64, 3), summed at the nodes (nodes, 3)."""
        z, y, x = self.shape
        sums = shares.new_zeros(z * y * x, 3)
        return sums.index_add_(0, self.nodes.flatten(), shares.reshape(-1, 3))

    def _bending(self, x: Tensor) -> Tensor:
        """``D' D x``."""
        field = x.reshape(*self.shape, 3)
        pulled = torch.zeros_like(field)
        for axis in range(3):
            inner = self.shape[axis] - 2
            bend = torch.diff(field, n=2, dim=axis)
            for offset, factor in ((0, 1.0), (1, -2.0), (2, 1.0)):
                pulled.narrow(axis, offset, inner).add_(bend, alpha=factor)
        return pulled.reshape(-1, 3)

"""The finished registration of two scans: points there and back, with their expected error; kept in one file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from registration.affine import Affine
from registration.mapping import Mapping
from registration.quality import Support
from registration.spline import Spline, SplineGrid

METHOD: Final = "lung keypoints with robust B-splines"
VERSION: Final = "5"
FORMAT: Final = 1  # of the file


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """Where each point of the prior lung lies on the current scan, and the other way round.

    Parameters
    ----------
    mapping
        From the prior's frame into the current's.
    prior_rotation, current_rotation : (3, 3)
        Columns: the axes x, y, z of each frame in LPS.
    support
        Keypoints that carry the map.
    median_residual_mm
        Median expected error (1 sigma) over the prior's lungs.
    inverse_error_mm
        Asked the other way round, the images would move points of the current lung by this much (median).
    fold_fraction
        Share of the prior's lungs where the map cannot be undone.
    kept_fraction
        Share of the keypoints in the common part that found their counterpart.
    median_agreement
        Median correlation of their patches.
    method, version
        What made it.
    """

    mapping: Mapping
    prior_rotation: NDArray[np.float64]
    current_rotation: NDArray[np.float64]
    support: Support
    median_residual_mm: float
    inverse_error_mm: float
    fold_fraction: float
    kept_fraction: float
    median_agreement: float
    method: str = METHOD
    version: str = VERSION

    def current_from_prior(self, points_lps_mm: ArrayLike) -> NDArray[np.float64]:
        """Carry points from the prior scan to the current one.

        Parameters
        ----------
        points_lps_mm : (n, 3) or (3,)
            Patient coordinates of the prior scan.

        Returns
        -------
        (n, 3) or (3,)
            Patient coordinates of the current scan; NaN where the map does not reach: more than 25 mm from any lung
            structure that both scans show. A place may lie beyond the current scan's last slice: ask its volume.
        """
        points, shape = _rows(points_lps_mm)
        here = _into_frame(points, self.prior_rotation)
        covered = self.support.covers(here)
        places = np.full_like(here, np.nan)
        places[covered] = self.mapping(here[covered])
        return _out_of_frame(places, self.current_rotation).reshape(shape)

    def prior_from_current(self, points_lps_mm: ArrayLike) -> NDArray[np.float64]:
        """Carry points from the current scan to the prior one; the inverse of :meth:`current_from_prior`.

        Parameters
        ----------
        points_lps_mm : (n, 3) or (3,)
            Patient coordinates of the current scan.

        Returns
        -------
        (n, 3) or (3,)
            Patient coordinates of the prior scan; NaN where the map does not reach.
        """
        points, shape = _rows(points_lps_mm)
        here = self.mapping.inverse(_into_frame(points, self.current_rotation))
        here[~self.support.covers(here)] = np.nan
        return _out_of_frame(here, self.prior_rotation).reshape(shape)

    def residual_mm(self, points_on_prior_lps_mm: ArrayLike) -> NDArray[np.float64]:
        """Expected distance from the truth (1 sigma) of carried points.

        Parameters
        ----------
        points_on_prior_lps_mm : (n, 3) or (3,)
            Patient coordinates of the prior scan.

        Returns
        -------
        (n,) or ()
            About two thirds of points lie closer, 95 % within twice as much; NaN where the map does not reach.
        """
        points, shape = _rows(points_on_prior_lps_mm)
        return self.support.expected_error_mm(_into_frame(points, self.prior_rotation)).reshape(shape[:-1])

    def roughly_on_current(self, points_lps_mm: ArrayLike) -> NDArray[np.float64]:
        """Places by the affine part alone: defined everywhere, a centimetre off.

        For telling whether a point that the map does not reach lies beyond the other scan's field.

        Parameters
        ----------
        points_lps_mm : (n, 3) or (3,)
            Patient coordinates of the prior scan.

        Returns
        -------
        (n, 3) or (3,)
            Patient coordinates of the current scan.
        """
        points, shape = _rows(points_lps_mm)
        places = self.mapping.affine(_into_frame(points, self.prior_rotation))
        return _out_of_frame(places, self.current_rotation).reshape(shape)

    def roughly_on_prior(self, points_lps_mm: ArrayLike) -> NDArray[np.float64]:
        """The same the other way round: current points (n, 3) or (3,) by the inverse of the affine part."""
        points, shape = _rows(points_lps_mm)
        places = Mapping(self.mapping.affine).inverse(_into_frame(points, self.current_rotation))
        return _out_of_frame(places, self.prior_rotation).reshape(shape)

    def jacobians(self, points_lps_mm: ArrayLike) -> NDArray[np.float64]:
        """Derivative of :meth:`current_from_prior` in patient coordinates, (n, 3, 3), order x, y, z, at prior points.

        Its determinant is the local change of volume between the two breaths.
        """
        points, _ = _rows(points_lps_mm)
        local = self.mapping.jacobians(_into_frame(points, self.prior_rotation))[:, ::-1, ::-1]
        turned: NDArray[np.float64] = self.current_rotation @ local @ self.prior_rotation.T
        return turned

    def save(self, path: Path) -> None:
        """Write everything to one ``.npz`` file; the same registration gives the same bytes."""
        levels = self.mapping.levels
        arrays: dict[str, Any] = {
            "format": np.int64(FORMAT),
            "method": np.str_(self.method),
            "version": np.str_(self.version),
            "affine_matrix": self.mapping.affine.matrix,
            "affine_centre_mm": self.mapping.affine.centre_mm,
            "affine_shift_mm": self.mapping.affine.shift_mm,
            "level_count": np.int64(len(levels)),
            "prior_rotation": self.prior_rotation,
            "current_rotation": self.current_rotation,
            "support_points_mm": self.support.points_mm,
            "support_residuals_mm": self.support.residuals_mm,
        } | {name: np.float64(getattr(self, name)) for name in _FIGURES}
        for number, level in enumerate(levels):
            arrays[f"level{number}_origin_mm"] = level.grid.origin_mm
            arrays[f"level{number}_spacing_mm"] = np.float64(level.grid.spacing_mm)
            arrays[f"level{number}_shape"] = np.asarray(level.grid.shape)
            arrays[f"level{number}_coefficients"] = level.coefficients
        np.savez(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> Registration:
        """Read what :meth:`save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            if int(stored["format"]) != FORMAT:
                raise ValueError(f"{path.name} has format {int(stored['format'])}, this program reads {FORMAT}")
            affine = Affine(stored["affine_matrix"], stored["affine_centre_mm"], stored["affine_shift_mm"])
            levels = []
            for number in range(int(stored["level_count"])):
                z, y, x = stored[f"level{number}_shape"].tolist()
                grid = SplineGrid(
                    stored[f"level{number}_origin_mm"], float(stored[f"level{number}_spacing_mm"]), (z, y, x)
                )
                levels.append(Spline(grid, stored[f"level{number}_coefficients"]))
            return cls(
                mapping=Mapping(affine, tuple(levels)),
                prior_rotation=stored["prior_rotation"],
                current_rotation=stored["current_rotation"],
                support=Support(stored["support_points_mm"], stored["support_residuals_mm"]),
                method=str(stored["method"]),
                version=str(stored["version"]),
                **{name: float(stored[name]) for name in _FIGURES},
            )


_FIGURES: Final = (
    "median_residual_mm",
    "inverse_error_mm",
    "fold_fraction",
    "kept_fraction",
    "median_agreement",
)


def _rows(points_lps_mm: ArrayLike) -> tuple[NDArray[np.float64], tuple[int, ...]]:
    """Points as rows (n, 3), and the shape that they came in."""
    points = np.asarray(points_lps_mm, dtype=np.float64)
    if points.shape[-1:] != (3,):
        raise ValueError(f"points are (n, 3) or (3,), not {points.shape}")
    return points.reshape(-1, 3), points.shape


def _into_frame(points_lps_mm: NDArray[np.float64], rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.ascontiguousarray((points_lps_mm @ rotation)[:, ::-1])


def _out_of_frame(points_mm: NDArray[np.float64], rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.ascontiguousarray(points_mm[:, ::-1] @ rotation.T)

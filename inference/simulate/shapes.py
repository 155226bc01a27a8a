"""The large shapes of a patient on the day of one scan: distance fields on coarse nodes in scan coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from inference.simulate import chest_wall, mediastinum
from inference.simulate.anatomy import Anatomy, ellipsoid_mm, oval_mm, smooth_union
from inference.simulate.grid import Floats, Grid
from inference.simulate.motion import Motion
from inference.simulate.tubes import near_mm

NODE_STEP_MM = 3.0
VESSEL_COAT_MM = 2.5  # fat and pleura between a great vessel and the lung
REACH_MM = 18.0  # distances to tubes are not followed farther than this
BULGE_MM = 2.2
RIB_COAT_MM = 2.4
COUCH_Y_MM = 122.0
TEXTURE_STEP_MM = 4.0
TEXTURE_NODES = 96


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """Signed distances in mm, negative inside, each (z, y, x) at ``nodes``.

    The fields named ``*_hu`` are attenuations. ``disc_mm`` is the distance along the spine to the nearest disc.
    """

    nodes: Grid
    couch_y_mm: float
    lung_mm: Floats
    body_mm: Floats
    cavity_mm: Floats
    muscle_mm: Floats
    sternum_mm: Floats
    vertebra_mm: Floats
    beside_spine_mm: Floats
    disc_mm: Floats
    canal_mm: Floats
    diaphragm_mm: Floats
    heart_mm: Floats
    liver_mm: Floats
    spleen_mm: Floats
    stomach_mm: Floats
    stomach_gas_mm: Floats
    oblique_mm: Floats
    horizontal_mm: Floats
    parenchyma_hu: Floats
    fat_hu: Floats

    @classmethod
    def of(cls, anatomy: Anatomy, grid: Grid, motion: Motion, texture_seed: int) -> Shapes:
        """Compute all fields for a scan.

        Parameters
        ----------
        anatomy
            The person.
        grid
            The scan's voxels; the fields are computed on nodes that cover it.
        motion
            How the person lies and breathes on that day.
        texture_seed
            Source of the unevenness of lung and fat, which moves with the tissue.
        """
        nodes = grid.coarse(max(NODE_STEP_MM, 1.5 * max(grid.spacing_zyx_mm[1:])))
        points = nodes.points_lps_mm()
        body_points = anatomy.uneven(motion.body_from_scan(points).astype(np.float32))
        even = motion.tissue_from_scan(points).astype(np.float32)
        tissue = anatomy.uneven(even)
        heart = anatomy.heart_mm(tissue)
        diaphragm = anatomy.diaphragm_mm(tissue)
        lung = _lung_mm(anatomy, nodes, tissue, motion, heart, diaphragm)
        body = -smooth_union(
            -chest_wall.body_mm(anatomy, body_points), (_couch_mm(motion) - points[..., 1]).astype(np.float32), 14.0
        )
        cavity = anatomy.cavity_mm(body_points)
        oblique, horizontal = anatomy.fissures_mm(tissue)
        texture = _texture(tissue, texture_seed)
        muscle = chest_wall.muscle_mm(anatomy, body_points, cavity, body)
        muscle += np.float32(1.6) * np.maximum(texture, np.float32(-0.5))  # strands of fat run into its edge
        x, y, z = (body_points[..., axis] for axis in range(3))
        stomach = ellipsoid_mm(tissue, (60.0, -26.0, anatomy.dome_left_z_mm - 46), (36.0, 42.0, 34.0))
        return cls(
            nodes=nodes,
            couch_y_mm=_couch_mm(motion),
            lung_mm=lung,
            body_mm=body,
            cavity_mm=cavity,
            muscle_mm=muscle,
            sternum_mm=chest_wall.sternum_mm(anatomy, body_points),
            vertebra_mm=anatomy.spine_mm(body_points),
            beside_spine_mm=np.maximum(anatomy.beside_spine_mm(body_points), 66 - y),
            disc_mm=_disc_mm(z),
            canal_mm=oval_mm(x, y - 80, 9.5, 7.5, 2.0),
            diaphragm_mm=diaphragm,
            heart_mm=heart,
            liver_mm=ellipsoid_mm(tissue, (-46.0, -8.0, anatomy.dome_right_z_mm - 84), (102.0, 98.0, 88.0)),
            spleen_mm=ellipsoid_mm(tissue, (82.0, 38.0, anatomy.dome_left_z_mm - 52), (30.0, 44.0, 46.0)),
            stomach_mm=stomach,
            stomach_gas_mm=np.maximum(stomach + 4, y + 38),  # gas rises to the front in a patient on the back
            oblique_mm=oblique,
            horizontal_mm=horizontal,
            parenchyma_hu=_parenchyma_hu(even, y, lung, texture, nodes),
            fat_hu=(-98 + 9 * texture).astype(np.float32),
        )


def lungs_at_rest(anatomy: Anatomy, step_mm: float) -> tuple[Floats, Grid]:
    """Both lungs in coordinates of the anatomy: signed distance (z, y, x), and the grid of its nodes."""
    nodes = Grid.centred((int(320 / step_mm), int(220 / step_mm), int(290 / step_mm)), (step_mm,) * 3)
    points = anatomy.uneven(nodes.points_lps_mm())
    rest = Motion.none(bow_mm=0.0)
    return _lung_mm(anatomy, nodes, points, rest, anatomy.heart_mm(points), anatomy.diaphragm_mm(points)), nodes


def _lung_mm(anatomy: Anatomy, nodes: Grid, tissue: Floats, motion: Motion, heart: Floats, diaphragm: Floats) -> Floats:
    """Both lungs: the rib cage less everything that stands between and below them."""
    vessels = near_mm(mediastinum.great_vessels().moved(motion.scan_from_tissue), nodes, REACH_MM)
    airways = near_mm(mediastinum.central_airways().moved(motion.scan_from_tissue), nodes, REACH_MM)
    middle = smooth_union(anatomy.septum_mm(tissue), heart - 3.5, 14.0)
    middle = smooth_union(middle, anatomy.beside_spine_mm(tissue), 5.0)
    middle = smooth_union(middle, np.minimum(vessels - VESSEL_COAT_MM, airways - 3.5), 4.0)
    ribs = near_mm(chest_wall.ribs(anatomy)[0].moved(motion.scan_from_body), nodes, REACH_MM)
    # The lung bulges a little between the ribs.
    wall = -smooth_union(-(anatomy.cavity_mm(tissue) - BULGE_MM), ribs - RIB_COAT_MM, 4.0)
    outer = np.maximum(wall, anatomy.apex_mm(tissue))
    lower = smooth_union(smooth_union(middle, diaphragm, 4.0), heart - 2.0, 10.0)
    return np.maximum(outer, -lower).astype(np.float32)


def _couch_mm(motion: Motion) -> float:
    """Height of the couch, on which the patient's back is flat."""
    return COUCH_Y_MM + float(motion.shift_lps_mm[1])


def _disc_mm(z: Floats) -> Floats:
    """Distance above or below the nearest disc's middle plane."""
    phase = (z - 126.0) / chest_wall.VERTEBRA_HEIGHT_MM
    distance: Floats = (np.abs(phase - np.round(phase)) * chest_wall.VERTEBRA_HEIGHT_MM).astype(np.float32)
    return distance


def _texture(tissue: Floats, seed: int) -> Floats:
    """Smooth unit noise that moves with the tissue."""
    noise = np.random.default_rng(seed).standard_normal((TEXTURE_NODES,) * 3, dtype=np.float32)
    noise = ndimage.gaussian_filter(noise, 1.0, mode="wrap")
    noise /= noise.std()
    index = np.moveaxis(tissue, -1, 0) / TEXTURE_STEP_MM + TEXTURE_NODES / 2
    sampled: Floats = ndimage.map_coordinates(noise, index, order=1, mode="grid-wrap")
    return sampled


def _parenchyma_hu(tissue: Floats, y: Floats, lung: Floats, texture: Floats, nodes: Grid) -> Floats:
    """Lung between the visible vessels: denser towards the back, and where tissue is pressed together."""
    back = np.clip((y + 90) / 180, 0, 1)
    dependent = 26 * back + 46 * back**3 * np.exp(np.minimum(lung, 0) / 12)
    slopes = np.empty((*tissue.shape, 3), np.float32)
    for component in range(3):
        for axis in range(3):
            slopes[..., component, axis] = np.gradient(
                tissue[..., component], nodes.spacing_zyx_mm[2 - axis], axis=2 - axis
            )
    jacobian = np.linalg.det(slopes)
    air_free = 1000 - 890 + dependent + 9 * texture
    parenchyma: Floats = (air_free * np.clip(jacobian, 0.6, 1.6) - 1000).astype(np.float32)
    return parenchyma

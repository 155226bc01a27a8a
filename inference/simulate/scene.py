"""The ideal picture of a patient on one day: attenuation without blur and noise, painted slab by slab."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.simulate import chest_wall, mediastinum, trees
from inference.simulate.grid import Floats, Grid, interpolate
from inference.simulate.motion import Motion
from inference.simulate.nodules import Surface, box_around, part_of, share_inside
from inference.simulate.patient import Patient
from inference.simulate.shapes import Shapes
from inference.simulate.tubes import Tubes, fill

AIR_HU = -1000.0
BLOOD_HU = 42.0
MUSCLE_HU = 52.0
SKIN_HU = 10.0
SKIN_MM = 1.8
CORTEX_HU = 720.0
MARROW_HU = 170.0
TRABECULAR_HU = 175.0
DISC_HU = 85.0
CARTILAGE_HU = 95.0
FISSURE_HU = -650.0
FISSURE_MM = 0.9
NARROWEST_BRONCHUS_MM = 0.85  # outer radius below which a wall is too thin for CT
COUCH_BOW_MM = 26.0  # how much its edges, 210 mm from the middle, stand higher


@dataclass(frozen=True, slots=True, eq=False)
class PlacedNodule:
    """A nodule, or the solid part of one, where it stands on this scan."""

    surface: Surface
    centre_lps_mm: NDArray[np.float64]
    shape_mm3: float  # of the whole surface; a pleural nodule's share in the lung is smaller
    hu: float


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Everything that is painted, in scan coordinates.

    Parameters
    ----------
    shapes
        Large organs.
    blood, cartilage, cortex, marrow, walls, lumina
        Tubes of one material each.
    nodules
        Painted last.
    """

    shapes: Shapes
    blood: tuple[Tubes, ...]
    cartilage: Tubes
    cortex: tuple[Tubes, ...]
    marrow: tuple[Tubes, ...]
    walls: Tubes
    lumina: Tubes
    fine_lumina: Tubes
    nodules: tuple[PlacedNodule, ...]

    @classmethod
    def of(cls, patient: Patient, shapes: Shapes, motion: Motion, nodules: tuple[PlacedNodule, ...]) -> Scene:
        """Lay a patient down for a scan."""
        ribs, cartilage = (tubes.moved(motion.scan_from_body) for tubes in chest_wall.ribs(patient.anatomy))
        girdle = chest_wall.shoulder_girdle(patient.anatomy).moved(motion.scan_from_body)
        arches = chest_wall.vertebral_arches().moved(motion.scan_from_body)
        centre = mediastinum.central_airways()
        bronchi = [trees.curved(tree, narrowest_mm=NARROWEST_BRONCHUS_MM) for tree in patient.bronchi]
        fine = Tubes.joined(bronchi)
        beside = [trees.beside(tree, 1.9 * tree.radii_mm) for tree in patient.bronchi]
        arteries = [trees.curved(tree, shift) for tree, shift in zip(patient.bronchi, beside, strict=True)]
        arteries += [
            Tubes.along(np.array([end, tree.nodes_lps_mm[0] + shift[0]]), np.array([7.0, tree.radii_mm[0]]))
            for end, tree, shift in zip(mediastinum.PULMONARY_ENDS_LPS_MM, patient.bronchi, beside, strict=True)
        ]
        veins = [trees.curved(tree) for tree in patient.veins]
        vessels = Tubes.joined([*arteries, *veins, mediastinum.great_vessels(), mediastinum.gullet()])
        walls = Tubes.joined([fine, centre.grown(mediastinum.TRACHEA_WALL_MM)])
        bones = (ribs, girdle, arches)
        return cls(
            shapes=shapes,
            blood=(vessels.moved(motion.scan_from_tissue),),
            cartilage=cartilage,
            cortex=bones,
            marrow=tuple(bone.grown(-chest_wall.CORTEX_MM) for bone in bones),
            walls=walls.moved(motion.scan_from_tissue),
            lumina=centre.moved(motion.scan_from_tissue),
            fine_lumina=_scaled(fine, 1 - trees.WALL_SHARE).moved(motion.scan_from_tissue),
            nodules=nodules,
        )

    def paint(self, grid: Grid) -> Floats:
        """Paint the voxels of a slab.

        Returns
        -------
        (z, y, x)
            Attenuation in HU, every voxel the mean over its own space at the edges of shapes.
        """
        hu = np.full(grid.shape_zyx, AIR_HU, np.float32)
        _paint_couch(hu, grid, self.shapes.couch_y_mm)
        self._paint_wall(hu, grid)
        self._paint_middle(hu, grid)
        in_lung = self._paint_lungs(hu, grid)
        self._paint_trees(hu, grid, in_lung)
        for nodule in self.nodules:
            _paint_nodule(hu, grid, in_lung, nodule)
        return hu

    def _paint_wall(self, hu: Floats, grid: Grid) -> None:
        s = self.shapes
        self._paint(hu, grid, s.body_mm, SKIN_HU)
        self._paint(hu, grid, s.body_mm + SKIN_MM, s.fat_hu)
        self._paint(hu, grid, s.muscle_mm, MUSCLE_HU)
        self._paint(hu, grid, np.abs(s.cavity_mm - 15.5) - 1.1 - np.minimum(s.muscle_mm + 4, 0), s.fat_hu)
        self._paint_tubes(hu, grid, (self.cartilage,), CARTILAGE_HU)
        self._paint_tubes(hu, grid, self.cortex, CORTEX_HU)
        self._paint_tubes(hu, grid, self.marrow, MARROW_HU)
        self._paint(hu, grid, s.sternum_mm, 0.6 * CORTEX_HU)
        self._paint(hu, grid, s.sternum_mm + 1.3, 0.8 * MARROW_HU)

    def _paint_middle(self, hu: Floats, grid: Grid) -> None:
        s = self.shapes
        self._paint(hu, grid, s.cavity_mm, s.fat_hu)
        self._paint(hu, grid, np.maximum(s.beside_spine_mm + 2.5, s.cavity_mm), MUSCLE_HU)
        self._paint(hu, grid, np.maximum(s.diaphragm_mm, s.cavity_mm), MUSCLE_HU)
        self._paint(hu, grid, np.maximum(s.diaphragm_mm + 3.2, s.cavity_mm), s.fat_hu)
        for organ, attenuation in ((s.liver_mm, 60.0), (s.spleen_mm, 50.0), (s.stomach_mm, 34.0)):
            self._paint(hu, grid, np.maximum(np.maximum(organ, s.diaphragm_mm + 3.0), s.cavity_mm), attenuation)
        self._paint(hu, grid, s.stomach_gas_mm, AIR_HU + 20)
        self._paint(hu, grid, np.maximum(s.heart_mm, -s.diaphragm_mm), BLOOD_HU)
        self._paint(hu, grid, s.vertebra_mm, 0.75 * CORTEX_HU)
        self._paint(hu, grid, np.maximum(s.vertebra_mm + 1.2, 4.2 - s.disc_mm), TRABECULAR_HU)
        self._paint(hu, grid, np.maximum(s.vertebra_mm, s.disc_mm - 2.8), DISC_HU)
        self._paint(hu, grid, s.canal_mm, 25.0)
        self._paint_tubes(hu, grid, (self.cortex[2],), 0.75 * CORTEX_HU)
        self._paint_tubes(hu, grid, (self.marrow[2],), MARROW_HU)

    def _paint_lungs(self, hu: Floats, grid: Grid) -> Floats:
        s = self.shapes
        in_lung = self._paint(hu, grid, s.lung_mm, s.parenchyma_hu)
        x_mm = s.nodes.points_lps_mm()[..., 0]
        self._paint_sheet(hu, grid, s.oblique_mm, s.lung_mm)
        in_right_front = np.maximum(np.maximum(s.oblique_mm, s.lung_mm), x_mm + 5)
        self._paint_sheet(hu, grid, s.horizontal_mm, in_right_front)
        return in_lung

    def _paint_sheet(self, hu: Floats, grid: Grid, off_mm: Floats, within_mm: Floats) -> None:
        """Paint a fissure where the signed distance ``off_mm`` is nearly zero, inside of the shape ``within_mm``."""
        box = self._box(grid, np.maximum(np.abs(off_mm), within_mm))
        if box is None:
            return
        part = part_of(grid, box)
        # The distance is carried to the voxels with its sign: between two nodes on either side of the sheet its size
        # alone never falls to zero, and the sheet would be broken up.
        depth_mm = np.abs(interpolate(off_mm, self.shapes.nodes, part))
        depth_mm -= np.float32(0.5 * FISSURE_MM)
        np.maximum(depth_mm, interpolate(within_mm, self.shapes.nodes, part), out=depth_mm)
        view = hu[box]
        view += _share_inside(depth_mm, grid) * (FISSURE_HU - view)

    def _paint_trees(self, hu: Floats, grid: Grid, in_lung: Floats) -> None:
        self._paint_tubes(hu, grid, self.blood, BLOOD_HU)
        self._paint_tubes(hu, grid, (self.walls,), 15.0)
        self._paint_tubes(hu, grid, (self.lumina,), AIR_HU)
        covered = np.zeros(grid.shape_zyx, np.float32)
        fill(self.fine_lumina, grid, covered)
        covered *= in_lung  # a twig that leaves the lung by chance must not look like gas in the wall
        hu += covered * (AIR_HU - hu)

    def _paint(self, hu: Floats, grid: Grid, distance_mm: Floats, attenuation: Floats | float) -> Floats:
        """Paint the inside of a shape; gives the share of each voxel inside it, (z, y, x)."""
        share = np.zeros(grid.shape_zyx, np.float32)
        box = self._box(grid, distance_mm)
        if box is None:
            return share
        part = part_of(grid, box)
        inside = _share_inside(interpolate(distance_mm, self.shapes.nodes, part), grid)
        value = attenuation
        if not isinstance(value, float | int):
            value = interpolate(value, self.shapes.nodes, part)
        view = hu[box]
        view += inside * (value - view)
        share[box] = inside
        return share

    def _box(self, grid: Grid, distance_mm: Floats) -> tuple[slice, slice, slice] | None:
        """Voxels that a shape can reach in this slab."""
        nodes = self.shapes.nodes
        low, high = ((grid.axis_mm(0)[end] - nodes.origin_zyx_mm[0]) / nodes.spacing_zyx_mm[0] for end in (0, -1))
        near = distance_mm[max(int(low), 0) : int(high) + 2] < nodes.spacing_zyx_mm[0]
        if not near.any():
            return None
        box = [slice(0, grid.shape_zyx[0])]
        for axis in (1, 2):
            seen = np.flatnonzero(near.any(axis=(0, 3 - axis)))
            edges = nodes.origin_zyx_mm[axis] + nodes.spacing_zyx_mm[axis] * (seen[[0, -1]] + np.array([-1, 1]))
            start, stop = (edges - grid.origin_zyx_mm[axis]) / grid.spacing_zyx_mm[axis]
            start, stop = max(int(start), 0), min(int(stop) + 2, grid.shape_zyx[axis])
            if stop <= start:
                return None
            box.append(slice(start, stop))
        return box[0], box[1], box[2]

    @staticmethod
    def _paint_tubes(hu: Floats, grid: Grid, tubes: tuple[Tubes, ...], attenuation: float) -> None:
        covered = np.zeros(grid.shape_zyx, np.float32)
        for one in tubes:
            fill(one, grid, covered)
        hu += covered * (attenuation - hu)


def _share_inside(distance_mm: Floats, grid: Grid) -> Floats:
    """Share of each voxel inside a shape, from the signed distance of its centre, which is overwritten."""
    distance_mm /= -float(np.mean(grid.spacing_zyx_mm[1:]))
    distance_mm += 0.5
    return np.clip(distance_mm, 0, 1, out=distance_mm)


def _scaled(tubes: Tubes, factor: float) -> Tubes:
    return Tubes(
        tubes.starts_lps_mm,
        tubes.ends_lps_mm,
        tubes.start_radii_mm * factor,
        tubes.end_radii_mm * factor,
        tubes.flattening,
    )


def _paint_couch(hu: Floats, grid: Grid, top_y_mm: float) -> None:
    """A curved couch: mattress that the back sinks into, thin upper shell, foam, carbon lower shell."""
    y, x = grid.axis_mm(1)[:, None], grid.axis_mm(2)
    depth = (y - top_y_mm + COUCH_BOW_MM * (x / 210) ** 2).astype(np.float32)
    layers = ((-6.0, 8.0, -975.0), (8.0, 9.2, -640.0), (9.2, 30.0, -985.0), (30.0, 32.4, 60.0))
    for low, high, attenuation in layers:
        edge = grid.spacing_zyx_mm[1]
        share = np.clip((depth - low) / edge + 0.5, 0, 1) * np.clip((high - depth) / edge + 0.5, 0, 1)
        hu += share * (attenuation - hu)


def _paint_nodule(hu: Floats, grid: Grid, in_lung: Floats, nodule: PlacedNodule) -> None:
    reach = 1.5 * (3 * nodule.shape_mm3 / (4 * np.pi)) ** (1 / 3) + 1
    box = box_around(grid, nodule.centre_lps_mm, reach)
    if box is None:
        return
    share = share_inside(nodule.surface, nodule.shape_mm3, nodule.centre_lps_mm, part_of(grid, box)) * in_lung[box]
    view = hu[box]
    view += share * (np.maximum(view, nodule.hu) - view)

// Where an array of voxels lies in the patient. Points are LPS millimetres [x, y, z]; array axes are 0 = z, 1 = y, 2 = x,
// in the order in which the voxels lie. What is right, down and towards the reader on the screen is found from the
// direction of the axes, so that head-first, feet-first, prone and oblique scans stand the same way up.

const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const LETTERS = [["R", "L"], ["A", "P"], ["F", "H"]];
const TILTED = 0.2; // share of a second direction (about 12 degrees) from which an edge names it too

// Patient axis (0 L, 1 P, 2 H) and sign of what points right and down on the screen, and of the axis that is scrolled.
export const PLANES = {
  axial: { right: [0, 1], down: [1, 1], normal: [2, 1] },
  coronal: { right: [0, 1], down: [2, -1], normal: [1, 1] },
  sagittal: { right: [1, 1], down: [2, -1], normal: [0, 1] },
};

export class Geometry {
  constructor(told) {
    this.shape = told.shape_zyx;
    this.spacing = told.spacing_zyx_mm;
    this.origin = told.origin_lps_mm;
    // Unit vectors of the array axes z, y, x: the columns of the matrix from the last to the first.
    this.axes = [2, 1, 0].map((column) => told.direction.map((row) => row[column]));
    this.axisOf = closestAxes(this.axes);
  }

  indexFromLps(lps) {
    const away = [lps[0] - this.origin[0], lps[1] - this.origin[1], lps[2] - this.origin[2]];
    return this.axes.map((axis, k) => dot(away, axis) / this.spacing[k]);
  }

  lpsFromIndex(index) {
    const lps = [...this.origin];
    this.axes.forEach((axis, k) => {
      for (let c = 0; c < 3; c += 1) lps[c] += index[k] * this.spacing[k] * axis[c];
    });
    return lps;
  }

  // How a plane lies on the screen, as array axes with signs; turned by quarter turns to the right, then mirrored.
  screenAxes(plane, { turns = 0, mirrorX = false, mirrorY = false } = {}) {
    const signed = ([patientAxis, sign]) => {
      const axis = this.axisOf[patientAxis];
      return { axis, sign: sign * Math.sign(this.axes[axis][patientAxis]) };
    };
    const { right, down, normal } = PLANES[plane];
    let across = signed(right);
    let along = signed(down);
    for (let turn = 0; turn < turns; turn += 1) [across, along] = [{ ...along, sign: -along.sign }, across];
    if (mirrorX) across = { ...across, sign: -across.sign };
    if (mirrorY) along = { ...along, sign: -along.sign };
    return { right: across, down: along, normal: signed(normal) };
  }

  // The letters at the right and lower edge, and at the left and upper one.
  letters({ right, down }) {
    const towards = ({ axis, sign }) => lettersOf(this.axes[axis].map((part) => part * sign));
    const away = ({ axis, sign }) => lettersOf(this.axes[axis].map((part) => -part * sign));
    return { right: towards(right), bottom: towards(down), left: away(right), top: away(down) };
  }

  contains(index) {
    return index.every((at, k) => at >= -0.5 && at <= this.shape[k] - 0.5);
  }

  centre() {
    return this.lpsFromIndex(this.shape.map((size) => (size - 1) / 2));
  }
}

function lettersOf(direction) {
  return direction
    .map((part, axis) => [Math.abs(part), LETTERS[axis][part > 0 ? 1 : 0]])
    .filter(([share], _index, all) => share > TILTED || share === Math.max(...all.map(([other]) => other)))
    .sort((one, other) => other[0] - one[0])
    .map(([, letter]) => letter)
    .join("");
}

// For each patient axis the array axis that runs along it; each array axis serves once.
function closestAxes(axes) {
  const free = new Set([0, 1, 2]);
  const chosen = [];
  for (const patientAxis of [2, 1, 0]) {
    const best = [...free].reduce((a, b) => (Math.abs(axes[b][patientAxis]) > Math.abs(axes[a][patientAxis]) ? b : a));
    free.delete(best);
    chosen[patientAxis] = best;
  }
  return chosen;
}

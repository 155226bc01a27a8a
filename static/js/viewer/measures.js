// Ruler, bidirectional and ellipse. Points are kept in patient millimetres, so that zoom and pan do not move them.

export const POINTS = { ruler: 2, bidirectional: 4, ellipse: 2 };

const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

export class Measures {
  constructor() {
    this.all = [];
    this.growing = null; // the one whose points are still being set
  }

  begin(kind, pane, view, lps) {
    const { axis } = view.axes.normal;
    this.growing = { kind, pane, plane: view.plane, axis, index: view.index, points: [lps] };
  }

  // Where the pointer is, without setting a point there.
  hover(lps) {
    if (this.growing) this.growing.loose = lps;
  }

  // True when that was the last point.
  set(lps) {
    this.growing.points.push(lps);
    delete this.growing.loose;
    if (this.growing.points.length < POINTS[this.growing.kind]) return false;
    const done = this.growing;
    this.growing = null;
    this.all.push(finished(done));
    return true;
  }

  cancel() {
    const was = this.growing;
    this.growing = null;
    return was;
  }

  removeLast() {
    return this.all.pop();
  }

  on(pane, view) {
    const here = (one) => one.pane === pane && one.axis === view.axes.normal.axis && one.index === view.index;
    const growing = this.growing && here(this.growing) ? [preview(this.growing)] : [];
    return [...this.all.filter(here), ...growing];
  }
}

function preview(growing) {
  return { ...growing, points: growing.loose ? [...growing.points, growing.loose] : growing.points, text: "" };
}

function finished(one) {
  const { points } = one;
  if (one.kind === "ruler") {
    const lengths = [distance(points[0], points[1])];
    return { ...one, lengths, hu: null, text: `${lengths[0].toFixed(1)} mm` };
  }
  if (one.kind === "bidirectional") {
    const lengths = [distance(points[0], points[1]), distance(points[2], points[3])].sort((a, b) => b - a);
    return { ...one, lengths, hu: null, text: `${lengths[0].toFixed(1)} × ${lengths[1].toFixed(1)} mm` };
  }
  const told = insideEllipse(one);
  const text = told.hu
    ? `${Math.round(told.hu.mean)} ± ${Math.round(told.hu.sd)} HU · ${told.areaMm2.toFixed(0)} mm²`.replaceAll("-", "−")
    : `${told.areaMm2.toFixed(0)} mm²`;
  return { ...one, lengths: told.lengths, hu: told.hu, text };
}

// HU of the voxels whose centres lie inside the ellipse between two corners; none while their slices are on the way.
function insideEllipse({ pane, axis, index, points }) {
  const { geometry, store } = pane;
  const [a, b] = points.map((lps) => geometry.indexFromLps(lps));
  const [rowAxis, columnAxis] = [0, 1, 2].filter((k) => k !== axis);
  const centre = [rowAxis, columnAxis].map((k) => (a[k] + b[k]) / 2);
  const half = [rowAxis, columnAxis].map((k) => Math.abs(a[k] - b[k]) / 2);
  const lengths = [rowAxis, columnAxis].map((k, n) => 2 * half[n] * geometry.spacing[k]).sort((x, y) => y - x);
  const values = [];
  for (let row = Math.ceil(centre[0] - half[0]); row <= centre[0] + half[0]; row += 1) {
    for (let column = Math.ceil(centre[1] - half[1]); column <= centre[1] + half[1]; column += 1) {
      if (((row - centre[0]) / half[0]) ** 2 + ((column - centre[1]) / half[1]) ** 2 > 1) continue;
      const at = [0, 0, 0];
      at[axis] = index;
      at[rowAxis] = row;
      at[columnAxis] = column;
      const value = store.at(at);
      if (value !== undefined) values.push(value);
    }
  }
  const areaMm2 = (Math.PI * lengths[0] * lengths[1]) / 4;
  if (!values.length) return { lengths, areaMm2, hu: null };
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const sd = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(values.length - 1, 1));
  return { lengths, areaMm2, hu: { mean, sd, least: Math.min(...values), most: Math.max(...values), voxels: values.length } };
}

// The registration between two scans as the server's grid of displacements: points from the prior to the current scan
// and back. Between nodes it is linear; outside the grid and far from the lungs the affine part speaks, and says so.

const STEPS = 30;
const CLOSE_MM = 0.01;

export class Field {
  static async fetch(url) {
    const answer = await fetch(url, { credentials: "same-origin" });
    if (!answer.ok) return null;
    return new Field(await answer.arrayBuffer());
  }

  constructor(buffer) {
    const bytes = new Uint8Array(buffer);
    const end = bytes.indexOf(10);
    const told = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
    const nodes = told.shape_xyz[0] * told.shape_xyz[1] * told.shape_xyz[2];
    this.start = told.start_lps_mm;
    this.spacing = told.spacing_mm;
    this.shape = told.shape_xyz;
    this.unit = told.unit_mm;
    this.matrix = told.matrix;
    this.shift = told.shift_mm;
    this.residual = told.median_residual_mm;
    this.back = inverse(told.matrix);
    this.values = new Int16Array(buffer.slice(end + 1, end + 1 + nodes * 6));
    this.covered = bytes.subarray(end + 1 + nodes * 6);
  }

  // Where a prior point lies on the current scan: [x, y, z]; ``sure`` tells whether the map was seen there.
  toCurrent(point) {
    const { matrix: m, shift: s } = this;
    const moved = this.displacement(point);
    return [0, 1, 2].map((k) => m[k][0] * point[0] + m[k][1] * point[1] + m[k][2] * point[2] + s[k] + moved[k]);
  }

  // The other way round, by steps of the affine part's inverse.
  toPrior(place) {
    let point = apply(this.back, [0, 1, 2].map((k) => place[k] - this.shift[k]));
    for (let step = 0; step < STEPS; step += 1) {
      const there = this.toCurrent(point);
      const missed = [0, 1, 2].map((k) => place[k] - there[k]);
      if (Math.hypot(...missed) < CLOSE_MM) break;
      const correction = apply(this.back, missed);
      point = point.map((value, k) => value + correction[k]);
    }
    return point;
  }

  sureAt(point) {
    const at = point.map((value, k) => Math.round((value - this.start[k]) / this.spacing));
    if (at.some((node, k) => node < 0 || node >= this.shape[k])) return false;
    return this.covered[at[0] + this.shape[0] * (at[1] + this.shape[1] * at[2])] === 1;
  }

  displacement(point) {
    const [nx, ny, nz] = this.shape;
    const at = point.map((value, k) => Math.max(0, Math.min(this.shape[k] - 1, (value - this.start[k]) / this.spacing)));
    const [ix, iy, iz] = [Math.min(nx - 2, at[0] | 0), Math.min(ny - 2, at[1] | 0), Math.min(nz - 2, at[2] | 0)];
    const [fx, fy, fz] = [at[0] - ix, at[1] - iy, at[2] - iz];
    const sum = [0, 0, 0];
    for (let corner = 0; corner < 8; corner += 1) {
      const [dx, dy, dz] = [corner & 1, (corner >> 1) & 1, corner >> 2];
      const weight = (dx ? fx : 1 - fx) * (dy ? fy : 1 - fy) * (dz ? fz : 1 - fz);
      if (!weight) continue;
      const node = 3 * (ix + dx + nx * (iy + dy + ny * (iz + dz)));
      for (let k = 0; k < 3; k += 1) sum[k] += weight * this.values[node + k];
    }
    return sum.map((value) => value * this.unit);
  }
}

function apply(matrix, v) {
  return matrix.map((row) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2]);
}

function inverse(m) {
  const minor = (r, c) => {
    const [r0, r1] = [0, 1, 2].filter((k) => k !== r);
    const [c0, c1] = [0, 1, 2].filter((k) => k !== c);
    return (m[r0][c0] * m[r1][c1] - m[r0][c1] * m[r1][c0]) * ((r + c) % 2 ? -1 : 1);
  };
  const whole = m[0][0] * minor(0, 0) + m[0][1] * minor(0, 1) + m[0][2] * minor(0, 2);
  return [0, 1, 2].map((r) => [0, 1, 2].map((c) => minor(c, r) / whole));
}

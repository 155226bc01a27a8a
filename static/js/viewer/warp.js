// The current scan drawn on the prior's voxels, for flicker and subtraction: each voxel of the plane is carried through
// the registration and read there, linearly between its eight neighbours.

import { AIR } from "./planes.js";

const EVERY = 6; // the map is smooth: it is asked on every sixth voxel and linear between, at most 0.1 mm off

export function warpedPlane(like, priorGeometry, field, store) {
  const { columns, rows } = like;
  const data = new Int16Array(columns * rows);
  const across = Math.ceil((columns - 1) / EVERY) + 1;
  const places = coarse(like, priorGeometry, field, store.geometry, across);
  const [, height, width] = store.geometry.shape;
  // No arrays or functions in this loop: it runs for each of a quarter of a million voxels at every step.
  for (let row = 0; row < rows; row += 1) {
    const r = Math.floor(row / EVERY);
    const v = row / EVERY - r;
    for (let column = 0; column < columns; column += 1) {
      const c = Math.floor(column / EVERY);
      const u = column / EVERY - c;
      const a = 3 * (r * across + c);
      const b = a + 3 * across;
      const w00 = (1 - v) * (1 - u);
      const w01 = (1 - v) * u;
      const w10 = v * (1 - u);
      const w11 = v * u;
      const z = w00 * places[a] + w01 * places[a + 3] + w10 * places[b] + w11 * places[b + 3];
      const y = w00 * places[a + 1] + w01 * places[a + 4] + w10 * places[b + 1] + w11 * places[b + 4];
      const x = w00 * places[a + 2] + w01 * places[a + 5] + w10 * places[b + 2] + w11 * places[b + 5];
      data[row * columns + column] = read(store.slices, z, y, x, height, width);
    }
  }
  return { ...like, data };
}

// Array places in the current scan of every sixth voxel, with one more row and column for what is linear between.
function coarse(like, priorGeometry, field, currentGeometry, across) {
  const down = Math.ceil((like.rows - 1) / EVERY) + 2;
  const places = new Float64Array(3 * (across * down + 1));
  const index = [0, 0, 0];
  index[like.normalAxis] = like.index;
  for (let r = 0; r < down; r += 1) {
    for (let c = 0; c < across; c += 1) {
      index[like.rowAxis] = r * EVERY;
      index[like.columnAxis] = c * EVERY;
      places.set(currentGeometry.indexFromLps(field.toCurrent(priorGeometry.lpsFromIndex(index))), 3 * (r * across + c));
    }
  }
  return places;
}

function read(slices, z, y, x, height, width) {
  const z0 = Math.floor(z);
  const y0 = Math.floor(y);
  const x0 = Math.floor(x);
  if (z0 < 0 || y0 < 0 || x0 < 0 || y0 >= height - 1 || x0 >= width - 1) return AIR;
  const low = slices[z0];
  const high = slices[z0 + 1];
  if (!low || !high) return AIR;
  const at = y0 * width + x0;
  const near = flat(low, at, width, y - y0, x - x0);
  return Math.round(near + (flat(high, at, width, y - y0, x - x0) - near) * (z - z0));
}

function flat(slice, at, width, fy, fx) {
  const upper = slice[at] + (slice[at + 1] - slice[at]) * fx;
  const lower = slice[at + width] + (slice[at + width + 1] - slice[at + width]) * fx;
  return upper + (lower - upper) * fy;
}

export function difference(one, other) {
  const data = new Int16Array(one.data.length);
  for (let k = 0; k < data.length; k += 1) data[k] = one.data[k] - other.data[k];
  return { ...one, data };
}

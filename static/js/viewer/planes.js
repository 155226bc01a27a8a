// One plane of voxels out of a scan: a native slice as it is, or gathered across slices; thick ones as maximum or mean.
// A plane is {data, columns, rows, columnAxis, rowAxis, normalAxis, index, missing}; missing counts slices not there yet.

export const AIR = -1024;

// The two array axes that a plane across ``normal`` shows, rows first: the order in which voxels lie.
const SHOWN = [[1, 2], [0, 2], [0, 1]];

export class Planes {
  constructor(store) {
    this.store = store;
    this.kept = new Map(); // the few planes in use, by name
  }

  of(normalAxis, index, slab) {
    const { store } = this;
    const held = Math.max(0, Math.min(store.geometry.shape[normalAxis] - 1, index));
    const thick = slab.mode !== "off";
    const version = normalAxis === 0 && !thick ? (store.slices[held] ? 1 : 0) : store.version;
    const name = `${normalAxis}:${held}:${thick ? `${slab.mode}${slab.mm}` : ""}`;
    const known = this.kept.get(name);
    if (known?.version === version) return known.plane;
    const plane = this.gather(normalAxis, held, slab);
    this.kept.delete(name);
    this.kept.set(name, { plane, version });
    if (this.kept.size > 12) this.kept.delete(this.kept.keys().next().value);
    return plane;
  }

  gather(normalAxis, index, slab) {
    const { geometry, slices } = this.store;
    const [rowAxis, columnAxis] = SHOWN[normalAxis];
    const rows = geometry.shape[rowAxis];
    const columns = geometry.shape[columnAxis];
    const [first, last] = extent(geometry, normalAxis, index, slab);
    const plane = { columns, rows, columnAxis, rowAxis, normalAxis, index, missing: 0, thick: last - first + 1 };
    if (normalAxis === 0) {
      const here = slices.slice(first, last + 1);
      plane.missing = here.filter((one) => !one).length;
      if (here.length === 1) return { ...plane, data: here[0] ?? air(rows * columns) };
      plane.data = combine(here.filter(Boolean), rows * columns, slab.mode);
      return plane;
    }
    const layers = [];
    for (let at = first; at <= last; at += 1) layers.push(this.across(normalAxis, at, rows, columns));
    plane.missing = slices.length - this.store.loaded;
    plane.data = layers.length === 1 ? layers[0] : combine(layers, rows * columns, slab.mode);
    return plane;
  }

  // One layer that cuts through all slices: a row of each (coronal) or a column of each (sagittal).
  across(normalAxis, at, rows, columns) {
    const { slices, columns: width } = this.store;
    const layer = air(rows * columns);
    for (let z = 0; z < rows; z += 1) {
      const slice = slices[z];
      if (!slice) continue;
      if (normalAxis === 1) layer.set(slice.subarray(at * width, (at + 1) * width), z * columns);
      else for (let y = 0, from = at, to = z * columns; y < columns; y += 1, from += width, to += 1) layer[to] = slice[from];
    }
    return layer;
  }
}

// First and last layer of a slab of so many millimetres around one; a slab is never thinner than a layer.
export function extent(geometry, normalAxis, index, slab) {
  if (slab.mode === "off") return [index, index];
  const layers = Math.max(1, Math.round(slab.mm / geometry.spacing[normalAxis]));
  const first = index - Math.floor((layers - 1) / 2);
  return [Math.max(0, first), Math.min(geometry.shape[normalAxis] - 1, first + layers - 1)];
}

function air(size) {
  return new Int16Array(size).fill(AIR);
}

function combine(layers, size, mode) {
  if (!layers.length) return air(size);
  return mode === "mean" ? mean(layers, size) : maximum(layers, size);
}

function maximum(layers, size) {
  const most = layers[0].slice();
  for (let k = 1; k < layers.length; k += 1) {
    const layer = layers[k];
    for (let p = 0; p < size; p += 1) if (layer[p] > most[p]) most[p] = layer[p];
  }
  return most;
}

function mean(layers, size) {
  const sum = new Int32Array(size);
  for (const layer of layers) for (let p = 0; p < size; p += 1) sum[p] += layer[p];
  const out = new Int16Array(size);
  const half = layers.length / 2;
  for (let p = 0; p < size; p += 1) out[p] = Math.floor((sum[p] + half) / layers.length);
  return out;
}

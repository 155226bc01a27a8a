// Draws a plane on a 2-D canvas by the processor: for machines whose WebGL would be emulated, where this is several times
// faster, and for those without WebGL.

import { grey } from "./grey.js";

export class CpuPainter {
  name = "cpu";

  // ``where``: plane coordinates of the centre of canvas pixel (i, j) are a = a0 + i * da along the axis that runs to the
  // right and b = b0 + j * db along the one that runs down; each with the stride and size of that axis in the plane.
  paint(context, plane, where, look) {
    const { width, height } = context.canvas;
    const image = this.imageFor(context, width, height);
    const out = new Uint32Array(image.data.buffer);
    const table = grey(look);
    const across = steps(where.right, width, look.smooth);
    const { data } = plane;
    for (let j = 0; j < height; j += 1) {
      const row = step(where.down, j, look.smooth);
      const from = j * width;
      if (row.near < 0) { out.fill(0xff000000, from, from + width); continue; }
      if (look.smooth) smoothRow(data, out, from, width, across, row, table);
      else for (let i = 0; i < width; i += 1) out[from + i] = across.near[i] < 0 ? 0xff000000 : table[data[across.near[i] + row.near] + 32768];
    }
    context.putImageData(image, 0, 0);
  }

  imageFor(context, width, height) {
    const held = this.images?.get(context.canvas);
    if (held?.width === width && held.height === height) return held;
    const image = context.createImageData(width, height);
    this.images ??= new WeakMap();
    this.images.set(context.canvas, image);
    return image;
  }
}

function smoothRow(data, out, from, width, across, row, table) {
  const { near, far, share } = across;
  const top = row.near;
  const bottom = row.far;
  const down = row.share;
  for (let i = 0; i < width; i += 1) {
    const a = near[i];
    if (a < 0) { out[from + i] = 0xff000000; continue; }
    const b = far[i];
    const s = share[i];
    const upper = data[a + top] + (data[b + top] - data[a + top]) * s;
    const lower = data[a + bottom] + (data[b + bottom] - data[a + bottom]) * s;
    out[from + i] = table[(upper + (lower - upper) * down + 32768.5) | 0];
  }
}

// Offsets of the two voxels around each canvas pixel, and the share of the second; -1 beyond the outermost half voxels.
function steps(axis, count, smooth) {
  const near = new Int32Array(count);
  const far = new Int32Array(count);
  const share = new Float32Array(count);
  for (let i = 0; i < count; i += 1) {
    const one = step(axis, i, smooth);
    [near[i], far[i], share[i]] = [one.near, one.far, one.share];
  }
  return { near, far, share };
}

function step({ start, each, stride, size }, i, smooth) {
  const at = start + i * each;
  if (at < -0.5 || at > size - 0.5) return { near: -1, far: -1, share: 0 };
  if (!smooth) {
    const nearest = Math.max(0, Math.min(size - 1, Math.round(at))) * stride;
    return { near: nearest, far: nearest, share: 0 };
  }
  const held = Math.max(0, Math.min(size - 1, at));
  const below = Math.min(size - 1, Math.floor(held));
  return { near: below * stride, far: Math.min(size - 1, below + 1) * stride, share: held - below };
}

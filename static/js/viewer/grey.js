// From HU to grey by the linear window of DICOM (PS3.3 C.11.2.1.2.1), as a table over all 16-bit values.

let kept = { name: "", table: null };

export function grey({ width, level, inverted }) {
  const name = `${width}:${level}:${inverted}`;
  if (kept.name !== name) kept = { name, table: build(width, level, inverted) };
  return kept.table;
}

export function share(hu, { width, level }) {
  return Math.max(0, Math.min(1, (hu - (level - 0.5)) / Math.max(width - 1, 1) + 0.5));
}

function build(width, level, inverted) {
  const table = new Uint32Array(65536);
  for (let k = 0; k < 65536; k += 1) {
    const lightness = share(k - 32768, { width, level });
    const byte = Math.round(255 * (inverted ? 1 - lightness : lightness));
    table[k] = 0xff000000 | (byte << 16) | (byte << 8) | byte;
  }
  return table;
}

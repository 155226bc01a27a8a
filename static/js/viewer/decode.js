// Fetches slabs and joins their byte planes to voxels, in a worker, so that scrolling never waits for it.
// In: {id, url, voxels}. Out: {id, buffer} (Int16, transferred) or {id, failed} with the status, 0 for no answer.

export function join(bytes, voxels) {
  const joined = new Int16Array(voxels);
  const high = bytes.subarray(voxels);
  for (let k = 0; k < voxels; k += 1) joined[k] = bytes[k] | (high[k] << 8);
  return joined;
}

async function fetched({ id, url, voxels }) {
  try {
    const answer = await fetch(url, { credentials: "same-origin" });
    if (!answer.ok) return { id, failed: answer.status };
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return bytes.length === 2 * voxels ? { id, buffer: join(bytes, voxels).buffer } : { id, failed: 0 };
  } catch {
    return { id, failed: 0 }; // no network: the caller asks again
  }
}

if (typeof WorkerGlobalScope !== "undefined") {
  self.addEventListener("message", async ({ data }) => {
    const told = await fetched(data);
    self.postMessage(told, told.buffer ? [told.buffer] : []);
  });
}

// The voxels of one scan, slice by slice, as they arrive: the visible slice first, then its neighbours outward.

export const SLAB = 8; // slices a request: few requests, yet the next one is never far away
const IN_FLIGHT = 4; // of all scans together; more only queue in the browser
const WORKERS = 2;
const TRIES = 4;

export class Loader {
  constructor() {
    this.stores = [];
    this.flying = 0;
    this.waiting = new Map();
    this.nextId = 0;
    this.workers = Array.from({ length: WORKERS }, () => {
      const worker = new Worker(new URL("./decode.js", import.meta.url), { type: "module" });
      worker.addEventListener("message", ({ data }) => this.arrived(data));
      return worker;
    });
  }

  add(store) {
    this.stores.push(store);
    this.go();
  }

  // Scans take turns, so that both sides fill at the same pace.
  go() {
    while (this.flying < IN_FLIGHT) {
      const job = this.stores.map((store) => store.next()).filter(Boolean).sort((a, b) => a.rank - b.rank)[0];
      if (!job) return;
      job.store.take(job);
      this.send(job);
    }
  }

  send(job) {
    const id = (this.nextId += 1);
    this.flying += 1;
    this.waiting.set(id, job);
    this.workers[id % WORKERS].postMessage({ id, url: job.url, voxels: job.voxels });
  }

  arrived({ id, buffer, failed }) {
    const job = this.waiting.get(id);
    this.waiting.delete(id);
    this.flying -= 1;
    if (buffer) job.store.keep(job, new Int16Array(buffer));
    else job.store.lost(job, failed);
    this.go();
  }
}

export class SliceStore {
  constructor(geometry, address, changed) {
    this.geometry = geometry;
    this.address = address;
    this.changed = changed;
    [this.count, this.rows, this.columns] = geometry.shape;
    this.slices = new Array(this.count).fill(null);
    this.loaded = 0;
    this.failed = 0; // slices that did not come after some tries
    this.looking = Math.floor(this.count / 2);
    this.version = 0; // grows with every arrival: planes across slices are gathered anew
    this.asked = new Set();
    this.tries = new Map();
  }

  get complete() {
    return this.loaded === this.count;
  }

  look(index) {
    this.looking = Math.max(0, Math.min(this.count - 1, index));
  }

  // The most wanted request: the slice that is looked at, alone, if its slab has not come; else the nearest slab.
  next() {
    const mine = this.looking;
    if (!this.slices[mine] && !this.asked.has(`1:${mine}`) && !this.asked.has(this.slabKey(mine))) {
      return this.job(mine, 1, `1:${mine}`, -1);
    }
    const slabs = Math.ceil(this.count / SLAB);
    const here = Math.floor(mine / SLAB);
    for (let away = 0; away < slabs; away += 1) {
      for (const slab of away ? [here - away, here + away] : [here]) {
        if (slab >= 0 && slab < slabs && !this.asked.has(`${SLAB}:${slab}`)) {
          const first = slab * SLAB;
          return this.job(first, Math.min(SLAB, this.count - first), `${SLAB}:${slab}`, away);
        }
      }
    }
    return null;
  }

  slabKey(index) {
    return `${SLAB}:${Math.floor(index / SLAB)}`;
  }

  job(first, count, key, rank) {
    const voxels = count * this.rows * this.columns;
    return { store: this, first, count, key, rank, voxels, url: `${this.address}${first}/${count}` };
  }

  take(job) {
    this.asked.add(job.key);
  }

  keep(job, voxels) {
    const size = this.rows * this.columns;
    for (let k = 0; k < job.count; k += 1) {
      if (!this.slices[job.first + k]) this.loaded += 1;
      this.slices[job.first + k] = voxels.subarray(k * size, (k + 1) * size);
    }
    this.version += 1;
    this.changed(job);
  }

  lost(job) {
    const tries = (this.tries.get(job.key) ?? 0) + 1;
    this.tries.set(job.key, tries);
    if (tries < TRIES) {
      setTimeout(() => { this.asked.delete(job.key); this.wake?.(); }, 400 * 2 ** tries);
    } else {
      this.failed += job.count;
      this.changed(job);
    }
  }

  // Ask again for everything that did not come.
  again() {
    for (const [key, tries] of this.tries) if (tries >= TRIES) this.asked.delete(key);
    this.tries.clear();
    this.failed = 0;
    this.wake?.();
  }

  // HU of the nearest voxel; undefined beyond the scan and while its slice is on the way.
  at(index) {
    const [z, y, x] = index.map(Math.round);
    if (!this.geometry.contains(index)) return undefined;
    return this.slices[z]?.[y * this.columns + x];
  }
}

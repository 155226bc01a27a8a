// The reading room: what is shown (state), who is looked at (panes), and one drawing a frame however much has changed.

import { newBrush } from "./brush.js";
import { captions, lpsText } from "./captions.js";
import { Flicker } from "./flicker.js";
import { Links } from "./link.js";
import { Measures } from "./measures.js";
import { overlay } from "./overlay.js";
import { Painter } from "./painter.js";
import { Pane } from "./pane.js";
import { Loader } from "./store.js";

export const WINDOWS = {
  soft: [400, 40], lung: [1500, -600], liver: [150, 30], bone: [2500, 480], brain: [80, 40],
};
export const THICKEST_MM = 30;
const TILE_MM = 110; // what a small coronal or sagittal view shows
const ARRIVALS_MS = 200; // what comes for other slices than the one that is shown is drawn this often
const SAID_MS = 6000;
const SMALLEST_MM = 0.05; // in a CSS pixel: further in there is nothing more to see

export class Room {
  constructor(element, facts, texts) {
    this.element = element;
    this.facts = facts;
    this.texts = texts;
    this.state = {
      plane: "axial", width: WINDOWS.lung[0], level: WINDOWS.lung[1], inverted: false, smooth: true,
      slab: { mode: "off", mm: 10 }, outlines: true, crosshair: true, tool: "window", mm: null,
    };
    this.painter = new Painter(new URLSearchParams(location.search).get("painter"));
    this.loader = new Loader();
    this.measures = new Measures();
    this.brush = newBrush();
    this.asked = []; // strokes and points that the server has not answered yet
    this.findingsShown = !facts.hidden;
    this.panes = facts.scans.map((told) => new Pane(element.querySelector(`[data-scan="${told.code}"]`), told, this));
    this.links = new Links(facts.links, this.panes);
    this.flicker = new Flicker(this);
    this.active = this.panes.at(-1);
    this.dirty = false;
    this.visited = null; // label of the nodule or proposal that was jumped to
  }

  async begin() {
    for (const pane of this.open) this.enter(pane);
    this.layout();
    this.jumpToStart();
    this.listen();
    await Promise.all([this.links.fetch(), ...this.panes.map((pane) => this.fetchOutlines(pane))]);
    this.follow(this.active);
    // The maps came after the first jump: scans without this nodule know only now where its place is.
    for (const pane of this.open) pane.centre = pane.focus;
    this.redraw();
  }

  get open() {
    return this.panes.filter((pane) => pane.ready);
  }

  // A pane whose slices are there: load them.
  enter(pane) {
    pane.store.wake = () => this.loader.go();
    this.loader.add(pane.store);
  }

  listen() {
    new ResizeObserver(() => this.layout()).observe(this.element);
    document.addEventListener("viewer:show", ({ detail }) => this.show(detail));
    document.addEventListener("viewer:outlines-changed", () => this.answered());
  }

  // Slices came. The one that is shown is drawn at once; all others only fill slabs and cuts, which can wait a little.
  arrived(pane, { first, count }) {
    const shown = pane.geometry.indexFromLps(pane.focus)[0];
    const { dataset } = this.element;
    if (this.panes.every((one) => one.ready && one.store.complete)) dataset.completeMs ??= Math.round(performance.now());
    if (pane.store.complete || (shown > first - 1 && shown < first + count)) { this.redraw(); return; }
    this.soon ??= setTimeout(() => { this.soon = null; this.redraw(); }, ARRIVALS_MS);
  }

  // --- drawing

  layout() {
    for (const pane of this.open) {
      pane.views.forEach((view) => view.fit());
      for (const tile of pane.tiles) tile.mm = tile.plane === "axial" ? tile.fitMm : TILE_MM / tile.height;
    }
    if (this.state.mm === null && this.open.length) this.fitAll();
    this.redraw();
  }

  fitAll() {
    this.state.mm = Math.max(...this.open.map((pane) => pane.main.fitMm));
    for (const pane of this.open) pane.centre = pane.geometry.centre();
  }

  redraw() {
    if (this.dirty) return;
    this.dirty = true;
    requestAnimationFrame(() => this.frame());
  }

  frame() {
    this.dirty = false;
    for (const pane of this.open) this.draw(pane);
    const { dataset } = this.element;
    if (!dataset.firstImageMs && this.open.some((pane) => pane.store.slices[pane.main.index])) {
      dataset.firstImageMs = Math.round(performance.now());
    }
  }

  draw(pane) {
    const { state } = this;
    pane.main.mm = state.mm;
    pane.main.plane = state.plane;
    for (const view of pane.views) {
      if (!view.width || !view.height) continue;
      const slab = view.main ? state.slab : { mode: "off", mm: 0 };
      const plane = view.main
        ? this.flicker.planeFor(pane, pane.planes.of(view.axes.normal.axis, view.index, slab))
        : pane.planes.of(view.axes.normal.axis, view.index, slab);
      const look = view.main ? this.flicker.lookFor(pane, state) : state;
      const where = view.where(plane);
      // A small view stays as it is while the pointer moves: most frames change the large ones alone.
      const sight = view.main ? null : JSON.stringify([where, look, pane.focus, pane.centre, state, pane.outlines.length]);
      if (sight && view.shown?.sight === sight && view.shown.data === plane.data) continue;
      view.shown = { sight, data: plane.data };
      this.painter.paint(view.context, plane, where, look);
      overlay(view, this);
    }
    captions(pane, this);
  }

  // --- looking

  // Look at a point of one scan; the others follow to the same place of the body.
  look(pane, lps, { follow = true } = {}) {
    pane.lookAt(held(pane, lps));
    if (follow) this.follow(pane);
    this.loader.go();
    this.redraw();
  }

  follow(pane) {
    if (!pane?.ready) return;
    for (const other of this.open) {
      if (other === pane) continue;
      const there = this.links.carry(pane, other, pane.focus);
      other.sure = there?.sure ?? true;
      if (there) other.lookAt(held(other, there.lps));
    }
    this.saySync();
  }

  // Scroll by slices of the active view; up is towards the head, the face, the right side.
  scroll(pane, slices) {
    const { axis, sign } = pane.main.axes.normal;
    const index = pane.geometry.indexFromLps(pane.focus);
    index[axis] = Math.max(0, Math.min(pane.main.count - 1, pane.main.index + slices * (pane.main.plane === "axial" ? -sign : sign)));
    this.look(pane, pane.geometry.lpsFromIndex(index));
  }

  goToSlice(pane, slice) {
    const { axis } = pane.main.axes.normal;
    const index = pane.geometry.indexFromLps(pane.focus);
    index[axis] = slice;
    this.look(pane, pane.geometry.lpsFromIndex(index));
  }

  toEnd(pane, last) {
    this.goToSlice(pane, last ? pane.main.count - 1 : 0);
  }

  // Both scans with this place in the middle.
  centreOn(pane, lps) {
    this.look(pane, lps);
    for (const one of this.open) one.centre = one.focus;
    this.redraw();
  }

  pan(pane, dx, dy) {
    for (const one of this.open) {
      if (one !== pane && this.links.mode === "off") continue;
      one.centre = one.main.lpsAt(one.main.width / 2 - dx, one.main.height / 2 - dy);
    }
    this.redraw();
  }

  // Zoom around a pixel of one view; the others zoom around the same place of the body.
  zoom(pane, factor, x = pane.main.width / 2, y = pane.main.height / 2) {
    const before = this.state.mm;
    this.state.mm = Math.max(SMALLEST_MM, Math.min(2 * Math.max(...this.open.map((one) => one.main.fitMm)), before / factor));
    for (const one of this.open) {
      const kept = one.main.lpsAt(x, y);
      one.main.mm = this.state.mm;
      const now = one.main.lpsAt(x, y);
      one.centre = one.centre.map((value, k) => value + kept[k] - now[k]);
    }
    this.redraw();
  }

  set(change) {
    Object.assign(this.state, change);
    if (change.tool) document.dispatchEvent(new CustomEvent("viewer:tool-changed", { detail: { tool: change.tool } }));
    this.element.dispatchEvent(new CustomEvent("room:changed"));
    this.redraw();
  }

  window(name) {
    const [width, level] = WINDOWS[name];
    this.set({ width, level });
  }

  reset() {
    for (const pane of this.open) pane.main.turned = { turns: 0, mirrorX: false, mirrorY: false };
    this.flicker.stop();
    this.fitAll();
    this.set({ width: WINDOWS.lung[0], level: WINDOWS.lung[1], inverted: false, plane: "axial", slab: { ...this.state.slab, mode: "off" } });
  }

  turn(change) {
    for (const pane of this.open) pane.main.turned = change(pane.main.turned);
    this.redraw();
  }

  activate(pane) {
    this.active = pane;
    for (const one of this.panes) one.element.toggleAttribute("data-active", one === pane);
  }

  maximise(pane) {
    const alone = this.element.dataset.alone === pane.code;
    if (alone) delete this.element.dataset.alone;
    else this.element.dataset.alone = pane.code;
    for (const one of this.panes) one.element.hidden = !alone && one !== pane;
    this.layout();
  }

  // --- nodules

  placesOn(pane) {
    return this.facts.nodules.flatMap(({ label, on }) => (on[pane.code] ? [{ label, lps: on[pane.code].lps_mm, size: 7 }] : []));
  }

  // Nodules first, then what the machine proposes; each on the latest scan that shows it.
  get places() {
    const places = this.facts.nodules.map((nodule) => ({ ...nodule, kind: "nodule" }));
    return [...places, ...(this.facts.candidates ?? []).map((one) => ({ ...one, kind: "candidate" }))];
  }

  next(step, kind) {
    const stops = this.findingsShown ? this.places.filter((one) => !kind || one.kind === kind) : [];
    if (!stops.length) { this.say(this.findingsShown ? this.texts.noNodule : this.texts.hidden); return; }
    // From where the reader is; with none visited yet, forward begins at the first and back at the last.
    const here = stops.findIndex((one) => one.label === this.visited);
    this.jump(stops[here < 0 ? (step > 0 ? 0 : stops.length - 1) : (here + step + stops.length) % stops.length]);
  }

  jump(place) {
    const shown = [...this.open].reverse().find((pane) => place.on[pane.code]);
    if (!shown) return;
    this.visited = place.label;
    this.look(shown, place.on[shown.code].lps_mm);
    // Where it was found on the other scans is better than where the map expects it.
    for (const pane of this.open) {
      if (pane !== shown && place.on[pane.code]) pane.lookAt(place.on[pane.code].lps_mm);
      pane.centre = pane.focus;
    }
    this.state.mm = Math.min(this.state.mm, (shown.main.fitMm * 2) / 3);
    this.say(`${place.label} · ${lpsText(place.on[shown.code].lps_mm)}`, { quietly: true });
    document.dispatchEvent(new CustomEvent("viewer:at", { detail: { nodule: place.nodule ?? null, candidate: place.candidate ?? null, label: place.label } }));
    this.redraw();
  }

  jumpToStart() {
    const first = this.findingsShown ? this.places.find((one) => one.label === this.facts.start) ?? this.places[0] : null;
    if (first) this.jump(first);
    else if (this.active?.ready) this.follow(this.active);
  }

  show({ scan, lps_mm: lps, at }) {
    const place = this.findingsShown && this.places.find((one) => at && (one.label === at || one.candidate === at));
    if (place) { this.jump(place); return; }
    const pane = this.open.find((one) => one.code === scan);
    if (pane) this.centreOn(pane, lps);
  }

  // That the reader asked is recorded by the server, which only then tells what the machine proposes.
  async revealFindings() {
    const form = document.querySelector("form[data-reveal]");
    if (!form || this.findingsShown) return;
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" });
    if (answer.type !== "opaqueredirect" && !answer.ok) { this.say(this.texts.failed); return; }
    document.dispatchEvent(new CustomEvent("viewer:findings-shown"));
    location.reload();
  }

  ask(one) {
    this.asked.push(one);
    this.redraw();
  }

  // What was asked stands in the outlines that come now, or was refused.
  async answered() {
    const waited = new Set(this.asked);
    await Promise.all(this.panes.map((pane) => this.fetchOutlines(pane)));
    this.asked = this.asked.filter((one) => !waited.has(one));
    this.redraw();
  }

  async fetchOutlines(pane) {
    // A second reader who has not said yet what he sees is not shown what the first one drew.
    if (document.querySelector("[data-reading-panel][data-blind]")) return;
    const answer = await fetch(pane.told.outlines, { credentials: "same-origin" });
    if (!answer.ok) { this.say(this.texts.noOutlines); return; }
    pane.outlines = (await answer.json()).outlines;
    this.redraw();
  }

  // --- words

  // Said to everybody for some seconds, and to screen readers; what the image says anyway is said to those alone.
  say(text, { quietly = false } = {}) {
    const line = document.querySelector("#room-said");
    clearTimeout(this.silence);
    line.classList.toggle("visually-hidden", quietly || !text);
    line.textContent = text;
    this.silence = setTimeout(() => { line.classList.add("visually-hidden"); line.textContent = ""; }, SAID_MS);
  }

  saySync() {
    const sign = document.querySelector("#room-sync");
    const { mode } = this.links;
    const [a, b] = this.open.slice(-2);
    const shift = mode === "manual" && b ? Math.round(this.links.anchor(a, b)[2]) : 0;
    const guess = mode === "reg" && this.open.some((pane) => pane.sure === false);
    const none = mode === "reg" && !this.links.registered;
    const words = { reg: none ? "REG …" : guess ? "REG ≈" : "REG", manual: `MANUAL ${shift < 0 ? "−" : "+"}${Math.abs(shift)} mm`, off: "OFF" };
    if (sign) sign.textContent = words[mode];
  }
}

function held(pane, lps) {
  const index = pane.geometry.indexFromLps(lps).map((at, k) => Math.max(0, Math.min(pane.geometry.shape[k] - 1, at)));
  return pane.geometry.lpsFromIndex(index);
}

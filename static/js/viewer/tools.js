// Mouse, pen, touch and trackpad on the large views. The left button does what the chosen tool says; the middle one
// pans, the right one zooms, the wheel scrolls (with Ctrl, as trackpads pinch, it zooms). One finger scrolls, two zoom.

import { resized } from "./brush.js";
import { POINTS } from "./measures.js";
import { RAIL_PX, railIndex } from "./overlay.js";

const CLICK_PX = 4; // a press that moves less is a click
const WHEEL_PX = 40; // of trackpad travel for one slice
const FINGER_PX = 10;

export class Tools {
  constructor(room) {
    this.room = room;
    this.touches = new Map();
    for (const pane of room.panes) this.attach(pane);
  }

  attach(pane) {
    const surface = pane.element.querySelector(".canvas");
    surface.addEventListener("wheel", (event) => this.wheel(pane, event), { passive: false });
    surface.addEventListener("pointerdown", (event) => this.down(pane, surface, event));
    surface.addEventListener("pointermove", (event) => this.move(pane, event));
    for (const end of ["pointerup", "pointercancel"]) surface.addEventListener(end, (event) => this.up(pane, event));
    surface.addEventListener("pointerleave", () => this.leave(pane));
    surface.addEventListener("dblclick", () => this.room.maximise(pane));
    surface.addEventListener("contextmenu", (event) => event.preventDefault());
    surface.addEventListener("focus", () => this.room.activate(pane));
    for (const tile of pane.tiles) {
      tile.canvas.closest("button").addEventListener("click", () => this.room.set({ plane: tile.plane }));
    }
  }

  place(pane, event) {
    const box = pane.main.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  wheel(pane, event) {
    if (!pane.ready) return;
    event.preventDefault();
    this.room.activate(pane);
    const { x, y } = this.place(pane, event);
    if (event.ctrlKey) { this.room.zoom(pane, Math.exp(-event.deltaY / 200), x, y); return; }
    const pixels = event.deltaMode ? event.deltaY * WHEEL_PX : event.deltaY;
    // A wheel jumps by a hundred pixels a notch: one slice. A trackpad's small steps are added up.
    if (Math.abs(pixels) >= 100 || event.deltaMode) { this.room.scroll(pane, Math.sign(pixels)); return; }
    this.travelled = (this.travelled ?? 0) + pixels;
    const slices = Math.trunc(this.travelled / WHEEL_PX);
    if (slices) { this.travelled -= slices * WHEEL_PX; this.room.scroll(pane, slices); }
  }

  down(pane, surface, event) {
    if (!pane.ready) return;
    this.room.activate(pane);
    surface.setPointerCapture(event.pointerId);
    const at = this.place(pane, event);
    const isTouch = event.pointerType === "touch";
    if (isTouch) this.touches.set(event.pointerId, at);
    if (this.touches.size > 1) { this.secondFinger(pane, at); return; }
    const inRail = at.x > pane.main.width - RAIL_PX;
    const act = inRail ? "rail" : event.button === 1 ? "pan" : event.button === 2 ? "zoom" : this.acts(event);
    this.held = { pane, act, from: at, last: at, moved: false };
    if (act === "rail") this.room.goToSlice(pane, railIndex(pane.main, at.y));
    if (POINTS[act]) this.measureAt(pane, at, act);
    if (act === "brush" && !isTouch) this.stroke(pane, at); // a finger may be the first of two: wait what it does
  }

  // Two fingers pan and zoom; what the first one began by itself is taken back.
  secondFinger(pane, at) {
    this.room.measures.cancel();
    this.held = { pane, act: "pinch", from: at, last: at, moved: true };
  }

  acts(event) {
    const { tool } = this.room.state;
    return event.pointerType === "touch" && (tool === "window" || tool === "point") ? "scroll" : tool;
  }

  move(pane, event) {
    if (!pane.ready) return;
    const at = this.place(pane, event);
    if (this.touches.size === 2 && this.touches.has(event.pointerId)) { this.pinch(pane, event.pointerId, at); return; }
    if (this.held?.pane === pane) this.drag(at);
    this.hover(pane, at);
  }

  drag(at) {
    const { held, room } = this;
    const [dx, dy] = [at.x - held.last.x, at.y - held.last.y];
    held.moved ||= Math.hypot(at.x - held.from.x, at.y - held.from.y) > CLICK_PX;
    if (!held.moved && held.act !== "rail") return;
    const { pane } = held;
    if (held.act === "scroll") {
      const slices = Math.trunc((at.y - held.last.y) / FINGER_PX);
      if (!slices) return;
      room.scroll(pane, -slices);
    } else if (held.act === "pan") room.pan(pane, dx, dy);
    else if (held.act === "zoom") room.zoom(pane, Math.exp(-dy / 150), held.from.x, held.from.y);
    else if (held.act === "rail") room.goToSlice(pane, railIndex(pane.main, at.y));
    else if (held.act === "window") room.set({ width: Math.max(1, room.state.width + dx * 2), level: room.state.level - dy * 2 });
    else if (held.act === "brush" && Math.hypot(dx, dy) > 2) this.stroke(pane, at);
    held.last = at;
  }

  pinch(pane, id, at) {
    const before = [...this.touches.values()];
    this.touches.set(id, at);
    const after = [...this.touches.values()];
    const spread = ([a, b]) => Math.hypot(a.x - b.x, a.y - b.y);
    const middle = ([a, b]) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
    const [was, is] = [middle(before), middle(after)];
    this.room.pan(pane, is.x - was.x, is.y - was.y);
    this.room.zoom(pane, spread(after) / Math.max(1, spread(before)), is.x, is.y);
    if (this.held) this.held.moved = true;
  }

  up(pane, event) {
    const wasTouch = this.touches.delete(event.pointerId);
    const { held } = this;
    this.held = null;
    if (!held || !pane.ready || event.type === "pointercancel") return;
    if (!held.moved) this.click(pane, held, wasTouch);
    else if (POINTS[held.act]) this.measureAt(pane, this.place(pane, event), held.act);
  }

  click(pane, { act, from }, isTouch) {
    const lps = pane.main.lpsAt(from.x, from.y);
    if (act === "brush" && isTouch) this.stroke(pane, from);
    if (!["window", "scroll", "point"].includes(act)) return;
    if (this.room.state.tool === "point") this.point(pane, lps);
    this.room.look(pane, lps);
  }

  hover(pane, at) {
    const lps = pane.main.lpsAt(at.x, at.y);
    pane.hovered = lps;
    this.room.measures.hover(lps);
    for (const other of this.room.open) {
      if (other !== pane) other.mark = this.room.links.carry(pane, other, lps);
    }
    this.room.redraw();
  }

  leave(pane) {
    pane.hovered = null;
    for (const other of this.room.panes) other.mark = null;
    this.room.redraw();
  }

  // A point of a measure, by press or by key at the crosshair.
  measureAt(pane, at, kind) {
    const { room } = this;
    const lps = pane.main.lpsAt(at.x, at.y);
    if (room.state.slab.mode !== "off" || pane.shows) { room.say(room.texts.noMeasureOnSlab); return; }
    const { growing } = room.measures;
    if (growing && (growing.kind !== kind || growing.pane !== pane || growing.index !== pane.main.index)) room.measures.cancel();
    if (!room.measures.growing) room.measures.begin(kind, pane, pane.main, lps);
    else if (room.measures.set(lps)) this.tellMeasure(room.measures.all.at(-1));
    room.redraw();
  }

  tellMeasure(one) {
    this.room.say(one.text);
    this.tell("viewer:measure", { scan: one.pane.code, kind: one.kind, points_lps_mm: one.points, lengths_mm: one.lengths, hu: one.hu });
  }

  // One press, one nodule: the tool goes back, so that the next press on the image does not add another.
  point(pane, lps) {
    this.room.ask({ pane, lps, kind: "point", radius_mm: 0 });
    this.tell("viewer:point", { scan: pane.code, lps_mm: lps });
    this.room.set({ tool: "window" });
  }

  stroke(pane, at) {
    const { kind, radius_mm, low_hu, high_hu } = this.room.brush;
    const centre = pane.main.lpsAt(at.x, at.y);
    const near = this.room.facts.nodules
      .map(({ on }) => on[pane.code])
      .filter((found) => found?.present)
      .sort((a, b) => apart(a.lps_mm, centre) - apart(b.lps_mm, centre))[0];
    if (!near) { this.room.say(this.room.texts.noNodule); return; }
    this.room.ask({ pane, lps: centre, kind, radius_mm });
    this.tell("viewer:stroke", { scan: pane.code, finding: near.finding, kind, centre_lps_mm: centre, radius_mm, low_hu, high_hu });
  }

  resizeBrush(factor) {
    const { brush, texts } = this.room;
    brush.radius_mm = resized(brush.radius_mm, factor);
    this.room.say(`${texts.brush} ${brush.radius_mm.toFixed(1)} mm`, { quietly: true });
    this.room.set({});
  }

  tell(name, detail) {
    document.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

const apart = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

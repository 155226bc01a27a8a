// Prior and current in one place: the current scan, carried onto the prior's voxels, takes turns with the prior or is
// subtracted from it. Shown on the prior's large view, and said there.

import { difference, warpedPlane } from "./warp.js";

const EVERY_MS = 450;

export class Flicker {
  constructor(room) {
    this.room = room;
    this.mode = "off"; // off, flicker, difference
    this.turn = false;
    this.kept = null;
  }

  get pair() {
    const panes = this.room.panes.filter((pane) => pane.ready);
    const [prior, current] = panes.slice(-2);
    const link = current && this.room.links.between(prior.code, current.code);
    return link?.prior === prior.code ? { prior, current, field: link.field } : null;
  }

  // False, and a reason said, when there is no registration to carry one scan onto the other.
  start(mode) {
    this.stop();
    if (!this.pair) { this.room.say(this.room.texts.noMap); return; }
    this.mode = mode;
    this.turn = true;
    if (mode === "flicker") {
      this.clock = setInterval(() => { this.turn = !this.turn; this.room.redraw(); }, EVERY_MS);
    }
    this.room.redraw();
  }

  stop() {
    clearInterval(this.clock);
    this.mode = "off";
    this.kept = null;
    for (const pane of this.room.panes) pane.shows = "";
    this.room.redraw();
  }

  toggle(mode) {
    if (this.mode === mode) this.stop();
    else this.start(mode);
  }

  planeFor(pane, plane) {
    const pair = this.mode === "off" ? null : this.pair;
    if (!pair || pane !== pair.prior || plane.thick > 1) { pane.shows = ""; return plane; }
    pane.shows = this.mode === "difference" ? "difference" : this.turn ? "warped" : "";
    if (!pane.shows) return plane;
    const warped = this.warped(plane, pair);
    return this.mode === "difference" ? this.subtracted(plane, warped) : warped;
  }

  warped(plane, { prior, current, field }) {
    const name = `${plane.normalAxis}:${plane.index}:${current.store.version}`;
    if (this.kept?.name !== name) this.kept = { name, plane: warpedPlane(plane, prior.geometry, field, current.store) };
    return this.kept.plane;
  }

  subtracted(plane, warped) {
    if (this.kept.from !== plane.data) Object.assign(this.kept, { from: plane.data, less: difference(warped, plane) });
    return this.kept.less;
  }

  // A difference lies around zero: grey is equal, white has become denser.
  lookFor(pane, state) {
    return pane.shows === "difference" ? { ...state, width: 1000, level: 0 } : state;
  }
}

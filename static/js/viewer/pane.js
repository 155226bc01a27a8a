// One scan on the screen: its voxels, the point that is looked at, its large view and its small ones.

import { Geometry } from "./geometry.js";
import { Planes } from "./planes.js";
import { SliceStore } from "./store.js";
import { View } from "./view.js";

export class Pane {
  constructor(element, told, room) {
    this.element = element;
    this.code = told.code;
    this.role = told.role;
    this.told = told;
    this.room = room;
    this.outlines = [];
    this.main = new View(element.querySelector("canvas[data-main]"), this, { main: true });
    this.tiles = [...element.querySelectorAll("canvas[data-plane]")].map((canvas) => {
      const tile = new View(canvas, this, { main: false });
      tile.plane = canvas.dataset.plane;
      return tile;
    });
    this.said = Object.fromEntries([...element.querySelectorAll("[data-say]")].map((one) => [one.dataset.say, one]));
    if (told.geometry) this.open(told);
  }

  // The slices are kept: from now on there is something to see.
  open(told) {
    this.geometry = new Geometry(told.geometry);
    this.store = new SliceStore(this.geometry, told.slabs, (job) => this.room.arrived(this, job));
    this.planes = new Planes(this.store);
    this.focus = this.geometry.centre();
    this.centre = this.focus;
    this.element.querySelector("[data-waiting]").hidden = true;
    this.element.dataset.open = "";
  }

  get views() {
    return [this.main, ...this.tiles];
  }

  get ready() {
    return Boolean(this.geometry);
  }

  // What lies in the middle of a view: the large one shows where the reader has moved to, the small axial one all, the
  // small ones across the slices follow the point.
  centreOf(view) {
    if (view.main) return this.centre;
    return view.plane === "axial" ? this.geometry.centre() : this.focus;
  }

  lookAt(lps) {
    this.focus = lps;
    this.store.look(Math.round(this.geometry.indexFromLps(lps)[0]));
  }
}

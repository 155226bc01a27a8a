// Carries a point from one scan to another: through the registration where there is one, else by an anchor that the
// reader sets. States: REG (registered), MANUAL (anchor), OFF (each scan by itself).

import { Field } from "./field.js";

export class Links {
  constructor(told, panes) {
    this.panes = panes;
    this.pairs = told.map((link) => ({ ...link, field: null }));
    this.mode = told.length ? "reg" : "manual";
    this.anchors = new Map(); // "from:to" -> shift in millimetres
  }

  // Fetch the maps that are kept; whoever waits for another one sets ``ready`` when it is there.
  async fetch() {
    const wanted = this.pairs.filter((pair) => pair.ready && !pair.field);
    await Promise.all(wanted.map(async (pair) => { pair.field = await Field.fetch(pair.map); }));
  }

  get registered() {
    return this.pairs.some((pair) => pair.field);
  }

  between(from, to) {
    return this.pairs.find((pair) => pair.field && ((pair.prior === from && pair.current === to) || (pair.prior === to && pair.current === from)));
  }

  // {lps, sure} of a point of one scan on another, or null when nothing joins them.
  carry(from, to, lps) {
    if (this.mode === "off") return null;
    if (this.mode === "manual") return { lps: add(lps, this.anchor(from, to)), sure: false };
    const path = this.path(from, to);
    if (!path) return null;
    let here = { lps, sure: true };
    for (let step = 1; step < path.length; step += 1) here = this.step(path[step - 1], path[step], here);
    return here;
  }

  step(from, to, { lps, sure }) {
    const pair = this.between(from.code, to.code);
    if (pair.prior === from.code) return { lps: pair.field.toCurrent(lps), sure: sure && pair.field.sureAt(lps) };
    const back = pair.field.toPrior(lps);
    return { lps: back, sure: sure && pair.field.sureAt(back) };
  }

  // The scans between two, themselves included: neighbours are registered, so the third goes by way of the prior.
  path(from, to) {
    const [a, b] = [this.panes.indexOf(from), this.panes.indexOf(to)];
    const direct = this.between(from.code, to.code);
    if (direct) return [from, to];
    const way = a < b ? this.panes.slice(a, b + 1) : this.panes.slice(b, a + 1).reverse();
    return way.every((pane, k) => k === 0 || this.between(way[k - 1].code, pane.code)) ? way : null;
  }

  anchor(from, to) {
    const known = this.anchors.get(`${from.code}:${to.code}`);
    if (known) return known;
    return subtract(to.geometry.centre(), from.geometry.centre());
  }

  // From now on the points that are looked at belong together.
  setAnchors() {
    for (const one of this.panes) for (const other of this.panes) {
      if (one !== other) this.anchors.set(`${one.code}:${other.code}`, subtract(other.focus, one.focus));
    }
    this.mode = "manual";
  }

  toggle() {
    const usual = this.registered ? "reg" : "manual";
    this.mode = this.mode === "off" ? usual : "off";
  }
}

const add = (a, b) => a.map((value, k) => value + b[k]);
const subtract = (a, b) => a.map((value, k) => value - b[k]);

// Working the list without a mouse: j and k move, x chooses, Shift and x (or a click) chooses a stretch, t takes, o opens.
// The list is drawn anew while work goes on; what was chosen is remembered by the patient's code.

import { onKey } from "./keys.js";

const chosen = new Set();
let last = null; // the row that was chosen last: a stretch begins there

const rows = () => [...document.querySelectorAll("[data-row]")];
const box = (row) => row.querySelector('input[name="patient"]');
const current = () => document.activeElement?.closest?.("[data-row]") ?? null;

function step(by) {
  const all = rows();
  const here = all.indexOf(current());
  const next = all[here < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + by, 0), all.length - 1)];
  next?.querySelector("a.who").focus();
}

function choose(row, to) {
  const code = row.dataset.row;
  to ? chosen.add(code) : chosen.delete(code);
  if (box(row)) box(row).checked = to;
}

function chooseStretch(row, to) {
  const all = rows();
  const from = last ? all.findIndex((one) => one.dataset.row === last) : -1;
  const here = all.indexOf(row);
  const [first, end] = from < 0 ? [here, here] : [Math.min(from, here), Math.max(from, here)];
  for (const one of all.slice(first, end + 1)) choose(one, to);
}

function toggle(row, { stretch }) {
  if (!row || !box(row)) return;
  const to = stretch ? true : !chosen.has(row.dataset.row);
  stretch ? chooseStretch(row, to) : choose(row, to);
  last = row.dataset.row;
  show();
}

function show() {
  const all = rows();
  for (const row of all) if (box(row)) box(row).checked = chosen.has(row.dataset.row);
  for (const code of chosen) if (!all.some((row) => row.dataset.row === code)) chosen.delete(code); // not on this page any more
  const figure = document.querySelector("[data-picked]");
  if (figure && figure.textContent !== String(chosen.size)) figure.textContent = String(chosen.size);
  const whole = document.querySelector("[data-pick-all]");
  if (!whole) return;
  whole.hidden = false;
  whole.checked = chosen.size > 0 && chosen.size === all.length;
  whole.indeterminate = chosen.size > 0 && chosen.size < all.length;
}

document.addEventListener("click", (event) => {
  const target = event.target;
  if (target.matches?.("[data-pick-all]")) {
    for (const row of rows()) choose(row, target.checked);
    show();
  } else if (target.matches?.('[data-row] input[name="patient"]')) {
    const row = target.closest("[data-row]");
    if (event.shiftKey) chooseStretch(row, target.checked);
    else choose(row, target.checked);
    last = row.dataset.row;
    show();
  }
});

onKey("j", () => step(1));
onKey("k", () => step(-1));
onKey("x", () => toggle(current(), { stretch: false }));
onKey("X", () => toggle(current(), { stretch: true }));
onKey("o", () => current()?.querySelector("[data-open]").click());
onKey("t", () => current()?.querySelector("[data-take]")?.click());
onKey("c", () => current()?.querySelector("[data-contact]")?.click());

const list = document.querySelector("[data-refresh]");
new MutationObserver(show).observe(list, { childList: true });
show();

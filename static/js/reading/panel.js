// The reader's panel beside the slices, or alone: sends each act, puts the answered panel in the place of the old one,
// and speaks with the viewer by events on the document (viewer:at, viewer:point, viewer:stroke, viewer:measure; viewer:show,
// viewer:tool, viewer:tool-changed, viewer:outlines-changed). Without this script every form works by itself.

import { onKey } from "../keys.js";
import { keepUp } from "./keep_up.js";
import { remember } from "./place.js";

const panel = () => document.querySelector("[data-reading-panel]");
const acts = () => panel().dataset.act.replace(/add$/, "");
const GAP_PX = 8;
const MOST_PX = 300; // of a nodule that must be seen below its name
let refitting = null; // the finding whose outline the next press on the slice makes anew; a fresh panel does not forget it
let sending = Promise.resolve(); // one act after the other: the second sees what the first has done

export function send(act, fields) {
  const body = new FormData();
  body.append("csrfmiddlewaretoken", panel().querySelector("[name=csrfmiddlewaretoken]")?.value ?? "");
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  return post(acts() + act, body);
}

function post(url, body) {
  sending = sending.then(async () => {
    panel().setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(url, { method: "POST", body, headers: { "X-Panel": "1" }, credentials: "same-origin" });
      if (answer.redirected) return window.location.reload(); // signed out meanwhile
      if (answer.status === 400) return say(panel().dataset.unreadable);
      if (answer.status === 403) return say(panel().dataset.forbidden);
      show(await answer.text());
    } catch {
      say(panel().dataset.unreachable);
    } finally {
      panel().removeAttribute("aria-busy");
      document.dispatchEvent(new CustomEvent("viewer:outlines-changed", { detail: { finding: body.get("finding") } }));
    }
  });
  return sending;
}

function say(text) {
  const line = panel().querySelector("[data-said]");
  line.classList.remove("visually-hidden");
  line.textContent = text;
}

export function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("[data-reading-panel]");
  if (!fresh) return;
  const putBack = remember(panel());
  panel().replaceWith(fresh);
  putBack(fresh);
  start(fresh);
  const said = fresh.querySelector("[data-said]");
  const words = said.textContent;
  said.textContent = ""; // a live region speaks only what changes after it is there
  window.setTimeout(() => (said.textContent = words), 50);
}

function openNodule() {
  return panel().querySelector("details[data-nodule][open]");
}

function openPlace() {
  return panel().querySelector(":is(details[data-nodule], details[data-proposal])[open]");
}

function findingOn(scan) {
  return openNodule()?.querySelector(`[data-finding][data-scan="${CSS.escape(scan)}"]`) ?? null;
}

function start(element) {
  element.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-act-form]");
    if (!form) return;
    event.preventDefault();
    post(form.action, new FormData(form, event.submitter));
  });
  for (const details of element.querySelectorAll("details[data-lps-mm]")) {
    // The press, not the opening: a panel that comes anew opens what was open, and must not move the images.
    details.querySelector("summary").addEventListener("click", () => {
      if (details.open) return;
      const { scan, nodule, proposal, lpsMm } = details.dataset;
      const detail = { scan, lps_mm: lpsMm.split(" ").map(Number), at: nodule ?? proposal };
      // Once it is open: the viewer answers by saying where it is, and what else is open closes.
      setTimeout(() => document.dispatchEvent(new CustomEvent("viewer:show", { detail })));
    });
  }
  showRefit();
  element.querySelector("details[data-add]")?.addEventListener("toggle", ({ target }) => arm(target.open));
  keepUp(element, () => fetch(element.dataset.url, { credentials: "same-origin" }), show);
}

// The nodule or proposal that the reader went to on the slices is the one that is open, and that f and g mean.
function openAt(name) {
  for (const details of panel().querySelectorAll("details[data-nodule], details[data-proposal]")) {
    details.open = [details.dataset.nodule, details.dataset.proposal].includes(name);
    if (!details.open) continue;
    const around = details.parentElement.closest("details");
    if (around) around.open = true;
    bring(details);
  }
}

// Scroll the panel alone, where it scrolls: the images stay where they are.
function bring(details) {
  const frame = panel().parentElement;
  const [inner, outer] = [details.getBoundingClientRect(), frame.getBoundingClientRect()];
  if (inner.top < outer.top || inner.top + MOST_PX > outer.bottom) frame.scrollTop += inner.top - outer.top - GAP_PX;
}

document.addEventListener("viewer:at", ({ detail }) => openAt(detail.candidate ?? detail.label));

// The viewer's words.
const strokes = new Map(); // by finding: what came while an act was on its way

document.addEventListener("viewer:point", ({ detail }) => {
  const [x_mm, y_mm, z_mm] = detail.lps_mm;
  const finding = refitting;
  refit(null);
  if (finding) return send("refit", { finding, x_mm, y_mm, z_mm });
  return send("add", { scan: detail.scan, x_mm, y_mm, z_mm });
});

document.addEventListener("viewer:stroke", ({ detail }) => {
  const finding = detail.finding ?? findingOn(detail.scan)?.dataset.finding;
  if (!finding) return say(panel().dataset.whichNodule);
  const { kind, centre_lps_mm, radius_mm, low_hu, high_hu } = detail;
  const waiting = strokes.get(finding) ?? [];
  waiting.push({ kind, centre_lps_mm, radius_mm, low_hu, high_hu });
  strokes.set(finding, waiting);
  sending.then(() => {
    const drawn = strokes.get(finding);
    if (!drawn?.length) return undefined;
    strokes.delete(finding);
    return send("strokes", { finding, strokes: JSON.stringify(drawn) });
  });
});

document.addEventListener("viewer:measure", ({ detail }) => {
  if (detail.kind !== "bidirectional") return; // one length or a mean density replaces nothing
  const place = findingOn(detail.scan);
  if (!place) return say(panel().dataset.whichNodule);
  const [first, second] = detail.lengths_mm;
  place.open = true;
  place.querySelector("[name=long_mm]").value = Math.max(first, second).toFixed(1);
  place.querySelector("[name=short_mm]").value = Math.min(first, second).toFixed(1);
  place.querySelector("[name=long_mm]").form.querySelector("[type=submit]").focus();
});

document.addEventListener("click", (event) => {
  const again = event.target.closest("[data-refit]");
  if (!again) return;
  const on = again.dataset.refit !== refitting;
  refit(on ? again.dataset.refit : null);
  arm(on);
});

document.addEventListener("viewer:tool-changed", ({ detail }) => {
  if (detail.tool !== "point") refit(null);
});

function refit(finding) {
  refitting = finding;
  showRefit();
}

function showRefit() {
  for (const button of panel().querySelectorAll("[data-refit]")) button.setAttribute("aria-pressed", String(button.dataset.refit === refitting));
}

function arm(on) {
  document.dispatchEvent(new CustomEvent("viewer:tool", { detail: { tool: on ? "point" : "window" } }));
}

// Keys: single ones as everywhere in the product, and the two that every editor has.
onKey("f", () => openPlace()?.querySelector("[data-confirm]")?.click());
onKey("g", () => openPlace()?.querySelector("[data-reject]")?.click());
onKey("e", () => panel().querySelector("[data-next-case]")?.click());
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.target.closest?.("input, textarea, select")) return;
  const back = event.key === "z" && !event.shiftKey;
  const again = event.key === "y" || (event.key.toLowerCase() === "z" && event.shiftKey);
  const button = back ? panel().querySelector("[data-undo]") : again ? panel().querySelector("[data-redo]") : null;
  if (!button) return;
  event.preventDefault();
  button.click();
});

if (panel()) start(panel());
const here = document.querySelector("[data-jump][aria-current]"); // the viewer was there first
if (here) openAt(here.dataset.jump);

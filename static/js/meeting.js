// The meeting on a projector: how long it and this case have taken, which nodule is shown, and nothing typed is lost.

import { onKey } from "./keys.js";

const inMinutes = new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit: "minute" });
const SHOWN_EVERY_MS = 15000;

function tell(clock, since) {
  clock.textContent = inMinutes.format(Math.max(0, Math.floor((Date.now() - since) / 60000)));
}

function runClock(clock, since) {
  tell(clock, since);
  setInterval(tell, SHOWN_EVERY_MS, clock, since);
}

const ofMeeting = document.querySelector("[data-elapsed-since]");
if (ofMeeting) runClock(ofMeeting, Date.parse(ofMeeting.dataset.elapsedSince));

// The time on a case is kept for this window, so that writing the outcome down does not set it back.
const ofCase = document.querySelector("[data-on-case]");
if (ofCase) {
  const name = `on-case ${ofCase.dataset.onCase}`;
  const since = Number(sessionStorage.getItem(name)) || Date.now();
  sessionStorage.setItem(name, since);
  runClock(ofCase, since);
  ofCase.parentElement.hidden = false;
}

const chosen = document.querySelectorAll("[data-choose-nodule]");
const seen = document.querySelectorAll("[data-nodule]");

function show(label) {
  for (const one of seen) one.hidden = one.dataset.nodule !== label;
  for (const one of chosen) {
    if (one.dataset.chooseNodule === label) one.setAttribute("aria-current", "true");
    else one.removeAttribute("aria-current");
  }
}

for (const one of chosen) {
  one.addEventListener("click", (event) => {
    event.preventDefault();
    show(one.dataset.chooseNodule);
  });
}

onKey("v", () => document.querySelector("[data-nodule]:not([hidden]) [data-side-by-side]")?.click());

// An outcome that was typed and not written down is asked for before the page is left.
const form = document.querySelector(".meeting-outcome form");
let typed = form?.hasAttribute("data-unsaved") ?? false;
form?.addEventListener("input", () => (typed = true));
form?.addEventListener("submit", () => (typed = false));
addEventListener("beforeunload", (event) => {
  if (typed) event.preventDefault();
});

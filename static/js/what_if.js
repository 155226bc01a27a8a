// Asks the guidelines again while one types, and draws the ladders. The form does the same by its button.
// <form data-what-if="URL of the answers alone">; the answers stand in [data-answers], their summary is spoken by [data-said].

import { chart } from "./chart.js";

const PAUSE_MS = 350;

for (const element of document.querySelectorAll("[data-chart]")) chart(element);
for (const form of document.querySelectorAll("form[data-what-if]")) whatIf(form);

function whatIf(form) {
  let timer = 0;
  let asked = 0;

  async function ask() {
    const query = new URLSearchParams(new FormData(form)).toString();
    const mine = ++asked;
    try {
      const answer = await fetch(`${form.dataset.whatIf}?${query}`, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      if (answer.redirected) return window.location.reload(); // signed out meanwhile
      if (!answer.ok) throw new Error(String(answer.status));
      const html = await answer.text();
      if (mine !== asked) return; // somebody typed on
      show(html);
      window.history.replaceState(null, "", `?${query}`);
    } catch {
      document.querySelector("[data-answers]").dataset.stale = ""; // the button still asks
    }
  }

  form.addEventListener("input", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(ask, PAUSE_MS);
  });
}

// What was unfolded stays unfolded: the regions keep their order of kind and name.
function show(html) {
  const old = document.querySelector("[data-answers]");
  const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("[data-answers]");
  const open = new Set([...old.querySelectorAll("details[open]")].map(nameOf));
  for (const details of fresh.querySelectorAll("details")) details.open = open.has(nameOf(details));
  for (const plot of old.querySelectorAll("[data-drawn]")) window.Plotly.purge(plot);
  old.replaceWith(fresh);
  for (const element of fresh.querySelectorAll("[data-chart]")) chart(element);
  document.querySelector("[data-said]").textContent = fresh.dataset.summary;
}

function nameOf(details) {
  return details.closest("section, article").querySelector("h2, h3").textContent + details.className;
}

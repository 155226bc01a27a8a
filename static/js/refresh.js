// Keeps a region up to date while work goes on: fetches the fragment that the server draws with the same partial.
// <div data-refresh="URL" data-refresh-seconds="3" data-running>…</div>; stops when the fragment no longer says running.

const SLOWEST_S = 30;

export function refresh(element) {
  const usual_s = Number(element.dataset.refreshSeconds) || 3;
  let pause_s = usual_s;

  const again = () => window.setTimeout(ask, pause_s * 1000);

  async function ask() {
    if (document.hidden || element.contains(document.activeElement)) return again(); // never take a control from under a hand
    try {
      const answer = await fetch(element.dataset.refresh, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      if (answer.redirected) return window.location.reload(); // signed out meanwhile
      if (!answer.ok) throw new Error(String(answer.status));
      show(element, await answer.text());
      pause_s = usual_s;
    } catch {
      element.dataset.stale = ""; // the page says so in words, by the style of .stale-note
      pause_s = Math.min(pause_s * 2, SLOWEST_S);
    }
    if ("running" in element.dataset) again();
  }

  if ("running" in element.dataset) again();
}

function show(element, html) {
  const fragment = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
  element.toggleAttribute("data-running", fragment.hasAttribute("data-running"));
  element.removeAttribute("data-stale");
  element.replaceChildren(...fragment.childNodes);
}

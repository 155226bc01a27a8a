// Keeps the panel up to date while the product works on the patient; never takes a control from under a hand.

const PAUSE_MS = 2000;

export function keepUp(element, ask, show) {
  if (!("running" in element.dataset)) return;
  window.setTimeout(async () => {
    if (!element.isConnected) return; // an act has put a newer panel here
    const typing = element.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
    if (document.hidden || typing || element.getAttribute("aria-busy")) return keepUp(element, ask, show);
    try {
      const answer = await ask();
      if (answer.redirected) return window.location.reload();
      if (!answer.ok) throw new Error(String(answer.status));
      const html = await answer.text();
      if (element.isConnected) show(html);
    } catch {
      keepUp(element, ask, show);
    }
  }, PAUSE_MS);
}

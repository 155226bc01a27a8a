// Where a reader was in the panel, so that an answered panel opens at the same place: what was open, and the focus.

const NAMES = ["nodule", "proposal", "finding"];

function nameOf(element) {
  for (const name of NAMES) if (element.dataset[name]) return `[data-${name}="${CSS.escape(element.dataset[name])}"]`;
  const nodule = element.closest("[data-nodule]");
  const among = nodule ? [...nodule.querySelectorAll("details")].indexOf(element) : -1;
  return nodule && among >= 0 ? [nameOf(nodule), among] : null;
}

function find(panel, name) {
  if (Array.isArray(name)) return find(panel, name[0])?.querySelectorAll("details")[name[1]];
  return panel.querySelector(`details${name}`);
}

export function remember(panel) {
  const every = [...panel.querySelectorAll("details")];
  const opened = every.map((details) => [nameOf(details), details.open]).filter(([name]) => name !== null);
  const active = panel.contains(document.activeElement) ? document.activeElement : null;
  const home = active?.closest("details");
  const focus = home ? nameOf(home) : null;
  const key = active && ["data-undo", "data-redo", "data-sign", "data-next-case"].find((name) => active.hasAttribute(name));
  const top = panel.scrollTop;
  return (fresh) => {
    for (const [name, open] of opened) {
      const details = find(fresh, name);
      if (details) details.open = open;
    }
    fresh.scrollTop = top;
    const target = (key && fresh.querySelector(`[${key}]`)) ?? (focus && find(fresh, focus)?.querySelector("summary"));
    if (target) target.focus({ preventScroll: true });
    else if (active) fresh.querySelector("h2").focus({ preventScroll: true });
  };
}

// The brush that edits outlines: what it does, its bar above the images, its ring under the pointer. And what has been
// asked of the server and is not answered yet, a stroke or a new nodule: it is shown where it will be.

export const KINDS = ["add", "erase", "threshold"];
const RADIUS_MM = { least: 1, most: 30 };
const COLOURS = { add: "#9be8a8", erase: "#ff9f86", threshold: "#f0c368", point: "#ffffff" };
const POINT_PX = 9;

export function newBrush() {
  return { kind: "add", radius_mm: 4, low_hu: -300, high_hu: 300 };
}

export function nextKind(kind) {
  return KINDS[(KINDS.indexOf(kind) + 1) % KINDS.length];
}

export function resized(radius_mm, factor) {
  return Math.max(RADIUS_MM.least, Math.min(RADIUS_MM.most, radius_mm * factor));
}

export function brushOn(view, room) {
  const { brush, asked, state } = room;
  for (const one of asked) if (one.pane === view.pane) circle(view, one.lps, one, true);
  const { hovered } = view.pane;
  if (state.tool === "brush" && hovered) circle(view, hovered, brush, false);
}

// A ball cut by the slice that is shown; a point as a broken ring.
function circle(view, lps, { kind, radius_mm }, isAsked) {
  const { context } = view;
  const { x, y, off } = view.pixelOf(lps);
  const away_mm = Math.abs(off) * view.spacingBetween;
  const isPoint = kind === "point";
  if (away_mm > (isPoint ? view.spacingBetween : radius_mm)) return;
  const radius = isPoint ? POINT_PX : Math.sqrt(radius_mm ** 2 - away_mm ** 2) / view.mm;
  context.strokeStyle = COLOURS[kind];
  context.lineWidth = 1.5;
  context.setLineDash(isAsked ? [3, 3] : []);
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.stroke();
  context.setLineDash([]);
}

// The bar shows what the brush does, and changes it.
export function brushBar(bar, room) {
  const [low, high] = ["low_hu", "high_hu"].map((name) => bar.querySelector(`[name=${name}]`));
  for (const field of [low, high]) {
    field.addEventListener("change", () => {
      const hu = Number(field.value.replace("−", "-"));
      if (field.value.trim() && Number.isFinite(hu)) room.brush[field.name] = hu;
      else field.value = room.brush[field.name];
    });
  }
  for (const button of bar.querySelectorAll("[data-brush]")) {
    button.addEventListener("click", () => { room.brush.kind = button.dataset.brush; room.set({}); });
  }
  const show = () => {
    bar.hidden = room.state.tool !== "brush";
    for (const button of bar.querySelectorAll("[data-brush]")) button.setAttribute("aria-pressed", room.brush.kind === button.dataset.brush);
    bar.querySelector("[data-brush-hu]").hidden = room.brush.kind !== "threshold";
    bar.querySelector("[data-brush-mm]").textContent = `${room.brush.radius_mm.toFixed(1)} mm`;
  };
  room.element.addEventListener("room:changed", show);
  show();
}

// Every key of the viewer, as OHIF's users know them where OHIF has one. The same table acts and writes the key sheet.
// Single keys rest while somebody types or has switched them off in the user menu.

import { nextKind } from "./brush.js";
import { THICKEST_MM } from "./room.js";

const TYPING = "input:not([type=checkbox]):not([type=radio]), select, textarea, [contenteditable]";

const turned = (change) => (room) => room.turn((now) => ({ ...now, ...change(now) }));
const tool = (name) => (room) => room.set({ tool: room.state.tool === name ? "window" : name });
const windowed = (name) => (room) => room.window(name);
const plane = (name) => (room) => room.set({ plane: name });

function neighbour(room, step) {
  const shown = room.open;
  const next = shown[(shown.indexOf(room.active) + step + shown.length) % shown.length];
  next?.element.querySelector(".canvas").focus();
}

export function nextSlab(slab) {
  return { ...slab, mode: { off: "mip", mip: "mean", mean: "off" }[slab.mode] };
}

function thicker(room, step) {
  const { slab } = room.state;
  const mm = Math.max(1, Math.min(THICKEST_MM, slab.mm + step));
  room.set({ slab: { mode: slab.mode === "off" ? "mip" : slab.mode, mm } });
}

function nudge(room, tools, event) {
  const pane = room.active;
  const step = event.shiftKey ? 10 : 1;
  const { x, y } = pane.main.pixelOf(pane.focus);
  const pixel = pane.geometry.spacing[2] / pane.main.mm;
  const [dx, dy] = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
  room.look(pane, pane.main.lpsAt(x + dx * step * pixel, y + dy * step * pixel));
}

function pressHere(room, tools) {
  const pane = room.active;
  const { tool: chosen } = room.state;
  const { x, y } = pane.main.pixelOf(pane.focus);
  // On the slice that is shown, which the point itself may miss by half a slice.
  if (["ruler", "bidirectional", "ellipse"].includes(chosen)) tools.measureAt(pane, { x, y }, chosen);
  else if (chosen === "point") tools.point(pane, pane.focus);
  else if (chosen === "brush") tools.stroke(pane, { x, y });
}

function cine(room) {
  if (room.cine) { clearInterval(room.cine); room.cine = null; return; }
  let step = 1;
  room.cine = setInterval(() => {
    const { index, count } = room.active.main;
    if (index === 0 || index === count - 1) step = -step;
    room.scroll(room.active, step);
  }, 80);
}

function cancel(room) {
  if (room.cine) cine(room);
  if (!room.measures.cancel()) { room.flicker.stop(); room.set({ tool: "window" }); }
  room.redraw();
}

async function fullScreen(room) {
  const whole = room.element.closest(".room");
  if (document.fullscreenElement) await document.exitFullscreen();
  else await whole.requestFullscreen?.();
}

// [keys, word, act]; a key with Shift is written in capitals, others with their modifier in front.
export const KEYS = [
  [["ArrowUp", "ArrowDown"], "slice", (room, _t, event) => room.scroll(room.active, event.key === "ArrowUp" ? -1 : 1)],
  [["PageUp", "PageDown"], "tenSlices", (room, _t, event) => room.scroll(room.active, event.key === "PageUp" ? -10 : 10)],
  [["Home", "End"], "ends", (room, _t, event) => room.toEnd(room.active, event.key === "End")],
  [["ArrowLeft", "ArrowRight"], "pane", (room, _t, event) => neighbour(room, event.key === "ArrowLeft" ? -1 : 1)],
  [["n", "p"], "nodule", (room, _t, event) => room.next(event.key === "n" ? 1 : -1, null)],
  [[".", ","], "candidate", (room, _t, event) => room.next(event.key === "." ? 1 : -1, "candidate")],
  [["2"], "lung", windowed("lung")],
  [["1"], "soft", windowed("soft")],
  [["3"], "liver", windowed("liver")],
  [["4"], "bone", windowed("bone")],
  [["5"], "brain", windowed("brain")],
  [["Shift+ArrowUp", "Shift+ArrowDown"], "level", (room, _t, event) => room.set({ level: room.state.level + (event.key === "ArrowUp" ? 20 : -20) })],
  [["Shift+ArrowLeft", "Shift+ArrowRight"], "width", (room, _t, event) => room.set({ width: Math.max(1, room.state.width + (event.key === "ArrowRight" ? 50 : -50)) })],
  [["7"], "axial", plane("axial")],
  [["8"], "coronal", plane("coronal")],
  [["9"], "sagittal", plane("sagittal")],
  [["m"], "slab", (room) => room.set({ slab: nextSlab(room.state.slab) })],
  [["[", "]"], "thickness", (room, _t, event) => thicker(room, event.key === "]" ? 1 : -1)],
  [["s"], "sync", (room) => { room.links.toggle(); room.follow(room.active); room.set({}); }],
  [["S"], "anchor", (room) => { room.links.setAnchors(); room.saySync(); room.set({}); }],
  [["t"], "flicker", (room) => { room.flicker.toggle("flicker"); room.set({}); }],
  [["u"], "subtract", (room) => { room.flicker.toggle("difference"); room.set({}); }],
  [["o"], "outlines", (room) => room.set({ outlines: !room.state.outlines })],
  [["x"], "crosshair", (room) => room.set({ crosshair: !room.state.crosshair })],
  [["y"], "findings", (room) => room.revealFindings()],
  [["w"], "windowTool", (room) => room.set({ tool: "window" })],
  [["z"], "zoomTool", tool("zoom")],
  [["j"], "panTool", tool("pan")],
  [["d"], "ruler", tool("ruler")],
  [["b"], "bidirectional", tool("bidirectional")],
  [["E"], "ellipse", tool("ellipse")],
  [["a"], "point", tool("point")],
  [["k"], "brush", tool("brush")],
  [["K"], "brushKind", (room) => { room.brush.kind = nextKind(room.brush.kind); room.set({ tool: "brush" }); }],
  [["{", "}"], "brushSize", (_room, tools, event) => tools.resizeBrush(event.key === "}" ? 1.25 : 0.8)],
  [["Alt+ArrowUp", "Alt+ArrowDown", "Alt+ArrowLeft", "Alt+ArrowRight"], "moveCrosshair", nudge],
  [["Enter"], "press", pressHere],
  [["Backspace", "Delete"], "remove", (room) => { room.measures.removeLast(); room.redraw(); }],
  [["+", "-"], "zoom", (room, _t, event) => room.zoom(room.active, event.key === "+" ? 1.25 : 0.8)],
  [["="], "fit", (room) => { room.fitAll(); room.redraw(); }],
  [["i"], "invert", (room) => room.set({ inverted: !room.state.inverted })],
  [["q"], "native", (room) => room.set({ smooth: !room.state.smooth })],
  [["h"], "mirrorX", turned((now) => ({ mirrorX: !now.mirrorX }))],
  [["v"], "mirrorY", turned((now) => ({ mirrorY: !now.mirrorY }))],
  [["r", "l"], "turn", (room, _t, event) => room.turn((now) => ({ ...now, turns: (now.turns + (event.key === "r" ? 1 : 3)) % 4 }))],
  [["c"], "cine", cine],
  [["0"], "maximise", (room) => room.maximise(room.active)],
  [["F"], "fullScreen", fullScreen],
  [[" "], "reset", (room) => room.reset()],
  [["Escape"], "cancel", cancel],
  [["?"], "sheet", () => document.querySelector("#keys").togglePopover()],
];

// What the panel beside the images listens to itself; here only for the list.
const OF_PANEL = [[["f"], "confirm"], [["g"], "reject"], [["Ctrl+Z"], "undo"], [["Ctrl+Y"], "redo"], [["e"], "nextCase"]];

export function nameOf(event) {
  if (event.altKey) return `Alt+${event.key}`;
  if (event.shiftKey && event.key.startsWith("Arrow")) return `Shift+${event.key}`;
  return event.key;
}

const ACTS = new Map(KEYS.flatMap(([keys, , act]) => keys.map((key) => [key, act])));

export function listen(room, tools) {
  document.addEventListener("keydown", (event) => {
    const off = document.documentElement.dataset.keys !== "on" || event.ctrlKey || event.metaKey;
    if (off || event.defaultPrevented || event.target.closest?.(TYPING)) return;
    // A button or link that has the focus keeps its own keys.
    if ((event.key === "Enter" || event.key === " ") && event.target.closest?.("button, a, summary")) return;
    const act = ACTS.get(nameOf(event));
    const alwaysThere = event.key === "?" || event.key === "Escape";
    if (!act || (!alwaysThere && !room.active?.ready)) return;
    event.preventDefault();
    act(room, tools, event);
  });
}

// The list of keys, written from the table that acts.
const SIGNS = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", " ": "Space", Escape: "Esc" };

export function writeSheet(list, words) {
  for (const [keys, word] of [...KEYS, ...OF_PANEL]) {
    const row = document.createElement("div");
    const term = document.createElement("dt");
    const shown = keys.length > 2 ? ["Alt+↑↓←→"] : keys;
    for (const key of shown) {
      const cap = document.createElement("kbd");
      cap.textContent = SIGNS[key] ?? key.replace(/Arrow\w+/, (arrow) => SIGNS[arrow]);
      term.append(cap);
    }
    const text = document.createElement("dd");
    text.textContent = words[word];
    row.append(term, text);
    list.append(row);
  }
}

// The buttons above the images press the same keys as the reader, and show what is on.

import { brushBar } from "./brush.js";

const PRESSED = {
  outlines: (room) => room.state.outlines,
  crosshair: (room) => room.state.crosshair,
  sync: (room) => room.links.mode !== "off",
  slab: (room) => room.state.slab.mode !== "off",
  flicker: (room) => room.flicker.mode === "flicker",
  subtract: (room) => room.flicker.mode === "difference",
};

export function toolbar(element, room, press) {
  const buttons = [...element.querySelectorAll("button[data-key]")];
  brushBar(element.querySelector("[data-brush-bar]"), room);
  for (const button of buttons) button.addEventListener("click", () => press(button.dataset.key));
  const show = () => {
    for (const button of buttons) {
      const { tool, window: preset, plane, on } = button.dataset;
      if (tool) button.setAttribute("aria-pressed", room.state.tool === tool);
      if (preset) button.setAttribute("aria-pressed", isPreset(room, preset));
      if (plane) button.setAttribute("aria-pressed", room.state.plane === plane);
      if (on) button.setAttribute("aria-pressed", PRESSED[on](room));
    }
    const { mode, mm } = room.state.slab;
    element.querySelector("#room-slab").textContent = `${mode === "mean" ? room.texts.mean : "MIP"} ${mm} mm`;
  };
  room.element.addEventListener("room:changed", show);
  show();
}

function isPreset(room, preset) {
  const [width, level] = preset.split(",").map(Number);
  return room.state.width === width && room.state.level === level;
}

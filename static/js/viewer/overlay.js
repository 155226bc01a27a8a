// What is drawn over the voxels: outlines, crosshair, the linked point, measures, the rail of nodules along the slices.

import { brushOn } from "./brush.js";

const COLOURS = { third: "#c9b8e8", prior: "#f4dca6", current: "#6fd3f5" };
const SOLID = "#ff9f86"; // the solid part of a part-solid nodule
const MARK = "#ffffff";
export const RAIL_PX = 24;

export function overlay(view, room) {
  const { context, canvas } = view;
  const ratio = canvas.width / view.width;
  context.save();
  context.scale(ratio, ratio);
  context.lineWidth = 1;
  if (room.state.outlines && room.findingsShown) outlines(view);
  if (room.state.crosshair) crosshair(view);
  if (view.main) {
    linked(view);
    measures(view, room);
    brushOn(view, room);
    rail(view, room);
  } else if (view.plane === room.state.plane) {
    seen(view);
  }
  context.restore();
}

function outlines(view) {
  const { pane, context } = view;
  const { axis } = view.axes.normal;
  if (axis !== 0) { rings(view); return; }
  for (const one of pane.outlines) {
    trace(view, one.border[view.index], COLOURS[pane.role], pane.role === "current" ? [] : [5, 4]);
    trace(view, one.solid[view.index], SOLID, []);
  }
  context.setLineDash([]);
}

// Across the slices an outline is where its polygons are cut: the nearest and farthest place of each slice's border.
function rings(view) {
  const { pane, context } = view;
  const { axis } = view.axes.normal;
  const cut = axis === 1 ? 1 : 0; // of [x, y]: rows are cut by coronal planes, columns by sagittal ones
  context.fillStyle = COLOURS[pane.role];
  for (const one of pane.outlines) {
    for (const [z, polygons] of Object.entries(one.border)) {
      for (const place of polygons.flatMap((polygon) => crossings(polygon, cut, view.index))) {
        const index = axis === 1 ? [Number(z), view.index, place] : [Number(z), place, view.index];
        const { x, y } = view.pixelOfIndex(index);
        context.fillRect(x - 1, y - 1, 2, 2);
      }
    }
  }
}

function crossings(polygon, cut, level) {
  const found = [];
  for (let k = 1; k < polygon.length; k += 1) {
    const [a, b] = [polygon[k - 1], polygon[k]];
    if (a[cut] > level === b[cut] > level) continue;
    const share = (level - a[cut]) / (b[cut] - a[cut]);
    found.push(a[1 - cut] + share * (b[1 - cut] - a[1 - cut]));
  }
  return found;
}

function trace(view, polygons, colour, dash) {
  if (!polygons) return;
  const { context } = view;
  context.strokeStyle = colour;
  context.lineWidth = view.main ? 1.5 : 1;
  context.setLineDash(dash);
  context.beginPath();
  for (const polygon of polygons) {
    polygon.forEach(([column, row], k) => {
      const { x, y } = view.pixelOfIndex([view.index, row, column]);
      if (k) context.lineTo(x, y);
      else context.moveTo(x, y);
    });
    context.closePath();
  }
  context.stroke();
  context.setLineDash([]);
}

function crosshair(view) {
  const { context, width, height } = view;
  const { x, y } = view.pixelOf(view.pane.focus);
  const gap = view.main ? 26 : 9;
  context.strokeStyle = "rgb(255 255 255 / .5)";
  context.lineWidth = 1;
  context.beginPath();
  for (const [x0, y0, x1, y1] of [[0, y, x - gap, y], [x + gap, y, width, y], [x, 0, x, y - gap], [x, y + gap, x, height]]) {
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
  }
  context.stroke();
}

// The point under the pointer on the other scan: filled when this slice holds it, else hollow with the way to it.
function linked(view) {
  const { mark } = view.pane;
  if (!mark) return;
  const { context } = view;
  const { x, y, off } = view.pixelOf(mark.lps);
  const here = Math.abs(off) <= 0.5;
  context.strokeStyle = mark.sure ? MARK : "#f0c368";
  context.lineWidth = 1.5;
  context.setLineDash(here ? [] : [2, 2]);
  context.beginPath();
  context.arc(x, y, 7, 0, 2 * Math.PI);
  context.moveTo(x - 11, y); context.lineTo(x - 4, y);
  context.moveTo(x + 4, y); context.lineTo(x + 11, y);
  context.moveTo(x, y - 11); context.lineTo(x, y - 4);
  context.moveTo(x, y + 4); context.lineTo(x, y + 11);
  context.stroke();
  context.setLineDash([]);
  if (!here) label(context, `${off > 0 ? "+" : "−"}${Math.abs(Math.round(off))}`, x + 12, y + 14);
}

function measures(view, room) {
  const { context, pane } = view;
  for (const one of room.measures.on(pane, view)) {
    const at = one.points.map((lps) => view.pixelOf(lps));
    context.strokeStyle = "#ffe27a";
    context.lineWidth = 1.5;
    context.beginPath();
    if (one.kind === "ellipse" && at.length === 2) {
      const [a, b] = at;
      context.ellipse((a.x + b.x) / 2, (a.y + b.y) / 2, Math.abs(a.x - b.x) / 2, Math.abs(a.y - b.y) / 2, 0, 0, 2 * Math.PI);
    } else {
      for (let k = 1; k < at.length; k += 2) { context.moveTo(at[k - 1].x, at[k - 1].y); context.lineTo(at[k].x, at[k].y); }
    }
    for (const { x, y } of at) { context.moveTo(x + 2.5, y); context.arc(x, y, 2.5, 0, 2 * Math.PI); }
    context.stroke();
    if (one.text) label(context, one.text, Math.max(...at.map((p) => p.x)) + 8, at.at(-1).y);
  }
}

function label(context, text, x, y) {
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "middle";
  context.lineWidth = 3;
  context.strokeStyle = "rgb(0 0 0 / .85)";
  context.strokeText(text, x, y);
  context.fillStyle = "#ffe27a";
  context.fillText(text, x, y);
}

// All slices as a line at the right edge: where this one lies, which are not loaded yet, and where nodules are.
function rail(view, room) {
  const { context, width, height, pane, count } = view;
  const left = width - RAIL_PX;
  const { axis, sign } = view.axes.normal;
  const place = (index) => railPlace(view, index, sign, count, height);
  context.fillStyle = "rgb(5 8 10 / .7)";
  context.fillRect(left, 0, RAIL_PX, height);
  context.fillStyle = "#51616b";
  context.fillRect(left + 4, 0, 1, height);
  if (axis === 0 && !pane.store.complete) {
    context.fillStyle = "#8a99a3";
    for (let z = 0; z < count; z += 1) if (pane.store.slices[z]) context.fillRect(left + 4, place(z) - 1, 2, Math.max(1, height / count));
  }
  context.fillStyle = COLOURS[pane.role];
  context.fillRect(left + 1, place(view.index) - 4, 7, 8);
  if (!room.findingsShown) return;
  context.fillStyle = MARK;
  context.font = "10px system-ui, sans-serif";
  context.textBaseline = "middle";
  for (const { label: name, lps, size } of room.placesOn(pane)) {
    const y = place(pane.geometry.indexFromLps(lps)[axis]);
    context.fillRect(left + 2, y - 0.5, size, 1);
    context.fillText(name.replace("N", ""), left + 11, y);
  }
}

function railPlace(view, index, sign, count, height) {
  const share = (index + 0.5) / count;
  // Heads are up: axial slices run from the top of the rail (head) to its bottom (feet).
  const upwards = view.plane === "axial" ? sign > 0 : sign < 0;
  return height * (upwards ? 1 - share : share);
}

export function railIndex(view, y) {
  const { sign } = view.axes.normal;
  const upwards = view.plane === "axial" ? sign > 0 : sign < 0;
  const share = y / view.height;
  return Math.max(0, Math.min(view.count - 1, Math.floor((upwards ? 1 - share : share) * view.count)));
}

// On the small view of the same plane: the part that the large one shows.
function seen(view) {
  const { context, pane } = view;
  const { main } = pane;
  const [a, b] = [view.pixelOf(main.lpsAt(0, 0)), view.pixelOf(main.lpsAt(main.width, main.height))];
  context.strokeStyle = MARK;
  context.lineWidth = 1;
  context.strokeRect(Math.min(a.x, b.x), Math.min(a.y, b.y), Math.abs(a.x - b.x), Math.abs(a.y - b.y));
}

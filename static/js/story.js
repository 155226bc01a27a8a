// The timeline's drawing: which nodules stand out, the period that is shown, the change between two points by pressing
// them, and the drawing on paper.

import { chart } from "./chart.js";

const PAPER_PX = 690; // what a page of A4 leaves between its margins
const FAINT = { mode: "lines", line: { color: "--line-firm", width: 1 } };
const AT_THE_AXIS = new Set(["unit", "threshold"]);
const FAINT_FONT = { color: "--ink-faint", size: 10, weight: 400 };

const plot = document.querySelector("[data-chart]");
const between = document.querySelector("[data-between]");
const boxes = [...document.querySelectorAll("[data-nodule]")];
const others = document.querySelector("[data-others]");
let whole = null;
let range = null;
let widthPx = null;
let first = null;

// Words beside the axis of sizes, where that axis stands at the right.
const toTheRight = (note) => (AT_THE_AXIS.has(note.name) ? { ...note, x: 1, xanchor: "left", xshift: -note.xshift } : note);

// Nodules that are not chosen stay behind the others as thin lines without intervals, or are left out.
function arrange(figure) {
  const chosen = new Set(boxes.filter((box) => box.checked).map((box) => box.dataset.nodule));
  const known = new Set(boxes.map((box) => box.dataset.nodule));
  const isFaint = (label) => known.has(label) && !chosen.has(label);
  const isLeftOut = (label) => isFaint(label) && others && !others.checked;
  const faint = figure.data.filter((trace) => isFaint(trace.name)).map((trace) => ({ ...trace, ...FAINT, error_y: undefined, visible: !isLeftOut(trace.name) }));
  const notes = figure.layout.annotations.filter((note) => !isLeftOut(note.nodule) && !(note.name === "segment" && isFaint(note.nodule)));
  const { margin, yaxis, yaxis2 } = figure.layout;
  const isScrolled = !widthPx && plot.clientWidth > plot.parentElement.clientWidth; // then the right end is seen first
  whole ??= figure.layout.xaxis.range;
  return {
    data: [...figure.data.filter((trace) => !known.has(trace.name)), ...faint, ...figure.data.filter((trace) => chosen.has(trace.name))],
    layout: {
      ...figure.layout,
      ...(widthPx ? { width: widthPx } : {}),
      ...(isScrolled ? { margin: { ...margin, r: margin.l }, yaxis2: { ...yaxis2, side: "right" } } : {}),
      ...(isScrolled && yaxis ? { yaxis: { ...yaxis, side: "right" } } : {}),
      xaxis: { ...figure.layout.xaxis, range: range ?? whole },
      annotations: (isScrolled ? notes.map(toTheRight) : notes).map((note) => (note.name === "label" && isFaint(note.nodule) ? { ...note, font: FAINT_FONT, bgcolor: undefined } : note)),
    },
  };
}

const draw = chart(plot, arrange);
plot.parentElement.scrollLeft = plot.parentElement.scrollWidth; // on a narrow screen what is now comes first

for (const box of others ? [...boxes, others] : boxes) box.addEventListener("change", draw);

function show(begin, end) {
  range = [begin.toISOString(), end.toISOString()];
  window.Plotly.relayout(plot, { "xaxis.range": range });
}

const periods = [...document.querySelectorAll("[data-period-days]")];

for (const button of periods) {
  button.addEventListener("click", () => {
    for (const other of periods) other.setAttribute("aria-pressed", String(other === button));
    const days = Number(button.dataset.periodDays);
    const [begin, end] = whole.map((day) => new Date(day));
    show(days ? new Date(end.getTime() - days * 86400000) : begin, end);
  });
}

for (const button of document.querySelectorAll("[data-zoom]")) {
  button.addEventListener("click", () => {
    for (const other of periods) other.setAttribute("aria-pressed", "false");
    const [begin, end] = plot.layout.xaxis.range.map((day) => new Date(day).getTime());
    const half = ((end - begin) / 2) * Number(button.dataset.zoom);
    show(new Date((begin + end) / 2 - half), new Date((begin + end) / 2 + half));
  });
}

plot.on("plotly_relayout", (change) => {
  if ("xaxis.range[0]" in change) range = [...plot.layout.xaxis.range];
});

plot.on("plotly_click", ({ points }) => {
  const point = points[0];
  const label = point.data.name;
  if (!between || ![...between.elements.nodule.options].some((option) => option.value === label)) return;
  if (!first || first.label !== label || first.day === point.x) {
    first = { label, day: point.x };
    return;
  }
  const [from, to] = [first.day, point.x].sort();
  between.elements.nodule.value = label;
  between.elements.from.value = from;
  between.elements.to.value = to;
  between.requestSubmit();
});

// On paper the drawing is as wide as the page and has the colours of the light screen.
window.addEventListener("beforeprint", () => {
  document.documentElement.style.colorScheme = "light";
  widthPx = PAPER_PX;
  draw();
});
window.addEventListener("afterprint", () => {
  document.documentElement.style.colorScheme = "";
  widthPx = null;
  draw();
});

document.querySelector("[data-print]").addEventListener("click", () => window.print());

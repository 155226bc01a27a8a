// The timeline's drawing: nodules shown or hidden, the last year or all, and the change between two points by pressing them.

import { chart } from "./chart.js";

const plot = document.querySelector("[data-chart]");
const between = document.querySelector("[data-between]");
const started = {};
let first = null;

chart(plot);
started.range = [...plot.layout.xaxis.range];

for (const box of document.querySelectorAll("[data-nodule]")) {
  box.addEventListener("change", () => {
    const traces = plot.data.map((trace, index) => (trace.name === box.dataset.nodule ? index : -1)).filter((index) => index >= 0);
    window.Plotly.restyle(plot, { visible: box.checked }, traces);
  });
}

for (const button of document.querySelectorAll("[data-period-days]")) {
  button.addEventListener("click", () => {
    for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button));
    const days = Number(button.dataset.periodDays);
    const end = new Date(started.range[1]);
    const begin = days ? new Date(end.getTime() - days * 86400000) : new Date(started.range[0]);
    window.Plotly.relayout(plot, { "xaxis.range": [begin.toISOString(), end.toISOString()] });
  });
}

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

document.querySelector("[data-print]").addEventListener("click", () => window.print());

// Draws a figure that the server wrote as JSON, in the colours of the style sheet, and again when they change.
// <div data-chart="ID of the JSON script" data-save="word of the download button"></div>; needs Plotly on the page.
// `arrange` may give another figure in its place each time it is drawn; what is given back draws it anew.

const WIDE_PX = 560;

export function chart(element, arrange = (figure) => figure) {
  const told = JSON.parse(document.getElementById(element.dataset.chart).textContent);
  const probe = element.ownerDocument.createElement("span");
  probe.hidden = true;
  element.after(probe);

  // A token may hold light-dark(): the browser resolves it on an element that uses it as its colour.
  // Asking for a computed colour lays the page out anew, so each token is asked for once a drawing.
  const known = new Map();
  const resolved = (token) => {
    if (!known.has(token)) {
      probe.style.setProperty("color", `var(${token})`);
      known.set(token, getComputedStyle(probe).color);
    }
    return known.get(token);
  };
  const dressed = (value) => {
    if (typeof value === "string") return value.startsWith("--") ? resolved(value) : value;
    if (Array.isArray(value)) return value.map(dressed);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, dressed(inner)]));
    return value;
  };

  function draw() {
    if (!element.isConnected) return; // a fragment took its place
    known.clear();
    const figure = dressed(arrange(told));
    const isWide = element.clientWidth >= WIDE_PX;
    const font = getComputedStyle(document.body).fontFamily;
    figure.layout.font.family = font;
    figure.layout.height ??= isWide ? 380 : 320;
    if (!isWide) narrow(figure.layout);
    window.Plotly.react(element, figure.data, figure.layout, {
      responsive: true,
      displaylogo: false,
      displayModeBar: "hover",
      modeBarButtons: [["toImage"]],
      locale: "en",
    });
  }

  draw();
  element.setAttribute("data-drawn", "");
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  document.addEventListener("change", (event) => {
    if (event.target.name === "theme") requestAnimationFrame(draw);
  });
  let wasWide = element.clientWidth >= WIDE_PX;
  new ResizeObserver(() => {
    const isWide = element.clientWidth >= WIDE_PX;
    if (isWide !== wasWide) draw();
    wasWide = isWide;
  }).observe(element);
  return draw;
}

// On a phone one doubling time is read, the latest; the others stand in the table below.
function narrow(layout) {
  const segments = layout.annotations.filter((note) => note.name === "segment");
  layout.annotations = layout.annotations.filter((note) => note.name !== "segment").concat(segments.slice(-1));
  layout.margin.l = 44;
  const ticks = layout.xaxis.tickvals.length;
  if (ticks > 3) {
    const kept = [0, ticks - 1];
    layout.xaxis.tickvals = kept.map((index) => layout.xaxis.tickvals[index]);
    layout.xaxis.ticktext = kept.map((index) => layout.xaxis.ticktext[index]);
  }
}

// The words on the image: position, slice, window, zoom, thickness, how the scans are linked, HU under the pointer.

const minus = (text) => text.replaceAll("-", "−");

export function captions(pane, room) {
  const { said, main: view, store } = pane;
  const { state, texts } = room;
  const letters = pane.geometry.letters(view.axes);
  for (const edge of ["top", "right", "bottom", "left"]) say(said[edge], letters[edge]);
  const focus = pane.focus;
  const normal = view.axes.normal.axis;
  // Axial slices are counted from the first of the series, as everywhere in the product.
  say(said.slice, `${texts.slice} ${view.index + 1} / ${view.count}`);
  const at = pane.geometry.lpsFromIndex(indexOn(pane, normal, view.index));
  say(said.position, position(view.plane, at));
  say(said.window, minus(`W ${Math.round(state.width)} L ${Math.round(state.level)}`) + (state.inverted ? ` · ${texts.inverted}` : ""));
  say(said.zoom, `${texts.zoom} ${(pane.geometry.spacing[2] / view.mm).toFixed(1)} · ${pane.geometry.spacing[2].toFixed(2)} mm/px${state.smooth ? "" : ` · ${texts.native}`}`);
  say(said.slab, slabText(pane, room));
  say(said.turned, turnedText(view, texts));
  say(said.loading, store.failed ? texts.failed : store.complete ? "" : `${texts.loading} ${Math.floor((100 * store.loaded) / store.count)} %`);
  said.loading.hidden = store.complete && !store.failed;
  const hovered = pane.hovered ?? pane.mark?.lps ?? focus;
  const index = pane.geometry.indexFromLps(hovered);
  const hu = store.at(index);
  say(said.hu, hu === undefined ? "" : minus(`${hu} HU`) + ` · ${lpsText(hovered)}`);
}

function indexOn(pane, normal, index) {
  const at = pane.geometry.indexFromLps(pane.focus);
  at[normal] = index;
  return at;
}

function position(plane, lps) {
  const [name, value] = plane === "axial" ? ["z", lps[2]] : plane === "coronal" ? ["y", lps[1]] : ["x", lps[0]];
  return minus(`${name} ${value.toFixed(1)} mm`);
}

export function lpsText(lps) {
  const sides = [["R", "L"], ["A", "P"], ["I", "S"]];
  return `${lps.map((value, k) => `${sides[k][value >= 0 ? 1 : 0]} ${Math.abs(value).toFixed(1)}`).join(" ")} mm`;
}

function slabText(pane, { state, texts }) {
  const parts = [];
  if (pane.shows === "warped") parts.push(texts.warped);
  if (pane.shows === "difference") parts.push(texts.difference);
  if (state.slab.mode !== "off") parts.push(`${state.slab.mode === "mean" ? texts.mean : "MIP"} ${state.slab.mm} mm`);
  return parts.join(" · ");
}

function turnedText(view, texts) {
  const { turns, mirrorX, mirrorY } = view.turned;
  const parts = [];
  if (turns) parts.push(`${90 * turns}°`);
  if (mirrorX || mirrorY) parts.push(texts.mirrored);
  return parts.join(" · ");
}

function say(element, text) {
  if (element && element.textContent !== text) {
    element.textContent = text;
    element.hidden = !text;
  }
}

// The reading room's viewer. Modules in ./viewer/: geometry (voxels <-> patient), store and decode (slices over the wire),
// planes and warp (what is shown), paint-cpu and paint-gl (how), field and link (scan <-> scan), view, pane and room (what
// is looked at), overlay and captions (what is drawn and said on top), tools and keys (what the reader does).
//
// Other scripts of the page speak with it by events on ``document``; points are LPS millimetres [x, y, z]:
//   viewer:point            out  {scan, lps_mm}: a press with the point tool
//   viewer:stroke           out  {scan, finding, kind: "add" | "erase" | "threshold", centre_lps_mm, radius_mm, low_hu, high_hu}
//   viewer:measure          out  {scan, kind: "ruler" | "bidirectional" | "ellipse", points_lps_mm, lengths_mm, hu}
//                                lengths longest first; hu: {mean, sd, least, most, voxels} of an ellipse, else null
//   viewer:at               out  {nodule, candidate, label}: the reader jumped to this nodule, or to this proposal
//   viewer:tool-changed     out  {tool}: what the left button does now
//   viewer:findings-shown   out  the reader asked for what the machine found (read first, then show)
//   viewer:show             in   {scan, lps_mm, at}: bring this place into the middle of both scans; at names the nodule or
//                                proposal there, if it is one
//   viewer:outlines-changed in   {finding}: an act has ended; fetch the outlines again
//   viewer:tool             in   {tool}: what the left button does from now on

import { listen, writeSheet } from "./viewer/keys.js";
import { Room } from "./viewer/room.js";
import { toolbar } from "./viewer/toolbar.js";
import { Tools } from "./viewer/tools.js";
import { untilKept } from "./viewer/waiting.js";

const told = (id) => JSON.parse(document.querySelector(`#${id}`).textContent);

async function waitForSlices(room) {
  await Promise.all(room.panes.filter((pane) => !pane.ready).map(async (pane) => {
    const words = pane.element.querySelector("[data-waiting]");
    words.querySelector("progress").hidden = false;
    const kept = await untilKept(pane.told.state, ({ said, progress }) => {
      words.querySelector("[data-words]").textContent = said;
      words.querySelector("progress").value = progress;
    });
    if (!kept) return;
    pane.open(kept.scan);
    room.enter(pane);
    room.state.mm = null;
    room.layout();
    room.jumpToStart();
    room.redraw();
  }));
}

async function waitForMaps(room) {
  await Promise.all(room.links.pairs.filter((pair) => !pair.ready).map(async (pair) => {
    pair.ready = Boolean(await untilKept(pair.state, () => {}));
  }));
  await room.links.fetch();
  if (!room.links.registered) room.links.mode = "manual"; // no map can be made: the reader's anchor serves
  room.follow(room.active);
  room.redraw();
}

function nodulesOf(room) {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-jump]");
    const place = room.places.find((one) => one.label === link?.dataset.jump);
    if (!place) return;
    event.preventDefault();
    room.jump(place);
  });
  document.addEventListener("viewer:at", ({ detail }) => sayWhere(detail.label));
}

function sayWhere(label) {
  for (const link of document.querySelectorAll("[data-jump]")) {
    if (link.dataset.jump === label) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

// A correction may have moved, added or taken away a nodule: the list comes anew, with the places behind it.
async function refreshNodules(room) {
  const list = document.querySelector("nav[data-findings]");
  const answer = await fetch(`${list.dataset.url}${location.search}`, { credentials: "same-origin" });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("nav[data-findings]");
  list.replaceWith(fresh);
  const { nodules, candidates } = told("room-facts");
  Object.assign(room.facts, { nodules, candidates });
  sayWhere(room.visited);
  room.redraw();
}

async function start(element) {
  const texts = told("room-texts");
  const room = new Room(element, told("room-facts"), texts);
  const tools = new Tools(room);
  document.addEventListener("viewer:outlines-changed", () => refreshNodules(room));
  document.addEventListener("viewer:tool", ({ detail }) => room.set({ tool: detail.tool }));
  listen(room, tools);
  const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  toolbar(document.querySelector(".room-tools"), room, press);
  writeSheet(document.querySelector("#key-list"), texts.keys);
  nodulesOf(room);
  document.querySelector("form[data-reveal]")?.addEventListener("submit", (event) => { event.preventDefault(); room.revealFindings(); });
  element.dataset.painter = room.painter.name;
  await room.begin();
  await Promise.all([waitForSlices(room), waitForMaps(room)]);
}

start(document.querySelector("[data-room]"));

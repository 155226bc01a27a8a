// Dropping a card on a lane presses the entry of the card's own menu that leads there; where there is none, nothing drops.

const board = document.querySelector("[data-board]");
const lanes = [...board.querySelectorAll("[data-lane]")];
let carried = null;

const entryTo = (card, lane) => card?.querySelector(`[data-to="${lane.dataset.lane}"]`) ?? null;

for (const card of board.querySelectorAll("[data-card]")) {
  card.addEventListener("dragstart", (event) => {
    carried = card;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", "");
    for (const lane of lanes) lane.toggleAttribute("data-open-to", entryTo(card, lane) !== null);
  });
  card.addEventListener("dragend", () => {
    carried = null;
    for (const lane of lanes) lane.removeAttribute("data-open-to"), lane.removeAttribute("data-over");
  });
}

for (const lane of lanes) {
  lane.addEventListener("dragover", (event) => {
    if (entryTo(carried, lane) === null) return;
    event.preventDefault();
    lane.setAttribute("data-over", "");
  });
  lane.addEventListener("dragleave", () => lane.removeAttribute("data-over"));
  lane.addEventListener("drop", (event) => {
    event.preventDefault();
    entryTo(carried, lane)?.click();
  });
}

// One menu at a time; Escape closes it and gives the focus back.
board.addEventListener("toggle", (event) => {
  if (!event.target.open) return;
  for (const other of board.querySelectorAll("details[open]")) if (other !== event.target) other.open = false;
}, true);
board.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details[open]");
  if (event.key !== "Escape" || !menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

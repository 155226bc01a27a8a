// Drags a waiting step or an appointment onto a free slot. The same is done without a mouse on the booking page.

const board = document.querySelector("[data-schedule]");
let carried = null;

for (const source of board.querySelectorAll("[data-book]")) {
  source.addEventListener("dragstart", (event) => {
    carried = source.dataset.book;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", carried);
  });
  source.addEventListener("dragend", () => { carried = null; });
}

for (const slot of board.querySelectorAll("[data-slot]")) {
  slot.addEventListener("dragover", (event) => {
    if (carried === null) return;
    event.preventDefault();
    slot.toggleAttribute("data-over", true);
  });
  slot.addEventListener("dragleave", () => slot.toggleAttribute("data-over", false));
  slot.addEventListener("drop", (event) => {
    event.preventDefault();
    if (carried !== null) give(carried, slot.dataset.slot);
  });
}

// A form of our own leads to the same page as the booking page's button: what is refused is said there, in words.
function give(address, slot) {
  const form = document.createElement("form");
  form.method = "post";
  form.action = `${address}?next=${encodeURIComponent(location.pathname + location.search)}`;
  for (const [name, value] of Object.entries({ slot, csrfmiddlewaretoken: board.dataset.csrf })) {
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = name;
    field.value = value;
    form.append(field);
  }
  document.body.append(form);
  form.submit();
}

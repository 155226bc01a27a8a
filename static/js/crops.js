// A button and the key "o" hide the outlines on all crops of the page, so that the border itself can be seen.

const TYPING = "input, select, textarea, [contenteditable]";

export function outlines(button) {
  button.hidden = false;
  const toggle = () => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    for (const path of document.querySelectorAll(".crop .outline")) path.toggleAttribute("data-off", !shown);
  };
  button.addEventListener("click", toggle);
  document.addEventListener("keydown", (event) => {
    const off = document.documentElement.dataset.keys !== "on" || event.ctrlKey || event.altKey || event.metaKey;
    if (event.key === "o" && !off && !event.target.closest?.(TYPING)) toggle();
  });
}

// A choice of what a learned model's words come from; one is drawn at a time, and none at first.

export function heats(fieldset) {
  fieldset.hidden = false;
  const page = fieldset.closest("section") ?? document;
  const draw = () => {
    const chosen = fieldset.querySelector("input:checked")?.value ?? "";
    for (const group of page.querySelectorAll("[data-heat]")) group.toggleAttribute("data-off", group.dataset.heat !== chosen);
  };
  fieldset.addEventListener("change", draw);
  draw();
}

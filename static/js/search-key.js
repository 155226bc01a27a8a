// "/" leads to the search field, unless somebody is typing or single keys are switched off in the user menu.

const TYPING = "input, select, textarea, [contenteditable]";

export function focusOnSlash(field) {
  document.addEventListener("keydown", (event) => {
    const off = document.documentElement.dataset.keys !== "on" || event.ctrlKey || event.altKey || event.metaKey;
    if (event.key !== "/" || off || event.target.closest?.(TYPING)) return;
    event.preventDefault();
    field.focus();
    field.select();
  });
}

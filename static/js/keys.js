// Single keys act unless somebody is typing, holds a modifier, or has switched them off in the user menu.

const TYPING = "input, select, textarea, [contenteditable]";

export function onKey(key, act) {
  document.addEventListener("keydown", (event) => {
    const off = document.documentElement.dataset.keys !== "on" || event.ctrlKey || event.altKey || event.metaKey;
    if (event.key !== key || off || event.repeat || event.target.closest?.(TYPING)) return;
    event.preventDefault();
    act();
  });
}

// One key or several ("n PageDown").
export function pressOnKey(button) {
  for (const key of button.dataset.pressKey.split(" ")) onKey(key, () => button.click());
}

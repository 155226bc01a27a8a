// Arrow keys follow the links to neighbouring slices, and a press is told in the size in which the picture is drawn.
// Without this script the picture keeps its full size and the links do the same by hand.

const TYPING = "input:not([type=image]), select, textarea, [contenteditable]";
const STEP = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, PageUp: -10, PageDown: 10 };

export function slices(form) {
  form.dataset.fits = "";
  const picture = form.querySelector("input[type=image]");
  const width = form.querySelector("input[name=width]");
  // The browser counts the press in pixels of the drawn picture; the server must know how wide that was.
  picture?.addEventListener("click", () => { width.value = Math.round(picture.getBoundingClientRect().width); });

  document.addEventListener("keydown", (event) => {
    const step = STEP[event.key];
    if (!step || event.ctrlKey || event.altKey || event.metaKey || event.target.closest?.(TYPING)) return;
    const link = document.querySelector(`a[data-step="${step}"]`);
    if (!link) return;
    event.preventDefault();
    window.location.replace(link.href);
  });
  for (const link of document.querySelectorAll("a[data-step='1'], a[data-step='-1']")) prefetch(link);
}

// The neighbours are fetched while the reader looks, so that the next slice is there at once.
function prefetch(link) {
  const shown = document.querySelector("form[data-slice] :is(input[type=image], img)");
  const address = new URL(shown.src);
  address.searchParams.set("slice", new URL(link.href).searchParams.get("slice"));
  new Image().src = address;
}

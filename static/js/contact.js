// Opens the small form that records a contact in a window above the page; sending and refusing are the server's own pages.

export function openContacts() {
  document.addEventListener("click", async (event) => {
    const link = event.target.closest?.("[data-contact]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    try {
      const answer = await fetch(link.href, { headers: { "X-Part": "form" }, credentials: "same-origin" });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      open(link, await answer.text());
    } catch {
      window.location.assign(link.href); // the page of its own says what is wrong
    }
  });
}

function open(link, html) {
  const dialog = document.createElement("dialog");
  dialog.append(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  dialog.setAttribute("aria-labelledby", "attempt-title");
  dialog.addEventListener("close", () => {
    dialog.remove();
    link.focus();
  });
  dialog.addEventListener("click", (event) => {
    if (!event.target.closest("[data-close]")) return;
    event.preventDefault();
    dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  dialog.querySelector('input[name="outcome"]').focus();
}

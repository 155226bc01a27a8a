// A report or letter on paper: printed as it stands; while a sentence is open Escape closes it, Control and Enter keep it.

for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => window.print());
}

const form = document.querySelector("[data-sentence-form]");
const field = form?.querySelector("textarea");

field?.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    form.querySelector("a").click();
  } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit(form.querySelector("[data-kind=primary]"));
  }
});

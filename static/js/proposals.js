// Proposed nodules by keys: j and k go from card to card, y says it is one, x asks what it is instead, a digit answers.

import { onKey } from "./keys.js";

export function proposals(section) {
  const cards = () => [...section.querySelectorAll("[data-proposal]")].filter((card) => card.checkVisibility());
  const current = () => cards().find((card) => card.hasAttribute("aria-current")) ?? cards()[0];

  const choose = (card) => {
    for (const other of section.querySelectorAll("[data-proposal][aria-current]")) other.removeAttribute("aria-current");
    card.setAttribute("aria-current", "true");
    card.focus();
    card.scrollIntoView({ block: "nearest" });
  };
  const go = (step) => {
    const all = cards();
    if (!all.length) return;
    const chosen = all.findIndex((card) => card.hasAttribute("aria-current"));
    choose(all[chosen < 0 ? 0 : (chosen + step + all.length) % all.length]);
  };

  onKey("j", () => go(1));
  onKey("k", () => go(-1));
  onKey("y", () => current()?.querySelector("[data-accept]")?.click());
  onKey("x", () => {
    const card = current();
    const reject = card?.querySelector("[data-reject]");
    if (!reject) return;
    choose(card);
    reject.open = !reject.open;
    (reject.open ? reject.querySelector("button") : reject.querySelector("summary")).focus();
  });
  const reasons = section.querySelector("[data-reject]")?.querySelectorAll('[name="reason"]:not([value="other"])') ?? [];
  reasons.forEach((_, number) => {
    onKey(String(number + 1), () => {
      const open = current()?.querySelector("[data-reject][open]");
      open?.querySelectorAll('[name="reason"]:not([value="other"])')[number].click();
    });
  });
  section.addEventListener("focusin", (event) => {
    const card = event.target.closest("[data-proposal]");
    if (card && !card.hasAttribute("aria-current")) {
      for (const other of section.querySelectorAll("[data-proposal][aria-current]")) other.removeAttribute("aria-current");
      card.setAttribute("aria-current", "true");
    }
  });
}

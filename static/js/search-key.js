// "/" leads to the search field.

import { onKey } from "./keys.js";

export function focusOnSlash(field) {
  onKey("/", () => {
    field.focus();
    field.select();
  });
}

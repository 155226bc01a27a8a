// Finds what a page asks for by data attributes and hands each element to its module. Pages work without it.

import { pressOnKey } from "./keys.js";
import { openContacts } from "./contact.js";
import { focusOnSlash } from "./search-key.js";
import { refresh } from "./refresh.js";
import { upload } from "./upload.js";

const hooks = {
  "[data-search-key]": focusOnSlash,
  "[data-press-key]": pressOnKey,
  "[data-refresh]": refresh,
  "form[data-upload]": upload,
  "[data-focus]": (element) => element.focus(),
};

for (const [selector, start] of Object.entries(hooks)) {
  for (const element of document.querySelectorAll(selector)) start(element);
}

openContacts();

// What the page of a scan adds: arrow keys and the wheel change the slice, the picture fits a narrow screen.

import { slices } from "./slices.js";

for (const form of document.querySelectorAll("form[data-slice]")) slices(form);

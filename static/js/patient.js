// What the page of a patient adds to what the server drew: the curve, outlines that can be hidden, proposals by keys.

import { chart } from "./chart.js";
import { heats, outlines } from "./crops.js";
import { proposals } from "./proposals.js";

for (const element of document.querySelectorAll("[data-chart]")) chart(element);
for (const button of document.querySelectorAll("[data-outlines]")) outlines(button);
for (const fieldset of document.querySelectorAll("[data-heats]")) heats(fieldset);
for (const section of document.querySelectorAll("[data-proposals]")) proposals(section);

// What the page of a patient adds to what the server drew: the curve, and outlines that can be hidden.

import { chart } from "./chart.js";
import { outlines } from "./crops.js";

for (const element of document.querySelectorAll("[data-chart]")) chart(element);
for (const button of document.querySelectorAll("[data-outlines]")) outlines(button);

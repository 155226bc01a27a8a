// Draws every figure of a page that needs nothing else.

import { chart } from "./chart.js";

for (const element of document.querySelectorAll("[data-chart]")) chart(element);

// Chooses who draws: the graphics processor where there is one, else the processor; and goes over when a context is lost.

import { CpuPainter } from "./paint-cpu.js";
import { GlPainter } from "./paint-gl.js";

export class Painter {
  constructor(asked) {
    this.hand = (asked === "cpu" ? null : GlPainter.create({ force: asked === "webgl" })) ?? new CpuPainter();
  }

  get name() {
    return this.hand.name;
  }

  paint(context, plane, where, look) {
    if (this.hand.lost) this.hand = new CpuPainter();
    this.hand.paint(context, plane, where, look);
  }
}

// One view: a canvas that shows one plane of one scan around a point, and the way from its pixels to the patient and back.
// CSS pixels inside, canvas pixels (sharper on dense screens) only when drawing.

export class View {
  constructor(canvas, pane, { main }) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.pane = pane;
    this.main = main;
    this.plane = "axial";
    this.mm = 1; // of the patient in one CSS pixel
    this.width = 1;
    this.height = 1;
    this.turned = { turns: 0, mirrorX: false, mirrorY: false };
  }

  // Take the size that the layout gives; a canvas that changes its size is empty.
  fit() {
    const box = this.canvas.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.max(1, Math.round(box.width * ratio)), Math.max(1, Math.round(box.height * ratio))];
    this.width = box.width;
    this.height = box.height;
    if (this.canvas.width === width && this.canvas.height === height) return;
    this.canvas.width = width;
    this.canvas.height = height;
    this.shown = null;
  }

  get geometry() {
    return this.pane.geometry;
  }

  get axes() {
    return this.geometry.screenAxes(this.plane, this.turned);
  }

  // The slice that holds the pane's point, and how many there are; counted as the array is.
  get index() {
    const { axis } = this.axes.normal;
    const at = Math.round(this.geometry.indexFromLps(this.pane.focus)[axis]);
    return Math.max(0, Math.min(this.geometry.shape[axis] - 1, at));
  }

  get count() {
    return this.geometry.shape[this.axes.normal.axis];
  }

  get spacingBetween() {
    return this.geometry.spacing[this.axes.normal.axis];
  }

  // Millimetres a pixel at which the whole plane fits.
  get fitMm() {
    const { right, down } = this.axes;
    const { shape, spacing } = this.geometry;
    return Math.max((shape[right.axis] * spacing[right.axis]) / this.width, (shape[down.axis] * spacing[down.axis]) / this.height);
  }

  // Start and step of a plane axis along the screen, in canvas pixels.
  where(plane) {
    const ratio = this.canvas.width / this.width;
    const centre = this.geometry.indexFromLps(this.pane.centreOf(this));
    const along = ({ axis, sign }, pixels) => {
      const each = (sign * this.mm) / (this.geometry.spacing[axis] * ratio);
      const stride = axis === plane.columnAxis ? 1 : plane.columns;
      return { start: centre[axis] - each * (pixels / 2 - 0.5), each, stride, size: this.geometry.shape[axis] };
    };
    return { right: along(this.axes.right, this.canvas.width), down: along(this.axes.down, this.canvas.height) };
  }

  indexAt(x, y) {
    const { right, down, normal } = this.axes;
    const centre = this.geometry.indexFromLps(this.pane.centreOf(this));
    const index = [0, 0, 0];
    index[right.axis] = centre[right.axis] + (right.sign * (x - this.width / 2) * this.mm) / this.geometry.spacing[right.axis];
    index[down.axis] = centre[down.axis] + (down.sign * (y - this.height / 2) * this.mm) / this.geometry.spacing[down.axis];
    index[normal.axis] = this.index;
    return index;
  }

  lpsAt(x, y) {
    return this.geometry.lpsFromIndex(this.indexAt(x, y));
  }

  // CSS pixels of an array place, and how many slices it lies off this one.
  pixelOfIndex(index) {
    const { right, down, normal } = this.axes;
    const centre = this.geometry.indexFromLps(this.pane.centreOf(this));
    const along = ({ axis, sign }, size) => size / 2 + (sign * (index[axis] - centre[axis]) * this.geometry.spacing[axis]) / this.mm;
    return { x: along(right, this.width), y: along(down, this.height), off: index[normal.axis] - this.index };
  }

  pixelOf(lps) {
    return this.pixelOfIndex(this.geometry.indexFromLps(lps));
  }
}

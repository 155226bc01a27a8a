// Draws a plane by WebGL2: the voxels as a 16-bit integer texture, window and interpolation in the fragment shader.
// One context serves all views; its picture is copied onto their 2-D canvases.

const VERTEX = `#version 300 es
in vec2 corner;
void main() { gl_Position = vec4(corner, 0.0, 1.0); }`;

// Integer textures cannot be filtered, so the four neighbours are read and mixed here.
const FRAGMENT = `#version 300 es
precision highp float; precision highp int; precision highp isampler2D;
uniform isampler2D voxels;
uniform ivec2 size;
uniform vec2 height;     // of the canvas, twice
uniform vec4 across;     // start and step of the plane's column and row along canvas x
uniform vec4 along;      // the same along canvas y
uniform vec2 window;     // width, level
uniform bool inverted; uniform bool smoothly;
out vec4 colour;
float hu(ivec2 at) { return float(texelFetch(voxels, clamp(at, ivec2(0), size - 1), 0).r); }
void main() {
  vec2 pixel = vec2(gl_FragCoord.x - 0.5, height.x - gl_FragCoord.y - 0.5);
  vec2 at = vec2(across.x + pixel.x * across.y + along.x + pixel.y * along.y,
                 across.z + pixel.x * across.w + along.z + pixel.y * along.w);
  if (any(lessThan(at, vec2(-0.5))) || any(greaterThan(at, vec2(size) - 0.5))) { colour = vec4(0, 0, 0, 1); return; }
  float value;
  if (smoothly) {
    vec2 held = clamp(at, vec2(0), vec2(size) - 1.0);
    ivec2 near = ivec2(floor(held)); vec2 f = held - vec2(near);
    value = floor(mix(mix(hu(near), hu(near + ivec2(1, 0)), f.x), mix(hu(near + ivec2(0, 1)), hu(near + ivec2(1, 1)), f.x), f.y) + 0.5);
  } else value = hu(ivec2(floor(at + 0.5)));
  float light = clamp((value - (window.y - 0.5)) / max(window.x - 1.0, 1.0) + 0.5, 0.0, 1.0);
  colour = vec4(vec3(inverted ? 1.0 - light : light), 1.0);
}`;

const SOFTWARE = /swiftshader|llvmpipe|software|basic render/i;
const KEPT = 8; // textures: the planes that are on the screen

export class GlPainter {
  name = "webgl";

  // A painter on a real graphics processor, or null; ``force`` takes an emulated one too.
  static create({ force = false } = {}) {
    const canvas = document.createElement("canvas");
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, preserveDrawingBuffer: true });
    if (!gl) return null;
    const about = gl.getExtension("WEBGL_debug_renderer_info");
    const renderer = about ? gl.getParameter(about.UNMASKED_RENDERER_WEBGL) : "";
    if (!force && SOFTWARE.test(renderer)) { gl.getExtension("WEBGL_lose_context")?.loseContext(); return null; }
    return new GlPainter(canvas, gl);
  }

  constructor(canvas, gl) {
    this.canvas = canvas;
    this.gl = gl;
    this.textures = new Map();
    const program = link(gl);
    this.at = (name) => gl.getUniformLocation(program, name);
    this.places = Object.fromEntries(["size", "height", "across", "along", "window", "inverted", "smoothly"].map((n) => [n, this.at(n)]));
    gl.useProgram(program);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 2);
  }

  get lost() {
    return this.gl.isContextLost();
  }

  paint(context, plane, where, look) {
    const { gl, places } = this;
    const { width, height } = context.canvas;
    if (this.canvas.width < width || this.canvas.height < height) {
      this.canvas.width = Math.max(this.canvas.width, width);
      this.canvas.height = Math.max(this.canvas.height, height);
    }
    gl.viewport(0, 0, width, height);
    this.use(plane);
    const column = (axis) => (axis.stride === 1 ? [axis.start, axis.each] : [0, 0]);
    const row = (axis) => (axis.stride === 1 ? [0, 0] : [axis.start, axis.each]);
    gl.uniform2i(places.size, plane.columns, plane.rows);
    gl.uniform2f(places.height, height, height);
    gl.uniform4f(places.across, ...column(where.right), ...row(where.right));
    gl.uniform4f(places.along, ...column(where.down), ...row(where.down));
    gl.uniform2f(places.window, look.width, look.level);
    gl.uniform1i(places.inverted, look.inverted ? 1 : 0);
    gl.uniform1i(places.smoothly, look.smooth ? 1 : 0);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    context.drawImage(this.canvas, 0, this.canvas.height - height, width, height, 0, 0, width, height);
  }

  use(plane) {
    const { gl, textures } = this;
    const known = textures.get(plane.data);
    if (known) { gl.bindTexture(gl.TEXTURE_2D, known); return; }
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, gl.NEAREST);
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R16I, plane.columns, plane.rows, 0, gl.RED_INTEGER, gl.SHORT, plane.data);
    textures.set(plane.data, texture);
    if (textures.size > KEPT) {
      const [oldest, itsTexture] = textures.entries().next().value;
      gl.deleteTexture(itsTexture);
      textures.delete(oldest);
    }
  }
}

function link(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(program, shader);
  }
  gl.bindAttribLocation(program, 0, "corner");
  gl.linkProgram(program);
  return program;
}

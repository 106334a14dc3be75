// How loud the microphone is: a wave of the last seconds, or one steady bar for those who want no motion.

const BARS = 40;
const FLOOR_DB = -60;
const QUIET_DB = -57; // of a microphone that is muted
const QUIET_SECONDS = 6;
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Meter {
  #canvas;
  #history = new Array(BARS).fill(0);
  #soundAt = 0;
  #frame = 0;

  constructor(canvas) {
    this.#canvas = canvas;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
    new ResizeObserver(() => this.#draw()).observe(canvas);
  }

  /** Whether there has been no sound at all for some seconds. */
  get silent() {
    return performance.now() - this.#soundAt > QUIET_SECONDS * 1000;
  }

  start() {
    this.#soundAt = performance.now();
  }

  stop() {
    this.#history.fill(0);
    this.#draw();
  }

  level(peak) {
    const db = 20 * Math.log10(peak + 1e-9);
    if (db > QUIET_DB) this.#soundAt = performance.now();
    this.#history.push(Math.min(1, Math.max(0, 1 - db / FLOOR_DB)) ** 1.5);
    this.#history.shift();
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (!width) return;
    const scale = devicePixelRatio;
    this.#canvas.width = width * scale; // also clears
    this.#canvas.height = height * scale;
    const paint = this.#canvas.getContext("2d");
    paint.scale(scale, scale);
    paint.fillStyle = getComputedStyle(this.#canvas).color;
    if (still.matches) return paint.fillRect(0, height / 2 - 3, width * this.#history.at(-1), 6);
    const step = width / BARS;
    this.#history.forEach((level, i) => {
      const tall = Math.max(2, level * height);
      paint.globalAlpha = 0.25 + (0.75 * i) / BARS;
      paint.beginPath();
      paint.roundRect(i * step + step * 0.2, (height - tall) / 2, step * 0.6, tall, step * 0.3);
      paint.fill();
    });
  }
}

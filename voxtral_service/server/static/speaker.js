// The sound of answers: a queue on the audio thread that can be emptied at once.

export const RATE = 24_000;

export class Speaker {
  #context = null;
  #node = null;
  #opening = null;
  #stopping = null;
  #playing = false;
  #changed;

  /** `changed(playing)` is told when sound begins and when all of it has been heard. */
  constructor(changed) {
    this.#changed = changed;
  }

  /** Whether there is sound that has not been heard. */
  get playing() {
    return this.#playing;
  }

  /** Get ready; browsers want that to happen while the person presses something. False where nothing can be heard. */
  async open() {
    this.#opening ??= this.#open();
    const able = await this.#opening;
    if (able && this.#context.state === "suspended") await this.#context.resume().catch(() => {});
    return able;
  }

  /** Play 16-bit PCM behind what came before; `item` is whose it is. */
  play(item, pcm) {
    if (!this.#node || !pcm.length) return;
    const samples = Float32Array.from(pcm, (value) => value / 32768);
    this.#node.port.postMessage({ item, samples }, [samples.buffer]);
    this.#become(true);
  }

  /** Fall silent at once; resolves to `[item, seconds heard]` of what was cut off. */
  stop() {
    if (!this.#node || !this.#playing) return Promise.resolve([]);
    this.#become(false);
    return new Promise((resolve) => {
      this.#stopping = resolve;
      this.#node.port.postMessage({ stop: true });
    });
  }

  async #open() {
    if (!window.AudioContext?.prototype || !("audioWorklet" in BaseAudioContext.prototype)) return false;
    const context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
    if (!context.audioWorklet) return false;
    await context.audioWorklet.addModule(new URL("playback.js", import.meta.url));
    this.#context = context;
    this.#node = new AudioWorkletNode(context, "playback", { numberOfInputs: 0, outputChannelCount: [1] });
    this.#node.port.onmessage = ({ data }) => this.#follow(data);
    this.#node.connect(context.destination);
    return true;
  }

  #follow({ quiet, cut }) {
    if (quiet) this.#become(false);
    if (!cut) return;
    const late = this.#context.outputLatency || 0; // what was handed over is not heard yet
    this.#stopping?.(cut.map(([item, seconds]) => [item, Math.max(0, seconds - late)]));
    this.#stopping = null;
  }

  #become(playing) {
    if (this.#playing === playing) return;
    this.#playing = playing;
    this.#changed(playing);
  }
}

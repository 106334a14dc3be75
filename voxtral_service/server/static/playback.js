// Runs on the audio thread: plays what it is sent, piece behind piece, and knows how much of each answer was heard.

const REPORT_SECONDS = 0.1;

class Playback extends AudioWorkletProcessor {
  #waiting = []; // pieces as { item, samples }
  #at = 0; // in the first piece
  #played = new Map(); // item -> samples
  #sinceReport = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => (data.stop ? this.#stop() : this.#waiting.push(data));
  }

  process(_, [[channel]]) {
    let filled = 0;
    while (this.#waiting.length && filled < channel.length) {
      const { item, samples } = this.#waiting[0];
      const part = samples.subarray(this.#at, this.#at + channel.length - filled);
      channel.set(part, filled);
      filled += part.length;
      this.#at += part.length;
      this.#played.set(item, (this.#played.get(item) ?? 0) + part.length);
      if (this.#at === samples.length) {
        this.#waiting.shift();
        this.#at = 0;
      }
    }
    this.#sinceReport += filled;
    const quiet = filled > 0 && !this.#waiting.length;
    if (quiet || this.#sinceReport > REPORT_SECONDS * sampleRate) {
      this.#sinceReport = 0;
      this.port.postMessage({ quiet });
    }
    return true;
  }

  /** Say no more; tells what was cut off, and how many seconds of it were heard. */
  #stop() {
    const cut = new Set(this.#waiting.map(({ item }) => item));
    this.#waiting = [];
    this.#at = 0;
    const heard = [...cut].map((item) => [item, (this.#played.get(item) ?? 0) / sampleRate]);
    this.#played.clear();
    this.port.postMessage({ cut: heard });
  }
}

registerProcessor("playback", Playback);

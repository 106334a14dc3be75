// Runs on the audio thread: the microphone's first channel as little-endian PCM16, in blocks, each with its peak.

const BLOCK_SECONDS = 0.04;

class Capture extends AudioWorkletProcessor {
  #size = Math.round(sampleRate * BLOCK_SECONDS);
  #block = new DataView(new ArrayBuffer(this.#size * 2));
  #filled = 0;
  #peak = 0;

  process([[channel]]) {
    for (const sample of channel ?? []) {
      const value = Math.max(-1, Math.min(1, sample));
      this.#peak = Math.max(this.#peak, Math.abs(value));
      this.#block.setInt16(this.#filled * 2, Math.round(value * 32767), true);
      if (++this.#filled === this.#size) this.#post();
    }
    return true;
  }

  #post() {
    const { buffer } = this.#block;
    this.port.postMessage({ audio: buffer, peak: this.#peak }, [buffer]);
    this.#block = new DataView(new ArrayBuffer(this.#size * 2));
    this.#filled = 0;
    this.#peak = 0;
  }
}

registerProcessor("capture", Capture);

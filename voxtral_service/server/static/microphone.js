// The microphone: PCM16 from an AudioWorklet, or WebM/Opus from a MediaRecorder where the worklet cannot be had.

const RATES = [24000, 48000, 16000, 8000]; // that the server reads; the first is asked for
const RECORDED = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus"];
const SLICE_MS = 100;
const WANTED = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };

const REFUSALS = {
  NotAllowedError:
    "The browser may not use the microphone. Allow it in the site settings, beside the address, then start again.",
  NotFoundError: "No microphone was found. Connect one and start again.",
  NotReadableError: "The microphone does not answer; another program may be using it. Close that and start again.",
};

const INSECURE =
  "Browsers give the microphone only to pages served over HTTPS or from localhost, and this one is neither. Start the " +
  "server with --tls self-signed (or a certificate of yours), or open the page on the server's own machine as http://localhost.";

/** Why there is no microphone, in words for the person at the page. */
export class MicrophoneError extends Error {}

/**
 * Open the microphone; the browser asks for permission here.
 *
 * `heard(audio, seconds)` gets every piece as it comes, `level(peak)` tells how loud it is from 0 to 1 some 25 times a
 * second, and `lost()` that the device went away. Throws MicrophoneError.
 */
export async function openMicrophone({ heard, level, lost }) {
  if (!window.isSecureContext || !navigator.mediaDevices) throw new MicrophoneError(INSECURE);
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: WANTED });
  } catch (error) {
    throw new MicrophoneError(REFUSALS[error.name] ?? `The microphone cannot be used: ${error.message}`);
  }
  const [track] = stream.getAudioTracks();
  track.addEventListener("ended", lost);
  let graph;
  try {
    graph = await audioGraph(stream);
    const source = graph.takesPcm ? await captured(graph, heard, level) : recorded(graph, stream, heard, level);
    return {
      /** The rate of the PCM that is heard; null for a container, which tells its own. */
      rate: source.rate,
      /** Begin a new container, for a listener that has not heard the beginning of the old one. */
      restart: source.restart,
      /** Let the microphone go; resolves when its last sound has been heard. */
      async close() {
        track.removeEventListener("ended", lost);
        await source.stop();
        track.stop();
        await graph.context.close();
      },
    };
  } catch (error) {
    track.stop();
    graph?.context.close();
    throw error instanceof MicrophoneError
      ? error
      : new MicrophoneError(`The microphone cannot be used: ${error.message}`);
  }
}

/** The microphone in an audio graph, at a rate that the server reads if there is a way. */
async function audioGraph(stream) {
  for (const options of [{ sampleRate: RATES[0] }, {}]) {
    const context = new AudioContext({ latencyHint: "interactive", ...options });
    try {
      const input = context.createMediaStreamSource(stream);
      await context.resume();
      return { context, input, takesPcm: Boolean(context.audioWorklet) && RATES.includes(context.sampleRate) };
    } catch (error) {
      await context.close();
      if (error.name !== "NotSupportedError") throw error; // some only connect a microphone at the rate it has
    }
  }
  throw new MicrophoneError("This browser cannot read the microphone.");
}

async function captured({ context, input }, heard, level) {
  await context.audioWorklet.addModule(new URL("worklet.js", import.meta.url));
  const node = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0 });
  node.port.onmessage = ({ data: { audio, peak } }) => {
    level(peak);
    heard(audio, audio.byteLength / 2 / context.sampleRate);
  };
  input.connect(node);
  return {
    rate: context.sampleRate,
    restart() {},
    async stop() {
      node.port.onmessage = null;
      input.disconnect();
    },
  };
}

function recorded({ context, input }, stream, heard, level) {
  const mimeType = RECORDED.find((type) => window.MediaRecorder?.isTypeSupported(type));
  if (!mimeType) throw new MicrophoneError("This browser can neither capture nor record sound; a current one can.");

  const analyser = new AnalyserNode(context, { fftSize: 2048 });
  input.connect(analyser);
  const wave = new Float32Array(analyser.fftSize);
  const metering = setInterval(() => {
    analyser.getFloatTimeDomainData(wave);
    level(wave.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0));
  }, 40);

  let current = record(stream, mimeType, heard);
  return {
    rate: null,
    restart() {
      current.drop();
      current = record(stream, mimeType, heard);
    },
    async stop() {
      clearInterval(metering);
      await current.stop();
    },
  };
}

/** One container, from its first byte to its last. */
function record(stream, mimeType, heard) {
  const recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: 32_000 });
  let since = performance.now();
  let dropped = false;
  let reading = Promise.resolve(); // keeps the pieces in order
  recorder.ondataavailable = ({ data }) => {
    const now = performance.now();
    const seconds = (now - since) / 1000;
    since = now;
    reading = reading.then(async () => {
      const audio = await data.arrayBuffer();
      if (audio.byteLength && !dropped) heard(audio, seconds);
    });
  };
  const stopped = new Promise((resolve) => recorder.addEventListener("stop", resolve));
  recorder.start(SLICE_MS);
  return {
    drop() {
      dropped = true;
      recorder.stop();
    },
    async stop() {
      if (recorder.state !== "inactive") recorder.stop();
      await stopped;
      await reading;
    },
  };
}

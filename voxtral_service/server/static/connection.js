// A transcription session on /v1/realtime, in OpenAI's dialect, that outlives the connections it takes.
//
// Times given out are seconds on the transcript's clock, which counts the sound heard; the server counts anew on each
// connection. Sound that cannot be sent waits here and is sent when the server is back.

import { DELAYS_MS, keywords } from "./settings.js";
import { address, whyRefused } from "./server.js";

const RETRY_SECONDS = [0.5, 1, 2, 4, 8, 15];
const MOST_WAITING_SECONDS = 60;
const LEAST_COMMIT_SECONDS = 0.1; // the server refuses less
const FINISH_SECONDS = 15;
const LAST_WORDS_MS = 250; // an answer may overtake the words that were said before it
const NOT_WORTH_TELLING = new Set(["input_audio_buffer_commit_empty"]);

const TURN_DETECTION = { automatic: { type: "server_vad" }, semantic: { type: "semantic_vad" }, manual: null };

export class Connection {
  #socket = null;
  #live = false;
  #finishing = null;
  #attempts = 0;
  #retry = null;

  #waiting = []; // pieces of sound, oldest first
  #waitingSeconds = 0;
  #lostSeconds = 0;
  #bytesPerSecond = 48_000;
  #heard; // the clock: where the sound heard so far ends
  #zero = 0; // where this connection's sound begins

  #open = new Set(); // turns whose final text has not come
  #announced = new Set(); // of these, the ones that the server found by itself
  #committed = []; // turns that the page ended, as { start, end }, until the server confirms them
  #confirmed = new Map(); // and then by their ids, until their words come
  #openSince = null; // where the turn begins that the page is to end; null while the server ends turns

  #key;
  #settings;
  #microphone;
  #on;

  /**
   * `settings` are `{ language, delay, turns, vocabulary }`, `from` is where the clock stands, and `on` has a function for each:
   * `live()`, `trouble(message, seconds)` with the time until the next try, `refused(reason)` which is the end,
   * `complaint(message)`, and of turns `opened(id, start)`, `said(id, text, at)`, `ended(id, end)`,
   * `finished(id, text, words)` with undefined for words without times, `failed(id, message)`, and `interrupted()` for all that are open.
   */
  constructor({ key, settings, microphone, from, on }) {
    this.#key = key;
    this.#settings = settings;
    this.#microphone = microphone;
    this.#heard = from;
    this.#on = on;
    this.#connect();
  }

  /** Where the sound heard so far ends. */
  get heard() {
    return this.#heard;
  }

  /** Seconds of sound that the server has not taken yet. */
  get behind() {
    return this.#waitingSeconds + (this.#socket?.bufferedAmount ?? 0) / this.#bytesPerSecond;
  }

  /** Send sound, now or when there is a connection. */
  hear(audio, seconds) {
    this.#bytesPerSecond = audio.byteLength / seconds || this.#bytesPerSecond;
    this.#heard += seconds;
    this.#waiting.push({ audio, seconds });
    this.#waitingSeconds += seconds;
    if (this.#live) return this.#flush();
    // A container is of no use without its beginning; the microphone starts a new one for the next connection.
    const most = this.#microphone.rate ? MOST_WAITING_SECONDS : this.#attempts ? 0 : Infinity;
    while (this.#waitingSeconds > most + 0.001) this.#lose();
  }

  /** Change the settings of what is said from here on. */
  configure(settings) {
    const wasManual = this.#openSince !== null;
    this.#settings = settings;
    if (!this.#live) return;
    const isManual = settings.turns === "manual";
    if (wasManual && !isManual) this.#closeTurn(); // the server ends the turn at such a change
    if (wasManual !== isManual) this.#openSince = isManual ? this.#sent : null;
    this.#send({ type: "session.update", session: this.#session() });
  }

  /** End the open turn here. */
  commit() {
    if (!this.#live || (this.#openSince !== null && this.#sent - this.#openSince < LEAST_COMMIT_SECONDS)) return;
    this.#closeTurn();
    this.#send({ type: "input_audio_buffer.commit" });
  }

  /** End the session; resolves when the last words have come, or will not. */
  finish() {
    clearTimeout(this.#retry);
    return new Promise((resolve) => {
      this.#finishing = { resolve, answered: false };
      if (!this.#live) {
        this.#socket?.close();
        return resolve();
      }
      this.commit();
      this.#send({ type: "session.update", session: { type: "transcription" } }); // answered after the commit
      setTimeout(() => this.#socket?.close(1000), FINISH_SECONDS * 1000);
    });
  }

  // -- the socket

  #connect() {
    const url = address("v1/realtime?intent=transcription");
    url.protocol = url.protocol.replace("http", "ws");
    const protocols = ["realtime", ...(this.#key ? [`openai-insecure-api-key.${this.#key}`] : [])];
    this.#socket = new WebSocket(url, protocols);
    this.#socket.onmessage = ({ data }) => this.#follow(JSON.parse(data));
    this.#socket.onclose = () => this.#closed();
  }

  async #closed() {
    const wasLive = this.#live;
    this.#socket = null;
    this.#live = false;
    this.#open.clear();
    this.#announced.clear();
    this.#committed = [];
    this.#confirmed.clear();
    this.#on.interrupted();
    if (this.#finishing) return this.#finishing.resolve();
    const reason = wasLive ? { again: true, message: "The connection was lost." } : await whyRefused(this.#key);
    if (this.#finishing) return;
    if (!reason.again) return this.#on.refused(reason);
    const seconds = RETRY_SECONDS[Math.min(this.#attempts++, RETRY_SECONDS.length - 1)];
    this.#on.trouble(reason.message, seconds);
    this.#retry = setTimeout(() => this.#connect(), seconds * 1000);
  }

  #send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  #session() {
    const { language, delay, turns } = this.#settings;
    const { rate } = this.#microphone;
    return {
      type: "transcription",
      audio: {
        input: {
          ...(rate && { format: { type: "audio/pcm", rate } }),
          transcription: { language: language || null, delay, keywords: keywords(this.#settings) },
          turn_detection: TURN_DETECTION[turns],
        },
      },
    };
  }

  // -- sound

  get #sent() {
    return this.#heard - this.#waitingSeconds;
  }

  #flush() {
    for (const { audio } of this.#waiting) this.#socket.send(audio); // binary frames are sound
    this.#waiting = [];
    this.#waitingSeconds = 0;
  }

  #lose() {
    const { seconds } = this.#waiting.shift();
    this.#waitingSeconds = Math.max(0, this.#waitingSeconds - seconds);
    this.#lostSeconds += seconds;
  }

  #closeTurn() {
    if (this.#openSince === null || this.#sent <= this.#openSince) return;
    this.#committed.push({ start: this.#openSince, end: this.#sent });
    this.#openSince = this.#sent;
  }

  // -- what the server says

  #follow(event) {
    const { item_id: id } = event;
    switch (event.type) {
      case "session.created":
        return this.#begin();
      case "session.updated":
        if (this.#finishing) this.#finishing.answered = true;
        return this.#closeWhenDone();
      case "input_audio_buffer.speech_started":
        this.#announced.add(id);
        return this.#opened(id, this.#zero + event.audio_start_ms / 1000);
      case "input_audio_buffer.speech_stopped":
        return this.#ended(id, this.#zero + event.audio_end_ms / 1000);
      case "input_audio_buffer.committed":
        return this.#confirm(id);
      case "conversation.item.input_audio_transcription.delta":
        this.#appeared(id);
        return this.#on.said(id, event.delta, this.#sent - DELAYS_MS[this.#settings.delay] / 1000);
      case "conversation.item.input_audio_transcription.completed":
        this.#appeared(id);
        this.#on.finished(id, event.transcript, event.words?.map((word) => this.#onOurClock(word)));
        return this.#over(id);
      case "conversation.item.input_audio_transcription.failed":
        this.#appeared(id);
        this.#on.failed(id, event.error?.message ?? "no reason was given");
        return this.#over(id);
      case "error":
        if (!NOT_WORTH_TELLING.has(event.error?.code)) this.#on.complaint(event.error?.message ?? "an unknown error");
    }
  }

  /** The server is there: tell it the settings, then all that it has missed. */
  #begin() {
    if (this.#attempts && !this.#microphone.rate) {
      while (this.#waiting.length) this.#lose();
      this.#microphone.restart();
    }
    if (this.#lostSeconds >= 0.5) {
      this.#on.complaint(
        `${Math.round(this.#lostSeconds)} seconds could not be sent and are missing from the transcript.`,
      );
    }
    this.#attempts = this.#lostSeconds = 0;
    this.#zero = this.#sent;
    this.#openSince = this.#settings.turns === "manual" ? this.#sent : null;
    this.#send({ type: "session.update", session: this.#session() });
    this.#live = true;
    this.#flush();
    this.#on.live();
  }

  #onOurClock({ word, start, end }) {
    return { text: word, start: this.#zero + start, end: this.#zero + end };
  }

  #opened(id, start) {
    this.#open.add(id);
    this.#on.opened(id, start);
  }

  #ended(id, end) {
    if (this.#open.has(id)) this.#on.ended(id, end);
  }

  /** The server has a turn that the page ended; turns come in order, and its words may have come before. */
  #confirm(id) {
    if (this.#announced.has(id) || !this.#committed.length) return;
    const turn = this.#committed.shift();
    if (this.#open.has(id)) this.#ended(id, turn.end);
    else this.#confirmed.set(id, turn);
  }

  /** Words of a turn: its first, if it is one that the page ends. */
  #appeared(id) {
    if (this.#open.has(id)) return;
    const turn = this.#confirmed.get(id);
    this.#confirmed.delete(id);
    this.#opened(id, (turn ?? this.#committed[0])?.start ?? this.#openSince ?? this.#sent);
    if (turn) this.#ended(id, turn.end);
  }

  #over(id) {
    this.#open.delete(id);
    this.#announced.delete(id);
    this.#closeWhenDone();
  }

  #closeWhenDone() {
    if (!this.#finishing?.answered) return;
    setTimeout(() => {
      if (!this.#open.size && !this.#confirmed.size) this.#socket?.close(1000);
    }, LAST_WORDS_MS);
  }
}

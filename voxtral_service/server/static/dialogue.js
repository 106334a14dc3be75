// A conversation on /v1/realtime, in OpenAI's dialect, that outlives the connections it takes: a new one is told what
// was said before.

import { address, whyRefused } from "./server.js";
import { keywords } from "./settings.js";
import { RATE } from "./speaker.js";

const RETRY_SECONDS = [0.5, 1, 2, 4, 8, 15];
const MOST_WAITING_SECONDS = 10; // of sound, while there is no connection; what is older is no question any more
const MOST_REPEATED = 40; // messages
const TURN_DETECTION = { automatic: { type: "server_vad" }, semantic: { type: "semantic_vad", eagerness: "high" } };
const TOOL_CALLS = "voxtral.tool_calls"; // calls of the server's own tools are told of where this is asked for
const NOT_WORTH_TELLING = new Set(["response_cancel_not_active", "input_audio_buffer_commit_empty"]);

export class Dialogue {
  #socket = null;
  #live = false;
  #closed = false;
  #attempts = 0;
  #retry = null;
  #waiting = []; // messages, and sound as { audio, seconds }, until there is a connection
  #said = []; // what was said, as { role, text }
  #texts = new Map(); // item -> the text of an answer so far
  #responses = new Set(); // under way
  #cut = new Set(); // items whose heard text was asked for
  #key;
  #settings;
  #rate = null;
  #on;

  /**
   * `settings` are `{ voice, spoken, ends, language, vocabulary, project }`. `on` has a function for each: `live()`,
   * `trouble(message, seconds)`, `refused(reason)` which is the end, `complaint(message)`; of the person
   * `speaks(id)`, `heard(id, text)`, `understood(id, text)`; of answers `begins(response)`,
   * `said(response, item, text)`, `sound(item, pcm)`, `calls(response, call)`, `returned(call)`, `asks(response, call)`,
   * `cut(item, text)` with what was heard of it, and `ends(response, { status, reason, error })`.
   */
  constructor({ key, settings, on }) {
    this.#key = key;
    this.#settings = settings;
    this.#on = on;
    this.#connect();
  }

  /** Whether an answer is being made. */
  get answering() {
    return this.#responses.size > 0;
  }

  /** Change the settings; `rate` is that of the microphone's PCM, null for a container. */
  configure(settings, rate = this.#rate) {
    this.#settings = settings;
    this.#rate = rate;
    if (this.#live) this.#send({ type: "session.update", session: this.#session() });
  }

  /** Send what the microphone hears. */
  hear(audio, seconds) {
    if (this.#live) return this.#socket.send(audio); // binary frames are sound
    this.#waiting.push({ audio, seconds });
    let kept = this.#waiting.reduce((sum, one) => sum + (one.seconds ?? 0), 0);
    while (kept > MOST_WAITING_SECONDS) {
      const oldest = this.#waiting.findIndex(({ audio }) => audio);
      kept -= this.#waiting.splice(oldest, 1)[0].seconds;
    }
  }

  /** Ask in writing. */
  ask(text) {
    this.#remember("user", text);
    this.#post({ type: "conversation.item.create", item: message("user", text) });
    this.#post({ type: "response.create" });
  }

  /** Stop the answer that is being made. */
  cancel() {
    if (this.answering && this.#live) this.#send({ type: "response.cancel" });
  }

  /** Only so much of an answer was heard. */
  truncate(item, seconds) {
    if (!this.#live) return;
    this.#cut.add(item);
    const audio_end_ms = Math.round(seconds * 1000);
    this.#send({ type: "conversation.item.truncate", item_id: item, content_index: 0, audio_end_ms });
  }

  /** Say whether a call may be made. */
  decide(request, approve) {
    const item = { type: "mcp_approval_response", approval_request_id: request, approve };
    this.#post({ type: "conversation.item.create", item });
  }

  close() {
    this.#closed = true;
    this.#live = false;
    clearTimeout(this.#retry);
    this.#socket?.close(1000);
  }

  // -- the socket

  #connect() {
    const url = address("v1/realtime?model=voxtral");
    if (this.#settings.project) url.searchParams.set("project", this.#settings.project);
    url.protocol = url.protocol.replace("http", "ws");
    const protocols = ["realtime", ...(this.#key ? [`openai-insecure-api-key.${this.#key}`] : [])];
    this.#socket = new WebSocket(url, protocols);
    this.#socket.onmessage = ({ data }) => this.#follow(JSON.parse(data));
    this.#socket.onclose = () => this.#lost();
  }

  async #lost() {
    const wasLive = this.#live;
    this.#socket = null;
    this.#live = false;
    for (const response of [...this.#responses]) this.#end(response, { status: "incomplete", reason: "lost" });
    if (this.#closed) return;
    const reason = wasLive ? { again: true, message: "The connection was lost." } : await whyRefused(this.#key);
    if (this.#closed) return;
    if (!reason.again) return this.#on.refused(reason);
    const seconds = RETRY_SECONDS[Math.min(this.#attempts++, RETRY_SECONDS.length - 1)];
    this.#on.trouble(reason.message, seconds);
    this.#retry = setTimeout(() => this.#connect(), seconds * 1000);
  }

  #send(event) {
    this.#socket.send(JSON.stringify(event));
  }

  /** Send it now or when there is a connection. */
  #post(event) {
    if (this.#live) this.#send(event);
    else this.#waiting.push(event);
  }

  #session() {
    const { voice, spoken, ends, language } = this.#settings;
    return {
      type: "realtime",
      include: [TOOL_CALLS],
      output_modalities: [spoken ? "audio" : "text"],
      audio: {
        input: {
          ...(this.#rate && { format: { type: "audio/pcm", rate: this.#rate } }),
          transcription: { language: language || null, keywords: keywords(this.#settings) },
          turn_detection: TURN_DETECTION[ends],
        },
        output: { format: { type: "audio/pcm", rate: RATE }, ...(voice && { voice }) },
      },
    };
  }

  /** The server is there: tell it the settings, what was said on earlier connections, then what it has missed. */
  #begin() {
    this.#send({ type: "session.update", session: this.#session() });
    const asked = this.#waiting.filter(({ type }) => type === "response.create").length;
    const before = this.#said.slice(0, this.#said.length - asked); // what waits is sent below
    for (const { role, text } of before.slice(-MOST_REPEATED)) {
      this.#send({ type: "conversation.item.create", item: message(role, text) });
    }
    this.#attempts = 0;
    this.#live = true;
    for (const one of this.#waiting.splice(0)) this.#socket.send(one.audio ?? JSON.stringify(one));
    this.#on.live();
  }

  #remember(role, text) {
    if (text.trim()) this.#said.push({ role, text: text.trim() });
  }

  // -- what the server says

  #follow(event) {
    const { item_id: item, response_id: response } = event;
    switch (event.type) {
      case "session.created":
        return this.#begin();
      case "input_audio_buffer.speech_started":
        return this.#on.speaks(item);
      case "conversation.item.input_audio_transcription.delta":
        return this.#on.heard(item, event.delta);
      case "conversation.item.input_audio_transcription.completed":
        this.#remember("user", event.transcript);
        return this.#on.understood(item, event.transcript);
      case "conversation.item.input_audio_transcription.failed":
        this.#on.understood(item, "");
        return this.#on.complaint(`That was not understood: ${event.error?.message ?? "no reason was given"}`);
      case "response.created":
        this.#responses.add(event.response.id);
        return this.#on.begins(event.response.id);
      case "response.output_audio_transcript.delta":
      case "response.output_text.delta":
        this.#texts.set(item, (this.#texts.get(item) ?? "") + event.delta);
        return this.#on.said(response, item, event.delta);
      case "response.output_audio.delta":
        return this.#on.sound(item, pcm(event.delta));
      case "response.output_item.added":
        if (event.item.type === "mcp_call") this.#on.calls(response, event.item);
        return;
      case "response.mcp_call_arguments.done":
        return this.#on.calls(response, { id: item, arguments: event.arguments });
      case "response.output_item.done":
        return this.#itemDone(response, event.item);
      case "conversation.item.truncated":
        if (this.#cut.delete(item)) this.#send({ type: "conversation.item.retrieve", item_id: item });
        return;
      case "conversation.item.retrieved":
        return this.#retrieved(event.item);
      case "response.done":
        return this.#end(event.response.id, outcome(event.response));
      case "error":
        if (!NOT_WORTH_TELLING.has(event.error?.code)) this.#on.complaint(event.error?.message ?? "an unknown error");
    }
  }

  #itemDone(response, item) {
    if (item.type === "mcp_call") this.#on.returned(item);
    else if (item.type === "mcp_approval_request") this.#on.asks(response, item);
    else if (item.type === "message") this.#remember("assistant", this.#texts.get(item.id) ?? "");
  }

  /** What was heard of an answer is all that the server keeps of it; so it is here. */
  #retrieved({ id, content }) {
    const heard = content?.[0]?.transcript ?? content?.[0]?.text ?? "";
    const whole = (this.#texts.get(id) ?? "").trim();
    const at = this.#said.findLastIndex(({ role, text }) => role === "assistant" && text === whole);
    if (at >= 0) this.#said.splice(at, 1, ...(heard.trim() ? [{ role: "assistant", text: heard.trim() }] : []));
    this.#on.cut(id, heard);
  }

  #end(response, how) {
    if (this.#responses.delete(response)) this.#on.ends(response, how);
  }
}

function message(role, text) {
  const type = role === "assistant" ? "output_text" : "input_text";
  return { type: "message", role, content: [{ type, text }] };
}

function outcome({ status, status_details: details }) {
  return { status, reason: details?.reason ?? null, error: details?.error ?? null };
}

function pcm(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Int16Array(bytes.buffer, 0, bytes.length >> 1);
}

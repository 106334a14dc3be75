// The conversation: what its controls do, and which state it is in.

import { Dialogue } from "./dialogue.js";
import { Exchange } from "./exchange.js";
import { Knowledge } from "./knowledge.js";
import { MemoryPanel } from "./memories.js";
import { Meter } from "./meter.js";
import { openMicrophone } from "./microphone.js";
import { DocumentPanel } from "./projects.js";
import { voices } from "./server.js";
import { saveSettings } from "./settings.js";
import { Speaker } from "./speaker.js";

const STATES = {
  idle: "Ready",
  starting: "Starting",
  waiting: "Connecting",
  ready: "Ready",
  live: "Listening",
  answering: "Answering",
};

export class Talk {
  #$;
  #notices;
  #settings;
  #key;
  #refused;
  #follow;
  #exchange;
  #meter;
  #speaker;
  #panels;
  #dialogue = null;
  #microphone = null;
  #opening = false;
  #connected = false;
  #audible = false;

  /**
   * `$` finds an element by its id, `key` gives the API key, `refused(reason)` is told why the server wants nothing of
   * this, `follow(add)` adds something and keeps the end in view.
   */
  constructor({ $, notices, settings, key, refused, follow }) {
    [this.#$, this.#notices, this.#settings] = [$, notices, settings];
    [this.#key, this.#refused, this.#follow] = [key, refused, follow];
    this.#exchange = new Exchange($("exchange"));
    this.#meter = new Meter($("talk-level"));
    this.#speaker = new Speaker(() => this.#refresh());
    const knowledge = new Knowledge(key);
    const projects = { project: settings.project, chosen: (project) => this.#moveTo(project) };
    this.#panels = [new MemoryPanel($, knowledge, notices), new DocumentPanel($, knowledge, notices, projects)];
    $("talk-toggle").onclick = () => (this.#microphone ? this.mute() : this.#talk());
    $("composer").onsubmit = (event) => {
      event.preventDefault();
      this.#ask($("question").value);
      $("question").value = "";
      this.#refresh();
    };
    $("question").oninput = () => this.#refresh();
    $("interrupt").onclick = () => this.#interrupt();
    $("new-talk").onclick = () => this.#again();
    for (const example of document.querySelectorAll("[data-ask]")) {
      example.onclick = () => this.#ask(example.textContent);
    }
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !$("interrupt").hidden) this.#interrupt();
    });
    $("spoken").checked = settings.spoken;
    $("spoken").onchange = ({ target }) => this.#changed("spoken", target.checked);
    $("voice").onchange = ({ target }) => this.#changed("voice", target.value);
    for (const choice of document.querySelectorAll("input[name=ends]")) {
      choice.checked = choice.value === settings.ends;
      choice.onchange = () => this.#changed("ends", choice.value);
    }
    setInterval(() => this.#tick(), 500);
    this.#refresh();
  }

  /** Bring the controls in line with the state, when this comes into view. */
  showState() {
    this.#refresh();
  }

  /** Fetch what the panels show. */
  async load() {
    await Promise.all([this.#listVoices(), ...this.#panels.map((panel) => panel.load())]);
  }

  /** Stop listening; the conversation goes on in writing. */
  async mute() {
    const microphone = this.#microphone;
    this.#microphone = null;
    this.#meter.stop();
    this.#refresh();
    await microphone?.close();
  }

  /** Leave: nothing is heard or said any more. */
  async leave() {
    this.#silence();
    await this.mute();
    this.#dialogue?.close();
    this.#dialogue = null;
    this.#connected = false;
    this.#notices.clear("connection");
    this.#refresh();
  }

  // -- talking and asking

  async #talk() {
    if (this.#opening) return;
    this.#opening = true;
    this.#notices.clear();
    this.#refresh();
    try {
      await this.#listenTo();
    } catch (error) {
      this.#notices.show(error.message, { kind: "error" });
    }
    this.#opening = false;
    this.#refresh();
  }

  async #listenTo() {
    const [microphone] = await Promise.all([
      openMicrophone({
        heard: (audio, seconds) => this.#microphone && this.#dialogue?.hear(audio, seconds),
        level: (peak) => this.#hears(peak),
        lost: () => this.mute().then(() => this.#notices.show("The microphone was disconnected.", { kind: "error" })),
      }),
      this.#openSpeaker(),
    ]);
    this.#open(microphone.rate);
    this.#microphone = microphone;
    this.#audible = false;
    this.#meter.start();
  }

  async #ask(question) {
    const text = question.trim();
    if (!text) return;
    this.#notices.clear();
    await this.#openSpeaker();
    this.#silence();
    this.#open();
    this.#dialogue.cancel();
    this.#follow(() => this.#exchange.asked(text));
    this.#dialogue.ask(text);
    this.#refresh();
  }

  async #openSpeaker() {
    if (!this.#settings.spoken || (await this.#speaker.open().catch(() => false))) return;
    this.#notices.show("This browser lets the page play no sound here, so answers are written only.", { seconds: 8 });
  }

  /** A dialogue with the server, the one there is if there is one. */
  #open(rate) {
    if (this.#dialogue) {
      if (rate !== undefined) this.#dialogue.configure({ ...this.#settings }, rate);
      return;
    }
    this.#dialogue = new Dialogue({ key: this.#key(), settings: { ...this.#settings }, on: this.#events() });
    if (rate !== undefined) this.#dialogue.configure({ ...this.#settings }, rate);
  }

  #interrupt() {
    this.#dialogue?.cancel();
    this.#silence();
  }

  /** Fall silent at once, and tell the server how much was heard. */
  async #silence() {
    const dialogue = this.#dialogue;
    for (const [item, seconds] of await this.#speaker.stop()) dialogue?.truncate(item, seconds);
  }

  async #again() {
    await this.leave();
    this.#exchange.clear();
    this.#refresh();
    this.#$("question").focus();
  }

  /** A project is where a conversation is kept, so in another one it is another conversation. */
  async #moveTo(project) {
    this.#settings.project = project;
    saveSettings(this.#settings);
    if (this.#dialogue) await this.#again();
  }

  #changed(name, value) {
    this.#settings[name] = value;
    saveSettings(this.#settings);
    this.#dialogue?.configure({ ...this.#settings });
    if (name === "spoken" && !value) this.#silence();
  }

  // -- what the server says

  #events() {
    const exchange = this.#exchange;
    const show = (add) => {
      this.#follow(add);
      this.#refresh();
    };
    return {
      live: () => {
        this.#connected = true;
        this.#notices.clear("connection");
        this.#refresh();
      },
      trouble: (message, seconds) => {
        this.#connected = false;
        const when = seconds < 1 ? "Trying again" : `Trying again in ${seconds} s`;
        this.#notices.show(`${message} ${when}.`, { kind: "trouble", topic: "connection" });
        this.#refresh();
      },
      refused: async (reason) => {
        await this.leave();
        this.#refused(reason);
      },
      complaint: (message) => this.#notices.show(message, { kind: "trouble", seconds: 10 }),
      speaks: (id) => {
        // An answer that is being made is stopped by the server, or goes on; one that is made is stopped here.
        if (!this.#dialogue.answering) this.#silence();
        show(() => exchange.speaks(id));
      },
      heard: (id, text) => show(() => exchange.heard(id, text)),
      understood: (id, text) => show(() => exchange.understood(id, text)),
      begins: (response) => show(() => exchange.begins(response)),
      said: (response, item, text) => show(() => exchange.said(response, item, text)),
      sound: (item, pcm) => this.#speaker.play(item, pcm),
      calls: (response, call) => show(() => exchange.calls(response, call)),
      returned: (call) => {
        show(() => exchange.returned(call));
        if (["remember", "forget"].includes(call.name)) this.#panels[0].load();
      },
      asks: (response, call) =>
        show(() => exchange.asks(response, call, (id, approve) => this.#dialogue.decide(id, approve))),
      cut: (item, text) => exchange.cut(item, text),
      ends: (response, how) => {
        if (how.status === "cancelled") this.#silence();
        show(() => {
          const text = exchange.ends(response, how);
          if (!this.#settings.spoken) this.#$("told").textContent = text; // else it has been heard
        });
      },
    };
  }

  // -- the page

  get #state() {
    if (this.#opening) return "starting";
    if (!this.#dialogue) return "idle";
    if (!this.#connected) return "waiting";
    if (this.#dialogue.answering || this.#speaker.playing) return "answering";
    return this.#microphone ? "live" : "ready";
  }

  #refresh() {
    const $ = this.#$;
    const listening = Boolean(this.#microphone);
    const state = this.#state;
    document.body.dataset.talk = state;
    if (document.body.dataset.view === "talk") {
      $("state").textContent = state === "answering" && listening ? "Answering; speak to interrupt" : STATES[state];
    }
    $("talk-empty").hidden = !this.#exchange.empty || !$("key-form").hidden;
    $("talk-toggle").setAttribute("aria-pressed", listening);
    $("talk-toggle").setAttribute("aria-label", listening ? "Stop listening" : "Talk");
    $("talk-toggle").title = listening ? "Stop listening" : "Talk";
    $("talk-toggle").disabled = this.#opening;
    $("talk-level").hidden = !listening;
    $("interrupt").hidden = state !== "answering";
    $("send").disabled = !$("question").value.trim();
    $("question").placeholder = listening ? "Listening; or type" : "Ask something";
  }

  /** Once there was any sound, silence is somebody who listens, and no fault. */
  #hears(peak) {
    this.#meter.level(peak);
    if (this.#audible || !peak) return;
    this.#audible = true;
    this.#notices.clear("silence");
  }

  #tick() {
    if (this.#microphone && this.#meter.silent && !this.#audible && !this.#notices.shown) {
      this.#notices.show("No sound comes from the microphone. Is it muted?", { kind: "trouble", topic: "silence" });
    }
  }

  async #listVoices() {
    const $ = this.#$;
    try {
      const found = await voices(this.#key());
      if (!found) return;
      const options = found.map((voice) => new Option(title(voice), voice.id));
      options.sort((a, b) => a.text.localeCompare(b.text));
      $("voice").replaceChildren(new Option("The server’s own", ""), ...options);
      $("voice").value = this.#settings.voice;
      if ($("voice").selectedIndex < 0) $("voice").value = "";
      $("voice").disabled = $("spoken").disabled = !found.length;
    } catch (error) {
      this.#notices.show(error.message, { kind: "error", seconds: 10 });
    }
  }
}

/** What a voice is called in the list. */
function title({ id, name, languages: [language] }) {
  if (!language || name !== id) return name || id;
  try {
    return `${new Intl.DisplayNames("en", { type: "language" }).of(language)} (${id})`;
  } catch {
    return id; // a tag that the browser does not take for one
  }
}

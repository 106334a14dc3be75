// The page: what its controls do, and which state it is in.

import { Captions } from "./captions.js";
import { Connection } from "./connection.js";
import { download, plainText } from "./download.js";
import { Meter } from "./meter.js";
import { openMicrophone } from "./microphone.js";
import { Notices } from "./notices.js";
import { isKey, servedModel } from "./server.js";
import { DELAYS, DELAYS_MS, loadKey, loadSettings, saveKey, saveSettings } from "./settings.js";
import { Talk } from "./talk.js";
import { Transcript, clock } from "./transcript.js";

const $ = (id) => document.getElementById(id);
const LANGUAGES = ["ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "nl", "pt", "ru", "zh"];
const BEHIND_SECONDS = 3;
const LABELS = { idle: "Start", starting: "Starting…", waiting: "Stop", live: "Stop", stopping: "Finishing…" };
const LEADS = { idle: "Press Start and speak.", waiting: "Connecting…", live: "Speak now." };
const STATES = { idle: "Ready", starting: "Starting", waiting: "Connecting", live: "Listening", stopping: "Finishing" };

const TABS = [$("tab-captions"), $("tab-talk")];
const notices = new Notices($("notice"));
const captions = new Captions($("log"), $("open"));
const meter = new Meter($("level"));
const settings = loadSettings();
let key = loadKey();
let model = null;
let state = "idle";
let microphone = null;
let connection = null;
let clockAt = 0; // where the transcript's clock stands while nobody listens
let saved = true;
let wakeLock = null;

const transcript = new Transcript({
  opened(turn) {
    captions.opened(turn);
    refresh();
  },
  grew: (turn) => keepInView(() => captions.grew(turn)),
  settled(turn) {
    saved = false;
    keepInView(() => captions.settled(turn));
    refresh();
  },
  dropped(turn) {
    captions.dropped(turn);
    refresh();
  },
});

// -- starting and stopping

async function start() {
  become("starting");
  notices.clear();
  showSettings(false);
  try {
    microphone = await openMicrophone({
      heard: (audio, seconds) => connection?.hear(audio, seconds),
      level: (peak) => meter.level(peak),
      lost: () => stop().then(() => notices.show("The microphone was disconnected.", { kind: "error" })),
    });
  } catch (error) {
    become("idle");
    return notices.show(error.message, { kind: "error" });
  }
  meter.start();
  if (!transcript.turns.length) clockAt = 0;
  become("waiting");
  connection = new Connection({ key, settings: { ...settings }, microphone, from: clockAt, on: connectionEvents() });
  wakeLock = await navigator.wakeLock?.request("screen").catch(() => null); // a phone would go to sleep
}

async function stop() {
  if (state === "idle" || state === "stopping") return;
  become("stopping");
  await closeMicrophone(); // first, so that its last sound is sent
  await connection.finish();
  clockAt = connection.heard;
  connection = null;
  notices.clear("connection");
  become("idle");
}

async function closeMicrophone() {
  await microphone.close();
  microphone = null;
  meter.stop();
  wakeLock?.release();
  wakeLock = null;
}

function connectionEvents() {
  return {
    live() {
      notices.clear("connection");
      if (state !== "stopping") become("live");
    },
    trouble(message, seconds) {
      become("waiting");
      const when = seconds < 1 ? "Trying again" : `Trying again in ${seconds} s`;
      const kept = microphone.rate
        ? "what you say is kept meanwhile, up to a minute"
        : "what you say is lost meanwhile";
      notices.show(`${message} ${when}; ${kept}.`, { kind: "trouble", topic: "connection" });
    },
    async refused(reason) {
      become("stopping");
      await closeMicrophone();
      clockAt = connection.heard;
      connection = null;
      become("idle");
      if (reason.key) askForKey(reason.message);
      else notices.show(reason.message, { kind: "error" });
    },
    complaint: (message) => notices.show(message, { kind: "trouble", seconds: 10 }),
    opened: (id, at) => transcript.opened(id, at),
    said: (id, text, at) => transcript.said(id, text, at),
    ended: (id, at) => transcript.ended(id, at),
    finished: (id, text, words) => transcript.finished(id, text, words),
    failed(id, message) {
      transcript.failed(id);
      notices.show(`A turn could not be transcribed: ${message}`, { kind: "trouble", seconds: 10 });
    },
    interrupted: () => transcript.interrupted(),
  };
}

function become(next) {
  state = next;
  document.body.dataset.state = state;
  $("toggle-label").textContent = LABELS[state];
  $("toggle").disabled = state === "starting" || state === "stopping";
  if (settings.view === "captions") $("state").textContent = STATES[state];
  $("lead").textContent = LEADS[state] ?? $("lead").textContent;
  document.title = state === "live" ? "● Listening – voxtral" : "voxtral";
  refresh();
}

/** Bring the controls in line with the state. */
function refresh() {
  const turns = transcript.turns;
  const talking = state === "live" || state === "waiting";
  $("empty").hidden = turns.length > 0 || $("open").childElementCount > 0 || !$("key-form").hidden;
  $("done").hidden = settings.turns !== "manual" || !talking;
  document.querySelectorAll("[data-needs-text]").forEach((button) => (button.disabled = !turns.length));
}

function tick() {
  $("elapsed").textContent = clock(connection?.heard ?? clockAt);
  if (state !== "live") return;
  remark("behind", connection.behind > BEHIND_SECONDS, "The server is behind: words come late, but none is lost.");
  remark("silence", meter.silent, "No sound comes from the microphone. Is it muted?");
}

/** Show a text as long as something holds, where nothing else is being said. */
function remark(topic, holds, text) {
  if (!holds) notices.clear(topic);
  else if (!notices.shown) notices.show(text, { kind: "trouble", topic });
}

$("toggle").onclick = () => (state === "idle" ? start() : stop());
$("done").onclick = () => connection?.commit();
setInterval(tick, 250);

// Enter ends a turn wherever the focus is, except on a control that has its own use for it.
document.addEventListener("keydown", (event) => {
  const busy = event.target.closest("button, input, select, summary, a");
  if (event.key === "Enter" && !event.repeat && !busy && !$("done").hidden) {
    event.preventDefault();
    connection?.commit();
  }
});

// -- settings

function changed(name, value) {
  settings[name] = value;
  saveSettings(settings);
  connection?.configure({ ...settings });
  refresh();
}

function showDelay() {
  const text = `${DELAYS_MS[settings.delay].toLocaleString("en")} ms`;
  $("delay-value").textContent = text;
  $("delay").setAttribute("aria-valuetext", `${text}, ${settings.delay}`);
}

function showLanguages(codes) {
  const names = new Intl.DisplayNames("en", { type: "language" });
  const options = codes.map((code) => new Option(names.of(code), code)).sort((a, b) => a.text.localeCompare(b.text));
  $("language").replaceChildren(new Option("Automatic", ""), ...options);
  $("language").value = settings.language;
  if ($("language").selectedIndex < 0) {
    $("language").value = "";
    changed("language", "");
  }
}

$("delay").value = DELAYS.indexOf(settings.delay);
$("delay").oninput = ({ target }) => {
  changed("delay", DELAYS[target.value]);
  showDelay();
};
$("language").onchange = ({ target }) => changed("language", target.value);
$("vocabulary").value = settings.vocabulary;
$("vocabulary").onchange = ({ target }) => changed("vocabulary", target.value);
for (const choice of document.querySelectorAll("input[name=turns]")) {
  choice.checked = choice.value === settings.turns;
  choice.onchange = () => changed("turns", choice.value);
}

/** On a narrow page the settings take the place of the words. */
function showSettings(open) {
  $("settings-toggle").setAttribute("aria-expanded", open);
  $("panel").classList.toggle("open", open);
}

$("settings-toggle").onclick = () => showSettings(!$("panel").classList.contains("open"));

// -- the transcript's controls

for (const button of document.querySelectorAll("[data-format]")) {
  button.onclick = () => {
    saved = true;
    const about = { created: new Date().toISOString(), model: model?.id ?? null, language: settings.language || null };
    download(button.dataset.format, transcript.turns, about);
  };
}
$("copy").onclick = async () => {
  const text = plainText(transcript.turns);
  try {
    await navigator.clipboard.writeText(text);
    saved = true;
    notices.show("Copied.", { seconds: 3 });
  } catch {
    notices.show("The browser does not let this page copy; download the text instead.", {
      kind: "trouble",
      seconds: 8,
    });
  }
};
$("clear").onclick = () => {
  const cleared = transcript.clear();
  const run = () => {
    transcript.restore(cleared);
    captions.show(transcript.turns);
    refresh();
  };
  captions.show([]);
  refresh();
  notices.show("The transcript was cleared.", { seconds: 15, action: { label: "Undo", run } });
};
addEventListener("beforeunload", (event) => {
  if (connection || (!saved && transcript.turns.length)) event.preventDefault();
});

// -- captions or a conversation

function showView(view) {
  settings.view = view;
  document.body.dataset.view = view;
  for (const part of document.querySelectorAll("[data-view]")) {
    if (part !== document.body) part.hidden = part.dataset.view !== view;
  }
  for (const tab of TABS) {
    const chosen = tab.id === `tab-${view}`;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
  }
  $("latest").hidden = true;
  scrollTo({ top: document.documentElement.scrollHeight });
  if (view === "talk") talk.showState();
  else become(state);
}

/** Go to the other view; what listens for this one stops. */
async function changeView(view) {
  if (view === settings.view) return;
  notices.clear();
  showSettings(false);
  if (settings.view === "talk") await talk.leave();
  else await stop();
  showView(view);
  if (view === "talk") talk.load();
  saveSettings(settings);
}

for (const tab of TABS) {
  tab.onclick = () => changeView(tab.id.replace("tab-", ""));
  tab.onkeydown = ({ key }) => {
    if (key !== "ArrowLeft" && key !== "ArrowRight") return;
    const other = TABS[1 - TABS.indexOf(tab)];
    other.focus();
    other.click();
  };
}

// -- following the words

const atEnd = () => innerHeight + scrollY >= document.documentElement.scrollHeight - 80;

/** Scroll along with what is added, unless the person has scrolled up to read. */
function keepInView(add) {
  const follow = atEnd();
  add();
  if (follow) scrollTo({ top: document.documentElement.scrollHeight });
  $("latest").hidden = follow;
}

addEventListener("scroll", () => atEnd() && ($("latest").hidden = true), { passive: true });
$("latest").onclick = () => scrollTo({ top: document.documentElement.scrollHeight });

// -- the API key

function showKeyForm(shown) {
  $("key-form").hidden = !shown;
  refresh();
}

function askForKey(message) {
  notices.clear();
  $("key-message").textContent = message;
  showKeyForm(true);
  $("key").value = "";
  $("key").focus();
}

$("key-form").onsubmit = async (event) => {
  event.preventDefault();
  const given = $("key").value.trim();
  if (!isKey(given)) return askForKey("That is not an API key; voxtral keys make and show one on the server.");
  saveKey((key = given));
  showKeyForm(false);
  if (await greet()) $(settings.view === "talk" ? "question" : "toggle").focus();
};
$("forget").onclick = () => {
  saveKey((key = ""));
  greet();
};

/** Ask the server what it is; false when it wants a (better) key first. */
async function greet() {
  $("forget").hidden = !key;
  try {
    model = await servedModel(key);
  } catch (error) {
    notices.show(error instanceof TypeError ? "The server cannot be reached." : error.message, { kind: "error" });
    return true;
  }
  if (model === null) {
    askForKey(key ? "The server does not know this API key." : "This server needs an API key.");
    return false;
  }
  showKeyForm(false);
  if (settings.view === "talk") talk.load();
  $("model").textContent = model.id;
  showLanguages(model.languages?.length ? model.languages : LANGUAGES);
  return true;
}

const talk = new Talk({
  $,
  notices,
  settings,
  key: () => key,
  refused: (reason) => (reason.key ? askForKey(reason.message) : notices.show(reason.message, { kind: "error" })),
  follow: keepInView,
});
showView(settings.view === "talk" ? "talk" : "captions");
showDelay();
showLanguages([...new Set([...LANGUAGES, settings.language].filter(Boolean))]);
become("idle");
greet();

// What the person has chosen. Choices are kept for the next visit; the API key only until the tab is closed.

/** How long the server may listen on before it writes a word. More is more accurate. */
export const DELAYS_MS = { minimal: 160, low: 240, medium: 480, high: 960, xhigh: 2400 };
export const DELAYS = Object.keys(DELAYS_MS);

const DEFAULTS = {
  view: "captions",
  language: "",
  delay: "medium",
  vocabulary: "",
  turns: "automatic",
  voice: "",
  project: "",
  spoken: true,
  ends: "automatic",
};
const SETTINGS = "voxtral.settings";
const KEY = "voxtral.key";

export function loadSettings() {
  const kept = read(localStorage, SETTINGS);
  const settings = { ...DEFAULTS, ...(kept && JSON.parse(kept)) };
  return DELAYS.includes(settings.delay) ? settings : { ...settings, delay: DEFAULTS.delay };
}

export function saveSettings(settings) {
  write(localStorage, SETTINGS, JSON.stringify(settings));
}

export function loadKey() {
  return read(sessionStorage, KEY) ?? "";
}

/** The words that are likely, as the server's dialect has them; null leaves it to the server. */
export function keywords({ vocabulary }) {
  const words = vocabulary.split(",").map((word) => word.trim()).filter(Boolean);
  return words.length ? words : null;
}

export function saveKey(key) {
  write(sessionStorage, KEY, key);
}

// A browser may forbid a page to keep anything; then it is asked for each time.

function read(storage, name) {
  try {
    return storage.getItem(name);
  } catch {
    return null;
  }
}

function write(storage, name, value) {
  try {
    if (value) storage.setItem(name, value);
    else storage.removeItem(name);
  } catch {
    // not kept
  }
}

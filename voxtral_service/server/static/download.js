// The transcript as files.

import { srt, vtt } from "./subtitles.js";

const TYPES = { txt: "text/plain", srt: "application/x-subrip", vtt: "text/vtt", json: "application/json" };

/** A turn a paragraph. */
export function plainText(turns) {
  return turns.map(({ text }) => `${text.trim()}\n`).join("\n");
}

/** Offer the turns as a file; `about` is told in the JSON. */
export function download(format, turns, about) {
  const write = { txt: plainText, srt, vtt, json: (turns) => json(turns, about) }[format];
  saveFile(`transcript-${localMinute(new Date())}.${format}`, write(turns), TYPES[format]);
}

/** Let the browser save a text. */
export function saveFile(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function json(turns, about) {
  const seconds = (value) => Math.round(value * 1000) / 1000;
  const word = ({ text, start, end }) => ({ text, start: seconds(start), end: seconds(end) });
  const body = turns.map(({ text, start, end, state, words, wordTimes }) => ({
    text: text.trim(),
    start: seconds(start),
    end: seconds(end),
    ...(state !== "final" && { incomplete: true }),
    word_times: wordTimes,
    words: words.map(word),
  }));
  return `${JSON.stringify({ ...about, turns: body }, null, 1)}\n`;
}

function localMinute(date) {
  const two = (value) => String(value).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}`;
}

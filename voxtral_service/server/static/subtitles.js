// Words with times to subtitle cues: one or two lines of at most 42 characters, for 1 to 7 seconds, never overlapping,
// ending with a sentence or in a pause where they can.

const COLUMNS = 42;
const SHORTEST = 1;
const LONGEST = 7;
const PAUSE = 1;
const SENTENCE_END = /[.?!…。？！]["'”’»)\]」』）]*$/u;
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]/gu;

/** SubRip. */
export function srt(turns) {
  return cues(turns)
    .map(
      ({ start, end, lines }, index) =>
        `${index + 1}\n${stamp(start, ",")} --> ${stamp(end, ",")}\n${lines.join("\n")}\n\n`,
    )
    .join("");
}

/** WebVTT, with the characters escaped that would start a tag, an entity or an arrow. */
export function vtt(turns) {
  const escape = (line) => line.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const blocks = cues(turns).map(
    ({ start, end, lines }) => `${stamp(start, ".")} --> ${stamp(end, ".")}\n${lines.map(escape).join("\n")}\n\n`,
  );
  return `WEBVTT\n\n${blocks.join("")}`;
}

/** What stands on the screen when, as `{ start, end, lines }`; a turn begins a cue of its own. */
export function cues(turns) {
  const made = [];
  for (const group of turns.flatMap(({ words }) => groups(words.flatMap(pieces)))) {
    const start = Math.max(group[0].start, made.at(-1)?.end ?? 0);
    const end = Math.min(Math.max(group.at(-1).end, start + SHORTEST), start + LONGEST);
    made.push({ start, end, lines: fold(group) });
  }
  return made;
}

function groups(words) {
  const found = [];
  let group = [];
  for (const word of words) {
    if (group.length && !joins(group, word)) {
      found.push(group);
      group = [];
    }
    group.push(word);
  }
  return group.length ? [...found, group] : found;
}

function joins(group, word) {
  const [first, last] = [group[0], group.at(-1)];
  const stands = word.start - first.start >= SHORTEST;
  if (stands && (SENTENCE_END.test(last.text) || word.start - last.end >= PAUSE)) return false;
  return word.end - first.start <= LONGEST && fold([...group, word]) !== null;
}

/** The words on one line, or on two of much the same width; null if they take more. */
function fold(words) {
  const texts = words.map(({ text }) => text);
  const whole = texts.join(" ");
  if (columns(whole) <= COLUMNS) return [whole];
  const folded = texts
    .slice(1)
    .map((_, i) => [texts.slice(0, i + 1).join(" "), texts.slice(i + 1).join(" ")])
    .filter((lines) => lines.every((line) => columns(line) <= COLUMNS));
  const difference = ([above, below]) => Math.abs(columns(above) - columns(below));
  return folded.sort((a, b) => difference(a) - difference(b))[0] ?? null;
}

/** The word itself, or parts of it that fit a line: languages written without spaces come as words of any length. */
function pieces(word) {
  if (columns(word.text) <= COLUMNS) return [word];
  const characters = [...word.text];
  const size = COLUMNS / 2;
  const at = (i) => word.start + ((word.end - word.start) * Math.min(i, characters.length)) / characters.length;
  return Array.from({ length: Math.ceil(characters.length / size) }, (_, n) => ({
    text: characters.slice(n * size, (n + 1) * size).join(""),
    start: at(n * size),
    end: at((n + 1) * size),
  }));
}

function columns(text) {
  return [...text].length + (text.match(WIDE)?.length ?? 0);
}

function stamp(seconds, point) {
  const ms = Math.round(seconds * 1000);
  const two = (value) => String(Math.floor(value)).padStart(2, "0");
  const time = [two(ms / 3_600_000), two((ms / 60_000) % 60), two((ms / 1000) % 60)].join(":");
  return `${time}${point}${String(ms % 1000).padStart(3, "0")}`;
}

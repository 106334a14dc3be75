// What was said: turns, and when. No page, no network.

/** Seconds as a clock shows them: 0:07, 12:40, 1:02:03, with tenths 0:07.3. */
export function clock(seconds, digits = 0) {
  const unit = 10 ** digits;
  const ticks = Math.floor(Math.max(0, seconds) * unit + 1e-6);
  const rest = ticks % (60 * unit);
  const minutes = Math.floor(ticks / (60 * unit));
  const tail = (rest / unit).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  const hours = Math.floor(minutes / 60);
  return hours ? `${hours}:${String(minutes % 60).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

const LONGEST_WORD = 1; // second; a word after a pause would otherwise begin with the pause

/**
 * A turn. The server tells when it starts and ends, and with its last event the times of its words. Of a turn that
 * never got that far, or at a server that tells none, they are taken from when their text came, less the delay.
 * `points` are such times: so many characters had been said by then.
 */
class Turn {
  text = "";
  end = null;
  state = "open"; // then "final", "failed" or "interrupted"
  points;
  #words = null;

  constructor(id, start) {
    this.id = id;
    this.start = start;
    this.points = [[0, start]];
  }

  /** Where the words' times come from: "server" or "estimated". */
  get wordTimes() {
    return this.#words ? "server" : "estimated";
  }

  /** Words as `{ text, start, end }`. */
  get words() {
    if (this.#words) return this.#words;
    return [...this.text.matchAll(/\S+/gu)].map(({ 0: text, index }) => {
      const end = this.#timeOf(index + text.length);
      return { text, start: Math.max(this.#timeOf(index), end - LONGEST_WORD), end };
    });
  }

  say(text, at) {
    this.text += text;
    this.points.push([this.text.length, Math.max(at, this.points.at(-1)[1])]);
  }

  settle(state, text = this.text, words = []) {
    this.state = state;
    this.end = Math.max(this.end ?? this.points.at(-1)[1], this.start);
    if (text !== this.text) this.points = [[0, this.start]]; // it was said differently: spread it evenly
    this.text = text;
    this.points = this.points.map(([characters, at]) => [characters, Math.min(at, this.end)]);
    if (this.points.at(-1)[0] < text.length) this.points.push([text.length, this.end]);
    if (!words.length || words.map(({ text }) => text).join("") !== text.replaceAll(/\s/gu, "")) return;
    const within = (at) => Math.min(Math.max(at, this.start), this.end); // a word may be stamped just behind the turn
    this.#words = words.map(({ text, start, end }) => ({ text, start: within(start), end: within(end) }));
  }

  #timeOf(characters) {
    const after = this.points.findIndex(([known]) => known >= characters);
    if (after <= 0) return this.points.at(after)[1];
    const [[c0, t0], [c1, t1]] = [this.points[after - 1], this.points[after]];
    return t0 + ((t1 - t0) * (characters - c0)) / (c1 - c0 || 1);
  }
}

/** All turns, as a connection tells of them. `show` has `opened`, `grew`, `settled` and `dropped`, each given a turn. */
export class Transcript {
  #settled = [];
  #open = new Map();
  #show;

  constructor(show) {
    this.#show = show;
  }

  /** The turns whose text will not change. */
  get turns() {
    return [...this.#settled];
  }

  opened(id, start) {
    const turn = new Turn(id, start);
    this.#open.set(id, turn);
    this.#show.opened(turn);
  }

  said(id, text, at) {
    const turn = this.#open.get(id);
    turn.say(text, at);
    this.#show.grew(turn);
  }

  ended(id, end) {
    this.#open.get(id).end = end;
  }

  finished(id, text, words) {
    this.#settle(id, "final", text, words);
  }

  failed(id) {
    this.#settle(id, "failed");
  }

  /** Nothing more will come of the turns that are open. */
  interrupted() {
    for (const id of [...this.#open.keys()]) this.#settle(id, "interrupted");
  }

  /** Forget the settled turns; gives them, for `restore`. */
  clear() {
    return this.#settled.splice(0);
  }

  /** Put back what was cleared, before all that has been settled since. */
  restore(turns) {
    this.#settled.unshift(...turns);
  }

  #settle(id, state, text, words) {
    const turn = this.#open.get(id);
    this.#open.delete(id);
    turn.settle(state, text, words);
    if (!turn.text.trim()) return this.#show.dropped(turn);
    this.#settled.push(turn);
    this.#show.settled(turn);
  }
}

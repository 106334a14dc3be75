// The turns on the page: settled ones as paragraphs of a log that screen readers follow, open ones below it.

import { clock } from "./transcript.js";

const ENDS = { interrupted: "cut off when the connection ended", failed: "the server could not finish this" };

export class Captions {
  #log;
  #open;
  #drafts = new Map(); // turn -> the text node of its draft
  #paragraphs = new Map(); // turn -> its paragraph

  constructor(log, open) {
    this.#log = log;
    this.#open = open;
  }

  opened(turn) {
    const text = element("span", "text");
    text.dir = "auto";
    text.append("");
    const paragraph = element("p", "turn draft", time(turn), text);
    this.#drafts.set(turn, text.firstChild);
    this.#paragraphs.set(turn, paragraph);
    this.#open.append(paragraph);
  }

  grew(turn) {
    this.#drafts.get(turn).data = turn.text.trimStart();
  }

  settled(turn) {
    this.dropped(turn);
    this.#append(turn);
  }

  dropped(turn) {
    this.#paragraphs.get(turn).remove();
    this.#paragraphs.delete(turn);
    this.#drafts.delete(turn);
  }

  /** Show these settled turns and no others. */
  show(turns) {
    this.#log.replaceChildren();
    turns.forEach((turn) => this.#append(turn));
  }

  #append(turn) {
    const text = element("span", "text", ...words(turn));
    text.dir = "auto";
    const paragraph = element("p", "turn", time(turn), text);
    if (ENDS[turn.state]) paragraph.append(element("span", "aside", ` ${ENDS[turn.state]}`));
    this.#log.append(paragraph);
  }
}

function words(turn) {
  return turn.words.flatMap(({ text, start }, index) => {
    const word = element("span", "word", text);
    word.dataset.at = clock(start, 1);
    return index ? [" ", word] : [word];
  });
}

function time({ start, end }) {
  const node = element("time", "", clock(start));
  node.dateTime = `PT${start.toFixed(1)}S`;
  node.title = end === null ? clock(start, 1) : `${clock(start, 1)} to ${clock(end, 1)}`;
  return node;
}

function element(name, className, ...children) {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

// Both sides of a conversation on the page: what the person said, the answers, and the tools that were called for them.

const SOURCE = /^(?!>)(.{1,200}, (?:page|part)s? \d+(?:-\d+)?)(?: of \d+)?:$/gmu; // as search_documents and read_document quote
const ENDS = {
  turn_detected: "interrupted",
  client_cancelled: "interrupted",
  lost: "cut off when the connection was lost",
  max_output_tokens: "cut off where it was longest",
};

export class Exchange {
  #list;
  #people = new Map(); // item -> its paragraph
  #answers = new Map(); // response -> { article, sources }
  #items = new Map(); // item -> the paragraphs of its words
  #calls = new Map(); // call -> { details, fold }

  constructor(list) {
    this.#list = list;
  }

  get empty() {
    return !this.#list.childElementCount;
  }

  clear() {
    this.#list.replaceChildren();
    for (const known of [this.#people, this.#answers, this.#items, this.#calls]) known.clear();
  }

  // -- the person

  /** What was typed. */
  asked(text) {
    this.#list.append(element("article", "said person", paragraph(text)));
  }

  speaks(id) {
    if (this.#people.has(id)) return;
    const words = paragraph("");
    this.#people.set(id, words);
    this.#list.append(element("article", "said person draft", words));
  }

  heard(id, text) {
    this.speaks(id);
    const words = this.#people.get(id);
    words.textContent = (words.textContent + text).trimStart();
  }

  understood(id, text) {
    this.speaks(id);
    const words = this.#people.get(id);
    words.textContent = text.trim();
    words.parentElement.classList.remove("draft");
    if (!text.trim()) words.parentElement.remove();
  }

  // -- answers

  begins(response) {
    const article = element("article", "said answer draft");
    this.#answers.set(response, { article, sources: new Set() });
    this.#list.append(article);
  }

  said(response, item, text) {
    const article = this.#article(response);
    let words = article.lastElementChild;
    if (!words?.matches("p.text")) {
      words = paragraph("");
      article.append(words);
      this.#items.set(item, [...(this.#items.get(item) ?? []), words]);
      text = text.trimStart();
    }
    words.append(text);
  }

  /** Of this answer no more than `text` was heard: the rest is shown as such. */
  cut(item, text) {
    let left = text.length;
    for (const words of this.#items.get(item) ?? []) {
      const whole = words.textContent;
      const heard = Math.min(left, whole.length);
      left = Math.max(0, left - whole.length - 1);
      if (heard >= whole.trimEnd().length) continue;
      const rest = element("span", "unheard", whole.slice(heard));
      rest.title = "not heard";
      words.replaceChildren(whole.slice(0, heard), rest);
    }
  }

  /** Gives all that was answered, for those who cannot see it. */
  ends(response, { status, reason, error }) {
    const { article, sources } = this.#answers.get(response) ?? {};
    if (!article) return "";
    this.#answers.delete(response);
    article.classList.remove("draft");
    if (sources.size) article.append(cited(sources));
    if (status === "failed") {
      const line = element("p", "failure", sentence(error?.message ?? "The answer failed."));
      line.setAttribute("role", "alert");
      article.append(line);
    } else if (ENDS[reason]) article.append(element("p", "aside", ENDS[reason]));
    if (!article.childElementCount) article.remove();
    return [...article.querySelectorAll("p.text")].map((words) => words.textContent).join(" ");
  }

  // -- tools

  /** A call, or more that became known of it. */
  calls(response, { id, name, arguments: given, server_label: server }) {
    const known = this.#calls.get(id);
    if (known) {
      known.details.querySelector(".given").textContent = readable(given);
      known.details.querySelector(".brief").textContent = brief(given);
      return;
    }
    const title = server && server !== "voxtral" ? `${server}: ${words(name)}` : words(name);
    const summary = element("summary", "", element("b", "", title), " ", element("span", "brief", brief(given)));
    const details = element("details", "tool running", summary, element("pre", "given", readable(given)));
    this.#calls.set(id, { details, response });
    this.#article(response).append(details);
  }

  returned({ id, output, error }) {
    const { details, response } = this.#calls.get(id) ?? {};
    if (!details) return;
    this.#calls.delete(id);
    details.classList.remove("running");
    const failed = Boolean(error);
    const text = failed ? (error.message ?? "it failed") : (output ?? "");
    if (failed) details.classList.add("failed");
    if (output === undefined && !failed) return; // it was stopped
    const found = failed ? [] : [...new Set([...text.matchAll(SOURCE)].map(([, source]) => source))];
    const result = failed ? "failed" : found.join("; ") || brief(text, 60);
    details.querySelector("summary").append(element("span", "result", result));
    details.append(element("pre", "output", text));
    found.forEach((source) => this.#answers.get(response)?.sources.add(source));
  }

  /** A call that the person has to allow; `decide` is told what they say. */
  asks(response, { id, name, arguments: given, server_label: server }, decide) {
    const question = element("p", "", `May ${server} do this: `, element("b", "", words(name)), ` ${brief(given)}?`);
    const buttons = element("div", "row");
    const box = element("div", "approval", question, buttons);
    for (const [label, approve, style] of [
      ["Allow", true, "strong"],
      ["Do not", false, ""],
    ]) {
      const button = element("button", style, label);
      button.type = "button";
      button.onclick = () => {
        buttons.remove();
        question.append(approve ? " Allowed." : " Not allowed.");
        decide(id, approve);
      };
      buttons.append(button);
    }
    box.setAttribute("role", "alert");
    this.#article(response).append(box);
  }

  #article(response) {
    if (!this.#answers.has(response)) this.begins(response);
    return this.#answers.get(response).article;
  }
}

function cited(sources) {
  const line = element("p", "sources", "From ");
  [...sources].forEach((source, index) => line.append(index ? ", " : "", element("cite", "", source)));
  return line;
}

const words = (name) => name.replaceAll("_", " ");
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

function object(given) {
  try {
    const value = JSON.parse(given || "{}");
    return value && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function brief(given, most = 80) {
  const fields = object(given);
  const line = (fields ? Object.values(fields).join(", ") : (given ?? "")).replaceAll(/\s+/g, " ").trim();
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

function readable(given) {
  const fields = object(given);
  if (!fields) return given ?? "";
  return Object.entries(fields)
    .map(([name, value]) => `${words(name)}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("\n");
}

function paragraph(text) {
  const node = element("p", "text", text);
  node.dir = "auto";
  return node;
}

function element(name, className, ...children) {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

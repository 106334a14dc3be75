// One line that tells the person what is the matter. The box is a polite live region; errors are alerts in it.

export class Notices {
  #box;
  #timer = 0;
  #topic = null;

  constructor(box) {
    this.#box = box;
  }

  get shown() {
    return this.#box.childElementCount > 0;
  }

  /**
   * Show a text in place of what was shown. `kind` is "news", "trouble" or "error"; `action` is `{ label, run }`;
   * news goes by itself after `seconds`.
   */
  show(text, { kind = "news", topic = null, action = null, seconds = 0 } = {}) {
    clearTimeout(this.#timer);
    this.#topic = topic;
    const line = document.createElement("p");
    if (kind === "error") line.setAttribute("role", "alert");
    line.textContent = text;
    this.#box.replaceChildren(line);
    if (action) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = action.label;
      button.onclick = () => {
        this.clear();
        action.run();
      };
      this.#box.append(button);
    }
    this.#box.dataset.kind = kind;
    if (seconds) this.#timer = setTimeout(() => this.clear(), seconds * 1000);
  }

  /** Take down what is shown, if it is about this topic. */
  clear(topic = this.#topic) {
    if (topic !== this.#topic) return;
    clearTimeout(this.#timer);
    this.#box.replaceChildren();
    this.#topic = null;
  }
}

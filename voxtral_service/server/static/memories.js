// The panel of memories: the switch, and the list with what can be done to each.

import { saveFile } from "./download.js";

const HELP = {
  off: "Off: nothing you say is kept for later conversations.",
  on: "What you ask to be remembered is kept on this server, and used in answers.",
};

export class MemoryPanel {
  #knowledge;
  #notices;
  #$;
  #last = null;

  /** `$` finds an element by its id. */
  constructor($, knowledge, notices) {
    [this.#$, this.#knowledge, this.#notices] = [$, knowledge, notices];
    $("remember").onchange = ({ target }) => this.#try(() => this.#enable(target.checked), () => this.load());
    $("more-memories").onclick = () => this.#try(() => this.#more());
    $("export-memories").onclick = () => this.#try(() => this.#export());
    $("wipe-memories").onclick = () => this.#ask();
  }

  /** Show what there is; hides itself at a server that keeps nothing. */
  async load() {
    await this.#try(async () => {
      const enabled = await this.#knowledge.enabled();
      this.#$("memories").classList.toggle("absent", enabled === null);
      if (enabled === null) return;
      this.#show(enabled);
      await this.refresh();
    });
  }

  async refresh() {
    const page = await this.#knowledge.memories();
    this.#$("memory-list").replaceChildren(); // now, for two of these may be under way
    this.#add(page);
  }

  #show(enabled) {
    this.#$("remember").checked = enabled;
    this.#$("memories-help").textContent = enabled ? HELP.on : HELP.off;
  }

  async #enable(enabled) {
    await this.#knowledge.enable(enabled);
    this.#show(enabled);
  }

  async #more() {
    this.#add(await this.#knowledge.memories(this.#last));
  }

  #add(page) {
    this.#last = page.last_id;
    this.#$("memory-list").append(...page.data.map((memory) => this.#item(memory)));
    this.#$("more-memories").hidden = !page.has_more;
    this.#refreshButtons();
  }

  #refreshButtons() {
    this.#$("memory-buttons").hidden = !this.#$("memory-list").childElementCount;
  }

  #item(memory) {
    const item = document.createElement("li");
    const text = document.createElement("span");
    text.className = "thing";
    text.textContent = memory.text;
    if (memory.source) text.title = `You said: ${memory.source}`;
    const when = document.createElement("time");
    const date = new Date(memory.created_at * 1000);
    when.dateTime = date.toISOString();
    when.textContent = date.toLocaleDateString(undefined, { day: "numeric", month: "short" });
    text.append(" ", when);
    const edit = button("✎", `Edit: ${memory.text}`, () => this.#edit(item, memory));
    const remove = button("✕", `Forget: ${memory.text}`, () =>
      this.#try(async () => {
        await this.#knowledge.removeMemory(memory.id);
        item.remove();
        this.#refreshButtons();
      }),
    );
    item.append(text, edit, remove);
    return item;
  }

  #edit(item, memory) {
    const form = document.createElement("form");
    const input = document.createElement("input");
    input.value = memory.text;
    input.maxLength = 500;
    input.required = true;
    input.setAttribute("aria-label", "What is to be remembered");
    form.className = "row";
    form.append(input, button("✓", "Save", () => form.requestSubmit()));
    form.onsubmit = (event) => {
      event.preventDefault();
      this.#try(async () => form.replaceWith(this.#item(await this.#knowledge.editMemory(memory.id, input.value))));
    };
    input.onkeydown = (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      form.replaceWith(this.#item(memory));
    };
    item.replaceWith(form);
    input.focus();
  }

  async #export() {
    const kept = await this.#knowledge.exportMemories();
    saveFile("memories.json", `${JSON.stringify(kept, null, 1)}\n`, "application/json");
  }

  #ask() {
    const run = () =>
      this.#try(async () => {
        const { deleted } = await this.#knowledge.wipeMemories();
        await this.refresh();
        this.#notices.show(`Forgotten: ${deleted}.`, { seconds: 5 });
      });
    const action = { label: "Forget them", run };
    this.#notices.show("All memories will be gone for good.", { kind: "trouble", seconds: 15, action });
  }

  async #try(act, otherwise = () => {}) {
    try {
      await act();
    } catch (error) {
      this.#notices.show(error.message, { kind: "error", seconds: 10 });
      await otherwise();
    }
  }
}

export function button(text, label, run) {
  const node = document.createElement("button");
  node.type = "button";
  node.className = "small";
  node.textContent = text;
  node.setAttribute("aria-label", label);
  node.title = label;
  node.onclick = run;
  return node;
}

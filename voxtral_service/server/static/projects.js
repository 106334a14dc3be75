// The panel of documents: projects, what is in the chosen one, and uploads on their way.

import { button } from "./memories.js";

const NEW = "new";

export class DocumentPanel {
  #knowledge;
  #notices;
  #$;
  #project;
  #chosen;

  /**
   * `$` finds an element by its id; `project` is the one that was chosen last, and `chosen(project)` is told of another.
   * None is an empty text.
   */
  constructor($, knowledge, notices, { project, chosen }) {
    [this.#$, this.#knowledge, this.#notices] = [$, knowledge, notices];
    [this.#project, this.#chosen] = [project, chosen];
    $("project").onchange = ({ target }) => this.#choose(target.value);
    $("project-form").onsubmit = (event) => {
      event.preventDefault();
      this.#try(() => this.#create($("project-name").value.trim()));
    };
    $("remove-project").onclick = () => this.#askToRemove();
    $("upload").onchange = ({ target }) => {
      this.#take([...target.files]);
      target.value = "";
    };
    for (const kind of ["dragover", "dragleave", "drop"]) {
      $("drop").addEventListener(kind, (event) => {
        event.preventDefault();
        $("drop").classList.toggle("over", kind === "dragover");
        if (kind === "drop") this.#take([...event.dataTransfer.files]);
      });
    }
  }

  /** Show what there is; hides itself at a server that keeps nothing. */
  async load() {
    await this.#try(async () => {
      const absent = (await this.#knowledge.enabled()) === null;
      this.#$("documents").classList.toggle("absent", absent);
      if (!absent) await this.#list();
    });
  }

  async #list(chosen = this.#project) {
    const projects = await this.#knowledge.projects();
    const options = projects.map(({ id, name }) => new Option(name, id));
    this.#$("project").replaceChildren(new Option("No project", ""), ...options, new Option("New project…", NEW));
    const known = projects.some(({ id }) => id === chosen);
    await this.#choose(known ? chosen : "");
  }

  async #choose(id) {
    const making = id === NEW;
    const project = making ? "" : id;
    this.#$("project").value = id;
    this.#$("project-form").hidden = !making;
    this.#$("remove-project").hidden = this.#$("drop").hidden = !project;
    this.#$("document-list").replaceChildren();
    if (making) this.#$("project-name").focus();
    if (project !== this.#project) this.#chosen(project);
    this.#project = project;
    if (project) await this.#try(() => this.#refresh());
  }

  async #refresh() {
    const project = this.#project;
    const documents = await this.#knowledge.documents(project);
    if (project !== this.#project) return; // another was chosen meanwhile
    this.#$("document-list").replaceChildren(...documents.map((one) => this.#item(project, one)));
  }

  async #create(name) {
    const made = await this.#knowledge.createProject(name);
    this.#$("project-name").value = "";
    await this.#list(made.id);
  }

  #item(project, { id, name, pages, paged }) {
    const item = document.createElement("li");
    const text = document.createElement("span");
    text.className = "thing";
    text.textContent = name;
    const size = document.createElement("small");
    size.textContent = ` ${pages} ${paged ? "page" : "part"}${pages === 1 ? "" : "s"}`;
    text.append(size);
    const remove = button("✕", `Delete: ${name}`, () =>
      this.#try(async () => {
        await this.#knowledge.removeDocument(project, id);
        item.remove();
      }),
    );
    item.append(text, remove);
    return item;
  }

  #askToRemove() {
    const project = this.#project;
    const name = this.#$("project").selectedOptions[0]?.text;
    const run = () =>
      this.#try(async () => {
        await this.#knowledge.removeProject(project);
        await this.#list();
      });
    const action = { label: "Delete it", run };
    this.#notices.show(`“${name}” and all documents in it will be gone.`, { kind: "trouble", seconds: 15, action });
  }

  /** Send files, one after the other. */
  async #take(files) {
    for (const file of files) await this.#send(this.#project, file);
  }

  async #send(project, file) {
    const item = document.createElement("li");
    const name = document.createElement("span");
    name.className = "thing";
    name.textContent = file.name;
    const bar = document.createElement("progress");
    bar.setAttribute("aria-label", `Sending ${file.name}`);
    bar.value = 0;
    item.append(name, bar);
    this.#$("uploads").append(item);
    try {
      await this.#knowledge.upload(project, file, (part) => {
        if (part < 1) bar.value = part;
        else bar.removeAttribute("value"); // it is being read, nobody knows for how long
      });
      item.remove();
      if (project === this.#project) await this.#refresh();
    } catch (error) {
      bar.remove();
      item.classList.add("failure");
      name.textContent = `${file.name}: ${error.message}`;
      item.append(button("✕", "Put away", () => item.remove()));
    }
  }

  async #try(act) {
    try {
      await act();
    } catch (error) {
      this.#notices.show(error.message, { kind: "error", seconds: 10 });
    }
  }
}

// What the server keeps for a person, over plain HTTP: memories, projects and their documents.

import { address, errorMessage } from "./server.js";

/** The server answered that it cannot; the message is for the person. `status` is HTTP's. */
export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

export class Knowledge {
  #key;

  /** `key` gives the API key, or an empty text. */
  constructor(key) {
    this.#key = key;
  }

  /** Whether anything is remembered; null at a server that keeps nothing. */
  async enabled() {
    try {
      return (await this.#ask("GET", "v1/memories/settings")).enabled;
    } catch (error) {
      if (error.status === 404 || error.status === 401) return null;
      throw error;
    }
  }

  enable = (enabled) => this.#ask("PUT", "v1/memories/settings", { enabled });
  memories = (after) => this.#ask("GET", `v1/memories?limit=20${after ? `&after=${encodeURIComponent(after)}` : ""}`);
  editMemory = (id, text) => this.#ask("PATCH", `v1/memories/${id}`, { text });
  removeMemory = (id) => this.#ask("DELETE", `v1/memories/${id}`);
  exportMemories = () => this.#ask("GET", "v1/memories/export");
  wipeMemories = () => this.#ask("DELETE", "v1/memories");

  projects = async () => (await this.#ask("GET", "v1/projects")).data;
  createProject = (name) => this.#ask("POST", "v1/projects", { name });
  removeProject = (id) => this.#ask("DELETE", `v1/projects/${id}`);
  documents = async (project) => (await this.#ask("GET", `v1/projects/${project}/documents`)).data;
  removeDocument = (project, id) => this.#ask("DELETE", `v1/projects/${project}/documents/${id}`);

  /** Send a file; `progress` is told the part that has been sent, 0 to 1. Gives the document. */
  upload(project, file, progress) {
    const form = new FormData();
    form.append("file", file, file.name);
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest(); // fetch tells no progress
      request.open("POST", address(`v1/projects/${project}/documents`));
      for (const [name, value] of Object.entries(this.#headers())) request.setRequestHeader(name, value);
      request.responseType = "json";
      request.upload.onprogress = ({ loaded, total }) => progress(total ? loaded / total : 0);
      request.onerror = () => reject(new Refused("The connection was lost.", 0));
      request.onload = () => {
        if (request.status < 400) return resolve(request.response);
        const told = request.response?.error?.message;
        reject(new Refused(told ?? `The server answered ${request.status}.`, request.status));
      };
      request.send(form);
    });
  }

  async #ask(method, path, body) {
    const headers = { ...this.#headers(), ...(body && { "Content-Type": "application/json" }) };
    let response;
    try {
      response = await fetch(address(path), { method, headers, body: body && JSON.stringify(body) });
    } catch {
      throw new Refused("The server cannot be reached.", 0);
    }
    if (!response.ok) throw new Refused(await errorMessage(response), response.status);
    return response.json();
  }

  #headers() {
    const key = this.#key();
    return key ? { Authorization: `Bearer ${key}` } : {};
  }
}

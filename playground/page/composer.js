/** Where people write: Enter sends, `/` offers the app's commands, the bolt its shortcuts. */

import { el, icon } from "./dom.js";
import { openMenu } from "./menu.js";

const drafts = new Map();
const picked = new Map(); // files that wait to be sent, by conversation

export class Composer {
  #key = "";
  #commands = [];
  #active = 0;

  /** @param use {label, also, commands: () => [...], shortcuts: () => [...], send(text, also, files) → promise of {problem?}, upload(file) → promise of {file} or {problem}, shortcut(it)} */
  constructor(use) {
    this.use = use;
    this.input = el("textarea", { class: "composer-input", rows: 1, dir: "auto", "aria-label": use.label, "aria-autocomplete": "list",
      on: { input: () => this.#typed(), keydown: (event) => this.#key_(event), blur: () => this.#offer([]) } });
    this.list = el("ul", { class: "options commands", role: "listbox", "aria-label": "Commands", hidden: true });
    this.problem = el("p", { class: "composer-problem", role: "alert", hidden: true });
    this.bolt = use.shortcut ? el("button", { type: "button", class: "icon-button", "aria-label": "Shortcuts", title: "Shortcuts", "aria-haspopup": "menu",
      on: { click: () => openMenu(this.bolt, "Shortcuts", use.shortcuts().map((shortcut) => ({
        label: shortcut.name, note: shortcut.description, lead: icon("bolt", 16), choose: () => use.shortcut(shortcut) }))) } }, icon("bolt")) : null;
    this.button = el("button", { type: "button", class: "icon-button send", "aria-label": "Send", title: "Send (Enter)", on: { click: () => this.#send() } }, icon("send"));
    this.also = use.also ? el("input", { type: "checkbox" }) : null;
    this.alsoText = el("span", {});
    this.alsoLine = use.also ? el("label", { class: "also" }, this.also, this.alsoText) : null;
    this.chooser = el("input", { type: "file", multiple: true, hidden: true, on: { change: () => this.#pick() } });
    this.clip = el("button", { type: "button", class: "icon-button", "aria-label": "Attach files", title: "Attach files", on: { click: () => this.chooser.click() } }, icon("file", 18));
    this.files = el("div", { class: "composer-files" });
    this.node = el("div", { class: "composer" }, this.list, this.problem, this.files,
      el("div", { class: "composer-box" }, this.bolt, this.clip, this.input, this.button), this.chooser, this.alsoLine);
  }

  /** Go to another conversation; what was being typed there is still there. */
  go(key, placeholder, also = "") {
    this.input.placeholder = placeholder;
    this.alsoText.textContent = also;
    if (this.alsoLine) this.alsoLine.hidden = !also;
    if (key === this.#key) return;
    this.#key = key;
    if (this.also) this.also.checked = false;
    this.fill(drafts.get(key) ?? "", false);
    this.say("");
  }

  fill(text, focus = true) {
    this.input.value = text;
    this.#typed();
    if (!focus) return this.#offer([]);
    this.input.focus();
    this.#offer([]);
    return this.input.setSelectionRange(text.length, text.length);
  }

  say(problem) {
    this.problem.hidden = !problem;
    this.problem.textContent = problem ?? "";
  }

  #typed() {
    const { value } = this.input;
    drafts.set(this.#key, value);
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, 160)}px`;
    this.button.disabled = !value.trim() && !this.#files().length;
    this.files.replaceChildren(...this.#files().map((file) => el("button", { type: "button", class: "file", title: `Remove ${file.name}`,
      on: { click: () => { picked.set(this.#key, this.#files().filter(({ id }) => id !== file.id)); this.#typed(); } } }, icon("file", 14), file.name, icon("close", 12))));
    const begun = /^\/\S*$/.test(value) ? this.use.commands().filter(({ command }) => command.startsWith(value)) : [];
    this.#offer(begun);
  }

  #files() { return picked.get(this.#key) ?? []; }

  async #pick() {
    const key = this.#key;
    const chosen = [...this.chooser.files];
    this.chooser.value = "";
    const answers = await Promise.all(chosen.map(this.use.upload));
    picked.set(key, [...(picked.get(key) ?? []), ...answers.flatMap(({ file }) => file ?? [])]);
    this.say(answers.find(({ problem }) => problem)?.problem ?? "");
    this.#typed();
    this.input.focus();
  }

  #offer(commands) {
    this.#commands = commands;
    this.#active = 0;
    this.list.hidden = !commands.length;
    this.list.replaceChildren(...commands.map((command, index) => el("li", {
      class: index ? "option" : "option active", role: "option", "aria-selected": String(index === 0),
      on: { mousedown: (event) => event.preventDefault(), click: () => this.#complete(command) },
    }, el("span", {}, el("b", { text: command.command }), " ", el("span", { class: "usage", text: command.usage_hint ?? "" })),
    el("small", { text: command.description ?? "" }))));
  }

  #complete({ command }) { this.fill(`${command} `); }

  #key_(event) {
    const { key } = event;
    if (this.#commands.length && (key === "ArrowDown" || key === "ArrowUp")) {
      event.preventDefault();
      this.#active = (this.#active + (key === "ArrowDown" ? 1 : this.#commands.length - 1)) % this.#commands.length;
      [...this.list.children].forEach((node, index) => {
        node.classList.toggle("active", index === this.#active);
        node.setAttribute("aria-selected", String(index === this.#active));
      });
    } else if (this.#commands.length && (key === "Tab" || (key === "Enter" && this.#commands[this.#active].command !== this.input.value))) {
      event.preventDefault();
      this.#complete(this.#commands[this.#active]);
    } else if (this.#commands.length && key === "Escape") {
      event.preventDefault();
      this.#offer([]);
    } else if (key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#send();
    }
  }

  async #send() {
    const text = this.input.value.trim();
    const key = this.#key;
    const files = this.#files();
    if (!text && !files.length) return;
    picked.delete(key);
    this.fill("");
    this.say("");
    const also = Boolean(this.also?.checked);
    if (this.also) this.also.checked = false;
    const { problem } = await this.use.send(text, also, files.map(({ id }) => id));
    if (!problem) return;
    picked.set(key, files);
    if (key === this.#key && !this.input.value) this.fill(text);
    this.say(problem);
  }
}

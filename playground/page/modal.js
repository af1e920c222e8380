/** Modals as Slack draws them: the top view of the stack, live updates, errors under their fields, keyboard, focus. */

import { drawBlock } from "./blocks.js";
import { el, icon, reconcile } from "./dom.js";
import { fillForm } from "./examples.js";
import { Form } from "./form.js";
import { drawText } from "./text.js";

const FIELDS = "input, textarea, select, button.button";

export class Modal {
  #dialog = null;
  #view = null;
  #form = null;
  #back = null; // where the focus was before the modal came
  plan = null; // what an example types into the next form
  #closed = new Set(); // views that the person has closed while the server has not said so yet

  constructor(world, api) {
    Object.assign(this, { world, api });
  }

  /** Show the top of the person's stack of views, or nothing. */
  show(views) {
    const view = views.filter(({ id }) => !this.#closed.has(id)).at(-1);
    if (!view) return this.#hide();
    if (view.id !== this.#view?.id) return this.#open(view);
    if (view.hash !== this.#view.hash) this.#take(view); // `state` changes with each key that we tell of
    return undefined;
  }

  #open(view) {
    this.#back ??= document.activeElement;
    this.#dialog?.remove();
    this.#view = null;
    this.#form = new Form({
      world: this.world,
      act: (block, element, value, enter) => this.#act(block, element, value, enter),
      options: (block, element, query) => this.#options(block, element, query),
      upload: (file) => this.api.upload(file),
      enter: () => this.#submit(),
      changed: (block) => this.#forgive(block),
    });
    this.title = el("h2", { id: "modal-title" });
    this.body = el("div", { class: "modal-body blocks" });
    this.trouble = el("p", { class: "modal-trouble", role: "alert", hidden: true });
    this.foot = el("footer", { class: "modal-foot" });
    this.form = el("form", { class: "modal-form", novalidate: true, on: { submit: (event) => { event.preventDefault(); this.#submit(); } } },
      el("header", { class: "modal-head" }, this.title,
        el("button", { type: "button", class: "icon-button", "aria-label": "Close", on: { click: () => this.#close() } }, icon("close"))),
      this.trouble, this.body, this.foot);
    this.#dialog = el("dialog", { class: "modal", "aria-labelledby": "modal-title", data: { view: view.id },
      on: { cancel: (event) => { if (event.target === this.#dialog) { event.preventDefault(); this.#close(); } } } }, this.form);
    document.body.append(this.#dialog);
    this.#take(view);
    this.#dialog.showModal();
    if (this.plan) fillForm(this.body, this.plan, this.world.state.carrier.picture);
    this.plan = null;
    const wished = view.blocks.find(({ element }) => element?.focus_on_load)?.block_id;
    const start = wished ? this.body.querySelector(`[data-block="${CSS.escape(wished)}"]`) : this.body;
    (start.querySelector("input, textarea") ?? this.foot.querySelector("button"))?.focus();
  }

  #take(view) {
    this.#view = view;
    this.#form.take(view);
    this.title.replaceChildren(drawText(view.title, this.world));
    const submit = view.submit ? el("button", { type: "submit", class: "button primary", data: { focus: "submit" } }, drawText(view.submit, this.world)) : null;
    const close = el("button", { type: "button", class: "button", data: { focus: "close" }, on: { click: () => this.#close() } },
      view.close ? drawText(view.close, this.world) : "Cancel");
    reconcile(this.foot, [close, submit].filter(Boolean).map((button, index) => [String(index), button.textContent, () => button]));
    this.#draw();
  }

  #draw() {
    reconcile(this.body, this.#view.blocks.map((block, index) => [
      block.block_id ?? `${block.type}-${index}`,
      JSON.stringify(block) + this.#form.errorOf(block),
      () => drawBlock(block, this.world, this.#form),
    ]));
  }

  async #submit() {
    if (this.form.hasAttribute("aria-busy")) return;
    const own = this.#form.ownErrors();
    if (Object.keys(own).length) return this.#complain(own);
    this.#busy(true);
    const asked = this.#view.id;
    await this.#form.settled();
    const answer = await this.api.submit(asked, this.#form.state());
    if (this.#view?.id !== asked) return;
    this.#busy(false);
    this.#say(answer.problem);
    if (answer.errors) this.#complain(answer.errors);
  }

  #complain(errors) {
    this.#form.errors = errors;
    this.#draw();
    const first = this.#view.blocks.find(({ block_id: id }) => errors[id]);
    const field = this.body.querySelector(`[data-block="${CSS.escape(first?.block_id ?? "")}"]`);
    (field?.querySelector("input:checked") ?? field?.querySelector(FIELDS))?.focus();
    field?.scrollIntoView({ block: "nearest" });
  }

  /** An error goes when its field is changed; the field itself is not drawn again, somebody is typing in it. */
  #forgive(block) {
    if (!this.#form.errorOf(block)) return;
    this.#form.errors = Object.fromEntries(this.#view.blocks.flatMap((other) =>
      (other !== block && other.block_id !== block.block_id && this.#form.errorOf(other) ? [[other.block_id, this.#form.errorOf(other)]] : [])));
    const field = this.body.querySelector(`[data-block="${CSS.escape(block.block_id)}"]`);
    field.classList.remove("has-error");
    field.querySelector(".field-error")?.remove();
    field.querySelector("[aria-invalid]")?.removeAttribute("aria-invalid");
    field.signature = JSON.stringify(block);
  }

  async #act(block, element, value, enter) {
    if (!this.#view) return;
    const answer = await this.api.act(this.#view.id, block.block_id, element.action_id, value, this.#form.state(), enter);
    if (this.#view) this.#say(answer.problem);
  }

  async #options(block, element, query) {
    const answer = await this.api.options(this.#view.id, block.block_id, element.action_id, query);
    return answer.problem ?? answer;
  }

  async #close() {
    const { id } = this.#view;
    this.#closed.add(id);
    this.#hide();
    await this.api.close(id);
  }

  #say(problem) {
    this.trouble.hidden = !problem;
    this.trouble.textContent = problem ?? "";
  }

  #busy(busy) {
    this.form.toggleAttribute("aria-busy", busy);
    for (const button of this.foot.querySelectorAll("button[type=submit]")) button.disabled = busy;
  }

  #hide() {
    if (!this.#dialog) return;
    this.#dialog.close();
    this.#dialog.remove();
    this.#dialog = this.#view = this.#form = null;
    this.#back?.focus?.();
    this.#back = null;
  }
}

/** What is typed in one view: values by block and action, errors under their fields, live updates to the app. */

import { el, icon } from "./dom.js";
import { drawElement, isEmpty } from "./elements.js";
import { drawText } from "./text.js";

const PAUSE = 150; // milliseconds after the last key before the app hears of it; Slack waits a little too

export class Form {
  #values = new Map(); // "block/action" → {block, action, value}
  #errors = {};
  #timer = 0;
  #acting = Promise.resolve();

  /** @param act (block, element, value, enter) → promise; @param options (block, element, query) → promise; @param upload (file) → promise. */
  constructor({ world, act, options, upload, enter, changed }) {
    Object.assign(this, { world, act, options, upload, enter, changed });
  }

  /** Keep what was typed where block and action are still the same, forget the rest, start what is new. */
  take(view) {
    const kept = new Map();
    for (const [block, element] of valued(view)) {
      const key = `${block.block_id}/${element.action_id}`;
      const before = this.#values.get(key);
      const value = view.state.values[block.block_id][element.action_id];
      kept.set(key, before?.value.type === element.type ? before : { block: block.block_id, action: element.action_id, value });
    }
    this.#values = kept;
    this.view = view;
  }

  /** view.state.values. */
  state() {
    const values = {};
    for (const { block, action, value } of this.#values.values()) (values[block] ??= {})[action] = value;
    return values;
  }

  /** What Slack itself refuses before the app is asked: required inputs left empty, and texts that are too long. */
  ownErrors() {
    const errors = {};
    for (const block of this.view.blocks.filter(({ type }) => type === "input")) {
      const { element } = block;
      const value = this.#values.get(`${block.block_id}/${element.action_id}`).value;
      const length = [...(value.value ?? "")].length;
      if (!block.optional && isEmpty(value)) errors[block.block_id] = "Please complete this required field.";
      else if (element.max_length && length > element.max_length)
        errors[block.block_id] = `This entry must be no longer than ${element.max_length} characters; it has ${length}.`;
    }
    return errors;
  }

  set errors(errors) { this.#errors = errors; }

  /** Changes when the block must be drawn again though its JSON is the same. */
  errorOf(block) { return this.#errors[block.block_id] ?? ""; }

  /** An input block. */
  field(block) {
    const { element, label, hint, optional } = block;
    const id = `field-${block.block_id}`;
    const error = this.errorOf(block);
    const group = element.type === "radio_buttons" || element.type === "checkboxes";
    const described = [error && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(" ") || null;
    return el("div", { class: error ? "block input has-error" : "block input", data: { block: block.block_id } },
      el("label", { class: "field-label", for: group ? null : id }, drawText(label, this.world),
        optional ? el("span", { class: "optional", text: " (optional)" }) : null),
      drawElement(element, this.#use(block, element, { id, label: label.text, describedBy: described, invalid: Boolean(error), live: block.dispatch_action })),
      error ? el("p", { class: "field-error", id: `${id}-error` }, icon("warn", 15), el("span", { dir: "auto", text: error })) : null,
      hint ? el("p", { class: "field-hint", id: `${id}-hint` }, drawText(hint, this.world)) : null);
  }

  /** An element that stands in an actions block or beside a section. */
  loose(block, element) {
    return drawElement(element, this.#use(block, element, { label: element.placeholder?.text ?? block.text?.text, live: true }));
  }

  press = (block, element, value) => this.#tell(block, element, value, false);

  /** Resolves when nothing is being told any more; what was typed just now is not told, only submitted. */
  async settled() {
    clearTimeout(this.#timer);
    await this.#acting;
  }

  #use(block, element, { id, label, describedBy, invalid, live }) {
    const key = `${block.block_id}/${element.action_id}`;
    const triggers = element.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
    return {
      world: this.world, id, label, describedBy, invalid, focus: key, value: this.#values.get(key)?.value,
      options: (query) => this.options(block, element, query),
      upload: (file) => this.upload(file),
      change: (value, typing) => {
        this.#values.get(key).value = value;
        this.changed(block);
        if (!live || (typing === "character" && !triggers.includes("on_character_entered"))) return;
        clearTimeout(this.#timer);
        if (typing) this.#timer = setTimeout(() => this.#tell(block, element, value, false), PAUSE);
        else this.#tell(block, element, value, false);
      },
      enter: (event, which, input) => {
        if (which.multiline && !(event.metaKey || event.ctrlKey)) return;
        event.preventDefault();
        if (live && triggers.includes("on_enter_pressed") && !which.multiline)
          this.#tell(block, which, { type: which.type, value: input.value || null }, true);
        else this.enter();
      },
    };
  }

  /** One after the other, so that the app hears of keys in their order. */
  #tell(block, element, value, enter) {
    this.#acting = this.#acting.then(() => this.act(block, element, value, enter));
    return this.#acting;
  }
}

const VALUED = new Set(["plain_text_input", "static_select", "external_select", "conversations_select", "radio_buttons", "checkboxes", "file_input"]);

function* valued(view) {
  for (const block of view.blocks) {
    const elements = [block.element, block.accessory, ...(block.type === "actions" ? block.elements : [])];
    for (const element of elements) if (element && VALUED.has(element.type)) yield [block, element];
  }
}

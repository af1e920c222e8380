/** The strip that drives the pretend CarrierX and Slack: what becomes of texts, what is told of answers, how Slack answers. */

import { el, reconcile } from "./dom.js";

const PANELS = [["out", "Sending"], ["in", "Receiving"], ["slack", "Slack"]];

export class Strip {
  #shown = "out";

  /** @param drive sends {mode, …}, {way}, {other_ids} or {weather}. */
  constructor(drive) {
    this.drive = drive;
    this.tabs = new Map(PANELS.map(([name, label]) => [name, el("button", {
      type: "button", role: "tab", class: "strip-tab", id: `strip-${name}`, "aria-controls": `panel-${name}`,
      on: { click: () => this.#show(name), keydown: (event) => this.#step(event) },
    }, label, el("span", { class: "strip-dot", role: "img", "aria-label": "not as usual", hidden: true }))]));
    this.modes = new Choices("mode", "What CarrierX does with the next texts", (name) => drive({ mode: name }));
    this.ways = new Choices("way", "How CarrierX tells of texts from phones", (name) => drive({ way: name }));
    this.weathers = new Choices("weather", "How Slack answers the bot", (name) => drive({ weather: name }));
    this.more = el("div", { class: "strip-more" });
    this.ids = el("input", { type: "checkbox", on: { change: () => drive({ other_ids: this.ids.checked }) } });
    const ids = el("label", { class: "strip-check" }, this.ids, "Its records have other ids than its texts");
    const panel = (name, ...parts) => el("div", { id: `panel-${name}`, role: "tabpanel", "aria-labelledby": `strip-${name}` }, parts);
    this.panels = new Map([
      ["out", panel("out", this.modes.node, this.more)],
      ["in", panel("in", this.ways.node, ids)],
      ["slack", panel("slack", this.weathers.node)],
    ]);
    this.node = el("section", { class: "strip", "aria-label": "What goes wrong" },
      el("div", { class: "strip-tabs", role: "tablist", "aria-label": "What goes wrong" }, [...this.tabs.values()]), [...this.panels.values()]);
    this.#show(this.#shown);
  }

  draw({ mode, modes, reason, reasons, held, way, ways, other_ids: otherIds, weather, weathers }) {
    this.modes.draw(mode, modes);
    this.ways.draw(way, ways);
    this.weathers.draw(weather, weathers);
    this.ids.checked = otherIds;
    const odd = { out: mode !== modes[0].name, in: way !== ways[0].name || otherIds, slack: weather !== weathers[0].name };
    for (const [name, tab] of this.tabs) tab.lastElementChild.hidden = !odd[name];
    const more = [];
    if (mode === "fail") more.push(["reason", reason, () => this.#drawReasons(reason, reasons)]);
    if (held) more.push(["held", String(held), () => el("button", { type: "button", class: "button", data: { focus: "deliver" },
      on: { click: () => this.drive({ deliver: true }) } }, held === 1 ? "Deliver the waiting text now" : `Deliver ${held} waiting texts now`)]);
    this.more.hidden = !more.length;
    reconcile(this.more, more);
  }

  #show(name) {
    this.#shown = name;
    for (const [each, tab] of this.tabs) {
      tab.setAttribute("aria-selected", String(each === name));
      tab.tabIndex = each === name ? 0 : -1;
      this.panels.get(each).hidden = each !== name;
    }
  }

  #step(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const names = PANELS.map(([name]) => name);
    const next = names[(names.indexOf(this.#shown) + step + names.length) % names.length];
    this.#show(next);
    this.tabs.get(next).focus();
    event.preventDefault();
    event.stopPropagation();
  }

  #drawReasons(reason, reasons) {
    const select = el("select", { data: { focus: "reason" }, on: { change: () => this.drive({ mode: "fail", reason: select.value }) } },
      reasons.map(({ name, label }) => el("option", { value: name, text: label })));
    select.value = reason;
    return el("label", {}, "Reason", select);
  }
}

/** Radio buttons of which the first is how it should be, and a sentence on the one that is on. */
class Choices {
  constructor(name, legend, choose) {
    Object.assign(this, { name, choose });
    this.buttons = el("div", { class: `modes ${name}s` });
    this.note = el("p", { class: "strip-note", "aria-live": "polite" });
    this.node = el("div", {}, el("fieldset", {}, el("legend", { text: legend }), this.buttons), this.note);
  }

  draw(chosen, choices) {
    reconcile(this.buttons, choices.map((one, index) => [one.name, JSON.stringify([one, one.name === chosen]), () => this.#drawOne(one, one.name === chosen, index === 0)]));
    this.note.textContent = choices.find(({ name }) => name === chosen)?.note ?? "";
  }

  #drawOne({ name, label, note }, checked, well) {
    const input = el("input", { type: "radio", name: this.name, value: name, data: { focus: name }, on: { change: () => this.choose(name) } });
    input.checked = checked;
    return el("label", { class: well ? "mode" : "mode bad", title: note }, input, el("span", { text: label }));
  }
}

/** The strip that drives the pretend CarrierX. */

import { el, reconcile } from "./dom.js";

export class Strip {
  /** @param drive sends {mode, …} to the carrier. */
  constructor(drive) {
    this.drive = drive;
    this.modes = el("div", { class: "modes" });
    this.note = el("p", { class: "strip-note", "aria-live": "polite" });
    this.more = el("div", { class: "strip-more" });
    this.node = el("section", { class: "strip", "aria-label": "What CarrierX does" },
      el("fieldset", {}, el("legend", { text: "What it does with the next texts" }), this.modes), this.note, this.more);
  }

  draw({ mode, modes, reason, reasons, held }) {
    reconcile(this.modes, modes.map((one) => [one.name, JSON.stringify([one, one.name === mode]), () => this.#drawMode(one, one.name === mode)]));
    this.note.textContent = modes.find(({ name }) => name === mode)?.note ?? "";
    const more = [];
    if (mode === "fail") more.push(["reason", reason, () => this.#drawReasons(reason, reasons)]);
    if (held) more.push(["held", String(held), () => el("button", { type: "button", class: "button", data: { focus: "deliver" },
      on: { click: () => this.drive({ deliver: true }) } }, held === 1 ? "Deliver the waiting text now" : `Deliver ${held} waiting texts now`)]);
    this.more.hidden = !more.length;
    reconcile(this.more, more);
  }

  #drawMode({ name, label, note }, checked) {
    const input = el("input", { type: "radio", name: "mode", value: name, data: { focus: name }, on: { change: () => this.drive({ mode: name }) } });
    input.checked = checked;
    return el("label", { class: name === "deliver" ? "mode" : "mode bad", title: note }, input, el("span", { text: label }));
  }

  #drawReasons(reason, reasons) {
    const select = el("select", { data: { focus: "reason" }, on: { change: () => this.drive({ mode: "fail", reason: select.value }) } },
      reasons.map(({ name, label }) => el("option", { value: name, text: label })));
    select.value = reason;
    return el("label", {}, "Reason", select);
  }
}

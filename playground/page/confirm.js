/** Slack's small question before a button does what it says. */

import { el } from "./dom.js";
import { drawText } from "./text.js";

/** Ask; true when the person says yes. */
export function confirmed(element, world) {
  const { title, text, confirm, deny, style } = element.confirm;
  return new Promise((resolve) => {
    const finish = (answer) => { dialog.close(); dialog.remove(); resolve(answer); };
    const dialog = el("dialog", { class: "modal confirm", "aria-labelledby": "confirm-title", on: { cancel: () => finish(false) } },
      el("header", { class: "modal-head" }, el("h2", { id: "confirm-title" }, drawText(title, world))),
      el("div", { class: "modal-body" }, drawText(text, world)),
      el("footer", { class: "modal-foot" },
        el("button", { type: "button", class: "button", on: { click: () => finish(false) } }, drawText(deny, world)),
        el("button", { type: "button", class: `button ${style === "danger" ? "danger" : "primary"}`, autofocus: true, on: { click: () => finish(true) } },
          drawText(confirm, world))));
    document.body.append(dialog);
    dialog.showModal();
  });
}

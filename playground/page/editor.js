/** The box in which one's own message is edited: Enter saves, Escape leaves it as it was. */

import { el } from "./dom.js";

/** @param done called with the new text, or with null when nothing shall change. */
export function drawEditor(message, world, done) {
  const finish = (text) => { world.editing = { ts: "", text: "" }; done(text); };
  const save = () => { if (box.value.trim()) finish(box.value.trim()); };
  const grow = () => { box.style.height = "auto"; box.style.height = `${Math.min(box.scrollHeight, 160)}px`; };
  const box = el("textarea", {
    class: "composer-input", rows: 1, dir: "auto", "aria-label": "Edit message", data: { focus: `edit ${message.ts}` },
    on: {
      input: () => { world.editing.text = box.value; grow(); },
      keydown: (event) => {
        if (event.key === "Escape") finish(null);
        else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) save();
        else return;
        event.preventDefault();
        event.stopPropagation();
      },
    },
  });
  box.value = world.editing.text;
  requestAnimationFrame(grow);
  return el("div", { class: "editor" }, el("div", { class: "composer-box" }, box), el("div", { class: "editor-foot" },
    el("button", { type: "button", class: "button", on: { click: () => finish(null) } }, "Cancel"),
    el("button", { type: "button", class: "button primary", on: { click: save } }, "Save")));
}

/** A message's text as it was typed: `@ben` instead of `<@U0BEN>`. */
export function typedOf(text, world) {
  return text.replace(/<([^<>\n]+)>/g, (whole, inner) => {
    const [target, label] = inner.split(/\|(.*)/s);
    if (target.startsWith("@")) return `@${world.user(target.slice(1))?.name ?? target.slice(1)}`;
    if (target.startsWith("#")) return `#${label || target.slice(1)}`;
    if (target.startsWith("!")) return `@${target.slice(1)}`;
    return label || target.replace(/^(mailto|tel):/, "");
  }).replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
}

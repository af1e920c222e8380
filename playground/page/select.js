/** A select that can be searched, as a combobox with a list (WAI-ARIA 1.2): arrows, Enter, Escape, typing. */

import { el, icon } from "./dom.js";

const PAUSE = 200; // milliseconds after the last key before options are asked for

let count = 0;

/**
 * @param use.id, use.describedBy, use.invalid: for the input element and its label.
 * @param use.label: what a screen reader calls the list.
 * @param use.selected: {label, value} or null.
 * @param use.load: query → promise of groups [{label, options: [{label, description, value, raw}]}], or a sentence.
 * @param use.remote: ask `load` after a pause instead of at each key.
 * @param use.choose: called with the chosen option.
 */
export function drawSelect(use) {
  const listId = `options-${++count}`;
  let selected = use.selected, options = [], active = -1, asked = 0, timer = 0;
  const input = el("input", {
    id: use.id, class: "select-input", type: "text", role: "combobox", autocomplete: "off", spellcheck: "false",
    "aria-expanded": "false", "aria-controls": listId, "aria-autocomplete": "list", "aria-haspopup": "listbox",
    "aria-describedby": use.describedBy, "aria-invalid": use.invalid ? "true" : null, "aria-label": use.ariaLabel,
    placeholder: use.placeholder || "Choose an option", data: { focus: use.focus },
  });
  const list = el("ul", { id: listId, class: "options", role: "listbox", "aria-label": use.label, popover: "manual" });
  const box = el("div", { class: "select" }, input, icon("down", 14), list);
  input.value = selected?.label ?? "";

  const isOpen = () => input.getAttribute("aria-expanded") === "true";
  const show = () => {
    if (isOpen()) return;
    input.setAttribute("aria-expanded", "true");
    list.showPopover();
    place();
  };
  const hide = () => {
    if (!isOpen()) return;
    asked += 1;
    clearTimeout(timer);
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    if (list.isConnected) list.hidePopover();
    input.value = selected?.label ?? "";
  };
  const place = () => {
    const { left, top, bottom, width } = input.getBoundingClientRect();
    const below = window.innerHeight - bottom - 12;
    const up = below < 180 && top > below;
    list.style.left = `${left}px`;
    list.style.width = `${width}px`;
    list.style.maxHeight = `${Math.min(280, Math.max(120, up ? top - 12 : below))}px`;
    list.style.top = up ? "auto" : `${bottom + 4}px`;
    list.style.bottom = up ? `${window.innerHeight - top + 4}px` : "auto";
  };
  const mark = (index) => {
    active = index;
    [...list.querySelectorAll("[role=option]")].forEach((node, at) => {
      node.classList.toggle("active", at === index);
      if (at === index) {
        input.setAttribute("aria-activedescendant", node.id);
        node.scrollIntoView({ block: "nearest" });
      }
    });
    if (index < 0) input.removeAttribute("aria-activedescendant");
  };
  const choose = (option) => {
    selected = option;
    hide();
    use.choose(option);
  };
  const fill = (found) => {
    if (typeof found === "string") {
      options = [];
      list.replaceChildren(el("li", { class: "option-note", role: "presentation", text: found }));
      return mark(-1);
    }
    options = found.flatMap((group) => group.options);
    let at = -1;
    list.replaceChildren(...found.flatMap((group) => [
      group.label ? el("li", { class: "option-group", role: "presentation", text: group.label }) : null,
      ...group.options.map((option) => {
        at += 1;
        return el("li", {
          id: `${listId}-${at}`, class: "option", role: "option", "aria-selected": String(option.value === selected?.value),
          on: { mousedown: (event) => event.preventDefault(), click: () => choose(option) },
        }, el("span", { text: option.label }), option.description ? el("small", { text: option.description }) : null);
      }),
    ]).filter(Boolean));
    if (!options.length) list.replaceChildren(el("li", { class: "option-note", role: "presentation", text: "No results" }));
    return mark(Math.max(options.length ? 0 : -1, options.findIndex((option) => option.value === selected?.value)));
  };
  const ask = (query) => {
    clearTimeout(timer);
    const mine = ++asked;
    const run = async () => {
      const found = await use.load(query);
      if (mine === asked && isOpen()) fill(found);
    };
    if (!use.remote) return run();
    list.replaceChildren(el("li", { class: "option-note", role: "presentation", text: "Loading…" }));
    timer = setTimeout(run, query ? PAUSE : 0);
    return undefined;
  };
  const open = () => { if (!isOpen()) { show(); ask(""); } };

  input.addEventListener("click", open);
  input.addEventListener("focus", () => input.select());
  input.addEventListener("blur", hide);
  input.addEventListener("input", () => { show(); ask(input.value.trim()); });
  input.addEventListener("keydown", (event) => {
    const { key } = event;
    if (key === "ArrowDown" || key === "ArrowUp") {
      event.preventDefault();
      if (!isOpen()) return open();
      if (options.length) mark((active + (key === "ArrowDown" ? 1 : options.length - 1)) % options.length);
    } else if (key === "Enter" && isOpen()) {
      event.preventDefault();
      if (options[active]) choose(options[active]);
    } else if (key === "Escape" && isOpen()) {
      event.preventDefault();
      event.stopPropagation();
      hide();
    } else if (key === "Tab") hide();
    return undefined;
  });
  return box;
}

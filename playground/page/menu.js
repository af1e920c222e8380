/** Small menus: arrows move, Enter chooses, Escape and a click elsewhere close. */

import { el } from "./dom.js";

/**
 * Open a menu beside a button.
 *
 * @param items [{label, note, choose, checked}]; `checked` true or false makes it a choice between them.
 */
export function openMenu(anchor, label, items) {
  const close = (back) => {
    menu.remove();
    document.removeEventListener("pointerdown", outside, true);
    anchor.setAttribute("aria-expanded", "false");
    if (back) anchor.focus();
  };
  const outside = (event) => { if (!menu.contains(event.target)) close(false); };
  const buttons = items.map(({ label: text, note, choose, checked, lead }) => el("button", {
    type: "button", class: "menu-item", role: checked === undefined ? "menuitem" : "menuitemradio",
    "aria-checked": checked === undefined ? null : String(checked), on: { click: () => { close(true); choose(); } },
  }, lead ?? null, el("span", { class: "menu-text" }, el("span", { text }), note ? el("small", { text: note }) : null)));
  const menu = el("div", { class: "menu", role: "menu", "aria-label": label, popover: "manual", on: {
    keydown: (event) => {
      const at = buttons.indexOf(document.activeElement);
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) buttons[(at + step + buttons.length) % buttons.length].focus();
      else if (event.key === "Escape" || event.key === "Tab") close(true);
      else return;
      event.preventDefault();
    },
  } }, buttons);
  document.body.append(menu);
  menu.showPopover();
  const { left, right, top, bottom } = anchor.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(left, window.innerWidth - width - 8, right))}px`;
  menu.style.top = `${bottom + height + 8 > window.innerHeight ? Math.max(8, top - height - 4) : bottom + 4}px`;
  anchor.setAttribute("aria-expanded", "true");
  document.addEventListener("pointerdown", outside, true);
  (buttons.find((button) => button.getAttribute("aria-checked") === "true") ?? buttons[0])?.focus();
}

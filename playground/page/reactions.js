/** The emoji under a message: who gave them, giving one more, taking one's own back. */

import { el, icon } from "./dom.js";
import { openMenu } from "./menu.js";

/** What the menu offers: the two that the app listens to, and a few that people use. */
const OFFERED = [
  ["outbox_tray", "Send to phone"], ["x", "Stop it"], ["white_check_mark", ""], ["eyes", ""], ["+1", ""], ["heart", ""],
];

/** @param react called with the emoji's name and whether it is given. */
export function drawReactions(message, world, react) {
  if (!message.reactions?.length) return null;
  return el("div", { class: "reactions", role: "group", "aria-label": "Reactions" }, message.reactions.map(({ name, users, count }) => {
    const mine = users.includes(world.me);
    const shown = characterOf(name, world);
    return el("button", {
      type: "button", class: "reaction", "aria-pressed": String(mine), "aria-label": `:${name}:, ${count}`,
      title: `${list(users.map((id) => world.nameOf(id)))} reacted with :${name}:`, data: { focus: `reaction ${message.ts} ${name}` },
      on: { click: () => react(name, !mine) },
    }, el("span", { class: "emoji", text: shown }), el("span", { class: "reaction-count", text: String(count) }));
  }), drawAdd(message, world, react));
}

/** The button that offers emoji. */
export function drawAdd(message, world, react, classes = "reaction add", place = "under") {
  const button = el("button", {
    type: "button", class: classes, "aria-label": "Add reaction", title: "Add reaction", "aria-haspopup": "menu",
    data: { focus: `react ${place} ${message.ts}` },
    on: { click: () => openMenu(button, "Add reaction", OFFERED.map(([name, note]) => {
      const mine = message.reactions?.find((each) => each.name === name)?.users.includes(world.me) ?? false;
      return { label: `:${name}:`, note, lead: el("span", { class: "emoji", "aria-hidden": "true", text: characterOf(name, world) }),
        checked: mine, choose: () => react(name, !mine) };
    })) },
  }, icon("smile", 17));
  return button;
}

function characterOf(name, world) {
  return world.emoji[name] ?? world.emoji[name.split("::")[0]] ?? `:${name}:`;
}

function list(names) {
  return names.length < 2 ? (names[0] ?? "") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

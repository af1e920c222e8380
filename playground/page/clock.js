/** What time it is in the playground, and a menu that moves it on. */

import { el, icon } from "./dom.js";
import { openMenu } from "./menu.js";

const TICK = 5_000; // milliseconds; only minutes are shown

export class Clock {
  /** @param move called with the name of a move. */
  constructor(node, world, move) {
    Object.assign(this, { node, world });
    this.text = el("span", {});
    node.setAttribute("aria-haspopup", "menu");
    node.replaceChildren(icon("clock", 16), this.text);
    node.addEventListener("click", () => openMenu(node, "Move the clock", (world.state?.clock.moves ?? []).map(({ name, label }) => ({
      label, note: noteOf(name), choose: () => move(name) }))));
    setInterval(() => this.draw(), TICK);
  }

  draw() {
    const now = this.world.now();
    const ahead = (this.world.state?.clock.ahead ?? 0) > 0;
    const time = now.toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
    const day = now.toLocaleDateString([], { weekday: "short" });
    this.text.textContent = ahead ? `${day} ${time}` : time;
    this.node.classList.toggle("ahead", ahead);
    this.node.setAttribute("aria-label", `${ahead ? "The clock was moved on to" : "It is"} ${day} ${time}. Move the clock.`);
    this.node.title = "Move the clock";
  }
}

function noteOf(name) {
  return { evening: "Quiet hours have begun", morning: "Quiet hours are over", days: "Threads have grown quiet" }[name] ?? "";
}

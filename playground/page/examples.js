/** What to try: examples that fill the composer. */

import { el } from "./dom.js";

export const EXAMPLES = [
  ["Text a phone", "/sms (212) 555-0123 Running ten minutes late :wave:"],
  ["Open the form", "/sms"],
  ["Help", "/sms help"],
  ["A wrong number", "/sms 911 help"],
  ["A foreign number", "/sms +44 20 7946 0958 Good morning"],
];

export function drawExamples(examples, fill) {
  return el("div", { class: "examples", role: "group", "aria-label": "Try" }, el("span", { class: "try", "aria-hidden": "true", text: "Try" }),
    examples.map(([label, text]) => el("button", { type: "button", class: "chip", title: text, on: { click: () => fill(text) } }, label)));
}

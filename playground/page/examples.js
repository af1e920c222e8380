/** What to try: examples that fill the composer, and one that fills the form. */

import { el } from "./dom.js";

/** [label, what the composer gets, what the form then gets by block_id]; `{picture}` is one that CarrierX has. */
export const EXAMPLES = [
  ["Text a phone", "/sms (212) 555-0123 Running ten minutes late :wave:"],
  ["Open the form", "/sms"],
  ["Group with a picture", "/sms", {
    to: "(212) 555-0123, (347) 555-0142", how: "One group MMS", text: "The new harbour, on time and within budget 🎉", media: "{picture}",
  }],
  ["A wrong number", "/sms 911 help"],
  ["Another country", "/sms +44 20 7946 0958 Good morning"],
  ["Help", "/sms help"],
];

export function drawExamples(examples, fill) {
  return el("div", { class: "examples", role: "group", "aria-label": "Try" }, el("span", { class: "try", "aria-hidden": "true", text: "Try" }),
    examples.map(([label, text, form]) => el("button", { type: "button", class: "chip", title: text, on: { click: () => fill(text, form) } }, label)));
}

/** Type into a form what an example says, as a person would: the app hears of it. */
export function fillForm(body, values, picture) {
  for (const [block, value] of Object.entries(values)) {
    const field = body.querySelector(`[data-block="${CSS.escape(block)}"]`);
    const choice = [...(field?.querySelectorAll(".choice") ?? [])].find(({ textContent }) => textContent.startsWith(value));
    const input = field?.querySelector("textarea, input:not([type=radio])");
    if (choice) choice.click();
    else if (input) {
      input.value = value.replace("{picture}", picture);
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }
}

/** What this page cannot draw it refuses loudly, so that no test and no demonstration passes it over. */

import { el } from "./dom.js";

window.__unknown = [];

/** A red box that names the type, and a trace for tests. */
export function unknown(kind, type) {
  window.__unknown.push(`${kind} ${type}`);
  console.error(`The playground cannot draw the ${kind} "${type}".`);
  return el("div", { class: "unknown", role: "alert", text: `The playground cannot draw the ${kind} “${type}”. Teach playground/page/ to.` });
}

/** A square with a person's initials, or the app's own picture. */

import { el } from "./dom.js";

const HUES = [258, 200, 330, 24, 150, 280];

export function avatar(user, name, size = 36) {
  if (user?.name === "threadtext") return el("span", { class: "avatar app", "aria-hidden": "true", style: { "--size": `${size}px` } }, el("span", { text: "T" }));
  const hue = HUES[[...(user?.id ?? name)].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % HUES.length];
  const initials = (user?.profile.real_name || name).split(/\s+/).map((word) => [...word][0] ?? "").slice(0, 2).join("").toUpperCase();
  return el("span", { class: "avatar", "aria-hidden": "true", style: { "--size": `${size}px`, "--hue": String(hue) }, text: initials });
}

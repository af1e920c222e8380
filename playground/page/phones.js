/** The pretend CarrierX: the strip that drives it, and a phone for each number that was texted. */

import { el, icon, reconcile } from "./dom.js";
import { Strip } from "./strip.js";

export class Phones {
  arrived = 0; // texts that have reached a phone

  constructor(root, drive) {
    this.strip = new Strip(drive);
    this.list = el("div", { class: "phones", role: "log", "aria-live": "polite", "aria-label": "Phones" });
    root.append(el("header", { class: "carrier-head" }, el("h2", { text: "CarrierX, pretended" })), this.strip.node, el("div", { class: "phone-scroller" }, this.list));
  }

  draw({ phones, strip }) {
    this.strip.draw(strip);
    this.arrived = phones.flatMap(({ talks }) => talks.flatMap(({ texts }) => texts)).filter(({ here }) => here).length;
    const wanted = phones.map((phone) => [phone.number, JSON.stringify(phone), () => drawPhone(phone)]);
    if (!phones.length) wanted.push(["empty", "empty", drawEmpty]);
    reconcile(this.list, wanted);
  }
}

function drawEmpty() {
  return el("div", { class: "phone blank" }, el("div", { class: "screen" }, el("p", { text: "No phone has been texted yet." }),
    el("p", { text: "Choose an example under Slack's messages and press Enter. The phone appears here." })));
}

function drawPhone({ number, shown, talks }) {
  const screen = el("div", { class: "screen", tabindex: "0", role: "group", "aria-label": `Texts on ${shown}`, data: { focus: number } }, talks.map(drawTalk));
  const toEnd = () => { screen.scrollTop = screen.scrollHeight; };
  screen.addEventListener("load", toEnd, true); // a picture that comes pushes the newest text away
  requestAnimationFrame(toEnd);
  return el("article", { class: "phone", "aria-label": `Phone ${shown}`, data: { number } },
    el("header", { class: "phone-head" }, el("span", { class: "phone-number", text: shown }), el("span", { class: "speaker", "aria-hidden": "true" })),
    screen);
}

function drawTalk({ from, others, texts }) {
  return el("section", { class: "talk" },
    el("h4", {}, others.length ? icon("group", 15) : null, el("span", {}, others.length ? "Group with " : null, [from, ...others].flatMap((number, index) =>
      [index ? ", " : null, el("span", { class: "number", text: number })]))),
    texts.map(drawText));
}

function drawText(text) {
  const when = new Date(text.at);
  return el("div", { class: ["text", text.here ? "here" : "away", text.failed && "failed"].filter(Boolean).join(" "), data: { sid: text.sid, state: text.state } },
    text.media.map(drawMedia),
    text.text ? el("p", { class: "bubble", dir: "auto", text: text.text }) : null,
    el("p", { class: "text-state" }, el("time", { datetime: when.toISOString(), title: when.toLocaleString(),
      text: when.toLocaleTimeString([], { hour: "numeric", minute: "2-digit" }) }), ` · ${text.state}`));
}

/** A picture from the web, or the sentence that it could not be had. */
function drawMedia(url) {
  if (!/^https?:\/\//i.test(url)) return el("p", { class: "bubble no-media", text: `Not a web address: ${url}` });
  const image = el("img", { class: "mms", src: url, alt: `Picture from ${url}`, referrerpolicy: "no-referrer", on: {
    error: () => image.replaceWith(el("p", { class: "bubble no-media" }, "Picture: ", el("a", { href: url, target: "_blank", rel: "noreferrer noopener", text: url }))) } });
  return image;
}

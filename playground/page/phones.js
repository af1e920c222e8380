/** The pretend CarrierX: the strip that drives it, and a phone for each number that was texted or texts. */

import { el, icon, reconcile } from "./dom.js";
import { Strip } from "./strip.js";

const WORDS = ["STOP", "HELP", "START"]; // what the law gives phones to say
const STRANGER = "+1 347-555-0199";

export class Phones {
  arrived = 0; // texts that have reached a phone
  #phones = new Map(); // by number; they stay, because somebody types in them

  /** @param drive sends a change to the strip; @param text sends {from, to, group, text, picture} → promise of {problem?}. */
  constructor(root, drive, text) {
    this.text = text;
    this.drive = drive;
    this.strip = new Strip(drive);
    this.list = el("div", { class: "phones", role: "log", "aria-live": "polite", "aria-label": "Phones" });
    this.stranger = new Stranger(text);
    root.append(el("header", { class: "carrier-head" }, el("h2", { text: "CarrierX, pretended" })), this.strip.node,
      el("div", { class: "phone-scroller" }, this.list, this.stranger.node));
  }

  draw({ phones, strip, numbers }) {
    this.strip.draw(strip);
    this.stranger.draw(numbers);
    this.arrived = phones.flatMap(({ talks }) => talks.flatMap(({ texts }) => texts)).filter(({ here }) => here).length;
    const focused = document.activeElement;
    const wanted = phones.map((phone) => [phone.number, "phone", () => this.#phone(phone).node]);
    if (!phones.length) wanted.push(["empty", "empty", drawEmpty]);
    reconcile(this.list, wanted);
    for (const phone of phones) this.#phone(phone).draw(phone, strip);
    if (focused !== document.activeElement && this.list.contains(focused)) focused.focus({ preventScroll: true });
  }

  #phone({ number, shown }) {
    if (!this.#phones.has(number)) this.#phones.set(number, new Phone(number, shown, this.text, this.drive));
    return this.#phones.get(number);
  }
}

function drawEmpty() {
  return el("div", { class: "phone blank" }, el("div", { class: "screen" }, el("p", { text: "No phone has been texted yet." }),
    el("p", { text: "Choose an example under Slack's messages and press Enter. The phone appears here." })));
}

/** A phone: its conversations, and below them where its owner writes. */
class Phone {
  #talks = [];
  #chosen = ""; // the conversation that is answered, "" for the newest

  constructor(number, shown, text, drive) {
    this.number = number;
    this.fate = el("select", { class: "phone-fate", "aria-label": `What becomes of texts to ${shown}`, on: { change: () => drive({ phone: number, reason: this.fate.value }) } });
    this.screen = el("div", { class: "screen", tabindex: "0", role: "group", "aria-label": `Texts on ${shown}` });
    this.screen.addEventListener("load", () => this.#toEnd(), true); // a picture that comes pushes the newest text away
    this.writer = new Writer(`Text from ${shown}`, (words, picture) => {
      const { to, group } = this.#talks.find((talk) => keyOf(talk) === this.#chosen) ?? this.#talks.at(-1);
      return text({ from: number, to, group, text: words, picture });
    });
    this.choice = el("select", { class: "talk-choice", "aria-label": "Conversation", hidden: true, on: { change: () => { this.#chosen = this.choice.value; } } });
    this.node = el("article", { class: "phone", "aria-label": `Phone ${shown}`, data: { number } },
      el("header", { class: "phone-head" }, el("span", { class: "phone-number", text: shown }), this.fate),
      this.screen, this.choice, this.writer.node);
  }

  draw({ talks }, { phone_reasons: reasons, spoiled }) {
    this.#talks = talks;
    reconcile(this.fate, [{ name: "", label: "Takes texts" }, ...reasons].map(({ name, label }) => [name || "takes", label, () => el("option", { value: name, text: label })]));
    this.fate.value = spoiled[this.number.replace("+", "")] ?? "";
    this.fate.classList.toggle("bad", this.fate.value !== "");
    const before = this.screen.textContent;
    reconcile(this.screen, talks.map((talk) => [keyOf(talk), JSON.stringify(talk), () => drawTalk(talk)]));
    if (this.screen.textContent !== before) requestAnimationFrame(() => this.#toEnd());
    this.choice.hidden = talks.length < 2;
    reconcile(this.choice, talks.map((talk) => [keyOf(talk), keyOf(talk), () =>
      el("option", { value: keyOf(talk), text: `To ${[talk.from, ...talk.others].join(", ")}` })]));
    this.choice.value = this.#chosen || keyOf(talks.at(-1));
  }

  #toEnd() { this.screen.scrollTop = this.screen.scrollHeight; }
}

function keyOf({ to, group }) { return [to, ...group].join(" "); }

/** Where somebody types a text: Enter sends. */
class Writer {
  constructor(label, send) {
    this.send = send;
    this.input = el("input", { class: "phone-input", type: "text", dir: "auto", autocomplete: "off", placeholder: "Text message", "aria-label": label, enterkeyhint: "send",
      on: { keydown: (event) => { if (event.key === "Enter" && !event.isComposing) { event.preventDefault(); this.#go(this.input.value); } } } });
    this.problem = el("p", { class: "phone-problem", role: "alert", hidden: true });
    const button = (name, title, click) => el("button", { type: "button", class: "icon-button", "aria-label": title, title, on: { click } }, icon(name, 18));
    this.node = el("div", { class: "phone-writer" }, this.problem,
      el("div", { class: "phone-line" }, button("picture", "Send a picture", () => this.#go(this.input.value, true)), this.input,
        button("send", "Send from this phone", () => this.#go(this.input.value))),
      el("div", { class: "phone-words", role: "group", "aria-label": "Quick answers" },
        WORDS.map((word) => el("button", { type: "button", class: "phone-word", on: { click: () => this.#go(word, false, true) } }, word))));
  }

  async #go(text, picture = false, quick = false) {
    const words = text.trim();
    if (!words && !picture) return;
    if (!quick) this.input.value = "";
    const { problem } = await this.send(words, picture);
    this.problem.hidden = !problem;
    this.problem.textContent = problem ?? "";
    if (problem && !quick && !this.input.value) this.input.value = text;
  }
}

/** A phone that nobody has texted yet and that texts first. */
class Stranger {
  constructor(text) {
    this.from = el("input", { class: "phone-input", type: "tel", value: STRANGER, "aria-label": "Its number", autocomplete: "off" });
    this.to = el("select", { class: "talk-choice", "aria-label": "Texts to" });
    this.writer = new Writer("Text from another phone", (words, picture) =>
      text({ from: this.from.value.replace(/[^+\d]/g, ""), to: this.to.value, group: [], text: words, picture }));
    this.node = el("details", { class: "stranger" }, el("summary", { text: "Let another phone text first" }),
      el("div", { class: "phone" }, el("header", { class: "phone-head" }, this.from), this.to, this.writer.node));
  }

  draw(numbers) {
    reconcile(this.to, numbers.map(({ number, shown, name }) => [number, shown + name, () =>
      el("option", { value: number, text: `To ${name ? `${name}, ` : ""}${shown}` })]));
  }
}

function drawTalk({ from, others, texts }) {
  return el("section", { class: "talk" },
    el("h4", {}, others.length ? icon("group", 15) : null, el("span", {}, others.length ? "Group with " : null, [from, ...others].flatMap((number, index) =>
      [index ? ", " : null, el("span", { class: "number", text: number })]))),
    texts.map(drawText));
}

function drawText(text) {
  const when = new Date(text.at);
  const where = text.mine ? "mine" : text.here ? "here" : "away";
  return el("div", { class: ["text", where, text.failed && "failed"].filter(Boolean).join(" "), data: { sid: text.sid, state: text.state } },
    text.speaker ? el("p", { class: "text-speaker", text: text.speaker }) : null,
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

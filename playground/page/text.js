/** Slack's text as people see it: plain_text, mrkdwn and the inline elements of rich_text. */

import { el } from "./dom.js";
import { unknown } from "./unknown.js";

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
const unescape = (text) => text.replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]);

/** `:name:` as a character where the name is Slack's own, else as it is written. */
function withEmoji(text, world) {
  return text.replace(/:([a-z0-9_+'-]+):(?::(skin-tone-[2-6]):)?/g, (whole, name, tone) => {
    const found = world.emoji[name];
    if (!found) return whole;
    return tone ? (world.emoji[`${name}::${tone}`] ?? found) : found;
  });
}

/** A text object: plain_text or mrkdwn. */
export function drawText(object, world) {
  if (object.type === "plain_text") {
    const text = object.emoji === false ? object.text : withEmoji(object.text, world);
    return el("span", { class: "plain", dir: "auto", text });
  }
  if (object.type === "mrkdwn") return drawMrkdwn(object.text, world, object.verbatim);
  return unknown("text", object.type);
}

/** A message's mrkdwn: quotes and code fences by line, marks within a line. */
export function drawMrkdwn(text, world) {
  const out = el("span", { class: "mrkdwn", dir: "auto" });
  text.split(/```\n?([\s\S]*?)\n?```/).forEach((part, index) => {
    if (index % 2) return out.append(el("pre", { text: unescape(part) }));
    let quote = null;
    part.split("\n").forEach((line, number) => {
      const quoted = /^(?:&gt;|>) ?(.*)$/.exec(line);
      if (quoted) {
        if (quote) quote.append(el("br"));
        else out.append((quote = el("blockquote")));
        return quote.append(...inline(quoted[1], world));
      }
      if (number && !quote) out.append(el("br"));
      quote = null;
      return out.append(...inline(line, world));
    });
    return null;
  });
  return out;
}

const MARKS = /<([^<>\n]+)>|`([^`\n]+)`|(?<![\p{L}\p{N}])([*_~])(?=\S)(.+?)(?<=\S)\3(?![\p{L}\p{N}])/u;
const TAGS = { "*": "strong", _: "em", "~": "s" };

function inline(text, world) {
  const found = MARKS.exec(text);
  if (!found) return text ? [withEmoji(unescape(text), world)] : [];
  const [whole, angle, code, mark, inner] = found;
  let node;
  if (angle !== undefined) node = drawAngle(angle, world);
  else if (code !== undefined) node = el("code", { text: unescape(code) });
  else node = el(TAGS[mark], {}, inline(inner, world));
  return [...inline(text.slice(0, found.index), world), node, ...inline(text.slice(found.index + whole.length), world)];
}

/** What stands between < and >: a person, a channel, a broadcast, a date or a link. */
function drawAngle(angle, world) {
  const [target, label] = angle.split(/\|(.*)/s);
  if (target.startsWith("@")) return person(target.slice(1), world);
  if (target.startsWith("#")) return channel(target.slice(1), world);
  if (target.startsWith("!date^")) {
    const [, seconds, format, url] = target.split("^");
    return drawDate({ timestamp: Number(seconds), format, url, fallback: unescape(label ?? "") }, world);
  }
  if (target.startsWith("!")) return el("span", { class: "mention broadcast", text: `@${target.slice(1).split("^")[0]}` });
  return link(unescape(target), label === undefined ? "" : withEmoji(unescape(label), world));
}

function link(url, label, classes = "") {
  const shown = label || url.replace(/^(mailto|tel):/, "");
  if (!/^(https?:|mailto:|tel:)/i.test(url)) return el("span", { class: classes, text: shown });
  return el("a", { class: classes, href: url, target: "_blank", rel: "noreferrer noopener", text: shown, title: label ? url : null });
}

function person(id, world) {
  return el("span", { class: id === world.me ? "mention me" : "mention", text: `@${world.nameOf(id)}` });
}

function channel(id, world) {
  return el("span", { class: "mention", text: `#${world.channel(id)?.name ?? id}` });
}

const DAY = { date_num: { year: "numeric", month: "2-digit", day: "2-digit" }, date: { year: "numeric", month: "long", day: "numeric" },
  date_slash: { year: "numeric", month: "numeric", day: "numeric" }, date_short: { year: "numeric", month: "short", day: "numeric" },
  date_long: { weekday: "long", year: "numeric", month: "long", day: "numeric" } };
DAY.date_long_full = DAY.date_long;

/** A date in the reader's own time and words. */
function drawDate({ timestamp, format, url, fallback }, world) {
  const when = new Date(timestamp * 1000);
  const shown = format.replace(/\{(\w+)\}/g, (whole, token) => {
    if (token === "time") return when.toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
    if (token === "time_secs") return when.toLocaleTimeString([], { hour: "numeric", minute: "2-digit", second: "2-digit" });
    if (token === "ago") return ago(when, world);
    const plain = token.replace(/_pretty$/, "").replace("day_divider", "date_long");
    if (token.endsWith("_pretty") && nearDay(when, world)) return nearDay(when, world);
    return DAY[plain] ? when.toLocaleDateString([], DAY[plain]) : whole;
  });
  const time = el("time", { datetime: when.toISOString(), title: fallback || null, text: shown });
  return url ? el("a", { href: url, rel: "noreferrer noopener", target: "_blank" }, time) : time;
}

function nearDay(when, world) {
  const midnight = (day) => new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
  const days = Math.round((midnight(when) - midnight(world.now())) / 86_400_000);
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days];
}

function ago(when, world) {
  const seconds = (when.getTime() - world.now().getTime()) / 1000;
  const words = new Intl.RelativeTimeFormat([], { numeric: "auto" });
  for (const [unit, size] of [["day", 86_400], ["hour", 3600], ["minute", 60]])
    if (Math.abs(seconds) >= size) return words.format(Math.round(seconds / size), unit);
  return words.format(Math.round(seconds), "second");
}

const RICH = {
  text: (element, world) => styled(withNewlines(element.text), element.style, world),
  link: (element) => link(element.url, element.text ?? "", styleClasses(element.style)),
  user: (element, world) => person(element.user_id, world),
  usergroup: (element) => el("span", { class: "mention", text: `@${element.usergroup_id}` }),
  channel: (element, world) => channel(element.channel_id, world),
  broadcast: (element) => el("span", { class: "mention broadcast", text: `@${element.range}` }),
  date: (element, world) => drawDate(element, world),
  emoji: (element, world) => el("span", { class: "emoji", title: `:${element.name}:`, text: emojiOf(element, world) }),
};

/** One inline element of a rich_text section, list item, quote or preformatted text. */
export function drawRichElement(element, world) {
  const draw = RICH[element.type];
  return draw ? draw(element, world) : unknown("rich_text element", element.type);
}

function emojiOf(element, world) {
  if (element.unicode) return String.fromCodePoint(...element.unicode.split("-").map((part) => Number.parseInt(part, 16)));
  const tone = element.skin_tone ? world.emoji[`${element.name}::skin-tone-${element.skin_tone}`] : undefined;
  return tone ?? world.emoji[element.name] ?? `:${element.name}:`;
}

function withNewlines(text) {
  return text.split("\n").flatMap((line, index) => (index ? [el("br"), line] : [line]));
}

function styleClasses(style = {}) {
  return Object.keys(style).filter((name) => style[name]).map((name) => `is-${name}`).join(" ");
}

function styled(nodes, style) {
  const classes = styleClasses(style);
  if (!classes) return el("span", {}, nodes);
  return el(style.code ? "code" : "span", { class: classes }, nodes);
}

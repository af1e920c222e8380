/** Messages in a channel and in a thread. */

import { avatar } from "./avatar.js";
import { drawBlock } from "./blocks.js";
import { confirmed } from "./confirm.js";
import { el, icon, reconcile } from "./dom.js";
import { drawEditor } from "./editor.js";
import { openMenu } from "./menu.js";
import { drawAdd, drawReactions } from "./reactions.js";
import { drawMrkdwn } from "./text.js";

const TOGETHER = 5 * 60; // seconds within which a person's messages stand under one name
const NEAR = 60; // pixels from the end that still count as reading the newest
const DELETION = { title: "Delete message", text: "Delete this message? What was already texted stays on the phone.", confirm: "Delete", deny: "Cancel" };

/** A box around `list` that stays at the end, whatever grows or shrinks, until somebody scrolls up. */
export function drawScroller(list) {
  const scroller = el("div", { class: "scroller", on: { scroll: () => {
    scroller.follows = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
  } } }, list);
  scroller.follows = true;
  const follow = new ResizeObserver(() => { if (scroller.follows) scroller.scrollTop = scroller.scrollHeight; });
  follow.observe(scroller);
  follow.observe(list);
  return scroller;
}

/** Draw `messages` into `list`, and leave alone what has not changed. */
export function drawMessages(list, messages, world, actions, { thread = false, empty } = {}) {
  const wanted = [];
  let before = null;
  for (const message of messages) {
    const day = dayOf(message.ts, world);
    if (!thread && (!before || dayOf(before.ts, world) !== day)) wanted.push([`day ${day}`, day, () => el("div", { class: "day", role: "separator" }, el("span", { text: day }))]);
    const grouped = Boolean(before) && !thread && dayOf(before.ts, world) === day && before.user === message.user && !before.subtype && !message.subtype
      && before.is_ephemeral === message.is_ephemeral && message.ts - before.ts < TOGETHER && !before.reply_count && message.user !== world.state.app.user;
    const replies = thread ? [] : world.replies(message.channel, message.ts).filter(({ is_ephemeral: only }) => !only);
    const broadcast = message.subtype === "thread_broadcast" ? world.message(message.channel, message.thread_ts) : null;
    const editing = world.editing.ts === message.ts;
    const signature = JSON.stringify([message, grouped, replies.map(({ ts, user }) => [ts, user]), world.nameOf(message.user), broadcast?.text, editing]);
    wanted.push([message.key ?? message.ts, signature, () => drawMessage(message, { world, actions, grouped, replies, thread, broadcast, editing })]);
    before = message;
  }
  if (!messages.length && empty) wanted.push(["empty", empty.signature, empty.draw]);
  reconcile(list, wanted);
}

function drawMessage(message, { world, actions, grouped, replies, thread, broadcast, editing }) {
  const user = world.user(message.user);
  const name = message.username || world.nameOf(message.user);
  const here = world.within((block, element, value) => actions.press(message, block, element, value));
  const react = (emoji, on) => actions.react(message, emoji, on);
  if (/^(channel|group)_(join|leave)$/.test(message.subtype ?? "")) return drawNote(message, name, world);
  if (message.subtype === "tombstone") return drawStone(message, replies, world, actions);
  const head = el("div", { class: "message-head" },
    el("span", { class: "who", text: name, dir: "auto" }),
    user?.is_bot || message.bot_id ? el("span", { class: "badge", text: message.subtype === "bot_message" ? "WORKFLOW" : "APP" }) : null,
    user?.is_restricted ? el("span", { class: "badge", text: "GUEST" }) : null,
    message.user_team ? el("span", { class: "badge", text: "EXTERNAL" }) : null,
    timeOf(message.ts));
  const body = message.blocks?.length
    ? message.blocks.map((block) => drawBlock(block, here, null))
    : message.text ? [el("div", { class: "block" }, drawMrkdwn(message.text, world))] : [];
  return el("article", {
    class: ["message", grouped && "grouped", message.is_ephemeral && "ephemeral"].filter(Boolean).join(" "),
    "aria-label": `${name}, ${clock(message.ts)}`, data: { ts: message.ts },
  },
  grouped ? el("div", { class: "gutter" }, timeOf(message.ts)) : el("div", { class: "gutter" }, avatar(user, name)),
  el("div", { class: "message-main" },
    message.is_ephemeral ? el("div", { class: "only-you" }, icon("eye", 14), "Only visible to you") : null,
    grouped ? null : head,
    broadcast ? drawBroadcast(broadcast, thread, world, actions) : null,
    editing ? drawEditor(message, world, (text) => actions.edited(message, text))
      : el("div", { class: "blocks" }, message.edited && !message.bot_id ? markEdited(body) : body),
    drawFiles(message),
    drawReactions(message, world, react),
    replies.length ? drawReplies(message, replies, world, actions) : null),
  message.is_ephemeral || editing ? null : drawTools(message, actions, world, thread));
}

/** "(edited)" behind the last word. */
function markEdited(body) {
  const mark = el("span", { class: "edited", text: "(edited)" });
  const last = body.at(-1)?.querySelector(".rich > .rich-section:last-child, .mrkdwn");
  if (!last) return [...body, mark];
  last.append(mark);
  return body;
}

/** Slack's line over a reply that was also sent to the channel: to its thread, or in the thread that it was. */
function drawBroadcast(root, thread, world, actions) {
  if (thread) return el("div", { class: "broadcast-line" }, "Also sent to the channel");
  const about = [...plainOf(root, world)]; // characters: half an emoji is a box
  return el("div", { class: "broadcast-line" }, "replied to a thread: ", el("button", {
    type: "button", class: "thread-link", data: { focus: `broadcast ${root.ts}` }, on: { click: () => actions.openThread(root.ts) },
  }, about.length > 80 ? `${about.slice(0, 79).join("")}…` : about.join("")));
}

function plainOf(message, world) {
  return drawMrkdwn((message.text ?? "").split("\n")[0], world).textContent || "a message";
}

/** Pictures as such, other files by name, and what Slack shows of links. */
function drawFiles({ files = [], attachments = [] }) {
  if (!files.length && !attachments.length) return null;
  return el("div", { class: "files" },
    files.map(drawFile),
    attachments.map((page) => el("blockquote", {}, page.service_name ? el("small", { text: page.service_name }) : null, el("div", { text: page.title ?? page.fallback }))));
}

function drawFile(file) {
  const named = () => el("span", { class: "file" }, icon("file", 16), file.name ?? "A file of another company");
  if (!file.mimetype?.startsWith("image/")) return named();
  const image = el("img", { class: "picture", src: `/api/file/${file.id}`, alt: file.alt_txt || file.title, title: file.title,
    on: { error: () => image.replaceWith(named()) } });
  return image;
}

function drawStone(message, replies, world, actions) {
  return el("article", { class: "message note", data: { ts: message.ts } }, el("div", { class: "gutter" }),
    el("div", { class: "message-main" }, "This message was deleted.", replies.length ? drawReplies(message, replies, world, actions) : null));
}

function drawNote(message, name, world) {
  return el("article", { class: "message note", data: { ts: message.ts } }, el("div", { class: "gutter" }, avatar(world.user(message.user), name, 20)),
    el("div", { class: "message-main" }, el("b", { text: name }), " ", drawMrkdwn((message.text ?? "").replace(/^<@\w+>\s*/, ""), world), " ", timeOf(message.ts)));
}

function drawReplies(message, replies, world, actions) {
  const last = replies.at(-1);
  const people = [...new Set(replies.map(({ user }) => user))].slice(0, 3);
  return el("button", { type: "button", class: "replies", data: { focus: `replies ${message.ts}` }, on: { click: () => actions.openThread(message.ts) } },
    people.map((id) => avatar(world.user(id), world.nameOf(id), 20)),
    el("b", { text: replies.length === 1 ? "1 reply" : `${replies.length} replies` }),
    el("span", { class: "when", text: `Last at ${clock(last.ts)}` }));
}

function drawTools(message, actions, world, thread) {
  const shortcuts = world.state.shortcuts.filter(({ type }) => type === "message");
  const tool = (name, label, click) => el("button", {
    type: "button", class: "icon-button", "aria-label": label, title: label, data: { focus: `${name} ${message.ts}` }, on: { click },
  }, icon(name, 17));
  const items = shortcuts.map((shortcut) => ({
    label: shortcut.name, note: world.state.app.name, choose: () => actions.messageShortcut(shortcut, message),
  }));
  if (message.user === world.me) items.push(
    { label: "Edit message", choose: () => actions.edit(message) },
    { label: "Delete message", choose: async () => { if (await confirmed({ confirm: plainly(DELETION) }, world)) actions.remove(message); } });
  const more = tool("more", "More actions", () => openMenu(more, "More actions", items));
  more.setAttribute("aria-haspopup", "menu");
  const inThread = thread || (message.thread_ts && message.thread_ts !== message.ts);
  return el("div", { class: "tools" },
    drawAdd(message, world, (emoji, on) => actions.react(message, emoji, on), "icon-button", "tool"),
    thread ? null : tool("reply", inThread ? "Open thread" : "Reply in thread", () => actions.openThread(message.thread_ts ?? message.ts)),
    items.length ? more : null);
}

/** Words of our own in the shape of Slack's question. */
function plainly(words) {
  return { style: "danger", ...Object.fromEntries(Object.entries(words).map(([name, text]) => [name, { type: "plain_text", text }])) };
}

function timeOf(ts) {
  const when = new Date(ts * 1000);
  return el("time", { class: "when", datetime: when.toISOString(), title: when.toLocaleString(), text: clock(ts) });
}

function clock(ts) {
  return new Date(ts * 1000).toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
}

function dayOf(ts, world) {
  const when = new Date(ts * 1000);
  if (when.toDateString() === world.now().toDateString()) return "Today";
  return when.toLocaleDateString([], { weekday: "long", month: "long", day: "numeric" });
}

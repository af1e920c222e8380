/** Messages in a channel and in a thread. */

import { avatar } from "./avatar.js";
import { drawBlock } from "./blocks.js";
import { el, icon, reconcile } from "./dom.js";
import { openMenu } from "./menu.js";
import { drawMrkdwn } from "./text.js";

const TOGETHER = 5 * 60; // seconds within which a person's messages stand under one name
const NEAR = 60; // pixels from the end that still count as reading the newest

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
    const day = dayOf(message.ts);
    if (!thread && (!before || dayOf(before.ts) !== day)) wanted.push([`day ${day}`, day, () => el("div", { class: "day", role: "separator" }, el("span", { text: day }))]);
    const grouped = Boolean(before) && !thread && dayOf(before.ts) === day && before.user === message.user && !before.subtype
      && before.is_ephemeral === message.is_ephemeral && message.ts - before.ts < TOGETHER && !before.reply_count && message.user !== world.state.app.user;
    const replies = thread ? [] : world.replies(message.channel, message.ts);
    const signature = JSON.stringify([message, grouped, replies.map(({ ts, user }) => [ts, user]), world.nameOf(message.user)]);
    wanted.push([message.key ?? message.ts, signature, () => drawMessage(message, { world, actions, grouped, replies, thread })]);
    before = message;
  }
  if (!messages.length && empty) wanted.push(["empty", empty.signature, empty.draw]);
  reconcile(list, wanted);
}

function drawMessage(message, { world, actions, grouped, replies, thread }) {
  const user = world.user(message.user);
  const name = message.username || world.nameOf(message.user);
  const here = world.within((block, element, value) => actions.press(message, block, element, value));
  if (/^(channel|group)_(join|leave)$/.test(message.subtype ?? "")) return drawNote(message, name, world);
  const head = el("div", { class: "message-head" },
    el("span", { class: "who", text: name, dir: "auto" }),
    user?.is_bot ? el("span", { class: "badge", text: "APP" }) : null,
    user?.is_restricted ? el("span", { class: "badge", text: "GUEST" }) : null,
    timeOf(message.ts));
  const body = message.blocks?.length
    ? message.blocks.map((block) => drawBlock(block, here, null))
    : [el("div", { class: "block" }, drawMrkdwn(message.text ?? "", world))];
  return el("article", {
    class: ["message", grouped && "grouped", message.is_ephemeral && "ephemeral"].filter(Boolean).join(" "),
    "aria-label": `${name}, ${clock(message.ts)}`, data: { ts: message.ts },
  },
  grouped ? el("div", { class: "gutter" }, timeOf(message.ts)) : el("div", { class: "gutter" }, avatar(user, name)),
  el("div", { class: "message-main" },
    message.is_ephemeral ? el("div", { class: "only-you" }, icon("eye", 14), "Only visible to you") : null,
    grouped ? null : head,
    el("div", { class: "blocks" }, body, message.edited && !message.blocks?.length ? el("span", { class: "edited", text: "(edited)" }) : null),
    replies.length ? drawReplies(message, replies, world, actions) : null),
  message.is_ephemeral ? null : drawTools(message, actions, world, thread));
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
  const more = tool("more", "More actions", () => openMenu(more, "More actions", shortcuts.map((shortcut) => ({
    label: shortcut.name, note: world.state.app.name, choose: () => actions.messageShortcut(shortcut, message),
  }))));
  more.setAttribute("aria-haspopup", "menu");
  return el("div", { class: "tools" }, thread ? null : tool("reply", "Reply in thread", () => actions.openThread(message.ts)), shortcuts.length ? more : null);
}

function timeOf(ts) {
  const when = new Date(ts * 1000);
  return el("time", { class: "when", datetime: when.toISOString(), title: when.toLocaleString(), text: clock(ts) });
}

function clock(ts) {
  return new Date(ts * 1000).toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
}

function dayOf(ts) {
  const when = new Date(ts * 1000);
  if (when.toDateString() === new Date().toDateString()) return "Today";
  return when.toLocaleDateString([], { weekday: "long", month: "long", day: "numeric" });
}

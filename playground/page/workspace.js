/** The pretend workspace: who you are, its conversations, the open channel and the open thread. */

import { avatar } from "./avatar.js";
import { Composer } from "./composer.js";
import { el, icon, reconcile } from "./dom.js";
import { typedOf } from "./editor.js";
import { EXAMPLES, drawExamples } from "./examples.js";
import { openMenu } from "./menu.js";
import { drawMessages, drawScroller } from "./messages.js";

export class Workspace {
  #seen = new Map(); // newest message seen, by channel

  /** @param use {api: () => Api, as(user), moved(), plan(values for the next form)} */
  constructor(root, world, use) {
    Object.assign(this, { root, world, use });
    this.team = el("h2", { class: "team" });
    this.lists = el("nav", { class: "conversations", "aria-label": "Conversations" });
    this.who = el("button", { type: "button", class: "who-am-i", "aria-haspopup": "menu", on: { click: () => this.#switch() } });
    this.sidebar = el("div", { class: "sidebar" }, this.team, this.lists, this.who);
    this.title = el("h2", { class: "channel-title" });
    this.topic = el("p", { class: "topic" });
    this.list = el("div", { class: "messages", role: "log", "aria-live": "polite" });
    this.composer = this.#composer(false);
    this.chips = el("div", { class: "chips" });
    const open = el("button", { type: "button", class: "icon-button drawer-button", "aria-label": "Conversations", on: { click: () => root.classList.toggle("drawer") } }, icon("menu"));
    this.main = el("div", { class: "channel" }, el("header", { class: "channel-head" }, open, el("div", {}, this.title, this.topic)),
      drawScroller(this.list), this.chips, this.composer.node);
    this.threadTitle = el("h2", { class: "channel-title", text: "Thread" });
    this.threadIn = el("p", { class: "topic" });
    this.threadList = el("div", { class: "messages", role: "log", "aria-live": "polite", "aria-label": "Thread" });
    this.threadComposer = this.#composer(true);
    this.thread = el("section", { class: "thread", "aria-label": "Thread", hidden: true },
      el("header", { class: "channel-head" }, el("div", {}, this.threadTitle, this.threadIn),
        el("button", { type: "button", class: "icon-button", "aria-label": "Close thread", on: { click: () => this.openThread("") } }, icon("close"))),
      drawScroller(this.threadList), this.threadComposer.node);
    root.append(this.sidebar, this.main, this.thread);
    root.addEventListener("click", ({ target }) => { if (target === root) root.classList.remove("drawer"); });
  }

  draw() {
    const { world } = this;
    if (!world.channel(world.here.channel)) world.here = { channel: world.state.home, thread: "" };
    this.team.textContent = world.state.team.name;
    this.#drawSidebar();
    this.#drawChannel();
    this.#drawThread();
  }

  go(channel) {
    this.world.here = { channel, thread: "" };
    this.root.classList.remove("drawer");
    this.#shown();
    this.list.parentElement.scrollTop = this.list.scrollHeight;
    this.composer.input.focus({ preventScroll: true });
  }

  openThread(ts) {
    this.world.here = { ...this.world.here, thread: ts };
    this.#shown();
    if (ts) this.threadList.parentElement.scrollTop = this.threadList.scrollHeight;
    if (ts) this.threadComposer.input.focus({ preventScroll: true });
  }

  #shown() {
    this.draw();
    this.use.moved();
  }

  #drawSidebar() {
    const { world } = this;
    const newest = (channel) => world.messages(channel.id).at(-1)?.ts ?? "";
    for (const channel of world.state.channels) {
      const key = `${world.me} ${channel.id}`;
      if (!this.#seen.has(key) || channel.id === world.here.channel) this.#seen.set(key, newest(channel));
    }
    const groups = [
      ["Channels", world.state.channels.filter(({ is_im: im, is_mpim: several }) => !im && !several)],
      ["Direct messages", world.state.channels.filter(({ is_im: im, is_mpim: several, user }) => several || (im && !world.user(user)?.is_bot))],
      ["Apps", world.state.channels.filter(({ is_im: im, user }) => im && world.user(user)?.is_bot)],
    ].filter(([, channels]) => channels.length);
    const drawOne = (channel, here, unread) => el("button", {
      type: "button", class: ["conversation", here && "here", unread && "unread"].filter(Boolean).join(" "), "aria-current": here ? "page" : null,
      data: { channel: channel.id, focus: channel.id }, on: { click: () => this.go(channel.id) },
    }, channel.is_im ? avatar(world.user(channel.user), world.nameOf(channel.user), 20) : icon(kindOf(channel), 16),
    el("span", { class: "conversation-name", text: channel.is_im || channel.is_mpim ? world.titleOf(channel) : channel.name }),
    unread ? el("span", { class: "dot", role: "img", "aria-label": "new messages" }) : null);
    reconcile(this.lists, groups.map(([name, channels]) => {
      const rows = channels.map((channel) => [channel, channel.id === world.here.channel, newest(channel) > this.#seen.get(`${world.me} ${channel.id}`)]);
      return [name, JSON.stringify([world.me, rows]), () => el("section", {}, el("h3", { text: name }), rows.map((row) => drawOne(...row)))];
    }));
    const me = world.user(world.me);
    this.who.replaceChildren(avatar(me, world.nameOf(world.me), 30), el("span", { class: "menu-text" },
      el("span", { text: world.nameOf(world.me) }), el("small", { text: roleOf(me, world) })), icon("down", 14));
    this.who.setAttribute("aria-label", `You are ${world.nameOf(world.me)}, ${roleOf(me, world)}. Switch person.`);
  }

  #switch() {
    const { world } = this;
    openMenu(this.who, "Who you are", world.state.people.map((id) => ({
      label: world.nameOf(id), note: roleOf(world.user(id), world), checked: id === world.me,
      lead: avatar(world.user(id), world.nameOf(id), 30), choose: () => this.use.as(id),
    })));
  }

  #drawChannel() {
    const { world } = this;
    const channel = world.channel(world.here.channel);
    this.title.replaceChildren(...(channel.is_im ? [world.nameOf(channel.user)]
      : [icon(kindOf(channel), 17), channel.is_mpim ? world.titleOf(channel) : channel.name]));
    this.topic.textContent = world.topicOf(channel);
    this.list.setAttribute("aria-label", `Messages in ${world.titleOf(channel)}`);
    const messages = world.roots(channel.id);
    drawMessages(this.list, messages, world, this.#actions(channel.id), { empty: {
      signature: `empty ${channel.id}`, draw: () => drawEmpty(channel, world, this.#try) } });
    reconcile(this.chips, channel.is_im || channel.is_mpim || !messages.length ? [] : [["chips", "chips", () => drawExamples(EXAMPLES, this.#try)]]);
    this.composer.go(`${world.me} ${channel.id}`, `Message ${world.titleOf(channel)}`);
  }

  #try = (text, form) => {
    this.composer.fill(text);
    this.use.plan(form ?? null);
  };

  #drawThread() {
    const { world } = this;
    const { channel, thread } = world.here;
    const root = thread ? world.messages(channel).find(({ ts }) => ts === thread) : null;
    this.thread.hidden = !root;
    this.root.classList.toggle("with-thread", Boolean(root));
    if (!root) return;
    this.threadIn.textContent = world.titleOf(world.channel(channel));
    drawMessages(this.threadList, [root, ...world.replies(channel, thread)], world, this.#actions(channel), { thread: true });
    const title = world.titleOf(world.channel(channel));
    this.threadComposer.go(`${world.me} ${channel} ${thread}`, "Reply…", world.channel(channel).is_im ? "" : `Also send to ${title}`);
  }

  #actions(channel) {
    const api = this.use.api();
    return {
      openThread: (ts) => this.openThread(ts),
      react: async (message, name, on) => this.#say((await api.react(channel, message.ts, name, on)).problem),
      remove: async (message) => this.#say((await api.delete(channel, message.ts)).problem),
      edit: (message) => {
        this.world.editing = { ts: message.ts, text: typedOf(message.text ?? "", this.world) };
        for (const list of [this.list, this.threadList]) list.parentElement.follows = false; // the box stays in sight
        this.draw();
        this.root.querySelector(`[data-focus="edit ${CSS.escape(message.ts)}"]`)?.focus();
      },
      edited: async (message, text) => {
        this.draw();
        this.#backTo(message);
        if (text !== null) this.#say((await api.edit(channel, message.ts, text)).problem);
      },
      press: async (message, block, element, value) => {
        const { problem } = await api.press(channel, message.ts, block.block_id, element.action_id, value);
        this.#say(problem);
      },
      messageShortcut: async (shortcut, message) => this.#say((await api.messageShortcut(shortcut.callback_id, channel, message.ts)).problem),
    };
  }

  /** After the editor the keyboard is where one writes on. */
  #backTo(message) {
    const inThread = !this.thread.hidden && message.thread_ts && message.thread_ts === this.world.here.thread;
    (inThread ? this.threadComposer : this.composer).input.focus({ preventScroll: true });
  }

  #say(problem) { (this.thread.hidden ? this.composer : this.threadComposer).say(problem); }

  #composer(inThread) {
    const { world } = this;
    return new Composer({
      label: inThread ? "Reply" : "Message",
      also: inThread,
      commands: () => (inThread ? [] : world.state.commands),
      shortcuts: () => world.state.shortcuts.filter(({ type }) => type === "global"),
      shortcut: inThread ? null : async (shortcut) => this.#say((await this.use.api().shortcut(shortcut.callback_id)).problem),
      upload: (file) => this.use.api().upload(file),
      send: (text, also, files) => {
        const { channel, thread } = world.here;
        const api = this.use.api();
        const name = /^\/[^\s/]\S*/.exec(text)?.[0]; // `//` begins a note among colleagues, not a command
        if (!name) return api.say(channel, text, inThread ? thread : null, also, files);
        if (inThread) return { problem: `${name} does not work in threads. Slack allows apps' commands in the channel only.` };
        return api.command(channel, text);
      },
    });
  }
}

function kindOf(channel) {
  if (channel.is_mpim) return "group";
  if (channel.is_ext_shared) return "shared";
  return channel.is_private ? "lock" : "hash";
}

function roleOf(user, world) {
  if (user?.is_restricted || user?.is_ultra_restricted) return "Guest";
  if (user?.team_id && user.team_id !== world.state.team.id) return "From another company";
  if (user?.is_owner) return "Owner";
  return user?.is_admin ? "Admin" : "Member";
}

function drawEmpty(channel, world, fill) {
  if (channel.is_im && world.user(channel.user)?.is_bot) return el("div", { class: "empty" },
    el("h3", { text: world.state.app.name }),
    el("p", { text: "What has no channel of its own comes here, such as the status of a text from a private channel that the app has not been invited to. Replies in a thread here are answers too." }));
  return el("div", { class: "empty" },
    el("h3", {}, channel.is_im || channel.is_mpim ? world.titleOf(channel) : [icon(kindOf(channel), 22), channel.name]),
    el("p", { text: `${world.topicOf(channel)}. Nothing here yet.` }),
    el("p", { text: "Text a phone from here. Choose an example, then press Enter:" }),
    drawExamples(EXAMPLES, fill));
}

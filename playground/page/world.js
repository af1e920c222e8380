/** What the page knows: the last state of the pretend Slack, and where in it the person is. */

export class World {
  state = null;
  emoji = {};
  here = { channel: "", thread: "" };
  editing = { ts: "", text: "" }; // the message that is being edited, and what stands in its box

  get me() { return this.state.me; }

  /** Now, by the playground's clock, which can be moved. */
  now() { return new Date(Date.now() + (this.state?.clock.ahead ?? 0) * 1000); }

  take(state) {
    this.state = state;
    this.users = new Map(state.users.map((user) => [user.id, user]));
    this.channels = new Map(state.channels.map((channel) => [channel.id, channel]));
  }

  channel(id) { return this.channels.get(id); }

  user(id) { return this.users.get(id); }

  nameOf(id) {
    const user = this.user(id);
    return user?.profile.display_name || user?.profile.real_name || user?.name || id;
  }

  titleOf(channel) {
    if (channel.is_im) return this.nameOf(channel.user);
    if (channel.is_mpim) return channel.others.map((id) => this.nameOf(id)).join(", ");
    return channel.name ? `#${channel.name}` : channel.id;
  }

  /** One line on what the app may do in a conversation. */
  topicOf(channel) {
    const app = this.state.app.name;
    if (channel.is_im) return channel.user === this.state.app.user ? "App" : "Direct message";
    if (channel.is_mpim) return `Direct message with ${app}`;
    if (channel.is_ext_shared) return "Shared with another company";
    if (channel.has_bot) return channel.is_private ? `Private, with ${app}` : `With ${app}`;
    return channel.is_private ? `Private, ${app} is not invited` : `${app} has not joined yet`;
  }

  /** The channel's own messages, oldest first: no replies, but those also sent to the channel. */
  roots(channel) {
    return this.messages(channel).filter(({ ts, thread_ts: thread, subtype }) => !thread || thread === ts || subtype === "thread_broadcast");
  }

  replies(channel, thread) {
    return this.messages(channel).filter(({ ts, thread_ts: of }) => of === thread && ts !== thread);
  }

  /** A message by its ts. */
  message(channel, ts) {
    return this.messages(channel).find((message) => message.ts === ts);
  }

  messages(channel) { return this.state.messages[channel] ?? []; }

  /** Conversations for a conversations_select, narrowed by its filter. */
  selectable(filter = {}) {
    const kind = (channel) => (channel.is_im ? "im" : channel.is_mpim ? "mpim" : channel.is_private ? "private" : "public");
    return this.state.channels.filter((channel) =>
      !channel.is_archived
      && (!filter.include || filter.include.includes(kind(channel)))
      && !(filter.exclude_external_shared_channels && channel.is_ext_shared)
      && !(filter.exclude_bot_users && channel.is_im && this.user(channel.user)?.is_bot));
  }

  /** The same world, in which buttons act for one message. */
  within(act) { return Object.assign(Object.create(this), { act }); }
}

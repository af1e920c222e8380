"""What people write: messages, replies, edits, deletions, reactions; and the events that the app is told of them."""

import secrets
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from playground.carrier.picture import draw
from playground.slack.chat_methods import ChatMethods
from playground.slack.delivery import Told
from playground.slack.errors import NotPossibleError, SlackError
from playground.slack.events import Happenings
from playground.slack.file_methods import FileMethods
from playground.slack.json_objects import write_message
from playground.slack.mentions import write_typed
from playground.slack.reaction_methods import ReactionMethods, read_emoji
from playground.slack.rich_text import write_rich_text
from playground.slack.workspace import BOT, Block, Conversation, Message, Person

_EVENTS = {"public": "message.channels", "private": "message.groups", "im": "message.im", "mpim": "message.mpim"}
_CHANNEL_TYPES = {"public": "channel", "private": "group", "im": "im", "mpim": "mpim"}
_OTHER_BOT = "B0OTHERBOT"
_WORKFLOW = "B0WORKFLOW"


class Talking(Happenings):
    """The mouths of people; PretendSlack is built upon it.

    Every method returns once the app was told for the first time, and raises NotPossibleError for what nobody could do
    in Slack's own client. A message may be given as it was seen: what counts is how it stands now.
    """

    files: FileMethods
    _chat: ChatMethods
    _reactions: ReactionMethods

    async def say(
        self,
        user: str,
        channel: str | Conversation,
        text: str = "",
        *,
        thread_ts: str = "",
        blocks: Iterable[Block] | None = None,
        files: int | Iterable[dict[str, Any]] = (),
        broadcast: bool = False,
        typed: bool = False,
    ) -> Message:
        """Write an ordinary message, or a reply.

        Args:
            user: Who writes; `otherbot` posts as an app does.
            channel: Where.
            text: As Slack keeps it: `&amp;`, `<@U0BEN>`, `<https://…|label>`, `:wave:`.
            thread_ts: The parent's, "" outside of threads.
            blocks: None for the rich text that says the same, () for none.
            files: What is attached, from `files.add`; or how many pictures.
            broadcast: A reply that is also sent to the channel.
            typed: The text is as typed instead: `@ben`, `#random`, `&`, a phone number.
        """
        person, conversation = self._writer(user, channel)
        if typed:
            text = self._kept(person, text)
        if thread_ts:
            self._parent(conversation, thread_ts)
        if broadcast and not thread_ts:
            raise NotPossibleError("only a reply can also be sent to the channel")
        attached = self._attach(person, files)
        if not text and not attached:
            raise NotPossibleError("an empty message cannot be sent")
        message = Message(
            conversation.id,
            self.workspace.ts(),
            person.id,
            text,
            _blocks(text, blocks),
            thread_ts=thread_ts,
            broadcast=broadcast,
            bot_id=_OTHER_BOT if person.bot else "",
            subtype="file_share" if attached else "",
            team=person.team,
            client_msg_id="" if person.bot else secrets.token_hex(16),
            files=attached,
        )
        self._chat.post(conversation, message)
        await self._tell_message(conversation, message)
        return message

    def _attach(self, person: Person, files: int | Iterable[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
        if isinstance(files, int):
            return tuple(self.files.add(person, "photo.png", draw(f"photo-{at}.png")) for at in range(files))
        return tuple(files)

    async def post_as_workflow(
        self, channel: str | Conversation, text: str, *, thread_ts: str = "", username: str = "Morning round"
    ) -> Message:
        """A workflow, or an old webhook, posts: `bot_message`, with a name and without a user."""
        conversation = self.workspace.conversation(channel)
        if thread_ts:
            self._parent(conversation, thread_ts)
        message = Message(
            conversation.id,
            self.workspace.ts(),
            "",
            text,
            thread_ts=thread_ts,
            bot_id=_WORKFLOW,
            subtype="bot_message",
            username=username,
        )
        self._chat.post(conversation, message)
        await self._tell_message(conversation, message)
        return message

    async def edit(
        self, user: str, message: Message, text: str, *, blocks: Iterable[Block] | None = None, typed: bool = False
    ) -> Message:
        """Change the text of one's own message."""
        person, conversation, now = self._mine(user, message)
        if typed:
            text = self._kept(person, text)
        if not text and not now.files:
            raise NotPossibleError("an empty message cannot be sent")
        changed = replace(now, text=text, blocks=_blocks(text, blocks), edited_ts=self.workspace.ts())
        self._chat.change(changed, by_app=False)
        await self._tell_changed(conversation, changed, now)
        return changed

    async def unfurl(self, message: Message, title: str = "A page") -> Message:
        """Slack shows what a link leads to: `message_changed` without anybody having edited."""
        conversation = self.workspace.conversation(message.channel)
        now = self._stands(conversation, message.ts)
        changed = replace(now, attachments=({"id": 1, "fallback": title, "title": title, "service_name": "Pages"},))
        self._chat.change(changed, by_app=False)
        await self._tell_changed(conversation, changed, now)
        return changed

    async def delete(self, user: str, message: Message) -> None:
        """Delete one's own message; an administrator anybody's. A parent leaves a stone where it was."""
        person, conversation = self._writer(user, message.channel)
        now = self._stands(conversation, message.ts)
        if now.user != person.id and not person.admin:
            raise NotPossibleError(f"{user} may not delete that message")
        self._chat.remove(now, by_app=False)
        await self._tell_deleted(conversation, now)

    async def react(self, user: str, message: Message, name: str) -> None:
        """Give a message an emoji, with or without colons."""
        await self._toggle(user, message, name, added=True)

    async def unreact(self, user: str, message: Message, name: str) -> None:
        """Take one's emoji back."""
        await self._toggle(user, message, name, added=False)

    async def reload(self, user: str) -> None:
        """Reload the client: what was shown to this person alone is gone."""
        person = self.workspace.person(user)
        self.workspace.ephemerals[:] = [each for each in self.workspace.ephemerals if each.user != person.id]
        self.records.change("reloaded", user=person.id)

    def told_of(self, message: Message) -> Told:
        """The newest event about a message, to be looked at or redelivered.

        Raises:
            NotPossibleError: The app was told nothing of it.
        """
        for each in reversed(self.told):
            event = each.event
            about = event.get("item") or event.get("message") or event.get("previous_message") or event
            if event.get("channel", about.get("channel")) == message.channel and about.get("ts") == message.ts:
                return each
        raise NotPossibleError("the app was not told of this message")

    def bot_posted(self, message: Message) -> None:
        """The app's own messages are told of too."""
        if message.bot_id == BOT:
            self.spawn(self._tell_message(self.workspace.conversations[message.channel], message))

    def bot_changed(self, message: Message, before: Message) -> None:
        """So are its changes."""
        self.spawn(self._tell_changed(self.workspace.conversations[message.channel], message, before))

    def bot_deleted(self, message: Message) -> None:
        """And its deletions."""
        self.spawn(self._tell_deleted(self.workspace.conversations[message.channel], message))

    def bot_reacted(self, message: Message, user: str, name: str, added: bool) -> None:  # noqa: FBT001 -- a callback
        """And its emoji."""
        self.spawn(self._tell_reaction(message, user, name, added=added))

    async def _toggle(self, user: str, message: Message, name: str, *, added: bool) -> None:
        person, conversation = self._writer(user, message.channel)
        now = self._stands(conversation, message.ts)
        try:
            name = read_emoji(name)
            (self._reactions.put if added else self._reactions.take)(now, person.id, name)
        except SlackError as error:
            raise NotPossibleError(f"{user} cannot do that with {name}: {error.error}") from None
        await self._tell_reaction(now, person.id, name, added=added)

    async def _tell_message(self, channel: Conversation, message: Message) -> Told | None:
        event = self._write(channel, message)
        if message.broadcast:
            event["root"] = write_message(channel.history[message.thread_ts])
        return await self._tell_in(channel, event)

    async def _tell_changed(self, channel: Conversation, message: Message, before: Message) -> Told | None:
        more = {"message": self._write(channel, message), "previous_message": self._write(channel, before)}
        return await self._tell_in(channel, _hidden(channel, "message_changed", self.workspace.ts(), more))

    async def _tell_deleted(self, channel: Conversation, message: Message) -> Told | None:
        if message.ts in channel.history:  # the stone of a thread's parent
            return await self._tell_changed(channel, channel.history[message.ts], message)
        more = {"deleted_ts": message.ts, "previous_message": self._write(channel, message)}
        return await self._tell_in(channel, _hidden(channel, "message_deleted", self.workspace.ts(), more))

    async def _tell_reaction(self, message: Message, user: str, name: str, *, added: bool) -> Told | None:
        channel = self.workspace.conversations[message.channel]
        if not channel.has_bot:
            return None
        event = {
            "type": "reaction_added" if added else "reaction_removed",
            "user": user,
            "reaction": name,
            "item": {"type": "message", "channel": channel.id, "ts": message.ts},
            **({"item_user": message.user} if message.user else {}),
        }
        return await self.tell(event, ext_shared=channel.ext_shared)

    async def _tell_in(self, channel: Conversation, event: dict[str, Any]) -> Told | None:
        if not channel.has_bot:
            return None
        return await self.tell(event, name=_EVENTS[channel.kind], ext_shared=channel.ext_shared)

    def _write(self, channel: Conversation, message: Message) -> dict[str, Any]:
        event = write_message(message) | {
            "channel": channel.id,
            "channel_type": _CHANNEL_TYPES[channel.kind],
            "event_ts": message.ts,
        }
        parent = channel.history.get(message.thread_ts)
        if message.is_reply and parent is not None and parent.user:
            event["parent_user_id"] = parent.user
        return event

    def _writer(self, user: str, channel: str | Conversation) -> tuple[Person, Conversation]:
        person, conversation = self.workspace.person(user), self.workspace.conversation(channel)
        if person.id not in conversation.members or conversation.archived or person.deleted:
            raise NotPossibleError(f"{user} cannot write in {conversation.name}")
        if conversation.kind == "im" and conversation.has_bot and not self.manifest.writable:
            raise NotPossibleError(f"nobody can write in the DM with {self.manifest.name}")
        return person, conversation

    def _mine(self, user: str, message: Message) -> tuple[Person, Conversation, Message]:
        person, conversation = self._writer(user, message.channel)
        now = self._stands(conversation, message.ts)
        if now.user != person.id:
            raise NotPossibleError(f"{user} did not write that message")
        return person, conversation, now

    def _stands(self, channel: Conversation, ts: str) -> Message:
        message = channel.history.get(ts)
        if message is None or message.subtype == "tombstone":
            raise NotPossibleError(f"there is no message {ts} in {channel.name}")
        return message

    def _parent(self, channel: Conversation, ts: str) -> None:
        parent = channel.history.get(ts)
        if parent is None or parent.is_reply or (parent.is_notice and parent.subtype != "tombstone"):
            raise NotPossibleError(f"there is no thread {ts} in {channel.name}")

    def _kept(self, person: Person, typed: str) -> str:
        return write_typed(typed, list(self.workspace.people.values()), list(self.workspace.seen_by(person.id)))


def _hidden(channel: Conversation, subtype: str, ts: str, more: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "message",
        "subtype": subtype,
        "hidden": True,
        "channel": channel.id,
        "channel_type": _CHANNEL_TYPES[channel.kind],
        "ts": ts,
        "event_ts": ts,
        **more,
    }


def _blocks(text: str, blocks: Iterable[Block] | None) -> tuple[Block, ...]:
    if blocks is not None:
        return tuple(blocks)
    return (write_rich_text(text),) if text else ()

"""chat.* and views.*: what a bot shows."""

from dataclasses import replace
from typing import Any, Protocol

from playground.slack.conversation_methods import ConversationMethods
from playground.slack.errors import SlackError
from playground.slack.json_objects import write_ephemeral, write_message
from playground.slack.limits import (
    MESSAGE_CHARACTERS,
    MESSAGE_TEXT,
    check_blocks,
    check_metadata,
    count_characters,
)
from playground.slack.mentions import find_pings
from playground.slack.records import Ping, Records
from playground.slack.views import OpenView, Views, refuse, with_ids
from playground.slack.web_api import Arguments, Method, flag, need, required
from playground.slack.workspace import BOT, BOT_USER, Block, Conversation, Ephemeral, Message, Workspace

UPDATE_TEXT = 4_000  # characters; chat.update takes fewer than chat.postMessage


class Watcher(Protocol):
    """Who is told of what an app did to messages."""

    def bot_posted(self, message: Message) -> None:
        """There is a new one."""

    def bot_changed(self, message: Message, before: Message) -> None:
        """One has another text."""

    def bot_deleted(self, message: Message) -> None:
        """One is gone."""


class ChatMethods:
    """What a bot may post, change and open.

    Args:
        workspace: Where it is shown.
        views: The modals.
        records: Told of each change.
        channels: Knows which channels the bot may know of.
        scopes: Of the bot's token.
        watcher: Told of each message that is new, changed or gone.
    """

    def __init__(
        self,
        workspace: Workspace,
        views: Views,
        records: Records,
        channels: ConversationMethods,
        scopes: tuple[str, ...],
        watcher: Watcher,
    ) -> None:
        self._workspace = workspace
        self._views = views
        self._records = records
        self._channels = channels
        self._scopes = scopes
        self._watcher = watcher

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        return {
            "chat.postMessage": self.post_message,
            "chat.update": self.update,
            "chat.delete": self.delete,
            "chat.postEphemeral": self.post_ephemeral,
            "chat.getPermalink": self.get_permalink,
            "views.open": self.views_open,
            "views.push": self.views_push,
            "views.update": self.views_update,
        }

    def post_message(self, arguments: Arguments) -> dict[str, Any]:
        """chat.postMessage."""
        need(self._scopes, "chat:write")
        if any(arguments.get(name) for name in ("username", "icon_emoji", "icon_url")):
            need(self._scopes, "chat:write.customize")
        channel = self._postable(arguments)
        text, blocks = checked_content(arguments, MESSAGE_TEXT)
        refuse(check_metadata(arguments.get("metadata")), "invalid_metadata_format")
        thread = self._thread(channel, arguments)
        message = self.post(
            channel,
            Message(
                channel.id,
                self._workspace.ts(),
                BOT_USER,
                text,
                blocks,
                arguments.get("metadata"),
                thread_ts=thread,
                bot_id=BOT,
                broadcast=bool(thread) and flag(arguments, "reply_broadcast"),
                username=str(arguments.get("username") or ""),
            ),
            link_names=flag(arguments, "link_names"),
        )
        return {"channel": channel.id, "ts": message.ts, "message": write_message(message, metadata=True)}

    def post(self, channel: Conversation, message: Message, *, link_names: bool = False) -> Message:
        """Put a new message up, of the app or of a person, and note whom it pings."""
        if message.is_reply:
            self._workspace.mark_parent(channel, message.thread_ts)
        self._workspace.put(message)
        people = set(find_pings(message.text, message.blocks))
        if link_names:
            people |= {each.id for each in self._workspace.people.values() if f"@{each.name}" in message.text}
        if people:
            self._records.pings.append(Ping(channel.id, message.ts, frozenset(people)))
        self._records.change("message", channel=channel.id, message=write_message(message, metadata=True))
        self._watcher.bot_posted(message)
        return message

    def update(self, arguments: Arguments) -> dict[str, Any]:
        """chat.update: text without blocks takes the blocks away."""
        need(self._scopes, "chat:write")
        channel, message = self._own(arguments, "cant_update_message")
        if channel.archived:
            raise SlackError("is_inactive")
        text, blocks = checked_content(arguments, UPDATE_TEXT)
        refuse(check_metadata(arguments.get("metadata")), "invalid_metadata_format")
        changed = replace(
            message,
            text=text,
            blocks=blocks,
            metadata=arguments.get("metadata", message.metadata),
            broadcast=message.broadcast or (message.is_reply and flag(arguments, "reply_broadcast")),
            edited_ts=message.edited_ts if blocks else self._workspace.ts(),
        )
        self.change(changed)
        written = write_message(changed, metadata=True)
        return {"channel": channel.id, "ts": message.ts, "text": text, "message": written}

    def change(self, message: Message, *, by_app: bool = True) -> None:
        """Put a new version of a message up; an edit notifies nobody."""
        before = self._workspace.conversations[message.channel].history[message.ts]
        self._workspace.put(message)
        self._records.change("message_changed", channel=message.channel, message=write_message(message, metadata=True))
        if by_app:
            self._watcher.bot_changed(message, before)

    def delete(self, arguments: Arguments) -> dict[str, Any]:
        """chat.delete."""
        need(self._scopes, "chat:write")
        channel, message = self._own(arguments, "cant_delete_message")
        self.remove(message)
        return {"channel": channel.id, "ts": message.ts}

    def remove(self, message: Message, *, by_app: bool = True) -> None:
        """Take a message away; a parent leaves a stone where it was."""
        channel = self._workspace.conversations[message.channel]
        if channel.thread(message.ts):
            channel.history[message.ts] = replace(
                message,
                text="This message was deleted.",
                blocks=(),
                metadata=None,
                subtype="tombstone",
                files=(),
                attachments=(),
                reactions=(),
            )
        else:
            del channel.history[message.ts]
        self._records.change("message_deleted", channel=message.channel, ts=message.ts)
        if by_app:
            self._watcher.bot_deleted(message)

    def get_permalink(self, arguments: Arguments) -> dict[str, Any]:
        """chat.getPermalink: no scope, and no membership in public channels."""
        name, ts = required(arguments, "channel", "message_ts")
        channel = self._channels.find(name)
        message = channel.history.get(ts)
        if message is None or message.is_notice:
            raise SlackError("message_not_found")
        address = f"https://acme.slack.com/archives/{channel.id}/p{ts.replace('.', '')}"
        if message.is_reply:
            address += f"?thread_ts={message.thread_ts}&cid={channel.id}"
        return {"channel": channel.id, "permalink": address}

    def post_ephemeral(self, arguments: Arguments) -> dict[str, Any]:
        """chat.postEphemeral."""
        need(self._scopes, "chat:write")
        (user,) = required(arguments, "user")
        channel = self._postable(arguments)
        if user not in channel.members:
            raise SlackError("user_not_in_channel")
        text, blocks = checked_content(arguments, MESSAGE_TEXT)
        thread = self._thread(channel, arguments)
        return {"message_ts": self.whisper(channel, user, text, blocks, thread).ts}

    def whisper(
        self, channel: Conversation, user: str, text: str, blocks: tuple[Block, ...] = (), thread: str = ""
    ) -> Ephemeral:
        """Show one person something."""
        ephemeral = Ephemeral(channel.id, self._workspace.ts(), user, text, blocks, thread)
        self._workspace.ephemerals.append(ephemeral)
        people = find_pings(text, blocks)
        if people:
            self._records.pings.append(Ping(channel.id, ephemeral.ts, people))
        self._records.change("ephemeral", ephemeral=write_ephemeral(ephemeral))
        return ephemeral

    def unwhisper(self, ephemeral: Ephemeral, instead: Ephemeral | None = None) -> None:
        """Take an ephemeral away, or put another in its place; nothing comes of one that a reload has taken."""
        shown = self._workspace.ephemerals
        at = next((index for index, each in enumerate(shown) if each.ts == ephemeral.ts), None)
        if at is None:
            return
        shown[at : at + 1] = [] if instead is None else [instead]
        self._records.change("ephemeral_gone", user=ephemeral.user, channel=ephemeral.channel, ts=ephemeral.ts)
        if instead is not None:
            self._records.change("ephemeral", ephemeral=write_ephemeral(instead))

    def views_open(self, arguments: Arguments) -> dict[str, Any]:
        """views.open."""
        (trigger,) = required(arguments, "trigger_id")
        return self._shown(self._views.open(trigger, arguments.get("view")))

    def views_push(self, arguments: Arguments) -> dict[str, Any]:
        """views.push."""
        (trigger,) = required(arguments, "trigger_id")
        return self._shown(self._views.push(trigger, arguments.get("view")))

    def views_update(self, arguments: Arguments) -> dict[str, Any]:
        """views.update."""
        return self._shown(
            self._views.update(
                arguments.get("view"),
                view_id=str(arguments.get("view_id") or ""),
                external_id=str(arguments.get("external_id") or ""),
                hash_=str(arguments.get("hash") or ""),
            )
        )

    def _shown(self, view: OpenView) -> dict[str, Any]:
        self._records.change("view", user=view.user, view=view.write())
        return {"view": view.write()}

    def _postable(self, arguments: Arguments) -> Conversation:
        (name,) = required(arguments, "channel")
        if name in self._workspace.people:
            if self._workspace.people[name].bot or self._workspace.people[name].deleted:
                raise SlackError("channel_not_found")
            return self._workspace.app_dm(name)
        if name.startswith("#"):
            found = [each.id for each in self._workspace.conversations.values() if f"#{each.name}" == name]
            name = found[0] if found else ""
        channel = self._channels.find(name)
        if channel.archived:
            raise SlackError("is_archived")
        if not channel.has_bot and "chat:write.public" not in self._scopes:
            raise SlackError("not_in_channel")
        return channel

    def _thread(self, channel: Conversation, arguments: Arguments) -> str:
        thread = str(arguments.get("thread_ts") or "")
        if not thread:
            return ""
        if thread not in channel.history:
            raise SlackError("thread_not_found")
        if channel.history[thread].is_reply or channel.history[thread].is_notice:
            raise SlackError("cannot_reply_to_message")
        return thread

    def _own(self, arguments: Arguments, refusal: str) -> tuple[Conversation, Message]:
        name, ts = required(arguments, "channel", "ts")
        channel = self._channels.find(name)
        message = channel.history.get(ts)
        if message is None or message.subtype == "tombstone":
            raise SlackError("message_not_found")
        if message.bot_id != BOT:
            raise SlackError(refusal)
        return channel, message


def checked_content(arguments: Arguments, most: int) -> tuple[str, tuple[Block, ...]]:
    """The text and the blocks of a message, as Slack would take them."""
    text = str(arguments.get("text") or "")
    blocks = arguments.get("blocks") or []
    if not text and not blocks:
        raise SlackError("no_text")
    if len(text) > most:
        raise SlackError("msg_too_long")
    refuse(check_blocks(blocks, "message"), "invalid_blocks")
    if count_characters(blocks) > MESSAGE_CHARACTERS:
        raise SlackError("msg_blocks_too_long")
    return text, tuple(with_ids(blocks))

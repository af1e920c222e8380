"""conversations.*, users.*, auth.test, team.info and bots.info."""

from collections.abc import Callable, Sequence
from typing import Any

from playground.slack.errors import SlackError
from playground.slack.json_objects import write_conversation, write_message, write_parent, write_user
from playground.slack.web_api import Arguments, Method, flag, need, required
from playground.slack.workspace import APP, BOT, BOT_USER, TEAM, Conversation, Message, Workspace

_READ = {"public": "channels:read", "private": "groups:read", "im": "im:read", "mpim": "mpim:read"}
_HISTORY = {
    "public": "channels:history",
    "private": "groups:history",
    "im": "im:history",
    "mpim": "mpim:history",
}
_MOST_IN_DM = 8  # people, the app aside
_TYPES = {"public_channel": "public", "private_channel": "private", "im": "im", "mpim": "mpim"}


class ConversationMethods:
    """What a bot may ask about people and channels.

    Args:
        workspace: Asked about.
        scopes: Of the bot's token.
        joined: Called when the bot has joined a channel.
    """

    def __init__(self, workspace: Workspace, scopes: tuple[str, ...], joined: Callable[[Conversation], None]) -> None:
        self._workspace = workspace
        self._scopes = scopes
        self._joined = joined

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        return {
            "auth.test": self.auth_test,
            "team.info": self.team_info,
            "bots.info": self.bots_info,
            "users.info": self.users_info,
            "users.list": self.users_list,
            "users.conversations": self.users_conversations,
            "conversations.info": self.info,
            "conversations.list": self.list,
            "conversations.join": self.join,
            "conversations.open": self.open,
            "conversations.history": self.history,
            "conversations.replies": self.replies,
        }

    def find(self, channel: str) -> Conversation:
        """A conversation that the bot may know of; private ones only as a member."""
        found = self._workspace.conversations.get(channel)
        if found is None or (found.kind != "public" and not found.has_bot):
            raise SlackError("channel_not_found")
        return found

    def auth_test(self, arguments: Arguments) -> dict[str, Any]:  # noqa: ARG002 -- all methods are called alike
        """auth.test."""
        return {
            "url": "https://acme.slack.com/",
            "team": "Acme",
            "user": "threadtext",
            "team_id": TEAM,
            "user_id": BOT_USER,
            "bot_id": BOT,
            "is_enterprise_install": False,
        }

    def team_info(self, arguments: Arguments) -> dict[str, Any]:  # noqa: ARG002 -- all methods are called alike
        """team.info."""
        need(self._scopes, "team:read")
        return {"team": {"id": TEAM, "name": "Acme", "domain": "acme", "email_domain": "acme.test"}}

    def bots_info(self, arguments: Arguments) -> dict[str, Any]:
        """bots.info."""
        need(self._scopes, "users:read")
        if arguments.get("bot", BOT) != BOT:
            raise SlackError("bot_not_found")
        return {"bot": {"id": BOT, "deleted": False, "name": "Threadtext", "app_id": APP, "user_id": BOT_USER}}

    def users_info(self, arguments: Arguments) -> dict[str, Any]:
        """users.info."""
        need(self._scopes, "users:read")
        (user,) = required(arguments, "user")
        if user not in self._workspace.people:
            raise SlackError("user_not_found")
        return {"user": write_user(self._workspace.people[user])}

    def users_list(self, arguments: Arguments) -> dict[str, Any]:
        """users.list."""
        need(self._scopes, "users:read")
        people, cursor = _page(sorted(self._workspace.people.values(), key=lambda each: each.id), arguments, 1000)
        return {"members": [write_user(each) for each in people], "cache_ts": 1_700_000_000, **cursor}

    def users_conversations(self, arguments: Arguments) -> dict[str, Any]:
        """users.conversations: those that the bot, or another user, is in."""
        user = str(arguments.get("user") or BOT_USER)
        if user not in self._workspace.people:
            raise SlackError("user_not_found")
        return self._listed([each for each in self._of_types(arguments) if user in each.members], arguments)

    def list(self, arguments: Arguments) -> dict[str, Any]:
        """conversations.list."""
        return self._listed(self._of_types(arguments), arguments)

    def info(self, arguments: Arguments) -> dict[str, Any]:
        """conversations.info."""
        need(self._scopes, *_READ.values())
        (name,) = required(arguments, "channel")
        channel = self.find(name)
        need(self._scopes, _READ[channel.kind])
        return {"channel": write_conversation(channel)}

    def join(self, arguments: Arguments) -> dict[str, Any]:
        """conversations.join."""
        need(self._scopes, "channels:join")
        (name,) = required(arguments, "channel")
        channel = self.find(name)
        if channel.kind != "public":
            raise SlackError("method_not_supported_for_channel_type")
        if channel.archived:
            raise SlackError("is_archived")
        if channel.has_bot:
            again = {"warning": "already_in_channel", "response_metadata": {"warnings": ["already_in_channel"]}}
            return {"channel": write_conversation(channel), **again}
        channel.members.add(BOT_USER)
        self._joined(channel)
        return {"channel": write_conversation(channel)}

    def open(self, arguments: Arguments) -> dict[str, Any]:
        """conversations.open: the app's DM with one person, or with up to eight together."""
        if arguments.get("channel"):
            channel = self.find(str(arguments["channel"]))
            if channel.kind not in {"im", "mpim"}:
                raise SlackError("method_not_supported_for_channel_type")
            need(self._scopes, f"{channel.kind}:write")
            return {"channel": {"id": channel.id}, "no_op": True, "already_open": True}
        users = list(dict.fromkeys(each.strip() for each in _names(arguments) if each.strip()))
        if not users:
            raise SlackError("users_list_not_supplied")
        need(self._scopes, "im:write" if len(users) == 1 else "mpim:write")
        if len(users) > _MOST_IN_DM:
            raise SlackError("too_many_users")
        for user in users:
            self._addressable(user)
        dm = self._workspace.app_dm(users[0]) if len(users) == 1 else self._workspace.group_dm(users)
        return {"channel": write_conversation(dm) if flag(arguments, "return_im") else {"id": dm.id}}

    def _addressable(self, user: str) -> None:
        person = self._workspace.people.get(user)
        if person is None:
            raise SlackError("user_not_found")
        if person.bot:
            raise SlackError("cannot_dm_bot")
        if person.deleted:
            raise SlackError("user_disabled")

    def history(self, arguments: Arguments) -> dict[str, Any]:
        """conversations.history: newest first, without replies."""
        channel = self._readable(arguments)
        shown = [each for each in channel.history.values() if not each.is_reply or each.broadcast]
        messages, cursor = _page(list(reversed(_between(shown, arguments))), arguments, 999)
        metadata = flag(arguments, "include_all_metadata")
        written = [write_parent(each, channel, metadata=metadata) for each in messages]
        return {"messages": written, "has_more": bool(cursor), "pin_count": 0, **cursor}

    def replies(self, arguments: Arguments) -> dict[str, Any]:
        """conversations.replies: the parent, then the replies, oldest first."""
        channel = self._readable(arguments)
        (ts,) = required(arguments, "ts")
        if ts not in channel.history:
            raise SlackError("thread_not_found")
        parent = channel.history[ts]
        metadata = flag(arguments, "include_all_metadata")
        replies, cursor = _page(_between(channel.thread(ts), arguments), arguments, 1000)
        written = [write_message(each, metadata=metadata) for each in replies]
        first = [write_parent(parent, channel, metadata=metadata)]
        return {"messages": first + written, "has_more": bool(cursor), **cursor}

    def _readable(self, arguments: Arguments) -> Conversation:
        need(self._scopes, *_HISTORY.values())
        (name,) = required(arguments, "channel")
        channel = self.find(name)
        need(self._scopes, _HISTORY[channel.kind])
        if not channel.has_bot:
            raise SlackError("not_in_channel")
        return channel

    def _of_types(self, arguments: Arguments) -> Sequence[Conversation]:
        names = str(arguments.get("types") or "public_channel").split(",")
        if any(each.strip() not in _TYPES for each in names):
            raise SlackError("invalid_types")
        kinds = {_TYPES[each.strip()] for each in names}
        for kind in sorted(kinds):
            need(self._scopes, _READ[kind])
        archived = not flag(arguments, "exclude_archived")
        return [
            each
            for each in sorted(self._workspace.conversations.values(), key=lambda each: each.id)
            if each.kind in kinds and (each.kind == "public" or each.has_bot) and (archived or not each.archived)
        ]

    def _listed(self, channels: Sequence[Conversation], arguments: Arguments) -> dict[str, Any]:
        page, cursor = _page(channels, arguments, 999)
        return {"channels": [write_conversation(each) for each in page], **cursor}


def _names(arguments: Arguments) -> list[str]:
    users = arguments.get("users") or ""
    return [str(each) for each in users] if isinstance(users, list) else str(users).split(",")


def _between(messages: Sequence[Message], arguments: Arguments) -> list[Message]:
    oldest, latest = str(arguments.get("oldest") or "0"), str(arguments.get("latest") or "9999999999.999999")
    try:
        low, high = _micros(oldest), _micros(latest)
    except ValueError:
        raise SlackError("invalid_ts_oldest") from None
    inclusive = flag(arguments, "inclusive")
    return [
        each for each in messages if low < _micros(each.ts) < high or (inclusive and _micros(each.ts) in {low, high})
    ]


def _micros(ts: str) -> int:
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int(fraction[:6].ljust(6, "0"))


def _page(items: Sequence[Any], arguments: Arguments, most: int) -> tuple[list[Any], dict[str, Any]]:
    try:
        limit = int(arguments.get("limit") or min(100, most))
    except ValueError:
        raise SlackError("invalid_limit") from None
    if not 1 <= limit <= most:
        raise SlackError("invalid_limit")
    cursor = str(arguments.get("cursor") or "")
    if cursor and not cursor.startswith("next:"):
        raise SlackError("invalid_cursor")
    start = int(cursor.removeprefix("next:") or 0)
    more = start + limit < len(items)
    return list(items[start : start + limit]), {
        "response_metadata": {"next_cursor": f"next:{start + limit}"}
    } if more else {}

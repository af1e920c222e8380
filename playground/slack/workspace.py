"""The workspace: its people, channels, messages and open views. Plain state; nobody is asked or told anything here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from playground.slack.errors import NotPossibleError

TEAM = "T0ACME"
OTHER_TEAM = "T0GLOBEX"
APP = "A0THREADTEXT"
BOT_USER = "U0THREADTEXT"
BOT = "B0THREADTEXT"

Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """A user of Slack, people and bots alike.

    Attributes:
        id: `U…`.
        name: The handle, without `@`; our own key for it.
        real_name: As Slack shows it.
        team: Theirs; another company's for people of a shared channel.
        admin, owner, restricted, ultra_restricted, bot, deleted: As users.info has them.
    """

    id: str
    name: str
    real_name: str
    team: str = TEAM
    admin: bool = False
    owner: bool = False
    restricted: bool = False
    ultra_restricted: bool = False
    bot: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it stands; an edit makes a new value, so that an old one is what a slow client still shows.

    Attributes:
        channel: Id of its conversation.
        ts: Its name within the conversation.
        user: Who wrote it.
        text, blocks, metadata: As the Web API has them.
        thread_ts: The parent's ts, "" outside of threads; a parent has its own.
        bot_id: Of the app that wrote it, "" for people.
        subtype: `channel_join` and the like, `file_share`, `bot_message`; "" for an ordinary message.
        broadcast: A reply that is shown in the channel too.
        edited_ts: When its text was changed without blocks, "" otherwise.
        username: A name of the app's own choosing, "" for its usual one.
        team: Of whoever wrote it.
        client_msg_id: Given by a person's client, "" for apps.
        files, attachments: As the Web API has them; attachments are what Slack shows of links.
        reactions: Who gave each emoji, in their order.
    """

    channel: str
    ts: str
    user: str
    text: str
    blocks: tuple[Block, ...] = ()
    metadata: dict[str, Any] | None = None
    thread_ts: str = ""
    bot_id: str = ""
    subtype: str = ""
    broadcast: bool = False
    edited_ts: str = ""
    username: str = ""
    team: str = TEAM
    client_msg_id: str = ""
    files: tuple[dict[str, Any], ...] = ()
    attachments: tuple[dict[str, Any], ...] = ()
    reactions: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def is_reply(self) -> bool:
        """Whether it stands in a thread, below its parent."""
        return self.thread_ts not in {"", self.ts}

    @property
    def is_notice(self) -> bool:
        """Whether Slack wrote it: that somebody joined, that a message was deleted."""
        return self.subtype not in {"", "file_share", "bot_message"}

    def reacted(self, name: str) -> tuple[str, ...]:
        """Who gave this emoji."""
        return dict(self.reactions).get(name, ())


@dataclass(frozen=True, slots=True)
class Ephemeral:
    """A message that one person sees until they reload.

    Attributes:
        channel, ts, text, blocks, thread_ts: As of a message.
        user: Who sees it.
    """

    channel: str
    ts: str
    user: str
    text: str
    blocks: tuple[Block, ...] = ()
    thread_ts: str = ""


@dataclass(slots=True)
class Conversation:
    """A channel, a private channel, a DM or a DM of several people.

    Attributes:
        id: `C…`, of a DM `D…`, of several people's `G…`.
        name: Without `#`; of a DM our own key for it, such as `dm-alice-ben`.
        kind: `public`, `private`, `im` or `mpim`.
        members: Ids.
        archived, ext_shared: As conversations.info has them.
        history: All messages, replies too, oldest first.
    """

    id: str
    name: str
    kind: str
    members: set[str]
    archived: bool = False
    ext_shared: bool = False
    history: dict[str, Message] = field(default_factory=dict)

    @property
    def messages(self) -> tuple[Message, ...]:
        """What people and apps wrote in the channel, oldest first, without replies and Slack's own notices."""
        return tuple(each for each in self.history.values() if not each.is_reply and not each.is_notice)

    @property
    def shown(self) -> tuple[Message, ...]:
        """The same with the replies that were also sent to the channel."""
        return tuple(
            each for each in self.history.values() if (not each.is_reply or each.broadcast) and not each.is_notice
        )

    def thread(self, ts: str) -> tuple[Message, ...]:
        """The replies to a message, oldest first."""
        return tuple(each for each in self.history.values() if each.is_reply and each.thread_ts == ts)

    @property
    def has_bot(self) -> bool:
        """Whether the app's bot is a member."""
        return BOT_USER in self.members


class Workspace:
    """A small company: people of every kind, and channels of every kind.

    `alice` (member), `ben` (admin), `olivia` (owner), `gus` (guest), `uma` (single-channel guest), `dana`
    (deactivated), `otherbot` (another app), `erin` (of another company), and the app itself, `threadtext`.

    `general`, `support` (with the bot), `random` (without), `vip` (private, with), `leads` (private, without),
    `old-deals` (archived, with), `globex` (shared with another company, with), `dm-alice-ben`.
    """

    def __init__(self, clock: Callable[[], float], bot_name: str) -> None:
        self._clock = clock
        self._last = 0
        self.people: dict[str, Person] = {}
        self.conversations: dict[str, Conversation] = {}
        self.ephemerals: list[Ephemeral] = []
        for each in _people(bot_name):
            self.people[each.id] = each
        for channel in _conversations():
            self.conversations[channel.id] = channel

    def ts(self) -> str:
        """A new ts: never given before, and later than all before it."""
        self._last = max(self._last + 1, int(self._clock() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def person(self, who: str) -> Person:
        """A person by id or handle.

        Raises:
            NotPossibleError: There is none.
        """
        for each in self.people.values():
            if who in {each.id, each.name}:
                return each
        raise NotPossibleError(f"there is nobody called {who}")

    def conversation(self, which: str | Conversation) -> Conversation:
        """A conversation by id or name.

        Raises:
            NotPossibleError: There is none.
        """
        if isinstance(which, Conversation):
            return which
        if which in self.conversations:
            return self.conversations[which]
        for each in self.conversations.values():
            if each.name == which.removeprefix("#"):
                return each
        raise NotPossibleError(f"there is no conversation called {which}")

    def app_dm(self, user: str) -> Conversation:
        """The DM of a person with the app, opened when it is not yet there."""
        person = self.person(user)
        channel = f"D0{person.id.removeprefix('U0')}"
        if channel not in self.conversations:
            dm = Conversation(channel, f"dm-{person.name}", "im", {person.id, BOT_USER})
            self.conversations[channel] = dm
        return self.conversations[channel]

    def group_dm(self, users: Iterable[str]) -> Conversation:
        """The DM of several people with the app, opened when it is not yet there."""
        members = {*users, BOT_USER}
        for each in self.conversations.values():
            if each.kind == "mpim" and each.members == members:
                return each
        handles = sorted(self.people[each].name for each in members)
        count = sum(each.kind == "mpim" for each in self.conversations.values()) + 1
        group = Conversation(f"G0MPDM{count:05}", f"mpdm-{'--'.join(handles)}-1", "mpim", members)
        self.conversations[group.id] = group
        return group

    def put(self, message: Message) -> Message:
        """Store a new message or a new version of one."""
        self.conversations[message.channel].history[message.ts] = message
        return message

    def mark_parent(self, channel: Conversation, ts: str) -> None:
        """Make a message the parent of a thread."""
        parent = channel.history[ts]
        if not parent.thread_ts:
            channel.history[ts] = replace(parent, thread_ts=ts)

    def seen_by(self, user: str) -> Iterable[Conversation]:
        """The conversations that a person sees: public ones and their own."""
        guest = self.people[user].restricted or self.people[user].team != TEAM
        for each in self.conversations.values():
            if user in each.members or (each.kind == "public" and not guest):
                yield each


def _people(bot_name: str) -> tuple[Person, ...]:
    return (
        Person("U0ALICE", "alice", "Alice Archer"),
        Person("U0BEN", "ben", "Ben Baker", admin=True),
        Person("U0OLIVIA", "olivia", "Olivia Ortiz", admin=True, owner=True),
        Person("U0GUS", "gus", "Gus Guest", restricted=True),
        Person("U0UMA", "uma", "Uma Underwood", restricted=True, ultra_restricted=True),
        Person("U0DANA", "dana", "Dana Departed", deleted=True),
        Person("U0OTHERBOT", "otherbot", "Otherbot", bot=True),
        Person("U0ERIN", "erin", "Erin Elsewhere", team=OTHER_TEAM),
        Person(BOT_USER, "threadtext", bot_name, bot=True),
    )


def _conversations() -> tuple[Conversation, ...]:
    staff = {"U0ALICE", "U0BEN", "U0OLIVIA"}
    return (
        Conversation("C0GENERAL", "general", "public", {*staff, "U0GUS", "U0OTHERBOT", BOT_USER}),
        Conversation("C0SUPPORT", "support", "public", {*staff, "U0GUS", "U0UMA", "U0OTHERBOT", BOT_USER}),
        Conversation("C0RANDOM", "random", "public", {*staff, "U0GUS"}),
        Conversation("C0VIP", "vip", "private", {"U0ALICE", "U0BEN", BOT_USER}),
        Conversation("C0LEADS", "leads", "private", {"U0ALICE", "U0BEN"}),
        Conversation("C0OLDDEALS", "old-deals", "public", {*staff, BOT_USER}, archived=True),
        Conversation("C0GLOBEX", "globex", "public", {*staff, "U0ERIN", BOT_USER}, ext_shared=True),
        Conversation("D0ALICEBEN", "dm-alice-ben", "im", {"U0ALICE", "U0BEN"}),
    )

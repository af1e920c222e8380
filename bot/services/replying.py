"""Replies in a conversation's thread: which go to the phone, which stay among colleagues, and taking them back."""

from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from bot.domain.ids import new_id
from bot.domain.media import SlackFile
from bot.domain.message import E164, Origin, Reply, ReplyState, Status, Wait
from bot.domain.notes import is_note
from bot.domain.quiet_hours import show_forecast
from bot.domain.rules import ChannelRule, Mode
from bot.errors import InvalidFieldsError, RefusedError
from bot.services.hours import Hours
from bot.services.ports import Accepting, Announcer, Clock, Hold, NewBatch, NewMessage, OptedOutError, RepeatedError
from bot.services.sending import Sending, explain_opted_out

_JUST = timedelta(minutes=2)  # within which two answers cross
_FORESEE = 0.5  # seconds for a sentence beside the button
_OVER = "This reply was sent to the phone already, or taken back."
_KNOWN = timedelta(minutes=10)  # how long a reply may be ahead of what we know of its thread
_NOT_REACHED = "What it said before did not reach the phone; to send it as it is now, write it again."
_TOO_LATE = "Your change came too late: the phone gets what it said before, unless you delete it in time."


@dataclass(frozen=True, slots=True)
class Written:
    """What somebody wrote in a thread.

    Attributes:
        team, channel, ts, thread_ts: Slack's names.
        user_id, user_name: Who.
        text: As the phone would show it.
        mentions: It speaks to somebody in Slack.
        files: What goes along.
        member: A member of this workspace; guests, other companies' people, bots and workflows are not.
        ours: The thread's root is the bot's, as Slack says.
    """

    team: str
    channel: str
    ts: str
    thread_ts: str
    user_id: str
    user_name: str
    text: str
    mentions: bool = False
    files: tuple[SlackFile, ...] = ()
    member: bool = True
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation as a reply in its thread needs it.

    Attributes:
        id: The conversation's.
        team: The workspace.
        sender: Our number.
        members: Theirs.
        stopped: Those of a group who have asked for no more texts; a reply leaves them out.
    """

    id: str
    team: str
    sender: E164
    members: tuple[E164, ...]
    stopped: tuple[E164, ...] = ()

    @property
    def is_group(self) -> bool:
        """Whether there are several phones."""
        return len(self.members) > 1

    @property
    def reached(self) -> tuple[E164, ...]:
        """Whom a reply goes to."""
        return tuple(number for number in self.members if number not in self.stopped)

    def without(self, numbers: tuple[E164, ...]) -> "Thread":
        """The same, now that these have asked for no more texts too."""
        return replace(self, stopped=tuple(each for each in self.members if each in {*self.stopped, *numbers}))


@dataclass(frozen=True, slots=True)
class Former:
    """A thread that its conversation has left.

    Attributes:
        thread: The conversation.
        channel, thread_ts: Where it is now, "" while it is shown nowhere yet.
    """

    thread: Thread
    channel: str
    thread_ts: str


@dataclass(frozen=True, slots=True)
class StoredReply:
    """A reply as it stands.

    Attributes:
        id: Of its entry.
        channel, user_id, user_name: Where, and who.
        thread: Its conversation.
        reply: The reply itself.
        at: When it was stored.
        status: Of its text, None when it has none.
        files: What goes along.
        returned: Phones of a group that take texts again since then; its author was told that it goes without them.
    """

    id: str
    channel: str
    user_id: str
    user_name: str
    thread: Thread
    reply: Reply
    at: datetime
    status: Status | None
    files: tuple[SlackFile, ...] = ()
    returned: tuple[E164, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """That somebody else has just answered."""

    user_id: str
    text: str


class Say(StrEnum):
    """What the author of a reply is told, and offered."""

    ASK = "ask"  # Send to phone
    UNDO = "undo"  # it goes in a few seconds
    SENT = "sent"
    HELD = "held"  # it was not sent, and why
    KEPT = "kept"  # the phone keeps what was sent
    MET = "met"  # somebody else has just answered, or it goes to more phones than its author was told
    LEFT = "left"  # the conversation goes on elsewhere


@dataclass(frozen=True, slots=True)
class Told:
    """What the author of a reply is told.

    Attributes:
        say: Which.
        reply_id: The reply's entry.
        channel, thread_ts, user_id: Whom, and where.
        why: A sentence, "" where none is needed.
        answered: Somebody else who has just answered, None when nobody has.
        members: The phones of a group, () for a text between two.
        stopped: Those of them who are left out.
        returned: Those of them who are left out no more.
        auto: It went by itself.
        former: The thread that it stands in, where its conversation has left it.
    """

    say: Say
    reply_id: str
    channel: str
    thread_ts: str
    user_id: str
    why: str = ""
    answered: Answered | None = None
    members: tuple[E164, ...] = ()
    stopped: tuple[E164, ...] = ()
    returned: tuple[E164, ...] = ()
    auto: bool = False
    former: Former | None = None


class Replies(Protocol):
    """The reply table and what it hangs on; bot.store.replies has the only one."""

    async def thread(self, channel: str, thread_ts: str) -> Thread | None:
        """The conversation of a thread, None when it is none's."""
        ...

    async def former(self, channel: str, thread_ts: str) -> Former | None:
        """A thread that was a conversation's before, None when it was none's."""
        ...

    async def find(self, channel: str, ts: str) -> StoredReply | None:
        """A reply by Slack's name."""
        ...

    async def get(self, reply_id: str) -> StoredReply | None:
        """A reply by ours."""
        ...

    async def text(self, reply: StoredReply, message: NewMessage, now: datetime) -> bool:
        """Text a reply that was held; False when it is no longer held.

        Raises:
            OptedOutError: Somebody asked for no more texts.
        """
        ...

    async def change(self, reply: StoredReply, text: str, now: datetime) -> bool:
        """Let a reply that has not left say something else; False when it has."""
        ...

    async def withdraw(self, reply: StoredReply, now: datetime) -> bool:
        """Take a reply back that has not left; False when it has."""
        ...

    async def answered(self, thread: Thread, but: str, since: datetime) -> Answered | None:
        """Somebody else's newest reply that was texted since then."""
        ...

    async def reaches_nobody(self, thread: Thread) -> bool:
        """Whether each phone of a conversation has asked for no more texts."""
        ...

    async def keep_stray(self, written: Written, now: datetime) -> None:
        """Keep a reply whose thread is not known yet."""
        ...

    async def strays(self, since: datetime) -> tuple[Written, ...]:
        """Replies whose threads are known by now; those of before `since` are forgotten."""
        ...

    async def change_stray(self, channel: str, ts: str, text: str, *, mentions: bool) -> None:
        """Let one say something else; nothing when there is none."""
        ...

    async def drop_stray(self, channel: str, ts: str) -> None:
        """Forget one; nothing when there is none."""
        ...


class ChannelRules(Protocol):
    """What administrators set; bot.store.rules has the only one."""

    async def channel_rule(self, channel: str) -> ChannelRule:
        """What was set for a channel."""
        ...


class Replying:
    """The use cases behind messages in threads, their buttons and reactions.

    Args:
        undo: How long a reply that is texted by itself can be taken back.
    """

    def __init__(
        self,
        *,
        replies: Replies,
        batches: Accepting,
        rules: ChannelRules,
        sending: Sending,
        hours: Hours,
        clock: Clock,
        announcer: Announcer,
        wake_outbox: Callable[[], None],
        undo: timedelta,
    ) -> None:
        self._replies = replies
        self._batches = batches
        self._rules = rules
        self._sending = sending
        self._hours = hours
        self._clock = clock
        self._announcer = announcer
        self._wake_outbox = wake_outbox
        self._undo = undo

    async def write(self, written: Written) -> Told | None:
        """Take a message that stands in a thread; None when nobody needs to be told anything.

        Raises:
            NotStoredError, StoredOrNotError: Slack should tell again.
        """
        thread = await self._replies.thread(written.channel, written.thread_ts)
        if thread is not None:
            return await self._take(written, thread)
        if not written.ours:
            return None
        former = await self._replies.former(written.channel, written.thread_ts)
        if former is not None:
            return await self._point_on(written, former)
        await self._replies.keep_stray(written, self._clock.now())
        return None

    async def take_strays(self) -> AsyncGenerator[Told, None]:
        """Take the replies whose threads have become known; each is to be told at once, should the next one fail."""
        for written in await self._replies.strays(self._clock.now() - _KNOWN):
            if told := await self.write(replace(written, ours=False)):
                yield told
            await self._replies.drop_stray(written.channel, written.ts)

    async def _take(self, written: Written, thread: Thread) -> Told | None:
        rule = await self._rules.channel_rule(written.channel)
        if rule.mode is Mode.OFF:
            return None
        noted = _is_noted(rule, written.text, mentions=written.mentions)
        if noted or not (written.member or rule.everyone):
            await self._store(written, thread, ReplyState.NOTE)
            return None
        flaw = self._flaw(thread, written.text, written.files)
        if flaw or rule.mode is Mode.ASK:
            return await self._hold_back(written, thread, flaw)
        return await self._text(written, thread)

    async def _point_on(self, written: Written, former: Former) -> Told | None:
        """Say once where a conversation is now to whoever meant to answer the phone where it is no more."""
        rule = await self._rules.channel_rule(written.channel)
        if rule.mode is Mode.OFF or not written.user_id:
            return None
        noted = _is_noted(rule, written.text, mentions=written.mentions)
        stored = await self._store(written, former.thread, ReplyState.NOTE)
        if not stored or noted or not (written.member or rule.everyone):
            return None
        return replace(_tell(Say.LEFT, stored, written, former.thread), former=former)

    async def _hold_back(self, written: Written, thread: Thread, flaw: str) -> Told | None:
        """Nothing goes until its author says so, or as long as something is wrong with it."""
        since = self._clock.now() - _JUST
        stored = await self._store(written, thread, ReplyState.HELD)
        if not stored:
            return None
        if not flaw and await self._replies.reaches_nobody(thread):
            flaw = _explain_stopped(thread)  # said now, it spares a press that would be refused
        told = _tell(Say.HELD if flaw else Say.ASK, stored, written, thread)
        why = flaw or await self._foresee(thread)
        return replace(told, why=why, answered=await self._replies.answered(thread, written.user_id, since))

    async def _text(self, written: Written, thread: Thread) -> Told | None:
        """It goes by itself, unless it is taken back."""
        now = self._clock.now()
        answered = await self._replies.answered(thread, written.user_id, now - _JUST)
        hold = await self._wait(thread, now)
        try:
            stored = await self._store(written, thread, ReplyState.TEXTED, hold)
        except OptedOutError as exc:
            rest = thread.without(exc.numbers)
            if rest.reached:
                return await self._text(written, rest)
            return await self._hold_back(written, rest, _explain_stopped(rest))
        self._wake_outbox()
        undo = hold is not None and hold.wait is Wait.UNDO
        if not stored or not (undo or answered):
            return None
        told = _tell(Say.UNDO if undo else Say.MET, stored, written, thread)
        return replace(told, answered=answered, auto=True)

    async def send(self, reply: StoredReply, user_id: str, *, anyway: bool = False) -> Told:
        """Text a reply that was held.

        Raises:
            RefusedError: It must not go, or is not held any more.
        """
        now, thread = self._clock.now(), reply.thread
        if user_id != reply.user_id:
            raise RefusedError("Only who wrote a reply can send it to the phone.")
        if reply.reply.state is ReplyState.NOTE:
            raise RefusedError("This reply stays among colleagues, so it was not sent.")
        if reply.reply.state is not ReplyState.HELD:
            raise RefusedError(_OVER)
        if flaw := self._flaw(thread, reply.reply.text, reply.files):
            raise RefusedError(flaw)
        answered = None if anyway else await self._replies.answered(thread, user_id, reply.at)
        returned = () if anyway else reply.returned
        if answered is not None or returned:
            return replace(_tell_of(Say.MET, reply), answered=answered, returned=returned)
        told = await self._send(reply, now)
        self._wake_outbox()
        self._announcer.wake()
        return told

    async def _send(self, reply: StoredReply, now: datetime) -> Told:
        """Text a held reply to those of its thread who take texts, also where one has said STOP just now."""
        thread = reply.thread
        hold = await self._hours.hold(thread.sender, thread.reached, now)
        try:
            sent = await self._replies.text(reply, _text_to(thread, hold), now)
        except OptedOutError as exc:
            rest = thread.without(exc.numbers)
            if not rest.reached:
                raise RefusedError(_explain_stopped(rest)) from exc
            return await self._send(replace(reply, thread=rest), now)
        if not sent:
            raise RefusedError(_OVER)
        return _tell_of(Say.SENT, reply)

    async def edit(
        self, channel: str, ts: str, text: str, *, mentions: bool = False, unseen: Written | None = None
    ) -> Told | None:
        """Somebody changed what they wrote: what has not left follows, what has is kept by the phone.

        What would not have been texted as it is now is not texted any more.

        Args:
            channel: Where it stands.
            ts: Slack's name of it.
            text: What it says now.
            mentions: It speaks to somebody in Slack now.
            unseen: All of it as it is now, where Slack has not told of it yet and may still do so.
        """
        told = None
        reply = await self._replies.find(channel, ts)
        if reply is None:
            await self._replies.change_stray(channel, ts, text, mentions=mentions)
            if unseen is None or self._clock.now() - _written_at(unseen) > _KNOWN:
                return None
            told = await self._anticipate(unseen)
            reply = await self._replies.find(channel, ts)
        if reply is None or reply.reply.text == text:
            return told
        if reply.status is Status.ACCEPTED:
            noted = _is_noted(await self._rules.channel_rule(channel), text, mentions=mentions)
            flaw = self._flaw(reply.thread, text, reply.files)
            if (noted or flaw) and await self._replies.withdraw(reply, self._clock.now()):
                self._announcer.wake()
                return None if noted else replace(_tell_of(Say.HELD, reply), why=flaw)
        if await self._replies.change(reply, text, self._clock.now()):
            return None
        return await self._explain_kept(reply)

    async def _anticipate(self, unseen: Written) -> Told | None:
        """Know a reply as it is now, so that it is not texted as it was when Slack tells of it; its author is asked."""
        thread = await self._replies.thread(unseen.channel, unseen.thread_ts)
        rule = await self._rules.channel_rule(unseen.channel)
        if thread is None or rule.mode is Mode.OFF:
            return None
        if _is_noted(rule, unseen.text, mentions=unseen.mentions) or not (unseen.member or rule.everyone):
            await self._store(unseen, thread, ReplyState.NOTE)
            return None
        return await self._hold_back(unseen, thread, self._flaw(thread, unseen.text, unseen.files))

    async def delete(self, channel: str, ts: str, *, unseen: Written | None = None) -> Told | None:
        """Somebody deleted what they wrote: what has not left does not go.

        Args:
            channel: Where it stood.
            ts: Slack's name of it.
            unseen: What to keep of it where Slack has not told of it yet, and may still do so; None for nothing.
        """
        reply = await self._replies.find(channel, ts)
        if reply is None:
            await self._replies.drop_stray(channel, ts)
            reply = await self._forestall(unseen) if unseen is not None else None
        if reply is None:
            return None
        if reply.status is Status.CANCELED:
            return None
        if await self._replies.withdraw(reply, self._clock.now()):
            self._announcer.wake()
            return None
        told = await self._explain_kept(reply)
        return told if told is not None and told.say is Say.KEPT else None

    async def _forestall(self, unseen: Written) -> StoredReply | None:
        """Know a reply as taken back, so that it is not texted when Slack tells of it; else what was just stored."""
        thread = await self._replies.thread(unseen.channel, unseen.thread_ts)
        if thread is None or (await self._rules.channel_rule(unseen.channel)).mode is Mode.OFF:
            return None
        if await self._store(unseen, thread, ReplyState.WITHDRAWN):
            return None
        return await self._replies.find(unseen.channel, unseen.ts)

    async def undo(self, reply: StoredReply, user_id: str) -> None:
        """Take a reply back before it leaves.

        Raises:
            RefusedError: It has left, or somebody else wrote it.
        """
        if user_id != reply.user_id:
            raise RefusedError("Only who wrote a reply can take it back.")
        if not await self._replies.withdraw(reply, self._clock.now()):
            raise RefusedError("Too late: the text has gone to CarrierX already, or may have.")
        self._announcer.wake()

    async def is_open(self, channel: str) -> bool:
        """Whether guests, other companies' people, bots and workflows may text from a channel, too."""
        return (await self._rules.channel_rule(channel)).everyone

    async def find(self, channel: str, ts: str) -> StoredReply | None:
        """A reply by Slack's name."""
        return await self._replies.find(channel, ts)

    async def get(self, reply_id: str) -> StoredReply | None:
        """A reply by ours."""
        return await self._replies.get(reply_id)

    async def _explain_kept(self, reply: StoredReply) -> Told | None:
        """What to tell of a reply that could not follow; it may have left since it was looked at."""
        now = await self._replies.get(reply.id) or reply
        if now.reply.state is not ReplyState.TEXTED or now.status is Status.CANCELED:
            return None
        if now.status is Status.FAILED:
            return replace(_tell_of(Say.HELD, now), why=_NOT_REACHED)
        return replace(_tell_of(Say.KEPT, now), why=_TOO_LATE if now.status is Status.ACCEPTED else "")

    def _flaw(self, thread: Thread, text: str, files: tuple[SlackFile, ...]) -> str:
        """Why a reply cannot be texted, "" when it can."""
        if not thread.reached:
            return _explain_stopped(thread)
        try:
            self._sending.check(thread.sender, thread.reached, text, files)
        except InvalidFieldsError as exc:
            return " ".join(exc.fields.values())
        return ""

    async def _foresee(self, thread: Thread) -> str:
        """That a reply would wait for the morning; "" when it would go at once, and when nobody can tell in time."""
        with suppress(TimeoutError):
            now = self._clock.now()
            forecast = await self._hours.foresee(thread.sender, (thread.reached,), now, within=_FORESEE)
            return "" if forecast is None else show_forecast(forecast)
        return ""

    async def _wait(self, thread: Thread, now: datetime) -> Hold | None:
        """The time to take a reply back, at whose end it must not be quiet; quiet hours are time enough."""
        hold = await self._hours.hold(thread.sender, thread.reached, now + self._undo)
        if not self._undo or (hold is not None and hold.wait is Wait.QUIET):
            return hold
        return Hold(Wait.UNDO, now + self._undo) if hold is None else replace(hold, wait=Wait.UNDO)

    async def _store(self, written: Written, thread: Thread, state: ReplyState, hold: Hold | None = None) -> str:
        """Store a reply and, where it is texted, its text; "" when it was stored before."""
        new = NewBatch(
            id=new_id(),
            key=f"reply:{written.team}:{written.channel}:{written.ts}",
            team=written.team,
            user_id=written.user_id,
            user_name=written.user_name,
            channel=written.channel,
            response_url="",
            sender=thread.sender,
            text=written.text,
            media_urls=(),
            files=written.files,
            accepted_at=self._clock.now(),
            messages=(_text_to(thread, hold),) if state is ReplyState.TEXTED else (),
            origin=Origin.REPLY,
            conversation_id=thread.id,
            reply=Reply(written.ts, written.thread_ts, state, written.text),
        )
        try:
            await self._batches.accept(new)
        except RepeatedError:
            return ""
        self._announcer.wake()
        return new.id


def _is_noted(rule: ChannelRule, text: str, *, mentions: bool) -> bool:
    """Whether words stay among colleagues, where replies go by themselves."""
    return rule.mode is Mode.AUTO and is_note(text, mentions_colleague=mentions)


def _written_at(written: Written) -> datetime:
    """When somebody wrote it: Slack names a message by its time."""
    return datetime.fromtimestamp(float(written.ts), UTC)


def _text_to(thread: Thread, hold: Hold | None) -> NewMessage:
    """The text of a reply: a plain one where only one phone takes it."""
    return NewMessage(new_id(), thread.reached, group=len(thread.reached) > 1, hold=hold)


def _explain_stopped(thread: Thread) -> str:
    """Why a reply cannot go to anybody."""
    return explain_opted_out(thread.members, group=False)


def _tell(say: Say, reply_id: str, written: Written, thread: Thread) -> Told:
    told = Told(say, reply_id, written.channel, written.thread_ts, written.user_id)
    return replace(told, members=thread.members, stopped=thread.stopped) if thread.is_group else told


def _tell_of(say: Say, reply: StoredReply) -> Told:
    told = Told(say, reply.id, reply.channel, reply.reply.thread_ts, reply.user_id)
    return replace(told, members=reply.thread.members, stopped=reply.thread.stopped) if reply.thread.is_group else told

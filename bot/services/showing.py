"""What the announcer and the database say to each other: claims, posts and budgets, and the port between them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Protocol

from bot.domain.message import Batch


class Wants(IntEnum):
    """What a batch needs next in Slack; `batch.wants`."""

    NOTHING = 0
    UPDATE = 1
    POST = 2


class Kind(StrEnum):
    """Which of a batch's messages in Slack."""

    ROOT = "root"  # the channel message
    STATUS = "status"  # the first reply, edited in place
    TROUBLE = "trouble"  # the reply that calls the sender
    NOTICE = "notice"  # why all of this is in the sender's DM
    LINK = "link"  # where the conversation goes on, in the thread that it left
    MARK = "mark"  # a reaction on somebody's reply


class PostState(StrEnum):
    """What is known of a message in Slack."""

    POSTING = "posting"  # a request may have left; it is looked for before it is made again
    POSTED = "posted"
    GONE = "gone"  # deleted by somebody, or refused for good: never made again


@dataclass(frozen=True, slots=True)
class Post:
    """One of the bot's messages in Slack.

    Attributes:
        id: From `new_id`; it travels as message metadata.
        thread_ts: The root's ts, None for a message of its own.
        ts: Slack's name for it, None until known.
        started_at: When it was first asked for.
        shown: Digest of the content that Slack has, "" when that is not known. Of a mark its name; while nobody knows
            which stands, those that may, with a blank after each.
        updated_at: When Slack last took it.
    """

    id: str
    batch_id: str
    kind: Kind
    channel: str
    thread_ts: str | None
    state: PostState
    started_at: datetime
    ts: str | None = None
    shown: str = ""
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A dirty batch that this process may show until `lease`.

    Attributes:
        wants: The kind of request that its place in the budget is for.
        pace: The key of that budget.
        version: Of the batch when it was claimed; another one at the end means that it is dirty again.
        response_url: Slack's, as it came with the command; "" when there was none.
        accepted_at: When that was.
    """

    batch_id: str
    wants: Wants
    pace: str
    version: int
    urgent: bool
    lease: datetime
    response_url: str
    accepted_at: datetime


@dataclass(frozen=True, slots=True)
class Claims:
    """What came of asking for claims.

    Attributes:
        taken: At most one post per channel and one update per workspace.
        room_at: When a budget has room again that has none for something that waits; None when there is no such.
    """

    taken: tuple[Claim, ...]
    room_at: datetime | None


@dataclass(frozen=True, slots=True)
class Budget:
    """A rate, kept as GCRA has it: one time per key, the earliest for the next request.

    Attributes:
        every: One request each.
        burst: As many at once after a rest.
        spare: Places of the burst that only urgent requests may take.
    """

    every: timedelta
    burst: int
    spare: int = 0

    def ahead(self, *, urgent: bool) -> timedelta:
        """How far the kept time may lie in the future."""
        return self.every * (self.burst - 1 - (0 if urgent else self.spare))


class Posts(Protocol):
    """What Slack shows and what it should show, with the budgets that all processes share."""

    async def claim(self, now: datetime, *, lease: datetime, limit: int, under_way: Collection[str] = ()) -> Claims:
        """Lease what is due and within the budgets, final states first, then what has waited longest."""
        ...

    async def posts(self, batch_id: str) -> dict[Kind, Post]:
        """The messages of a batch, as far as they were ever asked for."""
        ...

    async def begin(self, started: Post) -> bool:
        """Note a message before it is asked for; False when somebody else has begun it."""
        ...

    async def release(
        self,
        claim: Claim,
        wants: Wants,
        show_at: datetime,
        *,
        record: Post | None = None,
        forget: Post | None = None,
        unused: bool = False,
    ) -> None:
        """Give a batch back, with what came of the turn."""
        ...

    async def join(self, batch: Batch, now: datetime) -> None:
        """Give a text its conversation before it is shown; it may begin that, or move it here."""
        ...

    async def move(self, claim: Claim, channel: str, reason: str, now: datetime, *, whole: bool = False) -> None:
        """Show a batch elsewhere from now on, from the start; `whole`: its conversation too."""
        ...

    async def detach(self, claim: Claim, thread_ts: str, now: datetime) -> None:
        """The conversation's thread is gone: this entry begins a new one."""
        ...

    async def bring_missed_forward(self) -> None:
        """Let what waits for nothing any more be claimed, though nobody who could has said so."""
        ...

    async def free_stranded(self, now: datetime, *, lease: datetime, under_way: Collection[str] = ()) -> None:
        """Let go what waits for a time that only a clock that was set back since can have meant."""
        ...

    async def hold(self, claim: Claim, until: datetime) -> None:
        """Let no process make this kind of request before `until`: Slack said so."""
        ...

"""What the use cases need of the world, as Protocols; the adapters know these, and these know no adapter."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.media import SlackFile
from bot.domain.message import E164, Batch, Entry, Origin, Purpose, Reply, Wait


class Clock(Protocol):
    """Time, from one place, so that a test or the playground can move it."""

    def now(self) -> datetime:
        """Aware UTC."""
        ...

    def boottime(self) -> float:
        """Seconds on a clock that nobody sets and that runs on while the machine sleeps."""
        ...


@dataclass(frozen=True, slots=True)
class OurNumber:
    """A number of the account.

    Attributes:
        number: The number.
        name: As CarrierX has it, "" when it has none.
        locality: City, "" when unknown.
        sms: Can send SMS (capability bit 2).
        mms: Can send MMS (capability bit 16).
    """

    number: E164
    name: str
    locality: str
    sms: bool
    mms: bool


@dataclass(frozen=True, slots=True)
class OutboundText:
    """One request to the carrier.

    Attributes:
        id: Ours; comes back as `user_data`.
        sender: Our number.
        recipients: One, or all members of a group MMS.
        group: Whether it is a group MMS.
        text: "" for media alone.
        media_urls: At most 10.
    """

    id: str
    sender: E164
    recipients: tuple[E164, ...]
    group: bool
    text: str
    media_urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CarrierState:
    """What the carrier says of a text: an answer, a receipt or a detail record, all alike.

    Attributes:
        sid: CarrierX's id of the message; of a detail record its own id, which may or may not be the same.
        user_data: Our id if it came along, "" otherwise.
        sender: E.164, "" when it did not come along.
        recipient: E.164 of the phone that this is about, "" when it names none.
        status: CarrierX's own word, lower case.
        kind: `sms`, `mms` or "".
        segments: None when not said.
        price: Decimal string in USD, "" when not said.
        code: The upstream carrier's code, "" when not said.
        created_at: When CarrierX took the message, None when not said.
        changed_at: When it reached this status, None when not said.
        inbound: Whether it is about a text to us.
    """

    sid: str
    user_data: str
    sender: E164
    recipient: E164
    status: str
    kind: str
    segments: int | None
    price: str
    code: str
    created_at: datetime | None
    changed_at: datetime | None
    inbound: bool


@dataclass(frozen=True, slots=True)
class InboundText:
    """A text to us, as a callback, an answer or a detail record tells it.

    Attributes:
        sid: CarrierX's id of the message; of a detail record its own id, which may or may not be the same.
        sender: The phone, never "".
        to: The number that it names as recipient, "" when it names none.
        group: Every number of a group MMS as it came, with ours and the sender's or without; () for a text between
            two.
        text: "" for media alone; as CarrierX gave it, except that NUL is left out and half a character is U+FFFD,
            which no database takes.
        media_urls: http and https only, at most 10, as given.
        kind: `sms`, `mms` or "".
        created_at: When CarrierX received it, None when not said.
    """

    sid: str
    sender: E164
    to: E164
    group: tuple[E164, ...]
    text: str
    media_urls: tuple[str, ...]
    kind: str
    created_at: datetime | None


class Carrier(Protocol):
    """CarrierX. Every method raises CarrierError and nothing else."""

    async def send(self, text: OutboundText, *, may_leave: "MayLeave") -> CarrierState:
        """Hand a text over; asks `may_leave` when the connection stands, before the first byte leaves.

        Raises:
            LeaseLostError: `may_leave` said no; nothing left.
        """
        ...

    async def message(self, sid: str) -> CarrierState | None:
        """The message as CarrierX has it now; None when it knows none by that id."""
        ...

    async def record(self, sid: str) -> CarrierState | None:
        """One detail record; None when there is none by that id."""
        ...

    async def records(self, since: datetime) -> tuple[CarrierState, ...]:
        """All outbound detail records of texts made at or after `since`, oldest first.

        Raises:
            CarrierResponseInvalidError: There are more than a bounded number of pages: the answer would be incomplete.
        """
        ...

    async def inbound(self, sid: str) -> InboundText | None:
        """A text to us as CarrierX has it; None when it knows none by that id, or it is not to us."""
        ...

    async def inbound_records(self, since: datetime, *, pages: int = 50) -> tuple[InboundText, ...]:
        """All inbound detail records of texts received in the second of `since` or later, oldest first.

        One without a time comes along whatever `since` is, as if it had come then.

        Args:
            since: Aware.
            pages: Most pages that are read, of up to 1,000 records each.

        Raises:
            CarrierResponseInvalidError: There are more pages: the answer would be incomplete.
        """
        ...

    async def numbers(self) -> tuple[OurNumber, ...]:
        """The account's numbers."""
        ...

    async def check_token(self) -> None:
        """Returns when CarrierX takes our token."""
        ...


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that the carrier keeps for us.

    Attributes:
        sid: Names it to the carrier.
        url: Where everybody who knows it can read the file.
    """

    sid: str
    url: str


@dataclass(frozen=True, slots=True)
class Room:
    """What the carrier still takes.

    Attributes:
        bytes_left: None when it does not say, or keeps nothing for us yet.
        files_left: The same.
        most_bytes: What it keeps at most, None as above.
        most_files: The same.
    """

    bytes_left: int | None
    files_left: int | None
    most_bytes: int | None
    most_files: int | None


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of ours in the carrier's storage.

    Attributes:
        sid: Names it to the carrier.
        changed_at: When it was stored or changed last, None when the carrier does not say.
    """

    sid: str
    changed_at: datetime | None


class Storage(Protocol):
    """CarrierX's storage. Every method raises CarrierError and nothing else; each may be called again after any."""

    async def store(self, content: bytes, kind: str, suffix: str, *, keep: timedelta) -> StoredFile:
        """Keep a file where everybody who knows its address can read it; it deletes itself, also when we forget it.

        Args:
            content: The file.
            kind: MIME type.
            suffix: The usual ending of its kind, such as `.jpg`.
            keep: How long, in whole seconds.

        Raises:
            CarrierFullError: There is no room for it.
            CarrierRejectedError: It is not taken, with the reason.
            CarrierOutcomeUnknownError: It may be kept or not; a second one does no harm.
        """
        ...

    async def remove(self, sid: str) -> None:
        """Delete a file; one that is gone already is as good."""
        ...

    async def room(self) -> Room:
        """What is left to store more."""
        ...

    async def kept(self) -> tuple[KeptFile, ...]:
        """What this installation has stored and is there still, used or not."""
        ...


class MayLeave(Protocol):
    """The last question before a request leaves."""

    def __call__(self) -> bool:
        """Whether this process still holds the text."""
        ...


class LeaseLostError(Exception):
    """Too much time went by between the claim and the request; nothing left."""


class Announcer(Protocol):
    """Shows in Slack what the database says."""

    def wake(self) -> None:
        """Something changed: look now rather than at the next sweep."""
        ...


@dataclass(frozen=True, slots=True)
class NewMessage:
    """One request to come.

    Attributes:
        id: From `new_id`.
        recipients: One, or the members of a group MMS.
        group: Whether it is a group MMS.
        retry_of: What it sends again: a message's id, or of a group's members `id:number` each.
        hold: Why and how long it waits before it may go, None to go at once.
        purpose: Why it goes.
    """

    id: str
    recipients: tuple[E164, ...]
    group: bool
    retry_of: tuple[str, ...] = ()
    hold: "Hold | None" = None
    purpose: Purpose = Purpose.PERSONAL


@dataclass(frozen=True, slots=True)
class Hold:
    """A wanted wait, which is no trouble: giving up counts from its end.

    Attributes:
        wait: Why; None for no wait at all, only a deadline.
        until: When it may go.
        send_by: When it may go no more, None when that does not matter.
        zones: The time zones in which the phone may be, where that is why.
    """

    wait: Wait | None
    until: datetime
    send_by: datetime | None = None
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewBatch:
    """What is stored in one write when a text is accepted.

    Attributes:
        messages: () for a reply that is not texted, or not yet.
        again: The batch that it repeats, or "".
        origin: Where it comes from.
        conversation_id: Of a reply or an answer; a command finds its conversation when it is shown.
        reply: The reply itself, of origin REPLY.
        media_urls: As they were typed; the messages wait until they were looked at.
        files: In Slack; the messages wait until they are stored at CarrierX.
    """

    id: str
    key: str
    team: str
    user_id: str
    user_name: str
    channel: str
    response_url: str
    sender: E164
    text: str
    media_urls: tuple[str, ...]
    accepted_at: datetime
    messages: tuple[NewMessage, ...]
    again: str = ""
    origin: Origin = Origin.COMMAND
    conversation_id: str = ""
    reply: Reply | None = None
    files: tuple[SlackFile, ...] = ()


class RepeatedError(Exception):
    """A unique key says that this very wish was stored before."""


class SettledError(Exception):
    """What was to be sent again has not failed after all, or not all of it has."""


class OptedOutError(Exception):
    """Somebody of the recipients asked for no more texts; nothing was stored.

    Attributes:
        numbers: Who.
    """

    def __init__(self, numbers: tuple[E164, ...]) -> None:
        super().__init__()
        self.numbers = numbers


class Accepting(Protocol):
    """The batches, as far as they are accepted and canceled; bot.store.batches has the only one."""

    async def accept(self, new: NewBatch, *, within: float | None = None) -> None:
        """Store durably; `within` so many seconds its fate is known.

        Raises:
            RepeatedError, SettledError, OptedOutError, NotStoredError, StoredOrNotError
        """
        ...

    async def cancel(self, batch_id: str, now: datetime) -> int:
        """Cancel what has not left; how many messages that were."""
        ...

    async def send_now(self, batch_id: str, now: datetime) -> int:
        """Let go what waits only for the morning; how many messages that were."""
        ...

    async def batch(self, batch_id: str) -> Batch | None:
        """One batch as it stands."""
        ...


class Entries(Protocol):
    """What Slack shows, as it stands now."""

    async def entry(self, entry_id: str) -> Entry | None:
        """One entry, None when there is none."""
        ...

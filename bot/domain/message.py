"""A text's life: its states, what may follow what, and what is known of it.

::

    accepted ──▶ sending ──▶ queued ──▶ sent ──▶ delivered
       │ ▲          │           └─────────┴────▶ failed
       ▼ └──────────┤
    canceled        └─▶ unconfirmed ─▶ (queued, sent, delivered, failed when word comes late)

`accepted` is durably ours; `sending` means that a request may have left. Only a person's wish, a clock or the carrier
moves a text on, and nothing moves it back, but for `sending` → `accepted` when the request surely was not taken.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

E164 = str  # "+15162065574"; made by domain.phone only


class Status(StrEnum):
    """Where a text, or one recipient of a group, stands."""

    ACCEPTED = "accepted"
    SENDING = "sending"
    UNCONFIRMED = "unconfirmed"
    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELED = "canceled"


_RANK = {
    Status.ACCEPTED: 0,
    Status.SENDING: 1,
    Status.UNCONFIRMED: 2,
    Status.QUEUED: 3,
    Status.SENT: 4,
    Status.DELIVERED: 5,
    Status.FAILED: 5,
    Status.CANCELED: 5,
}
FINAL = frozenset({Status.DELIVERED, Status.FAILED, Status.CANCELED})


def is_forward(now: Status, then: Status) -> bool:
    """Whether word from the carrier may move a text from `now` to `then`; late and repeated receipts may not."""
    return _RANK[then] > _RANK[now]


class Wait(StrEnum):
    """Why an accepted text has not been handed over yet."""

    PACING = "pacing"  # its number sends only so many a second
    UNREACHABLE = "unreachable"  # refused connection, DNS, TLS
    THROTTLED = "throttled"  # 429
    BUSY = "busy"  # 503, and the records do not know it
    UNAUTHORIZED = "unauthorized"  # 401: waits for an operator
    UNDO = "undo"  # a thread reply that its author may still take back
    QUIET = "quiet"  # it is night where the phone is
    MEDIA = "media"  # its files take long to be made ready; seen when it is read, never stored
    TURN = "turn"  # an earlier text to the same phone is not over yet; seen when it is read, never stored


class Cause(StrEnum):
    """Why a text failed."""

    REJECTED = "rejected"  # CarrierX answered the request with a 4xx
    EXPIRED = "expired"  # it waited longer than SMS_GIVE_UP_MINUTES
    UNDELIVERED = "undelivered"  # CarrierX took it and reported a failure later
    OPTED_OUT = "opted_out"  # the person said STOP before it left
    MEDIA = "media"  # a file cannot go as it is; `word` says why
    UNREADY = "unready"  # a file could not be had or stored this time; `word` says why


class Purpose(StrEnum):
    """Why a text goes; an opt-out holds back a person's own and, as it came later, the answer to START."""

    PERSONAL = ""
    STOP = "stop"  # the one confirmation of an opt-out
    HELP = "help"
    START = "start"


class Origin(StrEnum):
    """Where an entry of the record in Slack comes from."""

    COMMAND = "command"  # `/sms`, the form, Try again
    REPLY = "reply"  # somebody's reply in a conversation's thread
    ANSWER = "answer"  # ours, to STOP, HELP or START
    INBOUND = "inbound"  # a text from a phone
    NOTE = "note"  # something that people should know


@dataclass(frozen=True, slots=True)
class Failure:
    """What is known of a failure.

    Attributes:
        cause: Who said no, and when.
        word: CarrierX's own status word or sentence, "" when it gave none; of an opt-out in a group whose it was, with
            commas.
        code: The upstream carrier's code from the detail record, "" when it gave none.
        unsure: CarrierX answered 503 before, so that the text may have left all the same.
    """

    cause: Cause
    word: str = ""
    code: str = ""
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Recipient:
    """One phone of a text.

    Attributes:
        number: The phone.
        status: Where its copy stands; for a text to one phone the same as the message's.
        word: CarrierX's own word where it is none that we know, "" otherwise.
        failure: Set exactly when status is failed.
        final_at: When it was delivered or failed.
        retried: Somebody has pressed Try again or Send again for it.
    """

    number: E164
    status: Status
    word: str = ""
    failure: Failure | None = None
    final_at: datetime | None = None
    retried: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One text as it is stored: one request to CarrierX.

    Attributes:
        id: From `new_id`; CarrierX carries it as `user_data`.
        batch_id: What was asked for in one go.
        seq: Order of acceptance.
        sender: Our number.
        recipients: One, or the members of a group MMS.
        group: Whether it is a group MMS.
        text: As the phone shows it, "" for media alone.
        media_urls: At most 10.
        status: For a group where the slowest stands of those that did not fail; failed when all did.
        accepted_at, sending_at, queued_at, sent_at, final_at: When each step was reached, as our clock has it.
        wait: Why it waits, None when it does not or is no longer accepted.
        not_before: The earliest time of the next try, only while it waits.
        checking_since: Since when its outcome is looked for, only while it is sending.
        unread: It is unconfirmed, and CarrierX's records could not be read for it even once.
        attempts: Requests made so far that were not taken, as far as anybody can tell.
        busy: CarrierX answered the newest of its doubtful requests with 503: nearly surely, but not surely, not taken.
        kind: CarrierX's own `type`, "" until it said.
        segments: CarrierX's own count, None until it said.
        price: CarrierX's own price in USD as a decimal string, "" until it said.
        took: CarrierX's time from creation to delivery, None when it gave no two times.
        unreceipted: CarrierX sent no receipt within 72 hours; nobody asks any more.
        purpose: Why it goes.
        zones: The time zones in which the phone may be, while it waits for the morning there.
        erased: Its text and media links were erased.
        preparation: How far its files are, only while it waits for them.
    """

    id: str
    batch_id: str
    seq: int
    sender: E164
    recipients: tuple[Recipient, ...]
    group: bool
    text: str
    media_urls: tuple[str, ...]
    status: Status
    accepted_at: datetime
    sending_at: datetime | None = None
    queued_at: datetime | None = None
    sent_at: datetime | None = None
    final_at: datetime | None = None
    wait: Wait | None = None
    not_before: datetime | None = None
    checking_since: datetime | None = None
    unread: bool = False
    attempts: int = 0
    busy: bool = False
    kind: str = ""
    segments: int | None = None
    price: str = ""
    took: timedelta | None = None
    unreceipted: bool = False
    purpose: Purpose = Purpose.PERSONAL
    zones: tuple[str, ...] = ()
    erased: bool = False
    preparation: "Preparation | None" = None


@dataclass(frozen=True, slots=True)
class Preparation:
    """How far a text's files are.

    Attributes:
        kinds: MIME types of all of them, "" where Slack does not say.
        place: Which of them is being fetched, from 1; 0 once all are; None while nobody works on them.
        reason: Why the last try was in vain, a clause; "" when there was none.
    """

    kinds: tuple[str, ...]
    place: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Place:
    """A thread in Slack."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file from Slack that goes along with a text.

    Attributes:
        id: Slack's name for it.
        name: As its owner called it.
        url: Where CarrierX reads it, "" until it is stored there.
        said: What was done to make it fit, "" for nothing worth saying.
        kind, size: MIME type and bytes, as Slack had it; "" and 0 where it did not say.
    """

    id: str
    name: str
    url: str = ""
    said: str = ""
    kind: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """What a person asked for in one go: one message in Slack, with a thread of its own or in a conversation's.

    Attributes:
        id: From `new_id`.
        team, user_id, user_name: Who asked, in which workspace; the name as Slack showed it then.
        channel: Where its status is shown now.
        asked_in: Where it was meant to be shown; differs from `channel` when the bot could not post there.
        messages: In order of acceptance; empty only for a reply that was not texted.
        moved: Why `channel` is not `asked_in`: "", "not_in_channel", "archived", or "restricted" where apps may not
            post.
        again: The batch that it repeats, "" for a new text.
        origin: Where it comes from.
        conversation_id: The conversation that it belongs to, "" when it belongs to none or that is not known yet.
        thread_ts: The conversation's thread, None when it is that thread's root or has one of its own.
        behind: It waits until the conversation's thread is there.
        left: The thread that the conversation left with it, None when it left none.
        reply: The reply that was texted, of origin REPLY.
        files: What goes along from Slack; the messages have their URLs once they are stored at CarrierX.
        stopped: Members of its group who have asked for no more texts: of a reply those whom it leaves out, of the
            text that begins the group's thread those of now.
    """

    id: str
    team: str
    user_id: str
    user_name: str
    channel: str
    asked_in: str
    messages: tuple[Message, ...]
    moved: str = ""
    again: str = ""
    origin: Origin = Origin.COMMAND
    conversation_id: str = ""
    thread_ts: str | None = None
    behind: bool = False
    left: Place | None = None
    reply: "Reply | None" = None
    files: tuple[Attachment, ...] = ()
    stopped: tuple[E164, ...] = ()


class ReplyState(StrEnum):
    """What became of somebody's reply in a conversation's thread."""

    HELD = "held"  # nothing goes until somebody says so
    NOTE = "note"  # stays among colleagues
    TEXTED = "texted"  # a message of ours, with its own life
    WITHDRAWN = "withdrawn"  # its author took it back before it left


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody wrote in a conversation's thread.

    Attributes:
        ts: Slack's name of it.
        thread_ts: The thread in which it stands.
        state: What became of it.
        text: As the phone would show it.
    """

    ts: str
    thread_ts: str
    state: ReplyState
    text: str


class Wish(StrEnum):
    """Whether a text may ask for an end, which a person decides."""

    NONE = ""
    OPEN = "open"
    STOPPED = "stopped"  # somebody chose Opt out
    KEPT = "kept"


class PictureState(StrEnum):
    """How far a file that came with a text has come."""

    WANTED = "wanted"
    FETCHED = "fetched"  # its bytes are ours
    SHARING = "sharing"  # it may stand in Slack; it is looked for before it is shared again
    SHARED = "shared"
    FAILED = "failed"
    LEAVING = "leaving"  # it was erased, and is to vanish from Slack
    LINKED = "linked"  # it came before files were fetched; its link is all there is


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture or another file that came with a text.

    Attributes:
        url: Where CarrierX has it.
        state: How far it has come.
        reason: Why it failed, as the end of a sentence, "" when it did not.
    """

    url: str
    state: PictureState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Inbound:
    """A text from a phone, as it is shown.

    Attributes:
        id: Of its entry.
        conversation_id: Its conversation.
        team: The workspace.
        channel: Where it is shown, "" when nobody has said where.
        asked_in: Where it was meant to be shown.
        moved: As of a batch; "unrouted" when nobody has said where such texts go.
        thread_ts: The conversation's thread, None when it begins one.
        behind: It waits until the conversation's thread is there.
        broadcast: Shown in the channel too.
        sender: The phone.
        ours: Our number.
        members: All phones of a group, () for a text between two.
        text: As it came, "" for media alone.
        pictures: What came with it, at most 10.
        received_at: When CarrierX received it.
        late: No callback brought it; it was found among CarrierX's records.
        keyword: What it was taken for, "" for ordinary speech.
        blocked: This text made the person opted out, or they were so already.
        wish: Whether it may ask for an end.
        decided_by: Who decided that, "" while nobody has.
        erased: Its text was erased.
        stopped: Of the text that begins a group's thread, the members who have asked for no more texts.
    """

    id: str
    conversation_id: str
    team: str
    channel: str
    asked_in: str
    moved: str
    thread_ts: str | None
    broadcast: bool
    sender: E164
    ours: E164
    members: tuple[E164, ...]
    text: str
    pictures: tuple[Picture, ...]
    received_at: datetime
    behind: bool = False
    late: bool = False
    keyword: str = ""
    blocked: bool = False
    wish: Wish = Wish.NONE
    decided_by: str = ""
    erased: bool = False
    stopped: tuple[E164, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """Something that people should know, in words that hold nothing from outside.

    Attributes:
        id: Of its entry.
        team: The workspace.
        channel: Where it is shown, "" for the administrators.
        thread_ts: A thread, None for the channel.
        text: mrkdwn.
    """

    id: str
    team: str
    channel: str
    thread_ts: str | None
    text: str


Entry = Batch | Inbound | Note
"""One thing that Slack shows."""

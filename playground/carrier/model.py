"""What the pretend CarrierX keeps, and how it behaves where CarrierX's documentation is silent."""

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from playground.carrier.media import Media

FAILURE_WORDS = ("failed", "undelivered", "rejected", "delivery_failed", "expired")  # documented nowhere: play them all
PROGRESS_WORDS = ("queued", "sending", "sent", "received")

RECEIVE_SMS, SEND_SMS, RECEIVE_MMS, SEND_MMS = 1, 2, 8, 16  # capability bits
MOST_TEXT, MOST_MEDIA, MOST_MEDIA_BYTES, MOST_IN_GROUP = 1_600, 10, 3 * 1024 * 1024, 10


@dataclass(frozen=True, slots=True)
class Did:
    """A rented number."""

    number: str
    name: str = "N/A"
    locality: str = "NEW YORK"
    capabilities: int = 31
    callback_url: str = ""


DIDS = (
    Did("15162065575", "Support"),
    Did("12078152557", "Sales", "PORTLAND", 27),
    Did("15162065574", "N/A", "NEW YORK", 3),  # texts only, no pictures
    Did("17207217011", "Front desk", "DENVER", 4),  # voice only
)


@dataclass(frozen=True, slots=True)
class Fate:
    """How a text ends.

    Attributes:
        word: `delivered`, a failure word, or `queued` or `sent` for one that stays there.
        code: `vendor_error_code` of its detail record.
    """

    word: str = "delivered"
    code: str = ""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Every answer that the documentation leaves open.

    Attributes:
        naming: How fields are spelled, in and out.
        dr_sid_is_message_sid: Whether a detail record, sent or received, has the message's id; else GET /sms/messages
            does not know it.
        group_to: Whether `to` must, must not or may come with `group_recipients`.
        group_receipts: A receipt for each phone of a group, or one that names none.
        user_data_in_callbacks: Whether receipts carry `user_data`.
        user_data_in_records: How detail records carry it.
        records_lag: Seconds until a record, sent or received, can be read.
        records_skew: Seconds that a received text's record starts later than its callback says.
        ignore_filter: Lists pay no heed to `filter`.
        page_limit: Most items in a page.
        next_origin: Origin that `pagination.next` names, "" for the true one, "none" for no `next` at all.
        over_limit: Whether a text over the limits fails later, as documented, or is refused with 422.
        mms_ends_at_sent: An MMS is never reported delivered.
        moves: Whether texts move on by themselves.
        sent_after, delivered_after: Seconds after acceptance.
        callback_url: The account's; a number's own goes first. "" for none.
        receipts_lost: No receipt is sent.
        receipt_copies: How often each is sent.
        receipt_delay: Seconds that each is late.
        receipts_reversed: The final one goes first.
        receipt_before_answer: `sent` is reported before the POST is answered.
        inbound_readable: Whether GET /sms/messages knows received texts.
        inbound_group: Whom `group_recipients` of a received text names: those whom the phone wrote to, our number and
            others; only the `others`; or `everybody`, the phone itself too; or `nobody`.
        inbound_to: Whom its `to` names: our number alone, those whom the phone wrote to in a list, or the same in a
            string with commas.
        inbound_lost: Received texts are told by their detail record alone.
        inbound_copies: How often the callback of each is sent.
        inbound_delay: Seconds that it is late; what comes meanwhile overtakes it.
        inbound_swapped: A phone's callbacks change places in pairs: the first waits until the second was sent.
        callback_retries: How often an unsuccessful callback is repeated.
        callback_retry_delay: Seconds between.
        most_containers: How many the account may have.
        full_status: HTTP status for a container too many, and for a file beyond its container's quota.
        unknown_container: Whether an upload into a container that is gone is answered 404, or 422 of its field.
        publish_domain: Origin of published files' addresses, "" for ours; a foreign one leads nobody anywhere, but is
            known in an MMS.
        publish_uri_given: Whether a file says where it is published.
        lives_by: Whether an upload may say how its file lives, or the container alone does.
        kind_by: Whether a file's MIME type is told by its name first, or by what its sender calls it.
        media_fetched: Whether an MMS's media are fetched when it is accepted, or only when it is sent.
    """

    naming: Literal["current", "legacy"] = "current"
    dr_sid_is_message_sid: bool = True
    group_to: Literal["required", "forbidden", "either"] = "either"
    group_receipts: Literal["each", "whole"] = "each"
    user_data_in_callbacks: bool = True
    user_data_in_records: Literal["string", "object", "absent"] = "string"
    records_lag: float = 0.0
    records_skew: float = 0.0
    ignore_filter: bool = False
    page_limit: int = 1_000
    next_origin: str = ""
    over_limit: Literal["fail", "refuse"] = "fail"
    mms_ends_at_sent: bool = False
    moves: bool = True
    sent_after: float = 0.4
    delivered_after: float = 1.6
    callback_url: str = ""
    receipts_lost: bool = False
    receipt_copies: int = 1
    receipt_delay: float = 0.0
    receipts_reversed: bool = False
    receipt_before_answer: bool = False
    inbound_readable: bool = True
    inbound_group: Literal["recipients", "others", "everybody", "nobody"] = "recipients"
    inbound_to: Literal["ours", "list", "commas"] = "ours"
    inbound_lost: bool = False
    inbound_copies: int = 1
    inbound_delay: float = 0.0
    inbound_swapped: bool = False
    callback_retries: int = 0
    callback_retry_delay: float = 1.0
    most_containers: int = 2
    full_status: int = 422
    unknown_container: Literal["unknown", "invalid"] = "unknown"
    publish_domain: str = ""
    publish_uri_given: bool = True
    lives_by: Literal["file", "container"] = "file"
    kind_by: Literal["name", "sender"] = "name"
    media_fetched: Literal["accepted", "sent"] = "accepted"


class Request(NamedTuple):
    """One request as it arrived."""

    method: str
    path: str
    query: str


@dataclass(frozen=True, slots=True)
class Post:
    """One accepted text: what the tests count.

    Attributes:
        sid: CarrierX's id.
        user_data: The sender's id, "" for none.
        sender: Digits.
        recipients: Digits.
        group: Whether it is a group MMS.
        text: "" for none.
        media_urls: Pictures.
        at: When.
    """

    sid: str
    user_data: str
    sender: str
    recipients: tuple[str, ...]
    group: bool
    text: str
    media_urls: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Callback:
    """One callback that was made; status 0 when there was no answer."""

    url: str
    body: dict[str, Any]
    status: int


@dataclass(frozen=True, slots=True)
class Inbound:
    """One text that a phone sent to a number of ours.

    Attributes:
        sid: CarrierX's id.
        dr_sid: Of its detail record.
        sender: The phone, digits.
        to: Our number, digits.
        group: The other phones of a group, digits; empty when there is none.
        text: "" for none.
        media_urls: Pictures.
        at: When CarrierX received it.
        visible_at: Loop time from which its record can be read.
    """

    sid: str
    dr_sid: str
    sender: str
    to: str
    group: tuple[str, ...]
    text: str
    media_urls: tuple[str, ...]
    at: datetime
    visible_at: float

    @property
    def kind(self) -> str:
        """`mms` as soon as there is a picture or a group."""
        return "mms" if self.media_urls or self.group else "sms"

    @property
    def segments(self) -> int:
        """As documented: 160 symbols each, an MMS is one."""
        return count_segments(self.kind, self.text)


@dataclass(slots=True)
class Copy:
    """What one phone gets of a text."""

    number: str
    dr_sid: str
    status: str = "queued"
    code: str = ""
    sent_at: datetime | None = None
    changed_at: datetime | None = None


@dataclass(slots=True)
class Message:
    """One text as the carrier has it."""

    post: Post
    to: str | None
    visible_at: float  # loop time from which its records can be read
    fate: Fate | None = None  # decided at acceptance when a limit is broken
    copies: dict[str, Copy] = field(default_factory=dict)
    media: list[Media] | None = None  # of its own storage alone; None until they are fetched

    @property
    def kind(self) -> str:
        """`mms` as soon as there is a picture or a group."""
        return "mms" if self.post.media_urls or self.post.group else "sms"

    @property
    def segments(self) -> int:
        """As documented: 160 symbols each, an MMS is one."""
        return count_segments(self.kind, self.post.text)

    @property
    def newest(self) -> Copy:
        """The copy that changed last: what is said of the whole."""
        return max(self.copies.values(), key=lambda copy: copy.changed_at or self.post.at)


def count_segments(kind: str, text: str) -> int:
    """As documented: 160 symbols each, an MMS is one."""
    return 1 if kind == "mms" else max(1, math.ceil(len(text) / 160))


def is_final(word: str) -> bool:
    """Whether nothing follows."""
    return word not in PROGRESS_WORDS

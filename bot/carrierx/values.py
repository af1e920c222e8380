"""CarrierX's things as plain values; phone numbers are digits without `+`, as CarrierX writes them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

SEND_SMS = 2  # capability bits of a number
SEND_MMS = 16


@dataclass(frozen=True, slots=True)
class TextOut:
    """A text to hand over.

    Attributes:
        user_data: Our id.
        sender: Digits.
        recipients: Digits; several make it a group MMS when `group` is set.
        group: Whether it is a group MMS.
        text: "" for media alone.
        media_urls: At most 10.
    """

    user_data: str
    sender: str
    recipients: tuple[str, ...]
    group: bool
    text: str
    media_urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TextState:
    """What CarrierX says of a text: in an answer, a receipt or a detail record.

    Attributes:
        sid: `message_sid`, or `dr_sid` of a detail record, "" where a record came without.
        user_data: Ours if it came along, "" otherwise.
        sender: Digits, "" when it did not come.
        recipient: Digits of the one phone that this is about, "" when it names none or is about a whole group.
        status: Lower case, "" when it did not come.
        kind: `sms`, `mms` or "".
        segments: None when not said.
        price: Decimal string in USD, "" when not said.
        code: `vendor_error_code`, "" when not said; by itself no sign of a failure.
        created_at: When CarrierX took the text, None when not said.
        changed_at: When it reached this status, None when not said.
        inbound: Whether it is about a text to us.
    """

    sid: str
    user_data: str
    sender: str
    recipient: str
    status: str
    kind: str
    segments: int | None
    price: str
    code: str
    created_at: datetime | None
    changed_at: datetime | None
    inbound: bool


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A text to us: in a callback, an answer or a detail record.

    Attributes:
        sid: `message_sid`, or `dr_sid` of a detail record.
        sender: Digits, never "".
        recipient: Digits of the one number that it names, "" when it names none.
        group: Digits of everybody that a group MMS names, as it came; () for a text between two.
        text: "" for media alone; half characters are U+FFFD, NUL is left out.
        media_urls: http and https only, at most 10.
        kind: `sms`, `mms` or "".
        created_at: When CarrierX received it, None when not said.
    """

    sid: str
    sender: str
    recipient: str
    group: tuple[str, ...]
    text: str
    media_urls: tuple[str, ...]
    kind: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the account.

    Attributes:
        digits: The number.
        name: "" when it has none.
        locality: City, "" when unknown.
        capabilities: Bits of what is switched on, see SEND_SMS and SEND_MMS.
    """

    digits: str
    name: str
    locality: str
    capabilities: int


@dataclass(frozen=True, slots=True)
class Container:
    """A place for files.

    Attributes:
        sid: Its id.
        key: Ours for it, "" when it has none.
        publish_domain: Origin of its files' addresses, "" when not said.
        bytes_left: Bytes that it still takes, None when not said.
        files_left: Files that it still takes, None when not said.
        most_bytes: Bytes that it may hold, None when not said.
        most_files: Files that it may hold, None when not said.
    """

    sid: str
    key: str
    publish_domain: str
    bytes_left: int | None
    files_left: int | None
    most_bytes: int | None = None
    most_files: int | None = None


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file as CarrierX has it.

    Attributes:
        sid: Its id.
        url: Where everybody can read it, "" when not said.
        lifetime: Seconds after which it deletes itself, None when it does not or that is not said.
    """

    sid: str
    url: str
    lifetime: int | None


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file as a list of them has it.

    Attributes:
        sid: Its id.
        name: As it was uploaded, "" when not said.
        container_sid: Where it is, "" when not said.
        changed_at: When it was uploaded or changed, None when not said.
    """

    sid: str
    name: str
    container_sid: str
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, its items not yet read.

    Attributes:
        items: As they came.
        has_more: CarrierX says that there are more.
        next_url: Where it says they are, "" when it does not.
    """

    items: tuple[Any, ...]
    has_more: bool
    next_url: str


@dataclass(frozen=True, slots=True)
class Complaint:
    """CarrierX's reason for a 4xx.

    Attributes:
        sentence: Its own words, "" when it gave none.
        fields: Names of the fields it complains of, in current naming.
    """

    sentence: str
    fields: tuple[str, ...]

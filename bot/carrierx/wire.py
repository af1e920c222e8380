"""What CarrierX writes and reads, as plain values (docs.carrierx.com, Core API v2; read in November 2026).

The only module that knows CarrierX's spellings. Older accounts see `from_did` and `to_did` where newer ones see
`from` and `to`: we write as configured and read both. Reading is lenient field by field, because the documentation is
thin: a field that makes no sense is a field that did not come, and only what has no id at all is unreadable, or a
text to us that is from nobody.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeVar
from uuid import uuid4

from pydantic import AliasChoices, BaseModel, Field, ValidationError

from bot.carrierx.fields import (
    Amount,
    Code,
    Count,
    Digits,
    Items,
    Kind,
    Line,
    Phone,
    Phones,
    Price,
    Recipients,
    Text,
    Time,
    Url,
    Urls,
    UserData,
    Word,
)
from bot.carrierx.values import (
    Complaint,
    Container,
    InboundMessage,
    ListedFile,
    Number,
    Page,
    TextOut,
    TextState,
    UploadedFile,
)
from bot.errors import CarrierResponseInvalidError

Naming = Literal["current", "legacy"]
Direction = Literal["inbound", "outbound"]

_INBOUND: Direction = "inbound"
_SENTENCE_LIMIT = 300  # what fits into a Slack message beside the rest
_LONGEST_RETRY_AFTER = 3_600.0  # seconds; a text waits no longer than that in any case
_WIRE_NAMES = {
    "current": {"from": "from", "to": "to"},
    "legacy": {"from": "from_did", "to": "to_did"},
}
_SIDS = ("did_sid", "dr_sid", "container_sid")
_FIELD_NAMES = {"from_did": "from", "to_did": "to"}


Item = TypeVar("Item")
Model = TypeVar("Model", bound=BaseModel)


class _Message(BaseModel):
    """The SMS object (docs: sms/sms/send), also the body of a callback."""

    message_sid: Line = ""
    user_data: UserData = ""
    sender: Digits = Field("", validation_alias=AliasChoices("from", "from_did"))
    recipient: Digits = Field("", validation_alias=AliasChoices("to", "to_did"))
    group_recipients: Items = []
    status: Word = ""
    type: Word = ""
    message_segments: Count = None
    price: Price = ""
    vendor_error_code: Code = ""
    date_created: Time = None
    date_status_changed: Time = None
    direction: Word = ""


class _Record(BaseModel):
    """The SMS detail record (docs: sms/sms-detail-record/get)."""

    dr_sid: Line = ""
    user_data: UserData = ""
    number_src: Digits = ""
    number_dst: Digits = ""
    status: Word = ""
    type: Word = ""
    message_segments: Count = None
    price: Price = ""
    vendor_error_code: Code = ""
    date_start: Time = None
    date_stop: Time = None
    direction: Word = ""


class _InboundMessage(BaseModel):
    """The SMS object as a text to us; both namings side by side, as one of the two may be null."""

    message_sid: Line = ""
    sender: Phone = Field("", alias="from")
    sender_did: Phone = Field("", alias="from_did")
    recipients: Recipients = Field((), alias="to")
    recipients_did: Recipients = Field((), alias="to_did")
    group_recipients: Phones = ()
    message: Text = ""
    media_urls: Urls = ()
    type: Kind = ""
    date_created: Time = None


class _InboundRecord(BaseModel):
    """The SMS detail record of a text to us."""

    dr_sid: Line = ""
    number_src: Phone = ""
    number_dst: Recipients = ()
    number_group_dst: Phones = ()
    message: Text = ""
    media_urls: Urls = ()
    type: Kind = ""
    date_start: Time = None
    direction: Word = ""


class _Did(BaseModel):
    """A number (docs: phone-numbers/did/get)."""

    phonenumber: Digits = ""
    name: Line = ""
    locality: Line = ""
    active_capabilities: Count = None


class _Container(BaseModel):
    """A place for files (docs: storage/container)."""

    container_sid: Line = ""
    string_key_1: Line = ""
    publish_domain: Url = ""
    quota_bytes: Amount = None
    quota_files: Amount = None
    total_bytes: Amount = None
    total_files: Amount = None


class _File(BaseModel):
    """A file (docs: storage/file)."""

    file_sid: Line = ""
    name: Line = ""
    container_sid: Line = ""
    date_modified: Time = None
    publish_uri: Url = ""
    lifecycle_action: Word = ""
    lifecycle_ttl: Amount = None


class _Envelope(BaseModel):
    """An error (docs: the sample of phone-numbers/did-messaging-enablement/enable)."""

    message: Line = ""
    errors: Items = []


class _Reason(BaseModel):
    field: Line = ""
    message: Line = ""


def write_text(text: TextOut, *, naming: Naming, group_with_to: bool) -> bytes:
    """A text as the body of `POST /sms/messages`.

    Args:
        text: The text.
        naming: How the account spells its fields.
        group_with_to: Whether `to` goes along with `group_recipients`; the documentation does not say.
    """
    names = _WIRE_NAMES[naming]
    body: dict[str, object] = {names["from"]: text.sender, "user_data": text.user_data}
    if text.group:
        body["group_recipients"] = text.recipients
    if not text.group or group_with_to:
        body[names["to"]] = text.recipients[0]
    if text.text:
        body["message"] = text.text
    if text.media_urls:
        body["media_urls"] = text.media_urls
    return json.dumps(body).encode()


def write_records_filter(since: datetime, direction: Direction = "outbound") -> str:
    """The filter for detail records of texts made at or after `since`; CarrierX reads whole seconds."""
    return f"date_start ge {since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} and direction eq {direction}"


def write_container_filter(key: str) -> str:
    """The filter for containers of ours."""
    return f"string_key_1 eq {key}"


def write_files_filter(container_sid: str) -> str:
    """The filter for a container's files."""
    return f"container_sid eq {container_sid}"


def write_container(key: str, lifetime: int) -> bytes:
    """The body of `POST /storage/containers`: its files can be read by their id, and delete themselves by default.

    Args:
        key: Letters and digits, by which it is found again.
        lifetime: Seconds.
    """
    container = {
        "name": key,
        "string_key_1": key,
        "allow_publish": True,
        "default_file_publish": "file_sid",
        "default_file_lifecycle_action": "delete",
        "default_file_lifecycle_ttl": lifetime,
    }
    return json.dumps(container).encode()


def write_upload(content: bytes, kind: str, name: str, *, container_sid: str, lifetime: int) -> tuple[bytes, str]:
    """The body of `POST /storage/files` and its Content-Type, as in the documentation's first sample.

    Its second sample, the bare bytes with a query, is shorter; but of the query only `container_sid` and `name` are
    documented, while `file_object` is a whole file object.

    Args:
        content: The file.
        kind: MIME type.
        name: With the suffix that goes with `kind`: CarrierX may tell the one by the other.
        container_sid: Where it goes.
        lifetime: Seconds after which it deletes itself.
    """
    file = {"container_sid": container_sid, "name": name, "publish": "file_sid", **_write_lifetime(lifetime)}
    boundary = uuid4().hex
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file_object"\r\n\r\n{json.dumps(file)}\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="data"; filename="{name}"\r\n'
        f"Content-Type: {kind}\r\n\r\n"
    )
    body = b"".join([head.encode(), content, f"\r\n--{boundary}--\r\n".encode()])
    return body, f"multipart/form-data; boundary={boundary}"


def write_lifetime(lifetime: int) -> bytes:
    """The body of `PATCH /storage/files/SID` that lets a file delete itself after so many seconds."""
    return json.dumps(_write_lifetime(lifetime)).encode()


def _write_lifetime(lifetime: int) -> dict[str, object]:
    return {"lifecycle_action": "delete", "lifecycle_ttl": lifetime}


def read_message(body: bytes) -> TextState:
    """The answer to a POST or a GET of a message; about all of a group where it is one.

    Raises:
        CarrierResponseInvalidError: It is no message with an id.
    """
    message = _read_message(_read_json(body))
    return _state(message, "" if message.group_recipients else message.recipient)


def read_inbound(body: bytes) -> InboundMessage | None:
    """The answer to a GET of a message, None when it is not to us.

    Raises:
        CarrierResponseInvalidError: It is no message with an id, or a text to us from nobody.
    """
    value = _read_json(body)
    return _read_inbound(value) if _read_message(value).direction == _INBOUND else None


def read_callback(body: bytes) -> TextState | InboundMessage:
    """A receipt about the phone that it names, or a text to us, as `direction` says.

    Raises:
        CarrierResponseInvalidError: It is no message with an id, or a text to us from nobody.
    """
    value = _read_json(body)
    message = _read_message(value)
    return _read_inbound(value) if message.direction == _INBOUND else _state(message, message.recipient)


def _read_message(value: object) -> _Message:
    message = _validated(_Message, value)
    if not message.message_sid:
        raise CarrierResponseInvalidError("CarrierX's answer about a text carries no message_sid.")
    return message


def _state(message: _Message, recipient: str) -> TextState:
    return TextState(
        sid=message.message_sid,
        user_data=message.user_data,
        sender=message.sender,
        recipient=recipient,
        status=message.status,
        kind=message.type,
        segments=message.message_segments,
        price=message.price,
        code=message.vendor_error_code,
        created_at=message.date_created,
        changed_at=message.date_status_changed,
        inbound=message.direction == _INBOUND,
    )


def _read_inbound(value: object) -> InboundMessage:
    message = _validated(_InboundMessage, value)
    sender = message.sender or message.sender_did
    if not sender:
        raise CarrierResponseInvalidError("A text to us names no number that it is from.")
    recipients = message.recipients or message.recipients_did
    recipient, group = _sort_recipients(sender, recipients, message.group_recipients)
    return InboundMessage(
        sid=message.message_sid,
        sender=sender,
        recipient=recipient,
        group=group,
        text=message.message,
        media_urls=message.media_urls,
        kind=message.type,
        created_at=message.date_created,
    )


def _sort_recipients(sender: str, recipients: tuple[str, ...], group: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Recipient and group; lists that name nobody but two are no group, and may name the one recipient.

    How CarrierX tells of a text to a group is documented nowhere: `to` may hold all that it went to, or ours alone.
    """
    others = {*recipients, *group} - {sender}
    first = recipients[0] if recipients else ""
    if len(others) <= 1:
        return first or "".join(others), ()
    return first, group if len(recipients) <= 1 else tuple(dict.fromkeys((*group, *recipients)))


def read_record(item: object) -> TextState:
    """One detail record of a page.

    `date_stop` counts only when it is not before `date_start`: it was seen cut to the minute.

    Raises:
        CarrierResponseInvalidError: It carries neither its own id nor ours.
    """
    record = _validated(_Record, item)
    if not record.dr_sid and not record.user_data:
        raise CarrierResponseInvalidError("A detail record of CarrierX carries neither dr_sid nor user_data.")
    start, stop = record.date_start, record.date_stop
    return TextState(
        sid=record.dr_sid,
        user_data=record.user_data,
        sender=record.number_src,
        recipient=record.number_dst,
        status=record.status,
        kind=record.type,
        segments=record.message_segments,
        price=record.price,
        code=record.vendor_error_code,
        created_at=start,
        changed_at=None if start and stop and stop < start else stop,
        inbound=record.direction == _INBOUND,
    )


def read_single_record(body: bytes) -> TextState:
    """The answer to a GET of one detail record.

    Raises:
        CarrierResponseInvalidError: It carries neither its own id nor ours.
    """
    return read_record(_read_json(body))


def read_inbound_record(item: object) -> InboundMessage | None:
    """One detail record of a page, None when it is not of a text to us.

    Raises:
        CarrierResponseInvalidError: It is one, but without an id or from nobody.
    """
    record = _validated(_InboundRecord, item)
    if record.direction != _INBOUND:
        return None
    if not record.dr_sid or not record.number_src:
        raise CarrierResponseInvalidError("A detail record of a text to us lacks dr_sid or number_src.")
    recipient, group = _sort_recipients(record.number_src, record.number_dst, record.number_group_dst)
    return InboundMessage(
        sid=record.dr_sid,
        sender=record.number_src,
        recipient=recipient,
        group=group,
        text=record.message,
        media_urls=record.media_urls,
        kind=record.type,
        created_at=record.date_start,
    )


def read_number(item: object) -> Number:
    """One number of a page.

    Raises:
        CarrierResponseInvalidError: It has no digits.
    """
    did = _validated(_Did, item)
    if not did.phonenumber:
        raise CarrierResponseInvalidError("A number of CarrierX carries no phonenumber.")
    name = "" if did.name == "N/A" else did.name
    return Number(did.phonenumber, name, did.locality, did.active_capabilities or 0)


def read_container(item: object) -> Container:
    """One container of a page.

    Raises:
        CarrierResponseInvalidError: It carries no container_sid.
    """
    container = _validated(_Container, item)
    if not container.container_sid:
        raise CarrierResponseInvalidError("A container of CarrierX carries no container_sid.")
    return Container(
        container.container_sid,
        container.string_key_1,
        container.publish_domain,
        _subtract(container.quota_bytes, container.total_bytes),
        _subtract(container.quota_files, container.total_files),
        container.quota_bytes,
        container.quota_files,
    )


def _subtract(quota: int | None, used: int | None) -> int | None:
    return None if quota is None or used is None else max(quota - used, 0)


def read_single_container(body: bytes) -> Container:
    """The answer to a POST or a GET of one container.

    Raises:
        CarrierResponseInvalidError: It carries no container_sid.
    """
    return read_container(_read_json(body))


def read_file(body: bytes) -> UploadedFile:
    """The answer to an upload.

    Raises:
        CarrierResponseInvalidError: It carries no file_sid.
    """
    file = _validated(_File, _read_json(body))
    if not file.file_sid:
        raise CarrierResponseInvalidError("CarrierX's answer about a file carries no file_sid.")
    return UploadedFile(
        file.file_sid, file.publish_uri, file.lifecycle_ttl if file.lifecycle_action == "delete" else None
    )


def read_listed_file(item: object) -> ListedFile:
    """One file of a page.

    Raises:
        CarrierResponseInvalidError: It carries no file_sid.
    """
    file = _validated(_File, item)
    if not file.file_sid:
        raise CarrierResponseInvalidError("A file of CarrierX carries no file_sid.")
    return ListedFile(file.file_sid, file.name, file.container_sid, file.date_modified)


def read_page(body: bytes) -> Page:
    """The envelope of a list (docs: using-the-rest-api/pagination).

    Raises:
        CarrierResponseInvalidError: It holds no list.
    """
    page = _read_json(body)
    if not isinstance(page, dict) or not isinstance(page.get("items"), list):
        raise CarrierResponseInvalidError("CarrierX's answer holds no list of items.")
    pagination = page.get("pagination")
    next_url = pagination.get("next") if isinstance(pagination, dict) else None
    return Page(tuple(page["items"]), page.get("has_more") is True, next_url if isinstance(next_url, str) else "")


def read_items(page: Page, read: Callable[[object], Item]) -> tuple[list[Item], list[str]]:
    """What can be read of a page, in order, and the ids of what cannot ("?" for one without an id)."""
    items: list[Item] = []
    unread: list[str] = []
    for item in page.items:
        try:
            items.append(read(item))
        except CarrierResponseInvalidError:
            sids = (item.get(name) for name in _SIDS) if isinstance(item, dict) else ()
            sid = next(filter(None, sids), None)
            unread.append(sid if isinstance(sid, str) and re.fullmatch(r"[0-9a-f-]{1,36}", sid) else "?")
    return items, unread


def read_cursor(page: Page) -> str:
    """The `dr_sid` after which a list of detail records goes on, "" when no record of the page has one."""
    sids = (item.get("dr_sid") for item in reversed(page.items) if isinstance(item, dict))
    return next((sid for sid in sids if isinstance(sid, str) and sid), "")


def read_complaint(body: bytes) -> Complaint:
    """CarrierX's reason for a 4xx; never raises, as the body may be empty or a proxy's HTML page.

    The envelope is `{"message": …, "errors": [{"field": …, "message": …, "reference_sid": …}]}`.
    """
    try:
        envelope = _validated(_Envelope, _read_json(body))
    except CarrierResponseInvalidError:
        return Complaint("", ())
    reasons = [_validated(_Reason, error) for error in envelope.errors if isinstance(error, dict)]
    said = [": ".join(filter(None, [reason.field, reason.message])) for reason in reasons if reason.message]
    sentence = ": ".join(filter(None, [envelope.message, "; ".join(said)]))
    fields = dict.fromkeys(_FIELD_NAMES.get(reason.field, reason.field) for reason in reasons if reason.field)
    return Complaint(sentence[:_SENTENCE_LIMIT], tuple(fields))


def read_retry_after(value: str, *, now: datetime) -> float:
    """Seconds that `Retry-After` asks for (RFC 9110 §10.2.3), 0.0 when it says nothing readable."""
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value.strip(), re.ASCII):
        return min(float(value), _LONGEST_RETRY_AFTER)
    try:
        time = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    wait: timedelta = (time if time.tzinfo else time.replace(tzinfo=UTC)) - now
    return min(max(wait.total_seconds(), 0.0), _LONGEST_RETRY_AFTER)


def _read_json(body: bytes) -> Any:
    """JSON, forgiving what the standard library forgives: a text cut inside an emoji must not hide its whole page."""
    try:
        return json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        raise CarrierResponseInvalidError("CarrierX's answer is not JSON.") from None  # the cause quotes the body


def _validated(model: type[Model], value: object) -> Model:
    try:
        return model.model_validate(value)
    except ValidationError:  # it is no object: no field can fail
        raise CarrierResponseInvalidError("CarrierX's answer is no JSON object.") from None  # the cause quotes it

"""The JSON of CarrierX: SMS objects, detail records, numbers, containers, files and errors, as documented."""

from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

from playground.carrier.model import Behaviour, Copy, Did, Inbound, Message, is_final
from playground.carrier.storage import Container, File

PARTNER_SID = "e00430c3-a7d0-4666-ab5c-f7202448382f"
_NAMES = {"current": ("from", "to"), "legacy": ("from_did", "to_did")}
_PRICES = {"sms": "0.0075", "mms": "0.015"}


def render_time(time: datetime | None) -> str | None:
    """ISO 8601 with milliseconds and Z."""
    return None if time is None else f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z"


def render_message(message: Message, behaviour: Behaviour) -> dict[str, Any]:
    """The SMS object, about the whole message."""
    return _render(message, message.newest, message.to, behaviour)


def render_receipt(message: Message, copy: Copy | None, behaviour: Behaviour) -> dict[str, Any]:
    """A callback's body: about one phone, or about a group as a whole."""
    to = message.to if not message.post.group else copy.number if copy else None
    receipt = _render(message, copy or message.newest, to, behaviour)
    if not behaviour.user_data_in_callbacks:
        del receipt["user_data"]
    return receipt


def _render(message: Message, copy: Copy, to: str | None, behaviour: Behaviour) -> dict[str, Any]:
    post, kind, queued = message.post, message.kind, copy.changed_at is None
    from_name, to_name = _NAMES[behaviour.naming]
    return {
        "date_changed": render_time(copy.changed_at or post.at),
        "date_created": render_time(post.at),
        "date_status_changed": render_time(copy.changed_at),
        "direction": "outbound",
        from_name: post.sender,
        "group_recipients": list(post.recipients) if post.group else [],
        "mcc": None if queued else 310,
        "media_urls": list(post.media_urls),
        "message": post.text or None,
        "message_segments": message.segments,
        "message_sid": post.sid,
        "mnc": None if queued else 999,
        "partner_sid": PARTNER_SID,
        "price": None if queued else _PRICES[kind],
        "status": copy.status,
        to_name: to,
        "type": kind,
        "user_data": post.user_data or None,
    }


def render_inbound(inbound: Inbound, behaviour: Behaviour) -> dict[str, Any]:
    """The SMS object of a received text; its callback has the same."""
    from_name, to_name = _NAMES[behaviour.naming]
    return {
        "date_changed": render_time(inbound.at),
        "date_created": render_time(inbound.at),
        "date_status_changed": None,
        "direction": "inbound",
        from_name: inbound.sender,
        "group_recipients": _name_group(inbound, behaviour),
        "mcc": None,
        "media_urls": list(inbound.media_urls),
        "message": inbound.text or None,
        "message_segments": inbound.segments,
        "message_sid": inbound.sid,
        "mnc": None,
        "partner_sid": PARTNER_SID,
        "price": None,
        "status": "received",
        to_name: _name_recipients(inbound, behaviour),
        "type": inbound.kind,
        "user_data": None,
    }


def _name_group(inbound: Inbound, behaviour: Behaviour) -> list[str]:
    if not inbound.group:
        return []
    named = {
        "recipients": [inbound.to, *inbound.group],
        "others": list(inbound.group),
        "everybody": [inbound.to, *inbound.group, inbound.sender],
        "nobody": [],
    }
    return named[behaviour.inbound_group]


def _name_recipients(inbound: Inbound, behaviour: Behaviour) -> str | list[str]:
    if not inbound.group or behaviour.inbound_to == "ours":
        return inbound.to
    named = sorted([inbound.to, *inbound.group])
    return named if behaviour.inbound_to == "list" else ",".join(named)


def render_inbound_record(inbound: Inbound, behaviour: Behaviour) -> dict[str, Any]:
    """The detail record of a received text."""
    at = render_time(inbound.at + timedelta(seconds=behaviour.records_skew))
    price = _PRICES[inbound.kind]
    return {
        "a2p_campaign": None,
        "date_changed": at,
        "date_insert": at,
        "date_sent": None,
        "date_start": at,
        "date_stop": at,
        "delay_sent": 0,
        "direction": "inbound",
        "dr_sid": inbound.dr_sid,
        "mcc": None,
        "mcc_mnc_price": None,
        "mcc_mnc_rate": None,
        "media_urls": list(inbound.media_urls),
        "message": inbound.text or None,
        "message_segments": inbound.segments,
        "mnc": None,
        "number_billing": inbound.to,
        "number_dst": _name_recipients(inbound, behaviour),
        "number_external": inbound.sender,
        "number_group_dst": _name_group(inbound, behaviour),
        "number_src": inbound.sender,
        "p2p_nnid": None,
        "partner_sid": PARTNER_SID,
        "passthrough_price": None,
        "passthrough_rate": None,
        "price": price,
        "provider": "pretend",
        "rate": "0.005",
        "registration_type": None,
        "status": "received",
        "type": inbound.kind,
        **({} if behaviour.user_data_in_records == "absent" else {"user_data": None}),
        "vendor_error_code": None,
        "version": None,
    }


def render_record(message: Message, copy: Copy, behaviour: Behaviour) -> dict[str, Any]:
    """A detail record."""
    post, kind = message.post, message.kind
    as_object = {"value": post.user_data}
    user_data = as_object if behaviour.user_data_in_records == "object" else post.user_data or None
    delay = int((copy.sent_at - post.at).total_seconds()) if copy.sent_at else 0
    return {
        "a2p_campaign": None,
        "date_changed": render_time(copy.changed_at or post.at),
        "date_insert": render_time(post.at),
        "date_sent": render_time(copy.sent_at),
        "date_start": render_time(post.at),
        "date_stop": render_time(copy.changed_at) if is_final(copy.status) else None,
        "delay_sent": delay,
        "direction": "outbound",
        "dr_sid": copy.dr_sid,
        "mcc": 310,
        "mcc_mnc_price": _PRICES[kind],
        "mcc_mnc_rate": "0.005",
        "media_urls": list(post.media_urls),
        "message": post.text or None,
        "message_segments": message.segments,
        "mnc": 999,
        "number_billing": post.sender,
        "number_dst": copy.number,
        "number_external": copy.number,
        "number_group_dst": list(post.recipients) if post.group else [],
        "number_src": post.sender,
        "p2p_nnid": None,
        "partner_sid": PARTNER_SID,
        "passthrough_price": None,
        "passthrough_rate": None,
        "price": _PRICES[kind],
        "provider": "pretend",
        "rate": "0.005",
        "registration_type": None,
        "status": copy.status,
        "type": kind,
        **({} if behaviour.user_data_in_records == "absent" else {"user_data": user_data}),
        "vendor_error_code": copy.code or None,
        "version": None,
    }


def render_did(did: Did) -> dict[str, Any]:
    """A number."""
    area, exchange, line = did.number[1:4], did.number[4:7], did.number[7:]
    return {
        "active_capabilities": did.capabilities,
        "attributes": {},
        "callback_url": did.callback_url or None,
        "campaign_sid": None,
        "capabilities": 31,
        "country_code": "USA",
        "did_group_sid": None,
        "did_sid": f"e8df62d5-07a3-4189-a67e-{int(did.number):012}"[:36],
        "in_country_format": f"({area}) {exchange}-{line}",
        "international_format": f"+1 {area}-{exchange}-{line}",
        "locality": did.locality,
        "name": did.name,
        "partner_sid": PARTNER_SID,
        "phonenumber": did.number,
        "price": "0.6",
        "state": "NY",
        "status": "assigned",
        "string_key_1": None,
        "string_key_2": None,
        "transformations": [],
        "trunk_group_sid": None,
    }


def render_container(container: Container, used: tuple[int, int], domain: str) -> dict[str, Any]:
    """A place for files, with how many files and bytes are in it."""
    attributes, (files, size) = container.attributes, used
    return {
        **attributes,
        "available_bytes_percent": _percent_left(size, attributes["quota_bytes"]),
        "available_files_percent": _percent_left(files, attributes["quota_files"]),
        "container_sid": container.sid,
        "durability_class": "unassigned",
        "encrypted": False,
        "external_attributes": {},
        "parent_container_sid": None,
        "partner_sid": PARTNER_SID,
        "publish_domain": domain,
        "threshold_action": None,
        "threshold_total_bytes": size,
        "threshold_total_files": files,
        "total_bytes": size,
        "total_files": files,
        "type": "internal",
        "unique": False,
    }


def _percent_left(used: int, quota: int) -> int:
    return max(0, 100 * (quota - used) // quota) if quota else 0


def render_file(file: File, domain: str) -> dict[str, Any]:
    """A file; where it is published only with a domain."""
    path = file.path
    return {
        **file.attributes,
        "container_sid": file.container.sid,
        "content_classification": file.classification,
        "content_duration": None,
        "content_format": PurePosixPath(file.name).suffix.removeprefix(".") or None,
        "content_transcoding_progress": None,
        "date_last_accessed": render_time(file.modified_at),
        "date_modified": render_time(file.modified_at),
        "desired_bitrate": None,
        "desired_format": None,
        "file_bytes": len(file.content),
        "file_sid": file.sid,
        "mime_type": file.kind,
        "parent_file_sid": None,
        "partner_sid": PARTNER_SID,
        "publish_uri": f"{domain}{path}" if domain and path else None,
        "type": "file",
    }


def render_error(message: str, sentence: str, field: str | None = None) -> dict[str, Any]:
    """The envelope of every error."""
    return {"message": message, "errors": [{"field": field, "message": sentence, "reference_sid": None}]}

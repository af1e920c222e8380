"""Whether a POST is a text that CarrierX would take."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playground.carrier.model import (
    MOST_IN_GROUP,
    MOST_MEDIA,
    MOST_MEDIA_BYTES,
    MOST_TEXT,
    SEND_MMS,
    SEND_SMS,
    Behaviour,
    Did,
)

_NUMBER = re.compile(r"[1-9]\d{6,14}", re.ASCII)  # digits only; whether a leading + is taken is unknown, so it is not
_ADDRESS = re.compile(r"https?://[^\s/]+(/\S*)?")
_FIELDS = {
    "current": frozenset({"from", "to", "message", "media_urls", "group_recipients", "user_data"}),
    "legacy": frozenset({"from_did", "to_did", "message", "media_urls", "group_recipients", "user_data"}),
}
_FROM = {"current": "from", "legacy": "from_did"}
_TO = {"current": "to", "legacy": "to_did"}


class InvalidError(Exception):
    """A 422.

    Attributes:
        field: What is wrong.
    """

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class Checked:
    """A text that is taken.

    Attributes:
        sender, to, recipients, group, text, media_urls, user_data: As sent.
        over_limit: It will fail later.
    """

    sender: str
    to: str | None
    recipients: tuple[str, ...]
    group: bool
    text: str
    media_urls: tuple[str, ...]
    user_data: str
    over_limit: bool


def check(
    body: dict[str, Any], behaviour: Behaviour, dids: dict[str, Did], media_bytes: Callable[[str], int]
) -> Checked:
    """Judge a POST's body.

    Raises:
        InvalidError: The first thing that is wrong with it.
    """
    naming = behaviour.naming
    for name in body:
        if name not in _FIELDS[naming]:
            raise InvalidError(name, "unknown field")
    from_name, to_name = _FROM[naming], _TO[naming]
    sender = _check_number(body.get(from_name), from_name)
    to = None if body.get(to_name) is None else _check_number(body[to_name], to_name)
    members = tuple(_check_number(member, "group_recipients") for member in _check_list(body, "group_recipients"))
    media_urls = tuple(_check_address(address) for address in _check_list(body, "media_urls"))
    text = _check_text(body, "message")
    user_data = _check_text(body, "user_data")
    if members:
        _check_group(members, sender, to, to_name, behaviour)
    elif to is None:
        raise InvalidError(to_name, "field is required")
    if not text and not media_urls:
        raise InvalidError("message", "field is required")
    did = dids.get(sender)
    needed, name = (SEND_MMS, "MMS") if members or media_urls else (SEND_SMS, "SMS")
    if did is None or not did.capabilities & needed:
        raise InvalidError(from_name, f"the number cannot send {name}")
    over_limit = (
        len(text) > MOST_TEXT
        or len(media_urls) > MOST_MEDIA
        or (bool(media_urls) and sum(map(media_bytes, media_urls)) > MOST_MEDIA_BYTES)
    )
    if over_limit and behaviour.over_limit == "refuse":
        raise InvalidError("message" if len(text) > MOST_TEXT else "media_urls", "the message is too large")
    recipients = members or ((to,) if to else ())
    return Checked(sender, to, recipients, bool(members), text, media_urls, user_data, over_limit)


def _check_group(members: tuple[str, ...], sender: str, to: str | None, to_name: str, behaviour: Behaviour) -> None:
    if len({*members, sender}) > MOST_IN_GROUP:
        raise InvalidError("group_recipients", f"a group has at most {MOST_IN_GROUP} numbers with the sender")
    if len(set(members)) < len(members):
        raise InvalidError("group_recipients", "a number is named twice")
    if to is None and behaviour.group_to == "required":
        raise InvalidError(to_name, "field is required")
    if to is not None and behaviour.group_to == "forbidden":
        raise InvalidError(to_name, "field cannot be used with group_recipients")
    if to is not None and to not in members:
        raise InvalidError(to_name, "the number is not in group_recipients")


def _check_number(value: object, field: str) -> str:
    if value is None:
        raise InvalidError(field, "field is required")
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise InvalidError(field, "invalid phone number")
    return value


def _check_address(value: object) -> str:
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise InvalidError("media_urls", "invalid URL")
    return value


def _check_text(body: dict[str, Any], field: str) -> str:
    value = body.get(field)
    if value is not None and not isinstance(value, str):
        raise InvalidError(field, "must be a string")
    return value or ""


def _check_list(body: dict[str, Any], field: str) -> list[Any]:
    value = body.get(field)
    if value is not None and not isinstance(value, list):
        raise InvalidError(field, "must be an array")
    return value or []

"""What phones and people say in conversations: CarrierX's callbacks, and really signed replies in threads."""

import json
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from benchmarks.commands import Commands, sign_request
from benchmarks.world import BOT_USER, CHANNELS, SENDER, TEAM, USER

CALLBACK_SECRET = "0123456789abcdef0123456789abcdef"  # noqa: S105 -- of nobody
_FIRST = 1_700_000_000  # the first thread's ts


def write_callbacks(count: int, phones: Sequence[str]) -> list[bytes]:
    """So many texts from these phones in turn, each with an id of its own."""
    return [
        _callback(f"Text {number}: I am at home until noon", phones[number % len(phones)]) for number in range(count)
    ]


def threads(phones: Sequence[str]) -> list[tuple[str, str, str]]:
    """A conversation for each phone: phone, channel, thread."""
    return [(phone, CHANNELS[at % len(CHANNELS)], f"{_FIRST + at}.000100") for at, phone in enumerate(phones)]


def sign_replies(phones: Sequence[str]) -> list[bytes]:
    """A member's reply in the thread with each phone, good for the next five minutes."""
    return [_reply(channel, thread, at) for at, (_, channel, thread) in enumerate(threads(phones))]


def new_phones(count: int, commands: Commands) -> list[str]:
    """Valid numbers that nothing else uses."""
    return [to for _, to in commands.recipients(count)]


def _callback(said: str, phone: str) -> bytes:
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"
    body = json.dumps(
        {
            "date_changed": now,
            "date_created": now,
            "date_status_changed": now,
            "direction": "inbound",
            "from": re.sub(r"\D", "", phone),
            "group_recipients": [],
            "mcc": 310,
            "media_urls": [],
            "message": said,
            "message_segments": 1,
            "message_sid": str(uuid4()),
            "mnc": 999,
            "partner_sid": "e00430c3-a7d0-4666-ab5c-f7202448382f",
            "price": "0.0075",
            "status": "received",
            "to": SENDER,
            "type": "sms",
        }
    ).encode()
    head = (
        f"POST /carrierx/callbacks/{CALLBACK_SECRET} HTTP/1.1\r\nHost: bench\r\nAccept: */*\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _reply(channel: str, thread_ts: str, number: int) -> bytes:
    ts = f"{int(time.time())}.{number:06}"
    text = "Running ten minutes late"
    said = {"type": "text", "text": text}
    event = {
        "type": "message",
        "user": USER,
        "ts": ts,
        "client_msg_id": str(uuid4()),
        "text": text,
        "team": TEAM,
        "blocks": [
            {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [said]}], "block_id": "b"}
        ],
        "thread_ts": thread_ts,
        "parent_user_id": BOT_USER,
        "channel": channel,
        "event_ts": ts,
        "channel_type": "channel",
    }
    who = {"enterprise_id": None, "team_id": TEAM, "user_id": BOT_USER, "is_bot": True, "is_enterprise_install": False}
    body = json.dumps(
        {
            "token": "verification-token-of-nobody",
            "team_id": TEAM,
            "api_app_id": "A0BENCH",
            "event": event,
            "type": "event_callback",
            "event_id": f"Ev{uuid4().hex[:9].upper()}",
            "event_time": int(time.time()),
            "authorizations": [who],
            "is_ext_shared_channel": False,
        }
    ).encode()
    return sign_request(body, "application/json")

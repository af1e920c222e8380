"""A pretend Slack and CarrierX that do next to nothing.

The playground's are strict and therefore slower than the bot; these answer every request with the smallest right answer
and note when each text came.
"""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

TEAM, USER, BOT_USER = "T0BENCH", "U0BENCH", "U0BOT"
CHANNELS = tuple(f"C0BENCH{number:02}" for number in range(5))
SENDER = "15162065000"

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_USER_DATA = re.compile(rb'"user_data": *"([^"]*)"')
_TEXT = json.dumps(
    {
        "date_changed": "2026-11-24T15:00:00.000Z",
        "date_created": "2026-11-24T15:00:00.000Z",
        "date_status_changed": None,
        "direction": "outbound",
        "from": SENDER,
        "group_recipients": [],
        "mcc": None,
        "media_urls": [],
        "message": "Running ten minutes late",
        "message_segments": 1,
        "message_sid": "SID",
        "mnc": None,
        "partner_sid": "e00430c3-a7d0-4666-ab5c-f7202448382f",
        "price": None,
        "status": "queued",
        "to": "15162060000",
        "type": "sms",
        "user_data": "SID",
    }
).encode()
_NUMBERS = {
    "items": [{"phonenumber": SENDER, "name": "Front desk", "locality": "Garden City", "active_capabilities": 63}],
    "has_more": False,
    "pagination": {},
}


class World:
    """What came in.

    Attributes:
        url: Where both are.
        arrivals: When each text came (Unix time), by our id.
        posts: How often each came.
    """

    def __init__(self) -> None:
        self.url = ""
        self.arrivals: dict[str, float] = {}
        self.posts: Counter[str] = Counter()
        self._stamps = 1_700_000_000
        self._waiting: list[tuple[int, asyncio.Event]] = []

    async def until(self, texts: int, *, within: float = 60.0) -> None:
        """Wait until so many different texts have come in all.

        Raises:
            TimeoutError: They have not.
        """
        come = asyncio.Event()
        if len(self.arrivals) >= texts:
            return
        self._waiting.append((texts, come))
        async with asyncio.timeout(within):
            await come.wait()

    def answer(self, line: bytes, body: bytes) -> bytes:
        """The answer to one request."""
        method, path, _ = line.split(b" ", 2)
        if method == b"POST" and path == b"/carrierx/sms/messages":
            return self._take(body)
        if path.startswith(b"/carrierx/phonenumber/dids"):
            return _write(_NUMBERS)
        if path.startswith(b"/slack/"):
            return _write({"ok": True} | self._say(path.removeprefix(b"/slack/").partition(b"?")[0].decode()))
        return _write({"items": [], "has_more": False, "pagination": {}})

    def _take(self, body: bytes) -> bytes:
        found = _USER_DATA.search(body)
        ours = found[1] if found else b""
        name = ours.decode()
        self.arrivals.setdefault(name, time.time())
        self.posts[name] += 1
        while self._waiting and len(self.arrivals) >= self._waiting[0][0]:
            self._waiting.pop(0)[1].set()
        return _frame(_TEXT.replace(b"SID", ours))

    def _say(self, method: str) -> dict[str, Any]:
        match method:
            case "auth.test":
                return {"team_id": TEAM, "user_id": BOT_USER, "bot_id": "B0BOT", "user": "threadtext"}
            case "users.list":
                return {"members": [{"id": USER, "team_id": TEAM, "profile": {"display_name": "Olivia"}}]}
            case "conversations.list":
                return {"channels": [{"id": channel, "name": channel.lower()} for channel in CHANNELS]}
            case "chat.postMessage":
                self._stamps += 1
                return {"ts": f"{self._stamps}.000100", "channel": CHANNELS[0]}
            case _:
                return {}


@asynccontextmanager
async def open_world() -> AsyncIterator[World]:
    """Yield a world that listens."""
    world = World()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(world.answer), "127.0.0.1", 0)
    world.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield world
    finally:
        server.close()


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as far as aiohttp's client speaks it."""

    def __init__(self, answer: Callable[[bytes, bytes], bytes]) -> None:
        self._answer = answer
        self._buffer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody connected."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """A request, a part of one, or several."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < whole:
                return
            body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
            self._transport.write(self._answer(head[: head.index(b"\r\n")], body))


def _write(answer: dict[str, Any]) -> bytes:
    return _frame(json.dumps(answer).encode())


def _frame(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

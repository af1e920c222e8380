"""Really signed `/sms` requests, made before the clock starts, and how they are sent.

Each has a recipient and a trigger of its own. A raw protocol sends them: aiohttp's client would need more time than the
server that is measured.
"""

import asyncio
import hashlib
import hmac
import re
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Self, cast
from urllib.parse import urlencode

from benchmarks.world import CHANNELS, TEAM, USER

SIGNING_SECRET = "0123456789abcdef0123456789abcdef"  # noqa: S105 -- of nobody
_ACK = b"HTTP/1.1 200 OK\r\n"
_PATIENCE = 30.0  # seconds for any part


class NotAckedError(Exception):
    """The server answered something else than an empty 200."""


@dataclass(slots=True)
class Taken:
    """How long acks took.

    Attributes:
        times: Seconds, one for each.
        lasted: Seconds in all.
    """

    times: list[float] = field(default_factory=list)
    lasted: float = 0.0

    @property
    def rate(self) -> float:
        """Acks a second."""
        return len(self.times) / self.lasted


class Commands:
    """Makes requests, none of them twice."""

    def __init__(self) -> None:
        self._recipients = _recipients()
        self._made = 0

    def sign(self, count: int) -> list[bytes]:
        """So many requests, good for the next five minutes."""
        stamp = str(int(time.time()))
        return [self._request(stamp) for _ in range(count)]

    def recipients(self, count: int) -> list[tuple[int, str]]:
        """So many numbers for texts that are accepted without a request, each with a number of its own."""
        first, self._made = self._made, self._made + count
        return [(first + at, "+1" + re.sub(r"\D", "", next(self._recipients))) for at in range(count)]

    def _request(self, stamp: str) -> bytes:
        self._made += 1
        channel = CHANNELS[self._made % len(CHANNELS)]
        form = {
            "token": "verification-token-of-nobody",
            "team_id": TEAM,
            "team_domain": "bench",
            "channel_id": channel,
            "channel_name": channel.lower(),
            "user_id": USER,
            "user_name": "olivia",
            "command": "/sms",
            "text": f"{next(self._recipients)} Running ten minutes late",
            "api_app_id": "A0BENCH",
            "is_enterprise_install": "false",
            "response_url": f"https://hooks.slack.com/commands/{TEAM}/{self._made}/bench",
            "trigger_id": f"{stamp}.{self._made}.{time.perf_counter_ns():x}",
        }
        return sign_request(urlencode(form).encode(), "application/x-www-form-urlencoded")


def sign_request(body: bytes, content_type: str) -> bytes:
    """A whole request as Slack makes it, good for the next five minutes."""
    stamp = str(int(time.time()))
    signed = hmac.new(SIGNING_SECRET.encode(), b"v0:%s:%s" % (stamp.encode(), body), hashlib.sha256).hexdigest()
    head = (
        "POST /slack/events HTTP/1.1\r\nHost: bench\r\nUser-Agent: Slackbot 1.0 (+https://api.slack.com/robots)\r\n"
        f"Accept: application/json,*/*\r\nContent-Type: {content_type}\r\n"
        f"X-Slack-Request-Timestamp: {stamp}\r\nX-Slack-Signature: v0={signed}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def send_at_once(port: int, requests: Sequence[bytes], at_once: int) -> Taken:
    """Send all over so many connections, each one's next as soon as its last is acked."""
    taken = Taken()
    waiting = deque(requests)
    async with asyncio.timeout(_PATIENCE), _Connections(port, at_once) as connections:
        started = time.perf_counter()

        async def send_on(connection: "_Connection") -> None:
            while waiting:
                begun = time.perf_counter()
                await connection.ask(waiting.popleft())
                taken.times.append(time.perf_counter() - begun)

        await asyncio.gather(*(send_on(connection) for connection in connections.all))
        taken.lasted = time.perf_counter() - started
    return taken


async def send_steadily(port: int, requests: Sequence[bytes], rate: float) -> Taken:
    """Send so many a second, whether or not the last is acked; the time counts from when each was due."""
    taken = Taken()
    async with asyncio.timeout(_PATIENCE), _Connections(port, 20) as connections:
        started = time.perf_counter()  # uvloop's own clock counts milliseconds
        free = deque(connections.all)

        async def send(request: bytes, due: float) -> None:
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            connection = free.popleft()
            await connection.ask(request)
            taken.times.append(time.perf_counter() - due)
            free.append(connection)

        await asyncio.gather(*(send(request, started + at / rate) for at, request in enumerate(requests)))
        taken.lasted = time.perf_counter() - started
    return taken


def percentile(times: Sequence[float], percent: int) -> float:
    """Of all times the one that so many percent do not exceed."""
    return quantiles(times, n=100, method="inclusive")[percent - 1]


class _Connections:
    """Keep-alive connections to one server."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._count = count
        self.all: list[_Connection] = []

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for _ in range(self._count):
            _, connection = await loop.create_connection(_Connection, "127.0.0.1", self._port)
            self.all.append(connection)
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self.all:
            connection.close()


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._answer: asyncio.Future[None]
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes) -> asyncio.Future[None]:
        """Send a request; done when it is acked."""
        self._answer = asyncio.get_running_loop().create_future()
        self._buffer = b""
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, ended, body = self._buffer.partition(b"\r\n\r\n")
        if not ended:
            return
        if head.startswith(_ACK) and b"\r\nContent-Length: 0" in head and not body:
            self._answer.set_result(None)
        else:
            self._answer.set_exception(NotAckedError(self._buffer[:500].decode()))

    def connection_lost(self, exc: Exception | None) -> None:
        with suppress(AttributeError, asyncio.InvalidStateError):
            self._answer.set_exception(NotAckedError(f"connection lost: {exc}"))

    def close(self) -> None:
        self._transport.close()


def _recipients() -> Iterator[str]:
    """Valid numbers of New York State, no two alike."""
    for code in ("516", "631", "914", "845"):
        for exchange in range(220, 900):
            if exchange % 100 == 11:  # noqa: PLR2004 -- N11 are services
                continue
            for line in range(1000, 9999):
                yield f"({code}) {exchange}-{line}"

"""From Slack to the app: really signed HTTP requests, or envelopes over a WebSocket."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession, ClientTimeout
from slack_sdk.signature import SignatureVerifier


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something that Slack tells the app; the same value sent again is a redelivery.

    Attributes:
        kind: `slash_commands`, `interactive` or `events_api`, as Socket Mode names them.
        payload: As the app reads it.
        retry: Which redelivery of an event it is, 0 for the first time.
        reason: Why it is redelivered.
    """

    kind: str
    payload: dict[str, Any]
    retry: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the app made of it.

    Attributes:
        status: HTTP status; in Socket Mode 200 for an ack; 0 when none came.
        body: JSON, else text, "" when empty.
        elapsed: Seconds.
        problem: `operation_timeout` or `dispatch_failed` when no answer came.
        headers: Of the answer, in lower case.
    """

    status: int
    body: Any
    elapsed: float
    problem: str = ""
    headers: dict[str, str] | None = None

    @property
    def ok(self) -> bool:
        """Whether the app took it."""
        return 200 <= self.status < 300  # noqa: PLR2004 -- HTTP's successes


@dataclass(slots=True)
class Told:
    """An event that the app was told of.

    Attributes:
        event: As in the envelope.
        delivery: The first one.
        answers: One for each try so far.
    """

    event: dict[str, Any]
    delivery: Delivery
    answers: list[Answer] = field(default_factory=list)


class Line(Protocol):
    """A way to the app."""

    async def send(self, delivery: Delivery, seconds: float) -> Answer:
        """Hand it over and wait for the answer as long as Slack waits."""
        ...


class SignedPosts:
    """HTTP mode.

    Attributes:
        url: The app's request URL; none is known until it is set.
        skew: Seconds that Slack's clock is ahead when it signs.
    """

    def __init__(self, signing_secret: str) -> None:
        self.url = ""
        self.skew = 0.0
        self._signer = SignatureVerifier(signing_secret)
        self._session: ClientSession | None = None

    async def send(self, delivery: Delivery, seconds: float) -> Answer:
        """Post it, signed now."""
        if not self.url:
            return Answer(0, "", 0.0, "dispatch_failed")
        if self._session is None:
            self._session = ClientSession(timeout=ClientTimeout(total=60))
        body, content_type = encode(delivery)
        # The app judges the age of a request by the real clock, so it is the real clock that signs.
        timestamp = str(int(time.time() + self.skew))
        headers = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": self._signer.generate_signature(timestamp=timestamp, body=body) or "",
        }
        if delivery.retry:
            headers |= {"X-Slack-Retry-Num": str(delivery.retry), "X-Slack-Retry-Reason": delivery.reason}
        started = time.perf_counter()
        try:
            async with (
                asyncio.timeout(seconds),
                self._session.post(self.url, data=body.encode(), headers=headers, allow_redirects=False) as answer,
            ):
                text = await answer.text()
        except TimeoutError:
            return Answer(0, "", time.perf_counter() - started, "operation_timeout")
        except (ClientError, OSError):
            return Answer(0, "", time.perf_counter() - started, "dispatch_failed")
        lower = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, _decode(text), time.perf_counter() - started, headers=lower)

    async def close(self) -> None:
        """Close its connections."""
        if self._session is not None:
            await self._session.close()


def encode(delivery: Delivery) -> tuple[str, str]:
    """The body of a request, and its content type."""
    form = "application/x-www-form-urlencoded"
    if delivery.kind == "slash_commands":
        return urlencode(delivery.payload), form
    if delivery.kind == "interactive":
        return urlencode({"payload": json.dumps(delivery.payload, ensure_ascii=False)}), form
    return json.dumps(delivery.payload), "application/json"


def _decode(text: str) -> Any:
    try:
        return json.loads(text) if text else ""
    except ValueError:
        return text

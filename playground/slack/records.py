"""What happened: every call of the Web API, every change for the page, and waiting for either without sleeping."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

Found = TypeVar("Found")
_BACKLOG = 10_000  # changes that a subscriber may lag behind before it is cut off


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the Web API.

    Attributes:
        method: Such as `chat.postMessage`.
        arguments: As they came, without the token.
        ok: Whether the call did what it says; a call whose answer was lost on demand is still ok.
        error: Slack's word, or `reset`, `http_503` for a fault.
        at: Seconds, by the pretend Slack's clock.
        answer: The body, None when none was sent.
    """

    method: str
    arguments: dict[str, Any]
    ok: bool
    error: str
    at: float
    answer: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Ping:
    """People whom a message notified.

    Attributes:
        channel, ts: The message.
        people: Ids of mentioned people and groups, and `!channel`, `!here`, `!everyone`.
    """

    channel: str
    ts: str
    people: frozenset[str]


@dataclass(slots=True, eq=False)
class _Waiter:
    holds: Callable[[], Any]
    future: "asyncio.Future[Any]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def look(self) -> None:
        if self.future.done():
            return
        try:
            found = self.holds()
        except Exception as error:  # noqa: BLE001 -- the test's own condition failed: it reads that where it waits
            self.future.set_exception(error)
            return
        if found:
            self.future.set_result(found)


class Subscription:
    """Changes as they happen, from the moment it is made; an async iterator and an async context manager."""

    def __init__(self, leave: Callable[["Subscription"], None]) -> None:
        self._leave = leave
        self._queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(_BACKLOG)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> dict[str, Any]:
        change = await self._queue.get()
        if change is None:
            raise StopAsyncIteration
        return change

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave(self)

    def put(self, change: dict[str, Any] | None) -> None:
        """Hand a change over; None ends it, and so does a reader that lags too far behind."""
        if self._queue.full():
            self._leave(self)
            self._queue.get_nowait()
            change = None
        with suppress(asyncio.QueueFull):
            self._queue.put_nowait(change)


class Records:
    """All that happened, in order."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.pings: list[Ping] = []
        self._waiters: list[_Waiter] = []
        self._subscriptions: list[Subscription] = []

    def change(self, kind: str, **what: Any) -> None:
        """Something changed: tell the subscribers, and look whether somebody waited for it."""
        for each in tuple(self._subscriptions):
            each.put({"type": kind, **what})
        for waiter in tuple(self._waiters):
            waiter.look()

    async def until(self, holds: Callable[[], Found], seconds: float) -> Found:
        """What `holds` returns as soon as it is true.

        Raises:
            TimeoutError: It was not true in time; it names the last calls.
        """
        waiter = _Waiter(holds)
        self._waiters.append(waiter)
        waiter.look()
        try:
            async with asyncio.timeout(seconds):
                found: Found = await waiter.future
        except TimeoutError:
            last = ", ".join(f"{each.method} {each.error or 'ok'}" for each in self.calls[-10:])
            raise TimeoutError(f"not true within {seconds} s; last calls: {last or 'none'}") from None
        finally:
            self._waiters.remove(waiter)
        return found

    def subscribe(self) -> Subscription:
        """Changes from now on."""
        subscription = Subscription(self._unsubscribe)
        self._subscriptions.append(subscription)
        return subscription

    def close(self) -> None:
        """End all subscriptions."""
        for each in tuple(self._subscriptions):
            each.put(None)
        self._subscriptions.clear()

    def _unsubscribe(self, subscription: Subscription) -> None:
        with suppress(ValueError):
            self._subscriptions.remove(subscription)

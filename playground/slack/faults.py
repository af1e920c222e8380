"""Faults on demand: what the Web API does instead of answering well, by method, for the next calls or until cleared."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

_HELD_SECONDS = 60.0  # a held call is let go by then, whatever the test forgot


@dataclass(frozen=True, slots=True)
class RateLimited:
    """429 with Retry-After in seconds; nothing is done."""

    retry_after: int = 1


@dataclass(frozen=True, slots=True)
class Down:
    """Slack's own breakdown as an HTTP status, with no JSON; nothing is done."""

    status: int = 503


@dataclass(frozen=True, slots=True)
class Refused:
    """`ok: false` with this error, such as invalid_auth, missing_scope, internal_error; nothing is done."""

    error: str
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Slow:
    """It is done at once, and the answer comes after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ResetBefore:
    """The connection is cut; nothing is done."""


@dataclass(frozen=True, slots=True)
class ResetAfter:
    """It is done, and the connection is cut instead of the answer."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The call waits until it is released, before or after it is done."""

    after: bool = False


Kind = RateLimited | Down | Refused | Slow | ResetBefore | ResetAfter | Hold


@dataclass(slots=True, eq=False)
class Fault:
    """A fault in force.

    Attributes:
        kind: What happens.
        method: To which method, `*` for all.
        times: To how many more calls, None until cleared.
        every: Of so many calls of that method one meets it, the last of each row.
        arrived: Set when the first call met it.
        calls: How many calls have met it.
    """

    kind: Kind
    method: str = "*"
    times: int | None = None
    every: int = 1
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    calls: int = 0
    _passed: int = 0
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def meets(self, method: str) -> bool:
        """Whether it befalls a call of this method, which counts it."""
        if self.method not in {method, "*"}:
            return False
        self._passed += 1
        return self._passed % self.every == 0

    def release(self) -> None:
        """Let every held call go on, and those that come."""
        self._released.set()

    async def wait(self) -> None:
        """As long as it is held."""
        async with asyncio.timeout(_HELD_SECONDS):
            await self._released.wait()


class Faults:
    """All faults in force, the oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._known: list[Fault] = []  # also those that are over but may still hold a call

    def add(self, kind: Kind, method: str = "*", times: int | None = None, every: int = 1) -> Fault:
        """Put a fault in force."""
        fault = Fault(kind, method, times, every)
        self._faults.append(fault)
        self._known.append(fault)
        return fault

    def take(self, method: str) -> Fault | None:
        """The fault that this call meets."""
        for each in self._faults:
            if each.meets(method):
                each.calls += 1
                if each.times is not None:
                    each.times -= 1
                    if each.times <= 0:
                        self._faults.remove(each)
                return each
        return None

    def clear(self, fault: Fault | None = None) -> None:
        """End one fault, or all, and let go what they hold; one that has ended already stays so."""
        for each in tuple(self._known) if fault is None else (fault,):
            each.release()
            for kept in (self._known, self._faults):
                if each in kept:
                    kept.remove(each)

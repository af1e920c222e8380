"""What can go wrong on demand, and which request it befalls."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from itertools import count
from typing import Any, Literal

Endpoint = Literal["send", "message", "records", "numbers", "whoami", "storage", "upload", "removal", "any"]


class Kind(StrEnum):
    """What happens to a request; `before` and `after` mean acceptance."""

    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    HOLD_BEFORE = "hold_before"  # until released (then accepted) or dropped
    HOLD_AFTER = "hold_after"  # accepted, and no answer until released or dropped; never, if nobody does
    LATE = "late"  # accepted at once, answered after `seconds`
    ERROR_BEFORE = "error_before"  # `status`, not accepted
    ERROR_AFTER = "error_after"  # `status`, accepted
    UNREADABLE = "unreadable"  # accepted, 200 with `body`
    TRUNCATED = "truncated"  # accepted, and the answer breaks off in its middle
    THROTTLED = "throttled"  # 429, Retry-After as in `retry_after`
    UNAUTHORIZED = "unauthorized"  # 401
    FORBIDDEN = "forbidden"  # 403 with `sentence`
    INVALID = "invalid"  # 422 with `field` and `sentence`
    REDIRECT = "redirect"  # `status` (307) to `location`, not accepted


BEFORE = frozenset(
    {
        Kind.RESET_BEFORE,
        Kind.HOLD_BEFORE,
        Kind.ERROR_BEFORE,
        Kind.THROTTLED,
        Kind.UNAUTHORIZED,
        Kind.FORBIDDEN,
        Kind.INVALID,
        Kind.REDIRECT,
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        kind: What.
        times: For how many requests, None until it is cleared.
        number: Only for texts to this phone (digits), "" for all.
        on: Which endpoint.
        status: HTTP status of an error or a redirect.
        seconds: How late.
        retry_after: The header's value, "" for none.
        field: Which field a 422 complains of.
        sentence: Why, for 403 and 422.
        body: What an unreadable 200 or an error says instead of JSON.
        location: Where a redirect leads.
    """

    kind: Kind
    times: int | None = 1
    number: str = ""
    on: Endpoint = "send"
    status: int = 500
    seconds: float = 0.0
    retry_after: str = ""
    field: str = ""
    sentence: str = ""
    body: str = "<html><body>Bad gateway</body></html>"
    location: str = ""


@dataclass(slots=True, eq=False)
class Armed:
    """A fault that waits for its requests.

    Attributes:
        id: Names it for the control API.
        fault: What it does.
        left: For how many more requests, None without end.
        hits: How many it has befallen.
        held: How many it holds now.
        arrived: Set with the first that it befalls.
    """

    id: int
    fault: Fault
    left: int | None
    changed: Callable[[], None]
    hits: int = 0
    held: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _opened: asyncio.Event = field(default_factory=asyncio.Event)
    _dropping: bool = False

    def release(self) -> None:
        """Let what is held, and what is still to come, go on."""
        self._opened.set()

    def drop(self) -> None:
        """Reset what is held, and what is still to come."""
        self._dropping = True
        self._opened.set()

    async def hold(self) -> bool:
        """Wait for release or drop; whether to go on."""
        self.held += 1
        self.changed()
        try:
            await self._opened.wait()
        finally:
            self.held -= 1
            self.changed()
        return not self._dropping

    def show(self) -> dict[str, Any]:
        """As JSON."""
        return {"id": self.id, "left": self.left, "hits": self.hits, "held": self.held, **asdict(self.fault)}


class Faults:
    """All armed faults; the oldest that fits befalls a request."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._ids = count(1)
        self._armed: dict[int, Armed] = {}
        self._known: dict[int, Armed] = {}  # spent ones too: what they hold must still be released

    def __iter__(self) -> Iterator[Armed]:
        return iter(self._armed.values())

    def __bool__(self) -> bool:
        return bool(self._armed)

    def __getitem__(self, fault_id: int) -> Armed:
        return self._known[fault_id]

    def arm(self, fault: Fault) -> Armed:
        """From the next fitting request on."""
        armed = Armed(next(self._ids), fault, fault.times, self._changed)
        self._armed[armed.id] = self._known[armed.id] = armed
        self._changed()
        return armed

    def clear(self) -> None:
        """Nothing goes wrong any more; what is held stays held."""
        self._armed.clear()
        self._changed()

    def drop_all(self) -> None:
        """Let go of everything, at the end."""
        self._armed.clear()
        for armed in self._known.values():
            armed.drop()

    def take(self, on: Endpoint, numbers: Iterable[str], *, before: bool) -> Armed | None:
        """The fault that befalls a request now, counted down."""
        for armed in self._armed.values():
            fault = armed.fault
            if (
                (fault.kind in BEFORE) is before
                and fault.on in {on, "any"}
                and (not fault.number or fault.number in numbers)
            ):
                armed.hits += 1
                if armed.left is not None:
                    armed.left -= 1
                    if armed.left == 0:
                        del self._armed[armed.id]
                armed.arrived.set()
                self._changed()
                return armed
        return None

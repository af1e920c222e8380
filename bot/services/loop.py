"""Work that is looked for again and again for as long as the bot runs."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

_log = structlog.get_logger(__name__)


class Loop:
    """Takes turns until it is closed; a turn that fails is logged, and the next one comes all the same.

    Args:
        name: For the log.
        turn: Does once what is due; True when more may be due at once.
        sweep: Seconds between two turns while nothing is due and nobody wakes it.
        lanes: So many turns are under way at once.
    """

    def __init__(self, name: str, turn: Callable[[], Awaitable[bool | None]], sweep: float, *, lanes: int = 1) -> None:
        self._name = name
        self._turn = turn
        self._sweep = sweep
        self._lanes = lanes
        self._woken = asyncio.Event()
        self._closing = False

    def wake(self) -> None:
        """Something is due: look now rather than at the next sweep."""
        self._woken.set()

    def close(self) -> None:
        """Begin nothing more; `run` returns after the turns under way."""
        self._closing = True
        self._woken.set()

    async def run(self) -> None:
        """Take turns until closed."""
        await asyncio.gather(*(self._take_turns() for _ in range(self._lanes)))

    async def _take_turns(self) -> None:
        while not self._closing:
            self._woken.clear()
            try:
                if await self._turn():
                    continue
            except Exception:  # noqa: BLE001 -- the loop's boundary: a failing database must not end it
                _log.exception(f"{self._name}.turn_failed")
            if not self._closing:
                await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._sweep):
                await self._woken.wait()
        except TimeoutError:
            return

"""Callbacks: POSTs of receipts and of received texts, as reliable or unreliable as the behaviour says."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp

from playground.carrier.model import Behaviour, Callback, is_final

_TIMEOUT = aiohttp.ClientTimeout(total=5)


class Receipts:
    """Sends receipts, those of one text one after the other; and received texts, those of one phone likewise."""

    def __init__(self, made: Callable[[Callback], None]) -> None:
        self._made = made
        self._tasks: set[asyncio.Task[None]] = set()
        self._last: dict[str, asyncio.Task[None]] = {}
        self._overtaken: dict[str, list[dict[str, Any]]] = {}
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Ready to send."""
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT)

    async def close(self) -> None:
        """What is under way is cancelled."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def send(self, url: str, sid: str, receipt: dict[str, Any], behaviour: Behaviour) -> None:
        """Queue one receipt; when they are reversed, an intermediate one waits for the final one to go first."""
        if not url or behaviour.receipts_lost:
            return
        bodies = [receipt]
        if behaviour.receipts_reversed:
            if not is_final(receipt["status"]):
                self._overtaken.setdefault(sid, []).append(receipt)
                return
            bodies += self._overtaken.pop(sid, [])
        self.line_up(url, sid, bodies, behaviour, copies=behaviour.receipt_copies, delay=behaviour.receipt_delay)

    def line_up(
        self, url: str, line: str, bodies: list[dict[str, Any]], behaviour: Behaviour, *, copies: int, delay: float
    ) -> None:
        """Send bodies after all that stands in the same line, each so many times, late by so many seconds."""
        task = asyncio.create_task(self._send_all(url, bodies, behaviour, self._last.get(line), copies, delay))
        self._last[line] = task
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._forget(line, done))

    def _forget(self, line: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._last.get(line) is task:
            del self._last[line]

    async def settle(self, sid: str) -> None:
        """Wait until the receipts of a text so far have been sent."""
        if sid in self._last:
            await asyncio.wait({self._last[sid]})

    async def _send_all(
        self,
        url: str,
        bodies: list[dict[str, Any]],
        behaviour: Behaviour,
        previous: asyncio.Task[None] | None,
        copies: int,
        delay: float,
    ) -> None:
        if previous is not None:
            await asyncio.wait({previous})
        if delay:
            await asyncio.sleep(delay)
        for body in bodies:
            for _ in range(copies):
                await self._send(url, body, behaviour)

    async def _send(self, url: str, body: dict[str, Any], behaviour: Behaviour) -> None:
        for attempt in range(behaviour.callback_retries + 1):
            if attempt:
                await asyncio.sleep(behaviour.callback_retry_delay)
            status = await self._post(url, body)
            self._made(Callback(url, body, status))
            if status // 100 == 2:  # noqa: PLR2004 -- HTTP's success
                return

    async def _post(self, url: str, body: dict[str, Any]) -> int:
        assert self._session is not None
        try:
            async with self._session.post(url, json=body, allow_redirects=False) as response:
                return response.status
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0

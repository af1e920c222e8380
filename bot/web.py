"""The HTTP side that is neither Slack's nor CarrierX's: is the process alive, can it work, how large may a body be."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

MAX_BODY = 1024 * 1024  # bytes; Slack's largest view is 250 kB
_PROBE = 2.0  # seconds for one write
_REMEMBERED = 1.0  # seconds that an answer holds, so that many questions are one write
_log = structlog.get_logger(__name__)

Degraded = Callable[[], list[str]]
"""What does not work although texts are safe; a sentence each, from memory."""


def health_routes(write: Callable[[], Awaitable[None]], degraded: Degraded) -> list[web.RouteDef]:
    """`/livez` and `/readyz`.

    Args:
        write: Writes to the database and raises when that fails.
        degraded: Sentences on what else is wrong.
    """
    health = _Health(write, degraded)
    return [web.get("/livez", health.live), web.get("/readyz", health.ready)]


class _Health:
    def __init__(self, write: Callable[[], Awaitable[None]], degraded: Degraded) -> None:
        self._write = write
        self._degraded = degraded
        self._asked_at = float("-inf")
        self._writable = False
        self._asking = asyncio.Lock()

    async def live(self, _request: web.Request) -> web.Response:
        """The loop turns."""
        return web.Response(text="ok\n")

    async def ready(self, _request: web.Request) -> web.Response:
        """503 only while nothing can be accepted; what else is wrong is said with 200."""
        async with self._asking:
            if time.monotonic() - self._asked_at >= _REMEMBERED:
                self._writable = await self._can_write()
                self._asked_at = time.monotonic()
        if not self._writable:
            return web.Response(status=503, text="The database cannot be written.\n")
        lines = [f"degraded: {sentence}" for sentence in self._degraded()]
        return web.Response(text="\n".join(["ok", *lines, ""]))

    async def _can_write(self) -> bool:
        try:
            async with asyncio.timeout(_PROBE):
                await self._write()
        except Exception as exc:  # noqa: BLE001 -- whatever the driver raises, the answer is 503
            _log.warning("web.database_not_writable", error=type(exc).__name__)
            return False
        return True

"""Socket Mode: WebSockets to the app, envelopes, acks, and connections that Slack ends."""

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

from playground.slack.delivery import Answer, Delivery
from playground.slack.workspace import APP

_GRACE_SECONDS = 5.0  # between a refresh and the close; ends as soon as the app has connected anew
_CLOSE_SECONDS = 1.0  # for the app to answer a close


class SocketConnections:
    """All open WebSockets of the app; each envelope goes to one of them in turn.

    Args:
        changed: Called when one has come or gone.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._came = asyncio.Event()
        self._tickets: set[str] = set()
        self._sockets: list[web.WebSocketResponse] = []
        self._acks: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._owners: dict[str, web.WebSocketResponse] = {}

    @property
    def count(self) -> int:
        """Open connections."""
        return len(self._sockets)

    def ticket(self) -> str:
        """What a WebSocket address from apps.connections.open must carry; good for one connection."""
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return ticket

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, from hello to its end."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=401, text="this address was not given, or was used before")
        self._tickets.remove(ticket)
        socket = web.WebSocketResponse(timeout=_CLOSE_SECONDS)
        await socket.prepare(request)
        self._sockets.append(socket)
        try:
            await socket.send_json(
                {
                    "type": "hello",
                    "num_connections": self.count,
                    "debug_info": {"host": "pretend", "build_number": 1, "approximate_connection_time": 18060},
                    "connection_info": {"app_id": APP},
                }
            )
            self._came.set()
            self._changed()
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._read(message.data)
        finally:
            self._sockets.remove(socket)
            self._lose(socket)
            self._changed()
        return socket

    async def send(self, delivery: Delivery, seconds: float) -> Answer:
        """Send an envelope and wait for its ack."""
        started = time.perf_counter()
        if not self._sockets:
            return Answer(0, "", 0.0, "dispatch_failed")
        socket = self._sockets.pop(0)
        self._sockets.append(socket)
        envelope = secrets.token_hex(16)
        ack: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._acks[envelope], self._owners[envelope] = ack, socket
        body: dict[str, Any] = {
            "envelope_id": envelope,
            "type": delivery.kind,
            "payload": delivery.payload,
            "accepts_response_payload": delivery.kind != "events_api",
        }
        if delivery.kind == "events_api":
            body |= {"retry_attempt": delivery.retry, "retry_reason": delivery.reason}
        try:
            async with asyncio.timeout(seconds):
                await socket.send_json(body)
                answer = await ack
        except TimeoutError:
            return Answer(0, "", time.perf_counter() - started, "operation_timeout")
        except ConnectionError:
            return Answer(0, "", time.perf_counter() - started, "dispatch_failed")
        finally:
            del self._acks[envelope], self._owners[envelope]
        return Answer(200, answer.get("payload", ""), time.perf_counter() - started)

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """End every connection as Slack does: a `disconnect` message, then the close.

        Args:
            reason: `refresh_requested`, which leaves the app time for a new connection first; `link_disabled`; or
                `warning`, which closes nothing yet.
        """
        ending = tuple(self._sockets)
        self._came.clear()
        for socket in ending:
            with suppress(ConnectionError):
                await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "pretend"}})
        if reason == "warning":
            return
        if reason == "refresh_requested" and ending:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE_SECONDS):
                    await self._came.wait()
        for socket in ending:
            await socket.close()

    async def cut(self) -> None:
        """Cut every connection without a word."""
        for socket in tuple(self._sockets):
            transport = socket._req.transport if socket._req is not None else None  # noqa: SLF001 -- no public way to cut
            if transport is not None:
                transport.abort()

    def _read(self, text: str) -> None:
        answer = json.loads(text)
        ack = self._acks.get(answer.get("envelope_id", ""))
        if ack is not None and not ack.done():
            ack.set_result(answer)

    def _lose(self, socket: web.WebSocketResponse) -> None:
        for envelope, owner in self._owners.items():
            if owner is socket and not self._acks[envelope].done():
                self._acks[envelope].set_exception(ConnectionResetError("the connection ended before the ack"))

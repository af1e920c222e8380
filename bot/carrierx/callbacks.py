"""CarrierX's callbacks: whoever knows a secret address may tell us what became of a text.

CarrierX signs nothing, as far as is known, so the address itself is the secret. A web server's access log must leave
out every path under CALLBACKS_PATH. Answers: 401 forged, 413 too large, 400 unreadable, 408 too slow, 503 not stored
(a good carrier repeats it), 200 stored.
"""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.carrierx import wire
from bot.carrierx.carrier import carrier_state
from bot.errors import CarrierResponseInvalidError
from bot.services.ports import CarrierState

CALLBACKS_PATH = "/carrierx/callbacks/"
SHORTEST_SECRET = 32  # characters; 128 bits even when it is written in hexadecimal
_LARGEST_BODY = 256 * 1024  # bytes; a receipt is about 600, an inbound MMS a few thousand
_BODY_TIMEOUT = 10.0  # seconds for a body to arrive
_STORE_TIMEOUT = 10.0  # seconds for the one durable write

OnReceipt = Callable[[CarrierState], Awaitable[None]]

_log = logging.getLogger(__name__)


def callback_routes(secrets: tuple[str, ...], on_receipt: OnReceipt) -> list[web.RouteDef]:
    """The routes to add to the application; none without a secret.

    Args:
        secrets: One, or two while one is being replaced; each at least SHORTEST_SECRET characters.
        on_receipt: Stores what CarrierX said, of our texts and of texts to us; returns when it is durable.

    Raises:
        ValueError: A secret is too short to be one.
    """
    if any(len(secret) < SHORTEST_SECRET for secret in secrets):
        raise ValueError(f"A callback secret must have at least {SHORTEST_SECRET} characters.")
    callbacks = _Callbacks(tuple(_digest(secret) for secret in secrets), on_receipt)
    return [web.post(f"{CALLBACKS_PATH}{{secret}}", callbacks.receive)] if secrets else []


class _Callbacks:
    def __init__(self, digests: tuple[bytes, ...], on_receipt: OnReceipt) -> None:
        self._digests = digests
        self._on_receipt = on_receipt

    async def receive(self, request: web.Request) -> web.Response:
        """Verify, read, store, answer."""
        if not self._is_ours(request.match_info["secret"]):
            return _refuse(401, "forged")
        try:
            async with asyncio.timeout(_BODY_TIMEOUT):
                body = await _read(request)
        except TimeoutError:
            return _refuse(408, "too slow")
        if body is None:
            return _refuse(413, "too large")
        try:
            state = carrier_state(wire.read_receipt(body))
        except CarrierResponseInvalidError as error:
            return _refuse(400, error.user_message)
        try:
            async with asyncio.timeout(_STORE_TIMEOUT):
                await self._on_receipt(state)
        except Exception:  # noqa: BLE001 -- the boundary: whatever went wrong, it is not stored
            _log.exception("A callback about %s was not stored", state.sid)
            return web.Response(status=503)
        return web.Response()

    def _is_ours(self, secret: str) -> bool:
        """Compares with every secret, in a time that tells nothing."""
        digest = _digest(secret)
        return any([hmac.compare_digest(digest, ours) for ours in self._digests])  # noqa: C419 -- all of them, always


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()  # equal lengths, whatever was sent


async def _read(request: web.Request) -> bytes | None:
    """The body, None when it is too large."""
    body = bytearray()
    while chunk := await request.content.readany():
        body += chunk
        if len(body) > _LARGEST_BODY:
            return None
    return bytes(body)


def _refuse(status: int, why: str) -> web.Response:
    _log.warning("Refused a callback: %s", why)
    return web.Response(status=status)

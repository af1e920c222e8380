"""CarrierX's callbacks: whoever knows a secret address may tell us what became of a text, and of texts to us.

CarrierX signs nothing, as far as is known, so the address itself is the secret. A web server's access log must leave
out every path under CALLBACKS_PATH. Answers: 401 forged, 413 too large, 400 unreadable, 408 too slow, 503 not stored
(a good carrier repeats it), 200 stored.
"""

import asyncio
import hashlib
import hmac
import logging
import traceback
from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.carrierx import wire
from bot.carrierx.carrier import carrier_state, inbound_text
from bot.carrierx.values import InboundMessage, TextState
from bot.errors import CarrierResponseInvalidError
from bot.services.ports import CarrierState, InboundText

CALLBACKS_PATH = "/carrierx/callbacks/"
SHORTEST_SECRET = 32  # characters; 128 bits even when it is written in hexadecimal
_LARGEST_BODY = 256 * 1024  # bytes; a receipt is about 600, an inbound MMS a few thousand
_BODY_TIMEOUT = 10.0  # seconds for a body to arrive
_STORE_TIMEOUT = 10.0  # seconds for the one durable write

OnReceipt = Callable[[CarrierState], Awaitable[None]]
OnInbound = Callable[[InboundText], Awaitable[None]]

_log = logging.getLogger(__name__)


def callback_routes(secrets: tuple[str, ...], on_receipt: OnReceipt, on_inbound: OnInbound) -> list[web.RouteDef]:
    """The routes to add to the application; none without a secret.

    Args:
        secrets: One, or two while one is being replaced; each at least SHORTEST_SECRET characters.
        on_receipt: Stores what CarrierX said of a text of ours; returns when it is durable.
        on_inbound: Stores a text to us; returns when it is durable.

    Raises:
        ValueError: A secret is too short to be one.
    """
    if any(len(secret) < SHORTEST_SECRET for secret in secrets):
        raise ValueError(f"A callback secret must have at least {SHORTEST_SECRET} characters.")
    callbacks = _Callbacks(tuple(_digest(secret) for secret in secrets), on_receipt, on_inbound)
    return [web.post(f"{CALLBACKS_PATH}{{secret}}", callbacks.receive)] if secrets else []


class _RefusedError(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class _Callbacks:
    def __init__(self, digests: tuple[bytes, ...], on_receipt: OnReceipt, on_inbound: OnInbound) -> None:
        self._digests = digests
        self._on_receipt = on_receipt
        self._on_inbound = on_inbound

    async def receive(self, request: web.Request) -> web.Response:
        """Verify, read, store, answer."""
        if not self._is_ours(request.match_info["secret"]):
            return _refuse(401, "forged")
        try:
            told = wire.read_callback(await _read(request))
        except _RefusedError as error:
            return _refuse(error.status, error.why)
        except CarrierResponseInvalidError as error:
            return _refuse(400, error.user_message)
        try:
            async with asyncio.timeout(_STORE_TIMEOUT):
                await self._store(told)
        except Exception as error:  # noqa: BLE001 -- the boundary: whatever went wrong, it is not stored
            _log.error("A callback about %s was not stored: %s", told.sid, _show_way(error))
            return web.Response(status=503)
        return web.Response()

    async def _store(self, told: TextState | InboundMessage) -> None:
        if isinstance(told, InboundMessage):
            await self._on_inbound(inbound_text(told))
        else:
            await self._on_receipt(carrier_state(told))

    def _is_ours(self, secret: str) -> bool:
        """Compares with every secret, in a time that tells nothing."""
        digest = _digest(secret)
        return any([hmac.compare_digest(digest, ours) for ours in self._digests])  # noqa: C419 -- all of them, always


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()  # equal lengths, whatever was sent


async def _read(request: web.Request) -> bytes:
    """The body, unpacked.

    Raises:
        _RefusedError: It is too large, too slow, or packed wrongly.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            while chunk := await request.content.readany():
                body += chunk
                if len(body) > _LARGEST_BODY:
                    raise _RefusedError(413, "too large")
    except TimeoutError:
        raise _RefusedError(408, "too slow") from None
    except web.RequestPayloadError:
        raise _RefusedError(400, "packed wrongly") from None
    return bytes(body)


def _show_way(error: BaseException | None) -> str:
    """The way to an error and its causes, without their words: a database may quote the text that it does not take."""
    way: dict[BaseException, str] = {}  # an error may be its own cause
    while error is not None and error not in way:
        way[error] = "".join([f"{type(error).__name__}\n", *traceback.format_tb(error.__traceback__)])
        error = error.__cause__ or error.__context__
    return "from ".join(way.values())


def _refuse(status: int, why: str) -> web.Response:
    _log.warning("Refused a callback: %s", why)
    return web.Response(status=status)

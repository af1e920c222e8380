"""How faults look on the wire, and the answers that are none."""

import json
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from playground.carrier.faults import Armed, Fault, Kind
from playground.carrier.render import render_error

_RST = struct.pack("ii", 1, 0)  # SO_LINGER 0: closing sends a reset


class AnsweredError(Exception):
    """The request has its answer and goes no further.

    Attributes:
        response: The answer.
    """

    def __init__(self, response: web.Response) -> None:
        super().__init__()
        self.response = response


def answer_with(body: dict[str, Any]) -> web.Response:
    """200 with JSON."""
    return web.Response(body=json.dumps(body).encode(), content_type="application/json")


def refuse_with(
    status: int, message: str, sentence: str, field: str | None = None, headers: dict[str, str] | None = None
) -> web.Response:
    """An error in CarrierX's envelope."""
    return web.json_response(render_error(message, sentence, field), status=status, headers=headers)


def _break_down(fault: Fault) -> web.Response:
    return web.Response(status=fault.status, text=fault.body, content_type="text/html")


def _throttle(fault: Fault) -> web.Response:
    headers = {"Retry-After": fault.retry_after} if fault.retry_after else None
    return refuse_with(429, "too many requests", fault.sentence or "slow down", headers=headers)


_REFUSALS: dict[Kind, Callable[[Fault], web.Response]] = {
    Kind.ERROR_BEFORE: _break_down,
    Kind.THROTTLED: _throttle,
    Kind.UNAUTHORIZED: lambda _: refuse_with(401, "unauthorized", "Bad credentials"),
    Kind.FORBIDDEN: lambda fault: refuse_with(403, "forbidden", fault.sentence or "not allowed"),
    Kind.INVALID: lambda fault: refuse_with(
        422, "object validation error", fault.sentence or "invalid", fault.field or None
    ),
    Kind.REDIRECT: lambda fault: web.Response(status=fault.status, headers={"Location": fault.location}),
}


async def befall_before(request: web.Request, armed: Armed) -> None:
    """What goes wrong before acceptance; returns when the request goes on.

    Raises:
        AnsweredError: It does not.
    """
    kind = armed.fault.kind
    if kind is Kind.HOLD_BEFORE and await armed.hold():
        return
    refuse = _REFUSALS.get(kind)
    raise AnsweredError(refuse(armed.fault) if refuse else _reset(request))


async def befall_after(
    request: web.Request, armed: Armed, answer: web.Response, pause: Callable[[float], Awaitable[None]]
) -> web.StreamResponse:
    """What goes wrong after acceptance, in place of the answer."""
    fault = armed.fault
    match fault.kind:
        case Kind.HOLD_AFTER:
            return answer if await armed.hold() else _reset(request)
        case Kind.LATE:
            await pause(fault.seconds)
            return answer
        case Kind.ERROR_AFTER:
            return _break_down(fault)
        case Kind.UNREADABLE:
            return web.Response(text=fault.body, content_type="application/json")
        case Kind.TRUNCATED:
            return await _break_off(request, answer)
        case _:
            return _reset(request)


def _reset(request: web.Request) -> web.Response:
    """Cut the connection with a RST; what is returned reaches nobody."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
        transport.abort()
    return web.Response()


async def _break_off(request: web.Request, answer: web.Response) -> web.StreamResponse:
    """Half an answer, with the length of a whole one."""
    body = answer.body
    assert isinstance(body, bytes)
    half = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return half

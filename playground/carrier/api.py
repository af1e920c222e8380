"""The documented endpoints of the pretend CarrierX."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from playground.carrier.checks import InvalidError, check
from playground.carrier.mishaps import AnsweredError, answer_with, befall_after, befall_before, refuse_with
from playground.carrier.model import Inbound, Message
from playground.carrier.picture import draw
from playground.carrier.reception import Reception, answer_unknown, read_object, read_token
from playground.carrier.render import (
    PARTNER_SID,
    render_did,
    render_inbound,
    render_inbound_record,
    render_message,
    render_record,
)
from playground.carrier.storage_api import make_routes

if TYPE_CHECKING:
    from playground.carrier.server import PretendCarrier

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SEND = frozenset({"sms.manage", "sms.create"})
_READ = frozenset({"sms.manage", "sms.read"})
_NUMBERS = frozenset({"phonenumber.manage", "phonenumber.read"})
_PARTNERS = frozenset({"partners.manage", "partners.read"})
_LARGEST_PICTURE = 8 * 1024 * 1024
_LARGEST = 64 * 1024 * 1024  # bytes of a request; an upload is bounded by quotas before


def make_app(carrier: "PretendCarrier") -> web.Application:
    """The web application of one carrier."""
    api = _Api(carrier)
    app = web.Application(client_max_size=_LARGEST, middlewares=[_answered])
    app.add_routes(
        [
            web.post("/core/v2/sms/messages", api.send),
            web.get("/core/v2/sms/messages/{sid}", api.message),
            web.get("/core/v2/sms/message_drs", api.records),
            web.get("/core/v2/sms/message_drs/{sid}", api.record),
            web.get("/core/v2/phonenumber/dids", api.numbers),
            web.get("/core/v2/oauth/whoami", api.whoami),
            web.get("/core/v2/partners", api.partners),
            web.get("/media/{name}", api.picture),
            *make_routes(carrier),
            web.route("*", "/{path:.*}", api.nothing),
        ]
    )
    return app


@web.middleware
async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except AnsweredError as answered:
        return answered.response


class _Api:
    def __init__(self, carrier: "PretendCarrier") -> None:
        self._carrier = carrier
        self._reception = Reception(carrier)

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Take a text."""
        carrier = self._carrier
        raw = await request.read()
        self._reception.arrive(request, _SEND)
        body = read_object(request, raw)
        if carrier.faults:
            armed = carrier.faults.take("send", _numbers(body), before=True)
            if armed is not None:
                await befall_before(request, armed)
        try:
            text = check(body, carrier.behaviour, carrier.dids, carrier.media_bytes)
        except InvalidError as error:
            return refuse_with(422, "object validation error", str(error), error.field)
        message = carrier.accept(text)
        if carrier.behaviour.receipt_before_answer:
            await carrier.report_sent(message)
        answer = answer_with(render_message(message, carrier.behaviour))
        if carrier.faults:
            armed = carrier.faults.take("send", text.recipients, before=False)
            if armed is not None:
                return await befall_after(request, armed, answer, carrier.pause)
        return answer

    async def message(self, request: web.Request) -> web.StreamResponse:
        """One message."""

        def answer() -> web.Response:
            sid, behaviour = request.match_info["sid"], self._carrier.behaviour
            message, inbound = self._carrier.messages.get(sid), self._carrier.inbounds.get(sid)
            if message is not None:
                return answer_with(render_message(message, behaviour))
            if inbound is not None and behaviour.inbound_readable:
                return answer_with(render_inbound(inbound, behaviour))
            return answer_unknown()

        return await self._reception.read(request, "message", _READ, answer)

    async def records(self, request: web.Request) -> web.StreamResponse:
        """Detail records."""

        def answer() -> web.Response:
            return self._reception.list_rows(request, self._rows(), "dr_sid")

        return await self._reception.read(request, "records", _READ, answer)

    async def record(self, request: web.Request) -> web.StreamResponse:
        """One detail record."""

        def answer() -> web.Response:
            sid = request.match_info["sid"]
            found = next((row for row in self._rows() if row["dr_sid"] == sid), None)
            return answer_unknown() if found is None else answer_with(found)

        return await self._reception.read(request, "records", _READ, answer)

    async def numbers(self, request: web.Request) -> web.StreamResponse:
        """The account's numbers."""

        def answer() -> web.Response:
            return self._reception.list_rows(
                request, [render_did(did) for did in self._carrier.dids.values()], "did_sid"
            )

        return await self._reception.read(request, "numbers", _NUMBERS, answer)

    async def whoami(self, request: web.Request) -> web.StreamResponse:
        """Whom the token belongs to; the body is a guess."""
        scopes = sorted(self._carrier.tokens.get(read_token(request), ()))
        whoami = {"partner_sid": PARTNER_SID, "name": "pretend token", "scopes": scopes}
        return await self._reception.read(request, "whoami", frozenset(), lambda: answer_with(whoami))

    async def partners(self, request: web.Request) -> web.StreamResponse:
        """The account."""
        partner = {
            "partner_sid": PARTNER_SID,
            "name": "Pretend account",
            "status": "active",
            "balance": "351.52",
            "payment_type": "prepay",
            "callbacks": {"sms": self._carrier.behaviour.callback_url or None},
        }
        return await self._reception.read(
            request, "any", _PARTNERS, lambda: self._reception.list_rows(request, [partner], "partner_sid")
        )

    async def picture(self, request: web.Request) -> web.StreamResponse:
        """A demo picture; `?bytes=` makes it as large as that, `?status=` answers so instead."""
        self._carrier.pictures.append(request.path)
        self._carrier.changed()
        status = request.query.get("status", "200")
        if status != "200":
            return web.Response(status=int(status), text="no picture here")
        size = request.query.get("bytes", "0")
        body = draw(request.match_info["name"], min(int(size), _LARGEST_PICTURE) if size.isdecimal() else 0)
        return web.Response(body=body, content_type="image/png", headers={"Cache-Control": "max-age=3600"})

    async def nothing(self, request: web.Request) -> web.StreamResponse:
        """No such resource."""
        self._reception.arrive(request, frozenset())
        return refuse_with(404, "Not Found", "no such resource")

    def _rows(self) -> list[dict[str, Any]]:
        """Each detail record that can be read by now, in the order in which they became readable."""
        now = asyncio.get_running_loop().time()
        visible = sorted(
            (each for each in self._carrier.log if each.visible_at <= now), key=lambda each: each.visible_at
        )
        return [row for each in visible for row in self._render(each)]

    def _render(self, message: Message | Inbound) -> list[dict[str, Any]]:
        behaviour = self._carrier.behaviour
        if isinstance(message, Inbound):
            return [render_inbound_record(message, behaviour)]
        return [render_record(message, copy, behaviour) for copy in message.copies.values()]


def _numbers(body: dict[str, Any]) -> tuple[str, ...]:
    """The phones that a body names, before it has been judged."""
    members = body.get("group_recipients")
    named = [body.get("to"), body.get("to_did"), *(members if isinstance(members, list) else [])]
    return tuple(number for number in named if isinstance(number, str))

"""Drives a PretendCarrier from another process, over HTTP on a port of its own (so that it works while "down").

===========================================  ====================================================================
GET  /_control/posts, /counts, /requests     the oracle
GET  /_control/inbounds                      what phones sent
GET  /_control/callbacks, /phones            what was reported, what each phone got and sent
GET  /_control/stored                        files in storage, with whether a text names each
GET  /_control/until?posts=3&within=10       200 when so many `posts`, `requests`, `inbounds`, `callbacks` or `stored`
                                             are there, else 504; also `hits=1` or `held=1` together with `fault=ID`
GET  /_control/events                        server-sent events: what `subscribe()` yields
GET, PATCH /_control/behaviour               some or all of Behaviour
GET, POST, DELETE /_control/faults           a Fault, answered with its id; DELETE clears all
POST /_control/faults/ID/release, …/drop     let go of what a fault holds
PUT  /_control/numbers                       a list of Did
PUT  /_control/fate                          {"word", "code", "number"}: how texts end from now on
POST /_control/messages/SID                  {"word", "code", "to"}: report a state
POST /_control/inbound                       a phone sends: the arguments of `PretendCarrier.inbound`, answered with
                                             its `sid`; or a list of them, answered with a list
POST /_control/inbound/SID                   {"copies", "delay"}: send its callback, also once more
POST /_control/down, /_control/up            refuse connections, listen again
===========================================  ====================================================================

What cannot be read is answered 400, what there is none of 404.
"""

import dataclasses
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from playground.carrier.faults import Fault
from playground.carrier.model import Behaviour, Did, Fate
from playground.carrier.render import render_time
from playground.carrier.server import PretendCarrier

_BEHAVIOUR = TypeAdapter(Behaviour)
_FAULT = TypeAdapter(Fault)
_DIDS = TypeAdapter(list[Did])
_FATE = TypeAdapter(Fate)


def make_control(carrier: PretendCarrier) -> web.Application:
    """The control application of one carrier."""
    control = _Control(carrier)
    app = web.Application(middlewares=[_answer_mistakes])
    app.add_routes(
        [
            web.get("/_control/posts", control.posts),
            web.get("/_control/counts", control.counts),
            web.get("/_control/requests", control.requests),
            web.get("/_control/callbacks", control.callbacks),
            web.get("/_control/phones", control.phones),
            web.get("/_control/stored", control.stored),
            web.get("/_control/until", control.until),
            web.get("/_control/events", control.events),
            web.get("/_control/behaviour", control.behaviour),
            web.patch("/_control/behaviour", control.behave),
            web.get("/_control/faults", control.faults),
            web.post("/_control/faults", control.arm),
            web.delete("/_control/faults", control.clear),
            web.post("/_control/faults/{id}/release", control.release),
            web.post("/_control/faults/{id}/drop", control.drop),
            web.put("/_control/numbers", control.numbers),
            web.put("/_control/fate", control.fate),
            web.post("/_control/messages/{sid}", control.move),
            web.get("/_control/inbounds", control.inbounds),
            web.post("/_control/inbound", control.inbound),
            web.post("/_control/inbound/{sid}", control.call_back),
            web.post("/_control/down", control.go_down),
            web.post("/_control/up", control.come_up),
        ]
    )
    return app


@web.middleware
async def _answer_mistakes(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except KeyError as error:
        return web.json_response({"error": f"there is no {error}"}, status=404)
    except (ValueError, TypeError) as error:  # pydantic's errors are ValueErrors
        detail = error.errors(include_url=False, include_context=False) if isinstance(error, ValidationError) else None
        return web.json_response({"error": detail or str(error)}, status=400)
    except TimeoutError as error:
        return web.json_response({"error": str(error)}, status=504)


class _Control:
    def __init__(self, carrier: PretendCarrier) -> None:
        self._carrier = carrier

    async def posts(self, _: web.Request) -> web.Response:
        posts = [{**dataclasses.asdict(post), "at": render_time(post.at)} for post in self._carrier.posts]
        return web.json_response(posts)

    async def counts(self, _: web.Request) -> web.Response:
        return web.json_response(dict(self._carrier.counts))

    async def requests(self, _: web.Request) -> web.Response:
        return web.json_response([request._asdict() for request in self._carrier.requests])

    async def callbacks(self, _: web.Request) -> web.Response:
        return web.json_response([dataclasses.asdict(callback) for callback in self._carrier.callbacks])

    async def phones(self, _: web.Request) -> web.Response:
        return web.json_response(self._carrier.phones())

    async def stored(self, _: web.Request) -> web.Response:
        orphans = {file.sid for file in self._carrier.orphans}
        files = [
            {"sid": file.sid, "name": file.name, "kind": file.kind, "bytes": len(file.content)}
            for file in self._carrier.stored
        ]
        return web.json_response([{**file, "orphan": file["sid"] in orphans} for file in files])

    async def until(self, request: web.Request) -> web.Response:
        query = request.query
        wanted = {
            name: int(query[name])
            for name in ("posts", "requests", "inbounds", "callbacks", "stored", "hits", "held")
            if name in query
        }
        fault = self._carrier.faults[int(query["fault"])] if {"hits", "held"} & wanted.keys() else None

        def holds(carrier: PretendCarrier) -> bool:
            return all(
                getattr(fault, name) >= least if name in {"hits", "held"} else len(getattr(carrier, name)) >= least
                for name, least in wanted.items()
            )

        await self._carrier.until(holds, within=float(query.get("within", "10")))
        return _done()

    async def events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        async for event in self._carrier.subscribe():
            await response.write(f"data: {json.dumps(event)}\n\n".encode())
        return response

    async def behaviour(self, _: web.Request) -> web.Response:
        return web.json_response(dataclasses.asdict(self._carrier.behaviour))

    async def behave(self, request: web.Request) -> web.Response:
        changes = await request.json()
        whole = {**dataclasses.asdict(self._carrier.behaviour), **_known(Behaviour, changes)}
        _BEHAVIOUR.validate_python(whole)
        self._carrier.behave(**changes)
        return await self.behaviour(request)

    async def faults(self, _: web.Request) -> web.Response:
        return web.json_response([armed.show() for armed in self._carrier.faults])

    async def arm(self, request: web.Request) -> web.Response:
        fault = _FAULT.validate_python(_known(Fault, await request.json()))
        return web.json_response(self._carrier.arm(fault).show())

    async def clear(self, _: web.Request) -> web.Response:
        self._carrier.clear_faults()
        return _done()

    async def release(self, request: web.Request) -> web.Response:
        self._carrier.faults[int(request.match_info["id"])].release()
        return _done()

    async def drop(self, request: web.Request) -> web.Response:
        self._carrier.faults[int(request.match_info["id"])].drop()
        return _done()

    async def numbers(self, request: web.Request) -> web.Response:
        dids = _DIDS.validate_python([_known(Did, did) for did in await request.json()])
        self._carrier.dids = {did.number: did for did in dids}
        return _done()

    async def fate(self, request: web.Request) -> web.Response:
        wish = await request.json()
        number = wish.pop("number", "")
        fate = _FATE.validate_python(_known(Fate, wish))
        self._carrier.decide(fate.word, fate.code, number=number)
        return _done()

    async def move(self, request: web.Request) -> web.Response:
        wish = await request.json()
        to = wish.pop("to", "")
        fate = _FATE.validate_python(_known(Fate, wish))
        self._carrier.move(request.match_info["sid"], fate.word, fate.code, to=to)
        return _done()

    async def inbounds(self, _: web.Request) -> web.Response:
        texts = self._carrier.inbounds.values()
        return web.json_response([{**dataclasses.asdict(each), "at": render_time(each.at)} for each in texts])

    async def inbound(self, request: web.Request) -> web.Response:
        wish = await request.json()
        wishes = wish if isinstance(wish, list) else [wish]
        for each in wishes:
            if isinstance(each.get("at"), str):
                each["at"] = datetime.fromisoformat(each["at"])
        sids = [{"sid": self._carrier.inbound(**each).sid} for each in wishes]
        return web.json_response(sids if isinstance(wish, list) else sids[0])

    async def call_back(self, request: web.Request) -> web.Response:
        self._carrier.call_back(request.match_info["sid"], **(await request.json() or {}))
        return _done()

    async def go_down(self, _: web.Request) -> web.Response:
        await self._carrier.go_down()
        return _done()

    async def come_up(self, _: web.Request) -> web.Response:
        await self._carrier.come_up()
        return _done()


def _known(model: type, values: dict[str, Any]) -> dict[str, Any]:
    """The values, all of them fields of the model.

    Raises:
        ValueError: One is not; a misspelt switch must not be quietly ignored.
    """
    unknown = values.keys() - {field.name for field in dataclasses.fields(model)}
    if unknown:
        raise ValueError(f"{model.__name__} has no {', '.join(sorted(unknown))}")
    return values


def _done() -> web.Response:
    return web.json_response({"ok": True})

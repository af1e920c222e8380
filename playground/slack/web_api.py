"""The Web API at the door: tokens, scopes, rates, faults, and a record of every call."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from playground.slack.errors import SlackError
from playground.slack.faults import Down, Faults, Hold, Kind, RateLimited, Refused, ResetAfter, ResetBefore, Slow
from playground.slack.rates import Rates
from playground.slack.records import Call, Records

Arguments = dict[str, Any]
Method = Callable[[Arguments], dict[str, Any]]

_AS_JSON = ("blocks", "view", "metadata", "attachments")  # come as text in forms


class WebApi:
    """All methods behind one door.

    Args:
        methods: By name.
        scopes: Of the bot's token.
        bot_token, app_token: The only ones there are.
        rates, faults, records: Shared with the rest.
    """

    def __init__(
        self,
        *,
        methods: dict[str, Method],
        scopes: tuple[str, ...],
        bot_token: str,
        app_token: str,
        rates: Rates,
        faults: Faults,
        records: Records,
    ) -> None:
        self._methods = methods
        self._scopes = scopes
        self._tokens = {"bot": bot_token, "app": app_token}
        self._rates = rates
        self._faults = faults
        self._records = records

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One call."""
        method = request.match_info["method"]
        arguments, token = await _read(request)
        return await self.meet_faults(request, method, arguments, lambda: self._answer(method, arguments, token))

    async def meet_faults(
        self, request: web.Request, method: str, arguments: Arguments, answer: Callable[[], dict[str, Any]]
    ) -> web.StreamResponse:
        """Answer as `answer` does, through the fault that is in force for this method."""
        fault = self._faults.take(method)
        if fault is None:
            return self._attempt(method, arguments, answer)
        kind = fault.kind
        fault.arrived.set()
        self._records.change("fault", method=method, fault=type(kind).__name__)
        if isinstance(kind, ResetBefore):
            self._record(method, arguments, "reset", None)
            return _cut(request)
        if isinstance(kind, Down):
            self._record(method, arguments, f"http_{kind.status}", None)
            return web.Response(status=kind.status, text="<html>Slack is down</html>", content_type="text/html")
        if isinstance(kind, Hold) and not kind.after:
            await fault.wait()
        response = self._attempt(method, arguments, partial(_refuse, kind, answer))
        if isinstance(kind, ResetAfter):
            return _cut(request)
        if isinstance(kind, Hold) and kind.after:
            await fault.wait()
        if isinstance(kind, Slow):
            await asyncio.sleep(kind.seconds)
        return response

    def _attempt(self, method: str, arguments: Arguments, answer: Callable[[], dict[str, Any]]) -> web.Response:
        headers = {"X-OAuth-Scopes": ",".join(self._scopes)}
        try:
            body = {"ok": True, **answer()}
        except SlackError as error:
            self._record(method, arguments, error.error, error.body())
            return web.json_response(error.body(), status=error.status, headers=headers | error.headers)
        self._record(method, arguments, "", body)
        return web.json_response(body, headers=headers)

    def _answer(self, method: str, arguments: Arguments, token: str) -> dict[str, Any]:
        if method not in self._methods:
            raise SlackError("unknown_method", req_method=method)
        if not token:
            raise SlackError("not_authed")
        wanted = "app" if method == "apps.connections.open" else "bot"
        if token != self._tokens[wanted]:
            raise SlackError("not_allowed_token_type" if token in self._tokens.values() else "invalid_auth")
        wait = self._rates.wait(method, str(arguments.get("channel", "")))
        if wait:
            raise SlackError("ratelimited", status=429, headers={"Retry-After": str(wait)})
        return self._methods[method](arguments)

    def _record(self, method: str, arguments: Arguments, error: str, answer: dict[str, Any] | None) -> None:
        at = self._rates.clock()
        self._records.calls.append(Call(method, arguments, not error, error, at, answer))
        self._records.change("call", method=method, ok=not error, error=error)


def need(scopes: tuple[str, ...], *any_of: str) -> None:
    """Refuse unless the token has one of these scopes."""
    if not any(each in scopes for each in any_of):
        raise SlackError("missing_scope", needed=",".join(any_of), provided=",".join(scopes))


def required(arguments: Arguments, *names: str) -> tuple[str, ...]:
    """These arguments as text; refused when one is missing."""
    missing = [name for name in names if arguments.get(name) in (None, "")]
    if missing:
        messages = [f"[ERROR] missing required field: {name}" for name in missing]
        raise SlackError("invalid_arguments", response_metadata={"messages": messages})
    return tuple(str(arguments[name]) for name in names)


def flag(arguments: Arguments, name: str, *, default: bool = False) -> bool:
    """A boolean argument, however it is written."""
    value = arguments.get(name)
    return default if value is None else str(value).lower() in {"1", "true"}


async def _read(request: web.Request) -> tuple[Arguments, str]:
    arguments: Arguments = dict(request.query)
    text = await request.text()
    if request.content_type == "application/json":
        arguments |= json.loads(text) if text else {}
    else:
        arguments |= dict(parse_qsl(text, keep_blank_values=True))
    for name in _AS_JSON:
        if isinstance(arguments.get(name), str) and arguments[name]:
            try:
                arguments[name] = json.loads(arguments[name])
            except ValueError:
                arguments[name] = {"unreadable": True}
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    return arguments, bearer or str(arguments.pop("token", ""))


def _refuse(kind: Kind, answer: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    if isinstance(kind, RateLimited):
        raise SlackError("ratelimited", status=429, headers={"Retry-After": str(kind.retry_after)})
    if isinstance(kind, Refused):
        raise SlackError(kind.error, **kind.more)
    return answer()


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()

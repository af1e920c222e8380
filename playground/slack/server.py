"""The pretend Slack as a server on 127.0.0.1."""

import asyncio
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import web

from playground.slack.acting import ACK_SECONDS, Acting
from playground.slack.chat_methods import ChatMethods
from playground.slack.conversation_methods import ConversationMethods
from playground.slack.delivery import SignedPosts
from playground.slack.errors import NotPossibleError
from playground.slack.events import RETRY_AFTER
from playground.slack.faults import Fault, Faults, Kind
from playground.slack.file_methods import FileMethods
from playground.slack.json_objects import write_conversation, write_ephemeral, write_message, write_user
from playground.slack.manifest import read_manifest
from playground.slack.rates import Rates
from playground.slack.reaction_methods import ReactionMethods
from playground.slack.records import Call, Ping, Records, Subscription
from playground.slack.response_urls import ResponseUrls
from playground.slack.socket_mode import SocketConnections
from playground.slack.talking import Talking
from playground.slack.views import Views
from playground.slack.web_api import Arguments, WebApi
from playground.slack.workspace import BOT_USER, Conversation, Ephemeral, Message, Workspace

Found = TypeVar("Found")
_MOST = 32 * 1024 * 1024  # bytes of a request; Slack takes files of a gigabyte


class PretendSlack(Acting, Talking):
    """A strict Slack; an async context manager that listens while it is open.

    Args:
        manifest: Path of manifest.yml, which says what the app may do.
        socket_mode: Whether the app connects by WebSocket; otherwise Slack posts to `request_url`.
        clock: Seconds since 1970; messages, triggers and rates go by it, signatures by the real clock.
        port: To listen on, 0 for any.

    Attributes:
        bot_token, app_token, signing_secret: What the app is given.
        workspace, views: Their state.
        records: Calls, pings and changes.
        rates: Can be slowed, sped up or switched off.
        sockets: The WebSockets of Socket Mode.
        ack_seconds: Slack's patience with commands, presses, submissions, options and events.
        retry_after: Seconds between the tries of an event that the app did not take.
        files: What the app uploaded.
        told: Every event that the app was told of.
    """

    def __init__(
        self,
        manifest: Path,
        *,
        socket_mode: bool = False,
        clock: Callable[[], float] = time.time,
        port: int = 0,
    ) -> None:
        self.manifest = read_manifest(manifest)
        self.clock = clock
        self.bot_token = f"xoxb-{secrets.token_urlsafe(24)}"
        self.app_token = f"xapp-1-{secrets.token_urlsafe(24)}"
        self.signing_secret = secrets.token_hex(16)
        self.workspace = Workspace(clock, self.manifest.name)
        self.views = Views(self.workspace, clock)
        self.records = Records()
        self.rates = Rates(clock)
        self.sockets = SocketConnections(lambda: self.records.change("sockets", count=self.sockets.count))
        self.ack_seconds = ACK_SECONDS
        self.retry_after = RETRY_AFTER
        self.told = []
        self._posts = SignedPosts(self.signing_secret)
        self._line = self.sockets if socket_mode else self._posts
        self._faults = Faults()
        self._tasks = set()
        self._offered = {}
        self._port = port
        scopes = self.manifest.scopes
        channels = ConversationMethods(self.workspace, scopes, self.bot_joined)
        self._chat = ChatMethods(self.workspace, self.views, self.records, channels, scopes, self)
        self._reactions = ReactionMethods(self.workspace, self.records, channels, scopes, self.bot_reacted)
        self.files = FileMethods(
            self.workspace, self.records, channels, self._chat, scopes, self.bot_token, lambda: self._origin
        )
        self._responses = ResponseUrls(self.workspace, self._chat, clock)
        self._api = WebApi(
            methods={
                **channels.table(),
                **self._chat.table(),
                **self._reactions.table(),
                **self.files.table(),
                "apps.connections.open": self._open_connection,
            },
            scopes=scopes,
            bot_token=self.bot_token,
            app_token=self.app_token,
            rates=self.rates,
            faults=self._faults,
            records=self.records,
        )
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    @property
    def api_url(self) -> str:
        """For SLACK_API_URL and slack_sdk's base_url."""
        return f"{self._origin}/api/"

    @property
    def request_url(self) -> str:
        """Where the app takes requests in HTTP mode."""
        return self._posts.url

    @request_url.setter
    def request_url(self, url: str) -> None:
        self._posts.url = url

    @property
    def posts(self) -> SignedPosts:
        """How requests are signed and posted."""
        return self._posts

    @property
    def calls(self) -> list[Call]:
        """Every call of the Web API and of response_urls (as `response_url`), in order."""
        return self.records.calls

    @property
    def pings(self) -> list[Ping]:
        """Every message that notified somebody."""
        return self.records.pings

    @property
    def ephemerals(self) -> list[Ephemeral]:
        """All that are on a screen, oldest first."""
        return self.workspace.ephemerals

    def called(self, method: str) -> tuple[Call, ...]:
        """The calls of one method."""
        return tuple(each for each in self.calls if each.method == method)

    def channel(self, name: str) -> Conversation:
        """A conversation by id or name."""
        return self.workspace.conversation(name)

    def dm(self, user: str) -> Conversation:
        """A person's DM with the app."""
        return self.workspace.app_dm(user)

    def thread(self, ts: str) -> tuple[Message, ...]:
        """The replies to a message, wherever it is."""
        return tuple(each for channel in self.workspace.conversations.values() for each in channel.thread(ts))

    def ephemeral(self, ts: str) -> Ephemeral:
        """An ephemeral that is on a screen.

        Raises:
            NotPossibleError: It is not.
        """
        for each in self.ephemerals:
            if each.ts == ts:
                return each
        raise NotPossibleError(f"nobody is shown an ephemeral {ts}")

    def fault(self, kind: Kind, method: str = "*", times: int | None = None, *, every: int = 1) -> Fault:
        """Break the next `times` calls of a method, or all until it is cleared; or only one of `every` so many."""
        return self._faults.add(kind, method, times, every)

    def clear_faults(self, fault: Fault | None = None) -> None:
        """End one fault, or all; held calls go on."""
        self._faults.clear(fault)

    async def until(self, holds: Callable[[Self], Found], seconds: float = 20.0) -> Found:
        """What `holds` returns as soon as that is true; it is looked at after every change.

        Raises:
            TimeoutError: It was not true in time.
        """
        return await self.records.until(lambda: holds(self), seconds)

    def subscribe(self) -> Subscription:
        """JSON-able changes from now on; an async context manager and iterator."""
        return self.records.subscribe()

    def snapshot(self, user: str) -> dict[str, Any]:
        """All that a person sees, JSON-able."""
        person = self.workspace.person(user)
        return {
            "me": write_user(person),
            "people": [write_user(each) for each in self.workspace.people.values()],
            "bot": BOT_USER,
            "channels": [self._written(each, person.id) for each in self.workspace.seen_by(person.id)],
            "ephemerals": [write_ephemeral(each) for each in self.ephemerals if each.user == person.id],
            "views": [each.write() | {"errors": each.errors} for each in self.views.stack(person.id)],
            "commands": sorted(self.manifest.commands),
            "shortcuts": dict(self.manifest.shortcuts),
        }

    async def stop_listening(self) -> None:
        """Refuse connections and cut those that are open, until `listen` is called."""
        assert self._runner is not None
        if self._site is not None:
            await self._site.stop()
            self._site = None
        for connection in self._runner.server.connections if self._runner.server else ():
            if connection.transport is not None:
                connection.transport.abort()

    async def listen(self) -> None:
        """Listen, again on the same port."""
        assert self._runner is not None
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await self._site.start()
        self._port = self._runner.addresses[0][1]
        self._origin = f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=_MOST)
        app.router.add_route("*", "/api/{method}", self._api.serve)
        app.router.add_post("/response/{name}", self._serve_response)
        app.router.add_post("/upload/v1/{ticket}", self._serve_upload)
        app.router.add_get("/files-pri/{name}/{rest:.*}", self._serve_file)
        app.router.add_get("/socket", self.sockets.serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        self.clear_faults()
        self.records.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.sockets.disconnect("link_disabled")
        await self._posts.close()
        await self._runner.cleanup()

    async def _serve_response(self, request: web.Request) -> web.StreamResponse:
        return await self._responses.serve(request, self._api)

    async def _serve_upload(self, request: web.Request) -> web.StreamResponse:
        """The bytes of a file; faults know this step as `upload`."""
        ticket, content = request.match_info["ticket"], await request.read()
        known = {"bytes": len(content)}
        return await self._api.meet_faults(request, "upload", known, lambda: self.files.take(ticket, content))

    async def _serve_file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"].partition("-")[2]
        return self.files.serve(name, request.headers.get("Authorization", ""))

    def _open_connection(self, arguments: Arguments) -> dict[str, Any]:  # noqa: ARG002 -- all methods are called alike
        return {"url": f"{self._origin.replace('http', 'ws', 1)}/socket?ticket={self.sockets.ticket()}"}

    def _written(self, channel: Conversation, user: str) -> dict[str, Any]:
        return write_conversation(channel) | {
            "name": channel.name,
            "kind": channel.kind,
            "is_me_member": user in channel.members,
            "has_bot": channel.has_bot,
            "messages": [write_message(each, metadata=True) for each in channel.history.values() if not each.is_reply],
            "threads": {
                ts: [write_message(each, metadata=True) for each in channel.thread(ts)]
                for ts in {each.thread_ts for each in channel.history.values() if each.is_reply}
            },
        }

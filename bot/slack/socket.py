"""Socket Mode: Slack's requests over a WebSocket that we open, so that nobody needs a way in to us.

slack_sdk reconnects by itself, but there are ways in which it does not (bolt-python 1529, python-slack-sdk 1110); so a
watchdog looks from outside and begins anew.
"""

import asyncio
from typing import Any, Final

import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

_LOOK: Final = 1.0  # seconds between two looks
_LEAVE = 3.0  # seconds that answers under way may take at the end; Slack waits no longer
_log = structlog.get_logger(__name__)


class Socket:
    """Keeps a connection to Slack for as long as `run` runs.

    Args:
        app: With its listeners.
        app_token: The app-level token, xapp-….
        api_url: Slack's Web API.
        patience: Seconds without a connection until a new client is begun.
    """

    def __init__(self, app: AsyncApp, app_token: str, api_url: str, *, patience: float = 30.0) -> None:
        self.connected = False
        self._app = app
        self._app_token = app_token
        self._api_url = api_url
        self._patience = patience

    async def run(self) -> None:
        """Keep connected until canceled; then answers under way are finished."""
        while True:
            handler = _Handler(self._app, self._app_token, web_client=AsyncWebClient(self._app_token, self._api_url))
            connecting = asyncio.create_task(handler.client.connect())  # type: ignore[no-untyped-call]
            try:
                await self._watch(handler)
                _log.warning("socket.restarted")
            finally:
                self.connected = False
                connecting.cancel()
                await handler.leave()
                await asyncio.gather(connecting, return_exceptions=True)

    async def _watch(self, handler: "_Handler") -> None:
        """Return when there has been no connection for too long."""
        missing = 0.0
        while missing < self._patience:
            await asyncio.sleep(_LOOK)
            self.connected = await handler.client.is_connected()
            missing = 0.0 if self.connected else missing + _LOOK


class _Handler(AsyncSocketModeHandler):
    """Bolt's, which knows what it is still answering."""

    def __init__(self, app: AsyncApp, app_token: str, *, web_client: AsyncWebClient) -> None:
        super().__init__(app, app_token, web_client=web_client)
        self._answering: set[asyncio.Task[Any]] = set()
        self._leaving = False

    async def handle(  # type: ignore[override]  # as Bolt narrows it itself
        self, client: SocketModeClient, req: SocketModeRequest
    ) -> None:
        task = asyncio.current_task()
        if self._leaving or task is None:
            return  # not answered, so Slack gives it to another connection or tells the person
        self._answering.add(task)
        try:
            await super().handle(client, req)
        finally:
            self._answering.discard(task)

    async def leave(self) -> None:
        """Finish what is being answered, then close."""
        self._leaving = True
        if self._answering:
            await asyncio.wait(self._answering, timeout=_LEAVE)
        await self.client.close()  # type: ignore[no-untyped-call]

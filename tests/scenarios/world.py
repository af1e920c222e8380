"""The real bot, in this process, between a pretend Slack and a pretend CarrierX, all over real HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web

from bot.app import SystemClock, build_app
from bot.settings import Settings
from playground.carrier import PretendCarrier
from playground.slack.server import PretendSlack

MANIFEST = Path(__file__).parents[2] / "manifest.yml"
SECRET = "s" * 40
QUICK = {
    "sms_sweep_seconds": 0.05,
    "sms_lookup_seconds": (0.2, 0.4, 0.8),
    "sms_poll_seconds": 0.2,
    "carrierx_connect_seconds": 1.0,
    "carrierx_answer_seconds": 0.5,
    "sms_rate_per_number": 0.0,
    "sms_default_from": "+15162065575",
}


@dataclass
class World:
    """Everything that a person and a phone would meet."""

    slack: PretendSlack
    carrier: PretendCarrier
    url: str
    http: ClientSession

    @property
    def callback_url(self) -> str:
        return f"{self.url}/carrierx/callbacks/{SECRET}"


@asynccontextmanager
async def open_world(database_url: str, *, socket_mode: bool = False, **settings: Any) -> AsyncIterator[World]:
    """Start all three; the bot reads no environment."""
    async with PretendSlack(MANIFEST, socket_mode=socket_mode) as slack, PretendCarrier() as carrier:
        way_in = {"slack_app_token": slack.app_token} if socket_mode else {"slack_signing_secret": slack.signing_secret}
        given = Settings(
            _env_file=None,
            **{
                "slack_bot_token": slack.bot_token,
                "slack_api_url": slack.api_url,
                "carrierx_token": carrier.token,
                "carrierx_api_url": carrier.url,
                "carrierx_callback_secret": SECRET,
                "database_url": database_url,
                **way_in,
                **QUICK,
                **settings,
            },
        )
        async with build_app(given, clock=SystemClock()) as app, ClientSession() as http:
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            slack.request_url = f"{url}/slack/events"
            world = World(slack, carrier, url, http)
            carrier.behave(callback_url=world.callback_url)
            try:
                yield world
            finally:
                await runner.cleanup()

"""The real bot, in this process, between a pretend Slack and a pretend CarrierX, all over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web

from bot.app import SystemClock, build_app
from bot.settings import Settings
from playground.carrier import Did, Post, PretendCarrier
from playground.carrier.model import DIDS
from playground.slack import Outcome, PretendSlack
from playground.slack.views import OpenView
from playground.slack.workspace import Message
from tests.scenarios.reading import read

MANIFEST = Path(__file__).parents[2] / "manifest.yml"
SECRET = "s" * 40
PHONE = "+15162065576"
DIGITS = "15162065576"
SHOWN = "(516) 206-5576"
QUICK = {
    "sms_sweep_seconds": 0.05,
    "sms_lookup_seconds": (0.2, 0.4, 0.8),
    "sms_poll_seconds": 60.0,
    "carrierx_connect_seconds": 1.0,
    "carrierx_answer_seconds": 0.5,
    "sms_numbers_seconds": 2.0,
    "sms_rate_per_number": 0.0,
    "sms_default_from": "+15162065575",
    "sms_inbound_channel": "C0GENERAL",
    "sms_quiet_hours": "off",
}
_PATIENT = 4  # forms opened while the answer to the bot's first question is on its way
_SPEED = 8.0  # the bot's seconds in one of ours: what waits a second apart in Slack does not make tests wait


class QuickClock:
    """The bot's time, which runs fast and can be moved on."""

    def __init__(self) -> None:
        self._real = SystemClock()
        self._began, self._booted = self._real.now(), self._real.boottime()
        self._moved = 0.0

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self.boottime() - self._booted)

    def boottime(self) -> float:
        return self._booted + (self._real.boottime() - self._booted) * _SPEED + self._moved

    def move(self, seconds: float) -> None:
        self._moved += seconds


@dataclass
class World:
    """Everything that a person and a phone would meet.

    Attributes:
        url: The bot's own address.
        http: For whoever calls the bot beside Slack and CarrierX.
    """

    slack: PretendSlack
    carrier: PretendCarrier
    http: ClientSession
    database_url: str
    socket_mode: bool = False
    clock: QuickClock = field(default_factory=QuickClock)
    url: str = ""

    @property
    def callback_url(self) -> str:
        return f"{self.url}/carrierx/callbacks/{SECRET}"

    @asynccontextmanager
    async def bot(self, *, known: bool = True, **settings: Any) -> AsyncIterator[web.Application]:
        """Run the bot; it reads no environment.

        Args:
            known: Wait until it has read who is who. Before that it asks for one person, and gives Slack a second: too
                little for a busy machine.
            settings: Beyond QUICK.
        """
        slack, carrier = self.slack, self.carrier
        way_in = {"slack_app_token": slack.app_token}
        if not self.socket_mode:
            way_in = {"slack_signing_secret": slack.signing_secret}
        given: dict[str, Any] = {
            "slack_bot_token": slack.bot_token,
            "slack_api_url": slack.api_url,
            "carrierx_token": carrier.token,
            "carrierx_api_url": carrier.url,
            "carrierx_callback_secret": SECRET,
            "database_url": self.database_url,
            **way_in,
            **QUICK,
            **settings,
        }
        asked = len(slack.called("conversations.list"))
        async with build_app(Settings(_env_file=None, **given), clock=self.clock) as app:
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            slack.request_url = f"{self.url}/slack/events"
            if given["carrierx_callback_secret"]:
                carrier.behave(callback_url=self.callback_url)
            try:
                if known:
                    await slack.until(lambda slack: len(slack.called("conversations.list")) > asked)
                yield app
            finally:
                await runner.cleanup()

    async def text(self, said: str = "Running late", *, user: str = "alice", channel: str = "support") -> Message:
        """Type `/sms` to the usual phone; the channel message."""
        outcome = await self.command(f"{PHONE} {said}", user=user, channel=channel)
        assert outcome.ephemeral is None, outcome.ephemeral
        return await self.root(channel)

    async def command(self, text: str = "", *, user: str = "alice", channel: str = "support") -> Outcome:
        """Type `/sms …`."""
        return await self.slack.command(user, channel, text)

    async def whispered(self, text: str, *, user: str = "alice", channel: str = "support") -> str:
        """What a person alone reads after a command that was not taken; no text has left."""
        outcome = await self.command(text, user=user, channel=channel)
        assert outcome.ephemeral is not None, outcome
        return read(outcome.ephemeral)

    async def form(self, text: str = "", *, user: str = "alice", channel: str = "support") -> OpenView:
        """Open the form by `/sms` alone once the numbers are known."""
        await self.know_numbers(user)
        outcome = await self.command(text, user=user, channel=channel)
        assert not outcome.body, outcome
        return self.view(user)

    async def know_numbers(self, user: str = "alice") -> None:
        """Wait until the bot has read the account's numbers; on a busy machine it may have to ask for them again."""
        for opened in count():
            asked = self._asked_for_numbers()
            async with asyncio.timeout(15):
                await self.slack.global_shortcut(user)
                view = await self.slack.until(lambda _: self.slack.views.stack(self.slack.workspace.person(user).id))
                known = "has not come" not in read_view(view[-1])
                await self.slack.close_view(user)
            if known:
                return
            if opened >= _PATIENT:  # the answer to its first question came too late; more forms Slack would refuse
                await self.carrier.until(partial(self._has_asked_again, asked))

    def _has_asked_again(self, asked: int, _: object) -> bool:
        return self._asked_for_numbers() > asked

    def _asked_for_numbers(self) -> int:
        return sum(request.path.endswith("/phonenumber/dids") for request in self.carrier.requests)

    def view(self, user: str = "alice") -> OpenView:
        """What a person has open."""
        return self.slack.views.stack(self.slack.workspace.person(user).id)[-1]

    async def fill(self, view: OpenView, **values: Any) -> None:
        """Fill in a form's fields, by block_id."""
        for block_id, value in values.items():
            await self.slack.type_in(view, block_id, "", value)

    async def form_says(self, *fragments: str, user: str = "alice") -> str:
        """What somebody's form says beside its fields as soon as it says all this."""

        def find(_: PretendSlack) -> str:
            said = read_view(self.view(user))
            return said if all(fragment in said for fragment in fragments) else ""

        return await self._until(find, lambda: read_view(self.view(user)), fragments)

    async def root(self, channel: str = "support", place: int = -1) -> Message:
        """The channel message, the newest by default."""
        found = await self.slack.until(lambda slack: slack.channel(channel).messages)
        return found[place]

    async def shown(self, root: Message, *fragments: str, place: int = 0) -> str:
        """What a reply of a thread says as soon as it says all this."""

        def find(slack: PretendSlack) -> str:
            thread = slack.thread(root.ts)
            said = read(thread[place]) if len(thread) > place else ""
            return said if said and all(fragment in said for fragment in fragments) else ""

        return await self._until(find, lambda: [read(each) for each in self.slack.thread(root.ts)], fragments)

    async def replied(self, root: Message, *fragments: str) -> str:
        """What any reply of a thread says as soon as one says all this; what posts it may come in any order."""

        def find(slack: PretendSlack) -> str:
            said = map(read, slack.thread(root.ts))
            return next((each for each in said if all(fragment in each for fragment in fragments)), "")

        return await self._until(find, lambda: self.replies(root), fragments)

    async def headed(self, root: Message, *fragments: str) -> str:
        """What the channel message says as soon as it says all this."""

        def find(slack: PretendSlack) -> str:
            said = read(slack.channel(root.channel).history[root.ts])
            return said if all(fragment in said for fragment in fragments) else ""

        return await self._until(find, lambda: read(self.slack.channel(root.channel).history[root.ts]), fragments)

    async def posted(self, count: int = 1) -> Post:
        """The newest text that CarrierX took, once there are so many."""
        await self.carrier.until(lambda carrier: len(carrier.posts) >= count)
        return self.carrier.posts[-1]

    def replies(self, root: Message) -> list[str]:
        """What a thread says."""
        return [read(each) for each in self.slack.thread(root.ts)]

    async def press(self, root: Message, label: str, *, user: str = "alice", copies: int = 1) -> Outcome:
        """Press a button of a thread by its label."""
        for reply in self.slack.thread(root.ts):
            for block in reply.blocks:
                for element in block.get("elements", ()):
                    if element.get("text", {}) and element.get("type") == "button" and element["text"]["text"] == label:
                        return await self.slack.press(user, reply, element["action_id"], copies=copies)
        raise AssertionError((label, self.replies(root)))

    async def receipt(self, body: Any, *, url: str = "") -> int:
        """What the bot answers to a callback."""
        raw = {"data": body} if isinstance(body, bytes | str) else {"json": body}
        async with self.http.post(url or self.callback_url, **raw) as answer:
            return answer.status

    async def _until(self, find: Callable[[PretendSlack], str], now: Callable[[], object], wanted: object) -> str:
        try:
            return await self.slack.until(find)
        except TimeoutError as error:
            error.add_note(f"wanted {wanted}, have {now()}")
            raise


def read_view(view: OpenView) -> str:
    """What a modal says apart from its fields."""
    return "\n".join(
        part["text"]
        for block in view.given["blocks"]
        for part in [block.get("text"), *block.get("elements", ())]
        if isinstance(part, dict) and isinstance(part.get("text"), str)
    )


@asynccontextmanager
async def open_stage(
    database_url: str, *, socket_mode: bool = False, dids: Iterable[Did] = DIDS
) -> AsyncIterator[World]:
    """Start all but the bot."""
    async with (
        PretendSlack(MANIFEST, socket_mode=socket_mode) as slack,
        PretendCarrier(dids=dids) as carrier,
        ClientSession() as http,
    ):
        slack.rates.post_rate *= _SPEED
        carrier.behave(moves=False)
        yield World(slack, carrier, http, database_url, socket_mode)


@asynccontextmanager
async def open_world(
    database_url: str,
    *,
    socket_mode: bool = False,
    dids: Iterable[Did] = DIDS,
    prepare: Callable[[World], object] = lambda _: None,
    known: bool = True,
    **settings: Any,
) -> AsyncIterator[World]:
    """Start all three.

    Args:
        database_url: Where the bot keeps its texts.
        socket_mode: Slack reaches the bot by WebSocket.
        dids: The account's numbers.
        prepare: Called before the bot starts.
        known: Wait until the bot has read who is who.
        settings: Of the bot, beyond QUICK.
    """
    async with open_stage(database_url, socket_mode=socket_mode, dids=dids) as world:
        prepare(world)
        async with world.bot(known=known, **settings):
            yield world

"""The bot's surface alone: real signed requests in, and fakes where texts would be stored."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.domain.media import SlackFile
from bot.domain.orders import Order
from bot.domain.quiet_hours import Forecast
from bot.errors import InvalidFieldsError
from bot.services.ports import OurNumber
from bot.services.sending import Acceptance, CancelResult, Draft, Editable, How
from bot.services.status import Arrivals, Report, Waiting
from bot.slack.blocks import Content
from bot.slack.bolt import build_bolt, slack_routes
from bot.slack.listeners import Listeners
from bot.slack.people import People
from bot.slack.web_client import Workspace, open_web_client
from playground.slack.server import PretendSlack

FRONT_DESK = OurNumber("+12125550100", "Front desk", "New York", sms=True, mms=True)
BACK_OFFICE = OurNumber("+13105550101", "Back office", "Los Angeles", sms=True, mms=False)
GROUP = Editable(
    batch_id="batch",
    channel="C0RANDOM",
    sender=BACK_OFFICE.number,
    to=("+15162065574", "+14155550123"),
    how=How.GROUP,
    text="On my way",
    media=("https://cdn.example/a.jpg", "https://cdn.example/b.jpg"),
    files=(SlackFile("F1", "plan.pdf"), SlackFile("F2", "map.png")),
    why="It was not sent: “plan.pdf”: it is too large.",
)


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass
class FakeTexts:
    """The use cases, with answers that a test sets.

    Attributes:
        error: Raised instead of an answer, also when it is no BotError.
        may_foresee: Cleared, a forecast waits for it.
        within: Seconds that each submission got.
        forecast: What quiet hours would do.
        editable: What failed.
        drafts, foreseen, repeats, cancels, edits: What was asked.
    """

    error: Exception | None = None
    repeated: bool = False
    canceled: CancelResult = CancelResult.CANCELED
    forecast: Forecast | None = None
    editable: Editable = GROUP
    may_foresee: asyncio.Event = field(default_factory=_set_event)
    within: list[float | None] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    foreseen: list[Draft] = field(default_factory=list)
    repeats: list[dict[str, str]] = field(default_factory=list)
    cancels: list[str] = field(default_factory=list)
    edits: list[str] = field(default_factory=list)

    async def submit(
        self, draft: Draft, *, known: Mapping[str, str] | None = None, within: float | None = None
    ) -> Acceptance:
        self.within.append(within)
        if known:
            raise InvalidFieldsError(dict(known))
        self.drafts.append(draft)
        self._fail()
        return Acceptance("" if self.repeated else "batch", repeated=self.repeated)

    async def again(self, batch_id: str, *, key: str, user_id: str, user_name: str, response_url: str) -> Acceptance:
        self.repeats.append(
            {
                "batch_id": batch_id,
                "key": key,
                "user_id": user_id,
                "user_name": user_name,
                "response_url": response_url,
            }
        )
        self._fail()
        return Acceptance("" if self.repeated else "again", repeated=self.repeated)

    async def edit(self, batch_id: str) -> Editable:
        self.edits.append(batch_id)
        self._fail()
        return self.editable

    async def foresee(self, draft: Draft) -> Forecast | None:
        self.foreseen.append(draft)
        await self.may_foresee.wait()
        self._fail()
        return self.forecast

    async def cancel(self, batch_id: str) -> CancelResult:
        self.cancels.append(batch_id)
        self._fail()
        return self.canceled

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


@dataclass
class FakeSenders:
    """The account's numbers."""

    numbers: Sequence[OurNumber] = (FRONT_DESK, BACK_OFFICE)
    loaded: bool = True
    shortage: str = ""
    chosen: OurNumber | None = FRONT_DESK
    asked: list[tuple[str, str]] = field(default_factory=list)

    def able(self) -> Sequence[OurNumber]:
        return self.numbers

    def choose(self, channel: str, user_id: str) -> OurNumber | None:
        self.asked.append((channel, user_id))
        return self.chosen


class FakeOrders:
    """Answers an order with its name and who gave it."""

    async def answer(self, order: Order, body: Mapping[str, Any]) -> Content:
        return Content(f"{type(order).__name__} of {body['user_id']}", ())


class FakeReports:
    """Nothing has happened yet."""

    async def status(self) -> Report:
        return Report(
            numbers=(),
            loaded=True,
            waiting=Waiting({}, 0, None),
            failed={},
            arrivals=Arrivals(None, None, 0, 0),
            callbacks=True,
            intervals=(120.0, 120.0),
            verify=False,
            verified=None,
            problems=(),
        )


@dataclass
class Surface:
    """What a test drives and looks at."""

    slack: PretendSlack
    people: People
    texts: FakeTexts
    senders: FakeSenders
    listeners: Listeners
    workspace: Workspace
    url: str


@asynccontextmanager
async def open_surface(
    slack: PretendSlack, *, allowed_shared: tuple[str, ...] = (), lookup: float = 1.0
) -> AsyncIterator[Surface]:
    """The listeners behind a real HTTP server, called by the pretend Slack."""
    async with open_web_client(slack.bot_token, slack.api_url) as client:
        people = People(client, allowed_shared=allowed_shared, lookup=lookup)
        texts, senders = FakeTexts(), FakeSenders()
        listeners = Listeners(
            texts=texts, senders=senders, orders=FakeOrders(), reports=FakeReports(), people=people, slack=client
        )
        bolt = build_bolt(client, people)
        listeners.register(bolt)
        listeners.register_last(bolt)
        app = web.Application()
        app.add_routes(slack_routes(bolt, slack.signing_secret, {"/sms": listeners.command}))
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        slack.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
        yield Surface(slack, people, texts, senders, listeners, Workspace(client), slack.request_url)
        await listeners.close()
        await runner.cleanup()

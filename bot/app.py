"""The composition root: the only module that knows every room.

`build_app` reads nothing but its arguments; `serve` runs what it builds until a signal comes.
"""

import asyncio
import gc
import os
import signal
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from bot.carrierx.callbacks import callback_routes
from bot.carrierx.carrier import CarrierX
from bot.carrierx.client import CarrierXClient
from bot.domain.media import MAX_MMS
from bot.media.fetch import REFUSED, MediaFetcher
from bot.media.fit import Fitter
from bot.services.administration import Administration
from bot.services.deciding import Deciding
from bot.services.following import Follower, FollowPace
from bot.services.health import Health
from bot.services.hours import Hours
from bot.services.nudges import Nudges
from bot.services.numbers import Numbers
from bot.services.outages import Outages, WatchedCarrier
from bot.services.outbox import Outbox, Pace
from bot.services.pictures import Pictures
from bot.services.ports import CarrierState, Clock
from bot.services.preparing import Preparing
from bot.services.receiving import InboundRules, Receiving
from bot.services.replying import Replying
from bot.services.retention import Retention
from bot.services.sending import Rules, Sending
from bot.services.status import Reporting, Setup
from bot.services.storeroom import Storeroom
from bot.settings import Settings
from bot.slack.administrators import Administrators
from bot.slack.announcer import POSTS, UPDATES, Announcer
from bot.slack.bolt import build_bolt, slack_routes
from bot.slack.files import Files
from bot.slack.listeners import Listeners
from bot.slack.people import People
from bot.slack.socket import Socket
from bot.slack.threads import Threads
from bot.slack.web_client import Workspace, open_web_client
from bot.store.arrivals import ArrivalStore
from bot.store.batches import BatchStore
from bot.store.consent import ConsentStore
from bot.store.engine import is_postgresql, open_database
from bot.store.entries import EntryStore
from bot.store.erasing import ErasingStore
from bot.store.following import FollowStore
from bot.store.health import HealthStore
from bot.store.holds import HoldStore
from bot.store.inbox import InboxStore
from bot.store.nudges import NudgeStore
from bot.store.numbers import NumberStore
from bot.store.outages import OutageStore
from bot.store.outbox import OutboxStore
from bot.store.parcels import ParcelStore
from bot.store.pictures import PictureStore
from bot.store.posts import PostStore
from bot.store.replies import ReplyStore
from bot.store.rules import RuleStore
from bot.store.status import StatusStore
from bot.store.storeroom import StoreroomStore, read_mark
from bot.web import MAX_BODY, health_routes

_IN = 3.0  # seconds that requests to us may take at the end; Slack waits no longer
_OUT = 16.0  # seconds from the signal that requests to CarrierX may take: connecting and an answer
_SHOWN = 2.0  # seconds to show their outcomes in Slack; what is not shown then is shown after the next start
_LOOK = 5  # sweeps between two looks at what is out of reach
_LEFT = 1.5  # seconds after `_OUT` to do so when all of that time was needed
_CUT = 0.5  # seconds that a cancelled loop may take; one that waits for PostgreSQL's goodbye takes two
_CONCURRENCY: Final = 100  # requests to CarrierX at once
_GARBAGE: Final = 10_000  # new objects between two collections; few of ours refer to each other in circles
_log = structlog.get_logger(__name__)


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC)

    def boottime(self) -> float:
        """Seconds, sleep included; macOS counts sleep in CLOCK_MONOTONIC already."""
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@asynccontextmanager
async def build_app(  # noqa: PLR0915 -- wiring is dull and reads best in one piece
    settings: Settings, *, clock: Clock
) -> AsyncIterator[web.Application]:
    """The whole bot as one application for a runner, working while the context is open.

    Raises:
        DatabaseError: The database cannot be used.
    """
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(open_database(settings.database_url))
        client = await stack.enter_async_context(
            CarrierXClient(
                settings.carrierx_api_url,
                settings.carrierx_token.get_secret_value(),
                naming=settings.carrierx_naming,
                connect_timeout=settings.carrierx_connect_seconds,
                answer_timeout=settings.carrierx_answer_seconds,
                connections=_CONCURRENCY,
            )
        )
        slack = await stack.enter_async_context(
            open_web_client(settings.slack_bot_token.get_secret_value(), settings.slack_api_url)
        )
        origins = frozenset({_origin(settings.carrierx_api_url), _origin(settings.slack_api_url)})
        fetcher = await stack.enter_async_context(MediaFetcher(origins))
        looker = await stack.enter_async_context(MediaFetcher(origins, most=MAX_MMS, never=REFUSED))
        carrierx = CarrierX(client, await read_mark(engine))
        carrier = WatchedCarrier(carrierx, clock)
        batches = BatchStore(engine)
        followed = FollowStore(engine, poll=settings.poll)
        holds = HoldStore(engine)
        outgoing = OutboxStore(engine, rate=settings.sms_rate_per_number, give_up=settings.give_up)
        numbers = Numbers(
            carrier=carrier,
            known=NumberStore(engine),
            clock=clock,
            only=frozenset(settings.sms_numbers),
            default=settings.sms_default_from,
            interval=settings.sms_numbers_seconds,
        )

        people = People(slack, allowed_shared=settings.sms_shared_channels, admins=settings.sms_admins)

        def our_name(number: str) -> str:
            ours = numbers.find(number)
            return ours.name if ours is not None else ""

        announcer = Announcer(
            PostStore(engine, posts=POSTS, updates=UPDATES),
            EntryStore(engine),
            slack,
            clock,
            our_name=our_name,
            command=settings.sms_command,
            home=settings.sms_inbound_channel,
            admins=people.admins,
            send_now=settings.sms_send_now,
            sweep=settings.sms_sweep_seconds,
            drain=_SHOWN,
        )
        sweep = timedelta(seconds=settings.sms_sweep_seconds)
        outbox = Outbox(
            outgoing=outgoing,
            holds=holds,
            carrier=carrier,
            announcer=announcer,
            clock=clock,
            pace=Pace(
                lease=timedelta(seconds=settings.sms_lease_seconds),
                answer=timedelta(seconds=settings.carrierx_answer_seconds),
                sweep=sweep,
                lookup=settings.sms_lookup_seconds,
                poll=settings.poll,
                concurrency=_CONCURRENCY,
            ),
        )
        replies = ReplyStore(engine)
        rules = RuleStore(engine)
        hours = Hours(rules=rules, writers=replies, clock=clock, usual=settings.quiet_hours, zone=settings.time_zone)
        follower = Follower(
            followed=followed,
            held=holds,
            carrier=carrier,
            outbox=outbox,
            announcer=announcer,
            clock=clock,
            put_off=hours.put_off,
            pace=FollowPace(
                sweep=sweep, give_up=settings.give_up, lookup=settings.sms_lookup_seconds, poll=settings.poll
            ),
        )

        sending = Sending(
            batches=batches,
            numbers=numbers,
            hours=hours,
            rules=Rules(
                region=settings.sms_default_region,
                countries=settings.sms_countries,
                trusted=frozenset({_origin(settings.carrierx_api_url)}),
                command=settings.sms_command,
            ),
            clock=clock,
            announcer=announcer,
            wake_outbox=outbox.wake,
        )
        replying = Replying(
            replies=replies,
            batches=batches,
            rules=rules,
            sending=sending,
            hours=hours,
            clock=clock,
            announcer=announcer,
            wake_outbox=outbox.wake,
            undo=timedelta(seconds=settings.sms_undo_seconds),
        )
        ledger, erasing = ConsentStore(engine), ErasingStore(engine)
        keep = timedelta(days=settings.sms_retention_days)
        retention = Retention(erasing=erasing, clock=clock, announcer=announcer, keep=keep)
        administrators = Administrators(
            administration=Administration(
                rules=rules,
                ledger=ledger,
                erasures=erasing,
                numbers=numbers,
                hours=hours,
                clock=clock,
                announcer=announcer,
                home=settings.sms_inbound_channel,
                wake_retention=retention.loop.wake,
            ),
            people=people,
            workspace=Workspace(slack),
            command=settings.sms_command,
        )
        inbox = InboxStore(engine, revive=timedelta(days=settings.sms_broadcast_days))
        receiving = Receiving(
            inbox=inbox,
            arrivals=ArrivalStore(engine),
            carrier=carrier,
            rules=InboundRules(
                home=settings.sms_inbound_channel,
                brand=settings.sms_brand,
                contact=settings.sms_help_contact,
                only=frozenset(settings.sms_numbers),
                callbacks=bool(settings.carrierx_callback_secret),
                verify=settings.carrierx_verify_callbacks,
                callback_wait=timedelta(seconds=settings.sms_callback_wait_seconds),
                catch_up=settings.sms_catch_up_seconds,
            ),
            ours=numbers.every,
            team=lambda: (people.identity.team, people.identity.team_name),
            clock=clock,
            announcer=announcer,
            wake_outbox=outbox.wake,
        )
        albums = PictureStore(engine)
        pictures = Pictures(
            albums=albums,
            fetching=fetcher,
            sharing=Files(slack),
            announcer=announcer,
            clock=clock,
            sweep=settings.sms_sweep_seconds,
        )
        storeroom = Storeroom(
            storage=carrierx, shelves=StoreroomStore(engine), clock=clock, sweep=settings.sms_sweep_seconds
        )
        parcels = ParcelStore(engine)
        preparing = Preparing(
            parcels=parcels,
            slack=Files(slack),
            web=looker,
            fitter=Fitter(),
            storeroom=storeroom,
            announcer=announcer,
            clock=clock,
            wake_outbox=outbox.wake,
            limit=settings.sms_media_kb * 1000,
            sweep=settings.sms_sweep_seconds,
        )
        threads = Threads(
            replying=replying,
            deciding=Deciding(decisions=ledger, clock=clock, announcer=announcer),
            texts=sending,
            people=people,
            workspace=Workspace(slack),
            undo=settings.sms_undo_seconds,
            send_now=settings.sms_send_now,
        )
        bolt = build_bolt(slack, people)
        socket = None
        if settings.slack_app_token is not None:
            socket = Socket(bolt, settings.slack_app_token.get_secret_value(), settings.slack_api_url)
        health = Health(
            HealthStore(engine), holds, announcer, numbers, receiving, follower, people, storeroom, socket, clock
        )
        reporting = Reporting(
            figures=StatusStore(engine),
            routes=rules,
            numbers=numbers,
            receiving=receiving,
            health=health,
            setup=Setup(
                home=settings.sms_inbound_channel,
                contact=settings.sms_help_contact,
                callbacks=bool(settings.carrierx_callback_secret),
                verify=settings.carrierx_verify_callbacks,
                command=settings.sms_command,
            ),
            clock=clock,
        )
        listeners = Listeners(
            texts=sending,
            senders=numbers,
            orders=administrators,
            reports=reporting,
            people=people,
            slack=slack,
            command=settings.sms_command,
            region=settings.sms_default_region,
            countries=settings.sms_countries,
        )
        listeners.register(bolt)
        threads.register(bolt)
        administrators.register(bolt)
        listeners.register_last(bolt)
        outages = Outages(
            rows=OutageStore(engine),
            carrier=carrier,
            announcer=announcer,
            clock=clock,
            home=settings.sms_inbound_channel,
            team=lambda: people.identity.team,
            wake_outbox=outbox.wake,
            interval=settings.sms_sweep_seconds * _LOOK,
        )
        nudges = Nudges(
            pauses=NudgeStore(engine),
            announcer=announcer,
            clock=clock,
            team=lambda: people.identity.team,
            wait=timedelta(minutes=settings.sms_nudge_minutes),
            interval=settings.sms_sweep_seconds * _LOOK,
        )

        async def receive(state: CarrierState) -> None:
            await followed.receive(state, clock.now())
            announcer.wake()

        app = web.Application(client_max_size=MAX_BODY)
        app.add_routes(health_routes(health.write, health.show_degraded))
        secrets = tuple(secret.get_secret_value() for secret in settings.carrierx_callback_secret)
        app.add_routes(callback_routes(secrets, receive, receiving.receive))
        if socket is None:
            assert settings.slack_signing_secret is not None  # Settings asks for one of the two
            commands = {settings.sms_command: listeners.command}
            app.add_routes(slack_routes(bolt, settings.slack_signing_secret.get_secret_value(), commands))

        now = clock.now()
        await numbers.load()
        await hours.load()
        await holds.probe_soon(now)
        if not is_postgresql(settings.database_url):
            await outgoing.recover(now)
            await albums.recover()
            await parcels.recover()

        reading = _Loops()
        reading.start("numbers", numbers.run())
        reading.start("people", people.run())
        reading.start("hours", hours.run())
        reading.start("retention", retention.loop.run())
        reading.start("threads", threads.run())
        reading.start("health", health.run())
        reading.start("outages", outages.run())
        if settings.sms_nudge_minutes:
            reading.start("nudges", nudges.run())
        working = _Loops()
        working.start("outbox", outbox.run())
        working.start("follower", follower.loop.run())
        working.start("receiving", receiving.loop.run())
        working.start("pictures", pictures.loop.run())
        working.start("storeroom", storeroom.loop.run())
        working.start("preparing", preparing.loop.run())
        showing = _Loops()
        showing.start("announcer", announcer.run())
        coming = _Loops()
        if socket is not None:
            coming.start("socket", socket.run())
        loop = asyncio.get_running_loop()
        until = float("inf")

        async def leave(_: web.Application) -> None:
            """Hand nothing more over; the time for what is in flight begins to run."""
            nonlocal until
            until = min(until, loop.time() + _OUT)
            working.release()
            outbox.close()
            follower.loop.close()
            receiving.loop.close()
            pictures.loop.close()
            preparing.loop.close()
            storeroom.loop.close()

        app.on_shutdown.append(leave)
        try:
            yield app
        finally:
            await leave(app)
            with suppress(TimeoutError):  # what is left then is left to the leases
                async with asyncio.timeout_at(until + _LEFT):
                    await coming.cancel()
                    await reading.cancel()
                    await listeners.close()
                    await threads.close()
                    await administrators.close()
                    await batches.drain()
                    await working.finish(until - loop.time())
                    await followed.drain()
                    await inbox.drain()
                    announcer.close()
                    await showing.finish(min(_SHOWN, until + _LEFT - _CUT - loop.time()))


async def serve(settings: Settings, *, clock: Clock) -> None:
    """Run until SIGTERM or SIGINT; leave within 20 s.

    Raises:
        DatabaseError: The database cannot be used.
        OSError: The port cannot be listened on.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with build_app(settings, clock=clock) as app:
        # No access log: it would hold the callback's path.
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_IN)
        await runner.setup()
        # What stands now stays. A collection that looks through it all holds everything up for 45 ms, and by Python's
        # own threshold, 700, one comes after a few hundred texts.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GARBAGE)
        try:
            site = web.TCPSite(runner, settings.host, settings.port)
            await site.start()
            mode = "Socket Mode" if settings.slack_app_token is not None else "HTTP"
            _log.info("app.listening", address=site.name, slack=mode, port=_port(runner))
            await stop.wait()
            _log.info("app.stopping")
        finally:
            await runner.cleanup()


@dataclass(slots=True)
class _Loops:
    """Tasks that run as long as the bot; one that ends by itself is a bug that ends the bot."""

    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _ending: bool = False

    def start(self, name: str, loop: Coroutine[Any, Any, None]) -> None:
        """Run it."""
        task = asyncio.create_task(loop, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def release(self) -> None:
        """From now on they may end by themselves."""
        self._ending = True

    async def finish(self, seconds: float) -> None:
        """Wait for tasks that were told to end; cancel those that do not."""
        self.release()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=max(0.0, seconds))
        await self.cancel()

    async def cancel(self) -> None:
        """Cancel all and wait, though not for long."""
        self.release()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CUT)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()  # asked for at the end too, or asyncio says that nobody did
        if self._ending:
            return
        _log.critical("app.loop_ended", loop=task.get_name(), exc_info=error)
        os.kill(os.getpid(), signal.SIGTERM)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _port(runner: web.AppRunner) -> int:
    port: int = runner.addresses[0][1]
    return port

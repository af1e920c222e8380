"""Everything together: the pretend Slack, the pretend CarrierX, the page, and the real bot between them."""

import asyncio
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from playground.bot_process import READY_SECONDS, ROOT, BotGoneError, BotProcess
from playground.carrier import PretendCarrier
from playground.clock import MovedClock
from playground.page import Page
from playground.slack.server import PretendSlack

# Doubts are cleared while somebody watches, instead of within minutes.
QUICK: Final[Mapping[str, str]] = {
    "SMS_INBOUND_CHANNEL": "C0SUPPORT",
    "SMS_HELP_CONTACT": "(516) 206-5500",
    "SMS_LOOKUP_SECONDS": "3,8,20",
    "SMS_POLL_SECONDS": "12",
    "CARRIERX_ANSWER_SECONDS": "6",
    "LOG_LEVEL": "WARNING",
}
_AGAIN: Final = 1.0  # seconds before a bot that ended is started again
_TRIES: Final = 3  # starts in a row that may fail


class Playground:
    """All of it on 127.0.0.1; an async context manager that leaves no process and no file.

    Args:
        port: Of the page, 0 for any.
        settings: The bot's, over those that it needs to find the others.

    Attributes:
        slack, carrier, page, bot: The four parts.
        clock: What time it is for all of them.
    """

    def __init__(self, port: int = 0, settings: Mapping[str, str] = QUICK) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="threadtext-")
        self._secret = secrets.token_urlsafe(32)
        self._settings = settings
        self._stack = AsyncExitStack()
        self._keeper: asyncio.Task[None] | None = None
        self.clock = MovedClock()
        self.slack = PretendSlack(ROOT / "manifest.yml", clock=self.clock.time)
        self.carrier = PretendCarrier(clock=self.clock.now)
        self.page = Page(self.slack, self.carrier, port, self.clock)
        self.bot: BotProcess

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.callback(self._folder.cleanup)
            await stack.enter_async_context(self.slack)
            await stack.enter_async_context(self.carrier)
            await stack.enter_async_context(self.page)
            self.bot = BotProcess(self._bot_settings(), Path(self._folder.name))
            self.clock.moved.append(self.bot.move_clock)
            self.clock.wake()
            self.page.tell("The bot is starting …")
            self.slack.request_url = f"{self.bot.url}/slack/events"
            callbacks = f"{self.bot.url}/carrierx/callbacks/{self._secret}"
            self.carrier.behave(callback_url=callbacks)
            stack.push_async_callback(self.bot.stop)
            await self.bot.start()
            await self._until_the_bot_has_asked()
            self.page.tell("")
            self._keeper = asyncio.create_task(self._keep())
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        await self._stack.aclose()

    async def _until_the_bot_has_asked(self) -> None:
        """Wait for its questions of a first start: who types before their answers is asked to try again."""
        with suppress(TimeoutError):  # on a very slow machine that is all that happens
            await self.slack.until(lambda slack: slack.called("conversations.list"), READY_SECONDS)
            await self.carrier.until(
                lambda carrier: any(request.path.endswith("/phonenumber/dids") for request in carrier.requests),
                within=READY_SECONDS,
            )

    def _bot_settings(self) -> dict[str, str]:
        return {
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_SIGNING_SECRET": self.slack.signing_secret,
            "SLACK_API_URL": self.slack.api_url,
            "CARRIERX_TOKEN": self.carrier.token,
            "CARRIERX_API_URL": self.carrier.url,
            "CARRIERX_CALLBACK_SECRET": self._secret,
            "DATABASE_URL": f"sqlite:///{self._folder.name}/threadtext.sqlite3",
            **self._settings,
        }

    async def _keep(self) -> None:
        """Say when the bot ends, and start it again."""
        failures = 0
        while failures < _TRIES:
            code = await self.bot.wait()
            self._tell(f"The bot ended with code {code} and is being started again; nothing that it accepted is lost.")
            await asyncio.sleep(_AGAIN)
            try:
                await self.bot.start()
            except BotGoneError as gone:
                failures += 1
                self._tell(str(gone))
            else:
                failures = 0
                self.page.tell("")
        self._tell("The bot does not start any more. Its last words are in the terminal; run `make demo` again.")

    def _tell(self, sentence: str) -> None:
        print(sentence, flush=True)
        self.page.tell(sentence)

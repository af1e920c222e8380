"""Where the bot is tried: real bot processes between a pretend Slack and a pretend CarrierX, over one database.

The judge is the pretend CarrierX's own count of what it took, text by text.
"""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from bot.store.engine import open_database
from playground.bot_process import ROOT
from playground.carrier import PretendCarrier
from playground.slack import Outcome, PretendSlack
from playground.slack.workspace import Message
from tests.faults.books import (
    Books,
    Text,
    end_leases,
    end_reading,
    end_show_leases,
    open_books,
    read_texts,
    until,
    until_found,
)
from tests.faults.forked import ForkedBot

SECRET: Final = "s" * 40
# No test shall wait: what takes minutes takes a second here.
QUICK: Final[Mapping[str, str]] = {
    "CARRIERX_CALLBACK_SECRET": SECRET,
    "CARRIERX_CONNECT_SECONDS": "1",
    "CARRIERX_ANSWER_SECONDS": "0.5",
    "SMS_DEFAULT_FROM": "+15162065575",
    "SMS_QUIET_HOURS": "off",
    "SMS_LEASE_SECONDS": "1",
    "SMS_LOOKUP_SECONDS": "0.2,0.5,1",
    "SMS_POLL_SECONDS": "0.3",
    "SMS_RATE_PER_NUMBER": "0",
    "SMS_SWEEP_SECONDS": "0.1",
    "LOG_LEVEL": "ERROR",
}
_POSTED = {"delivered", "failed"}
_NOT_POSTED = {"unconfirmed", "failed", "canceled"}


def phone(number: int) -> str:
    """One of ten thousand phones."""
    return f"+1516207{number:04d}"


def digits(number: int) -> str:
    """The same as CarrierX writes it."""
    return phone(number).removeprefix("+")


class Ground:
    """All of it.

    Attributes:
        slack, carrier: The pretend ones.
        books: The database.
        bots: Every bot process that was made, running or not.
        taken: The texts of commands that were acked without a word: theirs the bot must not forget.
        refused: What people read instead of an ack, by text; "" where nothing answered.
    """

    def __init__(self, slack: PretendSlack, carrier: PretendCarrier, books: Books, url: str, folder: Path) -> None:
        self.slack = slack
        self.carrier = carrier
        self.books = books
        self.bots: list[ForkedBot] = []
        self.taken: list[str] = []
        self.refused: dict[str, str] = {}
        self._url = url
        self._folder = folder

    @property
    def settings(self) -> dict[str, str]:
        """What a bot here needs."""
        ways = {
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_SIGNING_SECRET": self.slack.signing_secret,
            "SLACK_API_URL": self.slack.api_url,
            "CARRIERX_TOKEN": self.carrier.token,
            "CARRIERX_API_URL": self.carrier.url,
            "DATABASE_URL": self._url,
        }
        return {**QUICK, **ways}

    def route(self, bot: ForkedBot) -> None:
        """Let Slack and CarrierX reach this process from now on."""
        self.slack.request_url = f"{bot.url}/slack/events"
        self.carrier.behave(callback_url=f"{bot.url}/carrierx/callbacks/{SECRET}")

    async def start(self, **settings: str) -> ForkedBot:
        """One more running bot, which Slack and CarrierX reach, and which knows who is who."""
        bot = ForkedBot({**self.settings, **settings}, self._folder)
        self.bots.append(bot)
        asked = len(self.slack.called("conversations.list"))
        await bot.start()
        self.route(bot)
        await self.slack.until(lambda slack: len(slack.called("conversations.list")) > asked)
        return bot

    async def start_again(self, *bots: ForkedBot) -> None:
        """Start killed bots, a while later."""
        await end_leases(self.books)
        await end_show_leases(self.books)
        await end_reading(self.books)
        await asyncio.gather(*(bot.start() for bot in bots))

    async def type(self, number: int, text: str, *, user: str = "alice", channel: str = "general") -> Outcome:
        """Type `/sms` to a phone; `text` must be unique."""
        outcome = await self.slack.command(user, channel, f"{phone(number)} {text}")
        self.note(text, outcome)
        return outcome

    async def form(self, to: str, text: str, *, user: str = "alice", **values: str) -> Outcome:
        """Send by the form; `text` must be unique, and a person has one form open at a time."""
        await self.slack.command(user, "general")
        view = self.slack.views.stack(self.slack.workspace.person(user).id)[-1]
        for block_id, value in {"to": to, "text": text, **values}.items():
            await self.slack.type_in(view, block_id, "", value)
        outcome = await self.slack.submit(user)
        self.note(text, outcome)
        return outcome

    def note(self, text: str, outcome: Outcome) -> None:
        """Keep what a person was told about a text."""
        if outcome.status == 200 and outcome.ephemeral is None and not outcome.errors:
            self.taken.append(text)
        else:
            self.refused[text] = outcome.ephemeral.text if outcome.ephemeral else ""

    async def until(self, *statuses: str, number: int) -> None:
        """Wait until the newest text to a phone stands there."""
        to = phone(number)

        def holds(texts: Sequence[Text]) -> bool:
            found = [text.status for text in texts if text.phone == to]
            return bool(found) and found[-1] in statuses

        await until(self.books, holds)

    async def arrival(self, text: str) -> None:
        """Wait until CarrierX has taken a text."""
        await self.carrier.until(lambda carrier: any(post.text == text for post in carrier.posts))

    async def settle(self, *, within: float = 20.0) -> None:
        """Wait until every text is where it will stay: CarrierX's texts are known to be, all others known not to."""
        await until(self.books, self._is_settled, within=within)

    def _is_settled(self, texts: Sequence[Text]) -> bool:
        counts = self.carrier.counts
        return all(text.status in (_POSTED if counts[text.id] else _NOT_POSTED) for text in texts)

    async def fates(self) -> dict[str, tuple[str, int]]:
        """Where each text stands and how often CarrierX took it, by its words."""
        counts = Counter(post.text for post in self.carrier.posts)
        return {text.text: (text.status, counts[text.text]) for text in await read_texts(self.books)}

    async def until_shown(self, *, within: float = 20.0) -> None:
        """Wait until Slack needs nothing more."""
        await until_found(self.books, "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM batch WHERE wants > 0)", within=within)

    def messages(self, text: str) -> list[Message]:
        """The bot's messages about a text, the channel message first."""
        roots = [message for message in self._bots() if not message.is_reply and text in _words(message)]
        return [each for root in roots for each in (root, *self.slack.thread(root.ts))]

    def _bots(self) -> list[Message]:
        conversations = self.slack.workspace.conversations.values()
        return [each for channel in conversations for each in channel.history.values() if each.metadata]

    async def wrongs(self) -> list[str]:
        """Everything that breaks the promise: once or unconfirmed, none twice, none forgotten; a sentence each."""
        texts = await read_texts(self.books)
        stored = Counter(text.text for text in texts)
        ids = {text.id for text in texts}
        posts = Counter(post.text for post in self.carrier.posts)
        wrongs = [f"{text!r} was taken and is not in the database" for text in self.taken if not stored[text]]
        wrongs += [f"{text!r} is stored {count} times" for text, count in stored.items() if count > 1]
        wrongs += [f"CarrierX took {text!r} {count} times" for text, count in posts.items() if count > 1]
        wrongs += [
            f"CarrierX took {post.text!r}, which is not ours"
            for post in self.carrier.posts
            if post.user_data not in ids
        ]
        shown = Counter(message.metadata["event_payload"]["post_id"] for message in self._bots() if message.metadata)
        wrongs += [f"Slack shows {post_id} {count} times" for post_id, count in shown.items() if count > 1]
        for text in texts:
            count = self.carrier.counts[text.id]
            if text.status not in (_POSTED if count else _NOT_POSTED):
                wrongs.append(f"{text.text!r} is {text.status}, and CarrierX took it {count} times")
            if text.text in self.refused and "othing was sent" in self.refused[text.text]:
                wrongs.append(f"{text.text!r} is {text.status}, and the person read {self.refused[text.text]!r}")
        return wrongs

    @asynccontextmanager
    async def clogged(self) -> AsyncIterator[None]:
        """Let whoever connects to CarrierX wait: its port has no room for one more connection."""
        await self.carrier.go_down()
        with socket.socket() as port, socket.socket() as only:
            port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            port.bind(("127.0.0.1", self.carrier.port))
            port.listen(0)  # the kernel still takes one, and drops the first packet of all others
            only.connect(("127.0.0.1", self.carrier.port))
            yield
        await self.carrier.come_up()

    async def close(self) -> None:
        """Leave no process."""
        for bot in self.bots:
            await bot.kill()
        await self.books.close()


def says(message: Message, words: str) -> bool:
    """Whether people read that in a message."""
    return words in _words(message)


def _words(message: Message) -> str:
    return json.dumps([message.text, message.blocks])


@asynccontextmanager
async def open_ground(url: str, folder: Path, *, manifest: Path = ROOT / "manifest.yml") -> AsyncIterator[Ground]:
    """A ground over an empty database, which is migrated; no bot runs yet."""
    async with open_database(url):
        pass
    async with PretendSlack(manifest) as slack, PretendCarrier() as carrier:
        carrier.behave(sent_after=0.02, delivered_after=0.05)
        ground = Ground(slack, carrier, await open_books(url), url, folder)
        try:
            yield ground
        finally:
            await ground.close()

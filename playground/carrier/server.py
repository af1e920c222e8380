"""The pretend CarrierX: its state, its clockwork and its socket."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from aiohttp import web

from playground.carrier import api
from playground.carrier.checks import Checked
from playground.carrier.faults import Armed, Fault, Faults
from playground.carrier.inbound import Inbounds, read_digits
from playground.carrier.media import Media
from playground.carrier.model import (
    DIDS,
    Behaviour,
    Callback,
    Copy,
    Did,
    Fate,
    Inbound,
    Message,
    Post,
    Request,
    is_final,
)
from playground.carrier.receipts import Receipts
from playground.carrier.render import render_receipt, render_time
from playground.carrier.storage import File, Storage

ALL_SCOPES = frozenset({"sms.manage", "phonenumber.manage", "partners.manage", "storage.manage"})
_FAILED = Fate("failed", "1602")


def read_clock() -> datetime:
    """This machine's time."""
    return datetime.now(UTC)


class PretendCarrier:
    """CarrierX on a local port; use as an async context manager.

    Args:
        host, port: Where it listens, 0 for any port.
        token: A random one by default.
        behaviour: To begin with.
        dids: The account's numbers.
        clock: What it stamps texts with; what it waits for, it waits for in real seconds.

    Attributes:
        token: Takes every request; more in `tokens`.
        tokens: Scopes per token.
        behaviour: How it answers; change it with `behave`.
        dids: The account's numbers, by digits.
        faults: What goes wrong; add with `arm`.
        posts: Every accepted text, in order: the oracle.
        counts: How often each `user_data` was accepted.
        requests: Every request that arrived, accepted or not.
        pictures: The path of every demo picture that was asked for.
        messages: What was accepted, by id, as it stands now.
        log: What was accepted and received, in order.
        callbacks: Every callback that was made.
        storage: Containers and files.
        down: Whether connections are refused.
        port: Set on entering.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = "",
        behaviour: Behaviour | None = None,
        dids: Iterable[Did] = DIDS,
        clock: Callable[[], datetime] = read_clock,
    ) -> None:
        self.token = token or str(uuid4())
        self.tokens: dict[str, frozenset[str]] = {self.token: ALL_SCOPES}
        self.behaviour = behaviour or Behaviour()
        self.dids = {did.number: did for did in dids}
        self.faults = Faults(self.changed)
        self.posts: list[Post] = []
        self.counts: Counter[str] = Counter()
        self.requests: list[Request] = []
        self.pictures: list[str] = []
        self.messages: dict[str, Message] = {}
        self.log: list[Message | Inbound] = []
        self.callbacks: list[Callback] = []
        self.down = False
        self.port = port
        self._host = host
        self._fates: dict[str, Fate] = {}
        self._timers: dict[str, list[asyncio.TimerHandle]] = {}
        self._waiters: list[tuple[Callable[[PretendCarrier], bool], asyncio.Future[None]]] = []
        self._subscribers: set[asyncio.Queue[dict[str, Any]]] = set()
        self._clock = clock
        self.storage = Storage(clock)
        self._receipts = Receipts(self._note_callback)
        self._inbounds = Inbounds(self._receipts)
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    async def __aenter__(self) -> Self:
        await self._receipts.open()
        self._runner = web.AppRunner(api.make_app(self), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self.faults.drop_all()
        for timers in self._timers.values():
            for timer in timers:
                timer.cancel()
        await self._receipts.close()
        if self._runner is not None:
            await self._runner.cleanup()

    # ---------------------------------------------------------------- where it is

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://{self._host}:{self.port}"

    @property
    def url(self) -> str:
        """What CARRIERX_API_URL shall be."""
        return f"{self.origin}/core/v2"

    async def _listen(self) -> None:
        assert self._runner is not None
        self._site = web.TCPSite(self._runner, self._host, self.port, reuse_address=True)
        await self._site.start()
        self.port = self._runner.addresses[0][1]

    async def go_down(self) -> None:
        """Refuse connections and cut those that stand."""
        assert self._runner is not None
        if self._site is None or self._runner.server is None:
            return
        await self._site.stop()
        self._site = None
        for connection in list(self._runner.server.connections):
            if connection.transport is not None:
                connection.transport.abort()
        for _ in range(3):  # closed in the first turn of the loop, seen by a client on the same loop in the next ones
            await asyncio.sleep(0)
        self.down = True
        self.tell({"event": "down"})

    async def come_up(self) -> None:
        """Listen again, on the same port."""
        if self._site is None:
            await self._listen()
            self.down = False
            self.tell({"event": "up"})

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end."""
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return

    # ---------------------------------------------------------------- how it behaves

    def behave(self, **changes: Any) -> None:
        """Change some of the Behaviour from now on."""
        self.behaviour = replace(self.behaviour, **changes)
        if not self.behaviour.inbound_swapped:
            self._inbounds.let_go()
        self.tell({"event": "behaviour"})

    def arm(self, fault: Fault) -> Armed:
        """Let something go wrong from the next fitting request on."""
        armed = self.faults.arm(fault)
        self.tell({"event": "faults"})
        return armed

    def clear_faults(self) -> None:
        """Nothing goes wrong any more."""
        self.faults.clear()
        self.tell({"event": "faults"})

    def decide(self, word: str, code: str = "", *, number: str = "") -> None:
        """How texts to a phone, or all others, end from now on when they move by themselves; "" as all others."""
        if word:
            self._fates[number] = Fate(word, code)
        else:
            self._fates.pop(number, None)

    # ---------------------------------------------------------------- texts

    def accept(self, text: Checked) -> Message:
        """Take a text: from here on it counts."""
        sid, same = str(uuid4()), self.behaviour.dr_sid_is_message_sid
        post = Post(
            sid, text.user_data, text.sender, text.recipients, text.group, text.text, text.media_urls, self._clock()
        )
        message = Message(post, text.to, asyncio.get_running_loop().time() + self.behaviour.records_lag)
        for position, number in enumerate(text.recipients):
            message.copies[number] = Copy(number, sid if same and position == 0 else str(uuid4()))
        if text.over_limit:
            message.fate = _FAILED
        if self.behaviour.media_fetched == "accepted":
            self._fetch_media(message)
        self.messages[sid] = message
        self.log.append(message)
        self.posts.append(post)
        self.counts[post.user_data] += 1
        if self.behaviour.moves:
            self._schedule(message)
        self.changed()
        if self._subscribers:
            self.tell({"event": "accepted", "sid": sid, "numbers": list(text.recipients), "user_data": post.user_data})
        return message

    def _schedule(self, message: Message) -> None:
        loop, behaviour = asyncio.get_running_loop(), self.behaviour
        self._timers[message.post.sid] = [
            loop.call_later(behaviour.sent_after, self._move_by_itself, message, False),
            loop.call_later(behaviour.delivered_after, self._move_by_itself, message, True),
        ]

    def _move_by_itself(self, message: Message, last: bool) -> None:  # noqa: FBT001 -- call_later passes no keywords
        if last:
            del self._timers[message.post.sid]
        self._fetch_media(message)
        ends: dict[Fate, list[str]] = {}
        for number in message.copies:
            fate = message.fate or self._fates.get(number) or self._fates.get("", Fate())
            if last and fate.word == "delivered" and message.kind == "mms" and self.behaviour.mms_ends_at_sent:
                fate = Fate("sent", fate.code)
            ends.setdefault(fate, []).append(number)
        for fate, numbers in ends.items():
            if last and is_final(fate.word):
                self._move(message, numbers, fate.word, fate.code, only_on=True)
            elif not last and fate.word != "queued":
                self._move(message, numbers, "sent", "", only_on=True)

    def deliver(self, sid: str, *, to: str = "") -> None:
        """Report a text as delivered, to one phone of a group or to all."""
        self.move(sid, "delivered", to=to)

    def fail(self, sid: str, word: str = "failed", code: str = "", *, to: str = "") -> None:
        """Report a text as failed."""
        self.move(sid, word, code, to=to)

    def move(self, sid: str, word: str, code: str = "", *, to: str = "") -> None:
        """Report any state, also one that leads back.

        Raises:
            KeyError: There is no such text, or it does not go to that phone.
        """
        message = self.messages[sid]
        self._move(message, [message.copies[to].number] if to else list(message.copies), word, code)

    def _move(self, message: Message, numbers: list[str], word: str, code: str, *, only_on: bool = False) -> None:
        self._fetch_media(message)
        now = self._clock()
        moved = [message.copies[number] for number in numbers]
        if only_on:  # what a person has driven already stays
            moved = [copy for copy in moved if not is_final(copy.status) and copy.status != word]
        for copy in moved:
            copy.status, copy.code, copy.changed_at = word, code or copy.code, now
            copy.sent_at = copy.sent_at or now
            if self._subscribers:
                self.tell({"event": "state", "sid": message.post.sid, "number": copy.number, "status": word})
        if moved:
            whole = message.post.group and self.behaviour.group_receipts == "whole"
            url = self._callback_url(message.post.sender)
            about: list[Copy | None] = [None] if whole else list(moved)
            for named in about:
                receipt = render_receipt(message, named, self.behaviour)
                self._receipts.send(url, message.post.sid, receipt, self.behaviour)
            self.changed()

    def inbound(
        self,
        sender: str,
        to: str,
        text: str = "",
        media_urls: Iterable[str] = (),
        group: Iterable[str] = (),
        *,
        at: datetime | None = None,
        lost: bool | None = None,
        copies: int | None = None,
        delay: float | None = None,
        lag: float | None = None,
    ) -> Inbound:
        """A phone sends a text to a number of ours.

        What is None goes as the behaviour says: `inbound_lost`, `inbound_copies`, `inbound_delay`, `records_lag`.

        Args:
            sender: The phone, with or without its +.
            to: Our number.
            text: "" for a picture alone.
            media_urls: Pictures.
            group: The other phones of a group.
            at: When CarrierX received it, now by default.
            lost: No callback is sent.
            copies: How often the callback is sent.
            delay: Seconds that the callback is late.
            lag: Seconds until the detail record can be read.

        Raises:
            KeyError: The number is not ours.
            ValueError: It is no text, or our number cannot receive it.
        """
        behaviour = self.behaviour
        did = self.dids[read_digits(to)]
        inbound = self._inbounds.receive(
            sender, did, text, media_urls, group, at=at or self._clock(), behaviour=behaviour, lag=lag
        )
        self.log.append(inbound)
        self.tell({"event": "inbound", "sid": inbound.sid, "numbers": [inbound.sender]})
        if not (behaviour.inbound_lost if lost is None else lost):
            self.call_back(inbound.sid, copies=copies, delay=delay)
        return inbound

    def call_back(self, sid: str, *, copies: int | None = None, delay: float | None = None) -> None:
        """Send the callback of a received text, also once more.

        Raises:
            KeyError: There is no such text.
        """
        inbound, behaviour = self.inbounds[sid], self.behaviour
        self._inbounds.tell(
            self._callback_url(inbound.to),
            inbound,
            behaviour,
            copies=behaviour.inbound_copies if copies is None else copies,
            delay=behaviour.inbound_delay if delay is None else delay,
        )

    @property
    def inbounds(self) -> dict[str, Inbound]:
        """What phones sent, by id, oldest first."""
        return self._inbounds.texts

    def callbacks_of(self, sid: str) -> list[Callback]:
        """The callbacks that were made about one text."""
        return [each for each in self.callbacks if each.body.get("message_sid") == sid]

    def _callback_url(self, number: str) -> str:
        did = self.dids.get(number)
        return (did.callback_url if did else "") or self.behaviour.callback_url

    async def report_sent(self, message: Message) -> None:
        """Move a fresh text to `sent` and wait until its receipts have been answered."""
        self._move(message, list(message.copies), "sent", "", only_on=True)
        await self._receipts.settle(message.post.sid)

    # ---------------------------------------------------------------- media and files

    def media_bytes(self, address: str) -> int:
        """How large a media file is, as far as it is one of ours; others are not fetched and count nothing."""
        file = self._find_file(address)
        if file is not None:
            return len(file.content)
        if not address.startswith(f"{self.origin}/media/"):
            return 0
        size = parse_qs(urlsplit(address).query).get("bytes", ["0"])[0]
        return int(size) if size.isdecimal() else 0

    @property
    def publish_domain(self) -> str:
        """Origin of the addresses of published files."""
        return self.behaviour.publish_domain or self.origin

    def _find_file(self, address: str) -> File | None:
        """The file that is published at an address, by any origin that we gave."""
        for origin in (self.origin, self.publish_domain):
            if address.startswith(f"{origin}/"):
                return self.storage.published(address.removeprefix(origin))
        return None

    def _fetch_media(self, message: Message) -> None:
        """Fetch what is ours of a text's media, once; the text fails when something is gone or unfit."""
        if message.media is not None:
            return
        message.media = []
        for address in message.post.media_urls:
            file = self._find_file(address)
            media = Media(address, file.kind, file.content) if file else None
            if media is not None:
                message.media.append(media)
            if not (media.passes if media else self._is_there(address)):
                message.fate = _FAILED

    def _is_there(self, address: str) -> bool:
        """Whether what is no file of ours can be had; what is not ours is not fetched."""
        if not address.startswith((f"{self.origin}/", f"{self.publish_domain}/")):
            return True
        parts = urlsplit(address)
        return parts.path.startswith("/media/") and parse_qs(parts.query).get("status", ["200"]) == ["200"]

    @property
    def stored(self) -> list[File]:
        """The files that are there now, oldest first."""
        return list(self.storage.files.values())

    @property
    def orphans(self) -> list[File]:
        """The files that are there now and that no accepted text names."""
        named = {address for post in self.posts for address in post.media_urls}
        used = {file.sid for file in map(self._find_file, named) if file is not None}
        return [file for file in self.stored if file.sid not in used]

    def received(self, sid: str) -> list[Media]:
        """What phones have of a text's media from our storage, though the files may be gone; in order."""
        message = self.messages.get(sid)
        return list(message.media or ()) if message else []

    def _show_media(self, message: Message) -> list[str]:
        """A text's media as its phones show them: their own copies, where there are any."""
        copies = {media.url: place for place, media in enumerate(message.media or ())}
        return [
            f"{self.origin}/received/{message.post.sid}/{copies[url]}" if url in copies else url
            for url in message.post.media_urls
        ]

    def phones(self) -> dict[str, list[dict[str, Any]]]:
        """What each phone was sent, oldest first, with where it stands; and what it sent, in the state `received`.

        What a phone sent to a group is on the other phones of the group too, in the direction `member`.
        """
        phones: dict[str, list[dict[str, Any]]] = {}
        for message in self.log:
            if isinstance(message, Inbound):
                phones.setdefault(message.sender, []).append(_show_inbound(message))
                for member in message.group:
                    phones.setdefault(member, []).append(_show_inbound(message) | {"direction": "member"})
                continue
            post = message.post
            for copy in message.copies.values():
                phones.setdefault(copy.number, []).append(
                    {
                        "direction": "outbound",
                        "sid": post.sid,
                        "user_data": post.user_data,
                        "from": post.sender,
                        "speaker": post.sender,
                        "group": list(post.recipients) if post.group else [],
                        "text": post.text,
                        "media_urls": self._show_media(message),
                        "type": message.kind,
                        "at": render_time(post.at),
                        "changed_at": render_time(copy.changed_at),
                        "state": copy.status,
                        "code": copy.code,
                    }
                )
        return phones

    # ---------------------------------------------------------------- who is told

    async def until(self, condition: Callable[["PretendCarrier"], bool], *, within: float = 20.0) -> None:
        """Wait until something holds of this carrier.

        Raises:
            TimeoutError: It does not within so many seconds.
        """
        if condition(self):
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = (condition, future)
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(within):
                await future
        except TimeoutError:
            raise TimeoutError(
                f"after {within} s: {len(self.posts)} posts, {len(self.requests)} requests, "
                f"{len(self.callbacks)} callbacks, faults {[armed.show() for armed in self.faults]}"
            ) from None
        finally:
            self._waiters.remove(waiter)

    def changed(self) -> None:
        """Wake whoever waits for what now holds."""
        for condition, future in self._waiters:
            if not future.done() and condition(self):
                future.set_result(None)

    def tell(self, event: dict[str, Any]) -> None:
        """Tell every subscriber, and whoever waits."""
        for queue in self._subscribers:
            queue.put_nowait(event)
        self.changed()

    async def subscribe(self) -> AsyncIterator[dict[str, Any]]:
        """What happens from now on: `accepted`, `inbound`, `state`, `callback`, `faults`, `behaviour`, `down`, `up`."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._subscribers.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._subscribers.discard(queue)

    def _note_callback(self, callback: Callback) -> None:
        self.callbacks.append(callback)
        self.tell({"event": "callback", "sid": callback.body.get("message_sid"), "status": callback.status})


def _show_inbound(inbound: Inbound) -> dict[str, Any]:
    return {
        "direction": "inbound",
        "sid": inbound.sid,
        "user_data": "",
        "from": inbound.to,  # the partner of the conversation, as in what the phone was sent
        "speaker": inbound.sender,
        "group": [inbound.sender, *inbound.group] if inbound.group else [],
        "text": inbound.text,
        "media_urls": list(inbound.media_urls),
        "type": inbound.kind,
        "at": render_time(inbound.at),
        "changed_at": None,
        "state": "received",
        "code": "",
    }

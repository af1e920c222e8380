"""Pictures and other files of texts from phones: fetched at once, because carriers' links expire, and put into Slack.

Between the two the bytes lie in the database, so that neither a Slack that is down nor a kill loses one. Slack's name
for a file is stored before the file is shared; when the answer to that is lost, Slack is asked whether it stands there
before it is shared again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from bot.domain.message import E164
from bot.domain.phone import show_number
from bot.services.loop import Loop
from bot.services.ports import Announcer, Clock

_TOGETHER: Final = 4  # files fetched at once
_LEASE = timedelta(minutes=2)  # longer than one fetch, or one sharing of ten files
_FETCH_AGAIN = (5.0, 30.0, 120.0, 600.0, 3600.0, 3600.0, 3600.0)  # seconds; then it has failed
_SHARE_AGAIN = (1.0, 4.0, 15.0, 60.0)  # seconds; the last one for ever
_SETTLES = timedelta(seconds=10)  # until Slack surely says of a file where it stands
_log = structlog.get_logger(__name__)


class FetchError(Exception):
    """A file could not be had.

    Attributes:
        reason: Why, for people: "nothing is at its address (404)".
        final: Asking again changes nothing.
        mendable: It is final, and yet the same may go at another time.
        tries: After so many it is final all the same, None for no such number.
    """

    def __init__(self, reason: str, *, final: bool, mendable: bool = False, tries: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final
        self.mendable = mendable
        self.tries = tries


class ShareError(Exception):
    """Slack did not take it.

    Attributes:
        reason: Why, for people and the log.
        wait: Seconds after which to try again, None for our own pace.
        unknown: It may have taken it all the same.
        final: Asking again changes nothing.
    """

    def __init__(self, reason: str, *, wait: float | None = None, unknown: bool = False, final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait
        self.unknown = unknown
        self.final = final


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that is to be fetched.

    Attributes:
        id: Ours.
        url: Where it is.
        tries: How often it was asked for in vain.
    """

    id: str
    url: str
    tries: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file's bytes.

    Attributes:
        content: All of them.
        kind: MIME type, by its first bytes.
        suffix: For its name, `.jpg`.
    """

    content: bytes
    kind: str
    suffix: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A fetched file that Slack shall show.

    Attributes:
        id: Ours.
        content: Its bytes.
        kind, suffix: As of Fetched.
        file_id: Slack's name for it, "" when it has none.
        sharing: It may be shared already.
    """

    id: str
    content: bytes
    kind: str
    suffix: str
    file_id: str
    sharing: bool


@dataclass(frozen=True, slots=True)
class Album:
    """What came with one text, ready to be shared.

    Attributes:
        inbound_id: The text.
        sender: The phone.
        channel, thread_ts: Where it is shown.
        files: In the text's order.
        tries: How often sharing was tried in vain.
    """

    inbound_id: str
    sender: E164
    channel: str
    thread_ts: str
    files: tuple[Kept, ...]
    tries: int


class Albums(Protocol):
    """The picture table; bot.store.pictures has the only one."""

    async def any_due(self, now: datetime) -> bool:
        """Whether there is anything to do; cheap."""
        ...

    async def wanted(self, now: datetime, until: datetime, limit: int) -> tuple[Wanted, ...]:
        """Lease files that are due to be fetched."""
        ...

    async def keep(self, picture_id: str, fetched: Fetched) -> None:
        """A file was fetched."""
        ...

    async def put_off(self, picture_ids: Sequence[str], due_at: datetime) -> None:
        """Try again then."""
        ...

    async def fail(self, picture_ids: Sequence[str], reason: str) -> None:
        """It cannot be had, or Slack does not take it; people read why."""
        ...

    async def ready(self, now: datetime, until: datetime) -> Album | None:
        """Lease what came with one text, once all of it is fetched, slow or given up, and the text is shown."""
        ...

    async def name(self, picture_id: str, file_id: str) -> None:
        """Slack has a name for a file; nobody sees it yet."""
        ...

    async def sharing(self, file_ids: Mapping[str, str], look_at: datetime) -> bool:
        """From now on they may be seen; should nobody say so, they are looked for from `look_at` on.

        Args:
            file_ids: Slack's name for each, by ours.
            look_at: When.

        Returns:
            False when they are not to be seen any more, or another process shares them by other names.
        """
        ...

    async def shared(self, picture_ids: Sequence[str]) -> None:
        """They are seen; the bytes may go."""
        ...

    async def again(self, picture_ids: Sequence[str]) -> None:
        """They surely are not seen; upload them anew."""
        ...

    async def leaving(self, now: datetime, until: datetime) -> tuple[Wanted, ...]:
        """Lease files that shall vanish from Slack; their `url` is Slack's name for them."""
        ...

    async def forget(self, picture_id: str) -> None:
        """One has vanished."""
        ...


class Fetching(Protocol):
    """Gets what an address from outside names; bot.media.fetch has the only one."""

    async def fetch(self, url: str) -> Fetched:
        """The whole file.

        Raises:
            FetchError: It cannot be had, now or ever.
        """
        ...


class Sharing(Protocol):
    """Slack's files; bot.slack.files has the only one. Every method raises ShareError and nothing else."""

    async def begin(self, name: str, size: int, alt: str) -> tuple[str, str]:
        """Announce a file; where its bytes go, and Slack's name for it."""
        ...

    async def upload(self, url: str, content: bytes) -> None:
        """Give Slack the bytes."""
        ...

    async def share(self, files: Sequence[tuple[str, str]], channel: str, thread_ts: str) -> None:
        """Show files, each by its name and title, in one reply."""
        ...

    async def stands(self, file_id: str, channel: str) -> bool | None:
        """Whether a file stands in a channel; None when Slack knows no such file."""
        ...

    async def remove(self, file_id: str) -> None:
        """Take a file away; fine when it is gone."""
        ...


class Pictures:
    """The loop that brings them.

    Args:
        sweep: Seconds between two looks when there is nothing to do.
    """

    def __init__(
        self,
        *,
        albums: Albums,
        fetching: Fetching,
        sharing: Sharing,
        announcer: Announcer,
        clock: Clock,
        sweep: float = 1.0,
    ) -> None:
        self._albums = albums
        self._fetching = fetching
        self._sharing = sharing
        self._announcer = announcer
        self._clock = clock
        self.loop = Loop("pictures", self.turn, sweep)

    async def turn(self) -> bool:
        """Do once what is due; whether anything was."""
        now = self._clock.now()
        if not await self._albums.any_due(now):
            return False
        wanted = await self._albums.wanted(now, now + _LEASE, _TOGETHER)
        await asyncio.gather(*(self._fetch(each) for each in wanted))
        album = await self._albums.ready(self._clock.now(), self._clock.now() + _LEASE)
        if album is not None:
            await self._show(album)
        leaving = await self._albums.leaving(now, now + _LEASE)
        for each in leaving:
            await self._remove(each)
        return bool(wanted or leaving) or album is not None

    async def _fetch(self, wanted: Wanted) -> None:
        try:
            fetched = await self._fetching.fetch(wanted.url)
        except FetchError as error:
            if error.final or wanted.tries >= len(_FETCH_AGAIN):
                _log.info("pictures.given_up", picture=wanted.id)
                await self._albums.fail([wanted.id], error.reason)
                self._announcer.wake()
            else:
                await self._put_off([wanted.id], _FETCH_AGAIN[wanted.tries])
        else:
            await self._albums.keep(wanted.id, fetched)

    async def _show(self, album: Album) -> None:
        ids = [file.id for file in album.files]
        try:
            if any(file.sharing for file in album.files):
                done = await self._look(album)
            else:
                done = await self._share(album)
        except ShareError as error:
            if error.final:
                _log.warning("pictures.not_shared", text=album.inbound_id, why=error.reason)
                await self._albums.fail(ids, error.reason)
                self._announcer.wake()
                return
            if error.unknown:
                await self._put_off(ids, _SETTLES.total_seconds())
            else:
                await self._put_off(ids, _pause(album.tries) if error.wait is None else error.wait)
        else:
            if done:
                await self._albums.shared(ids)
                self._announcer.wake()

    async def _share(self, album: Album) -> bool:
        named: list[tuple[str, str]] = []
        for at, file in enumerate(album.files, 1):
            noun = name_kind(file.kind)
            title = f"{noun} from {show_number(album.sender)}"
            number = f"-{at}" if len(album.files) > 1 else ""
            where, file_id = await self._sharing.begin(f"{noun.lower()}{number}{file.suffix}", len(file.content), title)
            await self._albums.name(file.id, file_id)
            await self._sharing.upload(where, file.content)
            named.append((file_id, title))
        file_ids = {file.id: name for file, (name, _) in zip(album.files, named, strict=True)}
        if not await self._albums.sharing(file_ids, self._clock.now() + _SETTLES):
            return False  # erased or taken over meanwhile; what nobody was shown Slack forgets by itself
        try:
            await self._sharing.share(named, album.channel, album.thread_ts)
        except ShareError as error:
            if not error.unknown:
                await self._albums.again([file.id for file in album.files])
            raise
        return True

    async def _look(self, album: Album) -> bool:
        """An answer was lost: all of them stand there, or none; one reply has them all."""
        stands = await self._sharing.stands(album.files[0].file_id, album.channel)
        if stands:
            return True
        await self._albums.again([file.id for file in album.files])
        return False

    async def _remove(self, leaving: Wanted) -> None:
        try:
            await self._sharing.remove(leaving.url)
        except ShareError as error:
            if not error.final:
                await self._put_off([leaving.id], _pause(leaving.tries) if error.wait is None else error.wait)
                return
            _log.warning("pictures.not_removed", picture=leaving.id, why=error.reason)
        await self._albums.forget(leaving.id)

    async def _put_off(self, ids: Sequence[str], seconds: float) -> None:
        await self._albums.put_off(ids, self._clock.now() + timedelta(seconds=seconds))


def _pause(tries: int) -> float:
    """Seconds until Slack is asked again."""
    return _SHARE_AGAIN[min(tries, len(_SHARE_AGAIN) - 1)]


def name_kind(kind: str) -> str:
    """What people call a file of a MIME type."""
    family = kind.partition("/")[0]
    if kind == "text/vcard":
        return "Contact"
    return {"image": "Picture", "video": "Video", "audio": "Audio"}.get(family, "File")

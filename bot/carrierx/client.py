"""Talks to CarrierX: one keep-alive session, one `_request`, and a plain verdict on what became of a request.

What decides between "surely not taken" and "nobody knows" is whether the request may have left this machine, and that
is seen where it happens (`_WatchedRequest`), not guessed from the kind of exception.

=============================================  ==========================================================
What happened to a POST                        Raised
=============================================  ==========================================================
no connection: refused, DNS, TLS, timeout      CarrierUnavailableError
`may_leave` said no                            NotLeftError
no answer after it left; 3xx, 5xx;             CarrierOutcomeUnknownError, `busy` for 503
a 2xx without a readable id
429                                            CarrierThrottledError
401                                            CarrierUnauthorizedError
any other 4xx                                  CarrierRejectedError
=============================================  ==========================================================

A redirect is never followed: it would carry token and text elsewhere. To a POST it proves nothing either way (a 303
means "done, see there"), so it is unknown. 408 and 409 say that the text was not taken; they fail it like other 4xx.
To a GET nothing is at stake: no answer and 5xx are CarrierUnavailableError, an unreadable answer or a redirect is
CarrierResponseInvalidError. The same goes for a DELETE, and for a PATCH that says what is so anyway. An upload of
unknown outcome may be repeated: what nobody uses deletes itself.
"""

import io
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from types import TracebackType
from typing import Self
from uuid import uuid4

import aiohttp
from yarl import URL

from bot.carrierx import wire
from bot.carrierx.values import (
    Container,
    InboundMessage,
    ListedFile,
    Number,
    Page,
    TextOut,
    TextState,
    UploadedFile,
)
from bot.errors import (
    CarrierError,
    CarrierOutcomeUnknownError,
    CarrierRejectedError,
    CarrierResponseInvalidError,
    CarrierThrottledError,
    CarrierUnauthorizedError,
    CarrierUnavailableError,
)

PAGE_SIZE = 1_000  # CarrierX's maximum
MOST_PAGES = 50  # 50,000 records are more than any look-up may need; beyond, the answer would be incomplete
_JSON = "application/json"
_UNANSWERED = "CarrierX's storage did not answer."
_OK, _REDIRECT, _REFUSAL, _BREAKDOWN = 200, 300, 400, 500  # where HTTP's classes begin
_LARGEST_ANSWER = 16 * 1024 * 1024  # bytes; a page of 1,000 full MMS records is about 4 MiB
_IDLE = 30.0  # seconds that an unused connection is kept; a server that closes first costs us an unknown outcome
_PACE = 64 * 1024  # bytes a second that an upload makes at least, beside the usual time for an answer
_SID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # CarrierX's are UUIDs; nothing else may become part of a path

_log = logging.getLogger(__name__)


class NotLeftError(Exception):
    """`may_leave` said no; nothing left this machine."""


@dataclass(slots=True)
class _Departure:
    """Whether one request may have left."""

    may_leave: Callable[[], bool]
    left: bool = False


_departure: ContextVar[_Departure] = ContextVar("departure")


class _WatchedRequest(aiohttp.ClientRequest):
    """Asks and notes just before the first byte is written; the connection stands by then."""

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        departure = _departure.get()
        if not departure.may_leave():
            raise NotLeftError
        departure.left = True
        return await super().send(conn)


@dataclass(frozen=True, slots=True)
class _Answer:
    """An HTTP answer, read to its end."""

    status: int
    body: bytes
    retry_after: float


class CarrierXClient:
    """CarrierX's messages, detail records, numbers and files.

    Use as an async context manager: it owns the session.

    Args:
        url: Of the API, with the version in its path.
        token: Bearer token; never shown.
        naming: How the account spells `from` and `to` when we write.
        connect_timeout: Seconds until a connection must stand, waiting for a free one included.
        answer_timeout: Seconds from then on until the whole answer must be here.
        connections: How many requests may be under way at once.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        naming: wire.Naming = "current",
        connect_timeout: float = 5.0,
        answer_timeout: float = 20.0,
        connections: int = 100,
    ) -> None:
        self._base = URL(url.rstrip("/"))
        self._messages = URL(f"{self._base}/sms/messages")
        self._containers = self._base / "storage/containers"
        self._files = self._base / "storage/files"
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._naming: wire.Naming = naming
        self._timeout = aiohttp.ClientTimeout(
            total=connect_timeout + answer_timeout, connect=connect_timeout, sock_read=answer_timeout
        )
        self._connections = connections
        self._group_with_to = False  # undocumented; learnt from the first refusal
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"CarrierXClient({str(self._base)!r})"

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=_IDLE),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            request_class=_WatchedRequest,
            timeout=self._timeout,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, text: TextOut, *, may_leave: Callable[[], bool]) -> TextState:
        """Hand a text over; `may_leave` is asked when the connection stands, before the first byte leaves.

        Raises:
            NotLeftError: `may_leave` said no.
            CarrierError: As the module's table has it.
        """
        with_to = self._group_with_to
        try:
            return await self._post(text, with_to=with_to, may_leave=may_leave)
        except CarrierRejectedError as error:
            if not text.group or "to" not in error.fields:
                raise
        # Refused for its `to`, so surely not taken: CarrierX wants the other of the two ways.
        state = await self._post(text, with_to=not with_to, may_leave=may_leave)
        self._group_with_to = not with_to
        return state

    async def _post(self, text: TextOut, *, with_to: bool, may_leave: Callable[[], bool]) -> TextState:
        body = wire.write_text(text, naming=self._naming, group_with_to=with_to)
        answer = await self._request("POST", self._messages, body=body, may_leave=may_leave)
        if not _OK <= answer.status < _REDIRECT:
            raise CarrierOutcomeUnknownError(
                f"CarrierX answered {answer.status}; the text may be on its way.",
                busy=answer.status == HTTPStatus.SERVICE_UNAVAILABLE,
            )
        try:
            return wire.read_message(answer.body)
        except CarrierResponseInvalidError as error:
            raise CarrierOutcomeUnknownError(f"{error.user_message} The text may be on its way.") from error

    async def message(self, sid: str) -> TextState | None:
        """The message as CarrierX has it now; None when it knows none by that id."""
        body = await self._get(self._messages / sid) if _SID.fullmatch(sid) else None
        return None if body is None else wire.read_message(body)

    async def record(self, sid: str) -> TextState | None:
        """One detail record; None when there is none by that id."""
        body = await self._get(self._base / "sms/message_drs" / sid) if _SID.fullmatch(sid) else None
        return None if body is None else wire.read_single_record(body)

    async def inbound(self, sid: str) -> InboundMessage | None:
        """The text to us; None when CarrierX knows none by that id, or it is not to us."""
        body = await self._get(self._messages / sid) if _SID.fullmatch(sid) else None
        return None if body is None else wire.read_inbound(body)

    async def records(self, since: datetime) -> list[TextState]:
        """All outbound detail records of texts made at or after `since`, oldest first.

        A server that ignores the filter is read to its end, and what was not asked for is left out here.

        Raises:
            CarrierResponseInvalidError: There are more than MOST_PAGES pages, or they lead in a circle.
        """
        records: dict[tuple[str, str, str], TextState] = {}  # by id: pages may overlap while records arrive
        async for page in self._record_pages(since, "outbound", MOST_PAGES):
            for record in _read_items(page, wire.read_record):
                if not record.inbound and _is_since(record.created_at, since):
                    records[record.sid, record.user_data, record.recipient] = record
        return sorted(records.values(), key=lambda record: record.created_at or since)

    async def inbound_records(self, since: datetime, *, pages: int = MOST_PAGES) -> list[InboundMessage]:
        """All detail records of texts to us that came at or after `since`, oldest first; else like `records`.

        Raises:
            CarrierResponseInvalidError: There are more than `pages` pages, or they lead in a circle.
        """
        records: dict[tuple[str, str], InboundMessage] = {}
        async for page in self._record_pages(since, "inbound", pages):
            for record in _read_items(page, wire.read_inbound_record):
                if record is not None and _is_since(record.created_at, since):
                    records[record.sid, record.recipient] = record
        return sorted(records.values(), key=lambda record: record.created_at or since)

    async def _record_pages(self, since: datetime, direction: wire.Direction, most: int) -> AsyncIterator[Page]:
        """Every page of detail records.

        Raises:
            CarrierResponseInvalidError: There are more than `most`, they break off, or they lead in a circle.
        """
        start = self._base / "sms/message_drs"
        query = {
            "filter": wire.write_records_filter(since, direction),
            "order": "date_start",
            "limit": str(PAGE_SIZE),
        }
        url = start.with_query(query)
        seen: set[URL] = set()
        while url not in seen:
            if len(seen) == most:
                raise CarrierResponseInvalidError(f"CarrierX has more than {most} pages of detail records.")
            seen.add(url)
            page = wire.read_page(await self._get_existing(url))
            yield page
            if not page.items or not (page.has_more or page.next_url):
                return
            last = wire.read_cursor(page)
            next_url = self._same_origin(page.next_url)
            if next_url is None and not last:
                raise CarrierResponseInvalidError("CarrierX's list of detail records breaks off.")
            url = next_url or start.with_query({**query, "after": last})
        raise CarrierResponseInvalidError("CarrierX's pages of detail records lead in a circle.")

    async def numbers(self) -> list[Number]:
        """The account's numbers.

        Raises:
            CarrierResponseInvalidError: There are more than MOST_PAGES pages.
        """
        numbers: dict[str, Number] = {}
        async for page in self._pages(self._base / "phonenumber/dids", {}):
            numbers.update((number.digits, number) for number in _read_items(page, wire.read_number))
        return list(numbers.values())

    async def _pages(self, url: URL, query: dict[str, str]) -> AsyncIterator[Page]:
        """Every page of a list that is counted through.

        Raises:
            CarrierResponseInvalidError: There are more than MOST_PAGES.
        """
        offset = 0
        for _ in range(MOST_PAGES):
            counted = {**query, "limit": str(PAGE_SIZE), "offset": str(offset)}
            page = wire.read_page(await self._get_existing(url.with_query(counted)))
            yield page
            offset += len(page.items)
            if not page.items or not (page.has_more or page.next_url):
                return
        raise CarrierResponseInvalidError(f"CarrierX has more than {MOST_PAGES} pages of {url.name}.")

    async def find_container(self, key: str) -> Container | None:
        """Our container; None when there is none. Of several it is the same one each time."""
        containers: list[Container] = []
        query = {"filter": wire.write_container_filter(key)}
        async for page in self._pages(self._containers, query):
            containers += [each for each in _read_items(page, wire.read_container) if each.key == key]
        return min(containers, key=lambda each: each.sid, default=None)

    async def container(self, sid: str) -> Container | None:
        """A container as it stands now; None when CarrierX knows none by that id."""
        body = await self._get(self._containers / sid) if _SID.fullmatch(sid) else None
        return None if body is None else wire.read_single_container(body)

    async def make_container(self, key: str, *, lifetime: int) -> Container:
        """A new container whose files delete themselves after so many seconds, if they say nothing else.

        Raises:
            CarrierRejectedError: CarrierX makes no more.
            CarrierOutcomeUnknownError: It may be there; look for it before you make another.
        """
        try:
            body = await self._add(self._containers, wire.write_container(key, lifetime))
        except CarrierRejectedError as error:
            raise CarrierRejectedError(
                f"CarrierX makes no container for files ({error.user_message.rstrip('.')}). An administrator must "
                "delete one of the account's containers, of which it may have two, or give the token the scope "
                "storage.manage.",
                error.status,
                error.fields,
            ) from error
        return _read_added(body, wire.read_single_container)

    async def upload(
        self, content: bytes, kind: str, suffix: str, *, container_sid: str, lifetime: int, mark: str = ""
    ) -> UploadedFile:
        """Keep a file under a random name that begins with a mark; it deletes itself after so many seconds.

        Raises:
            CarrierError: As the module's table has it; 404, or 422 of `container_sid`, for a container that is gone.
        """
        name = f"{mark}{uuid4().hex}{suffix}"
        body, content_type = wire.write_upload(content, kind, name, container_sid=container_sid, lifetime=lifetime)
        within = self._allow(len(body) / _PACE)
        answer = await self._add(self._files, io.BytesIO(body), content_type=content_type, within=within)
        file = _read_added(answer, wire.read_file)
        if file.lifetime != lifetime:
            await self._limit(file.sid, lifetime)
        return file

    async def _limit(self, sid: str, lifetime: int) -> None:
        """Let a file delete itself, where its upload could not say so; one that stays is no reason not to use it."""
        url = self._files / sid
        try:
            await self._settle("PATCH", url, body=wire.write_lifetime(lifetime))
        except CarrierError as error:
            _log.warning("CarrierX's file %s may never delete itself: %s", sid, error)

    async def files(self, container_sid: str) -> list[ListedFile]:
        """What is in a container.

        Raises:
            CarrierResponseInvalidError: There are more than MOST_PAGES pages.
        """
        files: dict[str, ListedFile] = {}
        async for page in self._pages(self._files, {"filter": wire.write_files_filter(container_sid)}):
            listed = _read_items(page, wire.read_listed_file)
            files.update((each.sid, each) for each in listed if each.container_sid == container_sid)
        return list(files.values())

    async def delete_file(self, sid: str) -> None:
        """Delete a file, which may be gone already."""
        if _SID.fullmatch(sid):
            await self._settle("DELETE", self._files / sid)

    def _allow(self, seconds: float) -> aiohttp.ClientTimeout:
        """The usual timeout, with so much more time before the request has left."""
        usual = self._timeout
        return aiohttp.ClientTimeout((usual.total or 0) + seconds, usual.connect, usual.sock_read)

    async def _add(
        self,
        url: URL,
        body: bytes | io.BytesIO,
        *,
        content_type: str = _JSON,
        within: aiohttp.ClientTimeout | None = None,
    ) -> bytes:
        """The body of a 2xx to a POST that nobody pays for twice."""
        try:
            answer = await self._request("POST", url, body=body, content_type=content_type, within=within)
        except CarrierOutcomeUnknownError as error:
            raise CarrierOutcomeUnknownError(_UNANSWERED) from error
        if not _OK <= answer.status < _REDIRECT:
            raise CarrierOutcomeUnknownError(
                f"CarrierX's storage answered {answer.status}.", busy=answer.status == HTTPStatus.SERVICE_UNAVAILABLE
            )
        return answer.body

    async def check_token(self) -> None:
        """Returns when CarrierX takes our token, whatever the token may do.

        Raises:
            CarrierUnauthorizedError: It does not.
            CarrierError: It cannot be told now.
        """
        try:
            await self._get((self._base / "phonenumber/dids").with_query(limit="1"))
        except CarrierRejectedError as error:
            if error.status != HTTPStatus.FORBIDDEN:  # known, but without the scope
                raise

    def _same_origin(self, address: str) -> URL | None:
        """The next page where CarrierX says it is, unless that is somewhere our token must not go."""
        try:
            url = URL(address)
            return url if address and url.origin() == self._base.origin() and not url.user else None
        except ValueError:
            return None

    async def _get_existing(self, url: URL) -> bytes:
        body = await self._get(url)
        if body is None:
            raise CarrierRejectedError(f"CarrierX does not know {url.path}; is CARRIERX_API_URL right?", 404)
        return body

    async def _get(self, url: URL) -> bytes | None:
        """The body of a readable answer, None for 404."""
        return await self._settle("GET", url)

    async def _settle(self, method: str, url: URL, *, body: bytes | None = None) -> bytes | None:
        """The body of a readable answer to what may be repeated, None for 404."""
        try:
            answer = await self._request(method, url, body=body)
        except CarrierOutcomeUnknownError as error:
            raise CarrierUnavailableError("CarrierX does not answer.") from error
        except CarrierRejectedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        if answer.status >= _BREAKDOWN:
            raise CarrierUnavailableError(f"CarrierX answered {answer.status}.")
        if answer.status >= _REDIRECT:
            raise CarrierResponseInvalidError(f"CarrierX answered with a redirect ({answer.status}).")
        return answer.body

    async def _request(
        self,
        method: str,
        url: URL,
        *,
        body: bytes | io.BytesIO | None = None,
        content_type: str = _JSON,
        within: aiohttp.ClientTimeout | None = None,
        may_leave: Callable[[], bool] = lambda: True,
    ) -> _Answer:
        """One request and its answer; raises what the same for POST and GET, leaves 2xx, 3xx and 5xx to the caller."""
        if self._session is None:
            raise RuntimeError("CarrierXClient is used outside of `async with`")
        departure = _Departure(may_leave)
        token = _departure.set(departure)
        headers = {"Content-Type": content_type} if body is not None else None
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, allow_redirects=False, timeout=within or self._timeout
            ) as response:
                answer = _Answer(response.status, await _read(response), _retry_after(response))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            if departure.left:
                raise CarrierOutcomeUnknownError("CarrierX did not answer; the text may be on its way.") from error
            raise CarrierUnavailableError("CarrierX cannot be reached.") from error
        finally:
            _departure.reset(token)
        _raise_refusal(answer)
        return answer


def _read_items(page: Page, read: Callable[[object], wire.Item]) -> list[wire.Item]:
    items, unread = wire.read_items(page, read)
    if unread:
        _log.warning("CarrierX sent items that cannot be read; skipped: %s", ", ".join(unread))
    return items


def _read_added(body: bytes, read: Callable[[bytes], wire.Item]) -> wire.Item:
    """What was added, of which no readable answer leaves us in doubt."""
    try:
        return read(body)
    except CarrierResponseInvalidError as error:
        raise CarrierOutcomeUnknownError(error.user_message) from error


def _is_since(time: datetime | None, since: datetime) -> bool:
    return time is None or time >= since.replace(microsecond=0)  # the filter's own precision


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The whole body, bounded.

    Raises:
        aiohttp.ClientPayloadError: It is larger than any answer may be.
    """
    body = bytearray()
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > _LARGEST_ANSWER:
            raise aiohttp.ClientPayloadError("the answer is too large")
    return bytes(body)


def _retry_after(response: aiohttp.ClientResponse) -> float:
    value = response.headers.get("Retry-After")
    return wire.read_retry_after(value, now=datetime.now(UTC)) if value else 0.0


def _raise_refusal(answer: _Answer) -> None:
    """Raise for a 4xx."""
    if answer.status == HTTPStatus.UNAUTHORIZED:
        raise CarrierUnauthorizedError("CarrierX refuses our token.")
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise CarrierThrottledError("CarrierX asks us to slow down.", answer.retry_after)
    if _REFUSAL <= answer.status < _BREAKDOWN:
        complaint = wire.read_complaint(answer.body)
        raise CarrierRejectedError(
            complaint.sentence or f"CarrierX answered {answer.status} and gave no reason.",
            answer.status,
            complaint.fields,
        )

"""Fetches files whose addresses come from outside.

An address may name a machine of our own network, by its number, by a name that resolves to it, or after a redirect. So
each address is judged as it is typed, and again where the connection is made: aiohttp asks no resolver for a literal
address, but its socket factory sees every address that is connected to.
"""

import socket
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from bot.domain.media import find_url_mistake, is_public_address
from bot.media.kinds import SUFFIXES, recognize
from bot.services.pictures import Fetched, FetchError

_CONNECT = 5.0  # seconds
_ALL = 30.0  # seconds for the whole file
_MOST: Final = 10 * 1024 * 1024  # bytes; CarrierX takes three megabytes of a whole text
_REDIRECTS = 5
_MOVED = frozenset({301, 302, 303, 307, 308})
_NEVER: Final = frozenset({405, 410, 451})
REFUSED: Final = frozenset(range(400, 500)) - {408, 425, 429}  # all that is no word about time
_OK = 200
_HEAD = 512  # bytes in which a web page begins, after blank lines
_PAGE: Final = (b"<!doctype html", b"<html")


class _ForbiddenAddressError(OSError):
    """Somebody wants us to connect to our own network."""


class MediaFetcher:
    """Fetches files; an async context manager.

    Args:
        trusted: Origins that may be on a private address, such as a CarrierX in the same building.
        most: Bytes of a file.
        never: HTTP status codes after which asking again changes nothing.
        resolver: Finds addresses of names; the system's by default.
    """

    def __init__(
        self,
        trusted: frozenset[str] = frozenset(),
        *,
        most: int = _MOST,
        never: frozenset[int] = _NEVER,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._trusted = trusted
        self._most = most
        self._never = never
        self._resolver = resolver
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=_ALL, connect=_CONNECT)
        for trusted in (False, True):
            self._sessions[trusted] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=8, resolver=self._resolver, socket_factory=None if trusted else _make_socket
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=timeout,
                auto_decompress=False,
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in self._sessions.values():
            await session.close()

    async def fetch(self, url: str) -> Fetched:
        """The whole file.

        Raises:
            FetchError: It cannot be had, now or ever.
        """
        try:
            content = await self._follow(url)
        except TimeoutError as exc:
            raise FetchError("its server took too long", final=False) from exc
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            forbidden = _is_forbidden(exc)
            reason = "its address leads into a private network" if forbidden else "its server does not answer"
            raise FetchError(reason, final=forbidden) from exc
        return Fetched(content, *_recognize(content))

    async def _follow(self, url: str) -> bytes:
        for _ in range(_REDIRECTS + 1):
            if find_url_mistake(url, trusted=self._trusted):
                raise FetchError("its address is none that can be fetched", final=True)
            session = self._sessions[_origin(url) in self._trusted]
            async with session.get(url, allow_redirects=False, headers={"Accept-Encoding": "identity"}) as answer:
                if answer.status not in _MOVED or "Location" not in answer.headers:
                    return await self._read(answer)
                url = str(answer.url.join(URL(answer.headers["Location"])))
        raise FetchError("its address leads from one place to the next without end", final=True)

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        if answer.status != _OK:
            raise FetchError(_explain_status(answer.status), final=answer.status in self._never)
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise FetchError("its server packs it in a way that I do not unpack", final=True)
        too_large = FetchError(f"it is larger than {self._most // 1024**2} MB", final=True)
        if (answer.content_length or 0) > self._most:
            raise too_large
        content = bytearray()
        async for chunk in answer.content.iter_any():
            content += chunk
            if len(content) > self._most:
                raise too_large
        if not content:
            raise FetchError("its address leads to nothing", final=False)
        return bytes(content)


def _make_socket(address: tuple[Any, ...]) -> socket.socket:
    """`address` is as `socket.getaddrinfo` gives it."""
    family, kind, protocol, _, (host, *_) = address
    if not is_public_address(str(host)):
        raise _ForbiddenAddressError
    return socket.socket(family, kind, protocol)


def _is_forbidden(exc: BaseException | None) -> bool:
    """Whether that stood behind an error: aiohttp wraps what a socket factory raises."""
    seen = 0
    while exc is not None and seen < 10:  # noqa: PLR2004 -- a chain of causes may bite its tail
        if isinstance(exc, _ForbiddenAddressError) or isinstance(
            getattr(exc, "os_error", None), _ForbiddenAddressError
        ):
            return True
        exc, seen = exc.__cause__ or exc.__context__, seen + 1
    return False


def _origin(url: str) -> str:
    parts = URL(url)
    return f"{parts.scheme}://{parts.raw_authority}".lower()


def _explain_status(status: int) -> str:
    """What an answer without the file means; the number is for whoever runs its server."""
    if status in {401, 403, 407}:
        return f"its server does not let me in ({status})"
    if status in {404, 410}:
        return f"nothing is at its address ({status})"
    if status == 429:  # noqa: PLR2004 -- RFC 6585 section 4
        return f"its server is asked too often ({status})"
    if status >= 500:  # noqa: PLR2004 -- RFC 9110 section 15.6
        return f"its server has a fault ({status})"
    return f"its server does not hand it out ({status})"


def _recognize(content: bytes) -> tuple[str, str]:
    """MIME type and usual ending."""
    kind = recognize(content)
    if content[:_HEAD].lstrip().lower().startswith(_PAGE):
        raise FetchError("it is a web page, not a file", final=True)
    if kind not in SUFFIXES:
        raise FetchError("it is of a kind that I do not pass on", final=True)
    return kind, SUFFIXES[kind]

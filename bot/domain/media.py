"""Pictures and other files that go along, by public URL, and what CarrierX takes of text and media together.

Limits are those of CarrierX's reference: 1,600 characters and 10 media a message. CarrierX fetches the media itself,
so an address that only this machine or its network can reach is a mistake, or somebody looking where they should not.
"""

import math
import re
import socket
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from bot.errors import InvalidInputError

MAX_CHARACTERS = 1600
MAX_MEDIA = 10
MAX_FILE = 50 * 1024 * 1024  # bytes of a file before it is made to fit; a phone's video of half a minute
MAX_FILES = 100 * 1024 * 1024  # bytes of a text's files together before that; all of them are in memory at once
MAX_MMS = 3 * 1024 * 1024  # bytes of a text's media together, as CarrierX takes them
_DOCUMENTS = frozenset({"application/pdf", "text/vcard", "text/x-vcard", "text/directory", "application/octet-stream"})

# What phones take as it is. Files from Slack are turned into these where they are something else; what an address
# names, CarrierX fetches as it is.
_TAKEN = frozenset(
    {
        *("image/jpeg", "image/png", "image/gif"),
        *("video/mp4", "video/3gpp", "video/quicktime"),
        *("audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg", "audio/wav"),
        *("text/vcard", "application/pdf"),
    }
)
_MAX_URL = 2000  # characters; what browsers, proxies and Slack's links all take
_WRAPPED = re.compile(r"<([^|>]*)(?:\|[^>]*)?>")
_DOTS = re.compile("[。．｡]")  # noqa: RUF001 - resolvers read these as dots (RFC 3490 §3.1)
_LABEL = re.compile(r"[^\W_](?:[\w-]*[^\W_])?|_[\w-]+")
_INSIDE = (".localhost", ".local", ".localdomain", ".internal", ".intranet", ".lan", ".home.arpa")
_NAT64 = IPv6Network("64:ff9b::/96")
_NAMED = 5  # wrong lines that an error explains; the others are only listed


@dataclass(frozen=True, slots=True)
class SlackFile:
    """A file in Slack that shall go along, as Slack describes it; its bytes are judged later.

    Attributes:
        id: Slack's name for it.
        name: As its owner called it.
        kind: MIME type, "" where Slack does not say.
        size: Bytes, 0 where Slack does not say.
    """

    id: str
    name: str
    kind: str = ""
    size: int = 0


def check_files(files: Sequence[SlackFile], *, urls: int = 0) -> None:
    """Whether so many files, of such kinds and sizes, may go along beside so many URLs.

    Raises:
        InvalidInputError: All that is wrong with them in one short text.
    """
    if (over := len(files) + urls - MAX_MEDIA) > 0:
        raise InvalidInputError(
            f"That is {len(files) + urls} files and URLs, and {MAX_MEDIA} go in one text: leave out {over}.", "files"
        )
    wrong = [f"“{file.name}” {mistake}." for file in files if (mistake := _find_file_mistake(file))]
    if wrong:
        raise InvalidInputError(" ".join(wrong[:_NAMED]), "files")
    if mistake := find_files_mistake(sum(file.size for file in files)):
        raise InvalidInputError(f"The files are {mistake}.", "files")


def find_files_mistake(size: int) -> str:
    """What is wrong with so many bytes of files in one text and what to do, "" for as many as are taken."""
    if size <= MAX_FILES:
        return ""
    most = show_size(MAX_FILES)
    return f"{show_size(size)} together, and {most} is the most that is taken: send some in a text of their own"


def find_kind_mistake(kind: str) -> str:
    """What is wrong with a file of a MIME type that goes as it is and what to do, "" for what phones take."""
    if kind in _TAKEN:
        return ""
    if kind.startswith("image/"):
        return "phones do not take such pictures; add the file itself, and it is made into one that they take"
    return "phones do not take a file of this kind; pictures, video, audio, contacts and PDF go"


def _find_file_mistake(file: SlackFile) -> str:
    if file.size > MAX_FILE:
        return f"has {show_size(file.size)}, and {show_size(MAX_FILE)} is the most that is taken: share a link instead"
    family = file.kind.partition("/")[0]
    if file.kind and family not in {"image", "video", "audio"} and file.kind not in _DOCUMENTS:
        return "is of a kind that phones do not take: pictures, video, audio, contacts and PDF go"
    return ""


def check_text(text: str, *, has_media: bool) -> None:
    """Whether CarrierX takes a text of this length.

    Raises:
        InvalidInputError: It is missing, too long, or holds what is no character.
    """
    if not has_media and all(sign.isspace() or unicodedata.category(sign) == "Cf" for sign in text):
        raise InvalidInputError("What should it say? Write a text, or add media.", "text")
    if (over := len(text) - MAX_CHARACTERS) > 0:
        raise InvalidInputError(
            f"The text has {len(text):,} characters, {over:,} more than the {MAX_CHARACTERS:,} that can be sent: "
            "shorten it.",
            "text",
        )
    if broken := re.search("[\0\ud800-\udfff]", text):
        code = f"U+{ord(broken[0]):04X}"
        raise InvalidInputError(
            f"Character {broken.start() + 1} of the text is {code}, which no phone shows: delete it.", "text"
        )


def parse_media(typed: str, *, limit: int = MAX_MEDIA, trusted: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """URLs, one a line, in their order and without repetition.

    Args:
        typed: As a person typed them, or as Slack wrapped them (`<https://…|…>`).
        limit: Most URLs.
        trusted: Origins (`http://127.0.0.1:8090`) that are allowed although they are not public.

    Raises:
        InvalidInputError: All wrong lines in one short text.
    """
    lines = typed.strip().splitlines()
    urls: dict[str, None] = {}
    wrong: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        url = _unwrap(line.strip())
        if not url:
            continue
        if mistake := _find_mistake(url, trusted):
            wrong.append((number, mistake))
        else:
            urls[url] = None
    if wrong:
        raise InvalidInputError(_list_wrong(wrong, alone=len(lines) == 1), "media")
    if (over := len(urls) - limit) > 0:
        raise InvalidInputError(f"That is {len(urls)} media, and {limit} go in one text: leave out {over}.", "media")
    return tuple(urls)


def find_url_mistake(url: str, *, trusted: frozenset[str] = frozenset()) -> str:
    """What is wrong with one URL and what to do, "" for one that can be fetched; `trusted` as of `parse_media`."""
    return _find_mistake(url, trusted)


def show_size(size: int) -> str:
    """A file's bytes as people say them: `480 KB`, `3.1 MB`, `1 MB`; never less than there are."""
    kilobytes = max(1, math.ceil(size / 1024))
    if kilobytes < 1000:  # noqa: PLR2004 -- four digits are for megabytes
        return f"{kilobytes} KB"
    return f"{math.ceil(size / 1024**2 * 10) / 10:.1f}".removesuffix(".0") + " MB"


def is_public_address(address: str) -> bool:
    """Whether an IP address, as a resolver or a socket gives it, is out in the world and nothing of our own."""
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(_is_public(part) for part in _inner_addresses(known))


def _unwrap(line: str) -> str:
    wrapped = _WRAPPED.fullmatch(line)
    return unescape(wrapped[1]).strip() if wrapped else line


def _find_mistake(url: str, trusted: frozenset[str]) -> str:
    """What is wrong and what to do, "" for a URL that CarrierX can fetch."""
    if len(url) > _MAX_URL:
        return f"The URL has {len(url):,} characters, more than the {_MAX_URL:,} allowed: use a shorter one."
    if re.search(r"[\s\x00-\x1f\x7f<>\"\\\ud800-\udfff]", url):
        return "A URL has no spaces, quotes or backslashes: put one URL on each line."
    return _find_address_mistake(url, trusted)


def _find_address_mistake(url: str, trusted: frozenset[str]) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for what is no port
    except ValueError:
        return "The URL cannot be read: copy it again, such as https://example.com/picture.jpg."
    if parts.scheme not in {"http", "https"}:
        return "A URL begins with https://, such as https://example.com/picture.jpg."
    if "@" in parts.netloc:
        return "The URL holds a user name or a password: use one that needs none."
    if f"{parts.scheme}://{parts.netloc}".lower() in trusted:
        return ""
    return _find_host_mistake(parts)


def _find_host_mistake(parts: SplitResult) -> str:
    host = _DOTS.sub(".", unicodedata.normalize("NFKC", parts.hostname or "")).removesuffix(".").lower()
    address = _read_address(host)
    if address is not None:
        if all(_is_public(part) for part in _inner_addresses(address)):
            return ""
        return "The URL's address is private, and CarrierX cannot fetch it: use a public one."
    labels = host.split(".")
    if labels[-1].isdecimal() or not all(_LABEL.fullmatch(label) for label in labels):
        return "The URL's host cannot be right: copy the URL again."
    if len(labels) == 1 or host.endswith(_INSIDE):
        return "The URL's host is known only inside a network, and CarrierX cannot fetch it: use a public one."
    return ""


def _read_address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that `host` is, in every spelling that a resolver takes (`127.1`, `0x7f000001`, `2130706433`)."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host)) if host and host.isascii() else None
    except OSError:
        return None


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner_addresses(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    """The address, or the IPv4 addresses that it stands for."""
    if isinstance(address, IPv4Address):
        yield address
        return
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
    found = [part for part in inner if part is not None]
    yield from found or [address]


def _list_wrong(wrong: list[tuple[int, str]], *, alone: bool) -> str:
    if alone:
        return wrong[0][1]
    explained = [f"Line {number}: {mistake}" for number, mistake in wrong[:_NAMED]]
    if rest := wrong[_NAMED:]:
        explained.append(f"Also wrong: {', '.join(str(number) for number, _ in rest)}.")
    return " ".join(explained)

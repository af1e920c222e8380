"""Files from outside come whole, known by their bytes, and never from our own network."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.media.fetch import REFUSED, MediaFetcher
from bot.services.pictures import Fetched, FetchError
from playground.carrier.picture import draw

PNG = draw("hill.png")
MEGABYTE = 1024 * 1024
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serve(answer: Answer) -> AsyncIterator[str]:
    """Somebody's server; its origin."""
    app = web.Application()
    app.router.add_get("/{rest:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def give(body: bytes = PNG, **more: object) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, **more)  # type: ignore[arg-type]

    return answer


async def get(answer: Answer, *, path: str = "/a.png", most: int = 10 * MEGABYTE) -> Fetched:
    """Fetch from a server of our own network that is trusted."""
    async with serve(answer) as origin, MediaFetcher(frozenset({origin}), most=most) as fetcher:
        return await fetcher.fetch(origin + path)


async def refused(answer: Answer, *, most: int = 10 * MEGABYTE) -> tuple[str, bool]:
    """Why it was not had, and whether that is final."""
    with pytest.raises(FetchError) as caught:
        await get(answer, most=most)
    return caught.value.reason, caught.value.final


async def test_a_picture_comes_whole():
    assert await get(give(content_type="application/octet-stream")) == Fetched(PNG, "image/png", ".png")


@pytest.mark.parametrize(
    ("head", "kind", "suffix"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "image/jpeg", ".jpg"),
        (b"GIF89a", "image/gif", ".gif"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00", "image/heic", ".heic"),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00", "image/heif", ".heic"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp", ".webp"),
        (b"\x00\x00\x00\x20ftypmp42\x00", "video/mp4", ".mp4"),
        (b"\x00\x00\x00\x20ftypiso6\x00", "video/mp4", ".mp4"),
        (b"\x00\x00\x00\x20ftyp3gp5\x00", "video/3gpp", ".3gp"),
        (b"\x00\x00\x00\x14ftypqt  \x00", "video/quicktime", ".mov"),
        (b"#!AMR\n", "audio/amr", ".amr"),
        (b"ID3\x03", "audio/mpeg", ".mp3"),
        (b"%PDF-1.4", "application/pdf", ".pdf"),
        (b"BEGIN:VCARD\r\n", "text/vcard", ".vcf"),
    ],
)
async def test_a_file_is_what_its_first_bytes_say(head: bytes, kind: str, suffix: str):
    fetched = await get(give(head.ljust(64, b"\0"), content_type="text/html"))

    assert (fetched.kind, fetched.suffix) == (kind, suffix)


@pytest.mark.parametrize(
    "body",
    [b"hello", b"MZ\x90\x00", b"PK\x03\x04", b"<svg xmlns='http://www.w3.org/2000/svg'/>"],
)
async def test_what_is_no_picture_is_refused_whatever_its_server_calls_it(body: bytes):
    assert await refused(give(body, content_type="image/png")) == ("it is of a kind that I do not pass on", True)


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><script>", b"\n <html><body>"])
async def test_a_web_page_is_called_one(body: bytes):
    """What most links lead to that people copy."""
    assert await refused(give(body, content_type="image/png")) == ("it is a web page, not a file", True)


@pytest.mark.parametrize(
    ("status", "reason", "final"),
    [
        (404, "nothing is at its address (404)", False),
        (410, "nothing is at its address (410)", True),
        (401, "its server does not let me in (401)", False),
        (403, "its server does not let me in (403)", False),
        (429, "its server is asked too often (429)", False),
        (500, "its server has a fault (500)", False),
        (405, "its server does not hand it out (405)", True),
        (204, "its server does not hand it out (204)", False),
    ],
)
async def test_an_answer_without_the_file_is_put_in_words(status: int, reason: str, final: bool):  # noqa: FBT001 -- a table
    """With its number, by which whoever runs that server finds it."""
    assert await refused(give(b"", status=status)) == (reason, final)


@pytest.mark.parametrize(("status", "final"), [(404, True), (403, True), (429, False), (503, False)])
async def test_what_a_server_will_not_change_is_final_where_that_is_asked_for(
    status: int,
    final: bool,  # noqa: FBT001 -- a table
):
    async with (
        serve(give(b"", status=status)) as origin,
        MediaFetcher(frozenset({origin}), never=REFUSED) as fetcher,
    ):
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch(f"{origin}/a.png")

    assert caught.value.final is final


async def test_a_body_without_end_is_left():
    """Whether or not it says how long it is; no more than the limit is read."""
    given = 0

    async def pour(request: web.Request) -> web.StreamResponse:
        nonlocal given
        response = web.StreamResponse()
        await response.prepare(request)
        while given < 64 * MEGABYTE:
            given += 65536
            try:
                await response.write(PNG.ljust(65536, b"\0"))
            except ConnectionError:
                break
        return response

    for answer in (pour, give(PNG.ljust(2 * MEGABYTE))):
        assert await refused(answer, most=MEGABYTE) == ("it is larger than 1 MB", True)
    assert given < 64 * MEGABYTE


async def test_packed_bytes_are_not_unpacked():
    """A bomb is small on the way."""
    answer = give(gzip.compress(PNG), headers={"Content-Encoding": "gzip"})

    assert await refused(answer) == ("its server packs it in a way that I do not unpack", True)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "10.0.0.7",
        "192.168.1.1",
        "169.254.169.254",
        "[::1]",
        "[fe80::1]",
        "[fd00::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0.0.0.0",
    ],
)
async def test_an_address_of_our_own_network_is_not_asked(host: str):
    async with MediaFetcher() as fetcher:
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch(f"http://{host}/a.png")

    assert (caught.value.reason, caught.value.final) == ("its address is none that can be fetched", True)


@pytest.mark.parametrize("scheme", ["file:///etc/passwd", "ftp://example.com/a", "data:image/png;base64,AA", "//x"])
async def test_only_the_web_is_asked(scheme: str):
    async with MediaFetcher() as fetcher:
        with pytest.raises(FetchError, match="none that can be fetched"):
            await fetcher.fetch(scheme)


class Resolver(AbstractResolver):
    """Says that every name is ours: what a server of names does that wants in, at its second answer at the latest."""

    def __init__(self) -> None:
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        pass


async def test_a_name_that_leads_home_is_not_followed():
    """The address that is connected to counts, not the one that a name had when it was looked at."""
    asked = asyncio.Event()

    async def answer(_: web.Request) -> web.StreamResponse:
        asked.set()
        return web.Response(body=PNG)

    resolver = Resolver()
    async with serve(answer) as origin, MediaFetcher(resolver=resolver) as fetcher:
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch(f"http://pictures.example:{origin.rpartition(':')[2]}/a.png")

    assert (caught.value.reason, caught.value.final) == ("its address leads into a private network", True)
    assert (resolver.asked, asked.is_set()) == (1, False)


async def test_a_redirect_is_followed_and_judged():
    """To another path of a trusted server; not from there into our network, and not for ever."""

    async def answer(request: web.Request) -> web.StreamResponse:
        where = {"/a.png": "/b.png", "/in": "http://127.0.0.1:1/a.png", "/loop": "/loop"}.get(request.path)
        if where is None:
            return web.Response(body=PNG)
        return web.Response(status=302, headers={"Location": where})

    assert (await get(answer)).content == PNG
    for path, reason in (
        ("/in", "its address is none that can be fetched"),
        ("/loop", "its address leads from one place to the next without end"),
    ):
        with pytest.raises(FetchError) as caught:
            await get(answer, path=path)
        assert (caught.value.reason, caught.value.final) == (reason, True)


async def test_nobody_there_may_be_somebody_later():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with MediaFetcher(frozenset({origin})) as fetcher:
            with pytest.raises(FetchError) as caught:
                await fetcher.fetch(f"{origin}/a.png")

    assert (caught.value.reason, caught.value.final) == ("its server does not answer", False)

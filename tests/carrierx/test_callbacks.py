"""What CarrierX tells us, over real HTTP."""

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from bot.carrierx.callbacks import CALLBACKS_PATH, SHORTEST_SECRET, OnInbound, OnReceipt, callback_routes
from bot.errors import NotStoredError, StoredOrNotError
from bot.services.ports import CarrierState, InboundText
from playground.carrier import PretendCarrier

SAMPLES = Path(__file__).parents[1] / "samples" / "carrierx"
SECRET, NEXT_SECRET = "s" * SHORTEST_SECRET, "n" * SHORTEST_SECRET
INBOUND = b'{"message_sid":"in-1","direction":"inbound","from":"12125550101","to":"15162065575","message":"canary"}'


class Stored(list[CarrierState]):
    """Keeps what came; `texts` are those to us."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[InboundText] = []

    async def store(self, state: CarrierState) -> None:
        self.append(state)

    async def store_text(self, text: InboundText) -> None:
        self.texts.append(text)


@asynccontextmanager
async def serving(
    on_receipt: OnReceipt, *secrets: str, on_inbound: OnInbound | None = None
) -> AsyncIterator[Callable[[str], str]]:
    """A bot that only listens to callbacks; gives a function from a secret to its address."""
    app = web.Application()
    app.add_routes(callback_routes(secrets, on_receipt, on_inbound or Stored().store_text))
    async with TestServer(app) as server:
        yield lambda secret: str(server.make_url(CALLBACKS_PATH + secret))


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the bot has logged, tracebacks included; fails when it holds a secret or a body."""
    said = [
        f"{record.getMessage()}{record.exc_text or ''}" for record in caplog.records if record.name.startswith("bot")
    ]
    assert not [word for word in (SECRET, NEXT_SECRET, "canary") for line in said if word in line]
    return said


async def post(url: str, body: bytes, **headers: str) -> int:
    async with ClientSession() as session, session.post(url, data=BytesIO(body), headers=headers) as response:
        return response.status


@pytest.mark.parametrize("name", ["message.json", "message_legacy.json", "message_mms.json", "receipt_legacy.json"])
async def test_receipt_is_answered_once_it_is_stored(name: str):
    """In either naming, with numbers as the use cases know them."""
    stored = Stored()
    async with serving(stored.store, SECRET) as address:
        status = await post(address(SECRET), (SAMPLES / name).read_bytes())

    assert status == 200
    assert [(state.sid, state.recipient) for state in stored] == [
        ("097b49df-c54e-4eaf-97d0-89cf7d5a655b", "+15162065574")
    ]


@pytest.mark.parametrize("name", ["inbound.json", "inbound_legacy.json", "inbound_mms.json"])
async def test_text_to_us_is_answered_once_it_is_stored(name: str):
    """In either naming, and never as a receipt."""
    stored = Stored()
    async with serving(stored.store, SECRET, on_inbound=stored.store_text) as address:
        status = await post(address(SECRET), (SAMPLES / name).read_bytes())

    assert status == 200
    assert stored == []
    assert [(text.sender, text.to) for text in stored.texts] == [("+12125550101", "+15162065575")]


async def test_text_to_us_that_is_told_twice_is_passed_on_twice():
    """Whoever stores it tells one from two."""
    stored = Stored()
    async with serving(stored.store, SECRET, on_inbound=stored.store_text) as address:
        statuses = [await post(address(SECRET), (SAMPLES / "inbound.json").read_bytes()) for _ in range(2)]

    assert statuses == [200, 200]
    assert stored.texts == [stored.texts[0]] * 2


async def test_two_secrets_are_valid_at_once():
    """So that one can be replaced without losing a receipt."""
    stored = Stored()
    async with serving(stored.store, SECRET, NEXT_SECRET) as address:
        statuses = [await post(address(secret), b'{"message_sid":"x"}') for secret in (SECRET, NEXT_SECRET)]

    assert statuses == [200, 200]
    assert len(stored) == 2


@pytest.mark.parametrize(
    "body", [b'{"message_sid":"canary"}', INBOUND, b"[" * 200_000], ids=["receipt", "text", "bomb"]
)
@pytest.mark.parametrize(
    "forged", ["x" * SHORTEST_SECRET, SECRET[:-1], SECRET + "s", "%F0%9F", "\N{SNOWMAN}", SECRET + "%00"]
)
async def test_forged_callback_is_refused(forged: str, body: bytes, caplog: pytest.LogCaptureFixture):
    """One line in the log, with neither the secret nor the body."""
    caplog.set_level(logging.DEBUG)
    stored = Stored()
    async with serving(stored.store, SECRET, on_inbound=stored.store_text) as address:
        status = await post(address(forged), body)

    assert status == 401
    assert (stored, stored.texts) == ([], [])
    assert lines(caplog) == ["Refused a callback: forged"]


@pytest.mark.parametrize("path", ["", "/", CALLBACKS_PATH, f"{CALLBACKS_PATH}{SECRET}/more", f"/{SECRET}"])
async def test_callback_without_a_secret_finds_nothing(path: str, caplog: pytest.LogCaptureFixture):
    """There is nothing at such an address."""
    stored = Stored()
    async with serving(stored.store, SECRET, on_inbound=stored.store_text) as address:
        status = await post(address("").removesuffix(CALLBACKS_PATH) + path, INBOUND)

    assert status == 404
    assert (stored, stored.texts) == ([], [])
    assert lines(caplog) == []


async def test_without_a_secret_there_is_no_route():
    """Nothing to guess."""
    assert callback_routes((), Stored().store, Stored().store_text) == []


@pytest.mark.parametrize("secret", ["", "short", "s" * (SHORTEST_SECRET - 1)])
def test_short_secret_is_none(secret: str):
    """An address that can be guessed must not start to listen."""
    with pytest.raises(ValueError, match="at least 32 characters"):
        callback_routes((SECRET, secret), Stored().store, Stored().store_text)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'"x"',
        b"{}",
        b'{"message_sid":5}',
        b"[" * 200_000,
        b'{"a":' * 40_000,
        INBOUND[:-2] + b'","media_urls":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"message_sid":"canary","a":' + b"9" * 5_000 + b"}",
        b"\xff\xfe",
        INBOUND[:-1],
        INBOUND[:-9],
        INBOUND[:30],
        INBOUND + b"}",
        INBOUND.replace(b"12125550101", b""),
        INBOUND.replace(b"12125550101", b"canary"),
        INBOUND.replace(b"from", b"canary"),
        INBOUND.replace(b"in-1", b""),
    ],
    ids=lambda body: f"{body[:12]!r}-{len(body)}",
)
async def test_unreadable_callback_is_refused(body: bytes, caplog: pytest.LogCaptureFixture):
    """Truncated, nested without end, from nobody; the log does not quote it."""
    caplog.set_level(logging.DEBUG)
    stored = Stored()
    async with serving(stored.store, SECRET, on_inbound=stored.store_text) as address:
        status = await post(address(SECRET), body)

    assert status == 400
    assert (stored, stored.texts) == ([], [])
    assert len(lines(caplog)) == 1


async def test_oversized_callback_is_refused():
    """Over 256 KiB; what is no larger is read."""
    stored = Stored()
    fitting = b'{"message_sid":"x","message":""}'.replace(b'""', b'"' + b"a" * (256 * 1024 - 32) + b'"')
    async with serving(stored.store, SECRET) as address:
        statuses = [await post(address(SECRET), body) for body in (fitting, fitting + b" ")]

    assert len(fitting) == 256 * 1024
    assert statuses == [200, 413]
    assert len(stored) == 1


async def test_ten_megabytes_are_refused(caplog: pytest.LogCaptureFixture):
    """Long before they have all come."""
    caplog.set_level(logging.DEBUG)
    stored = Stored()
    body = INBOUND.replace(b"canary", b"canary" * 1_750_000)
    async with serving(stored.store, SECRET, on_inbound=stored.store_text) as address:
        status = await post(address(SECRET), body)

    assert len(body) > 10_000_000
    assert status == 413
    assert stored.texts == []
    assert lines(caplog) == ["Refused a callback: too large"]


async def test_packed_body_counts_unpacked(caplog: pytest.LogCaptureFixture):
    """Ten megabytes in ten kilobytes are as large as any; a small one is read."""
    caplog.set_level(logging.DEBUG)
    stored = Stored()
    bomb = gzip.compress(INBOUND.replace(b"canary", b"canary" * 1_750_000))
    async with serving(stored.store, SECRET, on_inbound=stored.store_text) as address:
        statuses = [
            await post(address(SECRET), body, **{"Content-Encoding": "gzip"}) for body in (gzip.compress(INBOUND), bomb)
        ]

    assert statuses == [200, 413]
    assert [text.text for text in stored.texts] == ["canary"]
    assert lines(caplog) == ["Refused a callback: too large"]


async def test_body_that_is_packed_wrongly_is_refused(caplog: pytest.LogCaptureFixture):
    """It is as unreadable as any other."""
    caplog.set_level(logging.DEBUG)
    stored = Stored()
    async with serving(stored.store, SECRET, on_inbound=stored.store_text) as address:
        status = await post(address(SECRET), INBOUND, **{"Content-Encoding": "gzip"})

    assert status == 400
    assert stored.texts == []
    assert lines(caplog) == ["Refused a callback: packed wrongly"]
    assert "canary" not in caplog.text  # aiohttp has a line of its own


@pytest.mark.parametrize("body", [b'{"message_sid":"x-1"}', INBOUND], ids=["receipt", "text"])
@pytest.mark.parametrize(
    "error",
    [NotStoredError("no"), StoredOrNotError("perhaps"), OSError("disk full"), TimeoutError(), RuntimeError("canary")],
)
async def test_what_is_not_stored_is_not_confirmed(error: Exception, body: bytes, caplog: pytest.LogCaptureFixture):
    """So that CarrierX may tell it again; the log tells of what and where, not what the error quotes."""
    caplog.set_level(logging.DEBUG)
    cause = ValueError("canary")

    async def fail(_: object) -> None:
        raise error from cause

    async with serving(fail, SECRET, on_inbound=fail) as address:
        status = await post(address(SECRET), body)

    (line,) = lines(caplog)
    assert status == 503
    assert line.startswith("A callback about ")
    assert f"-1 was not stored: {type(error).__name__}\n" in line
    assert "from ValueError" in line


async def test_error_that_is_its_own_cause_is_told_once(caplog: pytest.LogCaptureFixture):
    """And answered like any other."""

    async def fail(_: object) -> None:
        error = RuntimeError("canary")
        raise error from error

    async with serving(fail, SECRET) as address:
        status = await post(address(SECRET), b'{"message_sid":"x"}')

    assert status == 503
    assert [line.count("RuntimeError\n") for line in lines(caplog)] == [1]


async def test_sender_who_hangs_up_halfway_disturbs_nobody():
    """A body that never comes to its end is no receipt, and the next one is read."""
    stored = Stored()
    async with serving(stored.store, SECRET) as address:
        host, port = address("").split("/")[2].split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"POST {CALLBACKS_PATH}{SECRET} HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{{".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        status = await post(address(SECRET), b'{"message_sid":"x"}')

    assert status == 200
    assert len(stored) == 1


async def test_pretend_carrier_reaches_us(carrier: PretendCarrier):
    """The playground's own receipts are read, with our id."""
    stored = Stored()
    async with serving(stored.store, SECRET) as address, ClientSession() as session:
        carrier.behave(callback_url=address(SECRET))
        body = {"from": "15162065575", "to": "12125550101", "message": "hi", "user_data": "our-id"}
        headers = {"Authorization": f"Bearer {carrier.token}"}
        async with session.post(f"{carrier.url}/sms/messages", json=body, headers=headers) as response:
            sid = (await response.json())["message_sid"]
        carrier.move(sid, "sent")
        carrier.deliver(sid)
        await carrier.until(lambda c: len(c.callbacks) == 2)

    assert [(state.sid, state.user_data, state.status) for state in stored] == [
        (sid, "our-id", "sent"),
        (sid, "our-id", "delivered"),
    ]

"""What CarrierX tells us, over real HTTP."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from bot.carrierx.callbacks import CALLBACKS_PATH, SHORTEST_SECRET, OnReceipt, callback_routes
from bot.errors import NotStoredError, StoredOrNotError
from bot.services.ports import CarrierState
from playground.carrier import PretendCarrier

SAMPLES = Path(__file__).parents[1] / "samples" / "carrierx"
SECRET, NEXT_SECRET = "s" * SHORTEST_SECRET, "n" * SHORTEST_SECRET


class Stored(list[CarrierState]):
    """Keeps what came."""

    async def store(self, state: CarrierState) -> None:
        self.append(state)


@asynccontextmanager
async def serving(on_receipt: OnReceipt, *secrets: str) -> AsyncIterator[Callable[[str], str]]:
    """A bot that only listens to callbacks; gives a function from a secret to its address."""
    app = web.Application()
    app.add_routes(callback_routes(secrets, on_receipt))
    async with TestServer(app) as server:
        yield lambda secret: str(server.make_url(CALLBACKS_PATH + secret))


async def post(url: str, body: bytes) -> int:
    async with ClientSession() as session, session.post(url, data=body) as response:
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


async def test_text_to_us_is_passed_on_too():
    """Who listens decides what to do with it."""
    stored = Stored()
    body = {
        "message_sid": "in-1",
        "direction": "inbound",
        "from": "12125550101",
        "to": "15162065575",
        "message": "HELP",
    }
    async with serving(stored.store, SECRET) as address:
        status = await post(address(SECRET), json.dumps(body).encode())

    assert status == 200
    assert [(state.inbound, state.sender) for state in stored] == [(True, "+12125550101")]


async def test_two_secrets_are_valid_at_once():
    """So that one can be replaced without losing a receipt."""
    stored = Stored()
    async with serving(stored.store, SECRET, NEXT_SECRET) as address:
        statuses = [await post(address(secret), b'{"message_sid":"x"}') for secret in (SECRET, NEXT_SECRET)]

    assert statuses == [200, 200]
    assert len(stored) == 2


@pytest.mark.parametrize(
    "forged", ["x" * SHORTEST_SECRET, SECRET[:-1], SECRET + "s", "%F0%9F", "\N{SNOWMAN}", SECRET + "%00"]
)
async def test_forged_callback_is_refused(forged: str, caplog: pytest.LogCaptureFixture):
    """One line in the log, with neither the secret nor the body."""
    stored = Stored()
    async with serving(stored.store, SECRET) as address:
        status = await post(address(forged), b'{"message_sid":"canary"}')

    assert status == 401
    assert stored == []
    assert [(record.levelno, record.getMessage()) for record in caplog.records if record.name.startswith("bot")] == [
        (logging.WARNING, "Refused a callback: forged")
    ]


async def test_without_a_secret_there_is_no_route():
    """Nothing to guess."""
    assert callback_routes((), Stored().store) == []


@pytest.mark.parametrize("secret", ["", "short", "s" * (SHORTEST_SECRET - 1)])
def test_short_secret_is_none(secret: str):
    """An address that can be guessed must not start to listen."""
    with pytest.raises(ValueError, match="at least 32 characters"):
        callback_routes((SECRET, secret), Stored().store)


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
        b"\xff\xfe",
    ],
    ids=lambda body: repr(body[:12]),
)
async def test_unreadable_callback_is_refused(body: bytes, caplog: pytest.LogCaptureFixture):
    """Also one that is nested without end; the log does not quote it."""
    stored = Stored()
    async with serving(stored.store, SECRET) as address:
        status = await post(address(SECRET), body)

    assert status == 400
    assert stored == []
    assert len([record for record in caplog.records if record.name.startswith("bot")]) == 1


async def test_oversized_callback_is_refused():
    """Over 256 KiB; what is no larger is read."""
    stored = Stored()
    fitting = b'{"message_sid":"x","message":""}'.replace(b'""', b'"' + b"a" * (256 * 1024 - 32) + b'"')
    async with serving(stored.store, SECRET) as address:
        statuses = [await post(address(SECRET), body) for body in (fitting, fitting + b" ")]

    assert len(fitting) == 256 * 1024
    assert statuses == [200, 413]
    assert len(stored) == 1


@pytest.mark.parametrize(
    "error",
    [NotStoredError("no"), StoredOrNotError("perhaps"), OSError("disk full"), TimeoutError(), RuntimeError("bug")],
)
async def test_what_is_not_stored_is_not_confirmed(error: Exception):
    """So that CarrierX may tell it again."""

    async def fail(_: CarrierState) -> None:
        raise error

    async with serving(fail, SECRET) as address:
        status = await post(address(SECRET), b'{"message_sid":"x"}')

    assert status == 503


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

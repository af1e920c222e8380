"""The pretend CarrierX in a process of its own, driven over HTTP."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientConnectorError, ClientSession
from aiohttp.test_utils import TestServer

from playground.carrier import PretendCarrier
from playground.carrier.control import make_control

TEXT = {"from": "15162065575", "to": "12125550101", "message": "hi", "user_data": "our-id"}


class Remote:
    """A carrier in another process."""

    def __init__(self, session: ClientSession, started: dict[str, str]) -> None:
        self._session = session
        self.url, self.control, self.token = started["url"], started["control"], started["token"]

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        async with self._session.request(method, self.control + path, json=body) as response:
            return response.status, await response.json()

    async def send(self) -> int:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self._session.post(f"{self.url}/sms/messages", json=TEXT, headers=headers) as response:
            return response.status


@pytest.fixture
async def remote() -> AsyncIterator[Remote]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "playground.carrier", "--still", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    started = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
    async with ClientSession() as session:
        yield Remote(session, started)
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_another_process_sees_and_drives_it(remote: Remote):
    """The whole control API, in the order in which a fault test uses it."""
    _, armed = await remote.ask("POST", "/faults", {"kind": "hold_after"})
    sending = asyncio.create_task(remote.send())
    held = await remote.ask("GET", f"/until?fault={armed['id']}&held=1&posts=1&within=5")
    await remote.ask("POST", f"/faults/{armed['id']}/release")
    sent = await sending
    _, (post,) = await remote.ask("GET", "/posts")
    moved, _ = await remote.ask("POST", f"/messages/{post['sid']}", {"word": "failed", "code": "30003"})
    _, phones = await remote.ask("GET", "/phones")

    assert held == (200, {"ok": True})
    assert (sent, post["user_data"], moved) == (200, "our-id", 200)
    assert (await remote.ask("GET", "/counts"))[1] == {"our-id": 1}
    assert [request["method"] for request in (await remote.ask("GET", "/requests"))[1]] == ["POST"]
    assert (phones["12125550101"][0]["state"], phones["12125550101"][0]["code"]) == ("failed", "30003")


async def test_it_is_driven_while_it_is_down(remote: Remote):
    """The control API has a port of its own."""
    await remote.ask("POST", "/down")

    with pytest.raises(ClientConnectorError):
        await remote.send()

    await remote.ask("POST", "/up")
    assert await remote.send() == 200


async def test_behaviour_numbers_and_fate_are_set(remote: Remote):
    """Some of them, and the rest stays."""
    _, behaviour = await remote.ask("PATCH", "/behaviour", {"moves": True, "sent_after": 0, "delivered_after": 0})
    await remote.ask("PUT", "/numbers", [{"number": "15162065575", "capabilities": 2}])
    await remote.ask("PUT", "/fate", {"word": "undelivered", "number": "12125550101"})
    sent = await remote.send()

    assert (behaviour["moves"], behaviour["naming"]) == (True, "current")
    assert sent == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "/behaviour", {"nameing": "legacy"}, 400),
        ("PATCH", "/behaviour", {"naming": "future"}, 400),
        ("POST", "/faults", {"kind": "earthquake"}, 400),
        ("POST", "/faults", {"kind": "late", "second": 3}, 400),
        ("POST", "/faults/7/release", None, 404),
        ("POST", "/messages/none", {"word": "sent"}, 404),
        ("GET", "/until?posts=many", None, 400),
        ("GET", "/until?posts=1&within=0.01", None, 504),
    ],
)
async def test_mistakes_are_told(method: str, path: str, body: object, status: int):
    """A misspelt switch is not quietly ignored."""
    async with PretendCarrier() as carrier, TestServer(make_control(carrier)) as server, ClientSession() as session:
        remote = Remote(session, {"url": carrier.url, "control": str(server.make_url("/_control")), "token": ""})
        answered, problem = await remote.ask(method, path, body)

    assert answered == status
    assert problem["error"]


async def test_events_are_streamed():
    """As server-sent events, for a page."""
    async with (
        PretendCarrier() as carrier,
        TestServer(make_control(carrier)) as server,
        ClientSession() as session,
        session.get(server.make_url("/_control/events")) as stream,
    ):
        carrier.behave(naming="legacy")
        line = await stream.content.readline()

    assert line == b'data: {"event": "behaviour"}\n'


async def test_faults_are_listed_and_cleared(remote: Remote):
    """With how often each has struck."""
    await remote.ask("POST", "/faults", {"kind": "throttled", "times": 3})
    throttled = await remote.send()
    _, (fault,) = await remote.ask("GET", "/faults")
    await remote.ask("DELETE", "/faults")

    assert throttled == 429
    assert (fault["kind"], fault["left"], fault["hits"]) == ("throttled", 2, 1)
    assert await remote.send() == 200


async def test_phones_send_through_it(remote: Remote):
    """One text or many at once; each is kept, and its callback can be asked for again."""
    text = {"sender": "+12125550101", "to": "15162065575", "text": "hi", "at": "2026-11-24T15:00:00+00:00"}
    _, one = await remote.ask("POST", "/inbound", text)
    _, two = await remote.ask("POST", "/inbound", [text, {**text, "lost": True}])
    again, _ = await remote.ask("POST", f"/inbound/{one['sid']}", {"copies": 2})
    refused, _ = await remote.ask("POST", "/inbound", {**text, "sender": "anna"})
    await remote.ask("GET", "/until?inbounds=3")
    _, kept = await remote.ask("GET", "/inbounds")

    assert (again, refused) == (200, 400)
    assert [each["sid"] for each in kept] == [one["sid"], *(each["sid"] for each in two)]
    assert kept[0]["at"] == "2026-11-24T15:00:00.000Z"

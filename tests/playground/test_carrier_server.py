"""The pretend CarrierX is as strict as the documentation, plays both answers where that is silent, and counts."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from playground.carrier import Behaviour, Did, Fault, Kind, PretendCarrier

OURS, NO_MMS, VOICE_ONLY = "15162065575", "15162065574", "17207217011"
ANNA, BEN = "12125550101", "12125550102"
TEXT = {"from": OURS, "to": ANNA, "message": "hi", "user_data": "our-id"}
GROUP = {"from": OURS, "group_recipients": [ANNA, BEN], "message": "hi", "user_data": "our-id"}


@pytest.fixture
async def carrier() -> AsyncIterator[PretendCarrier]:
    async with PretendCarrier(behaviour=Behaviour(moves=False)) as carrier:
        yield carrier


@pytest.fixture
async def http(carrier: PretendCarrier) -> AsyncIterator[ClientSession]:
    async with ClientSession(headers={"Authorization": f"Bearer {carrier.token}"}) as session:
        yield session


class Listener:
    """Somebody's callback address; answers with `statuses`, then with 200."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.statuses: list[int] = []

    async def receive(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    @property
    def said(self) -> list[tuple[str, str | None]]:
        return [(body["status"], body.get("to")) for body in self.bodies]


@pytest.fixture
async def listener(carrier: PretendCarrier) -> AsyncIterator[Listener]:
    """Receives the account's callbacks."""
    listener = Listener()
    app = web.Application()
    app.router.add_post("/", listener.receive)
    async with TestServer(app) as server:
        carrier.behave(callback_url=str(server.make_url("/")))
        yield listener


async def post(http: ClientSession, carrier: PretendCarrier, body: object) -> tuple[int, dict[str, Any]]:
    async with http.post(f"{carrier.url}/sms/messages", json=body) as response:
        return response.status, await response.json()


async def get(http: ClientSession, carrier: PretendCarrier, path: str, **query: str) -> tuple[int, dict[str, Any]]:
    async with http.get(f"{carrier.url}{path}", params=query) as response:
        return response.status, await response.json()


class TestStrictness:
    """What it takes and what it does not."""

    async def test_text_is_taken_and_counted(self, http: ClientSession, carrier: PretendCarrier):
        """The documented answer, one post, one count."""
        status, body = await post(http, carrier, TEXT)

        assert status == 200
        assert (body["status"], body["type"], body["message_segments"], body["price"]) == ("queued", "sms", 1, None)
        assert [(post.sid, post.text) for post in carrier.posts] == [(body["message_sid"], "hi")]
        assert carrier.counts == {"our-id": 1}

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"from": None}, "from"),
            ({"from": VOICE_ONLY}, "from"),
            ({"from": "12125550199"}, "from"),
            ({"from": NO_MMS, "media_urls": ["https://a.test/b"]}, "from"),
            ({"to": None}, "to"),
            ({"to": "+12125550101"}, "to"),
            ({"to": "911"}, "to"),
            ({"to": 12125550101}, "to"),
            ({"message": None}, "message"),
            ({"message": 5}, "message"),
            ({"media_urls": ["ftp://a.test/b"]}, "media_urls"),
            ({"media_urls": "https://a.test/b"}, "media_urls"),
            ({"user_data": {"id": 1}}, "user_data"),
            ({"to_did": ANNA}, "to_did"),
            ({"callback_url": "https://a.test"}, "callback_url"),
            ({"group_recipients": [ANNA, ANNA]}, "group_recipients"),
            ({"group_recipients": [str(12125550100 + n) for n in range(10)]}, "group_recipients"),
            ({"group_recipients": [BEN]}, "to"),
        ],
        ids=str,
    )
    async def test_mistake_is_a_422_that_names_the_field(
        self, http: ClientSession, carrier: PretendCarrier, change: dict[str, object], field: str
    ):
        """In the documented envelope, and nothing is taken."""
        status, body = await post(http, carrier, {**TEXT, **change})

        assert status == 422
        assert [error["field"] for error in body["errors"]] == [field]
        assert carrier.posts == []

    async def test_group_of_nine_and_the_sender_is_taken(self, http: ClientSession, carrier: PretendCarrier):
        """Ten numbers with the sender."""
        status, body = await post(
            http, carrier, {**GROUP, "group_recipients": [str(12125550100 + n) for n in range(9)]}
        )

        assert (status, body["type"]) == (200, "mms")

    @pytest.mark.parametrize(
        ("headers", "data", "status"),
        [
            ({"Authorization": ""}, b"{}", 401),
            ({"Authorization": "Bearer wrong"}, b"{}", 401),
            ({"Content-Type": "text/plain"}, b"{}", 415),
            ({"Content-Type": "application/json"}, b"{", 400),
            ({"Content-Type": "application/json"}, b"[]", 400),
        ],
    )
    async def test_request_that_is_none(
        self, http: ClientSession, carrier: PretendCarrier, headers: dict[str, str], data: bytes, status: int
    ):
        """Token, type and syntax are judged before the text."""
        async with http.post(f"{carrier.url}/sms/messages", data=data, headers=headers) as response:
            body = await response.json()

        assert response.status == status
        assert set(body) == {"message", "errors"}

    async def test_token_needs_its_scope(self, http: ClientSession, carrier: PretendCarrier):
        """A token that may send may not read."""
        carrier.tokens[carrier.token] = frozenset({"sms.create"})

        assert (await post(http, carrier, TEXT))[0] == 200
        assert (await get(http, carrier, "/sms/message_drs"))[0] == 403

    @pytest.mark.parametrize("path", ["/sms/messages/none", "/sms/message_drs/none", "/sms/messages", "/nothing"])
    async def test_what_there_is_none_of(self, http: ClientSession, carrier: PretendCarrier, path: str):
        """404 in the documented envelope."""
        status, body = await get(http, carrier, path)

        assert status == 404
        assert body["errors"][0]["message"]

    async def test_legacy_accounts_take_legacy_names_only(self, http: ClientSession, carrier: PretendCarrier):
        """In and out."""
        carrier.behave(naming="legacy")
        refused, _ = await post(http, carrier, TEXT)
        taken, body = await post(http, carrier, {"from_did": OURS, "to_did": ANNA, "message": "hi"})

        assert (refused, taken) == (422, 200)
        assert (body["from_did"], body["to_did"]) == (OURS, ANNA)

    @pytest.mark.parametrize(
        ("rule", "with_to", "status"),
        [
            ("either", True, 200),
            ("either", False, 200),
            ("required", True, 200),
            ("required", False, 422),
            ("forbidden", True, 422),
            ("forbidden", False, 200),
        ],
    )
    async def test_to_of_a_group(
        self, http: ClientSession, carrier: PretendCarrier, rule: str, *, with_to: bool, status: int
    ):
        """All three readings of the documentation."""
        carrier.behave(group_to=rule)

        assert (await post(http, carrier, {**GROUP, **({"to": ANNA} if with_to else {})}))[0] == status

    @pytest.mark.parametrize(
        "change",
        [
            {"message": "x" * 1601},
            {"media_urls": [f"https://a.test/{n}" for n in range(11)]},
            {"media_urls": ["ORIGIN/media/big.png?bytes=3145729"]},
        ],
        ids=["text", "media", "bytes"],
    )
    async def test_too_much_is_taken_and_fails(
        self, http: ClientSession, carrier: PretendCarrier, change: dict[str, Any]
    ):
        """It "will fail and will not be sent out", as documented."""
        carrier.behave(moves=True, sent_after=0.0, delivered_after=0.0)
        media_urls = [url.replace("ORIGIN", carrier.origin) for url in change.get("media_urls", [])]
        status, body = await post(http, carrier, {**TEXT, **change, "media_urls": media_urls})
        sid = body["message_sid"]
        await carrier.until(lambda c: c.messages[sid].newest.status == "failed")

        assert status == 200
        assert (await get(http, carrier, f"/sms/messages/{sid}"))[1]["status"] == "failed"

    async def test_too_much_can_be_refused_instead(self, http: ClientSession, carrier: PretendCarrier):
        """The other reading."""
        carrier.behave(over_limit="refuse")

        assert (await post(http, carrier, {**TEXT, "message": "x" * 1601}))[0] == 422


class TestLists:
    """Filters, cursors and order of detail records."""

    @pytest.fixture
    async def records(self, http: ClientSession, carrier: PretendCarrier) -> list[str]:
        """Five records; gives their ids in order."""
        for n in range(5):
            await post(http, carrier, {**TEXT, "user_data": f"id-{n}", "to": str(12125550100 + n)})
        return [post.sid for post in carrier.posts]

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("user_data eq id-2", [2]),
            ('user_data eq "id-2"', [2]),
            ("user_data ne 'id-2'", [0, 1, 3, 4]),
            ("number_dst gt 12125550102", [3, 4]),
            ("number_dst ge 12125550102 and number_dst le 12125550103", [2, 3]),
            ("number_dst lt 12125550101 and direction eq outbound", [0]),
            ('number_dst like "%0104"', [4]),
            ("message_segments eq 1", [0, 1, 2, 3, 4]),
            ("date_start ge 2000-01-01", [0, 1, 2, 3, 4]),
            ("date_start lt 2000-01-01T00:00:00Z", []),
        ],
    )
    async def test_filter(
        self, http: ClientSession, carrier: PretendCarrier, records: list[str], text: str, found: list[int]
    ):
        """All documented and inferred operators."""
        _, page = await get(http, carrier, "/sms/message_drs", filter=text)

        assert [item["dr_sid"] for item in page["items"]] == [records[n] for n in found]

    @pytest.mark.usefixtures("records")
    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ({"filter": "user_data"}, 400),
            ({"filter": "user_data eq a or user_data eq b"}, 400),
            ({"filter": "user_data eq a and "}, 400),
            ({"filter": "date_start ge yesterday"}, 400),
            ({"filter": "nothing eq 1"}, 422),
            ({"order": "nothing"}, 422),
            ({"order": "date_start down"}, 400),
            ({"limit": "0"}, 422),
            ({"limit": "1001"}, 422),
            ({"limit": "many"}, 422),
            ({"after": "no-such-sid"}, 404),
        ],
        ids=str,
    )
    async def test_senseless_query(
        self, http: ClientSession, carrier: PretendCarrier, query: dict[str, str], status: int
    ):
        """Is refused rather than ignored."""
        assert (await get(http, carrier, "/sms/message_drs", **query))[0] == status

    async def test_cursors_lead_through_the_list(
        self, http: ClientSession, carrier: PretendCarrier, records: list[str]
    ):
        """Forwards by `after`, backwards by `before`."""
        _, first = await get(http, carrier, "/sms/message_drs", limit="2")
        async with http.get(first["pagination"]["next"]) as response:
            second = await response.json()
        _, back = await get(http, carrier, "/sms/message_drs", limit="2", before=records[3])
        _, last = await get(http, carrier, "/sms/message_drs", limit="2", after=records[2])

        assert [item["dr_sid"] for item in second["items"]] == records[2:4]
        assert (second["has_more"], second["total"]) == (True, None)
        assert [item["dr_sid"] for item in back["items"]] == records[1:3]
        assert ([item["dr_sid"] for item in last["items"]], last["has_more"]) == (records[3:], False)
        assert "next" not in last["pagination"]

    async def test_order(self, http: ClientSession, carrier: PretendCarrier, records: list[str]):
        """By any attribute, both ways; ten at most unless more are asked for."""
        _, page = await get(http, carrier, "/sms/message_drs", order="number_dst desc")

        assert [item["dr_sid"] for item in page["items"]] == records[::-1]
        assert page["limit"] == 10

    @pytest.mark.parametrize("same", [True, False])
    async def test_id_of_a_record(self, http: ClientSession, carrier: PretendCarrier, *, same: bool):
        """The message's own, or one that GET /sms/messages does not know."""
        carrier.behave(dr_sid_is_message_sid=same)
        _, message = await post(http, carrier, TEXT)
        _, page = await get(http, carrier, "/sms/message_drs")
        dr_sid = page["items"][0]["dr_sid"]

        assert (dr_sid == message["message_sid"]) is same
        assert (await get(http, carrier, f"/sms/messages/{dr_sid}"))[0] == (200 if same else 404)
        assert (await get(http, carrier, f"/sms/message_drs/{dr_sid}"))[0] == 200

    async def test_records_lag(self, http: ClientSession, carrier: PretendCarrier):
        """Accepted, yet not in the list; the message itself is known at once."""
        carrier.behave(records_lag=3600.0)
        _, message = await post(http, carrier, TEXT)

        assert (await get(http, carrier, "/sms/message_drs"))[1]["items"] == []
        assert (await get(http, carrier, f"/sms/message_drs/{message['message_sid']}"))[0] == 404
        assert (await get(http, carrier, f"/sms/messages/{message['message_sid']}"))[0] == 200

    async def test_numbers_and_account(self, http: ClientSession, carrier: PretendCarrier):
        """With paging by offset, and with what each can do."""
        _, page = await get(http, carrier, "/phonenumber/dids", limit="1", offset="1")
        _, partners = await get(http, carrier, "/partners")
        _, whoami = await get(http, carrier, "/oauth/whoami")

        assert [(item["phonenumber"], item["active_capabilities"]) for item in page["items"]] == [("12078152557", 27)]
        assert page["pagination"]["next"].endswith("limit=1&offset=2")
        assert partners["items"][0]["balance"] == "351.52"
        assert "sms.manage" in whoami["scopes"]


class TestReceipts:
    """What is told, when, and how badly."""

    async def test_texts_move_by_themselves(self, http: ClientSession, carrier: PretendCarrier, listener: Listener):
        """sent, then delivered."""
        carrier.behave(moves=True, sent_after=0.0, delivered_after=0.01)
        await post(http, carrier, TEXT)
        await carrier.until(lambda c: len(c.callbacks) == 2)

        assert listener.said == [("sent", ANNA), ("delivered", ANNA)]
        assert listener.bodies[1]["user_data"] == "our-id"

    @pytest.mark.parametrize("word", ["failed", "undelivered", "rejected", "delivery_failed"])
    async def test_failure_words_are_anybodys_guess(self, http: ClientSession, carrier: PretendCarrier, word: str):
        """Any word, with the code in the record alone."""
        carrier.behave(moves=True, sent_after=0.0, delivered_after=0.0)
        carrier.decide(word, "30003", number=ANNA)
        _, message = await post(http, carrier, TEXT)
        sid = message["message_sid"]
        await carrier.until(lambda c: c.messages[sid].newest.status == word)
        _, record = await get(http, carrier, f"/sms/message_drs/{sid}")

        assert (record["status"], record["vendor_error_code"]) == (word, "30003")
        assert "vendor_error_code" not in (await get(http, carrier, f"/sms/messages/{sid}"))[1]

    async def test_mms_may_end_at_sent(self, http: ClientSession, carrier: PretendCarrier, listener: Listener):
        """Where no carrier reports a delivery; a text after it shows that nothing more came."""
        carrier.behave(moves=True, sent_after=0.0, delivered_after=0.0, mms_ends_at_sent=True)
        await post(http, carrier, {**TEXT, "media_urls": ["https://a.test/b"]})
        await post(http, carrier, {**TEXT, "to": BEN})
        await carrier.until(lambda c: len(c.callbacks) == 3)

        assert sorted(listener.said) == [("delivered", BEN), ("sent", ANNA), ("sent", BEN)]

    @pytest.mark.parametrize(
        ("rule", "said"), [("each", [("delivered", ANNA), ("delivered", BEN)]), ("whole", [("delivered", None)])]
    )
    async def test_receipts_of_a_group(
        self,
        http: ClientSession,
        carrier: PretendCarrier,
        listener: Listener,
        rule: str,
        said: list[tuple[str, str | None]],
    ):
        """One for each phone, or one that names none."""
        carrier.behave(group_receipts=rule)
        _, message = await post(http, carrier, GROUP)
        carrier.deliver(message["message_sid"])
        await carrier.until(lambda c: len(c.callbacks) == len(said))

        assert listener.said == said

    async def test_receipts_twice_reversed_and_without_user_data(
        self, http: ClientSession, carrier: PretendCarrier, listener: Listener
    ):
        """As bad as it gets."""
        carrier.behave(receipt_copies=2, receipts_reversed=True, user_data_in_callbacks=False)
        _, message = await post(http, carrier, TEXT)
        carrier.move(message["message_sid"], "sent")
        carrier.deliver(message["message_sid"])
        await carrier.until(lambda c: len(c.callbacks) == 4)

        assert [status for status, _ in listener.said] == ["delivered", "delivered", "sent", "sent"]
        assert all("user_data" not in body for body in listener.bodies)

    async def test_lost_receipt(self, http: ClientSession, carrier: PretendCarrier, listener: Listener):
        """The state has moved, nobody was told."""
        carrier.behave(receipts_lost=True)
        _, message = await post(http, carrier, TEXT)
        carrier.deliver(message["message_sid"])
        carrier.behave(receipts_lost=False)
        carrier.move(message["message_sid"], "read")
        await carrier.until(lambda c: len(c.callbacks) == 1)

        assert [status for status, _ in listener.said] == ["read"]

    async def test_receipt_before_the_answer(self, http: ClientSession, carrier: PretendCarrier, listener: Listener):
        """The listener has it by the time that the POST is answered."""
        carrier.behave(receipt_before_answer=True)
        await post(http, carrier, TEXT)

        assert listener.said == [("sent", ANNA)]

    async def test_unsuccessful_callback_may_be_repeated(
        self, http: ClientSession, carrier: PretendCarrier, listener: Listener
    ):
        """As often as configured."""
        listener.statuses = [503, 503]
        carrier.behave(callback_retries=2, callback_retry_delay=0.0)
        _, message = await post(http, carrier, TEXT)
        carrier.deliver(message["message_sid"])
        await carrier.until(lambda c: len(c.callbacks) == 3)

        assert [callback.status for callback in carrier.callbacks] == [503, 503, 200]

    @pytest.mark.usefixtures("listener")
    async def test_address_of_a_number_goes_first(self, http: ClientSession, carrier: PretendCarrier):
        """A DID's own callback_url before the account's."""
        address = carrier.behaviour.callback_url
        carrier.behave(callback_url="http://127.0.0.1:1/")
        carrier.dids[OURS] = Did(OURS, callback_url=address)
        _, message = await post(http, carrier, TEXT)
        carrier.deliver(message["message_sid"])
        await carrier.until(lambda c: len(c.callbacks) == 1)

        assert [callback.status for callback in carrier.callbacks] == [200]


class TestFaults:
    """Which request is befallen, and what it leaves behind."""

    async def test_fault_befalls_its_number_so_many_times(self, http: ClientSession, carrier: PretendCarrier):
        """And nobody else."""
        carrier.arm(Fault(Kind.THROTTLED, number=ANNA, times=2))
        statuses = [(await post(http, carrier, {**TEXT, "to": to}))[0] for to in (BEN, ANNA, ANNA, ANNA)]

        assert statuses == [200, 429, 429, 200]

    async def test_fault_stays_until_cleared(self, http: ClientSession, carrier: PretendCarrier):
        """`times=None`."""
        carrier.arm(Fault(Kind.UNAUTHORIZED, times=None))
        statuses = [(await post(http, carrier, TEXT))[0] for _ in range(3)]
        carrier.clear_faults()

        assert statuses == [401, 401, 401]
        assert (await post(http, carrier, TEXT))[0] == 200

    @pytest.mark.parametrize(("kind", "taken"), [(Kind.RESET_BEFORE, 0), (Kind.RESET_AFTER, 1)])
    async def test_reset(self, http: ClientSession, carrier: PretendCarrier, kind: Kind, taken: int):
        """The connection is cut, before or after the text was taken."""
        carrier.arm(Fault(kind))

        with pytest.raises(aiohttp.ClientError):
            await post(http, carrier, TEXT)

        assert len(carrier.posts) == taken

    @pytest.mark.parametrize(("kind", "taken"), [(Kind.HOLD_BEFORE, 0), (Kind.HOLD_AFTER, 1)])
    async def test_held_request_goes_on_when_released(
        self, http: ClientSession, carrier: PretendCarrier, kind: Kind, taken: int
    ):
        """Held before or after the text was taken; taken in the end, also when its sender is dead by then."""
        armed = carrier.arm(Fault(kind))
        sending = asyncio.create_task(post(http, carrier, TEXT))
        await asyncio.wait_for(armed.arrived.wait(), 5)
        held = len(carrier.posts)
        sending.cancel()
        await asyncio.wait({sending})
        armed.release()
        await carrier.until(lambda c: len(c.posts) == 1)

        assert held == taken

    @pytest.mark.parametrize(("kind", "taken"), [(Kind.HOLD_BEFORE, 0), (Kind.HOLD_AFTER, 1)])
    async def test_held_request_can_be_dropped(
        self, http: ClientSession, carrier: PretendCarrier, kind: Kind, taken: int
    ):
        """As if the carrier had crashed there."""
        armed = carrier.arm(Fault(kind))
        sending = asyncio.create_task(post(http, carrier, TEXT))
        await carrier.until(lambda _: armed.held == 1)
        armed.drop()

        with pytest.raises(aiohttp.ClientError):
            await sending

        assert len(carrier.posts) == taken

    async def test_down_and_up(self, http: ClientSession, carrier: PretendCarrier):
        """Kept connections are cut, new ones refused, and it comes back where it was."""
        await post(http, carrier, TEXT)
        url = carrier.url
        await carrier.go_down()

        with pytest.raises(aiohttp.ClientConnectorError):
            await post(http, carrier, TEXT)

        await carrier.come_up()
        assert carrier.url == url
        assert (await post(http, carrier, TEXT))[0] == 200
        assert len(carrier.posts) == 2


class TestWatching:
    """Waiting for it, and showing it."""

    async def test_what_never_holds_is_told_as_it_stands(self, carrier: PretendCarrier):
        """A test that waits in vain says what there was."""
        with pytest.raises(TimeoutError, match="0 posts"):
            await carrier.until(lambda c: len(c.posts) == 1, within=0.01)

    async def test_events_tell_the_page(self, http: ClientSession, carrier: PretendCarrier):
        """In the order in which things happen."""
        events = carrier.subscribe()
        first = asyncio.ensure_future(anext(events))
        await asyncio.wait({first}, timeout=0.01)  # it listens from here on
        _, message = await post(http, carrier, TEXT)
        carrier.deliver(message["message_sid"])
        carrier.arm(Fault(Kind.THROTTLED))
        told = [await first, *[await anext(events) for _ in range(2)]]

        assert [event["event"] for event in told] == ["accepted", "state", "faults"]
        assert (told[1]["number"], told[1]["status"]) == (ANNA, "delivered")

    async def test_phones_show_what_arrived(self, http: ClientSession, carrier: PretendCarrier):
        """By phone, with where each text stands."""
        picture = f"{carrier.origin}/media/cake.png"
        await post(http, carrier, TEXT)
        _, message = await post(http, carrier, {**GROUP, "media_urls": [picture]})
        carrier.fail(message["message_sid"], "undelivered", "30003", to=BEN)
        phones = carrier.phones()

        assert [(text["text"], text["state"]) for text in phones[ANNA]] == [("hi", "queued"), ("hi", "queued")]
        assert [(text["state"], text["code"], text["media_urls"]) for text in phones[BEN]] == [
            ("undelivered", "30003", [picture])
        ]

    async def test_demo_pictures_are_pictures(self, http: ClientSession, carrier: PretendCarrier):
        """PNGs that differ by name, as large as asked for."""
        bodies = []
        for name in ("cake.png", "cat.png", "cat.png?bytes=500000"):
            async with http.get(f"{carrier.origin}/media/{name}") as response:
                assert response.content_type == "image/png"
                bodies.append(await response.read())

        assert all(body.startswith(b"\x89PNG") for body in bodies)
        assert bodies[0] != bodies[1]
        assert len(bodies[2]) == 500_000


class TestInbound:
    """Phones text back; what is told of it is as unreliable as asked."""

    async def test_a_text_is_told_kept_and_recorded(
        self, http: ClientSession, carrier: PretendCarrier, listener: Listener
    ):
        """The callback has what GET answers, and a record of the same id stands in the list."""
        text = carrier.inbound(f"+{ANNA}", OURS, "STOP")
        await carrier.until(lambda c: len(c.callbacks) == 1)
        _, message = await get(http, carrier, f"/sms/messages/{text.sid}")
        _, page = await get(http, carrier, "/sms/message_drs", filter='direction eq "inbound"')

        assert listener.bodies == [message]
        assert {key: message[key] for key in ("from", "to", "message", "direction", "status", "type", "user_data")} == {
            "from": ANNA,
            "to": OURS,
            "message": "STOP",
            "direction": "inbound",
            "status": "received",
            "type": "sms",
            "user_data": None,
        }
        (record,) = page["items"]
        assert (record["dr_sid"], record["date_start"]) == (text.sid, message["date_created"])
        assert (record["number_src"], record["number_dst"], record["number_billing"]) == (ANNA, OURS, OURS)

    async def test_legacy_names(self, carrier: PretendCarrier, listener: Listener):
        """As of old accounts."""
        carrier.behave(naming="legacy")
        carrier.inbound(ANNA, OURS, "hi")
        await carrier.until(lambda c: len(c.callbacks) == 1)

        assert (listener.bodies[0]["from_did"], listener.bodies[0]["to_did"]) == (ANNA, OURS)

    async def test_what_is_unknown_of_it_is_played_both_ways(self, http: ClientSession, carrier: PretendCarrier):
        """Whether GET knows it, and whether its record has its id."""
        carrier.behave(inbound_readable=False, dr_sid_is_message_sid=False, records_skew=2.0)
        at = datetime(2026, 11, 24, 15, tzinfo=UTC)
        text = carrier.inbound(ANNA, OURS, "hi", at=at)
        status, _ = await get(http, carrier, f"/sms/messages/{text.sid}")
        _, page = await get(http, carrier, "/sms/message_drs")

        assert status == 404
        assert page["items"][0]["dr_sid"] == text.dr_sid != text.sid
        assert page["items"][0]["date_start"] == "2026-11-24T15:00:02.000Z"

    @pytest.mark.parametrize(
        ("rule", "named"),
        [("recipients", [OURS, BEN]), ("others", [BEN]), ("everybody", [OURS, BEN, ANNA]), ("nobody", [])],
    )
    async def test_a_group_is_named(self, carrier: PretendCarrier, listener: Listener, rule: str, named: list[str]):
        """In each of the ways that the documentation leaves open."""
        carrier.behave(inbound_group=rule)
        carrier.inbound(ANNA, OURS, "hi", group=[BEN])
        await carrier.until(lambda c: len(c.callbacks) == 1)

        assert (listener.bodies[0]["group_recipients"], listener.bodies[0]["type"]) == (named, "mms")

    @pytest.mark.parametrize(
        ("rule", "named"),
        [("ours", OURS), ("list", sorted([BEN, OURS])), ("commas", ",".join(sorted([BEN, OURS])))],
    )
    async def test_to_names_all_or_ours(
        self, http: ClientSession, carrier: PretendCarrier, listener: Listener, rule: str, named: object
    ):
        """In the callback and in the record; of a text between two it is always ours."""
        carrier.behave(inbound_to=rule)
        carrier.inbound(ANNA, OURS, "hi", group=[BEN])
        carrier.inbound(ANNA, OURS, "hi")
        await carrier.until(lambda c: len(c.callbacks) == 2)
        _, page = await get(http, carrier, "/sms/message_drs")

        assert [body["to"] for body in listener.bodies] == [named, OURS]
        assert [item["number_dst"] for item in page["items"]] == [named, OURS]

    async def test_group_is_on_all_its_phones(self, carrier: PretendCarrier):
        """Who said it, too."""
        carrier.inbound(ANNA, OURS, "hi", group=[BEN])
        phones = carrier.phones()

        assert [(each["direction"], each["speaker"]) for each in phones[ANNA]] == [("inbound", ANNA)]
        assert [(each["direction"], each["speaker"]) for each in phones[BEN]] == [("member", ANNA)]

    async def test_twice(self, carrier: PretendCarrier, listener: Listener):
        """The same body."""
        text = carrier.inbound(ANNA, OURS, "hi", copies=2)
        await carrier.until(lambda c: len(c.callbacks_of(text.sid)) == 2)

        assert listener.bodies[0] == listener.bodies[1]

    async def test_lost_and_told_later(self, http: ClientSession, carrier: PretendCarrier, listener: Listener):
        """Only the record has it, until somebody asks for the callback."""
        carrier.behave(inbound_lost=True)
        text = carrier.inbound(ANNA, OURS, "hi")
        _, page = await get(http, carrier, "/sms/message_drs")
        before = list(listener.bodies)
        carrier.call_back(text.sid)
        await carrier.until(lambda c: len(c.callbacks) == 1)

        assert ([item["dr_sid"] for item in page["items"]], before) == ([text.sid], [])

    async def test_late_is_overtaken(self, carrier: PretendCarrier, listener: Listener):
        """A later text's callback does not wait for a late one."""
        carrier.inbound(ANNA, OURS, "first", delay=0.05)
        carrier.inbound(ANNA, OURS, "second")
        await carrier.until(lambda c: len(c.callbacks) == 2)

        assert [body["message"] for body in listener.bodies] == ["second", "first"]

    async def test_one_after_the_other_or_swapped(self, carrier: PretendCarrier, listener: Listener):
        """A phone's callbacks come in order unless they are swapped in pairs; a lone one is let go at the end."""
        for word in ("one", "two"):
            carrier.inbound(ANNA, OURS, word)
        carrier.behave(inbound_swapped=True)
        for word in ("three", "four", "five"):
            carrier.inbound(ANNA, OURS, word)
        carrier.behave(inbound_swapped=False)
        await carrier.until(lambda c: len(c.callbacks) == 5)

        assert [body["message"] for body in listener.bodies] == ["one", "two", "four", "three", "five"]

    async def test_one_that_is_refused_is_repeated(self, carrier: PretendCarrier, listener: Listener):
        """As with receipts."""
        listener.statuses = [503]
        carrier.behave(callback_retries=1, callback_retry_delay=0.0)
        text = carrier.inbound(ANNA, OURS, "hi")
        await carrier.until(lambda c: len(c.callbacks) == 2)

        assert [callback.status for callback in carrier.callbacks_of(text.sid)] == [503, 200]

    async def test_records_of_both_directions_are_read_on_from_a_cursor(
        self, http: ClientSession, carrier: PretendCarrier
    ):
        """In order, also what became readable after the cursor was read."""
        carrier.inbound(ANNA, OURS, "one", lag=0.05)
        carrier.inbound(ANNA, OURS, "two")
        await post(http, carrier, TEXT)
        _, first = await get(http, carrier, "/sms/message_drs", filter="direction ne sideways")
        await carrier.pause(0.06)
        _, rest = await get(http, carrier, "/sms/message_drs", after=first["items"][-1]["dr_sid"])

        assert [item["direction"] for item in first["items"]] == ["inbound", "outbound"]
        assert [item["message"] for item in rest["items"]] == ["one"]

    @pytest.mark.parametrize(
        ("sender", "to", "more", "error"),
        [
            (ANNA, "19995550000", {}, KeyError),
            (ANNA, VOICE_ONLY, {}, ValueError),
            (ANNA, NO_MMS, {"media_urls": ["https://example.com/a.png"]}, ValueError),
            ("anna", OURS, {}, ValueError),
            (ANNA, OURS, {"group": [OURS]}, ValueError),
            (ANNA, OURS, {"text": ""}, ValueError),
        ],
    )
    async def test_what_no_phone_could_send(
        self, carrier: PretendCarrier, sender: str, to: str, more: dict[str, Any], error: type[Exception]
    ):
        """Refused, and nothing is kept."""
        with pytest.raises(error):
            carrier.inbound(sender, to, **{"text": "hi", **more})

        assert carrier.log == []

    async def test_the_phone_has_it_in_its_conversation(self, http: ClientSession, carrier: PretendCarrier):
        """Between what it was sent, by the number that it talks to."""
        await post(http, carrier, TEXT)
        carrier.inbound(ANNA, OURS, "and back")
        phone = carrier.phones()[ANNA]

        assert [(text["direction"], text["from"], text["text"]) for text in phone] == [
            ("outbound", OURS, "hi"),
            ("inbound", OURS, "and back"),
        ]

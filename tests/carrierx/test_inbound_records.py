"""Texts to us as CarrierX tells them when it is asked, over real HTTP."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from bot.carrierx.carrier import CarrierX
from bot.carrierx.client import MOST_PAGES, PAGE_SIZE, CarrierXClient
from bot.errors import CarrierResponseInvalidError, CarrierUnauthorizedError
from bot.services.ports import Carrier, InboundText
from playground.carrier import query

TOKEN = "a-token"
OURS, ANNA = "15162065575", "12125550101"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def record(number: int, **fields: Any) -> dict[str, Any]:
    """A text from Anna, so many minutes after noon."""
    return {
        "dr_sid": f"a-{number}",
        "direction": "inbound",
        "number_src": ANNA,
        "number_dst": OURS,
        "number_group_dst": [],
        "message": str(number),
        "media_urls": [],
        "type": "sms",
        "date_start": f"{NOON + timedelta(minutes=number):%Y-%m-%dT%H:%M:%S}.250Z",
        **fields,
    }


@dataclass
class Records:
    """A CarrierX with detail records and messages; filters, sorts and cuts as the playground's, unless told otherwise.

    Attributes:
        rows: The records.
        messages: By their id.
        page: Most records in a page.
        heeds: Whether it heeds filter and order.
        next_origin: What `pagination.next` begins with, "" for none.
        circle: Whether every page says that the first is next.
        asked: The queries that came.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    page: int = PAGE_SIZE
    heeds: bool = True
    next_origin: str = ""
    circle: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)

    async def show_records(self, request: web.Request) -> web.Response:
        self.check(request)
        self.asked.append(dict(request.query))
        rows = self.rows
        if self.heeds:
            rows = query.sort(query.select(rows, request.query["filter"]), request.query["order"])

        def address(arguments: dict[str, str]) -> str | None:
            if not self.next_origin and not self.circle:
                return None
            if self.circle:
                return str(request.url.origin() / "sms/message_drs")
            return f"{self.next_origin}{request.path}?" + str(request.url.with_query(arguments).raw_query_string)

        page = query.cut(rows, request.query, sid="dr_sid", most=self.page, address=address)
        return web.json_response(page)

    async def show_message(self, request: web.Request) -> web.Response:
        self.check(request)
        message = self.messages.get(request.match_info["sid"])
        return web.json_response(message or {}, status=200 if message else 404)

    def check(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise web.HTTPUnauthorized


@pytest.fixture
async def records() -> Records:
    return Records()


@pytest.fixture
async def server(records: Records) -> AsyncIterator[BaseTestServer]:
    app = web.Application()
    app.router.add_get("/sms/message_drs", records.show_records)
    app.router.add_get("/sms/messages/{sid}", records.show_message)
    async with TestServer(app) as server:
        yield server


@pytest.fixture
async def port(server: BaseTestServer) -> AsyncIterator[Carrier]:
    async with CarrierXClient(str(server.make_url("/")), TOKEN) as client:
        yield CarrierX(client, "ours")


def bodies(texts: tuple[InboundText, ...]) -> list[str]:
    return [text.text for text in texts]


class TestRecords:
    """Catching up."""

    async def test_text_is_told_in_the_use_cases_words(self, records: Records, port: Carrier):
        """By its record's own id, with the time at which CarrierX received it."""
        records.rows = [record(1)]

        assert await port.inbound_records(NOON) == (
            InboundText(
                sid="a-1",
                sender="+12125550101",
                to="+15162065575",
                group=(),
                text="1",
                media_urls=(),
                kind="sms",
                created_at=NOON + timedelta(minutes=1, milliseconds=250),
            ),
        )

    async def test_what_is_asked_for(self, records: Records, port: Carrier):
        """Inbound only, in whole seconds of UTC, oldest first, as many as a page may hold."""
        assert await port.inbound_records(datetime.fromisoformat("2026-11-24T07:00:01.500-05:00")) == ()
        assert records.asked == [
            {
                "filter": "date_start ge 2026-11-24T12:00:01Z and direction eq inbound",
                "order": "date_start",
                "limit": "1000",
            }
        ]

    @pytest.mark.parametrize("origin", ["", "here", "http://elsewhere.invalid"])
    async def test_all_pages_are_read(self, records: Records, server: BaseTestServer, port: Carrier, origin: str):
        """By CarrierX's own next page where that is safe, else by cursor; never on another host."""
        records.rows = [record(n) for n in range(10)]
        records.page = 3
        records.next_origin = str(server.make_url("/")).rstrip("/") if origin == "here" else origin

        assert bodies(await port.inbound_records(NOON)) == [str(n) for n in range(10)]
        assert [asked.get("after") for asked in records.asked] == [None, "a-2", "a-5", "a-8"]

    @pytest.mark.parametrize("heeds", [True, False])
    async def test_only_what_was_asked_for_is_told_oldest_first(self, records: Records, port: Carrier, *, heeds: bool):
        """Sorted and chosen by CarrierX, or by us where it heeds nothing."""
        records.heeds, records.page = heeds, 2
        records.rows = [
            record(7),
            record(3),
            record(5, direction="outbound"),
            record(-1),
            record(4),
            record(6, direction="outbound", number_src="", dr_sid="a-6"),
        ]

        assert bodies(await port.inbound_records(NOON)) == ["3", "4", "7"]

    async def test_second_of_the_cursor_is_told_once_more(self, records: Records, port: Carrier):
        """CarrierX reads whole seconds; a text too many is known by its id, one too few would be lost."""
        records.rows = [record(0)]

        assert bodies(await port.inbound_records(NOON + timedelta(milliseconds=900))) == ["0"]
        assert bodies(await port.inbound_records(NOON + timedelta(seconds=1))) == []

    async def test_text_without_a_time_is_told_whatever_the_cursor(self, records: Records, port: Carrier):
        """Rather twice than never; it has its id."""
        records.heeds = False
        records.rows = [record(5), record(2, date_start=None), record(3, date_start="soon")]
        texts = await port.inbound_records(NOON + timedelta(minutes=4))

        assert [(text.text, text.created_at is None) for text in texts] == [("2", True), ("3", True), ("5", False)]

    async def test_page_that_overlaps_doubles_nothing(self, records: Records, port: Carrier):
        """The same record is one, and what it says last counts."""
        records.heeds, records.page = False, 2
        records.rows = [record(1), record(2), record(2, message="2 again"), record(3)]
        texts = await port.inbound_records(NOON)

        assert [text.sid for text in texts] == ["a-1", "a-2", "a-3"]

    async def test_one_text_to_two_of_our_numbers_is_told_for_each(self, records: Records, port: Carrier):
        """Also if CarrierX gives both the same id."""
        group = {"type": "mms", "number_group_dst": [OURS, "12078152557"]}
        records.rows = [record(1, **group), record(1, **group, number_dst="12078152557")]
        texts = await port.inbound_records(NOON)

        assert [text.to for text in texts] == ["+15162065575", "+12078152557"]
        assert {text.group for text in texts} == {("+15162065575", "+12078152557")}

    async def test_unreadable_record_is_skipped_with_a_word(
        self, records: Records, port: Carrier, caplog: pytest.LogCaptureFixture
    ):
        """By its id, without what it says; also as the last of a page, where the cursor is."""
        caplog.set_level(logging.DEBUG)
        records.page = 2
        records.rows = [record(1), record(2, number_src="AMAZON", message="canary"), record(3)]
        texts = await port.inbound_records(NOON)

        assert bodies(texts) == ["1", "3"]
        assert [entry.getMessage() for entry in caplog.records if entry.name.startswith("bot")] == [
            "CarrierX sent items that cannot be read; skipped: a-2"
        ]
        assert "canary" not in caplog.text

    @pytest.mark.parametrize("pages", [1, 3, MOST_PAGES])
    async def test_too_many_pages_are_no_answer(self, records: Records, port: Carrier, pages: int):
        """What would be missing could be a STOP."""
        records.rows = [record(n) for n in range(pages + 1)]
        records.page = 1

        with pytest.raises(CarrierResponseInvalidError):
            await port.inbound_records(NOON, pages=pages)

        assert len(records.asked) == pages
        assert len(await port.inbound_records(NOON, pages=pages + 1)) == pages + 1

    async def test_pages_in_a_circle_are_no_answer(self, records: Records, port: Carrier):
        """They would never end."""
        records.heeds, records.page, records.circle = False, 1, True
        records.rows = [record(1), record(2)]

        with pytest.raises(CarrierResponseInvalidError):
            await port.inbound_records(NOON)

        assert len(records.asked) == 2

    async def test_list_that_breaks_off_is_no_answer(self, records: Records, port: Carrier):
        """Neither a next page nor an id to go on from."""
        records.heeds, records.page = False, 1
        records.rows = [record(1, dr_sid=None), record(2)]

        with pytest.raises(CarrierResponseInvalidError):
            await port.inbound_records(NOON)


class TestMessage:
    """Asking again for what a callback told."""

    @pytest.mark.parametrize("names", [("from", "to"), ("from_did", "to_did")])
    async def test_text_is_asked_for_by_its_id(self, records: Records, port: Carrier, names: tuple[str, str]):
        """In either naming."""
        records.messages["in-1"] = {
            "message_sid": "in-1",
            "direction": "inbound",
            names[0]: ANNA,
            names[1]: OURS,
            "message": "STOP",
            "date_created": "2026-11-24T12:00:00Z",
        }

        assert await port.inbound("in-1") == InboundText(
            "in-1", "+12125550101", "+15162065575", (), "STOP", (), "", NOON
        )

    async def test_unknown_text_is_none(self, port: Carrier):
        """Nothing vouches for it."""
        assert await port.inbound("no-such-sid") is None

    async def test_text_of_ours_is_none(self, records: Records, port: Carrier):
        """Its id proves nothing of a text to us."""
        records.messages["out-1"] = {"message_sid": "out-1", "direction": "outbound", "from": OURS, "to": ANNA}

        assert await port.inbound("out-1") is None

    @pytest.mark.parametrize("sid", ["../message_drs", "..", "", "a b", "a" * 65, "%2e%2e"])
    async def test_id_cannot_lead_to_another_resource(self, records: Records, port: Carrier, sid: str):
        """What cannot be one of CarrierX's ids is not even asked for."""
        assert await port.inbound(sid) is None
        assert records.asked == []

    @pytest.mark.parametrize("message", [{"a": 1}, {"message_sid": "x", "direction": "inbound"}])
    async def test_unreadable_answer_is_told_as_one(self, records: Records, port: Carrier, message: dict[str, Any]):
        """An answer about nobody's text is no answer."""
        records.messages["x"] = message

        with pytest.raises(CarrierResponseInvalidError):
            await port.inbound("x")


async def test_wrong_token_is_told_as_one(server: BaseTestServer):
    """So that the caller can wait for a better one."""
    async with CarrierXClient(str(server.make_url("/")), "another") as client:
        port = CarrierX(client, "ours")
        with pytest.raises(CarrierUnauthorizedError):
            await port.inbound("x")
        with pytest.raises(CarrierUnauthorizedError):
            await port.inbound_records(NOON)

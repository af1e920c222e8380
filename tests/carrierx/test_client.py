"""What became of a text, told from every answer and from every lack of one, over real HTTP."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.carrierx.client import MOST_PAGES, CarrierXClient, NotLeftError
from bot.carrierx.values import TextOut
from bot.errors import (
    CarrierError,
    CarrierOutcomeUnknownError,
    CarrierRejectedError,
    CarrierResponseInvalidError,
    CarrierThrottledError,
    CarrierUnauthorizedError,
    CarrierUnavailableError,
)
from playground.carrier import Did, Fault, Kind, PretendCarrier

OURS, ANNA, BEN = "15162065575", "12125550101", "12125550102"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
SHORT = 0.2  # seconds, for what is meant to time out


def text_to(number: str = ANNA, user_data: str = "our-id", body: str = "hi") -> TextOut:
    return TextOut(user_data, OURS, (number,), group=False, text=body, media_urls=())


def group_to(*numbers: str) -> TextOut:
    return TextOut("our-id", OURS, numbers, group=True, text="hi", media_urls=())


def yes() -> bool:
    return True


class TestSend:
    """A POST and its outcome."""

    async def test_text_is_handed_over_once(self, carrier: PretendCarrier, client: CarrierXClient):
        """CarrierX has it as we meant it, and its answer carries our id."""
        state = await client.send(text_to(), may_leave=yes)

        assert [(post.sender, post.recipients, post.text, post.user_data) for post in carrier.posts] == [
            (OURS, (ANNA,), "hi", "our-id")
        ]
        assert (state.sid, state.status, state.user_data) == (carrier.posts[0].sid, "queued", "our-id")

    async def test_legacy_accounts_are_written_as_they_spell(self, carrier: PretendCarrier):
        """from_did and to_did, out and in."""
        carrier.behave(naming="legacy")
        async with CarrierXClient(carrier.url, carrier.token, naming="legacy") as client:
            state = await client.send(text_to(), may_leave=yes)

        assert (state.sender, state.recipient) == (OURS, ANNA)

    async def test_many_texts_share_few_connections(self, carrier: PretendCarrier):
        """One keep-alive session, no more connections than allowed."""
        assert carrier._runner is not None
        server = carrier._runner.server
        assert server is not None
        async with CarrierXClient(carrier.url, carrier.token, connections=3) as client:
            await asyncio.gather(*(client.send(text_to(user_data=str(n)), may_leave=yes) for n in range(50)))
            used = len(server.connections)

        assert len(carrier.posts) == 50
        assert used <= 3

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Fault(Kind.RESET_BEFORE), CarrierOutcomeUnknownError),
            (Fault(Kind.ERROR_BEFORE, status=500), CarrierOutcomeUnknownError),
            (Fault(Kind.ERROR_BEFORE, status=502), CarrierOutcomeUnknownError),
            (Fault(Kind.ERROR_BEFORE, status=503), CarrierOutcomeUnknownError),
            (Fault(Kind.ERROR_BEFORE, status=504), CarrierOutcomeUnknownError),
            (Fault(Kind.REDIRECT, status=307, location="/elsewhere"), CarrierOutcomeUnknownError),
            (Fault(Kind.THROTTLED), CarrierThrottledError),
            (Fault(Kind.UNAUTHORIZED), CarrierUnauthorizedError),
            (Fault(Kind.FORBIDDEN), CarrierRejectedError),
            (Fault(Kind.INVALID, field="from"), CarrierRejectedError),
            (Fault(Kind.ERROR_BEFORE, status=400, body=""), CarrierRejectedError),
            (Fault(Kind.ERROR_BEFORE, status=408), CarrierRejectedError),
            (Fault(Kind.ERROR_BEFORE, status=409), CarrierRejectedError),
        ],
        ids=lambda value: f"{value.kind}-{value.status}" if isinstance(value, Fault) else value.__name__,
    )
    async def test_text_that_was_not_taken(
        self, carrier: PretendCarrier, client: CarrierXClient, fault: Fault, error: type[CarrierError]
    ):
        """Where it could have been taken for all we know, we do not claim that it was not; and we never repeat."""
        carrier.arm(fault)

        with pytest.raises(error) as caught:
            await client.send(text_to(), may_leave=yes)

        assert type(caught.value) is error
        assert carrier.posts == []
        assert len(carrier.requests) == 1

    @pytest.mark.parametrize(
        "fault",
        [
            Fault(Kind.RESET_AFTER),
            Fault(Kind.HOLD_AFTER),
            Fault(Kind.LATE, seconds=60),
            Fault(Kind.ERROR_AFTER, status=500),
            Fault(Kind.ERROR_AFTER, status=502),
            Fault(Kind.ERROR_AFTER, status=503),
            Fault(Kind.ERROR_AFTER, status=504),
            Fault(Kind.UNREADABLE),
            Fault(Kind.UNREADABLE, body=""),
            Fault(Kind.UNREADABLE, body='{"message_sid": '),
            Fault(Kind.UNREADABLE, body='{"status": "queued"}'),
            Fault(Kind.TRUNCATED),
        ],
        ids=lambda fault: f"{fault.kind}-{fault.status}-{fault.body[:16]}",
    )
    async def test_text_that_was_taken_without_a_readable_answer(self, carrier: PretendCarrier, fault: Fault):
        """Nobody knows, we say so, and there is exactly one."""
        carrier.arm(fault)

        async with CarrierXClient(carrier.url, carrier.token, answer_timeout=SHORT) as client:
            with pytest.raises(CarrierOutcomeUnknownError):
                await client.send(text_to(), may_leave=yes)

        assert carrier.counts == {"our-id": 1}

    @pytest.mark.parametrize(("status", "busy"), [(500, False), (502, False), (503, True), (504, False)])
    async def test_only_503_is_busy(self, carrier: PretendCarrier, client: CarrierXClient, status: int, *, busy: bool):
        """It is the one that most servers give before they do anything."""
        carrier.arm(Fault(Kind.ERROR_BEFORE, status=status))

        with pytest.raises(CarrierOutcomeUnknownError) as caught:
            await client.send(text_to(), may_leave=yes)

        assert caught.value.busy is busy

    async def test_connection_that_closes_while_idle_is_not_taken_for_a_refusal(
        self, carrier: PretendCarrier, client: CarrierXClient
    ):
        """A kept connection that is cut mid-request is unknown, on the first text as on the hundredth."""
        await client.send(text_to(user_data="first"), may_leave=yes)
        carrier.arm(Fault(Kind.RESET_BEFORE))

        with pytest.raises(CarrierOutcomeUnknownError):
            await client.send(text_to(user_data="second"), may_leave=yes)

        assert carrier.counts == {"first": 1}

    async def test_refused_connection_is_surely_not_taken(self, carrier: PretendCarrier, client: CarrierXClient):
        """Down, and up again on the same port."""
        await carrier.go_down()

        with pytest.raises(CarrierUnavailableError):
            await client.send(text_to(), may_leave=yes)

        await carrier.come_up()
        await client.send(text_to(), may_leave=yes)
        assert carrier.counts == {"our-id": 1}

    async def test_unknown_host_is_surely_not_taken(self):
        """No DNS answer, no request."""
        async with CarrierXClient("http://no-such-host.invalid/core/v2", "token") as client:
            with pytest.raises(CarrierUnavailableError):
                await client.send(text_to(), may_leave=yes)

    async def test_failed_tls_is_surely_not_taken(self, carrier: PretendCarrier):
        """A server that speaks no TLS gets no text."""
        async with CarrierXClient(carrier.url.replace("http:", "https:"), carrier.token) as client:
            with pytest.raises(CarrierUnavailableError):
                await client.send(text_to(), may_leave=yes)

        assert carrier.requests == []

    async def test_connection_that_never_stands_is_surely_not_taken(self):
        """A full backlog answers no SYN; the connect timeout ends it."""
        with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            for filler in (first, second):
                filler.setblocking(False)
                filler.connect_ex(deaf.getsockname())
            url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
            async with CarrierXClient(url, "token", connect_timeout=SHORT) as client:
                with pytest.raises(CarrierUnavailableError):
                    await client.send(text_to(), may_leave=yes)

    @pytest.mark.parametrize("kept", [False, True], ids=["new connection", "kept connection"])
    async def test_nothing_leaves_without_leave(self, carrier: PretendCarrier, client: CarrierXClient, *, kept: bool):
        """The last question is asked when the connection stands; a no leaves no trace at CarrierX."""
        earlier = [await client.send(text_to(user_data="earlier"), may_leave=yes) for _ in range(int(kept))]
        asked: list[int] = []

        def no() -> bool:
            asked.append(len(carrier.requests))
            return False

        with pytest.raises(NotLeftError):
            await client.send(text_to(), may_leave=no)

        assert asked == [len(earlier)]
        await client.check_token()  # a whole round trip later there is still no POST
        assert len(carrier.posts) == len(earlier)
        assert [request.method for request in carrier.requests] == ["POST"] * len(earlier) + ["GET"]

    async def test_leave_is_not_asked_where_no_connection_stands(self, carrier: PretendCarrier, client: CarrierXClient):
        """The question costs nothing when there is nothing to ask it for."""
        await carrier.go_down()
        answers = iter([True])

        with pytest.raises(CarrierUnavailableError):
            await client.send(text_to(), may_leave=lambda: next(answers))

        assert list(answers) == [True]

    async def test_throttling_tells_how_long_to_wait(self, carrier: PretendCarrier, client: CarrierXClient):
        """Retry-After in seconds."""
        carrier.arm(Fault(Kind.THROTTLED, retry_after="7"))

        with pytest.raises(CarrierThrottledError) as caught:
            await client.send(text_to(), may_leave=yes)

        assert caught.value.retry_after == 7.0

    async def test_throttling_until_a_date(self, carrier: PretendCarrier, client: CarrierXClient):
        """Retry-After as a date far ahead is an hour at most."""
        carrier.arm(Fault(Kind.THROTTLED, retry_after="Fri, 01 Jan 2100 00:00:00 GMT"))

        with pytest.raises(CarrierThrottledError) as caught:
            await client.send(text_to(), may_leave=yes)

        assert caught.value.retry_after == 3_600.0

    async def test_refusal_carries_carrierx_own_sentence(self, carrier: PretendCarrier, client: CarrierXClient):
        """So that the person reads why."""
        carrier.arm(Fault(Kind.FORBIDDEN, sentence="destination is blocked"))

        with pytest.raises(CarrierRejectedError) as caught:
            await client.send(text_to(), may_leave=yes)

        assert caught.value.user_message == "forbidden: destination is blocked"
        assert caught.value.status == 403

    async def test_refusal_without_a_sentence_says_so(self, carrier: PretendCarrier, client: CarrierXClient):
        """A proxy's HTML page is not shown to anybody."""
        carrier.arm(Fault(Kind.ERROR_BEFORE, status=413))

        with pytest.raises(CarrierRejectedError) as caught:
            await client.send(text_to(), may_leave=yes)

        assert caught.value.user_message == "CarrierX answered 413 and gave no reason."

    async def test_refusal_names_the_fields(self, client: CarrierXClient):
        """A number that CarrierX does not take is complained of by its field."""
        with pytest.raises(CarrierRejectedError) as caught:
            await client.send(text_to("1"), may_leave=yes)

        assert caught.value.fields == ("to",)

    async def test_redirect_takes_our_token_nowhere(self, carrier: PretendCarrier, client: CarrierXClient):
        """Neither text nor token go to where a redirect points."""
        seen: list[str] = []

        async def steal(request: web.Request) -> web.Response:
            seen.append(request.path)
            return web.Response()

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", steal)
        async with TestServer(app) as thief:
            for status in (301, 302, 303, 307, 308):
                carrier.arm(Fault(Kind.REDIRECT, status=status, location=str(thief.make_url("/")), on="any", times=2))
                with pytest.raises(CarrierOutcomeUnknownError):
                    await client.send(text_to(), may_leave=yes)
                with pytest.raises(CarrierResponseInvalidError):
                    await client.check_token()

        assert seen == []

    async def test_answer_without_end_is_unknown(self):
        """An answer that drips one byte at a time is cut by the timeout for all of it."""

        async def drip(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(b" ")
                await asyncio.sleep(SHORT / 4)

        app = web.Application()
        app.router.add_post("/sms/messages", drip)
        async with (
            TestServer(app) as server,
            CarrierXClient(str(server.make_url("/")), "token", connect_timeout=SHORT, answer_timeout=SHORT) as client,
        ):
            with pytest.raises(CarrierOutcomeUnknownError):
                await client.send(text_to(), may_leave=yes)


class TestGroup:
    """Whether `to` goes along with a group is documented nowhere."""

    @pytest.mark.parametrize(("group_to_rule", "tries"), [("either", 1), ("forbidden", 1), ("required", 2)])
    async def test_group_is_sent_as_carrierx_wants_it(
        self, carrier: PretendCarrier, client: CarrierXClient, group_to_rule: str, tries: int
    ):
        """One text in any case; what the first refusal taught is remembered."""
        carrier.behave(group_to=group_to_rule)
        state = await client.send(group_to(ANNA, BEN), may_leave=yes)
        await client.send(group_to(ANNA, BEN), may_leave=yes)

        assert [post.recipients for post in carrier.posts] == [(ANNA, BEN)] * 2
        assert len(carrier.requests) == tries + 1
        assert (state.recipient, state.kind) == ("", "mms")

    async def test_change_of_mind_is_learnt_again(self, carrier: PretendCarrier, client: CarrierXClient):
        """From with `to` back to without."""
        carrier.behave(group_to="required")
        await client.send(group_to(ANNA, BEN), may_leave=yes)
        carrier.behave(group_to="forbidden")
        await client.send(group_to(ANNA, BEN), may_leave=yes)

        assert len(carrier.posts) == 2

    async def test_second_try_needs_leave_too(self, carrier: PretendCarrier, client: CarrierXClient):
        """The lease may have run out while CarrierX refused."""
        carrier.behave(group_to="required")
        answers = iter([True, False])

        with pytest.raises(NotLeftError):
            await client.send(group_to(ANNA, BEN), may_leave=lambda: next(answers))

        assert carrier.posts == []

    async def test_refusal_for_another_field_is_final(self, carrier: PretendCarrier, client: CarrierXClient):
        """Only a complaint about `to` is worth the other way."""
        carrier.arm(Fault(Kind.INVALID, field="from", sentence="the number cannot send MMS"))

        with pytest.raises(CarrierRejectedError):
            await client.send(group_to(ANNA, BEN), may_leave=yes)

        assert len(carrier.requests) == 1

    async def test_group_refused_both_ways_is_refused(self, carrier: PretendCarrier, client: CarrierXClient):
        """And nothing is learnt from it."""
        carrier.arm(Fault(Kind.INVALID, field="to", sentence="blocked", times=2))

        with pytest.raises(CarrierRejectedError):
            await client.send(group_to(ANNA, BEN), may_leave=yes)

        carrier.behave(group_to="forbidden")
        await client.send(group_to(ANNA, BEN), may_leave=yes)
        assert len(carrier.requests) == 3


class TestReading:
    """Messages, records, numbers."""

    async def test_message_is_read_as_it_stands(self, carrier: PretendCarrier, client: CarrierXClient):
        """Its state, price and times."""
        sid = (await client.send(text_to(), may_leave=yes)).sid
        carrier.deliver(sid)
        state = await client.message(sid)

        assert state is not None
        assert (state.status, state.price) == ("delivered", "0.0075")
        assert state.changed_at is not None
        assert state.changed_at.utcoffset() == timedelta()

    async def test_what_carrierx_does_not_know_is_none(self, client: CarrierXClient):
        """Neither a message nor a record."""
        assert await client.message("no-such-sid") is None
        assert await client.record("no-such-sid") is None

    async def test_id_cannot_lead_to_another_resource(self, carrier: PretendCarrier, client: CarrierXClient):
        """What cannot be one of CarrierX's ids is not even asked for."""
        assert await client.message("../../phonenumber/dids?limit=1#") is None
        assert await client.record("..") is None
        assert carrier.requests == []

    async def test_record_of_its_own_id(self, carrier: PretendCarrier, client: CarrierXClient):
        """Where the ids differ, a message is followed by its record."""
        carrier.behave(dr_sid_is_message_sid=False)
        sid = (await client.send(text_to(), may_leave=yes)).sid
        carrier.fail(sid, "undelivered", "30003")
        (found,) = await client.records(LONG_AGO)
        record = await client.record(found.sid)

        assert record is not None
        assert (record.user_data, record.status, record.code) == ("our-id", "undelivered", "30003")
        assert await client.message(found.sid) is None

    @pytest.mark.parametrize("next_origin", ["", "none", "http://elsewhere.invalid"])
    async def test_all_pages_are_read(self, carrier: PretendCarrier, client: CarrierXClient, next_origin: str):
        """By CarrierX's own next page where that is safe, else by cursor; never on another host."""
        carrier.behave(page_limit=3, next_origin=next_origin)
        for n in range(10):
            await client.send(text_to(user_data=str(n)), may_leave=yes)
        records = await client.records(LONG_AGO)

        assert [record.user_data for record in records] == [str(n) for n in range(10)]

    @pytest.mark.parametrize("ignore_filter", [False, True])
    async def test_older_records_are_left_out(
        self, carrier: PretendCarrier, client: CarrierXClient, *, ignore_filter: bool
    ):
        """By CarrierX, or by us where it ignores the filter."""
        carrier.behave(ignore_filter=ignore_filter)
        await client.send(text_to(), may_leave=yes)
        future = carrier.posts[0].at + timedelta(seconds=2)

        assert await client.records(future) == []
        assert len(await client.records(LONG_AGO)) == 1

    async def test_records_lag(self, carrier: PretendCarrier, client: CarrierXClient):
        """A text that was taken may not be in the records yet."""
        carrier.behave(records_lag=3_600.0)
        await client.send(text_to(), may_leave=yes)

        assert await client.records(LONG_AGO) == []

    async def test_too_many_pages_are_no_answer(self, carrier: PretendCarrier, client: CarrierXClient):
        """Half the records would look like proof that a text was not taken."""
        carrier.behave(page_limit=1)
        for n in range(MOST_PAGES + 1):
            await client.send(text_to(user_data=str(n)), may_leave=yes)

        with pytest.raises(CarrierResponseInvalidError):
            await client.records(LONG_AGO)

    async def test_group_has_a_record_for_each_phone(self, client: CarrierXClient):
        """Each says whose it is."""
        await client.send(group_to(ANNA, BEN), may_leave=yes)
        records = await client.records(LONG_AGO)

        assert sorted(record.recipient for record in records) == [ANNA, BEN]

    @pytest.mark.parametrize(("how", "user_data"), [("string", "our-id"), ("object", "our-id"), ("absent", "")])
    async def test_user_data_of_records(
        self, carrier: PretendCarrier, client: CarrierXClient, how: str, user_data: str
    ):
        """String, object or not at all."""
        carrier.behave(user_data_in_records=how)
        await client.send(text_to(), may_leave=yes)
        (record,) = await client.records(LONG_AGO)

        assert record.user_data == user_data

    async def test_numbers_are_read_over_pages(self, carrier: PretendCarrier, client: CarrierXClient):
        """With what each can do."""
        carrier.dids = {number: Did(number, capabilities=27) for number in map(str, range(12125550100, 12125550125))}
        carrier.behave(page_limit=10)
        numbers = await client.numbers()

        assert [number.digits for number in numbers] == list(carrier.dids)
        assert {number.capabilities for number in numbers} == {27}

    async def test_token_is_told_from_trouble(self, carrier: PretendCarrier, client: CarrierXClient):
        """Only 401 says that the token is wrong; one that may not list numbers is still a token."""
        await client.check_token()
        carrier.tokens[carrier.token] = frozenset({"sms.create"})
        await client.check_token()
        del carrier.tokens[carrier.token]

        with pytest.raises(CarrierUnauthorizedError):
            await client.check_token()

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Fault(Kind.ERROR_BEFORE, on="any", status=500), CarrierUnavailableError),
            (Fault(Kind.ERROR_BEFORE, on="any", status=503), CarrierUnavailableError),
            (Fault(Kind.RESET_BEFORE, on="any", times=None), CarrierUnavailableError),
            (Fault(Kind.HOLD_AFTER, on="any"), CarrierUnavailableError),
            (Fault(Kind.TRUNCATED, on="any", times=None), CarrierUnavailableError),
            (Fault(Kind.UNREADABLE, on="any"), CarrierResponseInvalidError),
            (Fault(Kind.UNREADABLE, on="any", body="{}"), CarrierResponseInvalidError),
            (Fault(Kind.THROTTLED, on="any"), CarrierThrottledError),
            (Fault(Kind.UNAUTHORIZED, on="any"), CarrierUnauthorizedError),
            (Fault(Kind.FORBIDDEN, on="any"), CarrierRejectedError),
        ],
        ids=lambda value: f"{value.kind}-{value.status}" if isinstance(value, Fault) else value.__name__,
    )
    @pytest.mark.parametrize(
        "read",
        [
            lambda client: client.message("some-sid"),
            lambda client: client.records(LONG_AGO),
            lambda client: client.numbers(),
        ],
        ids=["message", "records", "numbers"],
    )
    async def test_trouble_with_reading(
        self,
        carrier: PretendCarrier,
        fault: Fault,
        error: type[CarrierError],
        read: Callable[[CarrierXClient], Awaitable[object]],
    ):
        """Nothing is at stake, so nothing is unknown."""
        carrier.arm(fault)

        async with CarrierXClient(carrier.url, carrier.token, answer_timeout=SHORT) as client:
            with pytest.raises(CarrierError) as caught:
                await read(client)

        assert type(caught.value) is error


async def test_nothing_secret_is_shown(
    carrier: PretendCarrier, client: CarrierXClient, caplog: pytest.LogCaptureFixture
):
    """Neither token nor text in a log, an error or a repr."""
    caplog.set_level(logging.DEBUG)
    said = [repr(client)]
    for kind in Kind:
        carrier.arm(Fault(kind, seconds=0.01, times=1, body="canary-body"))
        carrier.faults[len(said)].release()
        try:
            await client.send(text_to(body="canary-body"), may_leave=yes)
        except CarrierError as error:
            said.append(f"{error!r} {error.__cause__!r}")
        else:
            said.append("")

    assert carrier.token not in "".join([*said, caplog.text])
    assert "canary-body" not in "".join([*said, caplog.text])

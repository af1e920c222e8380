"""Bodies as documented, and bodies as nobody documented them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.carrierx import wire
from bot.carrierx.values import Complaint, Number, TextOut, TextState
from bot.errors import CarrierResponseInvalidError

SAMPLES = Path(__file__).parents[1] / "samples" / "carrierx"
SID = "097b49df-c54e-4eaf-97d0-89cf7d5a655b"
ONE = TextOut("our-id", "15162065575", ("15162065574",), group=False, text="hi", media_urls=())
GROUP = TextOut("our-id", "15162065575", ("12125550101", "12125550102"), group=True, text="hi", media_urls=())

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = """
message_sid dr_sid user_data from from_did to to_did group_recipients status type message_segments price
vendor_error_code date_created date_status_changed date_start date_stop direction phonenumber name locality
active_capabilities number_src number_dst number_group_dst media_urls items has_more
pagination message errors field scopes partner_sid
"""
field_names = st.sampled_from(FIELDS.split())
odd_lists = st.lists(st.dictionaries(field_names, json_values, max_size=3), max_size=2)
odd_objects = st.dictionaries(field_names, json_values | odd_lists, max_size=6)


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def read_receipt(body: bytes) -> TextState:
    told = wire.read_callback(body)
    assert isinstance(told, TextState)
    return told


def test_current_message_is_read():
    """The documented answer to a POST."""
    state = wire.read_message(sample("message.json"))

    assert state == TextState(
        sid=SID,
        user_data="test_message",
        sender="15162065575",
        recipient="15162065574",
        status="queued",
        kind="sms",
        segments=1,
        price="",
        code="",
        created_at=datetime(2023, 12, 6, 15, 18, 29, 189000, UTC),
        changed_at=None,
        inbound=False,
    )


def test_legacy_message_is_read():
    """Older accounts spell from and to differently and send fewer fields."""
    state = wire.read_message(sample("message_legacy.json"))

    assert (state.sender, state.recipient, state.kind, state.user_data) == ("15162065575", "15162065574", "", "")


def test_mms_is_read():
    """An MMS has no text and says so in its type."""
    state = wire.read_message(sample("message_mms.json"))

    assert (state.kind, state.segments, state.user_data) == ("mms", 1, "")


def test_legacy_receipt_is_read():
    """A callback is the same object with a status and its time."""
    state = read_receipt(sample("receipt_legacy.json"))

    assert (state.sid, state.status, state.recipient) == (SID, "sent", "15162065574")
    assert state.changed_at == datetime(2021, 11, 1, 8, 1, 14, 116000, UTC)


def test_record_is_read():
    """A detail record has names of its own; its date_stop, cut to the minute, is before its start and says nothing."""
    (state,), unread = wire.read_items(wire.read_page(sample("records.json")), wire.read_record)

    assert unread == []
    assert state == TextState(
        sid="92cd9154-2f53-4e62-8b4e-8ff6e4849d16",
        user_data="test_message",
        sender="12078152557",
        recipient="17575000929",
        status="sent",
        kind="mms",
        segments=1,
        price="0.015",
        code="503",
        created_at=datetime(2025, 4, 14, 10, 32, 17, 279000, UTC),
        changed_at=None,
        inbound=False,
    )


def test_numbers_are_read():
    """A number that is only switched on for voice can send nothing, whatever it could do."""
    page = wire.read_page(sample("numbers.json"))
    numbers, _ = wire.read_items(page, wire.read_number)

    assert numbers == [Number("15162065574", "", "NEW YORK", 4)]
    assert page.has_more
    assert page.next_url.endswith("offset=1")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (sample("error.json"), Complaint("no item error: cannot find item by sid", ())),
        (sample("error_field.json"), Complaint("object validation error: to_did: invalid phone number", ("to",))),
        (b'{"message":"Forbidden"}', Complaint("Forbidden", ())),
        (b'{"errors":[{"message":"no credit"},{"field":"from"}]}', Complaint("no credit", ("from",))),
        (b'{"message":["odd"],"errors":{"to":"odd"}}', Complaint("", ())),
        (b"", Complaint("", ())),
        (b"<html>403</html>", Complaint("", ())),
        (b"[]", Complaint("", ())),
    ],
)
def test_complaint_is_read_defensively(body: bytes, complaint: Complaint):
    """CarrierX's sentence where there is one, nothing where there is none."""
    assert wire.read_complaint(body) == complaint


@pytest.mark.parametrize(
    ("text", "naming", "with_to", "body"),
    [
        (ONE, "current", False, {"from": "15162065575", "to": "15162065574", "message": "hi"}),
        (ONE, "legacy", False, {"from_did": "15162065575", "to_did": "15162065574", "message": "hi"}),
        (
            GROUP,
            "current",
            False,
            {"from": "15162065575", "group_recipients": ["12125550101", "12125550102"], "message": "hi"},
        ),
        (
            GROUP,
            "legacy",
            True,
            {
                "from_did": "15162065575",
                "to_did": "12125550101",
                "group_recipients": ["12125550101", "12125550102"],
                "message": "hi",
            },
        ),
    ],
)
def test_text_is_written_as_the_account_spells_it(
    text: TextOut, naming: wire.Naming, *, with_to: bool, body: dict[str, object]
):
    """No field goes along that the text does not need, and user_data always does."""
    written = json.loads(wire.write_text(text, naming=naming, group_with_to=with_to))

    assert written == {**body, "user_data": "our-id"}


def test_media_alone_has_no_message():
    """An empty text is not sent as one."""
    media = TextOut("our-id", "15162065575", ("15162065574",), group=False, text="", media_urls=("https://a.test/b",))
    written = json.loads(wire.write_text(media, naming="current", group_with_to=False))

    assert "message" not in written
    assert written["media_urls"] == ["https://a.test/b"]


def test_answer_about_a_group_names_no_phone_but_its_receipts_do():
    """An answer about a group is about all of it, even where CarrierX echoes a `to`."""
    body = json.dumps({"message_sid": SID, "to": "12125550101", "group_recipients": ["12125550101", "12125550102"]})

    assert wire.read_message(body.encode()).recipient == ""
    assert read_receipt(body.encode()).recipient == "12125550101"


@pytest.mark.parametrize(
    ("user_data", "read"),
    [("our-id", "our-id"), ({"any": "our-id"}, "our-id"), ({"a": "1", "b": "2"}, ""), (None, ""), (7, "")],
)
def test_user_data_is_a_string_or_an_object(user_data: object, read: str):
    """CarrierX's own scripts expect both in detail records."""
    assert wire.read_record({"dr_sid": SID, "user_data": user_data}).user_data == read


def test_record_without_its_own_id_still_proves_that_ours_was_taken():
    """Skipping it could mean sending a text a second time."""
    assert wire.read_record({"user_data": "our-id"}).user_data == "our-id"


def test_one_bad_item_does_not_hide_the_others():
    """It is skipped, and only its id is told."""
    page = wire.read_page(
        b'{"items":[{"phonenumber":"12125550101"},{"did_sid":"abc-1","name":"Anna"},7,{"did_sid":"{}"}]}'
    )
    numbers, unread = wire.read_items(page, wire.read_number)

    assert [number.digits for number in numbers] == ["12125550101"]
    assert unread == ["abc-1", "?", "?"]


def test_text_cut_inside_an_emoji_hides_no_page():
    """Half an emoji, or bytes that are no UTF-8, spoil one text and not the list that it is in."""
    page = wire.read_page(b'{"items":[{"dr_sid":"x","message":"\\ud83d"},{"dr_sid":"y","message":"\xff"}]}')
    records, unread = wire.read_items(page, wire.read_record)

    assert [record.sid for record in records] == ["x", "y"]
    assert unread == []


def test_what_a_database_cannot_store_is_not_read():
    """PostgreSQL refuses NUL in any text, so a receipt with one could never be stored."""
    state = read_receipt(json.dumps({"message_sid": "a\x00b", "status": "SENT\x00\ud83d"}).encode())

    assert (state.sid, state.status) == ("a b", "sent")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b"{}", b'{"message_sid":""}', b'{"message_sid":7}'])
def test_message_without_an_id_is_no_message(body: bytes):
    """An answer without message_sid leaves open whether the text was taken."""
    with pytest.raises(CarrierResponseInvalidError):
        wire.read_message(body)


def test_bottomless_json_is_refused():
    """A body of brackets must not exhaust the stack."""
    with pytest.raises(CarrierResponseInvalidError):
        wire.read_callback(b'{"message_sid":' + b"[" * 100_000)


def test_error_of_an_unreadable_body_does_not_quote_it():
    """Parsers like to quote what they read; ours goes to a log."""
    with pytest.raises(CarrierResponseInvalidError) as caught:
        wire.read_message(b'"Dear Anna, your result is')

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("999999", 3_600.0),
        ("Tue, 24 Nov 2026 15:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 14:00:00 GMT", 0.0),
        ("soon", 0.0),
        ("-5", 0.0),
        ("nan", 0.0),
        ("", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float):
    """Whatever it says, the wait is between nothing and an hour."""
    assert wire.read_retry_after(value, now=NOW) == seconds


@given(st.text())
def test_any_retry_after_is_a_bounded_wait(value: str):
    """No header makes us fail or wait for ever."""
    assert 0.0 <= wire.read_retry_after(value, now=NOW) <= 3_600.0


@given(
    st.binary()
    | json_values.map(lambda value: json.dumps(value).encode())
    | odd_objects.map(json.dumps).map(str.encode)
)
def test_any_body_is_read_or_refused_by_name(body: bytes):
    """Whatever comes, nothing but the one named error is raised, and what is read can be stored."""
    for read in (
        wire.read_message,
        wire.read_callback,
        wire.read_inbound,
        wire.read_single_record,
    ):
        try:
            value = read(body)
        except CarrierResponseInvalidError:
            continue
        assert "\x00" not in repr(value)
    try:
        page = wire.read_page(body)
    except CarrierResponseInvalidError:
        page = wire.read_page(b'{"items":[]}')
    wire.read_items(page, wire.read_record)
    wire.read_items(page, wire.read_inbound_record)
    wire.read_items(page, wire.read_number)

    assert len(wire.read_complaint(body).sentence) <= 300


@given(odd_objects)
def test_times_are_aware_and_counts_fit(fields: dict[str, object]):
    """What is read fits the database's columns."""
    state = wire.read_record({**fields, "dr_sid": SID})

    assert all(time is None or time.utcoffset() == timedelta() for time in (state.created_at, state.changed_at))
    assert state.segments is None or 0 <= state.segments <= 1_000


def test_filter_is_in_whole_seconds_of_utc():
    """The documentation shows no fractions in filters."""
    since = datetime.fromisoformat("2026-11-24T10:00:01.500-05:00")

    assert wire.write_records_filter(since) == "date_start ge 2026-11-24T15:00:01Z and direction eq outbound"

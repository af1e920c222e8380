"""Texts to us: bodies as they ought to come, and bodies as nobody documented them."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.carrierx import wire
from bot.carrierx.carrier import inbound_text
from bot.carrierx.values import InboundMessage, TextState
from bot.errors import CarrierResponseInvalidError
from bot.services.ports import InboundText

SAMPLES = Path(__file__).parents[1] / "samples" / "carrierx"
SID, RECORD_SID = "5f0c5a4e-31a0-4a53-9d0c-0f5b1c1f7a10", "92cd9154-2f53-4e62-8b4e-8ff6e4849d16"
OURS, ANNA, BEN, CLEO = "15162065575", "12125550101", "12125550102", "12125550103"
PICTURE = "https://storage.carrierx.com/f/cdac0471-f144-42a2-94f8-d9838ce5e4b9"
HELP = InboundMessage(
    sid=SID,
    sender=ANNA,
    recipient=OURS,
    group=(),
    text="HELP",
    media_urls=(),
    kind="sms",
    created_at=datetime(2026, 11, 24, 15, 0, 0, 870_000, UTC),
)
MMS = replace(HELP, group=(OURS, BEN), text="", media_urls=(PICTURE,), kind="mms")
MEMBER = {"type": "mms", "direction": "inbound"}


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def read(fields: dict[str, Any], *, without: str = "") -> InboundMessage | TextState:
    """Reads the current sample as a callback, with other fields."""
    body = {**json.loads(sample("inbound.json")), **fields}
    return wire.read_callback(json.dumps({key: value for key, value in body.items() if key != without}).encode())


@pytest.mark.parametrize(
    ("name", "message"),
    [("inbound.json", HELP), ("inbound_legacy.json", replace(HELP, kind="")), ("inbound_mms.json", MMS)],
)
def test_text_to_us_is_read(name: str, message: InboundMessage):
    """From a callback and from an answer alike, in either naming."""
    assert wire.read_callback(sample(name)) == message
    assert wire.read_inbound(sample(name)) == message


def test_record_of_a_text_to_us_is_read():
    """It has an id of its own and names of its own."""
    assert wire.read_inbound_record(json.loads(sample("inbound_record.json"))) == replace(MMS, sid=RECORD_SID)


def test_text_to_us_in_the_use_cases_words():
    """Every number with its plus sign; what is missing stays missing."""
    assert inbound_text(MMS) == InboundText(
        sid=SID,
        sender="+12125550101",
        to="+15162065575",
        group=("+15162065575", "+12125550102"),
        text="",
        media_urls=(PICTURE,),
        kind="mms",
        created_at=HELP.created_at,
    )
    assert inbound_text(replace(HELP, recipient="")).to == ""


@pytest.mark.parametrize("name", ["message.json", "message_legacy.json", "message_mms.json", "receipt_legacy.json"])
def test_text_of_ours_is_no_text_to_us(name: str):
    """Its callback is a receipt, and its answer says nothing of a text to us."""
    assert isinstance(wire.read_callback(sample(name)), TextState)
    assert wire.read_inbound(sample(name)) is None


@pytest.mark.parametrize("direction", ["outbound", "any", "undirected", "", None, 1, ["inbound"], "in bound"])
def test_only_inbound_is_inbound(direction: object):
    """Whatever else CarrierX says is about a text of ours, also that it could not tell."""
    assert isinstance(read({"direction": direction}), TextState)
    assert wire.read_inbound_record({"dr_sid": "x", "direction": direction}) is None


def test_direction_that_is_missing_is_not_inbound():
    """Old receipts may come without it."""
    assert isinstance(read({}, without="direction"), TextState)


@pytest.mark.parametrize("direction", ["Inbound", " INBOUND\n"])
def test_direction_in_other_letters(direction: str):
    """Case and space around it say nothing."""
    assert read({"direction": direction}) == HELP


@pytest.mark.parametrize(
    ("came", "digits"),
    [
        ("+12125550101", ANNA),
        ("1 (212) 555-0101", ANNA),
        ("1.212.555.0101\r\n", ANNA),
        (12125550101, ANNA),
        ("262966", "262966"),  # a short code
        ("123456789012345", "123456789012345"),  # E.164's longest
    ],
)
def test_sender_is_digits_however_it_is_written(came: object, digits: str):
    """In a callback of either naming and in a record."""
    record = wire.read_inbound_record({"dr_sid": "x", "direction": "inbound", "number_src": came})

    for told in (read({"from": came}), read({"from_did": came}, without="from"), record):
        assert isinstance(told, InboundMessage)
        assert told.sender == digits


@pytest.mark.parametrize("empty", [None, "", " ", [], {}])
def test_other_naming_stands_in_for_an_empty_one(empty: object):
    """Should an account see both names, the one that says something counts."""
    assert read({"from": empty, "from_did": ANNA, "to": empty, "to_did": OURS}) == HELP
    assert read({"from_did": empty, "to_did": empty}) == HELP


@pytest.mark.parametrize(
    "sender",
    [
        None,
        "",
        "+",
        "AMAZON",
        "1800FLOWERS",
        "anonymous",
        "12",
        "1234567890123456",
        "１２１２５５５０１０１",  # noqa: RUF001 - the wide digits are the point
        "12125550101\x00",
        "12125550101\ud83d",
        "++12125550101",
        12.5,
        True,
        -12125550101,
        10**400,
        [ANNA],
        {"number": ANNA},
    ],
    ids=lambda sender: repr(sender)[:16],
)
def test_text_from_nobody_is_unreadable(sender: object):
    """There is nobody to answer, and letters between digits are no number."""
    with pytest.raises(CarrierResponseInvalidError):
        read({"from": sender})
    with pytest.raises(CarrierResponseInvalidError):
        wire.read_inbound_record({"dr_sid": "x", "direction": "inbound", "number_src": sender})


@pytest.mark.parametrize("without", ["from", "message_sid"])
def test_text_without_sender_or_id_is_unreadable(without: str):
    """The one cannot be answered, the other not be told from its repetition."""
    with pytest.raises(CarrierResponseInvalidError):
        read({}, without=without)


@pytest.mark.parametrize("sid", [None, "", "\x00", 7])
def test_record_without_its_id_is_unreadable(sid: object):
    """It would be posted at every look."""
    with pytest.raises(CarrierResponseInvalidError):
        wire.read_inbound_record({"dr_sid": sid, "direction": "inbound", "number_src": ANNA})


@pytest.mark.parametrize(
    ("field", "absent"),
    [
        ("to", replace(HELP, recipient="")),
        ("group_recipients", HELP),
        ("message", replace(HELP, text="")),
        ("media_urls", HELP),
        ("type", replace(HELP, kind="")),
        ("date_created", replace(HELP, created_at=None)),
    ],
)
@pytest.mark.parametrize("odd", [None, 7, 1.5, True, {}, {"a": ["b"]}, [[[]]]], ids=repr)
def test_field_that_makes_no_sense_did_not_come(field: str, absent: InboundMessage, odd: object):
    """The rest of the text is still told."""
    assert read({field: odd}) == absent
    assert read({}, without=field) == absent


@pytest.mark.parametrize(
    ("came", "text"),
    [
        ("Ünïcödé 👩‍👩‍👧 שלום", "Ünïcödé 👩‍👩‍👧 שלום"),
        ("  two\r\nlines\t ", "  two\r\nlines\t "),
        ("<!channel> *bold* \u202e\x07", "<!channel> *bold* \u202e\x07"),
        ("\ud83d\ude00", "😀"),
        ("cut \ud83d", "cut \ufffd"),
        ("\ude00 cut", "\ufffd cut"),
        ("\ud83d\x00\ude00", "\ufffd\ufffd"),
        ("a\x00b", "ab"),
        ("\x00", ""),
        ("", ""),
        ("x" * 10_000, "x" * 10_000),
    ],
    ids=lambda text: ascii(text)[:24],
)
def test_text_is_as_it_was_typed(came: str, text: str):
    """Except for what no database stores; making it harmless is for whoever shows it."""
    told = read({"message": came})
    record = wire.read_inbound_record(
        {"dr_sid": "x", "direction": "inbound", "number_src": ANNA, "message": json.loads(json.dumps(came))}
    )

    assert isinstance(told, InboundMessage)
    assert record is not None
    assert (told.text, record.text) == (text, text)


@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_can_be_stored(came: str):
    """PostgreSQL takes no NUL, UTF-8 no half of a character; nothing else is lost."""
    told = read({"message": came})

    assert isinstance(told, InboundMessage)
    assert "\x00" not in told.text
    assert told.text.encode().decode() == told.text
    assert len(told.text) <= len(came)


@pytest.mark.parametrize(
    ("came", "urls"),
    [
        ([PICTURE], (PICTURE,)),
        ([PICTURE, PICTURE], (PICTURE, PICTURE)),
        (["HTTP://a.test:8080/b?c=d|e#f"], ("HTTP://a.test:8080/b?c=d|e#f",)),
        (["https://münchen.test/ß"], ("https://münchen.test/ß",)),
        ([f"https://a.test/{n}" for n in range(12)], tuple(f"https://a.test/{n}" for n in range(10))),
        (["javascript:alert(1)", *(["https://a.test/1"] * 10)], ("https://a.test/1",) * 10),
        (["javascript:alert(1)", "data:text/html,x", "ftp://a.test/b", "//a.test/b", "a.test/b"], ()),
        (["https://", "https:///b", "https://?b", "http:a.test"], ()),
        (["https://a.test/b c", "https://a.test/\n", "https://a.test/\x00", "https://a.test/\ud83d"], ()),
        (["https://a.test/<!channel>", "https://a.test/>", 'https://a.test/"', "https://a.test/\\"], ()),
        (["https://a.test/\u202egnp.exe", " https://a.test/"], ()),
        (["https://a.test/" + "a" * 1_985, "https://a.test/" + "a" * 1_986], ("https://a.test/" + "a" * 1_985,)),
        ([None, 7, [PICTURE], {"url": PICTURE}, PICTURE], (PICTURE,)),
        (PICTURE, ()),
        ({"0": PICTURE}, ()),
        ([], ()),
        (None, ()),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_media_are_addresses_of_the_web(came: object, urls: tuple[str, ...]):
    """At most ten, as they came; what is none or could break out of a link is left out."""
    assert read({"media_urls": came}) == replace(HELP, media_urls=urls)


@pytest.mark.parametrize(
    ("to", "came", "recipient", "group"),
    [
        (OURS, [], OURS, ()),
        (OURS, None, OURS, ()),
        (OURS, [OURS], OURS, ()),
        (OURS, [OURS, ANNA], OURS, ()),
        (OURS, ["+" + OURS, "+" + ANNA], OURS, ()),
        (None, [OURS], OURS, ()),
        (None, [ANNA, OURS], OURS, ()),
        (None, [ANNA], "", ()),
        (None, [], "", ()),
        (OURS, [BEN], OURS, (BEN,)),
        (OURS, [BEN, CLEO], OURS, (BEN, CLEO)),
        (OURS, [OURS, BEN], OURS, (OURS, BEN)),
        (OURS, [BEN, OURS, ANNA], OURS, (BEN, OURS, ANNA)),
        (OURS, ["+12125550102", BEN, "1 212 555 0103"], OURS, (BEN, CLEO)),
        (None, [OURS, BEN], "", (OURS, BEN)),
        (BEN, [OURS, BEN], BEN, (OURS, BEN)),
        (OURS, [BEN, None, 7, "", "NOBODY", [CLEO], {}], OURS, (BEN,)),
        (OURS, BEN, OURS, ()),
        (OURS, {"0": BEN}, OURS, ()),
        (ANNA, [], ANNA, ()),
        ([OURS], [], OURS, ()),
        ([OURS, ANNA], [], OURS, ()),
        ([OURS, BEN, CLEO], [], OURS, (OURS, BEN, CLEO)),
        ([BEN, OURS, CLEO], [], BEN, (BEN, OURS, CLEO)),
        ([OURS, BEN], [CLEO, BEN], OURS, (CLEO, BEN, OURS)),
        (f"{BEN}, +{OURS},1 (212) 555-0103", [], BEN, (BEN, OURS, CLEO)),
        ([None, "NOBODY", [BEN], OURS], None, OURS, ()),
        ([], [], "", ()),
        (",", [], "", ()),
    ],
)
def test_group_is_three_numbers_or_more(to: object, came: object, recipient: str, group: tuple[str, ...]):
    """With ours and the sender's among them or not, and a list of two is a text between two; in a record as well."""
    told = read({**MEMBER, "to": to, "group_recipients": came})
    record = wire.read_inbound_record(
        {**MEMBER, "dr_sid": "x", "number_src": ANNA, "number_dst": to, "number_group_dst": came}
    )

    assert isinstance(told, InboundMessage)
    assert record is not None
    assert (told.recipient, told.group) == (recipient, group)
    assert (record.recipient, record.group) == (recipient, group)


@pytest.mark.parametrize(
    ("came", "time"),
    [
        ("2026-11-24T15:00:00.870Z", HELP.created_at),
        ("2026-11-24T10:00:00.870-05:00", HELP.created_at),
        ("2026-11-24T15:00:00.870", HELP.created_at),
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("0001-01-01T00:00:00Z", None),
        ("1970-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("yesterday", None),
        (1_795_532_400, None),
    ],
)
def test_time_is_utc(came: object, time: datetime | None):
    """A time without a zone is UTC, as all of CarrierX's are; one of no time at all is none."""
    assert read({"date_created": came}) == replace(HELP, created_at=time)


@pytest.mark.parametrize(("came", "kind"), [("MMS ", "mms"), ("sms", "sms"), ("rcs", ""), ("", ""), (1, "")])
def test_kind_is_one_of_two(came: object, kind: str):
    """Another kind is none that we know."""
    assert read({"type": came}) == replace(HELP, kind=kind)


def test_fields_that_nobody_knows_disturb_nothing():
    """Also with names that are no text."""
    assert read({"\ud83d": 1, "\x00": 2, "": {"a": [None]}, "number_src": 5, "dr_sid": []}) == HELP


def test_error_of_a_text_from_nobody_does_not_quote_it():
    """It goes to a log."""
    with pytest.raises(CarrierResponseInvalidError) as caught:
        read({"from": "canary", "message": "canary"})

    assert "canary" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_unreadable_record_hides_no_other():
    """It is skipped, and only its id is told; records of our texts are neither."""
    readable = {"dr_sid": "a-1", "direction": "inbound", "number_src": ANNA}
    items = [readable, {**readable, "dr_sid": "b-2", "number_src": "AMAZON"}, {"direction": "outbound"}, 7]
    page = wire.read_page(json.dumps({"items": items}).encode())
    records, unread = wire.read_items(page, wire.read_inbound_record)

    assert [record.sid for record in records if record] == ["a-1"]
    assert unread == ["b-2", "?"]

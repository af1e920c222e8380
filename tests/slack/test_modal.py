"""The modal fits Slack's limits whatever the account and the person hold, and reads back what was typed."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.views import View

from bot.domain.media import MAX_MEDIA, SlackFile
from bot.domain.quiet_hours import Forecast
from bot.errors import InvalidFieldsError, NotStoredError
from bot.services.ports import OurNumber
from bot.services.sending import How
from bot.slack.modal import (
    Opening,
    build_view,
    offer_sender,
    read_draft,
    read_lines,
    show_errors,
    show_options,
    update_live,
    use_sender,
)
from bot.slack.notices import show_help, show_notice, show_sentence
from playground.slack.limits import lint_message, lint_view
from tests.slack.batches import NUMBERS, ODD_NAMES, ODD_TEXTS
from tests.slack.surface import BACK_OFFICE, FRONT_DESK

SAMPLES = Path(__file__).parents[1] / "samples" / "slack"
WAITS = Forecast(
    now=datetime(2026, 11, 24, 3, 14, tzinfo=UTC),
    total=1,
    waits=[(datetime(2026, 11, 24, 13, 0, tzinfo=UTC), ("America/New_York",))],
)
OUR_NUMBERS = st.builds(OurNumber, NUMBERS, ODD_NAMES, ODD_NAMES, st.just(value=True), st.booleans())


def read_sample(name: str) -> Any:
    """A payload as Slack documents it."""
    return json.loads((SAMPLES / name).read_text("utf-8"))


def an_opening(**known: Any) -> Opening:
    """A modal opened in #support."""
    fields: dict[str, Any] = {
        "loaded": True,
        "numbers": (FRONT_DESK, BACK_OFFICE),
        "chosen": FRONT_DESK,
        "channel": "C1",
    }
    return Opening(**(fields | known))


def inputs(view: dict[str, Any]) -> list[dict[str, Any]]:
    """The blocks that are filled in."""
    return [block for block in view["blocks"] if block["type"] == "input"]


@st.composite
def openings(draw: st.DrawFn) -> Opening:
    """Any account and any prefilled text."""
    numbers = draw(st.lists(OUR_NUMBERS, max_size=120, unique_by=lambda ours: ours.number))
    return an_opening(
        loaded=draw(st.booleans()),
        numbers=numbers,
        chosen=draw(st.sampled_from([None, *numbers])),
        channel=draw(st.sampled_from(["", "C1", "D1"])),
        text=draw(ODD_TEXTS) * draw(st.sampled_from([1, 3])),
        response_url=draw(st.sampled_from(["", "https://hooks.slack.com/commands/T1/1/" + "x" * 200])),
        shared_too=draw(st.booleans()),
        to=draw(st.lists(NUMBERS, max_size=50)),
        how=draw(st.sampled_from(How)),
        media=draw(st.lists(st.just("https://cdn.example/" + "x" * 280), max_size=10)),
        edits=draw(st.sampled_from(["", "5b2f3c9e-0000-4000-8000-000000000000"])),
        why=draw(st.sampled_from(["", "It was not sent: “a.png”: it is damaged."])),
    )


@given(openings())
@settings(deadline=None, max_examples=60)
def test_slack_takes_every_modal(opening: Opening) -> None:
    """Long names, 120 numbers or none, odd texts."""
    view = build_view(opening)

    assert lint_view(view) == []
    assert View(**view).to_dict() == view


@given(openings(), ODD_TEXTS, st.sampled_from([None, WAITS]))
@settings(deadline=None, max_examples=40)
def test_slack_takes_every_live_line(opening: Opening, typed: str, forecast: Forecast | None) -> None:
    """Whatever is typed, the update keeps all inputs, or Slack would throw away what was typed elsewhere."""
    view = build_view(opening)
    sent = view | {"id": "V1", "hash": "1.a", "state": {"values": {"text": {"sms_text": {"value": typed or None}}}}}

    changed = update_live(sent, forecast)
    back = update_live(sent | changed, None)

    assert (lint_view(changed), lint_view(back)) == ([], [])
    assert inputs(changed) == inputs(back) == inputs(view)
    assert changed["private_metadata"] == view["private_metadata"]
    assert len(read_lines(changed)) == (1 if forecast is None else 2)
    assert [block.get("block_id") for block in back["blocks"]] == [block.get("block_id") for block in view["blocks"]]


def test_whether_it_waits_is_said_under_what_it_costs() -> None:
    """Both are about the same text, and Send is not far."""
    view = build_view(an_opening())
    view["state"] = {"values": {"text": {"sms_text": {"value": "Hello"}}}}

    assert read_lines(update_live(view, WAITS)) == [
        "GSM-7 · 5 characters · 1 segment",
        "It is 22:14 there: this text waits until 8:00 their time.",
    ]


def test_everything_that_decides_whether_it_waits_is_told_at_once() -> None:
    """Whom, from which number, together or separately; Slack tells of nothing else before Send."""
    blocks = build_view(an_opening())["blocks"]
    told = [block["block_id"] for block in blocks if block.get("dispatch_action")]
    by_key = [
        block["block_id"]
        for block in blocks
        if block.get("element", {}).get("dispatch_action_config") == {"trigger_actions_on": ["on_character_entered"]}
    ]

    assert told == ["from", "to", "how", "text"]
    assert by_key == ["to", "text"]


@pytest.mark.parametrize(
    ("length", "end"), [(0, "0 segments"), (1600, "11 segments"), (1601, "11 segments · too long by 1")]
)
def test_the_live_line_says_when_it_is_too_long(length: int, end: str) -> None:
    """Before anybody presses Send."""
    view = build_view(an_opening(text="x" * length))

    (live,) = [block for block in view["blocks"] if block["type"] == "context"]
    assert live["elements"][0]["text"].endswith(end)


def test_a_number_shows_its_name_and_place_after_itself() -> None:
    """A long name is cut, the number never is."""
    (plain,) = show_options([FRONT_DESK], "")
    (long,) = show_options([OurNumber("+12125550100", "W" * 80, "New York", sms=True, mms=True)], "")

    assert plain["text"]["text"] == "(212) 555-0100 · Front desk · New York"
    assert long["text"]["text"].startswith("(212) 555-0100 · WWW")
    assert len(long["text"]["text"]) == 75


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", ["+12125550100", "+13105550101"]),
        ("desk", ["+12125550100"]),
        ("OFFICE angeles", ["+13105550101"]),
        ("(310) 555", ["+13105550101"]),
        ("nobody", []),
    ],
)
def test_numbers_are_found_by_name_place_or_digits(typed: str, found: list[str]) -> None:
    """As people remember them."""
    assert [option["value"] for option in show_options([FRONT_DESK, BACK_OFFICE], typed)] == found


def test_a_documented_submission_is_read() -> None:
    """Slack's own sample, with this modal's ids."""
    payload = read_sample("view_submission.json")

    draft = read_draft(payload["view"], key="k", team="T1", user_id="U1", user_name="Alice")

    assert (draft.sender, draft.to, draft.how) == ("+12125550100", "+15551234567", How.GROUP)
    assert (draft.text, draft.media, draft.channel) == ("Hello", "", "C1")
    assert draft.response_url == "https://hooks.slack.com/commands/T1/1/x"


def test_inputs_that_slack_leaves_out_are_empty() -> None:
    """Null, an empty object and a missing block are all the same."""
    view = build_view(an_opening())
    view["state"] = {"values": {"to": {"sms_to": {"value": None}}, "from": {"sms_from": {"selected_option": None}}}}

    draft = read_draft(view, key="k", team="T1", user_id="U1", user_name="Alice")

    assert (draft.sender, draft.to, draft.text, draft.media, draft.channel) == ("", "", "", "", "")
    assert draft.how is How.SEPARATE


def test_what_is_typed_into_the_form_is_taken_as_typed() -> None:
    """An input is not escaped: `&amp;` is what the person wrote; only emoji are names still."""
    view = build_view(an_opening())
    view["state"] = {"values": {"text": {"sms_text": {"value": "a &amp; b <@U1> :wave:"}}}}

    draft = read_draft(view, key="k", team="T1", user_id="U1", user_name="Alice")

    assert draft.text == "a &amp; b <@U1> 👋"


def test_errors_stand_only_under_fields_that_are_there() -> None:
    """Slack refuses the whole answer otherwise; two that meet under one field are both said."""
    view = build_view(an_opening(loaded=True, numbers=(), chosen=None))
    error = InvalidFieldsError({"to": "No number.", "from": "No sender.", "text": "Too long."})

    assert show_errors(view, error) == {"to": "No number. No sender.", "text": "Too long."}
    assert show_errors(view, NotStoredError("Nothing was sent.")) == {"to": "Nothing was sent."}


@given(ODD_TEXTS)
@settings(deadline=None, max_examples=40)
def test_slack_takes_every_sentence(quoted: str) -> None:
    """An error quotes what somebody typed."""
    sentence = f"“{quoted}” is no number: type `/sms (201) 555-0123 Hello`."
    said = show_sentence(sentence)

    assert lint_message({"text": said.text, "blocks": list(said.blocks)}) == []
    assert "<" not in said.text
    assert lint_view(show_notice(sentence)) == []


def test_slack_takes_the_help() -> None:
    """With a command of any name."""
    said = show_help("/" + "x" * 31, "+1 201-555-0123")

    assert lint_message({"text": said.text, "blocks": list(said.blocks)}) == []


@pytest.mark.parametrize("name", ["отпуск " * 30, '"' * 255, "🏖" * 255])
def test_ten_files_fit_whatever_they_are_called(name: str) -> None:
    """Slack takes 3,000 characters of what the form remembers."""
    files = [SlackFile(f"F0{place:08}", name, "x" * 200, 4_000_000) for place in range(MAX_MEDIA)]
    view = build_view(
        an_opening(files=files, response_url="https://hooks.slack.com/app/T012345678/1234567890123/" + "x" * 24)
    )

    assert lint_view(view) == []


def sent(view: dict[str, Any], **values: Any) -> dict[str, Any]:
    """A view as Slack sends it, with what stands in some of its fields."""
    return {"state": {"values": {}}} | view | {"state": {"values": values}}


def on(number: OurNumber) -> dict[str, Any]:
    """A From with a number chosen."""
    return {"sms_from": {"selected_option": {"value": number.number}}}


def read_sender(view: dict[str, Any]) -> str:
    return read_draft(view, key="", team="", user_id="", user_name="").sender


def test_another_sender_is_offered_once_and_goes_with_the_choice_that_it_was_made_for() -> None:
    """It stands under From. Sent again without a change it is offered again, not twice."""
    first = offer_sender(
        sent(build_view(an_opening(chosen=BACK_OFFICE)), **{"from": on(BACK_OFFICE)}), FRONT_DESK.number
    )
    again = offer_sender(first, FRONT_DESK.number)
    followed = update_live(again, None)
    changed = update_live(sent(again, **{"from": on(FRONT_DESK)}), None)

    assert [block.get("accessory", {}).get("value") for block in followed["blocks"][:3]] == [
        None,
        FRONT_DESK.number,
        None,
    ]
    assert lint_view(followed) == []
    assert [block.get("block_id") for block in changed["blocks"]] == [
        block.get("block_id") for block in build_view(an_opening())["blocks"]
    ]


def test_a_sender_is_used_under_a_new_name_each_time() -> None:
    """Slack keeps what was chosen under a name that it knows. The rest is not touched."""
    numbers = (FRONT_DESK, BACK_OFFICE)
    view = sent(build_view(an_opening(text="hi")), **{"from": on(FRONT_DESK)})
    used = use_sender(offer_sender(view, BACK_OFFICE.number), numbers, BACK_OFFICE)
    twice = use_sender(offer_sender(used, FRONT_DESK.number), numbers, FRONT_DESK)
    without = use_sender(sent(build_view(an_opening(numbers=(), chosen=None))), numbers, FRONT_DESK)

    assert [read_sender(each) for each in (used, twice, without)] == [
        BACK_OFFICE.number,
        FRONT_DESK.number,
        FRONT_DESK.number,
    ]
    assert len({each["blocks"][0]["block_id"] for each in (view, used, twice)}) == 3
    assert used["blocks"][1:] == twice["blocks"][1:] == view["blocks"][1:]
    assert lint_view(update_live(twice, None)) == []
    assert show_errors(twice, InvalidFieldsError({"from": "No."})) == {twice["blocks"][0]["block_id"]: "No."}

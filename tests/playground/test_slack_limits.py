"""The lint of Slack's documented limits."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from playground.slack import lint_message, lint_view


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def section(text: str = "x", **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def asked(element: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "input", "block_id": "b", "label": plain("Label"), "element": element, **more}


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "modal", "title": plain("Send"), "submit": plain("Send"), "blocks": list(blocks)} | more


def select(count: int, text: str = "One", value: str = "1") -> dict[str, Any]:
    return {"type": "static_select", "action_id": "v", "options": [{"text": plain(text), "value": value}] * count}


def button(text: str = "Go", value: str = "1") -> dict[str, Any]:
    return {"type": "button", "action_id": "go", "text": plain(text), "value": value}


def rich(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(elements)}]}


TEXT_INPUT = {"type": "plain_text_input", "action_id": "v"}
KEYS = ("type", "blocks", "text", "elements", "element", "block_id")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["section", "actions", "input", "table"]),
    lambda each: st.lists(each) | st.dictionaries(st.sampled_from(KEYS), each),
    max_leaves=20,
)
STYLED = {"type": "text", "text": "x", "style": {"bold": True, "code": False}}


@pytest.mark.parametrize(
    "blocks",
    [
        [section("x" * 3000)],
        [{"type": "header", "text": plain("x" * 150)}, {"type": "divider"}],
        [{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 10}],
        [{"type": "actions", "elements": [button("x" * 75, "x" * 2000)]}],
        [rich(STYLED, {"type": "link", "url": "https://a.test", "text": "a"}, {"type": "emoji", "name": "smile"})],
        [rich({"type": "user", "user_id": "U0ALICE"}, {"type": "broadcast", "range": "here"})],
        [rich({"type": "date", "timestamp": 1700000000, "format": "{time}", "fallback": "10:00"})],
        [rich({"type": "channel", "channel_id": "C0X"}, {"type": "usergroup", "usergroup_id": "S0X"})],
        [{"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [STYLED]}]}],
        [{"type": "rich_text", "elements": [{"type": "rich_text_quote", "elements": [STYLED]}]}],
        [{"type": "image", "image_url": "https://a.test/a.png", "alt_text": "a"}],
        [section(accessory=button())],
    ],
)  # fmt: skip
def test_what_slack_takes_passes(blocks: list[dict[str, Any]]):
    """slack_sdk's models take it too, and drop nothing of it."""
    assert lint_message({"text": "x", "blocks": blocks}) == []
    assert [each.to_dict() for each in Block.parse_all(blocks)] == blocks


@pytest.mark.parametrize(
    ("blocks", "pointer"),
    [
        ([section("x" * 3001)], "/blocks/0/text/text"),
        ([section("")], "/blocks/0/text/text"),
        ([section(colour="red")], "/blocks/0/colour"),
        ([{"type": "section"}], "/blocks/0"),
        ([section(fields=[plain("x" * 2001)])], "/blocks/0/fields/0/text"),
        ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "/blocks/0/text/type"),
        ([{"type": "header", "text": plain("x" * 151)}], "/blocks/0/text/text"),
        ([{"type": "sectoin"}], "/blocks/0/type"),
        ([{"type": "alert", "text": plain("x")}], "/blocks/0/type"),
        ([{"type": "context", "elements": [plain("x")] * 11}], "/blocks/0/elements"),
        ([{"type": "actions", "elements": [button()] * 26}], "/blocks/0/elements"),
        ([{"type": "actions", "elements": [TEXT_INPUT]}], "/blocks/0/elements/0/type"),
        ([{"type": "actions", "elements": [button("x" * 76)]}], "/blocks/0/elements/0/text/text"),
        ([{"type": "actions", "elements": [button("x", "x" * 2001)]}], "/blocks/0/elements/0/value"),
        ([section(block_id="a"), section(block_id="a")], "/blocks/1/block_id"),
        ([{"type": "actions", "elements": [button(), button()]}], "/blocks/0/elements"),
        ([rich({"type": "mention", "user_id": "U"})], "/blocks/0/elements/0/elements/0/type"),
        ([rich({"type": "text", "text": ""})], "/blocks/0/elements/0/elements/0/text"),
        ([rich({"type": "text", "text": "x", "style": {"loud": True}})], "/blocks/0/elements/0/elements/0/style/loud"),
        ([section()] * 51, "/blocks"),
        ([section("x" * 3000)] * 5, "/blocks"),
        ([{"type": "image", "alt_text": "a"}], "/blocks/0"),
        ([asked({"type": "file_input", "action_id": "v"})], "/blocks/0/element"),
    ],
)  # fmt: skip
def test_what_slack_refuses_in_a_message_is_named(blocks: list[dict[str, Any]], pointer: str):
    assert pointer in {each.split(": ")[0] for each in lint_message({"text": "x", "blocks": blocks})}


@pytest.mark.parametrize(
    ("view", "pointer"),
    [
        (modal(title=plain("x" * 25)), "/title/text"),
        (modal(submit=plain("x" * 25)), "/submit/text"),
        (modal(close={"type": "mrkdwn", "text": "x"}), "/close/type"),
        (modal(private_metadata="x" * 3001), "/private_metadata"),
        (modal(callback_id="x" * 256), "/callback_id"),
        (modal(*[section()] * 101), "/blocks"),
        (modal(colour="red"), "/colour"),
        (modal({"type": "markdown", "text": "x"}), "/blocks/0/type"),
        (modal(asked(select(101))), "/blocks/0/element/options"),
        (modal(asked(select(1, "x" * 76))), "/blocks/0/element/options/0/text/text"),
        (modal(asked(select(1, "x", "x" * 76))), "/blocks/0/element/options/0/value"),
        (modal(asked({**TEXT_INPUT, "max_length": 3001})), "/blocks/0/element/max_length"),
        (modal(asked({**TEXT_INPUT, "placeholder": plain("x" * 151)})), "/blocks/0/element/placeholder/text"),
        (modal(asked({"type": "number_input"})), "/blocks/0/element"),
        (modal(asked({"type": "file_input", "max_files": 11})), "/blocks/0/element/max_files"),
        (modal(asked({"type": "file_input"}, dispatch_action=True)), "/blocks/0/dispatch_action"),
        (modal(asked(TEXT_INPUT, label={"type": "mrkdwn", "text": "x"})), "/blocks/0/label/type"),
        (modal(asked(TEXT_INPUT, hint=plain("x" * 2001))), "/blocks/0/hint/text"),
        (modal(asked({**select(1), "option_groups": []})), "/blocks/0/element"),
    ],
)
def test_what_slack_refuses_in_a_modal_is_named(view: dict[str, Any], pointer: str):
    assert pointer in {each.split(": ")[0] for each in lint_view(view)}


def test_a_modal_that_asks_needs_a_submit():
    view = modal(asked(TEXT_INPUT))
    del view["submit"]

    assert lint_view(view) == ["/: missing required field: submit, because there is an input block"]


def test_a_modal_has_a_size():
    values = [asked(select(100, "x" * 75, "x" * 75)) | {"block_id": str(number)} for number in range(20)]

    assert lint_view(modal(*values)) == ["/: must be at most 250000 bytes"]


def test_a_modal_as_the_bot_makes_it_passes():
    """And slack_sdk's model drops nothing of it."""
    view = modal(
        asked({**TEXT_INPUT, "multiline": True, "max_length": 1600, "initial_value": "hi"}, optional=True),
        callback_id="send",
        notify_on_close=True,
    )

    assert lint_view(view) == []
    assert View(**view).to_dict() == view


@given(JSON)
def test_no_json_breaks_the_lint(value: Any):
    """Whatever a bot sends is judged, never a crash of the server."""
    assert lint_view({"blocks": [value]})
    assert isinstance(lint_message({"blocks": [value]}), list)

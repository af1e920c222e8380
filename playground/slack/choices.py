"""What a person does to one element: the value that it takes, the action that Slack sends, and Slack's own checks."""

import re
from collections.abc import Mapping
from typing import Any

from playground.slack.errors import NotPossibleError
from playground.slack.views import OpenView, elements_of, inputs_of
from playground.slack.workspace import Block

REQUIRED = "Please complete this required field."
_TEXT_INPUTS = {"plain_text_input", "email_text_input", "url_text_input", "number_input"}
_KEYS = {
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "overflow": "selected_option",
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "checkboxes": "selected_options",
    "multi_static_select": "selected_options",
    "multi_external_select": "selected_options",
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
    "rich_text_input": "rich_text_value",
    "file_input": "files",
}


def find_element(blocks: list[Block], action_id: str, block_id: str = "") -> tuple[Block, Block]:
    """An element with its block.

    Args:
        blocks: Where to look.
        action_id: Of the element, "" for the only one of the block.
        block_id: Of the block, "" for any.

    Raises:
        NotPossibleError: It is not there.
    """
    found = [
        (block, element)
        for block, element in elements_of(blocks)
        if action_id in {"", element["action_id"]} and block_id in {"", block["block_id"]}
    ]
    if not found:
        there = ", ".join(f"{block['block_id']}/{element['action_id']}" for block, element in elements_of(blocks))
        raise NotPossibleError(f"there is no {block_id or '*'}/{action_id}; there are: {there or 'none'}")
    return found[0]


def choose(element: Block, value: Any, offered: Mapping[str, Block]) -> Any:
    """The value that an element takes, from what a person types or picks.

    Args:
        element: Which takes it.
        value: Text, an id, an option's value or the option itself; a list for several; None to empty it.
        offered: Options of an external select that were shown, by value.
    """
    kind = element["type"]
    if kind in _TEXT_INPUTS:
        return value or None
    if _KEYS[kind] == "selected_option":
        return None if value is None else _option(element, value, offered)
    if _KEYS[kind] == "selected_options":
        return [_option(element, each, offered) for each in value or ()]
    return value


def write_action(block: Block, element: Block, chosen: Any, action_ts: str) -> dict[str, Any]:
    """The action as block_actions has it."""
    kind = element["type"]
    action: dict[str, Any] = {
        "type": kind,
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": action_ts,
    }
    if kind == "button":
        return action | {key: element[key] for key in ("text", "value", "style") if key in element}
    return action | {"value" if kind in _TEXT_INPUTS else _KEYS[kind]: chosen}


def dispatches(block: Block, element: Block, *, enter: bool) -> bool:
    """Whether Slack tells the app of a change at once.

    Args:
        block: The element's.
        element: What was changed.
        enter: Enter was pressed at the end.
    """
    if block["type"] != "input":
        return True
    if not block.get("dispatch_action"):
        return False
    if element["type"] not in _TEXT_INPUTS:
        return True
    triggers = element.get("dispatch_action_config", {}).get("trigger_actions_on", ["on_enter_pressed"])
    return "on_character_entered" in triggers or (enter and "on_enter_pressed" in triggers)


def check_inputs(view: OpenView) -> dict[str, str]:
    """What Slack itself says under an input, by block_id, before the app is asked."""
    errors = {}
    for block, element in inputs_of(view.given["blocks"]):
        if block["type"] == "input":
            value = view.typed.get((block["block_id"], element["action_id"]))
            sentence = _check(block, element, value)
            if sentence:
                errors[block["block_id"]] = sentence
    return errors


def _check(block: Block, element: Block, value: Any) -> str:
    if value in (None, "", []):
        return "" if block.get("optional") else REQUIRED
    least, most = element.get("min_length", 0), element.get("max_length", 3000)
    if element["type"] in _TEXT_INPUTS and len(value) < least:
        return f"Please enter at least {least} characters."
    if element["type"] in _TEXT_INPUTS and len(value) > most:
        return f"Please enter at most {most} characters."
    if element["type"] == "number_input" and not re.fullmatch(r"-?\d+(\.\d+)?", value):
        return "Please enter a number."
    return ""


def _option(element: Block, value: Any, offered: Mapping[str, Block]) -> Block:
    if isinstance(value, dict):
        return dict(value)
    groups = element.get("option_groups", ())
    options = [*element.get("options", ()), *(each for group in groups for each in group["options"])]
    known = {each["value"]: each for each in options} | dict(offered)
    if value not in known:
        raise NotPossibleError(f"{element['action_id']} does not offer {value!r}; it offers {', '.join(known)}")
    return dict(known[value])

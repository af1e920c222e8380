"""Block Kit as data: every block and element type that this Slack knows, with its keys and limits.

From docs.slack.dev/reference/block-kit and @slack/types 3.2.0. `file` blocks cannot be posted by an app, and the blocks
made for AI answers (`card`, `carousel`, `plan`, `task_card`, `data_visualization`) are left out: an unknown type is
refused, as Slack refuses it.
"""

from collections.abc import Iterator, Mapping

from playground.slack.rules import Finding, Rule, array, boolean, by_type, only, record, string, whole

_ID = string(255, 1)
_URL = string(3000, 1)
_TYPE = string()


def _plain(most: int) -> Rule:
    return record(
        {"type": only("plain_text"), "text": string(most, 1)},
        {"emoji": boolean},
    )


def _text(most: int) -> Rule:
    return by_type(
        {
            "plain_text": _plain(most),
            "mrkdwn": record({"type": _TYPE, "text": string(most, 1)}, {"verbatim": boolean}),
        }
    )


def _anything(value: object, at: str) -> Iterator[Finding]:  # noqa: ARG001 -- a rule
    return iter(())


_OPTION = record(
    # Slack allows a value of 150 characters; one of its own packages says 75, so nothing longer than 75 is safe.
    {"text": _text(75), "value": string(75, 1)},
    {"description": _text(75), "url": _URL},
)
PLAIN_OPTION = record({"text": _plain(75), "value": string(75, 1)}, {"description": _plain(75)})
_GROUP = record({"label": _plain(75), "options": array(PLAIN_OPTION, 100)})
_CONFIRM = record(
    {"title": _plain(100), "text": _text(300), "confirm": _plain(30), "deny": _plain(30)},
    {"style": only("primary", "danger")},
)
_DISPATCH = record({"trigger_actions_on": array(only("on_enter_pressed", "on_character_entered"), 2)})
_FILTER = record(
    {},
    {
        "include": array(only("public", "private", "im", "mpim"), 4),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    },
)


def _element(required: Mapping[str, Rule] | None = None, optional: Mapping[str, Rule] | None = None) -> Rule:
    return record({"type": _TYPE, **(required or {})}, {"action_id": _ID, **(optional or {})})


_FOCUS = {"focus_on_load": boolean}
_HINTED = {"placeholder": _plain(150), **_FOCUS}
_ASKED = {"confirm": _CONFIRM, **_HINTED}
_TYPED = {"dispatch_action_config": _DISPATCH, **_HINTED}


def _some_options(most: int = 100) -> Mapping[str, Rule]:
    return {"options": array(PLAIN_OPTION, most), "option_groups": array(_GROUP, 100)}


def _static(rule: Rule) -> Rule:
    """A static select has either options or groups of them."""

    def check(value: object, at: str) -> Iterator[Finding]:
        yield from rule(value, at)
        if isinstance(value, Mapping) and ("options" in value) == ("option_groups" in value):
            yield Finding(at, "must have either options or option_groups")

    return check


_MANY = {"max_selected_items": whole(1, 100)}
_SELECTS: dict[str, Rule] = {
    "static_select": _static(_element(None, {**_some_options(), "initial_option": PLAIN_OPTION, **_ASKED})),
    "external_select": _element(None, {"initial_option": PLAIN_OPTION, "min_query_length": whole(0, 3000), **_ASKED}),
    "users_select": _element(None, {"initial_user": _ID, **_ASKED}),
    "conversations_select": _element(
        None,
        {
            "initial_conversation": _ID,
            "default_to_current_conversation": boolean,
            "response_url_enabled": boolean,
            "filter": _FILTER,
            **_ASKED,
        },
    ),
    "channels_select": _element(None, {"initial_channel": _ID, "response_url_enabled": boolean, **_ASKED}),
    "multi_static_select": _static(
        _element(None, {**_some_options(), "initial_options": array(PLAIN_OPTION, 100), **_MANY, **_ASKED})
    ),
    "multi_external_select": _element(
        None,
        {"initial_options": array(PLAIN_OPTION, 100), "min_query_length": whole(0, 3000), **_MANY, **_ASKED},
    ),
    "multi_users_select": _element(None, {"initial_users": array(_ID, 100), **_MANY, **_ASKED}),
    "multi_conversations_select": _element(
        None,
        {
            "initial_conversations": array(_ID, 100),
            "default_to_current_conversation": boolean,
            "filter": _FILTER,
            **_MANY,
            **_ASKED,
        },
    ),
    "multi_channels_select": _element(None, {"initial_channels": array(_ID, 100), **_MANY, **_ASKED}),
}
_PICKERS: dict[str, Rule] = {
    "datepicker": _element(None, {"initial_date": string(10, 10), **_ASKED}),
    "timepicker": _element(None, {"initial_time": string(5, 5), "timezone": string(100, 1), **_ASKED}),
    "datetimepicker": _element(
        None, {"initial_date_time": whole(1_000_000_000, 9_999_999_999), "confirm": _CONFIRM, **_FOCUS}
    ),
}
_CHOICES: dict[str, Rule] = {
    "checkboxes": _element(
        {"options": array(_OPTION, 10)}, {"initial_options": array(_OPTION, 10), "confirm": _CONFIRM, **_FOCUS}
    ),
    "radio_buttons": _element(
        {"options": array(_OPTION, 10)}, {"initial_option": _OPTION, "confirm": _CONFIRM, **_FOCUS}
    ),
}
_BUTTON = _element(
    {"text": _plain(75)},
    {
        "value": string(2000),
        "url": _URL,
        "style": only("primary", "danger"),
        "confirm": _CONFIRM,
        "accessibility_label": string(75),
    },
)
_OVERFLOW = _element({"options": array(_OPTION, 5)}, {"confirm": _CONFIRM})
_IMAGE = record({"type": _TYPE, "alt_text": string(2000)}, {"image_url": _URL, "slack_file": record({}, {"id": _ID})})
_INPUTS: dict[str, Rule] = {
    "plain_text_input": _element(
        None,
        {
            "initial_value": string(3000),
            "multiline": boolean,
            "min_length": whole(0, 3000),
            "max_length": whole(1, 3000),
            **_TYPED,
        },
    ),
    "email_text_input": _element(None, {"initial_value": string(3000), **_TYPED}),
    "url_text_input": _element(None, {"initial_value": string(3000), **_TYPED}),
    "number_input": _element(
        {"is_decimal_allowed": boolean},
        {"initial_value": string(100), "min_value": string(100), "max_value": string(100), **_TYPED},
    ),
    "file_input": _element(None, {"filetypes": array(string(20, 1), 100), "max_files": whole(1, 10)}),
    "rich_text_input": _element(
        None,
        {
            "initial_value": _anything,  # rich text, which Slack itself wrote
            "min_lines": whole(1, 100),
            "max_lines": whole(1, 100),
            **_TYPED,
        },
    ),
}
INPUT_ELEMENTS = _INPUTS | _SELECTS | _PICKERS | _CHOICES

_STYLE = record(
    {}, dict.fromkeys(("bold", "italic", "strike", "code", "highlight", "client_highlight", "unlink"), boolean)
)
_STYLED = {"style": _STYLE}
_RICH: dict[str, Rule] = {
    "text": record({"type": _TYPE, "text": string(None, 1)}, _STYLED),
    "link": record({"type": _TYPE, "url": string(None, 1)}, {"text": string(None, 1), "unsafe": boolean, **_STYLED}),
    "user": record({"type": _TYPE, "user_id": _ID}, _STYLED),
    "usergroup": record({"type": _TYPE, "usergroup_id": _ID}, _STYLED),
    "channel": record({"type": _TYPE, "channel_id": _ID}, _STYLED),
    "emoji": record(
        {"type": _TYPE, "name": string(None, 1)}, {"unicode": string(), "skin_tone": whole(1, 6), **_STYLED}
    ),
    "date": record(
        {"type": _TYPE, "timestamp": whole(0, 99_999_999_999), "format": string(None, 1)},
        {"url": _URL, "fallback": string(), **_STYLED},
    ),
    "broadcast": record({"type": _TYPE, "range": only("here", "channel", "everyone")}, _STYLED),
    "color": record({"type": _TYPE, "value": string(7, 7)}, _STYLED),
}
_BORDER = {"border": whole(0, 1)}
_SECTION = record({"type": _TYPE, "elements": array(by_type(_RICH), 10_000, 0)})
_FLAT = array(by_type({key: _RICH[key] for key in ("text", "link")}), 10_000, 0)
_RICH_BLOCKS: dict[str, Rule] = {
    "rich_text_section": _SECTION,
    "rich_text_list": record(
        {
            "type": _TYPE,
            "style": only("bullet", "ordered"),
            "elements": array(by_type({"rich_text_section": _SECTION}), 10_000),
        },
        {"indent": whole(0, 8), "offset": whole(0, 10_000), **_BORDER},
    ),
    "rich_text_quote": record({"type": _TYPE, "elements": array(by_type(_RICH), 10_000, 0)}, _BORDER),
    "rich_text_preformatted": record({"type": _TYPE, "elements": _FLAT}, {"language": string(), **_BORDER}),
}


def _block(required: Mapping[str, Rule] | None = None, optional: Mapping[str, Rule] | None = None) -> Rule:
    return record({"type": _TYPE, **(required or {})}, {"block_id": _ID, **(optional or {})})


_ACCESSORIES = by_type({"button": _BUTTON, "overflow": _OVERFLOW, "image": _IMAGE} | _SELECTS | _PICKERS | _CHOICES)
_ACTIONS = by_type({"button": _BUTTON, "overflow": _OVERFLOW} | _SELECTS | _PICKERS | _CHOICES)
_RICH_TEXT = _block({"elements": array(by_type(_RICH_BLOCKS), 10_000)})
_CELL = by_type({"raw_text": record({"type": _TYPE, "text": string(None, 1)}), "rich_text": _RICH_TEXT})


def _section(value: object, at: str) -> Iterator[Finding]:
    yield from _block(
        None,
        {"text": _text(3000), "fields": array(_text(2000), 10), "accessory": _ACCESSORIES, "expand": boolean},
    )(value, at)
    if isinstance(value, Mapping) and not value.get("text") and not value.get("fields"):
        yield Finding(at, "must have text or fields")


def _image(value: object, at: str) -> Iterator[Finding]:
    yield from _block(
        {"alt_text": string(2000)},
        {"title": _plain(2000), "image_url": _URL, "slack_file": record({}, {"id": _ID, "url": _URL})},
    )(value, at)
    if isinstance(value, Mapping) and ("image_url" in value) == ("slack_file" in value):
        yield Finding(at, "must have either image_url or slack_file")


def _input(value: object, at: str) -> Iterator[Finding]:
    yield from _block(
        {"label": _plain(2000), "element": by_type(INPUT_ELEMENTS)},
        {"hint": _plain(2000), "optional": boolean, "dispatch_action": boolean},
    )(value, at)
    if not isinstance(value, Mapping) or not isinstance(value.get("element"), Mapping):
        return
    if value["element"].get("type") == "file_input" and value.get("dispatch_action"):
        yield Finding(f"{at}/dispatch_action", "must be false for a file_input")


BLOCKS: dict[str, Rule] = {
    "section": _section,
    "header": _block({"text": _plain(150)}, {"level": whole(1, 4)}),
    "divider": _block(),
    "image": _image,
    "context": _block(
        {"elements": array(by_type({"image": _IMAGE, "plain_text": _text(3000), "mrkdwn": _text(3000)}), 10)}
    ),
    "actions": _block({"elements": array(_ACTIONS, 25)}),
    "input": _input,
    "rich_text": _RICH_TEXT,
    "markdown": _block({"text": string(12_000, 1)}),
    "table": _block(
        {"rows": array(array(_CELL, 20), 100)},
        {"column_settings": array(record({}, {"align": only("left", "center", "right"), "is_wrapped": boolean}), 20)},
    ),
    "alert": _block({"text": _text(3000)}, {"level": only("default", "info", "warning", "error", "success")}),
    "video": _block(
        {"alt_text": string(2000), "title": _plain(199), "thumbnail_url": _URL, "video_url": _URL},
        {
            "title_url": _URL,
            "description": _plain(199),
            "author_name": string(49),
            "provider_name": string(),
            "provider_icon_url": _URL,
        },
    ),
}
"""Every block that an app may put anywhere."""

NOT_IN_MODALS = frozenset({"markdown", "table"})
NOT_IN_MESSAGES = frozenset({"alert"})

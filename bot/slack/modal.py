"""The modal: its fields, what was typed into them, and where its mistakes are shown.

A field's block_id is the name that errors carry in `BotError.field`, so each mistake lands under its own field. Block
and action ids never change while it is open: Slack keeps what was typed only under the same ids.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.domain.media import MAX_CHARACTERS, MAX_MEDIA, SlackFile
from bot.domain.message import E164
from bot.domain.phone import show_number
from bot.domain.quiet_hours import Forecast, show_forecast
from bot.domain.segments import show_segments
from bot.errors import BotError, InvalidFieldsError
from bot.services.ports import OurNumber
from bot.services.sending import Draft, How
from bot.slack.reading import read_files
from bot.slack.rich_text import Element, clip
from bot.slack.text import to_phone_text

SEND: Final = "sms_send"
FROM: Final = "sms_from"
USE: Final = "sms_use"
LIVE: Final = (FROM, "sms_to", "sms_how", "sms_text")  # what the lines under Text follow
SELECTABLE: Final = 100  # options that Slack takes; with more, From is searched

_FROM = "from"
_LIVE = "live"
_HOURS = "hours"
_OFFER = "offer"
_TYPED = 3000  # characters that Slack takes in one input; our own limit of 1,600 is a sentence under the field
_LABEL = 75  # characters of an option
# Characters of a file's name and kind: ten of each go into private_metadata, which takes 3,000.
_NAME, _KIND = 60, 80
_LINE = 600  # characters; what is quoted of a text, and the names of zones, can be long
_HOW = {
    How.SEPARATE: ("Separate texts", "Each person gets their own and sees nobody else."),
    How.GROUP: ("One group MMS", "Everybody sees everybody and all answers; at most 10 with our number."),
}


@dataclass(frozen=True, slots=True)
class Opening:
    """What the modal starts with.

    Attributes:
        loaded: The account's numbers are known; without them only the default is offered.
        numbers: Those that can text.
        chosen: The one that is offered first, None when there is none.
        shortage: Why there are none, "" when there are or they are not known.
        channel: Where the status is posted unless changed, "" where Slack knows the conversation.
        text: Prefilled.
        response_url: Of the command that opened it, "" when there is none.
        shared_too: Channels shared with other companies are offered; those that may not be used are refused later.
        files: Of the message that it is opened from, or of the text that is edited, all of them ticked.
        to, how, media: Prefilled.
        edits: The batch that failed and is edited, "" for a new text.
        why: Why that failed, a sentence.
    """

    loaded: bool
    numbers: Sequence[OurNumber]
    chosen: OurNumber | None
    shortage: str = ""
    channel: str = ""
    text: str = ""
    response_url: str = ""
    shared_too: bool = False
    files: Sequence[SlackFile] = ()
    to: Sequence[E164] = ()
    how: How = How.SEPARATE
    media: Sequence[str] = ()
    edits: str = ""
    why: str = ""


def build_view(opening: Opening) -> dict[str, Any]:
    """The modal, as `views.open` takes it."""
    text, files = opening.text[:_TYPED], opening.files[:MAX_MEDIA]
    return {
        "type": "modal",
        "callback_id": SEND,
        "title": _plain("Edit and send" if opening.edits else "Send a text"),
        "submit": _plain("Send"),
        "close": _plain("Cancel"),
        "private_metadata": json.dumps(
            {
                "response_url": opening.response_url,
                **({"edits": opening.edits} if opening.edits else {}),
                "files": {file.id: (clip(file.name, _NAME), file.kind[:_KIND], file.size) for file in files},
            },
            ensure_ascii=False,  # a Cyrillic letter would be six characters
        ),
        "blocks": [
            *([_section(opening.why)] if opening.why else []),
            *_from_blocks(opening),
            _input(
                "to",
                "To",
                _typing("sms_to", "(516) 206-5574", initial="\n".join(opening.to), live=True),
                hint="One or several numbers, between commas or on lines of their own; at most 50.",
            ),
            _input("how", "To several", _how(opening.how)),
            _input(
                "text",
                "Text",
                _typing("sms_text", "", initial=text, live=True),
                optional=True,  # media alone is a text too
            ),
            *_lines(text, None),
            *_their_files(files, "Its files" if opening.edits else "Files of the message"),
            _input(
                "files",
                "Files",
                {"type": "file_input", "action_id": "sms_files", "max_files": MAX_MEDIA},
                hint="Pictures are made small enough; video, audio, contacts, PDF go as they are. Makes it an MMS.",
                optional=True,
            ),
            _input(
                "media",
                "Media from the web",
                _typing("sms_media", "https://…", initial="\n".join(opening.media)[:_TYPED]),
                hint="Public addresses of pictures and the like, one a line; at most 10 with the files.",
                optional=True,
            ),
            _input("channel", "Post status in", _conversations(opening)),
        ],
    }


def update_live(view: Mapping[str, Any], forecast: Forecast | None) -> dict[str, Any]:
    """The same view with its lines about what is typed now, as `views.update` takes it.

    Built from the view that Slack sent, not anew: the numbers may have changed since it was opened, and another kind
    of From would lose what was chosen.
    """
    over = {_HOURS, *(each for each in _find_offers(view) if each != _name_offer(view))}
    blocks: list[Element] = []
    for block in view["blocks"]:
        if block.get("block_id") == _LIVE:
            blocks += _lines(_read_text(view), forecast)
        elif block.get("block_id") not in over:
            blocks.append(block)
    kept = ("type", "callback_id", "title", "submit", "close", "private_metadata")
    return {**{key: view[key] for key in kept}, "blocks": blocks}


def offer_sender(view: Mapping[str, Any], number: E164) -> dict[str, Any]:
    """The view that Slack sent, with a button that chooses another From; it goes when From is changed."""
    offers = _find_offers(view)
    blocks = [block for block in view["blocks"] if block.get("block_id") not in offers]
    shown = show_number(number)
    button = {"type": "button", "action_id": USE, "text": _plain(f"Use {shown}"), "value": number}
    offer = _section(f"{shown} can send pictures and group texts.")
    offer |= {"block_id": _name_offer(view), "accessory": button}
    return {**view, "blocks": _put_after_from(blocks, [offer])}


def use_sender(view: Mapping[str, Any], numbers: Sequence[OurNumber], chosen: OurNumber) -> dict[str, Any]:
    """The view that Slack sent, with another From and without the offer of it.

    From gets a new block_id: under the same one Slack keeps what was chosen before.
    """
    old, offers = _find_from(view), _find_offers(view)
    new = f"{_FROM}-{int(old.partition('-')[2] or 1) + 1}"
    sender = _input(new, "From", _senders(list(numbers), chosen))
    kept = [block for block in view["blocks"] if block.get("block_id") not in offers]
    blocks = [sender if block.get("block_id") == old else block for block in kept]
    values = {**view["state"]["values"], new: {FROM: {"selected_option": _option(chosen)}}}
    return {**view, "state": {"values": values}, "blocks": blocks if sender in blocks else [sender, *blocks]}


def read_lines(view: Mapping[str, Any]) -> list[str]:
    """What the lines about what is typed say."""
    lines = (block for block in view["blocks"] if block.get("block_id") in {_LIVE, _HOURS})
    return [block["elements"][0]["text"] for block in lines]


def show_options(numbers: Sequence[OurNumber], typed: str) -> list[Element]:
    """The numbers that match what was typed into a searched From, at most as many as Slack takes."""
    wanted = typed.casefold().split()
    digits = "".join(filter(str.isdigit, typed))
    found = [
        number
        for number in numbers
        if all(word in f"{number.name} {number.locality}".casefold() for word in wanted)
        or (digits and digits in number.number)
    ]
    return [_option(number) for number in found[:SELECTABLE]]


def read_draft(view: Mapping[str, Any], *, key: str, team: str, user_id: str, user_name: str) -> Draft:
    """What was typed, not yet judged; empty inputs come as null or not at all."""
    how = _selected(view, "how", "sms_how")
    return Draft(
        key=key,
        team=team,
        user_id=user_id,
        user_name=user_name,
        channel=str(_state(view, "channel", "sms_channel").get("selected_conversation") or ""),
        response_url=_read_response_url(view),
        sender=_selected(view, _find_from(view), FROM),
        to=_value(view, "to", "sms_to"),
        how=How(how) if how else How.SEPARATE,
        text=_read_text(view),
        media=_value(view, "media", "sms_media"),
        files=read_files(_state(view, "files", "sms_files").get("files")) + _read_chosen(view),
        edits=(edits := _read_edits(view)),
        edited=_read_offered(view) if edits else (),
    )


def show_errors(view: Mapping[str, Any], error: BotError) -> dict[str, str]:
    """Each sentence under its own field; what belongs to none, or to one that is not there, under To.

    Slack takes only block_ids of input blocks that are in the view.
    """
    fields = error.fields if isinstance(error, InvalidFieldsError) else {error.field or "": error.user_message}
    there = {block.get("block_id") for block in view["blocks"] if block.get("type") == "input"}
    shown: dict[str, str] = {}
    for field, sentence in fields.items():
        wanted = _find_from(view) if field == _FROM else field
        place = wanted if wanted in there else "to"
        shown[place] = f"{shown[place]} {sentence}" if place in shown else sentence
    return shown


def _from_blocks(opening: Opening) -> list[Element]:
    """From, and a sentence where the account's numbers are not known yet or there are none."""
    blocks: list[Element] = []
    if not opening.loaded:
        offer = "so only the default one is offered" if opening.chosen else "and there is no default one"
        blocks.append(
            _section(
                f"The list of your numbers has not come from CarrierX yet, {offer}. "
                "Close this and try again in a minute for the others."
            )
        )
    elif opening.shortage:
        blocks.append(_section(opening.shortage))
    offered = list(opening.numbers) if opening.loaded else []
    if opening.chosen and opening.chosen not in offered:
        offered.insert(0, opening.chosen)
    if offered:
        blocks.append(_input(_FROM, "From", _senders(offered, opening.chosen)))
    return blocks


def _find_from(view: Mapping[str, Any]) -> str:
    """From's block_id."""
    inputs = (block for block in view["blocks"] if (block.get("element") or {}).get("action_id") == FROM)
    return next((str(block["block_id"]) for block in inputs), _FROM)


def _find_offers(view: Mapping[str, Any]) -> list[str]:
    """The block_ids of offers of another From."""
    names = (str(block.get("block_id")) for block in view["blocks"])
    return [name for name in names if name.startswith(_OFFER)]


def _name_offer(view: Mapping[str, Any]) -> str:
    """The block_id of an offer beside what is chosen now; with another choice it is over."""
    return f"{_OFFER}:{_selected(view, _find_from(view), FROM)}"


def _put_after_from(blocks: list[Element], more: list[Element]) -> list[Element]:
    """Blocks with more of them below From; at the top where there is none."""
    at = next((place for place, block in enumerate(blocks, 1) if block.get("block_id", "").startswith(_FROM)), 0)
    return [*blocks[:at], *more, *blocks[at:]]


def _senders(offered: list[OurNumber], chosen: OurNumber | None) -> Element:
    element: Element = {"type": "static_select", "action_id": FROM, "placeholder": _plain("Choose a number")}
    if len(offered) <= SELECTABLE:
        element["options"] = [_option(number) for number in offered]
    else:
        element |= {"type": "external_select", "min_query_length": 0, "placeholder": _plain("Search your numbers")}
    if chosen:
        element["initial_option"] = _option(chosen)
    return element


def _option(number: OurNumber) -> Element:
    """`(212) 555-0100 · Front desk · New York`: the number comes first, so that cutting a long name leaves it."""
    label = " · ".join(filter(None, (show_number(number.number), number.name.strip(), number.locality.strip())))
    return {"text": _plain(clip(label, _LABEL)), "value": number.number}


def _how(chosen: How) -> Element:
    options = {
        how: {"text": _plain(label), "description": _plain(meaning), "value": how.value}
        for how, (label, meaning) in _HOW.items()
    }
    return {
        "type": "radio_buttons",
        "action_id": "sms_how",
        "options": list(options.values()),
        "initial_option": options[chosen],
    }


def _their_files(files: Sequence[SlackFile], label: str) -> list[Element]:
    """Files that are in Slack already, to be left out; Slack's file field cannot be filled in beforehand."""
    if not files:
        return []
    options = [{"text": _plain(clip(file.name, _LABEL)), "value": file.id} for file in files]
    boxes = {"type": "checkboxes", "action_id": "sms_theirs", "options": options, "initial_options": options}
    return [_input("theirs", label, boxes, optional=True)]


def _conversations(opening: Opening) -> Element:
    element: Element = {"type": "conversations_select", "action_id": "sms_channel"}
    if opening.channel:
        element["initial_conversation"] = opening.channel
    else:
        element["default_to_current_conversation"] = True
    if not opening.shared_too:
        element["filter"] = {
            "include": ["public", "private", "im", "mpim"],
            "exclude_external_shared_channels": True,
        }
    return element


def _typing(action_id: str, placeholder: str, *, initial: str = "", live: bool = False) -> Element:
    element: Element = {
        "type": "plain_text_input",
        "action_id": action_id,
        "multiline": True,
        "max_length": _TYPED,
    }
    if placeholder:
        element["placeholder"] = _plain(placeholder)
    if initial:
        element["initial_value"] = initial
    if live:
        element["dispatch_action_config"] = {"trigger_actions_on": ["on_character_entered"]}
    return element


def _input(name: str, label: str, element: Element, *, hint: str = "", optional: bool = False) -> Element:
    block: Element = {"type": "input", "block_id": name, "label": _plain(label), "element": element}
    if hint:
        block["hint"] = _plain(hint)
    if optional:
        block["optional"] = True
    if element["action_id"] in LIVE:
        block["dispatch_action"] = True
    return block


def _lines(text: str, forecast: Forecast | None) -> list[Element]:
    """What the text costs, and whether it waits for the morning."""
    line = clip(show_segments(text), _LINE)
    if over := max(len(text) - MAX_CHARACTERS, 0):
        line += f" · too long by {over:,}"
    lines: list[Element] = [{"type": "context", "block_id": _LIVE, "elements": [_plain(line)]}]
    if forecast is not None:
        said = clip(show_forecast(forecast), _LINE)
        lines.append({"type": "context", "block_id": _HOURS, "elements": [_plain(said)]})
    return lines


def _section(text: str) -> Element:
    return {"type": "section", "text": _plain(text)}


def _plain(text: str) -> Element:
    """Without `emoji`, so that a number named `:phone:` is shown as it is written."""
    return {"type": "plain_text", "text": text, "emoji": False}


def _read_text(view: Mapping[str, Any]) -> str:
    """An input's text comes as typed: nothing is escaped, nobody is wrapped, and emoji are still `:names:`."""
    return to_phone_text(_value(view, "text", "sms_text"), names=lambda _: None, escaped=False)


def _read_response_url(view: Mapping[str, Any]) -> str:
    return str(json.loads(view["private_metadata"])["response_url"])


def _read_edits(view: Mapping[str, Any]) -> str:
    """The batch that a form edits, "" when it edits none."""
    return str(json.loads(view["private_metadata"]).get("edits") or "")


def _read_offered(view: Mapping[str, Any]) -> tuple[E164, ...]:
    """The phones that stood under To when the form was opened, whatever stands there now."""
    to = next(block for block in view["blocks"] if block.get("block_id") == "to")
    return tuple(str(to["element"].get("initial_value") or "").splitlines())


def _read_chosen(view: Mapping[str, Any]) -> tuple[SlackFile, ...]:
    """What is ticked of a message's own files."""
    known = json.loads(view["private_metadata"]).get("files") or {}
    ticked = _state(view, "theirs", "sms_theirs").get("selected_options") or ()
    return tuple(SlackFile(option["value"], *known.get(option["value"], ("a file",))) for option in ticked)


def _state(view: Mapping[str, Any], block_id: str, action_id: str) -> Mapping[str, Any]:
    state: Mapping[str, Any] = view["state"]["values"].get(block_id, {}).get(action_id) or {}
    return state


def _value(view: Mapping[str, Any], block_id: str, action_id: str) -> str:
    return str(_state(view, block_id, action_id).get("value") or "")


def _selected(view: Mapping[str, Any], block_id: str, action_id: str) -> str:
    return str((_state(view, block_id, action_id).get("selected_option") or {}).get("value") or "")

"""What a person reads in Slack's blocks, as plain text."""

from collections.abc import Iterator, Mapping
from typing import Any

from playground.slack.workspace import Ephemeral, Message

Block = Mapping[str, Any]


def read(message: Message | Ephemeral) -> str:
    """All that a message shows; buttons are `[Cancel]`, mentions `<@U…>`, times `{…}`."""
    return "\n".join(line for block in message.blocks for line in _lines(block)) or message.text


def links(message: Message | Ephemeral) -> dict[str, str]:
    """Address per label of a message's links."""
    return {element["text"]: element["url"] for element in _all(message.blocks) if element.get("type") == "link"}


def _lines(block: Block) -> Iterator[str]:
    match block["type"]:
        case "rich_text" | "rich_text_list":
            for part in block["elements"]:
                yield from _lines(part)
        case "rich_text_section" | "rich_text_quote":
            yield "".join(map(_inline, block["elements"]))
        case "actions":
            yield " ".join(f"[{button['text']['text']}]" for button in block["elements"])
        case kind:
            raise AssertionError(f"no text is shown in {kind}")


def _inline(element: Block) -> str:
    match element["type"]:
        case "text":
            return str(element["text"])
        case "link":
            return str(element["text"])
        case "user":
            return f"<@{element['user_id']}>"
        case "channel":
            return f"<#{element['channel_id']}>"
        case "date":
            return "{time}"
        case kind:
            raise AssertionError(f"no text is shown in {kind}")


def _all(value: object) -> Iterator[Block]:
    if isinstance(value, Mapping):
        yield value
        for each in value.values():
            yield from _all(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _all(each)

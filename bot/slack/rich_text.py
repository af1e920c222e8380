"""Rich text: the one kind of Slack text in which people's words cannot format anything or ping anybody.

https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

from datetime import UTC, datetime
from typing import Any, Final

Element = dict[str, Any]
Phrase = tuple[str | datetime, ...]
"""Words with times in them; each reader sees the times of their own zone."""

CLOCK: Final = "{time_secs}"
DAY_AND_CLOCK: Final = "{date_short_pretty} {time_secs}"


def words(text: str, *, bold: bool = False) -> Element:
    """Plain words; `text` must not be empty, Slack refuses that."""
    element: Element = {"type": "text", "text": text}
    if bold:
        element["style"] = {"bold": True}
    return element


def moment(at: datetime, style: str = CLOCK) -> Element:
    """A time that each reader sees in their own zone; the fallback is for clients too old for that."""
    return {
        "type": "date",
        "timestamp": int(at.timestamp()),
        "format": style,
        "fallback": show_moment(at),
    }


def show_moment(at: datetime) -> str:
    """The same where Slack knows no reader: notifications."""
    return f"{at.astimezone(UTC):%H:%M:%S} UTC"


def phrase(parts: Phrase, *, bold: bool = False) -> list[Element]:
    """The elements of a phrase."""
    return [words(part, bold=bold) if isinstance(part, str) else moment(part) for part in parts]


def show_phrase(parts: Phrase) -> str:
    """A phrase as plain text."""
    return "".join(part if isinstance(part, str) else show_moment(part) for part in parts)


def mention(user_id: str) -> Element:
    """Names a member and notifies them."""
    return {"type": "user", "user_id": user_id}


def channel(channel_id: str) -> Element:
    """A channel's name, which Slack hides from those who may not see it."""
    return {"type": "channel", "channel_id": channel_id}


def link(url: str, text: str) -> Element:
    """A link; http and https only reach this far."""
    return {"type": "link", "url": url, "text": text}


def section(*elements: Element) -> Element:
    """One paragraph."""
    return {"type": "rich_text_section", "elements": list(elements)}


def quote(text: str) -> Element:
    """What somebody wrote, set apart, so that its direction of writing touches nothing else."""
    return {"type": "rich_text_quote", "elements": [words(text)]}


def bullets(*lines: list[Element]) -> Element:
    """One line each."""
    return {"type": "rich_text_list", "style": "bullet", "elements": [section(*line) for line in lines]}


def rich_text(*elements: Element) -> Element:
    """The block around sections, quotes and lists."""
    return {"type": "rich_text", "elements": list(elements)}


def clip(text: str, most: int) -> str:
    """At most so many characters, with an ellipsis where something is missing."""
    return text if len(text) <= most else text[: most - 1] + "…"


def isolate(name: str, most: int = 60) -> str:
    """A name inside a sentence: a right-to-left one must not turn the numbers beside it around."""
    name = clip(" ".join(name.split()), most)
    return name if name.isascii() else f"\u2068{name}\u2069"  # FIRST STRONG ISOLATE … POP DIRECTIONAL ISOLATE

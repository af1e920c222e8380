"""The words of a text from outside, as plain as they come: what is compared with lists and phrases."""

import re
import unicodedata

Words = tuple[str, ...]

_UNSEEN = frozenset({"Mn", "Me", "Cf"})  # accents and selectors, keycaps' frames, direction marks and joiners
_APOSTROPHES = re.compile("['\u2019\u2018\u02bc\u00b4`\u2032\uff07]")
_WORD = re.compile(r"[^\W_]+")
_SENTENCE = re.compile(r"[.!?…;:,\n\r\u2028\u2029。！？，、；：¡¿]+|\s[-\u2013\u2014]+\s")  # noqa: RUF001 - wide ones too

_COURTESIES = frozenset(
    tuple(words.split())
    for words in (
        *("please", "pls", "plz", "plse", "pleas", "kindly", "thanks", "thank you", "thank u", "thankyou", "thx"),
        *("thnx", "tnx", "ty", "tysm", "thanks a lot", "thanks so much", "thank you so much", "thank you very much"),
        *("many thanks", "much appreciated", "thank you in advance", "thanks in advance", "cheers"),
        *("svp", "stp", "sil vous plait", "sil te plait", "merci", "merci beaucoup", "merci bien", "merci davance"),
        *("por favor", "porfavor", "porfa", "gracias", "muchas gracias", "mil gracias"),
    )
)
_LONGEST = max(map(len, _COURTESIES))


def fold(text: str) -> Words:
    """The words alone: lower case, plain letters, nothing that cannot be seen; "don't" is one word."""
    text = _APOSTROPHES.sub("", text)
    if not text.isascii():
        plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
        text = "".join(character for character in plain if unicodedata.category(character) not in _UNSEEN)
    return tuple(_WORD.findall(text.casefold()))


def without_courtesies(words: Words) -> Words:
    """Without please and thanks, in three languages, at both ends."""
    left, right = 0, len(words)
    while size := _opening(words[left : min(right, left + _LONGEST)]):
        left += size
    while size := _closing(words[max(left, right - _LONGEST) : right]):
        right -= size
    return words[left:right]


def sentences(text: str) -> tuple[Words, ...]:
    """What stands between full stops, commas, dashes and lines."""
    return tuple(map(fold, _SENTENCE.split(text)))


def _opening(words: Words) -> int:
    """How many words a courtesy takes at the beginning."""
    return next((size for size in range(len(words), 0, -1) if words[:size] in _COURTESIES), 0)


def _closing(words: Words) -> int:
    return next((size for size in range(len(words), 0, -1) if words[-size:] in _COURTESIES), 0)

"""What follows `/sms`: a number and a text, nothing, `help`, or an order.

The number ends where it is valid, and where two ends are valid nobody guesses. A comma, a colon or a line's end right
after a number says plainly that it ends there.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from bot.domain.message import E164
from bot.domain.orders import Order, parse_order
from bot.domain.phone import (
    NUMBER_CHARACTERS,
    Flaw,
    Reading,
    accept,
    explain,
    match_extension,
    match_number,
    read_number,
    shortest,
    show_example,
    show_number,
)
from bot.errors import InvalidInputError

_LINK = re.compile(r"<tel:[^>]*>")
_NEWLINE = r"\n\r\x85\u2028\u2029"
_SPACES = r" \t\v\f\x1c-\x1f\xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
_RUN = re.compile(rf"[{NUMBER_CHARACTERS}{_SPACES}]*")
_WORD = re.compile(r"\S+")
_NOT_DIGIT = re.compile(r"\D+")
_MARKS = ",:;，：；"  # noqa: RUF001 - the wide ones come from Chinese and Japanese keyboards
_END = re.compile(rf"[{_MARKS}](?!\d)|[{_SPACES}]*[{_NEWLINE}]")
_CLOCK = re.compile(r":\d")  # behind digits: a time of day, a ratio
_DATE = re.compile(r"(?:\d{4}([-.])\d\d?\1\d\d?|\d\d?([-.])\d\d?\2\d{4})(?!\d)")
_EMOJI = re.compile(r":[\w+'-]+:")
_MOST_DIGITS = 24  # E.164 has 15; with a prefix to dial abroad, an area code in parentheses and some to spare
_FEWEST_DIGITS = 7  # of a second number; fewer are an order, a code or a price
_FEWEST_TO_EXPLAIN = 4  # digits; fewer begin a text without any number, as in "5 people wait"
_SAYING = "Running ten minutes late"


@dataclass(frozen=True, slots=True)
class Help:
    """Show the grammar."""


@dataclass(frozen=True, slots=True)
class OpenModal:
    """Nothing was typed."""


@dataclass(frozen=True, slots=True)
class InlineText:
    """A text to one phone.

    Attributes:
        to: The phone.
        text: As typed, trimmed at both ends.
    """

    to: E164
    text: str


Asked = Help | OpenModal | InlineText | Order
"""What a person may ask for."""


def parse_command(text: str, *, region: str, countries: Collection[str], command: str = "/sms") -> Asked:
    """What a person asks for.

    Args:
        text: All that follows the command, escaped by Slack or not; Slack's marks in the text itself stay.
        region: ISO 3166 code of the country that a number without `+` is in.
        countries: ISO 3166 codes that may be texted.
        command: Its name, for the sentences.

    Raises:
        InvalidInputError: One sentence that says what to type instead; `field` is `to` or `text`.
    """
    typed = text.strip()
    if not typed:
        return OpenModal()
    if typed.casefold() in {"help", "?"}:
        return Help()
    if order := parse_order(typed, region=region, command=command):
        return order
    if link := _LINK.match(typed):
        reading, end, plain = read_number(link[0], region), link.end(), False
    else:
        reading, end, plain = _find_number(typed, region=region, countries=countries, command=command)
    to = accept(reading, region=region, countries=countries)
    said = typed[end:]
    if said.startswith(tuple(_MARKS)) and not _EMOJI.match(said):
        said, plain = said[1:], True
    if not plain and (extension := match_extension(said)):
        raise InvalidInputError(
            f"A text cannot reach an extension: leave out “{extension}”, "
            f"or put a comma after {show_number(to)} when it belongs to the text.",
            "to",
        )
    said = said.strip()
    if not said:
        raise InvalidInputError(
            f"What should it say? Write the text after the number: `{command} {show_number(to)} {_SAYING}`.", "text"
        )
    _refuse_second_number(said, region=region, command=command)
    return InlineText(to, said)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A beginning of what was typed that may be a number."""

    typed: str
    end: int
    plain: bool  # a comma, colon or line's end follows: that is where the number ends


def _find_number(typed: str, *, region: str, countries: Collection[str], command: str) -> tuple[Reading, int, bool]:
    """The one valid reading, where it ends, and whether that was said plainly."""
    readings = [
        (reading, candidate)
        for candidate in _candidates(typed, region)
        if (reading := match_number(candidate.typed, region)) is not None
    ]
    if readings and readings[-1][1].plain:
        readings = readings[-1:]
    if not readings:
        example = f"`{command} {show_example(region)} {_SAYING}`"
        raise _explain_none(typed, region=region, countries=countries, example=example)
    if len(readings) > 1:
        numbers = [show_number(reading.number) for reading, _ in readings]
        first, second = readings[0][1], readings[1][1]
        raise InvalidInputError(
            f"The number can be read as {' or as '.join(numbers)}: put a comma after it, "
            f"such as `{command} {first.typed},{second.typed[first.end :]} …`.",
            "to",
        )
    reading, candidate = readings[0]
    return reading, candidate.end, candidate.plain


def _candidates(typed: str, region: str = "") -> Iterator[_Candidate]:
    """Beginnings made of a number's characters only, that end with a word, shortest first.

    With a region only those with digits enough; most beginnings of a number are too short for any, which is cheaper to
    count than to parse.
    """
    run = _RUN.match(typed)
    assert run is not None, "it matches nothing, too"
    digits = ""
    fewest: int | None = None
    for word in _WORD.finditer(run[0]):
        here = _NOT_DIGIT.sub("", word[0])
        digits += here
        if len(digits) > _MOST_DIGITS:
            return
        if not here:
            continue
        end = word.end()
        if region and not fewest:
            fewest = _fewest_digits(run[0], digits, region)
        if fewest and len(digits) < fewest:
            continue
        after = typed[end : end + 1]
        if not after or after.isspace() or after in _MARKS:
            yield _Candidate(typed[:end], end, plain=_END.match(typed, end) is not None)


def _fewest_digits(run: str, digits: str, region: str) -> int | None:
    """How many digits a number needs that begins with `digits`; None when there are too few to tell."""
    if "+" not in run and "\uff0b" not in run:
        return shortest(region, "")
    return next(filter(None, (shortest("", digits[:length]) for length in (1, 2, 3))), None)


def _refuse_second_number(said: str, *, region: str, command: str) -> None:
    """Somebody who types two numbers means two recipients, not a customer's number in another customer's text."""
    if _DATE.match(said):
        return
    for candidate in _candidates(said, region):
        if _CLOCK.match(said, candidate.end):
            continue
        reading = match_number(candidate.typed, region)
        if reading is not None and _count_digits(candidate.typed) >= _FEWEST_DIGITS:
            raise InvalidInputError(
                f"`{command}` with a text goes to one number: for several type `{command}` alone. "
                f"If {show_number(reading.number)} belongs to the text, let the text begin with a word.",
                "to",
            )


def _explain_none(typed: str, *, region: str, countries: Collection[str], example: str) -> InvalidInputError:
    """The sentence for a text that begins with no valid number."""
    start = InvalidInputError(f"The number comes first, then the text: {example}.", "to")
    run = _RUN.match(typed)
    assert run is not None, "it matches nothing, too"
    if not _count_digits(run[0]):
        return start
    after = typed[run.end() :]
    if after and not after[0].isspace() and after[0] not in _MARKS and not run[0][-1].isspace():
        return _explain_glued(run[0], after, region=region, countries=countries) or start
    flawed = [read_number(candidate.typed, region) for candidate in _candidates(typed)] or [read_number(run[0], region)]
    best = next((reading for flaw in _TELLING for reading in reversed(flawed) if reading.flaw is flaw), flawed[-1])
    if best.flaw is Flaw.TOO_SHORT and _count_digits(best.typed) < _FEWEST_TO_EXPLAIN:
        return start
    return explain(best, region=region, countries=countries)


_TELLING = (Flaw.EMERGENCY, Flaw.NOT_VALID, Flaw.NO_AREA_CODE, Flaw.NO_SUCH_COUNTRY)


def _explain_glued(stem: str, after: str, *, region: str, countries: Collection[str]) -> InvalidInputError | None:
    """The sentence for a number with something else right behind it; None where it hardly is a number."""
    reading = read_number(stem, region)
    if reading.number and (extension := match_extension(after)):
        return explain(read_number(stem + extension, region), region=region, countries=countries)
    if reading.number:
        return InvalidInputError(
            f"Something stands right behind {show_number(reading.number)}: put a space between number and text.",
            "to",
        )
    if reading.flaw is Flaw.EMERGENCY:
        return explain(reading, region=region, countries=countries)
    if _count_digits(stem) < _FEWEST_TO_EXPLAIN:
        return None
    return explain(read_number(stem + after.split(maxsplit=1)[0], region), region=region, countries=countries)


def _count_digits(typed: str) -> int:
    return len(_NOT_DIGIT.sub("", typed))

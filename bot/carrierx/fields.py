"""The fields of CarrierX's JSON, each read leniently: what makes no sense is as if it had not come."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator

_ID_LIMIT = 255  # user_data may be longer in other people's texts; ours are UUIDs
_WORD_LIMIT = 64
_MOST_SEGMENTS = 1_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")  # PostgreSQL stores no NUL, UTF-8 no lone surrogate
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


def _clean_count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_SEGMENTS else None


def _clean_price(value: object) -> str:
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    return text if isinstance(text, str) and _DECIMAL.fullmatch(text) else ""


def _clean_time(value: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
        return None if time is None else (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):  # year 1 has no earlier zone
        return None


def _clean_list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


Line = Annotated[str, BeforeValidator(_clean(_ID_LIMIT))]
UserData = Annotated[str, BeforeValidator(_clean_user_data)]
Word = Annotated[str, BeforeValidator(lambda value: _clean(_WORD_LIMIT)(value).lower())]
Code = Annotated[str, BeforeValidator(_clean_code)]
Digits = Annotated[str, BeforeValidator(_clean_digits)]
Count = Annotated[int | None, BeforeValidator(_clean_count)]
Price = Annotated[str, BeforeValidator(_clean_price)]
Time = Annotated[datetime | None, BeforeValidator(_clean_time)]
Items = Annotated[list[object], BeforeValidator(_clean_list)]

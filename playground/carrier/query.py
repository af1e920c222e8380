"""The query arguments of lists: `filter`, `order`, `limit`, `offset`, `after` and `before`."""

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from playground.carrier.checks import InvalidError

Row = dict[str, Any]

_CLAUSE = re.compile(
    r"""\s*([a-z0-9_.]+)\s+(eq|ne|gt|ge|lt|le|like)\s+(?:"([^"]*)"|'([^']*)'|([^\s"']+))\s*(?:and\s+|$)""",
    re.IGNORECASE,
)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_DEFAULT_LIMIT, _MOST = 10, 1_000


class UnreadableQueryError(Exception):
    """A 400."""


class UnknownCursorError(Exception):
    """A 404: `after` or `before` names nothing."""


def select(rows: list[Row], text: str) -> list[Row]:
    """The rows that a filter leaves.

    Raises:
        UnreadableQueryError: It is no filter.
        InvalidError: It names an attribute that there is none of.
    """
    position = 0
    while position < len(text):
        clause = _CLAUSE.match(text, position)
        if clause is None or (clause.end() == len(text) and clause.group().lower().endswith("and ")):
            raise UnreadableQueryError
        name, word, *values = clause.groups()
        value = next(value for value in values if value is not None)
        if rows and name not in rows[0]:
            raise InvalidError("filter", f"no attribute {name}")
        rows = [row for row in rows if _holds(name, row.get(name), word.lower(), value)]
        position = clause.end()
    return rows


def _holds(name: str, actual: object, word: str, value: str) -> bool:
    if actual is None:
        return word == "ne"
    if word == "like":
        pattern = ".*".join(map(re.escape, value.split("%")))
        return re.fullmatch(pattern, str(actual), re.DOTALL) is not None
    if name.startswith("date_"):
        return _OPERATORS[word](_read_time(str(actual)), _read_time(value))
    if isinstance(actual, int):
        return value.isdecimal() and _OPERATORS[word](actual, int(value))
    return _OPERATORS[word](actual, value)


def _read_time(value: str) -> datetime:
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise UnreadableQueryError from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def sort(rows: list[Row], text: str) -> list[Row]:
    """The rows as `name`, `name asc` or `name desc` wants them.

    Raises:
        UnreadableQueryError: It is none of these.
        InvalidError: It names an attribute that there is none of.
    """
    order = re.fullmatch(r"([a-z0-9_]+)(?: (asc|desc))?", text)
    if order is None:
        raise UnreadableQueryError
    name, direction = order.groups()
    if rows and name not in rows[0]:
        raise InvalidError("order", f"no attribute {name}")
    return sorted(rows, key=lambda row: (row[name] is not None, row[name]), reverse=direction == "desc")


def cut(
    rows: list[Row], query: Mapping[str, str], *, sid: str, most: int, address: Callable[[dict[str, str]], str | None]
) -> Row:
    """One page and its envelope.

    Args:
        rows: All of them, in order.
        query: The request's arguments.
        sid: The attribute that `after` and `before` name.
        most: Most rows in a page.
        address: Makes the URL of another page from its arguments, None where none shall be given.

    Raises:
        InvalidError: `limit` or `offset` is out of range.
        UnknownCursorError: `after` or `before` names nothing.
    """
    limit, offset = _read_count(query, "limit", _DEFAULT_LIMIT), _read_count(query, "offset", 0)
    if not 1 <= limit <= _MOST:
        raise InvalidError("limit", f"must be 1 to {_MOST}")
    limit = min(limit, most)
    cursor = query.get("after") or query.get("before")
    start = offset
    if cursor:
        at = next((index for index, row in enumerate(rows) if row[sid] == cursor), None)
        if at is None:
            raise UnknownCursorError
        start = at + 1 if "after" in query else max(0, at - limit)
        limit = limit if "after" in query else min(limit, at)
    page = rows[start : start + limit]
    has_more = start + limit < len(rows)
    kept = {name: value for name, value in query.items() if name not in {"after", "before", "offset"}}
    pagination = {}
    if has_more and page:
        onward = {"after": page[-1][sid]} if cursor or sid == "dr_sid" else {"offset": str(start + limit)}
        pagination["next"] = address({**kept, **onward})
    if start and page:
        back = {"before": page[0][sid]} if cursor else {"offset": str(max(0, start - limit))}
        pagination["previous"] = address({**kept, **back})
    return {
        "count": len(page),
        "has_more": has_more,
        "items": page,
        "limit": limit,
        "offset": offset,
        "pagination": {name: url for name, url in pagination.items() if url},
        "total": None if cursor else len(rows),
    }


def _read_count(query: Mapping[str, str], name: str, default: int) -> int:
    value = query.get(name, str(default))
    if not re.fullmatch(r"\d{1,9}", value, re.ASCII):
        raise InvalidError(name, "must be a number")
    return int(value)

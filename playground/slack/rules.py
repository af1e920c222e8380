"""Rules for JSON, put together from small ones: each takes a value and its JSON pointer and yields what is wrong.

Named after what a valid value is. The sentences are ours; Slack's are shorter.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

Rule = Callable[[object, str], "Iterator[Finding]"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        pointer: JSON pointer to it, "" for the whole.
        sentence: What is wrong.
    """

    pointer: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.sentence}"


def string(most: int | None = None, least: int = 0) -> Rule:
    """A string of a bounded length in characters."""

    def rule(value: object, at: str) -> Iterator[Finding]:
        if not isinstance(value, str):
            yield Finding(at, f"must be a string, not {_kind(value)}")
        elif most is not None and len(value) > most:
            yield Finding(at, f"must be at most {most} characters, has {len(value)}")
        elif len(value) < least:
            yield Finding(at, f"must be at least {least} characters, has {len(value)}")

    return rule


def whole(least: int, most: int) -> Rule:
    """An integer within bounds."""

    def rule(value: object, at: str) -> Iterator[Finding]:
        if not isinstance(value, int) or isinstance(value, bool):
            yield Finding(at, f"must be an integer, not {_kind(value)}")
        elif not least <= value <= most:
            yield Finding(at, f"must be between {least} and {most}, is {value}")

    return rule


def boolean(value: object, at: str) -> Iterator[Finding]:
    """True or false."""
    if not isinstance(value, bool):
        yield Finding(at, f"must be true or false, not {_kind(value)}")


def only(*allowed: object) -> Rule:
    """One of a few values."""

    def rule(value: object, at: str) -> Iterator[Finding]:
        if not any(value == each and type(value) is type(each) for each in allowed):
            yield Finding(at, f"must be one of {', '.join(map(repr, allowed))}, is {value!r}")

    return rule


def array(rule: Rule, most: int, least: int = 1) -> Rule:
    """A list of a bounded length, each member by a rule."""

    def check(value: object, at: str) -> Iterator[Finding]:
        if not isinstance(value, Sequence) or isinstance(value, str):
            yield Finding(at, f"must be a list, not {_kind(value)}")
            return
        if not least <= len(value) <= most:
            yield Finding(at, f"must have {least} to {most} items, has {len(value)}")
        for index, each in enumerate(value):
            yield from rule(each, f"{at}/{index}")

    return check


def record(required: Mapping[str, Rule], optional: Mapping[str, Rule] | None = None) -> Rule:
    """An object with exactly these keys."""
    known = {**required, **(optional or {})}

    def check(value: object, at: str) -> Iterator[Finding]:
        if not isinstance(value, Mapping):
            yield Finding(at, f"must be an object, not {_kind(value)}")
            return
        for key in required:
            if key not in value:
                yield Finding(at, f"missing required field: {key}")
        for key, each in value.items():
            if key in known:
                yield from known[key](each, f"{at}/{key}")
            else:
                yield Finding(f"{at}/{key}", "is not a known field here")

    return check


def by_type(kinds: Mapping[str, Rule]) -> Rule:
    """An object whose `type` names the rule for it."""

    def check(value: object, at: str) -> Iterator[Finding]:
        if not isinstance(value, Mapping):
            yield Finding(at, f"must be an object, not {_kind(value)}")
        elif not isinstance(value.get("type"), str):
            yield Finding(at, "missing required field: type")
        elif value["type"] not in kinds:
            yield Finding(f"{at}/type", f"{value['type']} is not allowed here, or not known")
        else:
            yield from kinds[value["type"]](value, at)

    return check


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__

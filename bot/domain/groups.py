"""Whom a reply to a group goes to, in words: those who have asked for no more texts are left out."""

from collections.abc import Collection, Sequence

from bot.domain.message import E164
from bot.domain.phone import show_number

_NAMED = 4  # phones; of more the first three


def show_reach(members: Sequence[E164], stopped: Collection[E164], *, named: bool = False) -> str:
    """Where a reply goes, to follow `goes` or `sent`: `to 3 of 4, without (212) 555-0123, who …`.

    Args:
        members: The group, at least two.
        stopped: Those of them who have asked for no more texts.
        named: Say who all of them are, where nothing else does.
    """
    left_out = [number for number in members if number in stopped]
    rest = [number for number in members if number not in stopped]
    if not left_out:
        return f"to all {len(members)}" + (f": {name_phones(members)}" if named else "")
    if not rest:
        return f"to nobody: all {len(members)} have asked for no more texts"
    if len(rest) == 1:
        who = "the other has" if len(left_out) == 1 else "all others have"
        return f"to {show_number(rest[0])} alone: {who} asked for no more texts"
    return f"to {len(rest)} of {len(members)}, without {show_stopped(left_out)}"


def show_stopped(numbers: Sequence[E164]) -> str:
    """Those who are left out, and why."""
    have = "has" if len(numbers) == 1 else "have"
    return f"{name_phones(numbers)}, who {have} asked for no more texts"


def name_phones(numbers: Sequence[E164]) -> str:
    """Phones by their numbers; of many the first."""
    if len(numbers) == 1:
        return show_number(numbers[0])
    shown = numbers if len(numbers) <= _NAMED else numbers[: _NAMED - 1]
    names = [*map(show_number, shown)]
    last = names.pop() if len(shown) == len(numbers) else f"{len(numbers) - len(shown)} more"
    return f"{', '.join(names)} and {last}"

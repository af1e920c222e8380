"""What follows `/sms` when it is no text: what administrators set and ask, and what anybody may look at.

A word counts only as the first, and none of them can begin a number. Slack writes a channel that it knows as
`<#C123|support>`; a name that it does not know stays `#support`, which names no channel for certain.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.domain.message import E164
from bot.domain.phone import (
    NUMBER_CHARACTERS,
    Reading,
    explain,
    match_number,
    read_number,
    show_example,
    show_number,
)
from bot.domain.quiet_hours import parse_quiet_hours, show_quiet_hours
from bot.domain.rules import ChannelRule, Mode
from bot.errors import InvalidInputError

MAX_REASON = 300  # characters; it travels in a button, which holds 2,000

_CHANNEL = re.compile(r"<#(?P<linked>[CG][A-Z0-9]+)(?:\|[^>]*)?>|(?P<plain>[CG][A-Z0-9]{8,})")
_LINK = re.compile(r"<tel:[^>]*>")
_RUN = re.compile(rf"[{NUMBER_CHARACTERS}\s]*")
_WORD = re.compile(r"\S+")
_MARKS = ",:;"
_AFTER = re.compile(rf"$|\s|[{_MARKS}](?!\d)")
_REASON = "asked on the phone for texts again"
_SHOWN = 24  # characters of a wrong entry that an error repeats


@dataclass(frozen=True, slots=True)
class Route:
    """Show texts to one of our numbers in a channel.

    Attributes:
        number: Ours.
        channel: Slack's id, "" for where all others go.
    """

    number: E164
    channel: str


@dataclass(frozen=True, slots=True)
class ShowRoutes:
    """Show where texts to our numbers go."""


@dataclass(frozen=True, slots=True)
class ShowMode:
    """Show what becomes of replies here."""


@dataclass(frozen=True, slots=True)
class SetMode:
    """Set what becomes of replies here."""

    rule: ChannelRule


@dataclass(frozen=True, slots=True)
class ShowHours:
    """Show when nobody is texted first."""


@dataclass(frozen=True, slots=True)
class SetHours:
    """Set when nobody is texted first from one of our numbers.

    Attributes:
        number: Ours.
        hours: As `parse_quiet_hours` reads them, "" for the usual ones.
    """

    number: E164
    hours: str


@dataclass(frozen=True, slots=True)
class ShowOptOuts:
    """Show who asked for no more texts."""


@dataclass(frozen=True, slots=True)
class OptIn:
    """Let a number be texted again that asked for no more.

    Attributes:
        number: The phone.
        reason: Why, for the ledger; with Slack's marks.
    """

    number: E164
    reason: str


@dataclass(frozen=True, slots=True)
class Erase:
    """Erase what was written to and by a phone."""

    number: E164


@dataclass(frozen=True, slots=True)
class Status:
    """Show what works, what waits and what does not."""


Order = Route | ShowRoutes | ShowMode | SetMode | ShowHours | SetHours | ShowOptOuts | OptIn | Erase | Status


def parse_order(typed: str, *, region: str, command: str = "/sms") -> Order | None:
    """What a person wants set or shown, None when the first word is none of these.

    Args:
        typed: All that follows the command, trimmed; not "".
        region: ISO 3166 code of the country that a number without `+` is in.
        command: Its name, for the sentences.

    Raises:
        InvalidInputError: One sentence that says what to type instead.
    """
    word = typed.split(maxsplit=1)[0]
    read = _READERS.get(word.casefold())
    return read(_Rest(typed[len(word) :].strip(), region, command)) if read else None


@dataclass(frozen=True, slots=True)
class _Rest:
    """What follows the first word, and what its sentences need."""

    typed: str
    region: str
    command: str

    @property
    def example(self) -> str:
        return show_example(self.region)


def _read_route(rest: _Rest) -> Order:
    words = rest.typed.rsplit(maxsplit=1)
    how = f"`{rest.command} route {rest.example} #channel`"
    if not words:
        raise InvalidInputError(f"Type one of your numbers and a channel: {how}, or `off` instead of the channel.")
    last = words[-1]
    if last.casefold() == "off":
        channel = ""
    elif found := _CHANNEL.fullmatch(last):
        channel = found["linked"] or found["plain"]
    elif last.startswith("#"):
        raise InvalidInputError(
            f"Slack knows no channel {_clip(last)} that you may see: choose it from the list that Slack offers while "
            "you type its name, or type its id, which stands at the end of the channel's details."
        )
    else:
        raise InvalidInputError(f"Say the channel last: {how}, or `off` to have no channel for this number.")
    if len(words) == 1:
        raise InvalidInputError(f"Say first which of your numbers: {how}.")
    return Route(_read_whole(words[0], rest.region), channel)


def _read_routes(rest: _Rest) -> Order:
    _refuse_more(rest, "routes", f"to set one, type `{rest.command} route {rest.example} #channel`")
    return ShowRoutes()


def _read_mode(rest: _Rest) -> Order:
    words = rest.typed.casefold().split()
    if not words:
        return ShowMode()
    everyone = words[1:] == ["everyone"]
    if words[0] not in set(Mode) or not (everyone or len(words) == 1):
        raise InvalidInputError(
            f"“{_clip(rest.typed)}” is no mode: type `{rest.command} mode ask`, `auto` or `off`, "
            "and `everyone` behind `ask` or `auto` to let guests and workflows text, too."
        )
    if everyone and words[0] == Mode.OFF:
        raise InvalidInputError(f"With `off` nobody's replies are texted: type `{rest.command} mode off` alone.")
    return SetMode(ChannelRule(Mode(words[0]), everyone))


def _read_hours(rest: _Rest) -> Order:
    if not rest.typed:
        return ShowHours()
    how = f"`{rest.command} hours {rest.example} 21:00-08:00`"
    number, said = _take_number(rest, f"Say first which of your numbers: {how}, or type `{rest.command} hours` alone.")
    if not said:
        raise InvalidInputError(f"Say which hours, too: {how}, or `off`, or `default`.")
    if said.casefold() == "default":
        return SetHours(number, "")
    return SetHours(number, show_quiet_hours(parse_quiet_hours(said)))


def _read_opt_outs(rest: _Rest) -> Order:
    _refuse_more(rest, "optouts", f"to lift one, type `{rest.command} optin {rest.example} {_REASON}`")
    return ShowOptOuts()


def _read_opt_in(rest: _Rest) -> Order:
    how = f"`{rest.command} optin {rest.example} {_REASON}`"
    number, reason = _take_number(rest, f"Type the number and the reason: {how}.")
    reason = " ".join(reason.split())
    if not reason:
        how = f"`{rest.command} optin {show_number(number)} {_REASON}`"
        raise InvalidInputError(f"Say why, too, for the ledger: {how}.")
    if (over := len(reason) - MAX_REASON) > 0:
        raise InvalidInputError(f"The reason is {over} characters longer than {MAX_REASON}: shorten it.")
    return OptIn(number, reason)


def _read_erase(rest: _Rest) -> Order:
    if not rest.typed:
        raise InvalidInputError(f"Say whose texts: `{rest.command} erase {rest.example}`.")
    return Erase(_read_whole(rest.typed, rest.region))


def _read_status(rest: _Rest) -> Order:
    _refuse_more(rest, "status", f"for one text, look at its thread, or type `{rest.command} help`")
    return Status()


_READERS: Mapping[str, Callable[[_Rest], Order]] = {
    "route": _read_route,
    "routes": _read_routes,
    "mode": _read_mode,
    "hours": _read_hours,
    "optouts": _read_opt_outs,
    "optin": _read_opt_in,
    "erase": _read_erase,
    "status": _read_status,
}


def _refuse_more(rest: _Rest, word: str, otherwise: str) -> None:
    if rest.typed:
        raise InvalidInputError(f"Type `{rest.command} {word}` alone; {otherwise}.")


def _read_whole(typed: str, region: str) -> E164:
    """One number and nothing else; any country's, for a person may text us from anywhere."""
    reading = read_number(typed, region)
    if not reading.number:
        raise explain(reading, region=region, countries=())
    return reading.number


def _take_number(rest: _Rest, how: str) -> tuple[E164, str]:
    """The number that stands first, and what follows it; where two ends are valid nobody guesses."""
    found = [(reading.number, end) for end in _find_ends(rest.typed) if (reading := _match(rest, end)) is not None]
    if found and rest.typed[found[-1][1] :].startswith(tuple(_MARKS)):
        found = found[-1:]
    if len(found) > 1:
        numbers = " or as ".join(show_number(number) for number, _ in found)
        raise InvalidInputError(f"The number can be read as {numbers}: put a comma after it.")
    if not found:
        run = _RUN.match(rest.typed)
        typed = run[0].strip() if run else ""
        if any(character.isdecimal() for character in typed) and not _match(rest, len(typed)):
            raise explain(read_number(typed, rest.region), region=rest.region, countries=())
        raise InvalidInputError(how)
    [(number, end)] = found
    return number, rest.typed[end:].lstrip(_MARKS + " \n\t")


def _match(rest: _Rest, end: int) -> Reading | None:
    return match_number(rest.typed[:end], rest.region)


def _find_ends(typed: str) -> list[int]:
    """Where a number that begins `typed` may end, first to last."""
    if link := _LINK.match(typed):
        return [link.end()]
    run = _RUN.match(typed)
    assert run is not None, "it matches nothing, too"
    return [word.end() for word in _WORD.finditer(run[0]) if _AFTER.match(typed, word.end())]


def _clip(typed: str) -> str:
    return typed if len(typed) <= _SHOWN else typed[:_SHOWN] + "…"

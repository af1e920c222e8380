"""When a text that starts a conversation may leave: by the clock on the recipient's wall.

The number tells the zone, and often more than one; then all of them must allow it. Where they never all do, which
takes quiet hours of more than half a day and a country as wide as Russia, as many must as ever do at the same time.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from operator import itemgetter
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import PhoneNumberType
from phonenumbers import timezone as phone_zones

from bot.domain.message import E164
from bot.errors import InvalidInputError

_MOST_ZONES = 20  # a mobile number in Russia has 16; +1 alone, as toll-free numbers have it, 42
_AHEAD = timedelta(hours=72)  # a window may fall into the hour that a spring day does not have, and then waits a day
_NAMED = 3  # different times that one line names
_PAIR = 2
_DAY = timedelta(hours=24)

_OFF = frozenset({"off", "none", "never", "no"})
_CLOCK = r"(?:(\d{1,2})(?:[:.](\d{2}))?\s*(?:([ap])\.?\s?m\.?)?|(noon|midnight))"
_SPAN = re.compile(rf"(?:from\s+)?{_CLOCK}\s*(?:-|\u2013|\u2014|to|until|till)\s*{_CLOCK}", re.ASCII)
_NOON = 12
_HOURS = 24
_MINUTES = 60


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The hours in which nobody is texted first.

    Attributes:
        start: Wall time from which on it is quiet.
        end: Wall time from which on it is not; before `start` when the night is between them, never equal to it.
    """

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Forecast:
    """What quiet hours would do to texts that were sent now.

    Attributes:
        now: Aware.
        total: How many texts there are.
        waits: For each text that would wait, until when, and the zones of its phones; at least one.
    """

    now: datetime
    total: int
    waits: Sequence[tuple[datetime, tuple[str, ...]]]


def parse_quiet_hours(text: str) -> QuietHours | None:
    """`21:00-08:00`, `9pm-8am`, or None for `off`.

    Raises:
        InvalidInputError: It is none of these, or begins when it ends.
    """
    typed = " ".join(text.casefold().split())
    if typed in _OFF:
        return None
    found = _SPAN.fullmatch(typed)
    start = _read_clock(*found.groups()[:4]) if found else None
    end = _read_clock(*found.groups()[4:]) if found else None
    if start is None or end is None:
        raise InvalidInputError(
            f"“{text.strip()[:40]}” are no quiet hours: write them such as 21:00-08:00 or 9pm-8am, or off."
        )
    if start == end:
        raise InvalidInputError(
            f"Quiet hours cannot begin and end at {_show_clock(start)}: write two times, such as 21:00-08:00, or off."
        )
    return QuietHours(start, end)


def show_quiet_hours(hours: QuietHours | None) -> str:
    """As `parse_quiet_hours` reads it back: `21:00-08:00` or `off`."""
    return f"{hours.start:%H:%M}-{hours.end:%H:%M}" if hours else "off"


@lru_cache(maxsize=4096)
def zones_of(number: E164, fallback: str) -> tuple[str, ...]:
    """The zones in which a number may be, by its first digits; people who move keep their number.

    Args:
        number: The recipient.
        fallback: IANA name of the zone for a toll-free number, one of no country, and any other that does not tell.
    """
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return (fallback,)  # a short code, for one
    if phonenumbers.number_type(parsed) == PhoneNumberType.TOLL_FREE:
        return (fallback,)
    zones = tuple(filter(_is_known, phone_zones.time_zones_for_number(parsed)))
    return zones if 0 < len(zones) <= _MOST_ZONES else (fallback,)


def is_quiet(now: datetime, zones: Sequence[str], hours: QuietHours | None) -> bool:
    """Whether a text has to wait.

    Args:
        now: Aware.
        zones: IANA names as `zones_of` has them, at least one.
        hours: None where there are no quiet hours.
    """
    if hours is None:
        return False
    quiet = _count_quiet(now, zones, hours)
    if quiet == 0 or len(zones) == 1:
        return quiet > 0
    return quiet > _fewest(_stretches(now, zones, hours))


def next_allowed(now: datetime, zones: Sequence[str], hours: QuietHours | None) -> datetime:
    """The earliest time, `now` or later, at which it is not quiet; UTC."""
    if hours is None or not is_quiet(now, zones, hours):
        return now.astimezone(UTC)
    stretches = _stretches(now, zones, hours)
    fewest = _fewest(stretches)
    return next(since for since, quiet in stretches if quiet <= fewest)


def allowed_until(at: datetime, zones: Sequence[str], hours: QuietHours | None) -> datetime | None:
    """When it gets quiet after `at`: what has not left by then has to wait again.

    Returns:
        UTC; `at` itself when it is quiet then, None where there are no quiet hours.
    """
    if hours is None:
        return None
    if is_quiet(at, zones, hours):
        return at.astimezone(UTC)
    stretches = _stretches(at, zones, hours)
    fewest = _fewest(stretches)
    return next((since for since, quiet in stretches if quiet > fewest), at.astimezone(UTC) + _AHEAD)


def show_wait(now: datetime, at: datetime, zones: Sequence[str]) -> str:
    """One line for people, such as `Waits until 8:00 their time (in 6 h)`.

    Zones whose clocks differ are named: `Waits until 8:00 in Los Angeles, 9:00 in Boise (in 6 h)`.
    """
    when = _show_times([(at, zone) for zone in zones], far=at - now >= _DAY)
    return f"Waits until {when} ({_show_span(at - now)})"


def show_forecast(forecast: Forecast) -> str:
    """For whoever is about to send: `It is 22:14 there: this text waits until 8:00 their time.`, for one."""
    now, waits = forecast.now, forecast.waits
    clocks = list(_by_clock([(now, zone) for _, zones in waits for zone in zones], far=False))
    there = clocks[0] if len(clocks) == 1 else f"between {clocks[0]} and {clocks[-1]}"
    far = any(at - now >= _DAY for at, _ in waits)
    when = _show_times([(at, zone) for at, zones in waits for zone in zones], far=far)
    if forecast.total == 1:
        return f"It is {there} there: this text waits until {when}."
    if len(waits) == forecast.total:
        every = "both" if forecast.total == _PAIR else f"all {forecast.total}"
        return f"It is {there} there: {every} texts wait until {when}."
    verb = "waits" if len(waits) == 1 else "wait"
    return f"{len(waits)} of {forecast.total} texts {verb} until {when}: it is {there} there."


Time = tuple[datetime, str]
"""An instant, and the zone whose wall clock shows it."""


def _show_times(times: Sequence[Time], *, far: bool) -> str:
    """`8:00 their time`, or the zones where their clocks differ; `far` adds the days."""
    places = _by_clock(times, far=far)
    clocks = list(places)
    if len(clocks) == 1:
        return f"{clocks[0]} their time"
    if len(clocks) <= _NAMED:
        return ", ".join(f"{clock} in {' and '.join(names)}" for clock, names in places.items())
    return f"{clocks[0]} to {clocks[-1]}, depending on where they are"


def _by_clock(times: Sequence[Time], *, far: bool) -> dict[str, list[str]]:
    """The places by what their clocks show, the earliest first."""
    places: dict[str, list[str]] = {}
    walls = ((at.astimezone(_zone(zone)).replace(tzinfo=None), zone) for at, zone in times)
    for wall, zone in sorted(walls, key=itemgetter(0)):
        shown = _show_clock(wall.time())
        names = places.setdefault(f"{wall:%a} {shown}" if far else shown, [])
        if (name := _show_zone(zone)) not in names:
            names.append(name)
    return places


Stretch = tuple[datetime, int]
"""Since when (UTC), and how many zones are quiet from then on until the next."""


def _stretches(since: datetime, zones: Sequence[str], hours: QuietHours) -> list[Stretch]:
    """The next days, cut wherever it may get quiet or stop to be; the first begins at `since`."""
    since = since.astimezone(UTC)
    until = since + _AHEAD
    turns = {turn for zone in zones for turn in _turns(_zone(zone), since, until, hours) if since < turn <= until}
    return [(turn, _count_quiet(turn, zones, hours)) for turn in (since, *sorted(turns))]


def _fewest(stretches: list[Stretch]) -> int:
    return min(quiet for _, quiet in stretches)


def _count_quiet(at: datetime, zones: Sequence[str], hours: QuietHours) -> int:
    return sum(_is_within(at.astimezone(_zone(zone)).time(), hours) for zone in zones)


def _is_within(wall: time, hours: QuietHours) -> bool:
    if hours.start < hours.end:
        return hours.start <= wall < hours.end
    return wall >= hours.start or wall < hours.end


def _turns(zone: ZoneInfo, since: datetime, until: datetime, hours: QuietHours) -> Iterator[datetime]:
    """Every instant at which the wall shows one of the two times, or jumps, and some others."""
    first, last = since.astimezone(zone).date(), until.astimezone(zone).date()
    for day in range(first.toordinal() - 1, last.toordinal() + 2):
        for wall in (hours.start, hours.end):
            for fold in (0, 1):  # the hour that an autumn day has twice
                local = datetime.combine(date.fromordinal(day), wall, zone).replace(fold=fold)
                yield local.astimezone(UTC)
    before = since.astimezone(zone).utcoffset()
    if until.astimezone(zone).utcoffset() != before:
        yield _find_jump(zone, since, until)


def _find_jump(zone: ZoneInfo, since: datetime, until: datetime) -> datetime:
    """The second at which the zone's offset changes between two times that differ in it."""
    before = since.astimezone(zone).utcoffset()
    low, high = int(since.timestamp()), int(until.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _is_known(zone: str) -> bool:
    """Whether this machine has the zone; `Etc/Unknown` is what phonenumbers says of a number that does not tell."""
    try:
        _zone(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True


def _read_clock(hour: str | None, minute: str | None, half: str | None, word: str | None) -> time | None:
    """A wall time; None for one that does not exist, and for a bare hour, which may be meant either way."""
    if word:
        return time(_NOON if word == "noon" else 0)
    hours, minutes = int(hour or 0), int(minute or 0)
    if half and not 1 <= hours <= _NOON:
        return None
    if half:
        hours = hours % _NOON + (_NOON if half == "p" else 0)
    elif minute is None:
        return None
    elif (hours, minutes) == (_HOURS, 0):
        hours = 0
    return time(hours, minutes) if hours < _HOURS and minutes < _MINUTES else None


def _show_clock(wall: time) -> str:
    return f"{wall.hour}:{wall:%M}"


def _show_zone(name: str) -> str:
    """The place that a zone is named after: `Los Angeles`; `Center, North Dakota`."""
    _, _, place = name.partition("/")
    return ", ".join(reversed((place or name).replace("_", " ").split("/")))


def _show_span(span: timedelta) -> str:
    """`in 6 h`, `in 1 h 20 min`, `in 5 min`; a part of a minute counts as one."""
    minutes = max(0, -(-span // timedelta(minutes=1)))
    hours, minutes = divmod(minutes, _MINUTES)
    parts = [f"{hours} h"] * (hours > 0) + [f"{minutes} min"] * (minutes > 0)
    return f"in {' '.join(parts)}" if parts else "now"

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from phonenumbers.tzdata import TIMEZONE_DATA

from bot.domain.quiet_hours import (
    Forecast,
    QuietHours,
    allowed_until,
    is_quiet,
    next_allowed,
    parse_quiet_hours,
    show_forecast,
    show_quiet_hours,
    show_wait,
    zones_of,
)
from bot.errors import InvalidInputError

NIGHT = QuietHours(time(21), time(8))
NEW_YORK = ("America/New_York",)
IDAHO = ("America/Boise", "America/Los_Angeles")
ALASKA = ("America/Adak", "America/Anchorage")
DAKOTA = ("America/Denver", "America/North_Dakota/Center")
RUSSIA = zones_of("+79161234567", "UTC")
FALLBACK = ("Europe/Dublin",)
MINUTE = timedelta(minutes=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(text: str, zone: str = "America/New_York", fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


EIGHT_IN_NEW_YORK = utc("2026-11-24 13:00")


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("21:00-08:00", NIGHT),
        ("21:00 - 8:00", NIGHT),
        ("9pm-8am", NIGHT),
        ("9 PM to 8 AM", NIGHT),
        ("From 9 p.m. until 8 a.m.", NIGHT),
        ("9:00pm\u20138:00am", NIGHT),
        ("21.00-08.00", NIGHT),
        ("21:00-8am", NIGHT),
        ("midnight to noon", QuietHours(time(0), time(12))),
        ("12am-12pm", QuietHours(time(0), time(12))),
        ("22:30-24:00", QuietHours(time(22, 30), time(0))),
        ("12:00-13:00", QuietHours(time(12), time(13))),
        (" off\n", None),
        ("Off", None),
        ("none", None),
    ],
)
def test_quiet_hours_are_read_as_people_write_them(text: str, hours: QuietHours | None) -> None:
    assert parse_quiet_hours(text) == hours


@pytest.mark.parametrize(
    "text",
    ["", "night", "21-8", "9-8", "9pm", "9pm-", "25:00-08:00", "21:60-08:00", "13pm-8am", "0am-8am", "24:30-8:00"],
)
def test_what_are_no_quiet_hours_is_refused_with_what_to_write(text: str) -> None:
    """A bare 9 may be morning or evening."""
    with pytest.raises(InvalidInputError) as caught:
        parse_quiet_hours(text)

    assert caught.value.user_message == (
        f"“{text}” are no quiet hours: write them such as 21:00-08:00 or 9pm-8am, or off."
    )


def test_hours_that_begin_when_they_end_are_refused() -> None:
    """Nobody could tell whether that is always or never."""
    with pytest.raises(InvalidInputError) as caught:
        parse_quiet_hours("9pm-21:00")

    assert caught.value.user_message == (
        "Quiet hours cannot begin and end at 21:00: write two times, such as 21:00-08:00, or off."
    )


@given(start=st.times(), end=st.times())
def test_what_is_shown_is_read_back(start: time, end: time) -> None:
    start, end = start.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)
    assume(start != end)
    hours = QuietHours(start, end)

    assert parse_quiet_hours(show_quiet_hours(hours)) == hours
    assert parse_quiet_hours(show_quiet_hours(None)) is None


@given(text=st.text() | st.text("0123456789:.-apm to"))
def test_whatever_is_typed_ends_in_hours_or_a_sentence(text: str) -> None:
    """Nothing else is ever raised."""
    try:
        found: QuietHours | str | None = parse_quiet_hours(text)
    except InvalidInputError as error:
        found = error.user_message

    assert found.endswith("or off.") if isinstance(found, str) else found is None or found.start != found.end


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+15162065574", NEW_YORK),
        ("+16022345678", ("America/Phoenix",)),
        ("+14165551234", ("America/Toronto",)),
        ("+12085551234", IDAHO),
        ("+19075551234", ALASKA),
        ("+16055551234", DAKOTA),
        ("+18504321234", ("America/Chicago",)),
        ("+18505551234", NEW_YORK),
        ("+4930123456", ("Europe/Berlin",)),
        ("+18005551234", FALLBACK),
        ("+18885551234", FALLBACK),
        ("+448001234567", FALLBACK),
        ("+80012345678", FALLBACK),
        ("+15005550006", FALLBACK),
        ("46645", FALLBACK),
        ("", FALLBACK),
    ],
)
def test_a_number_tells_its_zones(number: str, zones: tuple[str, ...]) -> None:
    """Several where its area has several; the fallback for toll-free and personal numbers and short codes."""
    assert zones_of(number, *FALLBACK) == zones


def test_every_zone_that_a_number_may_have_is_known_here() -> None:
    """A system without /usr/share/zoneinfo, or with an old one, has them from the tzdata package."""
    assert {zone for zones in TIMEZONE_DATA.values() for zone in zones if not ZoneInfo(zone).key} == set()


def test_sixteen_zones_are_a_country_and_not_unknown() -> None:
    assert len(RUSSIA) == 16


@pytest.mark.parametrize(
    ("at", "zones", "quiet"),
    [
        (local("2026-11-24 20:59:59"), NEW_YORK, False),
        (local("2026-11-24 21:00:00"), NEW_YORK, True),
        (local("2026-11-25 07:59:59"), NEW_YORK, True),
        (local("2026-11-25 08:00:00"), NEW_YORK, False),
        (local("2026-11-24 08:30", "America/Boise"), IDAHO, True),
        (local("2026-11-24 08:30", "America/Los_Angeles"), IDAHO, False),
        (local("2026-11-24 20:30", "America/Los_Angeles"), IDAHO, True),
        (local("2026-11-24 20:30", "America/Boise"), IDAHO, False),
        (local("2026-11-24 08:30", "America/Anchorage"), ALASKA, True),
        (local("2026-11-24 08:30", "America/Denver"), DAKOTA, False),
    ],
)
def test_it_is_quiet_while_it_is_in_any_of_the_zones(at: datetime, zones: tuple[str, ...], quiet: bool) -> None:  # noqa: FBT001 - a table's column
    """From the first minute on, and not in the last."""
    assert is_quiet(at, zones, NIGHT) is quiet


def test_without_quiet_hours_everything_goes_at_once() -> None:
    now = local("2026-11-24 03:00")

    assert not is_quiet(now, NEW_YORK, None)
    assert next_allowed(now, NEW_YORK, None) == now
    assert allowed_until(now, NEW_YORK, None) is None


@pytest.mark.parametrize(
    ("now", "zones", "at"),
    [
        (local("2026-11-24 12:00"), NEW_YORK, local("2026-11-24 12:00")),
        (local("2026-11-24 23:00"), NEW_YORK, local("2026-11-25 08:00")),
        (local("2026-11-24 02:00"), NEW_YORK, local("2026-11-24 08:00")),
        (local("2026-03-07 23:00"), NEW_YORK, utc("2026-03-08 12:00")),
        (local("2026-10-31 23:00"), NEW_YORK, utc("2026-11-01 13:00")),
        (utc("2026-03-08 08:00"), ("America/Phoenix",), utc("2026-03-08 15:00")),
        (local("2026-11-24 08:30", "America/Boise"), IDAHO, local("2026-11-24 09:00", "America/Boise")),
        (local("2026-11-24 20:30", "America/Los_Angeles"), IDAHO, local("2026-11-25 08:00", "America/Los_Angeles")),
        (local("2026-11-24 23:00", "America/Anchorage"), ALASKA, local("2026-11-25 09:00", "America/Anchorage")),
        (local("2026-11-24 23:00", "America/Denver"), DAKOTA, local("2026-11-25 08:00", "America/Denver")),
        (utc("2026-11-24 18:30"), RUSSIA, utc("2026-11-25 06:00")),
    ],
)
def test_a_text_waits_for_the_morning(now: datetime, zones: tuple[str, ...], at: datetime) -> None:
    """Eight o'clock stays eight o'clock on the days when clocks change, and comes last in the west."""
    assert next_allowed(now, zones, NIGHT) == at


@pytest.mark.parametrize(
    ("hours", "now", "at"),
    [
        # 2026-03-08: 01:59:59 EST is followed by 03:00:00 EDT
        (QuietHours(time(22), time(2, 30)), utc("2026-03-08 06:30"), utc("2026-03-08 07:00")),
        (QuietHours(time(2, 30), time(2, 15)), utc("2026-03-08 06:30"), utc("2026-03-09 06:15")),
        # 2026-11-01: 01:59:59 EDT is followed by 01:00:00 EST
        (QuietHours(time(22), time(1, 30)), utc("2026-11-01 05:00"), utc("2026-11-01 05:30")),
        (QuietHours(time(22), time(1, 30)), utc("2026-11-01 06:10"), utc("2026-11-01 06:30")),
        (QuietHours(time(1, 15), time(1, 45)), utc("2026-11-01 05:20"), utc("2026-11-01 05:45")),
    ],
)
def test_an_end_in_the_hour_that_is_skipped_or_comes_twice(hours: QuietHours, now: datetime, at: datetime) -> None:
    """What the wall shows decides, also when it jumps over the end or the whole window."""
    assert next_allowed(now, NEW_YORK, hours) == at


@pytest.mark.parametrize(
    ("at", "zones", "until"),
    [
        (local("2026-11-24 12:00"), NEW_YORK, local("2026-11-24 21:00")),
        (local("2026-11-24 08:00"), NEW_YORK, local("2026-11-24 21:00")),
        (local("2026-03-08 08:00"), NEW_YORK, utc("2026-03-09 01:00")),
        (local("2026-11-24 12:00", "America/Boise"), IDAHO, local("2026-11-24 21:00", "America/Boise")),
        (local("2026-11-24 23:00"), NEW_YORK, local("2026-11-24 23:00")),
    ],
)
def test_a_text_has_to_leave_before_it_gets_quiet(at: datetime, zones: tuple[str, ...], until: datetime) -> None:
    """In the east first; at once when it is quiet already."""
    assert allowed_until(at, zones, NIGHT) == until


def test_zones_that_never_all_allow_it_are_satisfied_as_far_as_possible() -> None:
    """One hour a day in zones three hours apart: one of them has to do, and nothing waits for ever."""
    hours = QuietHours(time(9), time(8))
    zones = ("America/New_York", "America/Los_Angeles")
    now = local("2026-11-24 12:00")

    at = next_allowed(now, zones, hours)

    assert at == local("2026-11-25 08:00")
    assert not is_quiet(at, zones, hours)
    assert allowed_until(at, zones, hours) == local("2026-11-25 09:00")


@pytest.mark.parametrize(
    ("now", "at", "zones", "line"),
    [
        (local("2026-11-24 02:00"), local("2026-11-24 08:00"), NEW_YORK, "Waits until 8:00 their time (in 6 h)"),
        (
            local("2026-11-24 06:39:30"),
            local("2026-11-24 08:00"),
            NEW_YORK,
            "Waits until 8:00 their time (in 1 h 21 min)",
        ),
        (local("2026-11-24 07:59:59"), local("2026-11-24 08:00"), NEW_YORK, "Waits until 8:00 their time (in 1 min)"),
        (local("2026-11-24 08:00"), local("2026-11-24 08:00"), NEW_YORK, "Waits until 8:00 their time (now)"),
        (
            local("2026-11-24 08:00"),
            local("2026-11-25 09:00"),
            NEW_YORK,
            "Waits until Wed 9:00 their time (in 25 h)",
        ),
        (
            utc("2026-11-24 10:00"),
            utc("2026-11-24 16:00"),
            IDAHO,
            "Waits until 8:00 in Los Angeles, 9:00 in Boise (in 6 h)",
        ),
        (
            utc("2026-07-24 10:00"),
            utc("2026-07-24 15:00"),
            ("America/Phoenix", "America/Los_Angeles", "America/Denver"),
            "Waits until 8:00 in Phoenix and Los Angeles, 9:00 in Denver (in 5 h)",
        ),
        (
            utc("2026-11-24 10:00"),
            utc("2026-11-24 15:00"),
            DAKOTA,
            "Waits until 8:00 in Denver, 9:00 in Center, North Dakota (in 5 h)",
        ),
        (
            utc("2026-11-24 00:00"),
            utc("2026-11-24 06:00"),
            RUSSIA,
            "Waits until 8:00 to 18:00, depending on where they are (in 6 h)",
        ),
        (utc("2026-11-24 02:00"), utc("2026-11-24 08:00"), ("UTC",), "Waits until 8:00 their time (in 6 h)"),
    ],
)
def test_how_long_a_text_waits_is_said_in_words(now: datetime, at: datetime, zones: tuple[str, ...], line: str) -> None:
    """By their clock and by ours; several zones by name, while they are few."""
    assert show_wait(now, at, zones) == line


@pytest.mark.parametrize(
    ("total", "waits", "line"),
    [
        (1, [(EIGHT_IN_NEW_YORK, NEW_YORK)], "It is 22:14 there: this text waits until 8:00 their time."),
        (3, [(EIGHT_IN_NEW_YORK, NEW_YORK)] * 3, "It is 22:14 there: all 3 texts wait until 8:00 their time."),
        (3, [(EIGHT_IN_NEW_YORK, NEW_YORK)] * 2, "2 of 3 texts wait until 8:00 their time: it is 22:14 there."),
        (2, [(EIGHT_IN_NEW_YORK, NEW_YORK)], "1 of 2 texts waits until 8:00 their time: it is 22:14 there."),
        (
            1,
            [(utc("2026-11-24 16:00"), IDAHO)],
            "It is between 19:14 and 20:14 there: this text waits until 8:00 in Los Angeles, 9:00 in Boise.",
        ),
        (
            2,
            [(EIGHT_IN_NEW_YORK, NEW_YORK), (utc("2026-11-24 16:00"), ("America/Los_Angeles",))],
            "It is between 19:14 and 22:14 there: both texts wait until 8:00 their time.",
        ),
        (1, [(utc("2026-11-25 14:00"), NEW_YORK)], "It is 22:14 there: this text waits until Wed 9:00 their time."),
    ],
)
def test_what_would_wait_is_said_before_it_is_sent(
    total: int, waits: list[tuple[datetime, tuple[str, ...]]], line: str
) -> None:
    """One sentence, whether one text waits or some of several."""
    assert show_forecast(Forecast(utc("2026-11-24 03:14"), total, waits)) == line


def count_quiet(at: datetime, zones: Sequence[str], hours: QuietHours) -> int:
    """How many walls show a time between start and end, hand by hand."""
    start, end = f"{hours.start:%H:%M}", f"{hours.end:%H:%M}"
    shown = [f"{at.astimezone(ZoneInfo(zone)):%H:%M}" for zone in zones]
    if start < end:
        return sum(start <= wall < end for wall in shown)
    return sum(not end <= wall < start for wall in shown)


MINUTES_OF_DAY = st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60))
HOURS = st.tuples(MINUTES_OF_DAY, MINUTES_OF_DAY).filter(lambda pair: pair[0] != pair[1]).map(lambda h: QuietHours(*h))
CLOCK_CHANGES = [utc("2026-03-08 07:00"), utc("2026-11-01 06:00"), utc("2026-03-29 01:00"), utc("2026-04-04 15:00")]
TIMES = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)) | st.builds(  # noqa: DTZ001 - hypothesis adds the zone
    lambda change, seconds: change + timedelta(seconds=seconds),
    st.sampled_from(CLOCK_CHANGES),
    st.integers(-2 * 86400, 86400),
)
ZONES = st.sampled_from(
    [NEW_YORK, ("America/Phoenix",), IDAHO, ALASKA, DAKOTA, ("Australia/Lord_Howe", "Australia/Adelaide"), RUSSIA[::4]]
)


@given(now=TIMES, zones=ZONES, hours=HOURS | st.just(NIGHT))
@example(utc("2026-03-08 06:59:59"), NEW_YORK, QuietHours(time(2, 30), time(2, 0)))
def test_the_next_time_is_the_earliest_at_which_no_zone_is_quiet(
    now: datetime, zones: tuple[str, ...], hours: QuietHours
) -> None:
    """As a search from minute to minute finds it."""
    whole = now.replace(second=0, microsecond=0)
    minutes = [max(now, whole + step * MINUTE) for step in range(72 * 60)]
    expected = next((minute for minute in minutes if not count_quiet(minute, zones, hours)), None)

    at = next_allowed(now, zones, hours)

    assert at == expected or expected is None
    assert at >= now
    assert at.tzinfo is UTC
    assert count_quiet(at, zones, hours) == 0 or expected is None
    assert is_quiet(now, zones, hours) == (at != now)


@given(at=TIMES, zones=ZONES, hours=HOURS | st.just(NIGHT))
def test_nothing_leaves_after_the_deadline(at: datetime, zones: tuple[str, ...], hours: QuietHours) -> None:
    """No minute before it is quiet in any zone, and it is the last such."""
    assume(not count_quiet(at, zones, hours))

    until = allowed_until(at, zones, hours)

    assert until is not None
    assert until > at
    before = [at + step * MINUTE for step in range(-(-(until - at) // MINUTE))]
    assert not any(count_quiet(minute, zones, hours) for minute in before)
    assert not count_quiet(until - timedelta(microseconds=1), zones, hours)
    assert count_quiet(until, zones, hours)


@given(now=TIMES, hours=HOURS)
def test_it_ends_however_the_zones_lie(now: datetime, hours: QuietHours) -> None:
    """Also where they never all allow it."""
    zones = ("Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu", "UTC")

    at = next_allowed(now, zones, hours)

    assert now <= at <= now + timedelta(hours=72)
    assert not is_quiet(at, zones, hours)

"""Outages, their ends and nudges in words."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.notices import (
    Trouble,
    Waited,
    show_span,
    show_time,
    write_nudge,
    write_outage,
    write_recovery,
    write_silence,
)

SINCE = datetime(2026, 11, 24, 14, 41, tzinfo=UTC)
UNTIL = SINCE + timedelta(minutes=11)
FROM = "<!date^1795531260^{date_short_pretty} {time}|2026-11-24 14:41 UTC>"
TO = "<!date^1795531920^{time}|2026-11-24 14:52 UTC>"


@pytest.mark.parametrize(
    ("trouble", "waiting", "said"),
    [
        (
            Trouble.UNREACHABLE,
            3,
            f"CarrierX has not been reachable since {FROM}. 3 texts wait, and go when it is back.",
        ),
        (
            Trouble.UNREACHABLE,
            1,
            f"CarrierX has not been reachable since {FROM}. 1 text waits, and goes when it is back.",
        ),
        (
            Trouble.REFUSED,
            1_200,
            (
                f"CarrierX has refused our token since {FROM}. 1,200 texts wait, and go once CARRIERX_TOKEN is put "
                "right and this app restarted: CarrierX's portal has it under Security Tokens."
            ),
        ),
        (
            Trouble.BUSY,
            2,
            f"CarrierX has been too busy to take texts since {FROM}. 2 texts wait, and go when it takes them again.",
        ),
    ],
)
def test_outage_says_since_when_and_what_waits(trouble: Trouble, waiting: int, said: str):
    assert write_outage(trouble, SINCE, waiting) == said


@pytest.mark.parametrize(
    ("trouble", "waited", "said"),
    [
        (
            Trouble.UNREACHABLE,
            Waited(gone=13, given_up=1),
            f"CarrierX was not reachable from {FROM} to {TO}. 14 texts waited; 13 have gone, 1 was given up.",
        ),
        (
            Trouble.REFUSED,
            Waited(gone=1),
            f"CarrierX refused our token from {FROM} to {TO}. 1 text waited; 1 has gone.",
        ),
        (
            None,
            Waited(given_up=2, refused=1, canceled=3, unclear=1, waiting=4),
            (
                f"CarrierX took no texts from {FROM} to {TO}. 11 texts waited; 2 were given up, 1 was refused, "
                "3 were canceled, 1 is unclear, 4 still wait."
            ),
        ),
        (Trouble.BUSY, Waited(), f"CarrierX was too busy to take texts from {FROM} to {TO}. No texts waited."),
    ],
)
def test_recovery_says_what_waited_and_what_went(trouble: Trouble | None, waited: Waited, said: str):
    assert write_recovery(trouble, SINCE, UNTIL, waited) == said


@pytest.mark.parametrize(
    ("shown", "hidden", "more"),
    [
        (0, 0, ""),
        (1, 0, " 1 text waited for it; 1 can be seen now."),
        (13, 1, " 14 texts waited for it; 13 can be seen now, 1 will be."),
    ],
)
def test_slacks_outage_is_one_sentence_for_both_ends(shown: int, hidden: int, more: str):
    said = write_silence(SINCE, UNTIL, shown=shown, hidden=hidden)

    assert said == f"Slack was not reachable from {FROM} to {TO}, and nothing could be shown.{more}"


@pytest.mark.parametrize(
    ("members", "who"),
    [
        (("+15162065576",), "(516) 206-5576 has"),
        (("+15162065576", "+12075550123"), "(516) 206-5576, (207) 555-0123 have"),
        (
            ("+15162065576", "+12075550123", "+12075550124", "+12075550125"),
            "(516) 206-5576, (207) 555-0123, (207) 555-0124 and others have",
        ),
    ],
)
def test_nudge_names_who_waits_and_how_long(members: tuple[str, ...], who: str):
    assert write_nudge(members, SINCE, UNTIL) == f"{who} waited 11 minutes for an answer, since {FROM}."


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(seconds=5), "1 minute"),
        (timedelta(minutes=59, seconds=59), "59 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=25, minutes=1), "1 day 1 hour"),
        (timedelta(days=2, minutes=5), "2 days 5 minutes"),
    ],
)
def test_span_has_two_units_at_most(span: timedelta, said: str):
    assert show_span(span) == said


def test_end_on_another_day_has_its_day():
    """A time alone would be misread."""
    said = write_recovery(None, SINCE, SINCE + timedelta(hours=13), Waited())

    assert show_time(SINCE + timedelta(hours=13)) in said

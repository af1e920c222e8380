"""Waits: as long as promised, never shrinking, never without end."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.retries import lookup_wait, poll_wait, postponed_wait, retry_wait

SCHEDULES = st.lists(st.floats(0, 1e6), max_size=6).map(lambda seconds: tuple(sorted(seconds)))


def test_tries_wait_twice_as_long_each_time_up_to_five_minutes():
    waits = [retry_wait(tries, 0).total_seconds() for tries in range(1, 11)]

    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


@given(st.integers(1, 10**9), st.floats(0, 1))
def test_chance_takes_off_a_half_at_most(tries: int, chance: float):
    """Tries that failed together are spread."""
    longest = retry_wait(tries, 0)

    assert longest / 2 <= retry_wait(tries, chance) <= longest <= timedelta(minutes=5)


@given(st.integers(0, 10**9), st.floats(0.01, 600))
def test_questions_come_ever_more_seldom_up_to_once_an_hour(polls: int, first: float):
    wait = poll_wait(polls, timedelta(seconds=first))

    assert wait <= poll_wait(polls + 1, timedelta(seconds=first)) <= timedelta(hours=1)


def test_questions_in_the_first_hour_are_as_many_as_said():
    at, asked = timedelta(0), 0
    while (at := at + poll_wait(asked, timedelta(seconds=2))) <= timedelta(hours=1):
        asked += 1

    assert asked == 14


def test_looks_that_could_not_be_made_are_tried_ever_more_seldom():
    minutes = [postponed_wait(timedelta(minutes=doubted)) for doubted in (0, 2, 5, 60, 600, 4000)]

    assert [wait.total_seconds() for wait in minutes] == [15, 15, 30, 360, 3600, 3600]


@given(SCHEDULES)
def test_looks_are_made_when_the_schedule_says(schedule: tuple[float, ...]):
    """Seconds after the doubt arose, and then no more."""
    waits = [lookup_wait(looks, schedule) for looks in range(len(schedule) + 2)]

    at = timedelta(0)
    for wait, due in zip(waits, schedule, strict=False):
        assert wait is not None
        at += wait
        assert abs(at.total_seconds() - due) < 1e-3
    assert waits[len(schedule) :] == [None, None]

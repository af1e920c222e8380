"""How long to wait before the next try, the next look and the next question."""

from datetime import timedelta

_FIRST = timedelta(seconds=2)
_LONGEST = timedelta(minutes=5)
_POLL_GROWTH = 1.6  # with 2 s at first: 14 questions in the first hour, 1 in the second
_POLL_LONGEST = timedelta(hours=1)
_POSTPONED = timedelta(seconds=15)


def retry_wait(tries: int, chance: float) -> timedelta:
    """How long after a request that surely was not taken the next one goes.

    Args:
        tries: Requests made so far, at least 1.
        chance: Random, 0 to 1: spreads tries that failed together.

    Returns:
        2 s, 4 s, 8 s … at most 5 min, each less up to a half.
    """
    grown: timedelta = min(_LONGEST, _FIRST * 2 ** min(tries - 1, 16))
    return grown * (1 - chance / 2)


def poll_wait(polls: int, first: timedelta) -> timedelta:
    """How long until a message's state is asked for again where no receipt has come.

    Args:
        polls: Questions asked so far.
        first: The first wait, which grows from there to an hour.
    """
    return min(_POLL_LONGEST, first * _POLL_GROWTH ** min(polls, 40))


def postponed_wait(doubted: timedelta) -> timedelta:
    """How long until a look is tried again that could not be made.

    Args:
        doubted: Since when there has been something to look for.

    Returns:
        A tenth of that, at least 15 s and at most an hour.
    """
    return min(_POLL_LONGEST, max(_POSTPONED, doubted / 10))


def lookup_wait(looks: int, schedule: tuple[float, ...]) -> timedelta | None:
    """How long after the look before this one the next follows, None after the last.

    Args:
        looks: Looks made so far.
        schedule: Seconds after the doubt arose, growing.
    """
    if looks >= len(schedule):
        return None
    return timedelta(seconds=schedule[looks] - (schedule[looks - 1] if looks else 0))

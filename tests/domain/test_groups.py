"""Whom a reply to a group goes to, in words."""

import pytest

from bot.domain.groups import name_phones, show_reach

FOUR = ("+12125550123", "+13475550142", "+14155550132", "+15162065576")
NINE = tuple(f"+1212555010{at}" for at in range(9))


@pytest.mark.parametrize(
    ("members", "stopped", "said"),
    [
        (FOUR, (), "to all 4"),
        (FOUR, FOUR[1:2], "to 3 of 4, without (347) 555-0142, who has asked for no more texts"),
        (FOUR, FOUR[2:], "to 2 of 4, without (415) 555-0132 and (516) 206-5576, who have asked for no more texts"),
        (FOUR, FOUR[1:], "to (212) 555-0123 alone: all others have asked for no more texts"),
        (FOUR[:2], FOUR[1:2], "to (212) 555-0123 alone: the other has asked for no more texts"),
        (FOUR, FOUR, "to nobody: all 4 have asked for no more texts"),
        (FOUR, ("+12125550199",), "to all 4"),
    ],
)
def test_reach_of_a_reply(members: tuple[str, ...], stopped: tuple[str, ...], said: str):
    assert show_reach(members, stopped) == said


def test_all_are_named_where_nothing_else_does():
    assert show_reach(FOUR[:2], (), named=True) == "to all 2: (212) 555-0123 and (347) 555-0142"


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        (FOUR[:1], "(212) 555-0123"),
        (FOUR[:2], "(212) 555-0123 and (347) 555-0142"),
        (FOUR, "(212) 555-0123, (347) 555-0142, (415) 555-0132 and (516) 206-5576"),
        (NINE, "(212) 555-0100, (212) 555-0101, (212) 555-0102 and 6 more"),
    ],
)
def test_of_many_phones_the_first_are_named(numbers: tuple[str, ...], said: str):
    assert name_phones(numbers) == said

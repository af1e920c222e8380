"""What stands under a text from a phone is true, also of a keyword that came late."""

from datetime import UTC, datetime

import pytest

from bot.domain.message import Inbound
from bot.slack.conversation import show_inbound

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


def keyword(word: str, *, blocked: bool) -> Inbound:
    return Inbound(
        id="i1",
        conversation_id="c1",
        team="T1",
        channel="C1",
        asked_in="C1",
        moved="",
        thread_ts="1.0",
        broadcast=False,
        sender="+15162065574",
        ours="+15162065575",
        members=("+15162065574",),
        text=word,
        pictures=(),
        received_at=NOW,
        keyword=word,
        blocked=blocked,
    )


@pytest.mark.parametrize(
    ("word", "blocked", "said"),
    [
        ("stop", True, "Opted out: nobody can text this number from here until it texts START."),
        ("stop", False, "opted in again since, so this number may be texted."),
        ("start", False, "Opted in again: this number may be texted."),
        ("start", True, "opted out since, so nobody can text this number from here."),
    ],
)
def test_keyword_that_was_overtaken_says_what_stands(word: str, blocked: bool, said: str):  # noqa: FBT001 -- a row
    """CarrierX's order counts: an older STOP changes nothing after a newer START, and the other way round."""
    assert said in str(show_inbound(keyword(word, blocked=blocked)).blocks)

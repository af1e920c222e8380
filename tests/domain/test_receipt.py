"""Laws of what the carrier's word does to a text: forward only, and proof that the carrier has it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.failures import read_status
from bot.domain.message import FINAL, Cause, Status, is_forward
from bot.domain.receipt import Standing, advance, combine, take

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
BEFORE = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
DOUBTFUL = (Status.ACCEPTED, Status.SENDING, Status.UNCONFIRMED)
OURS = (
    Standing(Status.CANCELED, final_at=BEFORE),
    Standing(Status.FAILED, cause=Cause.EXPIRED, final_at=BEFORE),
    Standing(Status.FAILED, "Invalid phone", Cause.REJECTED, final_at=BEFORE),
)
CARRIERS = (
    *(Standing(status) for status in DOUBTFUL),
    Standing(Status.QUEUED),
    Standing(Status.SENT),
    Standing(Status.DELIVERED, final_at=BEFORE),
    Standing(Status.FAILED, "undelivered", Cause.UNDELIVERED, "470", BEFORE),
)
KNOWN = ("queued", "sent", "delivered", "failed", "undelivered")
WORDS = st.sampled_from((*KNOWN, "in_transit", "pondering"))


def tell(standing: Standing, word: str) -> Standing:
    return advance(standing, word=word, code="", at=NOW)


@given(st.sampled_from(CARRIERS), st.lists(WORDS, max_size=6))
def test_no_word_moves_a_text_back(standing: Standing, words: list[str]):
    """Late, repeated and out of order."""
    for word in words:
        after = tell(standing, word)

        assert not is_forward(after.status, standing.status)

        standing = after


@given(st.sampled_from((*CARRIERS, *OURS)), WORDS)
def test_every_word_proves_that_the_carrier_has_the_text(standing: Standing, word: str):
    """Also one that nobody knows; our own verdicts fall to it."""
    after = tell(standing, word)

    assert after.status not in {*DOUBTFUL, Status.CANCELED}
    assert (after.cause is not None) == (after.status is Status.FAILED)
    assert after.cause in {None, Cause.UNDELIVERED}


@given(st.sampled_from((*CARRIERS, *OURS)), WORDS)
def test_the_same_word_again_changes_nothing(standing: Standing, word: str):
    once = tell(standing, word)

    assert tell(once, word) == once


@pytest.mark.parametrize("standing", [*map(Standing, DOUBTFUL), *OURS])
def test_unknown_word_is_kept_and_not_final(standing: Standing):
    assert tell(standing, "in_transit") == Standing(Status.QUEUED, "in_transit")


@pytest.mark.parametrize("standing", [each for each in CARRIERS if each.status in FINAL])
def test_carriers_own_verdict_stays(standing: Standing):
    assert [tell(standing, word) for word in (*KNOWN, "in_transit")] == [standing] * 6


def test_failure_is_told_with_its_word_and_code():
    after = advance(Standing(Status.SENT), word="undelivered", code="470", at=NOW)

    assert after == Standing(Status.FAILED, "undelivered", Cause.UNDELIVERED, "470", NOW)


@st.composite
def groups(draw: st.DrawFn) -> tuple[Standing, list[Standing]]:
    """A group as it may be stored: in doubt or canceled as a whole, or each member where the carrier's word has it."""
    size = draw(st.integers(2, 9))
    whole = draw(st.sampled_from((*CARRIERS, *OURS)))
    if whole in OURS or whole.status in DOUBTFUL:
        # Members follow the message into doubt, but are still `accepted` while it is sending.
        member = Standing(Status.ACCEPTED) if whole.status is Status.SENDING and draw(st.booleans()) else whole
        return whole, [member] * size
    members = draw(st.lists(st.sampled_from(CARRIERS[3:]), min_size=size, max_size=size))
    return combine(Standing(Status.ACCEPTED), members), members


@given(groups(), st.lists(st.tuples(st.integers(0, 8), WORDS), min_size=1, max_size=12))
def test_word_about_one_member_never_moves_its_group_back(
    group: tuple[Standing, list[Standing]], told: list[tuple[int, str]]
):
    """Nor into doubt: what CarrierX took of a group it took for all."""
    whole, members = group
    for place, word in told:
        at = place % len(members)
        members = [tell(each, word) if one == at else take(each) for one, each in enumerate(members)]
        after = combine(whole, members)

        assert after.status not in {*DOUBTFUL, Status.CANCELED}
        assert whole in OURS or not is_forward(after.status, whole.status)

        whole = after


@given(st.lists(st.sampled_from(CARRIERS[3:]), min_size=2, max_size=9))
def test_group_stands_with_its_slowest_that_has_not_failed(members: list[Standing]):
    going = [each for each in members if each.status is not Status.FAILED]
    slowest = [each.status for each in going if not any(is_forward(other.status, each.status) for other in going)]

    assert combine(Standing(Status.SENDING), members).status is (slowest[0] if slowest else Status.FAILED)


def test_group_is_delivered_when_its_last_was():
    members = [Standing(Status.DELIVERED, final_at=BEFORE), Standing(Status.DELIVERED, final_at=NOW)]

    assert combine(Standing(Status.SENT), members) == Standing(Status.DELIVERED, final_at=NOW)


def test_words_here_are_those_that_are_known():
    assert [word for word in KNOWN if read_status(word) is None] == []
    assert {read_status("in_transit"), read_status("pondering")} == {None}

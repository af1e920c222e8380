"""What Slack lacks of a batch, and in which order it gets it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.message import Cause, Failure, Recipient, Status
from bot.services.showing import Kind, Post, PostState, Wants
from bot.slack.blocks import show_root
from bot.slack.plan import digest, plan, show_notice
from tests.slack.batches import ANNA, NOW, a_batch, a_message

FAILED = a_batch(
    a_message(status=Status.FAILED, recipients=(Recipient(ANNA, Status.FAILED, failure=Failure(Cause.REJECTED)),))
)


def a_post(kind: Kind, **known: object) -> Post:
    post = Post("p", "b", kind, "C1", None, PostState.POSTED, NOW, ts="1.1", updated_at=NOW)
    return replace(post, **known)  # type: ignore[arg-type]  # a test names the fields it means


def test_new_messages_come_in_the_order_in_which_people_read_them():
    steps = plan(replace(FAILED, moved="archived"), {}, NOW)

    assert [step.kind for step in steps] == [Kind.ROOT, Kind.NOTICE, Kind.STATUS, Kind.TROUBLE]
    assert {step.wants for step in steps} == {Wants.POST}


def test_a_message_that_says_it_already_is_left_alone():
    batch = a_batch()

    steps = plan(batch, {Kind.ROOT: a_post(Kind.ROOT, shown=digest(show_root(batch)))}, NOW)

    assert [step.kind for step in steps] == [Kind.STATUS]


def test_a_change_waits_a_second():
    steps = plan(a_batch(), {kind: a_post(kind) for kind in (Kind.ROOT, Kind.STATUS)}, NOW)

    assert [step.due for step in steps] == [NOW + timedelta(seconds=1)] * 2


def test_without_a_root_only_trouble_is_shown():
    steps = plan(FAILED, {Kind.ROOT: a_post(Kind.ROOT, state=PostState.GONE)}, NOW)

    assert [step.kind for step in steps] == [Kind.TROUBLE]


@pytest.mark.parametrize(
    ("moved", "asked_in", "why", "remedy"),
    [
        ("not_in_channel", "C1", "I am not a member of <#C1>", "type `/invite @sms` in it."),
        ("not_in_channel", "D1", "Apps cannot join a direct message between people", "type `/invite @sms` there."),
        ("archived", "C1", "<#C1> is archived", "use another one."),
        ("restricted", "C1", "I may not post in <#C1>", "An administrator can allow it in the channel's settings."),
    ],
)
def test_the_sender_reads_why_it_is_in_their_dm_and_what_to_do(moved: str, asked_in: str, why: str, remedy: str):
    notice = show_notice(a_batch(moved=moved, asked_in=asked_in), "sms")

    assert notice is not None
    assert notice.text.startswith(f"{why}, so the status of your text is in your direct messages with me. ")
    assert notice.text.endswith(remedy)


def test_a_batch_in_its_place_needs_no_notice():
    assert show_notice(a_batch()) is None

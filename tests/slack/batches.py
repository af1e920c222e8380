"""Batches as the tests of the Slack room need them: plain ones, and any that hypothesis can think of."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from bot.domain.message import Batch, Cause, Failure, Message, Preparation, Recipient, Status, Wait

NOW = datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)
OURS = "+12125550100"
ANNA = "+15162065574"


def a_message(*numbers: str, status: Status = Status.QUEUED, **known: Any) -> Message:
    """One text, to Anna unless told."""
    fields: dict[str, Any] = {
        "id": "5b2f3c9e-0000-4000-8000-000000000001",
        "batch_id": "5b2f3c9e-0000-4000-8000-000000000000",
        "seq": 1,
        "sender": OURS,
        "recipients": tuple(Recipient(number, status) for number in numbers or (ANNA,)),
        "group": len(numbers) > 1,
        "text": "Running ten minutes late",
        "media_urls": (),
        "status": status,
        "accepted_at": NOW,
    }
    return Message(**(fields | known))


def a_batch(*messages: Message, **known: Any) -> Batch:
    """What Alice asked for in one go."""
    fields: dict[str, Any] = {
        "id": "5b2f3c9e-0000-4000-8000-000000000000",
        "team": "T1",
        "user_id": "U1",
        "user_name": "Alice",
        "channel": "C1",
        "asked_in": "C1",
        "messages": messages or (a_message(),),
    }
    return Batch(**(fields | known))


ODD_TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=1600),
    st.sampled_from(
        [
            "&" * 1600,
            "<!channel> <@U1> <!here|here> <https://evil.example|bank.example>",
            "👨‍👩‍👧‍👦🇺🇸👍🏽" * 100,
            "שלום \u202e evil \u2066 مرحبا" * 60,
            "*bold* _it_ ~no~ `code` > quote :smile:\n" * 30,
            "\u0000\u0007\n\n\n",
            " ",
            "",
        ]
    ),
)
ODD_NAMES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
    st.sampled_from(["W" * 40, "<!channel>", "*Al* & <Bo>", "אברהם בן יצחק", "👩🏽‍🚀" * 20, ""]),
)
NUMBERS = st.integers(0, 7_999_999).map(lambda n: f"+1516{2000000 + n}")
MEDIA = st.lists(
    st.sampled_from(["https://cdn.example/a.jpg", "https://cdn.example/" + "x" * 1900 + ".png", "http://[::1]/?q=<&>"]),
    max_size=10,
).map(tuple)
TIMES = st.none() | st.integers(0, 300_000).map(lambda seconds: NOW + timedelta(seconds=seconds))
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=900)
FAILURES = st.builds(Failure, cause=st.sampled_from(Cause), word=WORDS, code=st.sampled_from(["", "470", "4432"]))
PREPARATIONS = st.builds(
    Preparation,
    kinds=st.lists(st.sampled_from(["image/jpeg", "video/mp4", "application/pdf", ""]), min_size=1, max_size=10).map(
        tuple
    ),
    place=st.none() | st.integers(0, 10),
    reason=WORDS,
)


@st.composite
def recipients(draw: st.DrawFn, number: str, status: Status) -> Recipient:
    """A phone at `status`, with a failure exactly when it failed."""
    return Recipient(
        number,
        status,
        word=draw(st.one_of(st.just(""), WORDS)),
        failure=draw(FAILURES) if status is Status.FAILED else None,
        final_at=draw(TIMES),
        retried=draw(st.booleans()),
    )


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Any batch that could be stored: up to 50 phones, or a group of ten."""
    numbers = draw(st.lists(NUMBERS, min_size=1, max_size=50, unique=True))
    group = draw(st.booleans())
    parts = [numbers[:9]] if group else [[number] for number in numbers]
    text, media = draw(ODD_TEXTS), draw(MEDIA)
    messages = []
    for seq, part in enumerate(parts, 1):
        status = draw(st.sampled_from(Status))
        messages.append(
            a_message(
                seq=seq,
                status=status,
                recipients=tuple(draw(recipients(number, status)) for number in part),
                group=group,
                text=text,
                media_urls=media,
                sending_at=draw(TIMES),
                queued_at=draw(TIMES),
                sent_at=draw(TIMES),
                final_at=draw(TIMES),
                wait=draw(st.none() | st.sampled_from(Wait)),
                not_before=draw(TIMES) or NOW,
                zones=draw(st.sampled_from([("America/New_York",), ("America/Boise", "America/Los_Angeles")])),
                checking_since=draw(TIMES),
                kind=draw(st.sampled_from(["", "sms", "mms"])),
                segments=draw(st.none() | st.integers(0, 11)),
                price=draw(st.sampled_from(["", "0.0075", "-1"])),
                took=draw(st.none() | st.timedeltas(timedelta(0), timedelta(days=3))),
                unreceipted=draw(st.booleans()),
                preparation=draw(PREPARATIONS),
            )
        )
    return a_batch(
        *messages,
        user_name=draw(ODD_NAMES),
        moved=draw(st.sampled_from(["", "not_in_channel", "archived"])),
        asked_in=draw(st.sampled_from(["C1", "D1", "G1"])),
        again=draw(st.sampled_from(["", "5b2f3c9e-0000-4000-8000-00000000000f"])),
    )

"""What people see of a batch, and that Slack takes it whatever was typed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from slack_sdk.models.blocks import Block

from bot.domain.message import Batch, Cause, Failure, Recipient, Status, Wait
from bot.slack.blocks import Content, show_root, show_status, show_trouble
from playground.slack.limits import lint_message
from tests.slack.batches import ANNA, NOW, a_batch, a_message, batches

BEN = "+14155550123"
REJECTED = Failure(Cause.REJECTED, "Number is not enabled for messaging.")


def every_element(value: Any) -> Iterator[dict[str, Any]]:
    """All dicts inside some blocks."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from every_element(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from every_element(inner)


def read_aloud(content: Content | None) -> str:
    """The words of a message's blocks, times as [hh:mm:ss UTC], one paragraph a line."""
    assert content is not None
    said = []
    for element in every_element(content.blocks):
        match element.get("type"):
            case "rich_text_section" | "rich_text_quote":
                said.append("\n")
            case "text":
                said.append(element["text"])
            case "date":
                said.append(f"[{element['fallback']}]")
            case "link":
                said.append(f"{element['text']}→{element['url']}")
            case "user":
                said.append(f"@{element['user_id']}")
            case "channel":
                said.append(f"#{element['channel_id']}")
            case _:
                pass
    return "".join(said).strip()


def buttons(content: Content | None) -> list[tuple[str, str, str]]:
    """The label, action and value of each button."""
    assert content is not None
    return [
        (element["text"]["text"], element["action_id"], element["value"])
        for element in every_element(content.blocks)
        if element.get("type") == "button"
    ]


def test_root_says_who_texted_whom_what_and_the_newest_state() -> None:
    """Nobody needs to open the thread."""
    batch = a_batch(a_message(kind="sms", segments=1, media_urls=("https://cdn.example/menu/a.jpg",)))

    root = show_root(batch, "Front desk")

    assert read_aloud(root).splitlines() == [
        "Alice texted (516) 206-5574 from Front desk (212) 555-0100",
        "Running ten minutes late",
        "Media: cdn.example/a.jpg→https://cdn.example/menu/a.jpg",
        "queued · sms · 1 segment",
    ]
    assert root.text == (
        "Alice texted (516) 206-5574 from Front desk (212) 555-0100: "
        "Running ten minutes late (1 media file) · queued · sms · 1 segment"
    )


@pytest.mark.parametrize(
    ("known", "line"),
    [
        ({"status": Status.ACCEPTED}, "accepted"),
        ({"status": Status.SENDING}, "sending"),
        ({"status": Status.QUEUED, "kind": "sms", "segments": 2}, "queued · sms · 2 segments"),
        ({"status": Status.SENT, "kind": "sms", "segments": 1}, "sent · sms · 1 segment"),
        ({"status": Status.SENT, "unreceipted": True}, "sent · CarrierX sent no receipt"),
        ({"status": Status.DELIVERED, "took": timedelta(seconds=2.44)}, "delivered in 2.4 s"),
        ({"status": Status.DELIVERED, "price": "0.0075"}, "delivered · $0.0075"),
        ({"status": Status.CANCELED}, "canceled, not sent"),
        ({"status": Status.CANCELED, "busy": True}, "canceled"),
        (
            {"status": Status.UNCONFIRMED, "unread": True},
            (
                "unconfirmed\nCarrierX never answered clearly, and its records could not be read. "
                "It may have arrived or not."
            ),
        ),
        (
            {"status": Status.ACCEPTED, "wait": Wait.UNREACHABLE, "not_before": NOW},
            "waiting\nCarrierX is not answering, trying again at [10:00:00 UTC].",
        ),
        (
            {"status": Status.ACCEPTED, "wait": Wait.THROTTLED, "not_before": NOW},
            "waiting\nCarrierX asks us to slow down, trying again at [10:00:00 UTC].",
        ),
        (
            {"status": Status.ACCEPTED, "wait": Wait.BUSY, "not_before": NOW},
            "waiting\nCarrierX was too busy to take it, trying again at [10:00:00 UTC].",
        ),
        (
            {"status": Status.ACCEPTED, "wait": Wait.PACING, "not_before": NOW},
            (
                "waiting\nThis number sends only so many texts a second; it is waiting its turn, "
                "going out at [10:00:00 UTC]."
            ),
        ),
        (
            {"status": Status.ACCEPTED, "wait": Wait.UNAUTHORIZED, "not_before": NOW},
            "waiting\nCarrierX refuses our token; your text waits until an administrator has put that right.",
        ),
        (
            {"status": Status.SENDING, "checking_since": NOW},
            "checking\nCarrierX did not answer clearly; checking whether it took the text. Do not send it again yet.",
        ),
        (
            {"status": Status.UNCONFIRMED},
            (
                "unconfirmed\nCarrierX never answered clearly, and has no record of the text so far. "
                "It may have arrived or not."
            ),
        ),
    ],
)
def test_every_state_has_its_words(known: dict[str, Any], line: str) -> None:
    """The channel message ends with the newest state, and the status reply begins with it."""
    batch = a_batch(a_message(**known))

    assert read_aloud(show_root(batch)).endswith(line)
    assert read_aloud(show_status(batch)).startswith(line)
    assert all(said in show_status(batch).text for said in line.split("[", maxsplit=1)[0].splitlines())


def test_status_keeps_the_time_of_each_step() -> None:
    """One reply, edited in place, forgets nothing."""
    message = a_message(
        status=Status.DELIVERED,
        sending_at=NOW + timedelta(seconds=1),
        queued_at=NOW + timedelta(seconds=2),
        sent_at=NOW + timedelta(seconds=3),
        final_at=NOW + timedelta(days=1),
    )

    status = show_status(a_batch(message))

    assert read_aloud(status).splitlines()[1] == (
        "accepted [10:00:00 UTC] · sending [10:00:01 UTC] · queued [10:00:02 UTC] · "
        "sent [10:00:03 UTC] · delivered [10:00:00 UTC]"
    )
    dates = [element for element in every_element(status.blocks) if element.get("type") == "date"]
    assert [date["format"].startswith("{date") for date in dates] == [True, False, False, False, True]


def test_an_unknown_word_is_shown_as_carrierx_wrote_it() -> None:
    """Nobody guesses what it means."""
    batch = a_batch(a_message(recipients=(Recipient(ANNA, Status.SENT, word="enroute"),), status=Status.SENT))

    assert read_aloud(show_root(batch)).endswith("sent · CarrierX says “enroute”")


def test_several_recipients_have_a_line_each() -> None:
    """One status reply says how many got it, and who did not."""
    numbers = (ANNA, BEN, "+14155550124", "+14155550125")
    messages = [
        a_message(number, seq=seq, status=status, final_at=NOW)
        for seq, (number, status) in enumerate(zip(numbers, [Status.DELIVERED] * 3 + [Status.SENT], strict=True), 1)
    ]

    status = show_status(a_batch(*messages))

    assert read_aloud(status).splitlines() == [
        "3 of 4 delivered · 1 sent",
        "accepted [10:00:00 UTC]",
        "(516) 206-5574: delivered · delivered [10:00:00 UTC]",
        "(415) 555-0123: delivered · delivered [10:00:00 UTC]",
        "(415) 555-0124: delivered · delivered [10:00:00 UTC]",
        "(415) 555-0125: sent",
    ]


def test_many_recipients_that_wait_for_one_reason_read_it_once() -> None:
    """Fifty times the same sentence is noise."""
    waiting: dict[str, Any] = {"status": Status.ACCEPTED, "wait": Wait.UNREACHABLE, "not_before": NOW}
    batch = a_batch(a_message(ANNA, **waiting), a_message(BEN, seq=2, **waiting))

    assert read_aloud(show_status(batch)).count("CarrierX is not answering") == 1


def test_cancel_is_offered_only_while_it_can_work() -> None:
    """A text that may have left has no Cancel."""
    waiting = a_batch(a_message(status=Status.ACCEPTED, wait=Wait.UNREACHABLE, not_before=NOW))
    left = a_batch(a_message(status=Status.SENDING))

    assert buttons(show_status(waiting)) == [("Cancel", "sms_cancel", waiting.id)]
    assert buttons(show_status(left)) == []


def failed(number: str = ANNA, *, retried: bool = False, failure: Failure = REJECTED) -> Any:
    """A text that CarrierX refused."""
    one = Recipient(number, Status.FAILED, failure=failure, retried=retried)
    return a_message(recipients=(one,), status=Status.FAILED)


def test_a_failure_calls_its_sender_with_a_way_on() -> None:
    """What happened, what to do, and a button that does it."""
    batch = a_batch(failed())

    trouble = show_trouble(batch)

    assert read_aloud(trouble).startswith("@U1 Your text to (516) 206-5574 was not delivered.")
    assert buttons(trouble) == [("Try again", "sms_again", batch.id), ("Edit", "sms_edit", batch.id)]
    assert trouble is not None
    assert trouble.text.startswith("<@U1> Your text to (516) 206-5574 was not delivered.")


def test_no_trouble_no_reply() -> None:
    """Also when an unconfirmed text turns out to have arrived."""
    assert show_trouble(a_batch(a_message(status=Status.DELIVERED))) is None
    assert show_trouble(a_batch(a_message(status=Status.CANCELED))) is None


def test_nobody_is_told_to_try_again_what_may_have_arrived() -> None:
    """The sentence says that it may arrive twice, and the button does not promise a first time."""
    batch = a_batch(a_message(status=Status.UNCONFIRMED))

    trouble = show_trouble(batch)

    assert read_aloud(trouble) == (
        "@U1 Your text to (516) 206-5574 may have arrived or not.\n"
        "CarrierX never answered clearly, and its records do not show the text. "
        "Ask the person, or send it again if it does no harm when it arrives twice."
    )
    assert buttons(trouble) == [("Send again", "sms_again", batch.id)]


def test_what_was_sent_again_has_no_button() -> None:
    """Two presses make one text; after the first the button is gone."""
    trouble = show_trouble(a_batch(failed(retried=True)))

    assert "It has been sent again." in read_aloud(trouble)
    assert buttons(trouble) == []


def test_recipients_with_one_reason_share_one_sentence() -> None:
    """A list of fifty identical reasons would bury the one that differs."""
    batch = a_batch(failed(ANNA), failed(BEN), a_message("+14155550124", status=Status.UNCONFIRMED))

    said = read_aloud(show_trouble(batch)).splitlines()

    assert said[0] == "@U1 2 of 3 texts were not delivered, and 1 of 3 texts may have arrived or not."
    assert said[1].startswith("(516) 206-5574, (415) 555-0123: ")
    assert said[2].startswith("(415) 555-0124: CarrierX never answered clearly")
    assert buttons(show_trouble(batch)) == [("Send again", "sms_again", batch.id), ("Edit", "sms_edit", batch.id)]


def test_whose_stop_kept_a_group_text_is_named_once() -> None:
    """The sentence names the phone; once the others have it, it says so instead of how."""
    carl = "+14155550124"
    stopped = Failure(Cause.OPTED_OUT, ANNA)
    phones = [Recipient(number, Status.FAILED, failure=stopped) for number in (ANNA, BEN, carl)]
    sent = [phones[0], *(replace(phone, retried=True) for phone in phones[1:])]

    waiting, done = (
        show_trouble(a_batch(a_message(ANNA, BEN, carl, status=Status.FAILED, recipients=tuple(those))))
        for those in (phones, sent)
    )

    what = "(516) 206-5574 asked for no more texts before it left, so it was not sent."
    how = "They get texts again when they text START to your number; it can go without them."
    assert read_aloud(waiting) == f"@U1 Your text was not delivered to 3 of 3 phones.\n{what} {how}"
    assert [label for label, _, _ in buttons(waiting)] == ["Send to the others"]
    assert (
        read_aloud(done)
        == f"@U1 Your text was not delivered to 3 of 3 phones.\n{what} It has been sent again without them."
    )
    assert buttons(done) == []


@pytest.mark.parametrize(
    ("failure", "labels"),
    [
        (Failure(Cause.MEDIA, "it is too large"), ["Edit"]),
        (Failure(Cause.UNREADY, "its server does not answer"), ["Try again", "Edit"]),
        (Failure(Cause.EXPIRED), ["Try again"]),
        (Failure(Cause.OPTED_OUT), []),
    ],
)
def test_only_what_may_help_is_offered(failure: Failure, labels: list[str]) -> None:
    """What can never go as it is has no Try again."""
    batch = a_batch(failed(failure=failure))

    assert [label for label, _, _ in buttons(show_trouble(batch))] == labels


@pytest.mark.parametrize(
    ("asked_in", "moved", "line"),
    [
        ("C9", "not_in_channel", "Shown here because #C9 does not have me as a member."),
        ("C9", "archived", "Shown here because #C9 is archived."),
        ("D9", "not_in_channel", "Shown here because another conversation does not have me as a member."),
    ],
)
def test_a_text_shown_elsewhere_says_why(asked_in: str, moved: str, line: str) -> None:
    """Who finds it in the DM with the app reads where it belongs."""
    batch = a_batch(channel="D1", asked_in=asked_in, moved=moved)

    assert read_aloud(show_root(batch)).endswith(line)


def test_a_channel_ping_in_the_text_is_only_words() -> None:
    """Neither the blocks nor the fallback notify anybody."""
    root = show_root(a_batch(a_message(text="<!channel> <@U2> @here"), user_name="<!everyone>"))

    assert {element["type"] for element in every_element(root.blocks) if "type" in element} == {
        *("rich_text", "rich_text_section", "rich_text_quote", "text"),
    }
    assert "<" not in root.text


def test_a_right_to_left_name_leaves_the_numbers_alone() -> None:
    """Without an isolate the phone number beside it would be shown back to front."""
    said = read_aloud(show_root(a_batch(user_name="אברהם")))

    assert said.startswith("\u2068אברהם\u2069 texted")


def shown(batch: Batch) -> list[Content]:
    """Everything that this batch may put into Slack."""
    trouble = show_trouble(batch)
    return [show_root(batch, "Front desk"), show_status(batch), *([trouble] if trouble else [])]


@given(batches())
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
def test_slack_takes_whatever_was_typed(batch: Batch) -> None:
    """Odd names, long texts, fifty phones, unknown words: within Slack's limits, and nothing that its models drop."""
    for content in shown(batch):
        blocks = list(content.blocks)
        models = [block.to_dict() for block in Block.parse_all(blocks)]

        assert models == blocks
        assert lint_message({"text": content.text, "blocks": blocks}) == []
        assert len(json.dumps(words_of(blocks), ensure_ascii=False)) <= 13_200
        assert content.text


@given(batches())
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
def test_nobody_is_pinged_but_the_sender(batch: Batch) -> None:
    """One mention, in the reply about trouble."""
    root, status, *trouble = shown(batch)

    for content in (root, status):
        assert not [element for element in every_element(content.blocks) if element.get("type") == "user"]
        assert "<" not in content.text
    for content in trouble:
        called = [element for element in every_element(content.blocks) if element.get("type") == "user"]
        assert called == [{"type": "user", "user_id": "U1"}]
        assert content.text.count("<") == 1


def words_of(blocks: list[dict[str, Any]]) -> list[str]:
    """All that counts towards the size of a message: texts and addresses."""
    return [
        element[key]
        for element in every_element(blocks)
        for key in ("text", "url", "value")
        if isinstance(element.get(key), str)
    ]


def test_a_group_in_doubt_is_checked_not_accepted() -> None:
    """Its members are as far as the one request for all of them."""
    text = a_message(ANNA, "+15162065575", status=Status.SENDING, checking_since=NOW)
    members = tuple(replace(phone, status=Status.ACCEPTED) for phone in text.recipients)

    assert "2 checking" in show_status(a_batch(replace(text, recipients=members))).text

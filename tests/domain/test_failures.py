import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.failures import helps_again, helps_edit, read_status, show_failure
from bot.domain.message import Cause, Failure, Status

FAILURE_WORDS = (
    "failed",
    "undelivered",
    "undeliverable",
    "rejected",
    "delivery_failed",
    "expired",
    "blocked",
    "opted_out",
    "unknown_number",
    "landline",
    "insufficient_funds",
    "media_too_large",
    "throttled",
    "canceled",
)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("queued", Status.QUEUED),
        ("accepted", Status.QUEUED),
        ("sending", Status.QUEUED),
        ("sent", Status.SENT),
        ("delivered", Status.DELIVERED),
        (" Delivered ", Status.DELIVERED),
        *((word, Status.FAILED) for word in FAILURE_WORDS),
        ("Delivery Failed", Status.FAILED),
        ("DELIVERY-FAILED", Status.FAILED),
    ],
)
def test_carrierx_words_have_a_meaning(word: str, status: Status) -> None:
    """However they are spelled."""
    assert read_status(word) is status


@pytest.mark.parametrize("word", ["", "received", "unknown", "undirected", "sent to the moon"])
def test_a_word_that_nobody_knows_means_nothing(word: str) -> None:
    """It is shown, and is not final."""
    assert read_status(word) is None


@pytest.mark.parametrize(
    ("failure", "what", "remedy"),
    [
        (
            Failure(Cause.UNDELIVERED, "undelivered"),
            "The phone's network could not deliver it.",
            "The phone may be off or out of reach: try again later, or call.",
        ),
        (
            Failure(Cause.UNDELIVERED, "failed", "503"),
            "CarrierX could not send it, and gave no reason (carrier code 503).",
            "Try again if the number is right; if it fails once more, ask CarrierX.",
        ),
        (
            Failure(Cause.UNDELIVERED, "unknown-number"),
            "Nobody has this number.",
            "Check the number with the person, and send it anew to the right one.",
        ),
        (
            Failure(Cause.UNDELIVERED, "wibble", "7"),
            "It was not delivered; CarrierX says “wibble” (carrier code 7).",
            "Try again, and call if it fails once more.",
        ),
        (
            Failure(Cause.UNDELIVERED, "", "503"),
            "It was not delivered, and CarrierX gave no reason (carrier code 503).",
            "Try again, and call if it fails once more.",
        ),
        (
            Failure(Cause.REJECTED, "object validation error:\n to is not valid."),
            "CarrierX did not take it: “object validation error: to is not valid”.",
            "Change what CarrierX names and send it anew.",
        ),
        (
            Failure(Cause.REJECTED),
            "CarrierX did not take it, and gave no reason.",
            "Check number and text; to change one send it anew.",
        ),
        (
            Failure(Cause.EXPIRED),
            "It waited too long and was not sent.",
            "Send it again if it still matters.",
        ),
        (
            Failure(Cause.OPTED_OUT),
            "They asked for no more texts before it left, so it was not sent.",
            "They get texts again when they text START to your number; until then reach them another way.",
        ),
        (
            Failure(Cause.OPTED_OUT, "+15162065574,+4930123456,+15162065576"),
            (
                "(516) 206-5574, +49 30 123456 and (516) 206-5576 asked for no more texts before it left, "
                "so it was not sent."
            ),
            "They get texts again when they text START to your number; it can go without them.",
        ),
        (
            Failure(Cause.MEDIA, "the link cannot be used: it is a web page, not a file"),
            "It was not sent: the link cannot be used: it is a web page, not a file.",
            "Edit it: leave that out, or put something else in its place.",
        ),
        (
            Failure(Cause.UNREADY, "CarrierX's file storage is full"),
            "It was not sent: CarrierX's file storage is full.",
            "Try again later, or edit it and leave the file or link out.",
        ),
        (
            Failure(Cause.OPTED_OUT, unsure=True),
            "They asked for no more texts, so it is not tried again; CarrierX was too busy to take it.",
            "They get texts again when they text START to your number; until then reach them another way.",
        ),
        (
            Failure(Cause.EXPIRED, unsure=True),
            "CarrierX was too busy for too long, and its records do not show it.",
            "Send it again if it still matters.",
        ),
    ],
)
def test_a_failure_says_what_happened_and_what_to_do(failure: Failure, what: str, remedy: str) -> None:
    assert show_failure(failure) == (what, remedy)


@pytest.mark.parametrize("word", FAILURE_WORDS)
def test_every_known_word_is_put_in_plain_words(word: str) -> None:
    """Nobody reads `delivery_failed`."""
    what, remedy = show_failure(Failure(Cause.UNDELIVERED, word))

    assert "CarrierX says" not in what
    assert "_" not in what + remedy


@given(cause=st.sampled_from(Cause), word=st.text(max_size=2000), code=st.text("0123456789", max_size=6))
def test_a_failure_is_two_short_sentences_and_never_a_code_alone(cause: Cause, word: str, code: str) -> None:
    what, remedy = show_failure(Failure(cause, word, code))

    assert what.endswith(".")
    assert remedy.endswith(".")
    assert len(what) < 400
    assert "\n" not in what
    ours = {Cause.EXPIRED, Cause.OPTED_OUT, Cause.MEDIA, Cause.UNREADY}
    assert not code or cause in ours or f"(carrier code {code})" in what


@pytest.mark.parametrize(
    ("failure", "again", "edit"),
    [
        (Failure(Cause.MEDIA, "it is too large"), False, True),
        (Failure(Cause.UNREADY, "CarrierX did not store the file"), True, True),
        (Failure(Cause.REJECTED, "to is not valid"), True, True),
        (Failure(Cause.UNDELIVERED, "Unknown-Number"), True, True),
        (Failure(Cause.UNDELIVERED, "media_too_large"), True, True),
        (Failure(Cause.UNDELIVERED, "blocked"), True, True),
        (Failure(Cause.UNDELIVERED, "expired"), True, False),
        (Failure(Cause.UNDELIVERED, "wibble"), True, False),
        (Failure(Cause.EXPIRED), True, False),
        (Failure(Cause.OPTED_OUT), False, False),
    ],
)
def test_what_helps_depends_on_why_it_failed(failure: Failure, again: bool, edit: bool) -> None:  # noqa: FBT001 -- a table
    """The same again where it may go then, a change where one may make it go."""
    assert (helps_again(failure), helps_edit(failure)) == (again, edit)

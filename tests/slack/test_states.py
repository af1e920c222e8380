"""How far a text's files are, in words."""

import pytest

from bot.domain.message import Preparation, Status, Wait
from bot.slack.rich_text import show_phrase
from bot.slack.states import note, word
from tests.slack.batches import NOW, a_message

JPEG, HEIC, MP4, PDF = "image/jpeg", "image/heic", "video/mp4", "application/pdf"


@pytest.mark.parametrize(
    ("kinds", "place", "said"),
    [
        ((JPEG,), 1, "Getting the picture ready…"),
        ((MP4,), 0, "Getting the video ready…"),
        (("",), 1, "Getting the file ready…"),
        ((JPEG, HEIC, JPEG), 2, "Getting picture 2 of 3…"),
        ((JPEG, PDF), 2, "Getting file 2 of 2…"),
        ((JPEG, HEIC), 0, "Getting both pictures ready…"),
        ((JPEG, HEIC, PDF), 0, "Getting all 3 files ready…"),
    ],
)
def test_work_is_said_in_one_line(kinds: tuple[str, ...], place: int, said: str):
    """Which of several, by what people call them."""
    message = a_message(
        status=Status.ACCEPTED, wait=Wait.MEDIA, not_before=NOW, preparation=Preparation(kinds, place, "Slack is down")
    )

    assert show_phrase(note(message)) == said
    assert word((message, message.recipients[0])) == "waiting"


def test_a_try_in_vain_says_why_and_when_the_next_one_is():
    """With nobody at work on it."""
    message = a_message(
        status=Status.ACCEPTED,
        wait=Wait.MEDIA,
        not_before=NOW,
        preparation=Preparation((JPEG,), None, "the files took too long to get ready"),
    )

    first, at, last = note(message)
    assert first == "The files took too long to get ready; your text waits, trying again at "
    assert (at, last) == (NOW, ".")

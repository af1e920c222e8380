"""What one person alone reads about their reply."""

import pytest

from bot.services.replying import Answered, Say, Told
from bot.slack.whispers import show_met, show_told


def told(say: Say, text: str) -> Told:
    return Told(say, "r1", "C1", "1.0", "U1", answered=Answered("U2", text))


def test_an_answer_of_files_alone_is_named_as_such():
    """To the eye and to the ear."""
    for content in (show_met(told(Say.MET, "")), show_told(told(Say.MET, ""), 5)):
        assert content.text.endswith("(no text, media only)")
        assert "(no text, media only)" in str(content.blocks)


def test_an_answer_is_quoted():
    assert show_met(told(Say.MET, "at nine")).text.endswith("at nine")


GROUP = ("+12125550123", "+13475550142", "+14155550132")


@pytest.mark.parametrize(
    ("stopped", "ask", "button", "undo", "sent"),
    [
        (
            (),
            "It goes to all 3: (212) 555-0123, (347) 555-0142 and (415) 555-0132.",
            "Send to all 3",
            "5 s after you wrote it, it goes to all 3: ",
            "Sent to all 3: ",
        ),
        (
            GROUP[:1],
            "It goes to 2 of 3, without (212) 555-0123, who has asked for no more texts.",
            "Send to 2 of 3",
            "5 s after you wrote it, it goes to 2 of 3, without (212) 555-0123, ",
            "Sent to 2 of 3, without (212) 555-0123, ",
        ),
        (
            GROUP[:2],
            "It goes to (415) 555-0132 alone: ",
            "Send to phone",
            "5 s after you wrote it, it goes to (415) 555-0132 alone: ",
            "Sent to (415) 555-0132 alone: ",
        ),
    ],
)
def test_reply_to_a_group_says_to_whom(stopped: tuple[str, ...], ask: str, button: str, undo: str, sent: str):
    """Before it goes, while it can be undone, and when it has gone."""
    first, second, third = (
        show_told(Told(say, "r1", "C1", "1.0", "U1", members=GROUP, stopped=stopped), 5)
        for say in (Say.ASK, Say.UNDO, Say.SENT)
    )

    assert ask in first.text
    assert button in str(first.blocks)
    assert second.text.startswith(undo)
    assert third.text.startswith(sent)

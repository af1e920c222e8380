"""What one person alone reads about their reply."""

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

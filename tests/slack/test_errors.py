"""Nothing escapes the boundary, and nobody reads a traceback."""

import pytest
from structlog.testing import capture_logs

from bot.errors import BotError, InvalidFieldsError, NotStoredError, RefusedError
from bot.slack.errors import answering


def fail(error: Exception) -> None:
    """Mypy would take what follows a bare `raise` for unreachable; this boundary swallows it."""
    raise error


class Ear:
    """Hears what a person would read."""

    def __init__(self) -> None:
        self.heard: list[BotError] = []

    async def __call__(self, error: BotError) -> None:
        self.heard.append(error)


async def test_what_goes_well_says_nothing() -> None:
    """The listener has answered already."""
    tell = Ear()

    async with answering(tell, "command"):
        pass

    assert tell.heard == []


@pytest.mark.parametrize("error", [RefusedError("Not now."), InvalidFieldsError({"to": "No number."})])
async def test_a_mistake_is_told_as_it_is(error: BotError) -> None:
    """Without a reference, because nobody needs to look for it, and without a line in the log."""
    tell = Ear()

    with capture_logs() as logs:
        async with answering(tell, "command"):
            fail(error)

    assert tell.heard == [error]
    assert logs == []


async def test_our_fault_keeps_its_sentence_and_gets_a_reference() -> None:
    """The sentence says what became of the text; the reference is for whoever runs the bot."""
    tell = Ear()

    with capture_logs() as logs:
        async with answering(tell, "submit"):
            fail(NotStoredError("Nothing was sent.", "text"))

    (error,) = tell.heard
    assert error.field == "text"
    assert error.user_message.startswith("Nothing was sent. (If you ask whoever runs this app about it: reference ")
    assert logs[0]["reference"] in error.user_message


@pytest.mark.parametrize(
    ("may_send", "words"),
    [(False, "nothing was sent"), (True, "it cannot be told whether the text goes out")],
)
async def test_the_unexpected_is_told_honestly(*, may_send: bool, words: str) -> None:
    """Neither the sentence nor the log quotes the exception, which may quote what somebody typed."""
    tell = Ear()

    with capture_logs() as logs:
        async with answering(tell, "submit", may_send=may_send):
            fail(ValueError("+15162065574 Running late"))

    assert words in tell.heard[0].user_message
    assert "15162065574" not in tell.heard[0].user_message + str(logs)
    assert "test_errors.py" in logs[0]["where"]


async def test_a_sentence_that_cannot_be_told_is_logged() -> None:
    """The boundary itself never breaks."""

    async def tell(error: BotError) -> None:
        raise ConnectionResetError(error.user_message)

    with capture_logs() as logs:
        async with answering(tell, "again"):
            fail(RefusedError("Not now."))

    assert [log["event"] for log in logs] == ["slack.not_told"]

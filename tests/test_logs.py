"""Log lines: no secret in them, and no stack where a sentence says it all."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import redirect_stdout

import pytest
import structlog

from bot.logs import configure_logs

SECRET = "xoxb-hush-hush"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the logs hold, configured as in production; as before in the end."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with redirect_stdout(io.StringIO()) as out:
        configure_logs(level="INFO", form="json", secrets=(SECRET,))
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def read(written: io.StringIO) -> dict[str, str]:
    """The only line."""
    [line] = written.getvalue().splitlines()
    said: dict[str, str] = json.loads(line)
    return said


def test_a_secret_is_never_written(written: io.StringIO):
    """Whoever of us puts it there."""
    structlog.get_logger("bot.web").warning("refused", header=f"Bearer {SECRET}")

    assert read(written)["header"] == "Bearer [secret]"


def test_a_secret_in_a_librarys_line_is_never_written(written: io.StringIO):
    """Libraries log too, with what they were given."""
    logging.getLogger("aiohttp.client").warning("sent %s", SECRET)

    assert read(written)["event"] == "sent [secret]"


@pytest.mark.parametrize("name", ["bot.web", "slack_bolt.AsyncApp"])
def test_a_secret_in_a_stack_is_never_written(written: io.StringIO, name: str):
    """An error's own words end up there."""
    logging.getLogger(name).error("failed", exc_info=ValueError(SECRET))

    assert "ValueError: [secret]" in read(written)["exception"]


@pytest.mark.parametrize("name", ["slack_bolt.AsyncApp", "slack_sdk.web", "aiohttp.access", "sqlalchemy.engine"])
def test_bodies_that_libraries_log_at_info_are_not_written(written: io.StringIO, name: str):
    """Bolt logs whole requests at INFO, with texts and numbers in them."""
    logging.getLogger(name).info("body: Running ten minutes late")

    assert not written.getvalue()


def test_a_lost_connection_has_no_stack(written: io.StringIO):
    """Socket Mode says at every try that Slack is away: one line each."""
    logging.getLogger("slack_bolt.AsyncApp").error("Slack is away", exc_info=ConnectionRefusedError())

    assert (read(written)["event"], "exception" in read(written)) == ("Slack is away", False)


def test_a_librarys_bug_keeps_its_stack(written: io.StringIO):
    """What nobody expected is told in full."""
    logging.getLogger("slack_bolt.AsyncApp").error("A listener failed", exc_info=KeyError("team"))

    assert "KeyError: 'team'" in read(written)["exception"]

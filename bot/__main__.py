"""`python -m bot`: settings, logs, and everything in one process."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

import uvloop

from bot.app import SystemClock, serve
from bot.logs import configure_logs
from bot.services.ports import Clock
from bot.settings import SettingsError, read_settings
from bot.store.engine import DatabaseError


def main(clock: Clock) -> int:
    """Run until a signal comes; the exit code."""
    try:
        settings = read_settings()
    except SettingsError as error:
        for sentence in error.sentences:
            print(sentence, file=sys.stderr)  # noqa: T201 -- there are no logs yet
        return 2
    configure_logs(level=settings.log_level, form=settings.log_format, secrets=settings.secrets)
    try:
        _run(serve(settings, clock=clock))
    except DatabaseError as error:
        print(error, file=sys.stderr)  # noqa: T201 -- the start's last word belongs on the terminal
        return 1
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        reason = str(error.strerror).rpartition("): ")[2]  # asyncio says the address once more before it
        sentence = f"HOST and PORT, {where}, cannot be listened on: {reason}. Set others, or stop what listens there."
        print(sentence, file=sys.stderr)  # noqa: T201 -- the same
        return 1
    return 0


def _run(serving: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serving)


if __name__ == "__main__":
    sys.exit(main(SystemClock()))

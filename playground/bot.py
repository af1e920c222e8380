"""The real bot as the playground starts it: `python -m playground.bot`, gone when whoever started it is gone."""

import os
import signal
import stat
import sys
from threading import Thread

from bot.__main__ import main
from bot.app import SystemClock


def _leave_with_parent() -> None:
    """Our standard input ends when the playground does, however it does."""
    os.read(0, 1)  # not sys.stdin, whose lock this thread would take into the interpreter's end
    os.kill(os.getpid(), signal.SIGTERM)


def _has_parent() -> bool:
    mode = os.fstat(0).st_mode  # by hand it is a terminal or /dev/null
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


if __name__ == "__main__":
    if _has_parent():
        Thread(target=_leave_with_parent, daemon=True).start()
    sys.exit(main(SystemClock()))

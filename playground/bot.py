"""The real bot as the playground starts it: `python -m playground.bot`, gone when whoever started it is gone.

In its working folder a file says how many seconds its clock shall be ahead of the machine's.
"""

import os
import signal
import stat
import sys
from pathlib import Path
from threading import Thread

from bot.__main__ import main
from playground.clock import FILE, FollowedClock, write_ahead


def _follow_parent() -> None:
    """Our standard input ends when the playground does, however it does."""
    while os.read(0, 4096):  # not sys.stdin, whose lock this thread would take into the interpreter's end
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _has_parent() -> bool:
    mode = os.fstat(0).st_mode  # by hand it is a terminal or /dev/null
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


if __name__ == "__main__":
    if _has_parent():
        Thread(target=_follow_parent, daemon=True).start()
    clock = Path(FILE)
    if not clock.exists():
        write_ahead(clock, 0.0)
    sys.exit(main(FollowedClock(clock)))

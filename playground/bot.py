"""The real bot as the playground starts it: `python -m playground.bot`, gone when whoever started it is gone.

Each line on its standard input is how many seconds its clock shall be ahead of the machine's.
"""

import os
import signal
import stat
import sys
from threading import Thread

from bot.__main__ import main
from playground.clock import MovedClock


def _follow_parent(clock: MovedClock) -> None:
    """Our standard input ends when the playground does, however it does."""
    rest = b""
    while heard := os.read(0, 4096):  # not sys.stdin, whose lock this thread would take into the interpreter's end
        *lines, rest = (rest + heard).split(b"\n")
        for line in lines:
            clock.ahead = float(line)
    os.kill(os.getpid(), signal.SIGTERM)


def _has_parent() -> bool:
    mode = os.fstat(0).st_mode  # by hand it is a terminal or /dev/null
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


if __name__ == "__main__":
    moved_clock = MovedClock()
    if _has_parent():
        Thread(target=_follow_parent, args=(moved_clock,), daemon=True).start()
    sys.exit(main(moved_clock))

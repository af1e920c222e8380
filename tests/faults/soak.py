"""How long games are played: once in `make test`; in `make soak` again and again, each with a new seed.

`SOAK_MINUTES` says how long in all, `SOAK_SEED` which game comes first; the seed of each game is printed.
"""

import os
import time
from collections.abc import Iterator
from typing import Final

MINUTES: Final = float(os.environ.get("SOAK_MINUTES", "0"))
_FIRST = int(os.environ.get("SOAK_SEED") or time.time())
_TESTS = 4  # share the time


def seeds(game: str) -> Iterator[int]:
    """One for each game that is to be played."""
    end = time.monotonic() + MINUTES * 60 / _TESTS
    seed = _FIRST
    while True:
        print(f"SOAK_SEED={seed}, {game}", flush=True)  # noqa: T201 -- to play this game again
        yield seed
        if time.monotonic() > end:
            return
        seed += 1

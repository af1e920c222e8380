"""Makes the files of one text fit for it: shares the room out among them, and has each worked on in a worker process.

A process, not a thread: some of Pillow's codecs hold Python's lock for as long as they work on a picture. While ten
photos of 12 megapixels were fitted one after the other, the event loop's delay at p99 was 2 ms with a process and 39 ms
with a thread, on a busy machine 9 and 104 (`python -m benchmarks.pictures`). A process can also be killed, and gives
its memory back.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

from bot.domain.media import MAX_MMS, show_size
from bot.media.kinds import SUFFIXES
from bot.media.pipe import LENGTHS, pack
from bot.services.fitting import CannotFitError, Fitted
from bot.services.pictures import Fetched

_PATIENCE = 60.0  # seconds for one file; a photo takes one or two on the smallest machines
_ROOM = 40 * 1024  # bytes left to each file that can shrink; a small photo
_FIXED, _ANIMATION = 0, 1  # as of bot.media.darkroom.Stiffness, which would bring Pillow along
_WORKER = ("-m", "bot.media.worker")
_ROOT = Path(__file__).parents[2]
# What Python needs to start; no secret of ours is for a process that opens bytes from outside.
_ENVIRONMENT = frozenset({"PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "SYSTEMROOT"})
_log = structlog.get_logger(__name__)


class Fitter:
    """Makes files fit, one text at a time.

    Args:
        patience: Seconds that may be spent on one file.
    """

    def __init__(self, *, patience: float = _PATIENCE) -> None:
        self._patience = patience
        self._turn = asyncio.Lock()

    async def fit(self, files: Sequence[Fetched], *, limit: int) -> tuple[Fitted, ...]:
        """The files of one text, in their order; as of bot.services.fitting.Fitting.

        What fits keeps its pixels and the largest shrink first: each picture, from the smallest on, may have an equal
        share of what is left, so that what the small ones do not need goes to the large ones.
        """
        limit = min(limit, MAX_MMS)
        async with self._turn, _Worker(self._patience) as worker:
            looks = [await worker.look(index, file.content) for index, file in enumerate(files)]
            _check_room(looks, limit)
            fitted: dict[int, Fitted] = {}
            left = limit
            for look in sorted(looks, key=lambda look: (look.stiffness, look.size)):
                others = len(files) - len(fitted) - 1
                share = left // (others + 1)
                if look.stiffness == _ANIMATION and look.size <= left - others * _ROOM:
                    share = max(share, look.size)  # it cannot shrink without standing still
                fitted[look.index] = await worker.make(look.index, files[look.index].content, share)
                left -= len(fitted[look.index].content)
        return tuple(fitted[index] for index in range(len(files)))


@dataclass(frozen=True, slots=True)
class _Look:
    """As of bot.media.darkroom.Look, and which of the files it is."""

    index: int
    stiffness: int
    noun: str
    size: int


class _Worker:
    """The process, for the files of one text; an async context manager."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._process: Process

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *_WORKER,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,  # libraries write there what they find in files
            cwd=_ROOT,
            env={name: value for name, value in os.environ.items() if name in _ENVIRONMENT} | {"MALLOC_ARENA_MAX": "1"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def look(self, index: int, content: bytes) -> _Look:
        head, _ = await self._ask(index, {"ask": "look"}, content)
        return _Look(index, head["stiffness"], head["noun"], head["size"])

    async def make(self, index: int, content: bytes, target: int) -> Fitted:
        head, small = await self._ask(index, {"ask": "make", "target": target}, content)
        return Fitted(small, head["kind"], SUFFIXES[head["kind"]], head["said"])

    async def _ask(self, index: int, head: Mapping[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
        try:
            async with asyncio.timeout(self._patience):
                answered, small = await self._exchange(head, content)
        except TimeoutError as exc:
            _log.warning("fit.too_slow", size=len(content))
            raise CannotFitError("it takes too long to open: save it as a JPEG and share that", index) from exc
        except (asyncio.IncompleteReadError, ConnectionError) as exc:
            code = await self._process.wait()
            _log.warning("fit.worker_ended", code=code, size=len(content))
            if code > 0:  # not killed by a signal: our fault
                raise ChildProcessError(f"the worker ended with code {code}") from exc
            raise CannotFitError("it cannot be opened: save it as a JPEG and share that", index) from exc
        if "refused" in answered:
            raise CannotFitError(answered["refused"], index)
        return answered, small

    async def _exchange(self, head: Mapping[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
        to, back = self._process.stdin, self._process.stdout
        assert to is not None
        assert back is not None
        to.write(pack(head, content))
        to.write(content)
        await to.drain()
        head_length, length = LENGTHS.unpack(await back.readexactly(LENGTHS.size))
        return json.loads(await back.readexactly(head_length)), await back.readexactly(length)


def _check_room(looks: Sequence[_Look], limit: int) -> None:
    """Whether what cannot shrink leaves room for the rest.

    Raises:
        CannotFitError: It does not.
    """
    fixed = [look for look in looks if look.stiffness == _FIXED]
    total = sum(look.size for look in fixed)
    if not fixed or total <= limit - _ROOM * (len(looks) - len(fixed)):
        return
    largest = max(fixed, key=lambda look: look.size)
    size, most = show_size(largest.size), show_size(limit)
    if largest.size > limit:
        raise CannotFitError(
            f"it is a {largest.noun} of {size}, and {most} go in a text: share a link instead", largest.index
        )
    raise CannotFitError(
        f"it is a {largest.noun} of {size}, which leaves too little of the {most} that go in a text: "
        "send the other files in a text of their own",
        largest.index,
    )

"""Making pictures fit: how long a photo of 12 megapixels takes and in how much memory, and what the event loop notices.

Beside it stands what bare Pillow does with the same photo: open, thumbnail, save, in a process of its own as well. The
photo is drawn here: fine grain over soft shapes, about as hard to compress as a real one.
"""

import asyncio
import io
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
import uvloop
from PIL import Image

from benchmarks import machine
from benchmarks.commands import percentile
from bot.media.darkroom import make
from bot.media.fit import Fitter
from bot.services.pictures import Fetched
from playground.bot_process import ROOT

_SIZE = (4000, 3000)
_LIMIT = 1024 * 1024  # bytes; the default
_ROUNDS = 5
_PHOTOS = 10
_TICK = 0.001  # seconds between two looks at the event loop
_LOOK = 0.002  # seconds between two looks at a process
_BARE = """
import sys
from PIL import Image
picture = Image.open(sys.argv[1])
picture.thumbnail((3000, 3000))
picture.save(sys.argv[2], "JPEG", quality=82)
"""
_OURS = """
import sys
from pathlib import Path
from bot.media.darkroom import make
Path(sys.argv[2]).write_bytes(make(Path(sys.argv[1]).read_bytes(), int(sys.argv[3])).content)
"""


async def measure_pictures() -> None:
    """Measure, and print the figures."""
    photo = _draw()
    print(f"\nFitting a JPEG of 12 megapixels, {len(photo) / 2**20:.1f} MB; {_ROUNDS} rounds")
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.jpg", Path(folder) / "after.jpg"
        before.write_bytes(photo)
        for kind, program in (("bare Pillow", _BARE), ("ours", _OURS)):
            runs = [_run(program, str(before), str(after), str(_LIMIT)) for _ in range(_ROUNDS)]
            seconds, memory = median(run.seconds for run in runs), median(run.peak for run in runs)
            print(f"  {kind:<22} {seconds:5.2f} s   peak {memory:4.0f} MiB   to {after.stat().st_size / 1024:,.0f} KB")
    print(f"\nDelay of the event loop while {_PHOTOS} such photos are fitted, each for a text of its own")
    fitter = Fitter()
    await _show_delay("nothing at all", lambda: asyncio.sleep(3))
    await _show_delay("in a process (ours)", lambda: _fit(fitter, photo))
    await _show_delay("in a thread", lambda: _fit_in_thread(photo))


@dataclass(frozen=True, slots=True)
class _Ran:
    """What a process took.

    Attributes:
        seconds: From its start to its end, Python's start included.
        peak: Resident memory in MiB.
    """

    seconds: float
    peak: float


def _run(program: str, *arguments: str) -> _Ran:
    begun, peak = time.perf_counter(), 0
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, cwd=ROOT) as process:  # noqa: S603 -- our own program
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                peak = max(peak, watched.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            time.sleep(_LOOK)
    if process.returncode:
        raise ChildProcessError(f"the measured program ended with code {process.returncode}")
    return _Ran(time.perf_counter() - begun, peak / 2**20)


async def _fit(fitter: Fitter, photo: bytes) -> None:
    files: Sequence[Fetched] = (Fetched(photo, "image/jpeg", ".jpg"),)
    for _ in range(_PHOTOS):
        await fitter.fit(files, limit=_LIMIT)


async def _fit_in_thread(photo: bytes) -> None:
    with ThreadPoolExecutor(1) as thread:
        for _ in range(_PHOTOS):
            await asyncio.get_running_loop().run_in_executor(thread, make, photo, _LIMIT)


async def _show_delay(kind: str, work: Callable[[], Awaitable[None]]) -> None:
    delays: list[float] = []
    watching = asyncio.create_task(_watch(delays))
    begun = time.perf_counter()
    await work()
    seconds = time.perf_counter() - begun
    watching.cancel()
    p50, p99, most = (seen * 1e3 for seen in (percentile(delays, 50), percentile(delays, 99), max(delays)))
    print(f"  {kind:<22} p50 {p50:6.2f} ms   p99 {p99:6.2f} ms   at most {most:6.2f} ms   in {seconds:.1f} s")


async def _watch(delays: list[float]) -> None:
    """Note by how much a short sleep is too long."""
    while True:
        begun = time.perf_counter()
        await asyncio.sleep(_TICK)
        delays.append(time.perf_counter() - begun - _TICK)


def _draw() -> bytes:
    small = (_SIZE[0] // 16, _SIZE[1] // 16)
    shapes = Image.frombytes("RGB", small, random.Random(1).randbytes(small[0] * small[1] * 3))
    grain = Image.effect_noise(_SIZE, 30).convert("RGB")
    file = io.BytesIO()
    Image.blend(shapes.resize(_SIZE, Image.Resampling.BICUBIC), grain, 0.2).save(file, "JPEG", quality=90)
    return file.getvalue()


if __name__ == "__main__":
    print(machine.describe_machine())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(measure_pictures())

"""The files of one text share its room, worked on in a process that can be lost without harm."""

import asyncio
import io
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from PIL import Image

from bot.media.fit import Fitter
from bot.services.fitting import CannotFitError, Fitted, Fitting
from bot.services.pictures import Fetched
from tests.media.corpus import CORPUS, draw, frames, gif, jpeg, tiff

MEGABYTE = 1024 * 1024
TOO_LITTLE = (
    "it is a video of 684 KB, which leaves too little of the 1 MB that go in a text: "
    "send the other files in a text of their own"
)
ROOT = Path(__file__).parents[2]
SMALL = jpeg(draw((200, 150), noise=0.2))
LARGE = jpeg(draw((1000, 750), noise=0.4))
ANIMATION = gif(frames((120, 90), noise=0.3))


def fetched(*contents: bytes) -> list[Fetched]:
    """As if somebody had said what they are, and had been wrong."""
    return [Fetched(content, "application/octet-stream", ".bin") for content in contents]


def video(size: int) -> bytes:
    moov = b"\0\0\0\x10moov\0\0\0\x08free"
    head = b"\0\0\0\x10ftypmp42\0\0\0\0"
    rest = size - len(moov) - len(head)
    return head + moov + rest.to_bytes(4) + b"mdat" + bytes(rest - 8)


async def fit(*contents: bytes, limit: int = MEGABYTE) -> tuple[Fitted, ...]:
    fitter: Fitting = Fitter()
    return await fitter.fit(fetched(*contents), limit=limit)


async def refused(*contents: bytes, limit: int = MEGABYTE) -> tuple[str, int]:
    with pytest.raises(CannotFitError) as caught:
        await fit(*contents, limit=limit)
    return caught.value.reason, caught.value.index


def is_kept(before: bytes, after: bytes) -> bool:
    """Whether a JPEG's scan is the same."""
    return after.endswith(before[before.index(b"\xff\xda\0") : before.rindex(b"\xff\xd9")] + b"\xff\xd9")


async def test_a_text_takes_pictures_of_every_kind_in_their_order():
    """Each becomes what phones know, with the kind and the ending that it has then."""
    fitted = await fit(*(drawn() for drawn in CORPUS.values()))

    opened = [Image.open(io.BytesIO(each.content)) for each in fitted]
    kinds = {"image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif"}
    assert [each.kind for each in fitted] == [picture.get_format_mimetype() for picture in opened]
    assert [each.suffix for each in fitted] == [kinds[each.kind] for each in fitted]
    became = {name.split()[0]: each.suffix for name, each in zip(CORPUS, fitted, strict=True)}
    assert became == {"jpeg": ".jpg", "png": ".png", "gif": ".gif", "webp": ".jpg", "heic": ".jpg", "tiff": ".jpg"}


async def test_small_files_keep_their_pixels_and_the_largest_shrinks():
    """What the small ones do not need goes to the large one."""
    limit = len(SMALL) * 2 + len(LARGE) // 2

    first, large, last = await fit(SMALL, LARGE, SMALL, limit=limit)

    assert is_kept(SMALL, first.content)
    assert is_kept(SMALL, last.content)
    assert limit / 3 < len(large.content) <= limit - len(first.content) - len(last.content)
    assert (first.said, last.said) == ("", "")
    assert large.said.endswith("KB")


async def test_nothing_shrinks_when_it_fits_without_its_metadata():
    """Room is counted as the files will be, not as they came."""
    padded = jpeg(draw(), comment=bytes(60_000))
    limit = len(LARGE) + 10_000

    assert is_kept(LARGE, (await fit(padded, LARGE, limit=limit))[1].content)


async def test_large_files_share_alike():
    left, right = await fit(LARGE, tiff(draw((1000, 750), noise=0.4)), limit=150_000)

    assert len(left.content) + len(right.content) <= 150_000
    assert min(len(left.content), len(right.content)) > 30_000


async def test_an_animation_moves_on_beside_a_photo_that_can_shrink():
    """It is larger than its share, but a still of it is none."""
    limit = len(ANIMATION) + 50_000

    large, moving = await fit(LARGE, ANIMATION, limit=limit)

    assert Image.open(io.BytesIO(moving.content)).n_frames == 4  # type: ignore[attr-defined]  # an animation
    assert len(large.content) + len(moving.content) <= limit


async def test_an_animation_that_leaves_no_room_stands_still():
    limit = len(ANIMATION) + 20_000

    large, still = await fit(LARGE, ANIMATION, limit=limit)

    assert (still.kind, still.said) == ("image/jpeg", "animation sent as a still picture: it was too large")
    assert len(large.content) + len(still.content) <= limit


async def test_a_video_passes_and_a_photo_takes_what_is_left():
    film, large = await fit(video(900_000), LARGE)

    assert film == Fitted(video(900_000), "video/mp4", ".mp4", "")
    assert len(large.content) <= MEGABYTE - 900_000


@pytest.mark.parametrize(
    ("contents", "limit", "reason", "index"),
    [
        (
            [SMALL, video(5 * MEGABYTE)],
            MEGABYTE,
            "it is a video of 5 MB, and 1 MB go in a text: share a link instead",
            1,
        ),
        (
            [video(3 * MEGABYTE + 1)],
            9 * MEGABYTE,
            "it is a video of 3.1 MB, and 3 MB go in a text: share a link instead",
            0,
        ),
        (
            [b"%PDF-1.7" + bytes(400_000) + b"%%EOF", video(700_000)],
            MEGABYTE,
            TOO_LITTLE,
            1,
        ),
        (
            [SMALL, SMALL[: len(SMALL) // 2]],
            MEGABYTE,
            "it is damaged or cut off: open it, save it anew and share that",
            1,
        ),
        (
            [LARGE, LARGE],
            10_000,
            "there is no room left for it: send fewer files at once, or share a link",
            0,
        ),
    ],
    ids=["too large", "above CarrierX's three megabytes", "too large together", "damaged", "too little room"],
)
async def test_what_cannot_go_is_told_with_what_would_work(
    contents: Sequence[bytes], limit: int, reason: str, index: int
):
    assert await refused(*contents, limit=limit) == (reason, index)


def workers() -> list[psutil.Process]:
    """The processes that are at work."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            found += [child] * ("bot.media.worker" in child.cmdline())
    return found


async def worker() -> psutil.Process:
    """The process, once it is at work."""
    while not (found := workers()):  # noqa: ASYNC110 -- another process's state
        await asyncio.sleep(0)
    return found[0]


async def test_a_worker_that_dies_costs_one_text_a_sentence():
    """Bytes from outside may crash a decoder; the next text finds a new worker."""
    fitter = Fitter()
    fitting = asyncio.create_task(fitter.fit(fetched(LARGE), limit=10_000))
    (await worker()).kill()

    with pytest.raises(CannotFitError, match="it cannot be opened: save it as a JPEG and share that"):
        await fitting
    assert is_kept(SMALL, (await fitter.fit(fetched(SMALL), limit=MEGABYTE))[0].content)


async def test_a_worker_that_takes_too_long_is_ended():
    fitter = Fitter(patience=0)

    with pytest.raises(CannotFitError, match="it takes too long to open: save it as a JPEG and share that"):
        await fitter.fit(fetched(SMALL), limit=MEGABYTE)
    assert workers() == []


async def test_who_gives_up_leaves_no_process_behind():
    fitting = asyncio.create_task(Fitter().fit(fetched(LARGE), limit=MEGABYTE))
    await worker()
    fitting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await fitting
    assert workers() == []


async def test_texts_are_worked_on_one_after_the_other():
    """Two at once would take twice the memory."""
    fitter = Fitter()
    fitting = [asyncio.create_task(fitter.fit(fetched(SMALL), limit=MEGABYTE)) for _ in range(2)]
    seen = 0
    while not all(task.done() for task in fitting):
        seen = max(seen, len(workers()))
        await asyncio.sleep(0)

    assert seen == 1


async def test_a_worker_knows_no_secret(monkeypatch: pytest.MonkeyPatch):
    """Should bytes from outside take it over, there is nothing to be had."""
    monkeypatch.setenv("CARRIERX_TOKEN", "a secret")
    fitting = asyncio.create_task(Fitter().fit(fetched(LARGE), limit=MEGABYTE))
    environment = (await worker()).environ()
    await fitting

    assert "a secret" not in environment.values()
    assert environment["MALLOC_ARENA_MAX"] == "1"


def test_the_bot_itself_never_loads_pillow():
    """Neither its start nor its memory pays for pictures."""
    told = subprocess.run(
        [sys.executable, "-c", "import bot.app, bot.media.fit, sys; print({'PIL', 'pi_heif'} & sys.modules.keys())"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout == "set()\n"

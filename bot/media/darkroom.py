"""One file at a time: what it is, what stays of it, and how small it gets. Only the worker process imports this.

Whatever Pillow makes of bytes from outside ends here as a Piece or as a refusal in words.
"""

import io
import math
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, cast

import pi_heif
from PIL import Image, ImageCms

from bot.domain.media import show_size
from bot.media.kinds import recognize
from bot.media.metadata import strip_film, strip_gif, strip_jpeg, strip_png

MOST_PIXELS: Final = 100_000_000  # 400 MB when open; phones make 12 to 50 million unless told otherwise
_LONG_SIDE = 3000  # pixels; no phone shows more
_NOTED = 0.9  # of the size; what got smaller by less is not worth a word
_SMALL = 100 * 1024  # bytes, below which nobody asks for the size
_SHORTEST = 320  # pixels of the long side, below which a picture is none any more
_QUALITIES = (90, 82, 74, 66)  # below, fewer pixels look better than a lower quality
_WORTH = 1.8  # times too large, up to which a lower quality is enough
_SPARE = 0.96  # of the size aimed at, because pixels and bytes do not shrink alike
_PNG_SHRINKS = 0.5  # of its sides at least; a smaller one is better off as a JPEG
_MOST_PROFILE = 16 * 1024  # bytes; larger ones are of printers and scanners
_MOST_FRAMES = 200_000_000  # pixels of an animation's frames that are looked at, about two seconds of work
_HTML = 512  # bytes in which a web page says that it is one
_WAV = 12  # bytes of a recording's head
_TURN = 0x0112  # EXIF's orientation
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WHITE = (255, 255, 255, 255)
_SPACES: Final = {"L": b"GRAY", "LA": b"GRAY", "RGB": b"RGB ", "RGBA": b"RGB "}  # as profiles name them

_FORMATS: Final = {
    "image/jpeg": ("JPEG",),  # and MPO, which Pillow makes of it
    "image/png": ("PNG",),
    "image/gif": ("GIF",),
    "image/webp": ("WEBP",),
    "image/tiff": ("TIFF",),
    "image/heif": ("HEIF",),
    "image/heic": ("HEIF",),
}
_STRIPS: Final[dict[str, Callable[[bytes], bytes | None]]] = {
    "image/jpeg": strip_jpeg,
    "image/png": strip_png,
    "image/gif": strip_gif,
}
_FIXED: Final = {
    "video/mp4": "video",
    "video/3gpp": "video",
    "video/quicktime": "video",
    "audio/amr": "recording",
    "audio/mpeg": "recording",
    "audio/mp4": "recording",
    "audio/ogg": "recording",
    "audio/wav": "recording",
    "text/vcard": "vCard",
    "application/pdf": "PDF",
}
_FILMS = frozenset({"video/mp4", "video/3gpp", "video/quicktime", "audio/mp4"})
_TAKEN = (
    "send a picture (JPEG, PNG, GIF, HEIC, WebP or TIFF), a video (MP4, 3GP or MOV), a recording, a vCard or a PDF, "
    "or share a link"
)
_DAMAGED = "it is damaged or cut off: open it, save it anew and share that"


class RefusedError(Exception):
    """A file cannot go; the words say why, and what would work."""


class Stiffness(IntEnum):
    """How much a file yields, the stiffest first."""

    FIXED = 0
    ANIMATION = 1
    PICTURE = 2


@dataclass(frozen=True, slots=True)
class Look:
    """What a file is before anything is done.

    Attributes:
        stiffness: How much it yields.
        noun: As people call it.
        size: Bytes that it has without metadata, or as it came when it must be made anew.
    """

    stiffness: Stiffness
    noun: str
    size: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A file as it may go.

    Attributes:
        content, kind, said: As of Fitted.
    """

    content: bytes
    kind: str
    said: str


def look(content: bytes) -> Look:
    """What a file is; no pixel is read yet.

    Raises:
        RefusedError: It is nothing that goes.
    """
    kind = _know(content)
    if kind in _FIXED:
        return Look(Stiffness.FIXED, _FIXED[kind], len(content))
    with _opened(content, kind) as image:
        stripped = _strip(content, kind, image)
        moves = stripped is not None and _frames(image) > 1
    return Look(
        Stiffness.ANIMATION if moves else Stiffness.PICTURE,
        _noun(kind),
        len(content if stripped is None else stripped),
    )


def make(content: bytes, target: int) -> Piece:
    """A file as it may go.

    Args:
        content: As it came.
        target: Most bytes of a picture; what does not shrink is passed on as it is.

    Raises:
        RefusedError: It is nothing that goes, or does not get so small.
    """
    kind = _know(content)
    if kind in _FIXED:
        return _pass(content, kind)
    with _opened(content, kind) as image:
        stripped = _strip(content, kind, image)
        if stripped is not None and len(stripped) <= target:
            with _opened(stripped, kind) as kept:
                _check(kept)
            return Piece(stripped, kind, "")
        frames = _frames(image)
        picture = _develop(image)
        small, shown = None, "image/png"
        if kind == "image/png" and picture.mode in {"LA", "RGBA"}:
            small = _shrink_png(picture, target)
        if small is None:
            small, shown = _shrink_jpeg(_flatten(picture), target), "image/jpeg"
    return Piece(small, shown, _tell(content, kind, small, frames))


def _know(content: bytes) -> str:
    """The kind of what may go."""
    kind = recognize(content)
    if kind in _FIXED or kind in _FORMATS:
        return kind
    if not content:
        raise RefusedError("it is empty: share it again")
    if content[:_HTML].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise RefusedError("it is a web page: share the file itself, or a link")
    named = f" ({kind})" if kind else ""
    raise RefusedError(f"phones do not take a file of this kind{named}: {_TAKEN}")


@contextmanager
def _opened(content: bytes, kind: str) -> Iterator[Image.Image]:
    """A picture whose head is read; whatever goes wrong with it inside becomes a refusal."""
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    if kind in {"image/heic", "image/heif"}:
        pi_heif.register_heif_opener(thumbnails=False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=_FORMATS[kind]) as image:
                _count_pixels(image)
                yield image
    except RefusedError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        most = f"{MOST_PIXELS // 1_000_000} million pixels"
        raise RefusedError(f"it has more than the {most} that I open: save it smaller and share that") from exc
    except MemoryError as exc:
        raise RefusedError("it needs too much memory: save it smaller and share that") from exc
    except Exception as exc:  # bytes from outside: every plugin of Pillow's raises what it likes
        raise RefusedError(_DAMAGED) from exc


def _count_pixels(image: Image.Image) -> None:
    """Not every plugin of Pillow's does it."""
    if image.width * image.height > MOST_PIXELS:
        raise Image.DecompressionBombError


def _strip(content: bytes, kind: str, image: Image.Image) -> bytes | None:
    """A picture without its metadata and every pixel as it is; None when it must be made anew."""
    if kind not in _STRIPS or image.mode == "CMYK" or _turn(image) is not None:
        return None
    stripped = _STRIPS[kind](content)
    if stripped is None and kind != "image/jpeg":  # cameras write JPEGs that are a little wrong, and Pillow reads them
        raise RefusedError(_DAMAGED)
    return stripped


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What sets it upright."""
    try:
        return _TURNS.get(image.getexif().get(_TURN, 1))
    except Exception:  # noqa: BLE001 -- EXIF may be broken in any way, and the picture be whole
        return None


def _frames(image: Image.Image) -> int:
    """How many pictures it holds that follow upon each other; what a phone adds to a photo does not count."""
    return 1 if image.format in {"JPEG", "MPO", "HEIF"} else int(getattr(image, "n_frames", 1))


def _check(image: Image.Image) -> None:
    """Read all of its pixels."""
    image.draft(None, (1, 1))  # an eighth of a JPEG's sides; its bytes are read to the end all the same
    pixels = image.width * image.height
    for frame in range(min(_frames(image), max(1, _MOST_FRAMES // pixels))):
        image.seek(frame)
        image.load()


def _develop(image: Image.Image) -> Image.Image:
    """Upright, not too large, in a mode of `_SPACES`, and with no more metadata than a small profile."""
    profile = image.info.get("icc_profile")
    scale = min(1.0, _LONG_SIDE / max(image.size))
    image.draft(None, (math.ceil(image.width * scale), math.ceil(image.height * scale)))
    image.load()
    turn = _turn(image)
    picture = _plain(image)
    picture.thumbnail((_LONG_SIDE, _LONG_SIDE), Image.Resampling.LANCZOS)
    picture = _in_bytes(picture)
    if turn is not None:
        picture = picture.transpose(turn)
    picture = _for_screens(picture, profile)
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
        return picture.convert("RGB")
    return picture


def _plain(image: Image.Image) -> Image.Image:
    """In a mode that can be made smaller without steps."""
    if image.mode.startswith(("I", "F")):
        return image
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode in {"L", "RGB", "CMYK", "LAB"}:
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _in_bytes(picture: Image.Image) -> Image.Image:
    """With eight bits of each colour; only greys come with 16 or 32."""
    if not picture.mode.startswith(("I", "F")):
        return picture
    low, high = (0, 65535) if picture.mode.startswith("I;16") else cast("tuple[float, float]", picture.getextrema())
    step = 255 / ((high - low) or 1)
    return picture.convert("F").point(lambda value: value * step - low * step).convert("L")


def _for_screens(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Of colours that phones show."""
    space = profile[16:20] if profile else b""
    if profile and space == _SPACES.get(picture.mode) and len(profile) <= _MOST_PROFILE:
        picture.info = {"icc_profile": profile}
        return picture
    if profile and picture.mode in {"RGB", "CMYK", "LAB"}:
        try:
            screen = ImageCms.createProfile("sRGB")
            found = ImageCms.profileToProfile(picture, io.BytesIO(profile), screen, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            found = None  # the profile is broken, or of other colours
        picture = found or picture
    picture = picture if picture.mode in _SPACES else picture.convert("RGB")
    picture.info = {}
    return picture


def _flatten(picture: Image.Image) -> Image.Image:
    """On white paper."""
    if picture.mode not in {"LA", "RGBA"}:
        return picture
    paper = Image.new("RGBA", picture.size, _WHITE)
    paper.alpha_composite(picture.convert("RGBA"))
    flat = paper.convert("RGB")
    flat.info = picture.info
    return flat


def _shrink_png(picture: Image.Image, target: int) -> bytes | None:
    """A PNG of at most so many bytes; None when it would be too small to be seen."""
    scale = 1.0
    while scale >= _PNG_SHRINKS:
        small = _write(_scale(picture, scale), "PNG")
        if len(small) <= target:
            return small
        scale *= _SPARE * math.sqrt(target / len(small))
    return None


def _shrink_jpeg(picture: Image.Image, target: int) -> bytes:
    """The best JPEG of at most so many bytes."""
    scale, step = 1.0, 0
    least = min(1.0, _SHORTEST / max(picture.size))
    scaled, shrink = picture, 1.0
    while True:
        small = _write(scaled, "JPEG", quality=_QUALITIES[step], optimize=True)
        over = len(small) / target
        if over <= 1:
            return small
        if step <= 1:
            shrink = _SPARE / math.sqrt(over)
        if step == 0 or (over < _WORTH and step + 1 < len(_QUALITIES)):
            step += 1
            continue
        if scale <= least:
            raise RefusedError("there is no room left for it: send fewer files at once, or share a link")
        scale, step = max(scale * shrink, least), 1
        scaled = _scale(picture, scale)


def _scale(picture: Image.Image, scale: float) -> Image.Image:
    if scale == 1.0:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _write(picture: Image.Image, form: str, **how: int) -> bytes:
    file = io.BytesIO()
    profile = picture.info.get("icc_profile")
    picture.save(file, form, icc_profile=profile, **how)
    return file.getvalue()


def _pass(content: bytes, kind: str) -> Piece:
    """What is no picture."""
    said = ""
    if kind in _FILMS:
        stripped = strip_film(content)
        if stripped is None:
            raise RefusedError(_DAMAGED)
        content, is_gone = stripped
        said = "" if is_gone else f"the place where it was recorded stays in the {_FIXED[kind]}"
    elif not _is_whole(content, kind):
        raise RefusedError(_DAMAGED)
    return Piece(content, kind, said)


def _is_whole(content: bytes, kind: str) -> bool:
    """Whether the end is there, as far as the kind has one."""
    if kind == "application/pdf":
        return b"%%EOF" in content
    if kind == "text/vcard":
        return b"END:VCARD" in content.upper()
    return kind != "audio/wav" or (len(content) >= _WAV and len(content) >= 8 + struct.unpack_from("<I", content, 4)[0])


def _noun(kind: str) -> str:
    return "photo" if kind in {"image/jpeg", "image/heic", "image/heif"} else "picture"


def _tell(content: bytes, kind: str, small: bytes, frames: int) -> str:
    """What was done that people should know."""
    if frames > 1 and kind == "image/tiff":
        return f"the first of its {frames} pages sent as a picture"
    if frames > 1:
        why = "phones do not play WebP" if kind == "image/webp" else "it was too large"
        return f"animation sent as a still picture: {why}"
    if len(content) > _SMALL and len(small) < len(content) * _NOTED:
        return f"{show_size(len(content))} {_noun(kind)} sent as {show_size(len(small))}"
    named = {"image/heic": "HEIC photo", "image/heif": "HEIC photo", "image/webp": "WebP picture"}
    return f"{named.get(kind, 'TIFF picture')} sent as JPEG" if kind not in _STRIPS else ""

"""Pictures of every kind, drawn here: four coloured quarters, with all the metadata that the kind can hold."""

import io
import random
import struct
import zlib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageCms, ImageDraw
from PIL.PngImagePlugin import PngInfo

SECRET = b"40.7267N-73.6400W"  # stands in all metadata
COLOURS = ((220, 30, 30), (30, 180, 60), (40, 60, 200), (230, 200, 40))  # from left to right, then below
SIZE = (160, 120)
_TURN, _GPS, _MAKER, _COMMENT = 0x0112, 0x8825, 0x010F, 0x9286
_STORED: Final = {  # how an upright picture lies in a file of each EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
_HEIC = Path(__file__).parents[1] / "samples/pictures/turned.heic"


def draw(size: tuple[int, int] = SIZE, *, noise: float = 0.0, mode: str = "RGB") -> Image.Image:
    """The quarters; with noise they compress badly."""
    picture = Image.new("RGB", size)
    pen = ImageDraw.Draw(picture)
    across, down = size[0] // 2, size[1] // 2
    for place, colour in enumerate(COLOURS):
        left, top = place % 2 * across, place // 2 * down
        pen.rectangle((left, top, left + across, top + down), fill=colour)
    if noise:
        small = (size[0] // 2, size[1] // 2)
        grain = Image.frombytes("RGB", small, random.Random(4).randbytes(small[0] * small[1] * 3))
        picture = Image.blend(picture, grain.resize(size, Image.Resampling.BILINEAR), noise)
    return picture.convert(mode)


def exif(turn: int = 1) -> bytes:
    """EXIF of a phone that knows where it is."""
    told = Image.Exif()
    told[_TURN] = turn
    told[_MAKER] = SECRET.decode()
    told.get_ifd(_GPS).update({1: "N", 2: (40.0, 43.0, 36.0), 3: "W", 4: (73.0, 38.0, 24.0)})
    told.get_ifd(0x8769)[_COMMENT] = SECRET
    return told.tobytes()


def xmp() -> bytes:
    return b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><exif:GPSLatitude>' + SECRET + b"</exif:GPSLatitude></x:xmpmeta>"


@cache  # it holds the second in which it is made
def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def save(picture: Image.Image, form: str, **how: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **how)
    return file.getvalue()


def jpeg(picture: Image.Image, *, turn: int = 1, **how: Any) -> bytes:
    """A JPEG with EXIF, XMP, IPTC, a comment, a second picture and a film behind its end."""
    stored = picture.transpose(_STORED[turn]) if turn in _STORED else picture
    told = {"exif": exif(turn), "xmp": xmp(), "comment": SECRET, "icc_profile": profile()}
    if stored.mode != "RGB":
        del told["icc_profile"]
    plain = save(stored, "JPEG", **{"quality": 92, **told, **how})
    iptc = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(SECRET)) + SECRET
    return (
        plain[:2] + b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc + plain[2:] + b"\0\0\0\x18ftypmp42" + SECRET
    )


def png(picture: Image.Image, **how: Any) -> bytes:
    told = PngInfo()
    told.add_text("Comment", SECRET.decode())
    told.add_itxt("XML:com.adobe.xmp", xmp().decode())
    told.add_text("Author", SECRET.decode(), zip=True)
    return save(picture, "PNG", pnginfo=told, exif=exif(), **how) + SECRET


def png16(size: tuple[int, int] = SIZE, *, noise: int = 0) -> bytes:
    """Sixteen bits of each colour, which Pillow cannot write; `noise` is of the lower eight."""
    grain = random.Random(4)
    plain, width = draw(size).tobytes(), size[0] * 3
    rows = [plain[at : at + width] for at in range(0, len(plain), width)]
    deep = b"".join(b"\0" + bytes(half for high in row for half in (high, grain.randint(0, noise))) for row in rows)
    chunks = {
        b"IHDR": struct.pack(">2I5B", *size, 16, 2, 0, 0, 0),
        b"tEXt": b"Comment\0" + SECRET,
        b"IDAT": zlib.compress(deep),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, body) for name, body in chunks.items())


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def frames(size: tuple[int, int] = SIZE, *, noise: float = 0.0, count: int = 4) -> list[Image.Image]:
    """An animation that begins with the quarters."""
    first = draw(size, noise=noise)
    return [first, *(first.transpose(Image.Transpose.ROTATE_180).rotate(step) for step in range(1, count))]


def gif(pictures: list[Image.Image]) -> bytes:
    plain = save(pictures[0], "GIF", save_all=True, append_images=pictures[1:], loop=0, duration=80, comment=SECRET)
    told = b"\x21\xff\x0bXMP DataXMP" + xmp() + b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    return plain[:-1] + told + b"\x3b" + SECRET


def webp(pictures: list[Image.Image], **how: Any) -> bytes:
    return save(
        pictures[0], "WEBP", save_all=len(pictures) > 1, append_images=pictures[1:], exif=exif(), xmp=xmp(), **how
    )


def tiff(picture: Image.Image, *, turn: int = 1, **how: Any) -> bytes:
    stored = picture.transpose(_STORED[turn]) if turn in _STORED else picture
    told = {_MAKER: SECRET.decode(), _TURN: turn, 700: xmp()}
    return save(stored, "TIFF", tiffinfo=told, **how)


def heic() -> bytes:
    return _HEIC.read_bytes()


_GREY16 = "I;16"
CORPUS: dict[str, Callable[[], bytes]] = {
    **{f"jpeg {turn}": partial(lambda turn: jpeg(draw(), turn=turn), turn) for turn in range(1, 9)},
    "jpeg cmyk": lambda: jpeg(draw(mode="CMYK")),
    "jpeg progressive": lambda: jpeg(draw(), progressive=True),
    "jpeg progressive 6": lambda: jpeg(draw(), turn=6, progressive=True),
    "jpeg grey": lambda: jpeg(draw(mode="L")),
    "jpeg of two lenses": lambda: save(draw(), "MPO", save_all=True, append_images=[draw()], exif=exif()),
    "jpeg restarts": lambda: jpeg(draw(), restart_marker_rows=1),
    "png": lambda: png(draw(), icc_profile=profile()),
    "png alpha": lambda: png(draw(mode="RGBA")),
    "png palette": lambda: png(draw(mode="P")),
    "png grey": lambda: png(draw(mode="L")),
    "png 16 bit": png16,
    "png 16 bit grey": lambda: png(draw(mode="L").convert("I").point(lambda value: value * 257).convert(_GREY16)),
    "gif": lambda: gif([draw()]),
    "gif animated": lambda: gif(frames()),
    "webp": lambda: webp([draw()]),
    "webp lossless alpha": lambda: webp([draw(mode="RGBA")], lossless=True),
    "webp animated": lambda: webp(frames()),
    "heic": heic,
    "tiff": lambda: tiff(draw()),
    "tiff 6": lambda: tiff(draw(), turn=6),
    "tiff lzw alpha": lambda: tiff(draw(mode="RGBA"), compression="tiff_lzw"),
    "tiff jpeg": lambda: tiff(draw(), compression="jpeg"),
    "tiff cmyk": lambda: tiff(draw(mode="CMYK")),
    "tiff 16 bit": lambda: tiff(draw(mode="L").convert("I").point(lambda value: value * 257).convert(_GREY16)),
    "tiff float": lambda: tiff(draw(mode="L").convert("F")),
    "tiff black and white": lambda: tiff(draw(mode="1"), compression="group4"),
}

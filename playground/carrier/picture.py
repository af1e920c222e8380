"""Demo pictures drawn from their names, so that a picture message has something to show."""

import hashlib
import math
import struct
import zlib
from functools import lru_cache

WIDTH, HEIGHT = 320, 240
_SUN_RADIUS = 26
# Sky above, sky below, far hills, near hills; a name picks one.
_PALETTES = (
    ((64, 120, 190), (250, 214, 165), (94, 129, 122), (46, 82, 74)),
    ((236, 132, 96), (255, 224, 178), (146, 96, 112), (84, 56, 84)),
    ((116, 178, 214), (232, 244, 248), (122, 166, 110), (64, 112, 72)),
    ((58, 66, 118), (226, 158, 158), (88, 82, 132), (44, 44, 84)),
)


@lru_cache(maxsize=64)
def draw(name: str, size: int = 0) -> bytes:
    """A PNG of a sun over two rows of hills, in colours that the name picks, padded to `size` bytes."""
    seed = hashlib.sha256(name.encode("utf-8", "replace")).digest()
    above, below, far, near = (bytes(colour) for colour in _PALETTES[seed[0] % len(_PALETTES)])
    sun_x, sun_y, sun = 50 + seed[1] % 220, 50 + seed[2] % 40, bytes((255, 240, 200))
    crests = [
        (
            135 + 22 * math.sin(x / 45 + seed[3]) + 9 * math.sin(x / 19 + seed[4]),
            180 + 20 * math.sin(x / 60 + seed[5]) + 7 * math.sin(x / 23 + seed[6]),
        )
        for x in range(WIDTH)
    ]
    rows = bytearray()
    for y in range(HEIGHT):
        share = y / HEIGHT
        sky = bytes(round(top + (bottom - top) * share) for top, bottom in zip(above, below, strict=True))
        chord = math.sqrt(max(0, _SUN_RADIUS**2 - (y - sun_y) ** 2))
        rows.append(0)  # no filter
        for x, (far_crest, near_crest) in enumerate(crests):
            if y > near_crest:
                rows += near
            elif y > far_crest:
                rows += far
            else:
                rows += sun if abs(x - sun_x) < chord else sky
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    picture = b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", zlib.compress(bytes(rows), 6)),
            _chunk(b"IEND", b""),
        ]
    )
    return picture.ljust(size, b"\0")  # what follows IEND is ignored


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

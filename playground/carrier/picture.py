"""Demo pictures drawn from their names, so that a picture message has something to show."""

import hashlib
import struct
import zlib

WIDTH, HEIGHT = 320, 240


def draw(name: str, size: int = 0) -> bytes:
    """A PNG of soft hills in colours that the name picks, padded to `size` bytes."""
    seed = hashlib.sha256(name.encode()).digest()
    sky, hill, sun = seed[0:3], seed[3:6], (255, 214 - seed[6] % 60, 120)
    crest = [150 + (x * (seed[7] % 5 + 1) % 97 - 48) ** 2 // 60 for x in range(WIDTH)]
    centre_x, centre_y = 60 + seed[8] % 200, 60
    rows = bytearray()
    for y in range(HEIGHT):
        rows.append(0)  # no filter
        light = y * 110 // HEIGHT
        for x in range(WIDTH):
            if y > crest[x]:
                rows += bytes(max(0, colour // 2 + 60 - (y - crest[x]) // 3) for colour in hill)
            elif (x - centre_x) ** 2 + (y - centre_y) ** 2 < 900:  # noqa: PLR2004 -- 30 pixels, squared
                rows += bytes(sun)
            else:
                rows += bytes(min(255, colour // 3 + 110 + light) for colour in sky)
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

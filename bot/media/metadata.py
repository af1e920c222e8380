"""Takes out of files what they tell beside what they show, without touching a pixel: EXIF, GPS, XMP, IPTC, comments.

A function for each format: bytes in, bytes out. What is needed to show the file stays (colour profiles, gamma, the loop
of an animation), what nobody knows goes, and so does what hangs behind the picture's end, such as the film of a "motion
photo". `None` says that the bytes are not laid out as the format wants, or end too early.
"""

import re
import struct
from collections.abc import Iterator

_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
_JPEG_SOI, _JPEG_EOI, _JPEG_SOS, _JPEG_COMMENT = 0xD8, 0xD9, 0xDA, 0xFE
_JPEG_APP = range(0xE0, 0xF0)
_JFIF = 16  # bytes of its segment up to its thumbnail
_JPEG_NEXT = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")  # the marker behind a scan (ITU-T T.81 §B.1.1.2)

_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP cICP mDCV cLLI sBIT bKGD hIST pHYs acTL fcTL fdAT".split()
)

_GIF_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012")
_GIF_IMAGE, _GIF_EXTENSION, _GIF_END = 0x2C, 0x21, 0x3B
_GIF_APPLICATION, _GIF_CONTROL = 0xFF, 0xF9

_NESTED = frozenset({b"moov", b"trak", b"mdia", b"udta", b"meta", b"ilst"})
_DEEP = 8  # atoms within atoms
_PLACES = frozenset({b"\xa9xyz", b"loci"})
_PLACE_KEY = b"com.apple.quicktime.location"
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_TRACKED = (b"gpmd", b"camm", b"GPMF")  # tracks of positions, of cameras that one straps on
_PLACE_SIGNS = (*_PLACES, _PLACE_KEY, b"GPSLatitude", *_TRACKED)


def strip_jpeg(content: bytes) -> bytes | None:
    """A JPEG without what its picture does not need."""
    kept = [b"\xff\xd8"]
    at = 2
    while (marker := _marker(content, at)) is not None:
        code, at = marker
        if code == _JPEG_EOI:
            return b"".join([*kept, b"\xff\xd9"])
        if code in _JPEG_BARE:
            continue
        if at + 2 > len(content) or code == _JPEG_SOI:
            return None
        end = at + int.from_bytes(content[at : at + 2])
        if end < at + 2 or end > len(content):
            return None
        if code == _JPEG_SOS:
            found = _JPEG_NEXT.search(content, end)
            end = found.start() if found else len(content)
        kept += _jpeg_segment(code, content[at:end])
        at = end
    return None


def strip_png(content: bytes) -> bytes | None:
    """A PNG without what its picture does not need; an animation stays one."""
    kept = [_PNG_HEAD]
    at = len(_PNG_HEAD)
    while at + 12 <= len(content):
        length, name = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if end > len(content):
            return None
        if name in _PNG_KEPT:
            kept.append(content[at:end])
        if name == b"IEND":
            return b"".join(kept)
        at = end
    return None


def strip_gif(content: bytes) -> bytes | None:
    """A GIF without what its picture does not need; an animation stays one."""
    if len(content) < 13:  # noqa: PLR2004 -- the head
        return None
    at = 13 + _gif_colours(content[10])
    kept = [content[:at]]
    while at + 2 <= len(content):
        begun, sort = at, content[at]
        if sort == _GIF_END:
            break
        if sort == _GIF_IMAGE and at + 10 <= len(content):
            at += 11 + _gif_colours(content[at + 9])
        elif sort == _GIF_EXTENSION:
            at += 2
        else:
            return None
        end = _gif_blocks_end(content, at)
        if end is None:
            return None
        if sort == _GIF_IMAGE or _is_gif_needed(content[begun + 1], content[at + 1 : at + 12]):
            kept.append(content[begun:end])
        at = end
    is_whole = content[at : at + 1] in {bytes([_GIF_END]), b""}  # many end without the mark of the end
    return b"".join([*kept, bytes([_GIF_END])]) if is_whole else None


def strip_film(content: bytes) -> tuple[bytes, bool] | None:
    """An MP4, 3GP, MOV or M4A without its place, and whether the place is surely gone.

    Nothing moves: what is taken out becomes a `free` atom of the same length, so that every offset in the file holds.
    """
    atoms = _atoms(content, 0, len(content))
    if atoms is None or not any(name == b"moov" for name, *_ in atoms):
        return None
    film = bytearray(content)
    unread = [atom for atom in atoms if not _blank_places(film, *atom)]
    left = any(sign in film[at:end] for name, at, _, end in atoms if name != b"mdat" for sign in _PLACE_SIGNS)
    return bytes(film), not unread and not left


def _marker(content: bytes, at: int) -> tuple[int, int] | None:
    """The marker at a position and where what follows it begins; fill bytes are passed over."""
    if content[at : at + 1] != b"\xff":
        return None
    while content[at : at + 1] == b"\xff":
        at += 1
    return (content[at], at + 1) if at < len(content) else None


def _jpeg_segment(code: int, body: bytes) -> list[bytes]:
    """A segment as it stays; `body` begins with its length, and holds the scan behind it."""
    head = bytes([0xFF, code])
    if code == _JPEG_COMMENT:
        return []
    if code not in _JPEG_APP:
        return [head, body]
    if body[2:7] == b"JFIF\0" and len(body) >= _JFIF:
        return [head, _JFIF.to_bytes(2), body[2 : _JFIF - 2], b"\0\0"]
    is_profile = code == 0xE2 and body[2:14] == b"ICC_PROFILE\0"  # noqa: PLR2004 -- APP2
    is_colours = code == 0xEE and body[2:7] == b"Adobe"  # noqa: PLR2004 -- APP14: how its colours are coded
    return [head, body] if is_profile or is_colours else []


def _gif_colours(flags: int) -> int:
    """Bytes of the colour table that flags tell of."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_blocks_end(content: bytes, at: int) -> int | None:
    """Where a row of blocks ends."""
    while at < len(content):
        if not content[at]:
            return at + 1
        at += 1 + content[at]
    return None


def _is_gif_needed(label: int, application: bytes) -> bool:
    return label == _GIF_CONTROL or (label == _GIF_APPLICATION and application in _GIF_LOOPS)


def _atoms(film: bytes | bytearray, at: int, end: int) -> list[tuple[bytes, int, int, int]] | None:
    """Name, begin, begin of the payload and end of each atom between two positions; None when they do not fill it."""
    found: list[tuple[bytes, int, int, int]] = []
    while at + 8 <= end:
        size, name = struct.unpack_from(">I4s", film, at)
        begun, payload = at, at + 8
        if size == 1 and at + 16 <= end:
            size, payload = int.from_bytes(film[at + 8 : at + 16]), at + 16
        elif size == 0:
            if name == b"\0\0\0\0":  # the end mark that old QuickTime sets behind user data
                return found
            size = end - at
        at = begun + size
        if at < payload or at > end:
            return None
        found.append((name, begun, payload, at))
    return found if end - at < 8 else None  # noqa: PLR2004 -- less than an atom's head


def _blank_places(film: bytearray, name: bytes, begun: int, payload: int, end: int, depth: int = 0) -> bool:
    """Blank what tells the place, within one atom; whether all of it could be read."""
    if name in _PLACES or (name == b"uuid" and film[payload : payload + 16] == _XMP_UUID):
        _blank(film, begun, payload, end)
        return True
    if name not in _NESTED:
        return True
    if name == b"meta" and film[payload + 4 : payload + 8] != b"hdlr":
        payload += 4  # version and flags, which QuickTime's own has not
    atoms = _atoms(film, payload, end)
    if atoms is None or depth > _DEEP:
        return False
    if name == b"meta":
        _blank_keyed(film, atoms)
    return not [atom for atom in atoms if not _blank_places(film, *atom, depth=depth + 1)]


def _blank_keyed(film: bytearray, atoms: list[tuple[bytes, int, int, int]]) -> None:
    """Blank places in QuickTime's metadata, which names its keys in one atom and counts them in the other."""
    places = {b"keys": (0, 0), b"ilst": (0, 0)} | {name: (payload, end) for name, _, payload, end in atoms}
    keys = list(_keys(film, *places[b"keys"]))
    for number, begun, payload, end in _atoms(film, *places[b"ilst"]) or []:
        index = int.from_bytes(number)
        if 0 < index <= len(keys) and _PLACE_KEY in film[slice(*keys[index - 1])]:
            _blank(film, begun, payload, end)
    for at, end in keys:
        if _PLACE_KEY in film[at:end]:
            film[at:end] = b"-" * (end - at)


def _keys(film: bytearray, at: int, end: int) -> Iterator[tuple[int, int]]:
    """Where each key's name stands."""
    at += 8  # version, flags and their count
    while at + 8 <= end:
        size = int.from_bytes(film[at : at + 4])
        if size < 8 or at + size > end:  # noqa: PLR2004 -- an atom's head
            return
        yield at + 8, at + size
        at += size


def _blank(film: bytearray, begun: int, payload: int, end: int) -> None:
    film[begun + 4 : begun + 8] = b"free"
    film[payload:end] = bytes(end - payload)

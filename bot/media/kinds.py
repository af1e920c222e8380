"""What a file is, by its first bytes; its name and what a server says of it count for nothing."""

from typing import Final

import puremagic

_HEAD = 4096  # bytes that tell what it is
# What phones send and take, by its usual ending. Slack shows most of it; the rest can be downloaded.
SUFFIXES: Final = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/heif": ".heic",
    "image/heic": ".heic",
    "image/bmp": ".bmp",
    "image/tiff": ".tiff",
    "video/mp4": ".mp4",
    "video/3gpp": ".3gp",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "audio/amr": ".amr",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "audio/ogg": ".ogg",
    "audio/wav": ".wav",
    "application/pdf": ".pdf",
    "text/vcard": ".vcf",
}
_UNNAMED = {
    ".amr": "audio/amr",
    ".3gp": "video/3gpp",
    ".m4a": "audio/mp4",
    ".wav": "audio/wav",
    ".mov": "video/quicktime",
}
# Brands of ISO base media files (ISO/IEC 14496-12 §4.3), by their first letters; puremagic knows a few of them. Every
# other brand is a video's: each writer of MP4 has its own.
_BRANDS: Final = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"crx": "image/x-canon-cr3",
    b"he": "image/heic",  # heic, heix, heim, heis, hevc, hevx, hevm, hevs
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"3g": "video/3gpp",
    b"qt": "video/quicktime",
    b"M4A": "audio/mp4",
    b"M4B": "audio/mp4",
    b"M4P": "audio/mp4",
}


def recognize(content: bytes) -> str:
    """Its MIME type: one of SUFFIXES, or, of what is not passed on, what it seems to be; "" when nothing tells."""
    if content[4:8] == b"ftyp":
        brand = content[8:12]
        return next((kind for start, kind in _BRANDS.items() if brand.startswith(start)), "video/mp4")
    try:
        found = puremagic.magic_string(content[:_HEAD])
    except (puremagic.PureError, ValueError):
        return ""
    kinds = [match.mime_type or _UNNAMED.get(match.extension, "") for match in found]
    kind = next((kind for kind in kinds if kind in SUFFIXES), next(filter(None, kinds), ""))
    # puremagic takes two bytes for an MP3, so that a damaged JPEG may be one.
    return "" if kind == "audio/mpeg" and content[:1] == b"\xff" and not _is_mpeg_frame(content[:4]) else kind


def _is_mpeg_frame(head: bytes) -> bool:
    """Whether audio begins here: no rate is left out or all ones (ISO/IEC 11172-3 §2.4.1.3)."""
    return len(head) == 4 and head[1] >= 0xE0 and head[2] >> 4 not in {0, 15} and head[2] & 12 != 12  # noqa: PLR2004

"""What the pretend network makes of an MMS's media: fetched where they are said to be, judged, kept for the phones."""

from dataclasses import dataclass
from typing import Final

_PASSED: Final = ("image/", "video/", "audio/", "text/vcard", "text/x-vcard", "text/plain", "application/pdf")
_BEGINNINGS: Final = {
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/gif": b"GIF8",
    "application/pdf": b"%PDF-",
    "text/vcard": b"BEGIN:VCARD",
}


@dataclass(frozen=True, slots=True)
class Media:
    """One file of an MMS, as the phones have it.

    Attributes:
        url: Where it was fetched.
        kind: MIME type that its server said.
        content: All of it.
    """

    url: str
    kind: str
    content: bytes

    @property
    def passes(self) -> bool:
        """Whether the network takes it: of a kind for phones, and what it is said to be."""
        return self.kind.startswith(_PASSED) and self.content.startswith(_BEGINNINGS.get(self.kind, b""))

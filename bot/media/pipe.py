"""How the bot and its worker process speak: the length of a head, of bytes, the head in JSON, the bytes."""

import json
import struct
from collections.abc import Mapping
from typing import Any, Final

LENGTHS: Final = struct.Struct(">II")


def pack(head: Mapping[str, Any], content: bytes) -> bytes:
    """What goes through a pipe before the bytes themselves."""
    line = json.dumps(head).encode()
    return LENGTHS.pack(len(line), len(content)) + line

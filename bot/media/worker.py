"""The process in which bytes from outside are opened: `python -m bot.media.worker`, asked and answering by its pipes.

It knows no secret, yields to everybody, can be killed at any time, and gives all of its memory back when it ends, which
it does when nobody can ask any more.
"""

import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, BinaryIO

from bot.media.darkroom import RefusedError, look, make
from bot.media.pipe import LENGTHS, pack

_MEMORY = 1024**3  # bytes of addresses; a picture of 100 million pixels takes 400 MB and its small copy
_NICE = 10  # a text to somebody else goes first


def answer(head: Mapping[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
    """Head and bytes for a question's."""
    try:
        if head["ask"] == "look":
            return asdict(look(content)), b""
        piece = make(content, head["target"])
    except RefusedError as exc:
        return {"refused": str(exc)}, b""
    return {"kind": piece.kind, "said": piece.said}, piece.content


def _serve(questions: BinaryIO, answers: BinaryIO) -> None:
    while lengths := questions.read(LENGTHS.size):
        head_length, length = LENGTHS.unpack(lengths)
        head = json.loads(questions.read(head_length))
        answered, content = answer(head, questions.read(length))
        answers.write(pack(answered, content))
        answers.write(content)
        answers.flush()


def _be_modest() -> None:
    """Take the last place, and not all of the memory; both as far as the system knows of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the bot
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 -- Windows has none

    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


if __name__ == "__main__":
    _be_modest()
    _serve(sys.stdin.buffer, sys.stdout.buffer)

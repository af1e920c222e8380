"""The boundary that nothing escapes.

An async Bolt listener that raises loses its answer, and the person reads nothing. Inside `answering` every error
becomes a sentence; what nobody expected gets a reference that stands in the log too.
"""

import traceback
from collections.abc import Awaitable, Callable
from secrets import token_hex

import structlog

from bot.errors import BotError

Tell = Callable[[BotError], Awaitable[None]]
"""Says an error's sentence where the person looks: under a field, or to them alone."""

_FRAMES = 6  # of a traceback; the innermost say where it broke
_log = structlog.get_logger(__name__)


class answering:  # noqa: N801 -- reads as a verb where it stands
    """Turn whatever is raised inside into a sentence.

    Args:
        tell: Says it; when that fails too, the log is all there is.
        what: What the person did, for the log.
        may_send: A text may have been accepted before the unexpected happened, and the person must know.
    """

    __slots__ = ("_may_send", "_tell", "_what")

    def __init__(self, tell: Tell, what: str, *, may_send: bool = False) -> None:
        self._tell = tell
        self._what = what
        self._may_send = may_send

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, _: object, exc: BaseException | None, __: object) -> bool:
        if not isinstance(exc, Exception):
            return False
        error = _explain(exc, self._what, may_send=self._may_send)
        try:
            await self._tell(error)
        except Exception as silent:  # noqa: BLE001 -- the boundary
            _log.error("slack.not_told", what=self._what, error=type(silent).__name__, where=show_place(silent))
        return True


def show_place(exc: BaseException) -> str:
    """Where it broke, as `file:line function`: a message may quote what somebody typed, a place cannot."""
    frames = traceback.extract_tb(exc.__traceback__)[-_FRAMES:]
    return " > ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames)


def _explain(exc: Exception, what: str, *, may_send: bool) -> BotError:
    if isinstance(exc, BotError) and not exc.our_fault:
        return exc
    reference = token_hex(4)
    _log.error("slack.failed", what=what, reference=reference, error=type(exc).__name__, where=show_place(exc))
    asking = f"(If you ask whoever runs this app about it: reference {reference}.)"
    if isinstance(exc, BotError):
        return BotError(f"{exc.user_message} {asking}", exc.field)
    fate = (
        "it cannot be told whether the text goes out. Look in the channel before you send it again."
        if may_send
        else "nothing was sent. Try again in a minute."
    )
    return BotError(f"Something went wrong here, and {fate} {asking}")

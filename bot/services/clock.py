"""Whether the machine's clock was set back, as its owner or a time server may do at any moment."""

from datetime import datetime, timedelta
from typing import Final

_SET_BACK: Final = timedelta(seconds=1)  # by which a clock may lag behind itself before it was set back


class SetBack:
    """Compares when the machine started, by its own clock, between two looks."""

    def __init__(self) -> None:
        self._started_at: datetime | None = None

    def seen(self, boottime: float, now: datetime) -> bool:
        """Whether the clock was set back since the last call; False at the first.

        Args:
            boottime: Seconds on a clock that nobody sets.
            now: The machine's time, taken together with it.
        """
        before, self._started_at = self._started_at, now - timedelta(seconds=boottime)
        return before is not None and before - self._started_at > _SET_BACK

"""Making files fit for a text: of a kind that phones take, small enough, and telling no more than they show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.services.pictures import Fetched


@dataclass(frozen=True, slots=True)
class Fitted:
    """A file that may go.

    Attributes:
        content: Its bytes.
        kind: MIME type.
        suffix: For its name, `.jpg`.
        said: What was done that people should know, a clause in plain words; "" for nothing worth saying.
    """

    content: bytes
    kind: str
    suffix: str
    said: str


class CannotFitError(Exception):
    """A file cannot go, now or ever.

    Attributes:
        reason: Why, and what would work, a clause in plain words.
        index: Which of the files, from 0.
    """

    def __init__(self, reason: str, index: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.index = index


class Fitting(Protocol):
    """Makes files fit; bot.media.fit has the only one."""

    async def fit(self, files: Sequence[Fetched], *, limit: int) -> tuple[Fitted, ...]:
        """The files of one text, in their order.

        Args:
            files: As they came; what they are is looked up in their bytes once more.
            limit: Bytes of all of them together; more than the three megabytes that CarrierX takes count as three.

        Raises:
            CannotFitError: One of them cannot go.
            OSError: Not now: this machine has no room for it.
        """
        ...

"""What word from the carrier does to a text: forward only, whatever comes late, twice or out of order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.failures import read_status
from bot.domain.message import FINAL, Cause, Status, is_forward


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one phone's copy stands.

    Attributes:
        status: Ours.
        word: CarrierX's own, where it is none that we know or says why it failed.
        cause: Set exactly when status is failed.
        code: The upstream carrier's code for a failure.
        final_at: When it was delivered or failed.
    """

    status: Status
    word: str = ""
    cause: Cause | None = None
    code: str = ""
    final_at: datetime | None = None


def advance(standing: Standing, *, word: str, code: str, at: datetime) -> Standing:
    """Apply the carrier's word.

    Args:
        standing: As it is.
        word: CarrierX's status, lower case; one that we do not know is shown and changes nothing else.
        code: The upstream carrier's code, "" for none.
        at: Now.
    """
    told = read_status(word)
    if told is None:
        return standing if standing.status in FINAL else replace(standing, word=word)
    # Where the verdict was ours (it waited too long, say), the carrier knows better.
    ours = standing.status is Status.FAILED and standing.cause is not Cause.UNDELIVERED
    if not is_forward(Status.UNCONFIRMED if ours else standing.status, told):
        return standing
    if told is Status.FAILED:
        return Standing(told, word, Cause.UNDELIVERED, code, at)
    return Standing(told, final_at=at if told in FINAL else None)


_ORDER = (
    Status.ACCEPTED,
    Status.SENDING,
    Status.UNCONFIRMED,
    Status.QUEUED,
    Status.SENT,
    Status.DELIVERED,
    Status.CANCELED,
)


def combine(standings: Sequence[Standing]) -> Standing:
    """Where a group stands: with the slowest member that has not failed; failed when all have."""
    going = [standing for standing in standings if standing.status is not Status.FAILED]
    if not going:
        return standings[0]
    slowest = min(going, key=lambda standing: _ORDER.index(standing.status))
    if slowest.status not in FINAL:
        return slowest
    return replace(slowest, final_at=max((s.final_at for s in standings if s.final_at), default=None))

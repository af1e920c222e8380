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


def take(standing: Standing) -> Standing:
    """Apply that the carrier has the text, which its every word proves: what was in doubt or our own verdict is queued.

    Args:
        standing: As it is. The carrier knows better than we that it waited too long, was canceled or was refused.
    """
    if standing.status in FINAL:
        ours = standing.status is not Status.DELIVERED and standing.cause is not Cause.UNDELIVERED
        return Standing(Status.QUEUED) if ours else standing
    return Standing(Status.QUEUED) if is_forward(standing.status, Status.QUEUED) else standing


def advance(standing: Standing, *, word: str, code: str, at: datetime) -> Standing:
    """Apply the carrier's word.

    Args:
        standing: As it is.
        word: CarrierX's status, lower case; of one that we do not know is shown, and known, that CarrierX has the text.
        code: The upstream carrier's code, "" for none.
        at: Now.
    """
    standing = take(standing)
    told = read_status(word)
    if told is None:
        return standing if standing.status in FINAL else replace(standing, word=word)
    if not is_forward(standing.status, told):
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


def combine(whole: Standing, members: Sequence[Standing]) -> Standing:
    """Where a group stands after word from the carrier: with the slowest that has not failed; failed when all have.

    Args:
        whole: Where it stood; it never falls behind that.
        members: Where each member stands now.
    """
    whole = take(whole)
    going = [standing for standing in members if standing.status is not Status.FAILED]
    if not going:
        return members[0]
    slowest = min(going, key=lambda standing: _ORDER.index(standing.status))
    if is_forward(slowest.status, whole.status):
        return whole
    if slowest.status not in FINAL:
        return slowest
    return replace(slowest, final_at=max((s.final_at for s in members if s.final_at), default=None))

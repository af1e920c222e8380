"""Checks the rules and accepts a text into the outbox; cancels; sends again."""

from dataclasses import dataclass
from enum import StrEnum


class How(StrEnum):
    """How several recipients are reached."""

    SEPARATE = "separate"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person typed, not yet judged.

    Attributes:
        key: Names this very wish; a second draft with the same key is the same wish (Slack's trigger or view).
        team, user_id, user_name, channel: Who asks, and where the status shall be shown.
        response_url: Slack's, "" when there is none.
        sender: E.164 of our number, "" to choose: the channel's last, the person's last, the default.
        to: One or several numbers, as typed.
        how: How several are reached.
        text: As the phone shall show it.
        media: URLs, one a line, as typed.
    """

    key: str
    team: str
    user_id: str
    user_name: str
    channel: str
    response_url: str
    sender: str
    to: str
    text: str
    media: str = ""
    how: How = How.SEPARATE


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A wish that is durably ours.

    Attributes:
        batch_id: Its batch, "" when `repeated`.
        repeated: The same wish had been accepted before; nothing new was stored.
    """

    batch_id: str
    repeated: bool = False


class CancelResult(StrEnum):
    """What became of a wish to cancel."""

    CANCELED = "canceled"
    TOO_LATE = "too_late"  # it has left, or may have
    UNKNOWN = "unknown"  # no such text


class Sending:
    """The use cases behind `/sms`, the modal and the buttons."""

    async def submit(self, draft: Draft) -> Acceptance:
        """Judge a draft by every rule and store it in one write.

        Raises:
            InvalidFieldsError: One or more inputs are wrong; all of them are named at once.
            RefusedError: A rule forbids it.
            NotStoredError: Nothing was stored and nothing will be sent.
            StoredOrNotError: It cannot be told.
        """
        raise NotImplementedError

    async def again(self, batch_id: str, *, key: str, user_id: str, user_name: str, response_url: str) -> Acceptance:
        """Send the failed and the unconfirmed of a batch once more, as a new batch with all rules checked again.

        `repeated` is true when all of them had been sent again already.

        Raises:
            As `submit`.
        """
        raise NotImplementedError

    async def cancel(self, batch_id: str) -> CancelResult:
        """Cancel what of a batch has not left yet: one conditional update.

        Raises:
            NotStoredError: The database did not answer in time.
        """
        raise NotImplementedError

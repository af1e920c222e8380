"""Words of ours in a channel: an outage, its end, and a conversation that waits for an answer.

They are mrkdwn, hold nothing from outside and mention nobody. Times are Slack's date tokens, so that each reader sees
their own zone (docs.slack.dev/messaging/formatting-message-text#date-formatting).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from bot.domain.message import E164
from bot.domain.phone import show_number

_NAMED = 3  # phones of a group
_LONG = timedelta(hours=12)  # beyond it a time without its day can be misread


class Trouble(StrEnum):
    """Why CarrierX takes no texts."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"  # it refuses our token
    BUSY = "busy"  # it answers 503 to texts


_BEGINS = {
    Trouble.UNREACHABLE: ("CarrierX has not been reachable", "when it is back"),
    Trouble.REFUSED: (
        "CarrierX has refused our token",
        "once CARRIERX_TOKEN is put right and this app restarted: CarrierX's portal has it under Security Tokens",
    ),
    Trouble.BUSY: ("CarrierX has been too busy to take texts", "when it takes them again"),
}
_ENDS = {
    Trouble.UNREACHABLE: "CarrierX was not reachable",
    Trouble.REFUSED: "CarrierX refused our token",
    Trouble.BUSY: "CarrierX was too busy to take texts",
    None: "CarrierX took no texts",  # it began before this process did
}


@dataclass(frozen=True, slots=True)
class Waited:
    """What became of the texts that could not go during an outage; a group counts as one.

    Attributes:
        gone: CarrierX took them.
        given_up: They waited longer than SMS_GIVE_UP_MINUTES.
        refused: CarrierX did not want them, or the person had said STOP meanwhile.
        canceled: Somebody took them back, or they came too late to be sent.
        unclear: Nobody can tell yet whether CarrierX took them.
        waiting: They still wait.
    """

    gone: int = 0
    given_up: int = 0
    refused: int = 0
    canceled: int = 0
    unclear: int = 0
    waiting: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.gone + self.given_up + self.refused + self.canceled + self.unclear + self.waiting


def write_outage(trouble: Trouble, since: datetime, waiting: int) -> str:
    """An outage, said while it lasts.

    Args:
        trouble: What is wrong.
        since: When that began.
        waiting: Texts that wait for its end.
    """
    what, until = _BEGINS[trouble]
    go = "goes" if waiting == 1 else "go"
    return f"{what} since {show_time(since)}. {_count(waiting, 'text waits', 'texts wait')}, and {go} {until}."


def write_recovery(trouble: Trouble | None, since: datetime, until: datetime, waited: Waited) -> str:
    """The end of an outage, with what waited and what went.

    Args:
        trouble: What was wrong, None when that is not known any more.
        since: When it began.
        until: When it ended.
        waited: What became of the texts.
    """
    said = f"{_ENDS[trouble]} {_span(since, until)}."
    if not waited.total:
        return f"{said} No texts waited."
    fates = [
        _count(waited.gone, "has gone", "have gone"),
        _count(waited.given_up, "was given up", "were given up"),
        _count(waited.refused, "was refused", "were refused"),
        _count(waited.canceled, "was canceled", "were canceled"),
        _count(waited.unclear, "is unclear", "are unclear"),
        _count(waited.waiting, "still waits", "still wait"),
    ]
    known = ", ".join(fate for fate in fates if not fate.startswith("0 "))
    return f"{said} {_count(waited.total, 'text waited', 'texts waited')}; {known}."


def write_silence(since: datetime, until: datetime, *, shown: int, hidden: int) -> str:
    """Slack's outage, which can only be said when it is over.

    Args:
        since: When it began.
        until: When it ended.
        shown: What came meanwhile, either way, and is shown now.
        hidden: The rest of it.
    """
    said = f"Slack was not reachable {_span(since, until)}, and nothing could be shown."
    if not shown + hidden:
        return said
    rest = f", {hidden} will be" if hidden else ""
    return f"{said} {_count(shown + hidden, 'text waited', 'texts waited')} for it; {shown} can be seen now{rest}."


def write_nudge(members: Sequence[E164], since: datetime, now: datetime) -> str:
    """A conversation that waits for an answer.

    Args:
        members: The phones, one unless it is a group.
        since: When the newest text came.
        now: The time.
    """
    names = ", ".join(map(show_number, members[:_NAMED])) + (" and others" if len(members) > _NAMED else "")
    have = "has" if len(members) == 1 else "have"
    return f"{names} {have} waited {show_span(now - since)} for an answer, since {show_time(since)}."


def show_time(at: datetime, *, day: bool = True) -> str:
    """A time as mrkdwn, in each reader's own zone."""
    form = "{date_short_pretty} {time}" if day else "{time}"
    return f"<!date^{int(at.timestamp())}^{form}|{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC>"


def show_span(span: timedelta) -> str:
    """A length of time in its two largest units: `1 hour 5 minutes`."""
    minutes = max(1, int(span.total_seconds() // 60))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    units = [_count(days, "day", "days"), _count(hours, "hour", "hours"), _count(minutes, "minute", "minutes")]
    return " ".join([unit for unit in units if not unit.startswith("0 ")][:2])


def _span(since: datetime, until: datetime) -> str:
    return f"from {show_time(since)} to {show_time(until, day=until - since > _LONG)}"


def _count(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"

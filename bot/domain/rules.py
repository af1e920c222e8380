"""What administrators set for a channel and for one of our numbers."""

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """What becomes of replies in the threads of a channel."""

    ASK = "ask"  # nothing goes until its author says so
    AUTO = "auto"  # they are texted, except notes
    OFF = "off"  # they stay among colleagues


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """What was set for a channel.

    Attributes:
        mode: What becomes of replies there.
        everyone: Guests, other companies' people, bots and workflows may text from there too.
    """

    mode: Mode = Mode.ASK
    everyone: bool = False


@dataclass(frozen=True, slots=True)
class NumberRule:
    """What was set for one of our numbers.

    Attributes:
        channel: Where texts to it go, "" for the default.
        hours: Its quiet hours as `parse_quiet_hours` reads them, "" for the default.
    """

    channel: str = ""
    hours: str = ""

"""The strip that drives the pretend CarrierX and Slack: one mode of each at a time, until another is chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from playground.carrier import Armed, Fault, Kind, PretendCarrier
from playground.carrier.model import is_final
from playground.slack.faults import Fault as SlackFault
from playground.slack.faults import Kind as SlackKind
from playground.slack.faults import RateLimited, ResetAfter, Slow
from playground.slack.server import PretendSlack

_NORMAL: Final[Mapping[str, Any]] = {"moves": True, "receipts_lost": False}


@dataclass(frozen=True, slots=True)
class Mode:
    """What CarrierX does with each text.

    Attributes:
        label: On its button.
        note: What to expect, under the buttons.
        changes: Of the carrier's behaviour, over the normal one.
        fault: What befalls each request, None for nothing.
        down: It refuses connections.
    """

    label: str
    note: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    fault: Fault | None = None
    down: bool = False


MODES: Final[Mapping[str, Mode]] = {
    "deliver": Mode("Deliver", "Takes each text, delivers it within two seconds and sends its receipts."),
    "delay": Mode("Delay", "Takes each text and keeps it until you press the button below.", {"moves": False}),
    "fail": Mode("Fail", "Takes each text and reports a failure two seconds later."),
    "no_receipt": Mode("No receipt", "Delivers and says nothing. The bot asks after a while.", {"receipts_lost": True}),
    "late": Mode(
        "Answer late", "Takes each text and answers after four seconds.", fault=Fault(Kind.LATE, None, seconds=4)
    ),
    "never": Mode(
        "Never answer",
        "Takes each text and never answers. The bot looks it up instead of sending it twice.",
        fault=Fault(Kind.HOLD_AFTER, None),
    ),
    "throttle": Mode(
        "Too many", "Refuses with 429: wait three seconds.", fault=Fault(Kind.THROTTLED, None, retry_after="3")
    ),
    "down": Mode("Down", "Refuses every connection. Texts wait until it is up again.", down=True),
}


@dataclass(frozen=True, slots=True)
class Way:
    """How CarrierX tells of what phones send.

    Attributes:
        label, note: As of a Mode.
        changes: Of the carrier's behaviour, over the normal one.
    """

    label: str
    note: str
    changes: Mapping[str, Any] = field(default_factory=dict)


_ALL_WELL: Final[Mapping[str, Any]] = {
    "inbound_copies": 1,
    "inbound_delay": 0.0,
    "inbound_lost": False,
    "inbound_swapped": False,
}
WAYS: Final[Mapping[str, Way]] = {
    "once": Way("At once", "Tells the bot of each text at once, and once."),
    "twice": Way("Twice", "Tells the bot of each text twice. It is one text.", {"inbound_copies": 2}),
    "late": Way("Late", "Tells the bot of each text ten seconds later.", {"inbound_delay": 10.0}),
    "swapped": Way(
        "Swapped", "Tells the bot of a phone's second text before its first, and so on.", {"inbound_swapped": True}
    ),
    "lost": Way(
        "Lost", "Tells the bot nothing. The text is in CarrierX's records, where the bot looks.", {"inbound_lost": True}
    ),
}


@dataclass(frozen=True, slots=True)
class Weather:
    """How Slack answers the bot.

    Attributes:
        label, note: As of a Mode.
        fault: What befalls each call, None for nothing.
        method: Which calls.
        down: It refuses connections.
    """

    label: str
    note: str
    fault: SlackKind | None = None
    method: str = "*"
    down: bool = False


WEATHERS: Final[Mapping[str, Weather]] = {
    "up": Weather("Answers", "Answers each call of the bot at once."),
    "slow": Weather("Slow", "Does what the bot asks and answers after four seconds.", Slow(4.0)),
    "limited": Weather("Limited", "Refuses each call with 429: wait five seconds.", RateLimited(5)),
    "silent": Weather(
        "Drops answers",
        "Posts and breaks the line instead of answering. The bot looks before it posts again.",
        ResetAfter(),
        "chat.postMessage",
    ),
    "down": Weather("Down", "Refuses every connection. What the bot has to say waits.", down=True),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why texts fail; its name is CarrierX's status word.

    Attributes:
        label: As the strip offers it.
        code: The network's code in the detail record, "" for none.
        fault: The request itself is refused; None when the text fails later.
    """

    label: str
    code: str = ""
    fault: Fault | None = None


REASONS: Final[Mapping[str, Reason]] = {
    "undelivered": Reason("Could not be delivered"),
    "expired": Reason("Phone off for too long"),
    "blocked": Reason("Blocked as unwanted", "4505"),
    "rejected": Reason("Refused by the network", "4470"),
    "landline": Reason("A landline"),
    "failed": Reason("No reason given", "1602"),
    "refused": Reason(
        "CarrierX refuses it at once",
        fault=Fault(Kind.INVALID, None, field="to", sentence="this number may not be texted"),
    ),
}


class Strip:
    """Which modes are on."""

    def __init__(self, carrier: PretendCarrier, slack: PretendSlack) -> None:
        self._carrier = carrier
        self._slack = slack
        self._way = "once"
        self._weather = "up"
        self._storm: SlackFault | None = None
        self._mode = "deliver"
        self._reason = next(iter(REASONS))
        self._armed: Armed | None = None
        self._spoiled: dict[str, str] = {}  # reason by phone

    def show(self) -> dict[str, Any]:
        """As the page draws it."""
        return {
            "mode": self._mode,
            "modes": [{"name": name, "label": mode.label, "note": mode.note} for name, mode in MODES.items()],
            "reason": self._reason,
            "reasons": [{"name": name, "label": reason.label} for name, reason in REASONS.items()],
            "spoiled": self._spoiled,
            "phone_reasons": [
                {"name": name, "label": reason.label} for name, reason in REASONS.items() if reason.fault is None
            ],
            "held": len(self._held()) if self._mode == "delay" else 0,
            "way": self._way,
            "ways": [{"name": name, "label": way.label, "note": way.note} for name, way in WAYS.items()],
            "other_ids": not self._carrier.behaviour.dr_sid_is_message_sid,
            "weather": self._weather,
            "weathers": [{"name": name, "label": each.label, "note": each.note} for name, each in WEATHERS.items()],
        }

    async def choose(self, name: str, reason: str = "") -> None:
        """Another mode from now on; what the last one holds is let go."""
        mode, carrier = MODES[name], self._carrier
        if self._mode == "delay" != name:
            self.deliver()
        self._mode, self._reason = name, reason or self._reason
        failing = REASONS[self._reason] if name == "fail" else None
        fault = failing.fault if failing else mode.fault
        carrier.clear_faults()
        if self._armed is not None:
            self._armed.release()
        self._armed = carrier.arm(fault) if fault else None
        carrier.decide(self._reason if failing else "delivered", failing.code if failing else "")
        await (carrier.go_down() if mode.down else carrier.come_up())
        carrier.behave(**{**_NORMAL, **mode.changes})

    def spoil(self, number: str, name: str) -> None:
        """Why texts to one phone fail from now on, whatever becomes of all others; "" when they do not."""
        self._carrier.decide(name, REASONS[name].code if name else "", number=number)
        self._spoiled = {phone: why for phone, why in {**self._spoiled, number: name}.items() if why}

    def tell(self, name: str) -> None:
        """Another way of telling of what phones send."""
        self._carrier.behave(**{**_ALL_WELL, **WAYS[name].changes})
        self._way = name

    def number(self, *, other_ids: bool) -> None:
        """Whether records have other ids than their texts."""
        self._carrier.behave(dr_sid_is_message_sid=not other_ids)

    async def turn(self, name: str) -> None:
        """Another weather at Slack; calls that it holds go on."""
        weather, slack = WEATHERS[name], self._slack
        if self._storm is not None:
            slack.clear_faults(self._storm)
        self._storm = slack.fault(weather.fault, weather.method) if weather.fault else None
        if weather.down and self._weather != "down":
            await slack.stop_listening()
        elif self._weather == "down" and not weather.down:
            await slack.listen()
        self._weather = name

    def deliver(self) -> None:
        """Deliver what is held."""
        for sid in self._held():
            self._carrier.deliver(sid)

    def _held(self) -> list[str]:
        return [
            sid
            for sid, message in self._carrier.messages.items()
            if any(not is_final(copy.status) for copy in message.copies.values())
        ]

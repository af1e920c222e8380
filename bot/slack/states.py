"""The words for where a text stands."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from bot.domain.message import Batch, Message, Preparation, Recipient, Status, Wait
from bot.domain.quiet_hours import show_wait
from bot.slack.rich_text import Phrase, clip

Copy = tuple[Message, Recipient]
"""One phone's copy of a text."""

_WAITS: dict[Wait, tuple[str, str]] = {
    # what people read, what stands before the time of the next try ("" where no time helps)
    Wait.PACING: ("This number sends only so many texts a second; it is waiting its turn", ", going out at "),
    Wait.UNREACHABLE: ("CarrierX is not answering", ", trying again at "),
    Wait.THROTTLED: ("CarrierX asks us to slow down", ", trying again at "),
    Wait.BUSY: ("CarrierX was too busy to take it", ", trying again at "),
    Wait.UNAUTHORIZED: (
        "CarrierX refuses our token; your text waits until an administrator has put that right",
        "",
    ),
    Wait.UNDO: ("It goes in a few seconds; its author may still take it back", ""),
    Wait.TURN: ("It waits until the text before it to the same phone is through", ""),
}
_CHECKING = "CarrierX did not answer clearly; checking whether it took the text. Do not send it again yet."
_UNCONFIRMED = "CarrierX never answered clearly, and has no record of the text so far. It may have arrived or not."
_UNREAD = "CarrierX never answered clearly, and its records could not be read. It may have arrived or not."
_NO_RECEIPT = "CarrierX sent no receipt"
_ORDER = (*("failed", "unconfirmed", "checking", "waiting", "accepted", "sending", "queued", "sent", "canceled"),)
_REASON = 300  # characters of why files wait, which may quote a file's name and CarrierX
_LONG = timedelta(hours=12)  # beyond it a time without its day can be misread


def copies(batch: Batch) -> list[Copy]:
    """All phones of a batch, in the order in which they were typed."""
    return [(message, recipient) for message in batch.messages for recipient in message.recipients]


def can_send_now(batch: Batch) -> bool:
    """Whether any of it waits only for the morning."""
    return any(message.status is Status.ACCEPTED and message.wait is Wait.QUIET for message in batch.messages)


def can_cancel(batch: Batch) -> bool:
    """Whether any of it is still ours to stop."""
    return any(message.status is Status.ACCEPTED for message in batch.messages)


def word(copy: Copy) -> str:
    """One word."""
    message, recipient = copy
    # A group's members stay accepted until CarrierX has answered for all of them.
    status = message.status if recipient.status is Status.ACCEPTED else recipient.status
    if status is Status.ACCEPTED and message.wait is not None:
        return "waiting"
    if status is Status.SENDING and message.checking_since is not None:
        return "checking"
    return status.value


def note(message: Message) -> Phrase:
    """Why it stands where it does, () where the state says it all."""
    if message.status is Status.ACCEPTED and message.wait is not None:
        return _show_wait(message, message.wait)
    if message.status is Status.SENDING and message.checking_since is not None:
        return (_CHECKING,)
    if any(recipient.status is Status.UNCONFIRMED for recipient in message.recipients):
        return (_UNREAD if message.unread else _UNCONFIRMED,)
    return ()


def _show_wait(message: Message, wait: Wait) -> Phrase:
    if wait is Wait.QUIET:
        assert message.not_before is not None
        return (f"{show_wait(message.accepted_at, message.not_before, message.zones)}.",)
    if wait is Wait.MEDIA:
        assert message.preparation is not None
        return _show_preparation(message.preparation, message.not_before)
    reason, lead = _WAITS[wait]
    if lead and message.not_before is not None:
        return (f"{reason}{lead}", message.not_before, ".")
    return (f"{reason}.",)


def _show_preparation(preparation: Preparation, again_at: datetime | None) -> Phrase:
    """How far its files are, or why they have to wait."""
    if preparation.place is None:
        reason = clip(preparation.reason, _REASON)
        said = f"{reason[:1].upper()}{reason[1:]}; your text waits"
        return (f"{said}.",) if again_at is None else (f"{said}, trying again at ", again_at, ".")
    if not preparation.kinds:
        return ("Checking the links…",)
    families = {kind.partition("/")[0] for kind in preparation.kinds}
    noun = {"image": "picture", "video": "video"}.get(families.pop(), "file") if len(families) == 1 else "file"
    count = len(preparation.kinds)
    if count == 1:
        return (f"Getting the {noun} ready…",)
    if preparation.place:
        return (f"Getting {noun} {preparation.place} of {count}…",)
    whole = "both" if count == 2 else f"all {count}"  # noqa: PLR2004 -- the word for two
    return (f"Getting {whole} {noun}s ready…",)


def state(copy: Copy, *, billed: bool = True) -> str:
    """The newest state with what CarrierX said of it: `queued · sms · 1 segment`.

    Args:
        copy: Of one phone.
        billed: Say what CarrierX bills, too.
    """
    message, recipient = copy
    first = word(copy)
    if recipient.status is Status.DELIVERED and message.took is not None:
        first += f" in {message.took.total_seconds():.1f} s"
    if recipient.status is Status.CANCELED and not message.busy:
        first += ", not sent"
    said = [first]
    if recipient.word and recipient.failure is None:
        said.append(f"CarrierX says “{clip(recipient.word, 60)}”")
    if billed:
        said += _bill(message)
    if message.unreceipted and recipient.status in {Status.QUEUED, Status.SENT}:
        said.append(_NO_RECEIPT)
    if recipient.retried:
        said.append("sent again")
    return " · ".join(said)


def _bill(message: Message) -> list[str]:
    """Kind, segments and price, as far as CarrierX has said."""
    segments = "" if message.segments is None else f"{message.segments} segment{'' if message.segments == 1 else 's'}"
    return [said for said in (_kind(message), segments, message.price and f"${message.price}") if said]


def _kind(message: Message) -> str:
    """CarrierX's type, "" until it said."""
    return "group mms" if message.group and message.kind == "mms" else message.kind


def summary(batch: Batch) -> str:
    """Where all of it stands: `3 of 4 delivered · 1 failed · sms`."""
    counts = Counter(word(copy) for copy in copies(batch))
    total = counts.total()
    said = [f"{counts['delivered']} of {total} delivered"]
    said += [f"{counts[name]} {name}" for name in _ORDER if counts[name]]
    kinds = {_kind(message) for message in batch.messages}
    if len(kinds) == 1 and (kind := kinds.pop()):
        said.append(kind)
    return " · ".join(said)


def steps(copy: Copy) -> Iterator[tuple[str, datetime, bool]]:
    """What happened when: the step, its time, and whether the day must be said too."""
    message, recipient = copy
    final = recipient.final_at or message.final_at
    known = [
        ("accepted", message.accepted_at),
        ("sending", message.sending_at),
        ("queued", message.queued_at),
        ("sent", message.sent_at),
        (
            recipient.status.value,
            final if recipient.status in {Status.DELIVERED, Status.FAILED, Status.CANCELED} else None,
        ),
    ]
    for name, at in known:
        if at is not None:
            yield name, at, name == "accepted" or at - message.accepted_at > _LONG

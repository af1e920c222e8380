"""CarrierX's status words: what they mean to us, and to people.

CarrierX's list of words is not public. Known from its samples are `queued`, `sent`, `delivered` and `received`; the
others are those that carriers use for the same things. A word that is in no list is shown as CarrierX wrote it, and is
not final.
"""

import re
from dataclasses import dataclass

from bot.domain.groups import name_phones
from bot.domain.message import E164, Cause, Failure, Status

_NUMBER = re.compile(r"\+\d{3,15}")
_QUOTED = 300  # characters of CarrierX's own sentence
_AGAIN = "Try again, and call if it fails once more."


@dataclass(frozen=True, slots=True)
class _Reason:
    """A kind of failure: CarrierX's words for it, what happened, what to do, and whether a change of the text helps."""

    words: tuple[str, ...]
    what: str
    remedy: str
    edit: bool = False


_REASONS = (
    _Reason(
        ("failed", "failure", "error", "send_failed", "sending_failed"),
        "CarrierX could not send it, and gave no reason",
        "Try again if the number is right; if it fails once more, ask CarrierX.",
    ),
    _Reason(
        ("undelivered", "not_delivered", "delivery_failed", "delivery_failure", "delivery_error"),
        "The phone's network could not deliver it",
        "The phone may be off or out of reach: try again later, or call.",
    ),
    _Reason(
        ("undeliverable", "unreachable", "unroutable", "no_route", "absent_subscriber"),
        "No network could bring it to this number",
        "Check the number: it may be a landline, or no longer in use. Send it anew to the right one.",
        edit=True,
    ),
    _Reason(
        ("rejected", "refused", "denied", "carrier_rejected"),
        "The phone's network refused it",
        "Send it anew without links; if it is refused once more, ask CarrierX whether your number is registered.",
        edit=True,
    ),
    _Reason(
        ("expired", "timeout", "timed_out", "ttl_expired"),
        "The phone could not be reached in time",
        "The phone may be off or out of reach: try again later, or call.",
    ),
    _Reason(
        ("blocked", "filtered", "spam", "blacklisted", "spam_detected"),
        "It was blocked as unwanted",
        "Send it anew in other words and without links; if it is blocked once more, ask CarrierX.",
        edit=True,
    ),
    _Reason(
        ("opted_out", "opt_out", "unsubscribed", "stopped"),
        "This person asked for no more texts",
        "Reach them another way; they can text START to your number.",
    ),
    _Reason(
        ("unknown_number", "invalid_number", "invalid_destination", "unknown_subscriber", "no_such_number"),
        "Nobody has this number",
        "Check the number with the person, and send it anew to the right one.",
        edit=True,
    ),
    _Reason(
        ("landline", "not_mobile", "unsupported_destination", "not_sms_capable"),
        "This number cannot receive texts",
        "It is probably a landline: call, or ask for a mobile number.",
        edit=True,
    ),
    _Reason(
        ("insufficient_funds", "insufficient_balance", "no_credit", "limit_exceeded"),
        "The CarrierX account has no money left for it",
        "Ask whoever runs this app to top up the account, then try again.",
    ),
    _Reason(
        ("media_error", "media_failed", "media_too_large", "invalid_media", "too_large"),
        "The media could not be fetched or are too large",
        "Check that each URL opens without signing in and that all together are under 3 MB, then send it again.",
        edit=True,
    ),
    _Reason(
        ("throttled", "rate_limited", "queue_full", "congestion"),
        "Too many texts went out at once",
        "Wait a few minutes, then try again.",
    ),
    _Reason(
        ("canceled", "cancelled", "deleted", "aborted"),
        "CarrierX canceled it",
        _AGAIN,
    ),
)  # fmt: skip
_BY_WORD = {word: reason for reason in _REASONS for word in reason.words}
_STATUSES = {
    **dict.fromkeys(
        ("queued", "accepted", "created", "enqueued", "pending", "processing", "scheduled", "sending", "buffered"),
        Status.QUEUED,
    ),
    **dict.fromkeys(("sent", "submitted", "dispatched", "enroute", "en_route"), Status.SENT),
    **dict.fromkeys(("delivered", "read"), Status.DELIVERED),
    **dict.fromkeys(_BY_WORD, Status.FAILED),
}


def read_status(word: str) -> Status | None:
    """What CarrierX's status word says of a text that we sent, None for a word that we do not know."""
    return _STATUSES.get(_fold(word))


def show_failure(failure: Failure) -> tuple[str, str]:
    """What happened, and what to do: a sentence each, in plain text that may quote CarrierX."""
    if failure.cause in {Cause.EXPIRED, Cause.OPTED_OUT}:
        return _show_ours(failure)
    code = f" (carrier code {failure.code})" if failure.code else ""
    if failure.cause in {Cause.MEDIA, Cause.UNREADY}:
        why = _shorten(failure.word) or "its files could not be made ready"
        remedy = "Try again later, or edit it and leave the file or link out."
        if failure.cause is Cause.MEDIA:
            remedy = "Edit it: leave that out, or put something else in its place."
        return f"It was not sent: {why}.", remedy
    if failure.cause is Cause.REJECTED:
        return _show_rejection(failure.word, code)
    if (reason := _BY_WORD.get(_fold(failure.word))) is not None:
        return f"{reason.what}{code}.", reason.remedy
    if failure.word.strip():
        return f"It was not delivered; CarrierX says {_quote(failure.word)}{code}.", _AGAIN
    return f"It was not delivered, and CarrierX gave no reason{code}.", _AGAIN


def sum_up_failure(failure: Failure) -> str:
    """What happened, for somebody who may not know of the text: without its files' names and its phones."""
    if failure.cause is Cause.OPTED_OUT:
        return "Somebody asked for no more texts before it left."
    if failure.cause in {Cause.MEDIA, Cause.UNREADY}:
        return "A file or a link could not go along; its thread says why."
    return show_failure(failure)[0]


def helps_again(failure: Failure) -> bool:
    """Whether sending the very same once more may help, of a group those who did not say STOP."""
    if failure.cause is Cause.OPTED_OUT:
        return bool(read_stopped(failure))
    return failure.cause is not Cause.MEDIA


def helps_edit(failure: Failure) -> bool:
    """Whether it may go when something of it is changed."""
    if failure.cause is Cause.UNDELIVERED:
        reason = _BY_WORD.get(_fold(failure.word))
        return reason is not None and reason.edit
    return failure.cause in {Cause.MEDIA, Cause.UNREADY, Cause.REJECTED}


def _show_ours(failure: Failure) -> tuple[str, str]:
    """What we did not send."""
    if failure.cause is Cause.OPTED_OUT:
        return _show_opt_out(failure)
    if failure.unsure:
        return (
            "CarrierX was too busy for too long, and its records do not show it.",
            "Send it again if it still matters.",
        )
    return "It waited too long and was not sent.", "Send it again if it still matters."


def read_stopped(failure: Failure) -> tuple[E164, ...]:
    """Who of a group asked for no more texts, so that it went to nobody; () for any other failure."""
    return tuple(_NUMBER.findall(failure.word)) if failure.cause is Cause.OPTED_OUT else ()


def _show_opt_out(failure: Failure) -> tuple[str, str]:
    stopped = read_stopped(failure)
    members = name_phones(stopped) if stopped else ""
    who = members or "They"
    remedy = "They get texts again when they text START to your number; until then reach them another way."
    if members:
        remedy = "They get texts again when they text START to your number; it can go without them."
    if failure.unsure:
        return f"{who} asked for no more texts, so it is not tried again; CarrierX was too busy to take it.", remedy
    return f"{who} asked for no more texts before it left, so it was not sent.", remedy


def _show_rejection(sentence: str, code: str) -> tuple[str, str]:
    if not sentence.strip():
        return (
            f"CarrierX did not take it, and gave no reason{code}.",
            "Check number and text; to change one send it anew.",
        )
    return f"CarrierX did not take it: {_quote(sentence)}{code}.", "Change what CarrierX names and send it anew."


def _quote(said: str) -> str:
    return f"“{_shorten(said)}”"


def _shorten(said: str) -> str:
    said = " ".join(said.split()).rstrip(".")
    return said if len(said) <= _QUOTED else said[:_QUOTED] + "…"


def _fold(word: str) -> str:
    """One spelling of `Delivery Failed`, `delivery-failed` and `DELIVERY_FAILED`."""
    return re.sub(r"[\s_-]+", "_", word.strip().lower())

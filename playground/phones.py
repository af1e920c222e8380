"""The phones: what each was sent and sends, sorted into its conversations, as the page draws it."""

from typing import Any

import phonenumbers

from playground.carrier import PretendCarrier
from playground.carrier.model import RECEIVE_SMS, is_final

_STATES = {
    "queued": "with CarrierX, not sent yet",
    "sent": "on its way",
    "delivered": "delivered",
}


def show_phones(carrier: PretendCarrier) -> list[dict[str, Any]]:
    """Every phone that was texted or has texted; the one that was texted last comes first.

    What a phone sends itself does not move it, so that it stays under the finger that types.
    """

    def texted(phone: tuple[str, list[dict[str, Any]]]) -> str:
        received = [each["at"] for each in phone[1] if each["direction"] == "outbound"]
        return str(max(received, default=phone[1][0]["at"]))

    phones = sorted(carrier.phones().items(), key=texted, reverse=True)
    return [
        {"number": f"+{number}", "shown": _show(number), "talks": _talks(number, texts)} for number, texts in phones
    ]


def _talks(number: str, texts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A phone keeps one conversation for each sender and each group."""

    def partners(text: dict[str, Any]) -> tuple[str, ...]:
        return (text["from"], *sorted(each for each in text["group"] if each != number))

    talks: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for text in reversed(texts):  # they are in their order, which two times within a millisecond would not tell
        talks.setdefault(partners(text), []).insert(0, text)
    return [
        {
            "to": first,
            "group": list(others),
            "from": _show(first),
            "others": [_show(each) for each in others],
            "texts": [_show_text(each) for each in those],
        }
        for (first, *others), those in reversed(talks.items())
    ]


def _show_text(text: dict[str, Any]) -> dict[str, Any]:
    state, mine = text["state"], text["direction"] == "inbound"
    arrived = "delivered" if text["direction"] == "member" else state
    return {
        "mine": mine,
        "speaker": _show(text["speaker"]) if text["group"] and not mine else "",
        "sid": text["sid"],
        "text": text["text"],
        "media": text["media_urls"],
        "at": text["changed_at"] or text["at"],
        "state": "sent" if mine else _STATES.get(arrived, f"never arrived: {state}"),
        "here": arrived == "delivered",
        "failed": is_final(state) and state != "delivered",
    }


def show_numbers(carrier: PretendCarrier) -> list[dict[str, str]]:
    """Our numbers that a phone can text."""
    return [
        {"number": did.number, "shown": _show(did.number), "name": "" if did.name == "N/A" else did.name}
        for did in carrier.dids.values()
        if did.capabilities & RECEIVE_SMS
    ]


def _show(number: str) -> str:
    parsed = phonenumbers.parse(f"+{number}")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)

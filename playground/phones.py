"""The phones: what each was sent, sorted into its conversations, as the page draws it."""

from itertools import groupby
from typing import Any

import phonenumbers

from playground.carrier import PretendCarrier
from playground.carrier.model import is_final

_STATES = {
    "queued": "with CarrierX, not sent yet",
    "sent": "on its way",
    "delivered": "delivered",
}


def show_phones(carrier: PretendCarrier) -> list[dict[str, Any]]:
    """Every phone that was texted, the one with the newest text first."""
    phones = sorted(carrier.phones().items(), key=lambda phone: phone[1][-1]["at"], reverse=True)
    return [
        {"number": f"+{number}", "shown": _show(number), "talks": _talks(number, texts)} for number, texts in phones
    ]


def _talks(number: str, texts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A phone keeps one conversation for each sender and each group."""

    def partners(text: dict[str, Any]) -> tuple[str, ...]:
        return (text["from"], *sorted(each for each in text["group"] if each != number))

    talks = [(each, list(those)) for each, those in groupby(sorted(texts, key=partners), key=partners)]
    talks.sort(key=lambda talk: talk[1][-1]["at"])
    return [
        {
            "from": _show(first),
            "others": [_show(each) for each in others],
            "texts": [_show_text(each) for each in those],
        }
        for (first, *others), those in talks
    ]


def _show_text(text: dict[str, Any]) -> dict[str, Any]:
    state = text["state"]
    return {
        "sid": text["sid"],
        "text": text["text"],
        "media": text["media_urls"],
        "at": text["changed_at"] or text["at"],
        "state": _STATES.get(state, f"never arrived: {state}"),
        "here": state == "delivered",
        "failed": is_final(state) and state != "delivered",
    }


def _show(number: str) -> str:
    parsed = phonenumbers.parse(f"+{number}")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)

"""What phones send: each text is kept, gets its detail record, and is told by a callback, as badly as asked."""

import asyncio
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import uuid4

from playground.carrier.model import RECEIVE_MMS, RECEIVE_SMS, Behaviour, Did, Inbound
from playground.carrier.receipts import Receipts
from playground.carrier.render import render_inbound

_DIGITS = re.compile(r"\+?([1-9]\d{2,14})", re.ASCII)  # short codes text too


class Inbounds:
    """All that was received, oldest first.

    Args:
        receipts: Makes the callbacks.

    Attributes:
        texts: By id.
    """

    def __init__(self, receipts: Receipts) -> None:
        self.texts: dict[str, Inbound] = {}
        self._receipts = receipts
        self._kept: dict[str, tuple[Inbound, Callable[[], None]]] = {}

    def receive(
        self,
        sender: str,
        did: Did,
        text: str,
        media_urls: Iterable[str],
        group: Iterable[str],
        *,
        at: datetime,
        behaviour: Behaviour,
        lag: float | None,
    ) -> Inbound:
        """Take a text from a phone; nobody is told yet.

        Raises:
            ValueError: A phone is none, there is nothing in it, or our number cannot receive it.
        """
        pictures, others = tuple(media_urls), tuple(map(read_digits, group))
        phone, sid = read_digits(sender), str(uuid4())
        if not text and not pictures:
            raise ValueError("a text needs words or a picture")
        if {phone, did.number} & {*others} or len({*others}) < len(others):
            raise ValueError("a group names each other phone once")
        if not did.capabilities & (RECEIVE_MMS if pictures or others else RECEIVE_SMS):
            raise ValueError(f"{did.number} cannot receive this")
        seconds = behaviour.records_lag if lag is None else lag
        visible_at = asyncio.get_running_loop().time() + seconds
        dr_sid = sid if behaviour.dr_sid_is_message_sid else str(uuid4())
        inbound = Inbound(sid, dr_sid, phone, did.number, others, text, pictures, at, visible_at)
        self.texts[sid] = inbound
        return inbound

    def tell(self, url: str, inbound: Inbound, behaviour: Behaviour, *, copies: int, delay: float) -> None:
        """Send its callback, in the order of the phone's texts unless it is late or they are swapped."""
        if not url or not copies:
            return
        phone = f"{inbound.sender} {inbound.to}"
        line = inbound.sid if delay else phone
        body = render_inbound(inbound, behaviour)

        def send() -> None:
            self._receipts.line_up(url, line, [body], behaviour, copies=copies, delay=delay)

        if behaviour.inbound_swapped and phone not in self._kept:
            self._kept[phone] = (inbound, send)
            return
        send()
        if phone in self._kept:
            self._kept.pop(phone)[1]()

    def let_go(self) -> None:
        """Send what still waits for a second text to change places with."""
        for phone in tuple(self._kept):
            self._kept.pop(phone)[1]()


def read_digits(number: str) -> str:
    """A number's digits, with or without its +.

    Raises:
        ValueError: It is none.
    """
    found = _DIGITS.fullmatch(number)
    if found is None:
        raise ValueError(f"{number!r} is no phone number")
    return found[1]

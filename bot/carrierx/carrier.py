"""CarrierX as the use cases know it: E.164 with `+` on their side, digits on CarrierX's."""

from datetime import datetime

from bot.carrierx.client import MOST_PAGES, CarrierXClient, NotLeftError
from bot.carrierx.values import SEND_MMS, SEND_SMS, InboundMessage, TextOut, TextState
from bot.domain.message import E164
from bot.services.ports import CarrierState, InboundText, LeaseLostError, MayLeave, OurNumber, OutboundText


class CarrierX:
    """The Carrier port over a CarrierXClient."""

    def __init__(self, client: CarrierXClient) -> None:
        self._client = client

    async def send(self, text: OutboundText, *, may_leave: MayLeave) -> CarrierState:
        """Hand a text over; the answer to a group is about all of it."""
        sent = TextOut(
            user_data=text.id,
            sender=_digits(text.sender),
            recipients=tuple(_digits(number) for number in text.recipients),
            group=text.group,
            text=text.text,
            media_urls=text.media_urls,
        )
        try:
            state = carrier_state(await self._client.send(sent, may_leave=may_leave))
        except NotLeftError:
            raise LeaseLostError from None
        return state

    async def message(self, sid: str) -> CarrierState | None:
        """The message as CarrierX has it now."""
        state = await self._client.message(sid)
        return None if state is None else carrier_state(state)

    async def record(self, sid: str) -> CarrierState | None:
        """One detail record."""
        state = await self._client.record(sid)
        return None if state is None else carrier_state(state)

    async def records(self, since: datetime) -> tuple[CarrierState, ...]:
        """All outbound detail records since then, oldest first."""
        return tuple(carrier_state(state) for state in await self._client.records(since))

    async def inbound(self, sid: str) -> InboundText | None:
        """A text to us as CarrierX has it."""
        message = await self._client.inbound(sid)
        return None if message is None else inbound_text(message)

    async def inbound_records(self, since: datetime, *, pages: int = MOST_PAGES) -> tuple[InboundText, ...]:
        """All inbound detail records since then, oldest first."""
        return tuple(inbound_text(record) for record in await self._client.inbound_records(since, pages=pages))

    async def numbers(self) -> tuple[OurNumber, ...]:
        """The account's numbers."""
        return tuple(
            OurNumber(
                number=_e164(number.digits),
                name=number.name,
                locality=number.locality,
                sms=bool(number.capabilities & SEND_SMS),
                mms=bool(number.capabilities & SEND_MMS),
            )
            for number in await self._client.numbers()
        )

    async def check_token(self) -> None:
        """Returns when CarrierX takes our token."""
        await self._client.check_token()


def carrier_state(state: TextState) -> CarrierState:
    """What CarrierX said, in the use cases' words."""
    return CarrierState(
        sid=state.sid,
        user_data=state.user_data,
        sender=_e164(state.sender),
        recipient=_e164(state.recipient),
        status=state.status,
        kind=state.kind,
        segments=state.segments,
        price=state.price,
        code=state.code,
        created_at=state.created_at,
        changed_at=state.changed_at,
        inbound=state.inbound,
    )


def inbound_text(message: InboundMessage) -> InboundText:
    """A text to us, in the use cases' words."""
    return InboundText(
        sid=message.sid,
        sender=_e164(message.sender),
        to=_e164(message.recipient),
        group=tuple(_e164(number) for number in message.group),
        text=message.text,
        media_urls=message.media_urls,
        kind=message.kind,
        created_at=message.created_at,
    )


def _digits(number: E164) -> str:
    return number.removeprefix("+")


def _e164(digits: str) -> E164:
    return f"+{digits}" if digits else ""

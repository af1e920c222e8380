"""CarrierX as the use cases know it: E.164 with `+` on their side, digits on CarrierX's."""

import asyncio
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from bot.carrierx.client import MOST_PAGES, CarrierXClient, NotLeftError
from bot.carrierx.values import SEND_MMS, SEND_SMS, Container, InboundMessage, TextOut, TextState
from bot.domain.message import E164
from bot.errors import CarrierError, CarrierFullError, CarrierRejectedError, CarrierResponseInvalidError
from bot.services.ports import (
    CarrierState,
    InboundText,
    KeptFile,
    LeaseLostError,
    MayLeave,
    OurNumber,
    OutboundText,
    Room,
    StoredFile,
)

_KEY: Final = "threadtext"  # of our container among the account's


class CarrierX:
    """The Carrier and Storage ports over a CarrierXClient.

    Args:
        client: Of the account.
        mark: This installation's files are named with it: another one's in the same account are not ours to remove.
    """

    def __init__(self, client: CarrierXClient, mark: str) -> None:
        self._client = client
        self._mark = f"{mark}-"
        self._container: Container | None = None
        self._finding = asyncio.Lock()

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

    async def store(self, content: bytes, kind: str, suffix: str, *, keep: timedelta) -> StoredFile:
        """Keep a file in our container, which is made where there is none, or none any more."""
        lifetime = int(keep.total_seconds())
        container = await self._find_container(lifetime)
        try:
            return await self._upload(content, kind, suffix, container, lifetime)
        except CarrierRejectedError as error:
            if not _is_gone(error):
                raise await self._explain(error, len(content)) from error
        self._forget(container)
        return await self._upload(content, kind, suffix, await self._find_container(lifetime), lifetime)

    async def _upload(self, content: bytes, kind: str, suffix: str, container: Container, lifetime: int) -> StoredFile:
        file = await self._client.upload(
            content, kind, suffix, container_sid=container.sid, lifetime=lifetime, mark=self._mark
        )
        if not file.url and not container.publish_domain:
            raise CarrierResponseInvalidError("CarrierX took a file and did not say where it can be read.")
        return StoredFile(file.sid, file.url or f"{container.publish_domain.rstrip('/')}/f/{file.sid}")

    async def _find_container(self, lifetime: int) -> Container:
        async with self._finding:
            if self._container is None:
                self._container = await self._client.find_container(_KEY) or await self._make_container(lifetime)
            return self._container

    async def _make_container(self, lifetime: int) -> Container:
        try:
            made = await self._client.make_container(_KEY, lifetime=lifetime)
        except CarrierRejectedError:  # perhaps because another process was quicker
            found = await self._client.find_container(_KEY)
            if found is None:
                raise
            return found
        return await self._client.find_container(_KEY) or made  # where two processes made one each, both take the same

    def _forget(self, container: Container) -> None:
        if self._container is container:
            self._container = None

    async def _explain(self, error: CarrierRejectedError, size: int) -> CarrierRejectedError:
        """The same refusal, with its reason where that is too little room."""
        try:
            room = await self.room()
        except CarrierError:
            return error
        if room.files_left == 0:
            reason = "it takes no more files"
        elif room.bytes_left is not None and room.bytes_left < size:
            reason = f"{room.bytes_left:,} bytes are left, and the file has {size:,}"
        else:
            return error
        return CarrierFullError(f"CarrierX's storage is full: {reason}.", error.status, error.fields)

    async def remove(self, sid: str) -> None:
        """Delete a file, which may be gone already."""
        await self._client.delete_file(sid)

    async def room(self) -> Room:
        """What our container still takes; it is made only when there is something to store."""
        container = await self._look()
        if container is None:
            return Room(None, None, None, None)
        return Room(container.bytes_left, container.files_left, container.most_bytes, container.most_files)

    async def kept(self) -> tuple[KeptFile, ...]:
        """This installation's files in our container."""
        container = await self._look()
        files = await self._client.files(container.sid) if container else []
        return tuple(KeptFile(file.sid, file.changed_at) for file in files if file.name.startswith(self._mark))

    async def _look(self) -> Container | None:
        """Our container as it stands now; where there is none, none is made."""
        async with self._finding:
            container = await self._client.container(self._container.sid) if self._container else None
            self._container = container or await self._client.find_container(_KEY)
            return self._container


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


def _is_gone(error: CarrierRejectedError) -> bool:
    """Whether an upload was refused for its container; how, the documentation does not say."""
    return error.status == HTTPStatus.NOT_FOUND or "container_sid" in error.fields


def _digits(number: E164) -> str:
    return number.removeprefix("+")


def _e164(digits: str) -> E164:
    return f"+{digits}" if digits else ""

"""Checks the rules and accepts a text into the outbox; cancels; sends again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

import structlog

from bot.domain.failures import helps_edit, read_stopped, show_failure
from bot.domain.ids import new_id
from bot.domain.media import SlackFile, check_files, check_text, parse_media
from bot.domain.message import E164, Batch, Failure, Message, Recipient, Status
from bot.domain.phone import find_recipients, parse_recipients, show_number
from bot.domain.quiet_hours import Forecast
from bot.errors import InvalidFieldsError, InvalidInputError, NotStoredError, RefusedError, StoredOrNotError
from bot.services.hours import Hours
from bot.services.numbers import Numbers
from bot.services.ports import (
    Accepting,
    Announcer,
    Clock,
    Hold,
    NewBatch,
    NewMessage,
    OptedOutError,
    OurNumber,
    RepeatedError,
    SettledError,
)

GROUP_SIZE = 10  # numbers of a group MMS with the sender (CarrierX, sms/send)
MAX_RECIPIENTS = 50
_UNSETTLED = frozenset({Status.FAILED, Status.UNCONFIRMED})
_log = structlog.get_logger(__name__)
_NAMED = 4  # numbers in one sentence
_CANCEL = 2.0  # seconds; Slack waits three
_READ = 2.0  # seconds for what is asked after the answer to a press
_FORESEE = 0.5  # seconds for a line that follows what is typed

Read = TypeVar("Read")


class How(StrEnum):
    """How several recipients are reached."""

    SEPARATE = "separate"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person typed, not yet judged.

    Attributes:
        key: Names this very wish; a second draft with the same key is the same wish (Slack's trigger or view).
        team, user_id, user_name, channel: Who asks, and where the status shall be shown.
        response_url: Slack's, "" when there is none.
        sender: E.164 of our number, "" to choose: the channel's last, the person's last, the default.
        to: One or several numbers, as typed.
        how: How several are reached.
        text: As the phone shall show it.
        media: URLs, one a line, as typed.
        edits: The batch that failed and is sent anew with changes, "" for a new text.
        edited: The phones of it that were offered.
    """

    key: str
    team: str
    user_id: str
    user_name: str
    channel: str
    response_url: str
    sender: str
    to: str
    text: str
    media: str = ""
    how: How = How.SEPARATE
    files: tuple[SlackFile, ...] = ()
    edits: str = ""
    edited: tuple[E164, ...] = ()


@dataclass(frozen=True, slots=True)
class Editable:
    """What failed of a batch, to be changed and sent anew.

    Attributes:
        batch_id: The batch.
        channel: Where it is shown.
        sender: Our number that it was sent from, or one that can send it where that one cannot.
        to: The phones that it failed for.
        how: How several are reached.
        text: What it said.
        media: The URLs that were typed.
        files: What went along from Slack.
        why: Why it failed, a sentence.
    """

    batch_id: str
    channel: str
    sender: E164
    to: tuple[E164, ...]
    how: How
    text: str
    media: tuple[str, ...]
    files: tuple[SlackFile, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A wish that is durably ours.

    Attributes:
        batch_id: Its batch, "" when `repeated`.
        repeated: The same wish had been accepted before; nothing new was stored.
    """

    batch_id: str
    repeated: bool = False


class CancelResult(StrEnum):
    """What became of a wish to cancel."""

    CANCELED = "canceled"
    TOO_LATE = "too_late"  # it has left, or may have
    UNKNOWN = "unknown"  # no such text


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator set.

    Attributes:
        region: ISO 3166 code of numbers typed without `+`.
        countries: ISO 3166 codes that may be texted.
        trusted: Origins whose media may be on a private address.
        command: The slash command, for the sentences.
    """

    region: str
    countries: Collection[str]
    trusted: frozenset[str] = frozenset()
    command: str = "/sms"


class Sending:
    """The use cases behind `/sms`, the modal and the buttons."""

    def __init__(
        self,
        *,
        batches: Accepting,
        numbers: Numbers,
        hours: Hours,
        rules: Rules,
        clock: Clock,
        announcer: Announcer,
        wake_outbox: Callable[[], None],
    ) -> None:
        self._batches = batches
        self._numbers = numbers
        self._hours = hours
        self._rules = rules
        self._clock = clock
        self._announcer = announcer
        self._wake_outbox = wake_outbox

    async def submit(
        self, draft: Draft, *, known: Mapping[str, str] | None = None, within: float | None = None
    ) -> Acceptance:
        """Judge a draft by every rule and store it in one write.

        Args:
            draft: What was typed.
            known: Mistakes that the caller knows of: a sentence per field, so that all are named at once.
            within: Seconds that all of it may take, None for no more than the database's own deadlines.

        Raises:
            InvalidFieldsError: One or more inputs are wrong; all of them are named at once.
            RefusedError: Somebody asked for no more texts, or what was edited did not fail after all.
            NotStoredError: Nothing was stored and nothing will be sent.
            StoredOrNotError: It cannot be told.
        """
        until = None if within is None else asyncio.get_running_loop().time() + within
        wrong: dict[str, str] = {}
        none: tuple[str, ...] = ()
        to = self._read(wrong, "to", lambda: self._recipients(draft.to), none)
        media = self._read(wrong, "media", lambda: parse_media(draft.media, trusted=self._rules.trusted), none)
        text = draft.text.strip()
        self._read(wrong, "files", lambda: check_files(draft.files, urls=len(media)), None)
        has_media = bool(draft.media.strip() or draft.files)
        self._read(wrong, "text", lambda: check_text(text, has_media=has_media), None)
        group = draft.how is How.GROUP and len(to) > 1
        if group and len(to) >= GROUP_SIZE:
            wrong["how"] = (
                f"A group MMS takes {GROUP_SIZE - 1} people besides you, and these are {len(to)}. "
                "Choose separate texts, or leave some out."
            )
        mms = group or has_media  # also while they are wrong
        ours = self._read(wrong, "from", lambda: self._sender(draft, mms=mms), None)
        if ours is not None and ours.number in to:
            wrong.setdefault("to", f"{show_number(ours.number)} is the number you send from. Leave it out.")
        wrong |= known or {}
        if wrong or ours is None:
            other = self._able_to_mms() if mms and "from" in wrong else None
            raise InvalidFieldsError(wrong, instead=other.number if other else "")
        recipients = _share(draft, to)
        now = self._clock.now()
        holds: list[Hold | None] = [None] * len(recipients)
        edited: Batch | None = None
        if draft.edits or self._hours.of(ours.number):
            async with _answered_by(until):
                holds = [await self._hours.hold(ours.number, numbers, now) for numbers in recipients]
                edited = await self._batches.batch(draft.edits) if draft.edits else None
        messages = tuple(
            NewMessage(new_id(), numbers, group, hold=hold) for numbers, hold in zip(recipients, holds, strict=True)
        )
        if draft.edits:
            messages = _replace(self._known(edited), draft.edited, messages)
        new = NewBatch(
            id=new_id(),
            key=draft.key,
            team=draft.team,
            user_id=draft.user_id,
            user_name=draft.user_name,
            channel=draft.channel,
            response_url=draft.response_url,
            sender=ours.number,
            text=text,
            media_urls=media,
            files=draft.files,
            accepted_at=now,
            messages=messages,
            again=draft.edits,
        )
        return await self._accept(new, until)

    async def edit(self, batch_id: str) -> Editable:
        """What failed of a batch and may go when it is changed.

        Raises:
            RefusedError: There is nothing of that kind, or not any more.
            NotStoredError: Our database did not answer in time.
        """
        async with _answered_by(asyncio.get_running_loop().time() + _READ):
            batch = self._known(await self._batches.batch(batch_id))
        failed = [phone for text in batch.messages for phone in text.recipients if phone.status is Status.FAILED]
        open_ones = [(phone, phone.failure) for phone in failed if not phone.retried and _is_mendable(phone.failure)]
        if not open_ones:
            done = "Already sent again, so there is nothing left to edit."
            raise RefusedError(done if failed else _settled(part=False))
        first, (_, failure) = batch.messages[0], open_ones[0]
        assert failure is not None
        stored = {file.url for file in batch.files}
        ours = self._numbers.find(first.sender)
        whole = first.group and len(open_ones) == len(first.recipients)
        if ours is not None and not ours.mms and (whole or first.media_urls or batch.files):
            ours = self._able_to_mms() or ours
        return Editable(
            batch_id=batch.id,
            channel=batch.channel,
            sender=ours.number if ours else first.sender,
            to=tuple(phone.number for phone, _ in open_ones),
            how=How.GROUP if whole else How.SEPARATE,
            text=first.text,
            media=tuple(url for url in first.media_urls if url not in stored),
            files=_take_files(batch),
            why=show_failure(failure)[0],
        )

    async def foresee(self, draft: Draft) -> Forecast | None:
        """What quiet hours would do to a draft as far as it is filled in; None when all of it would go at once.

        Mistakes are left to `submit`.

        Raises:
            TimeoutError: Our database did not answer in time.
        """
        to = find_recipients(draft.to, region=self._rules.region, countries=self._rules.countries)
        chosen = self._numbers.choose(draft.channel, draft.user_id)
        sender = draft.sender or (chosen.number if chosen else "")
        if not sender or len(to) > MAX_RECIPIENTS:
            return None
        return await self._hours.foresee(sender, _share(draft, to), self._clock.now(), within=_FORESEE)

    def check(self, sender: E164, recipients: tuple[E164, ...], text: str, files: tuple[SlackFile, ...] = ()) -> None:
        """Judge a reply to a conversation by the rules for every text.

        Raises:
            InvalidFieldsError: It cannot go as it is.
        """
        wrong: dict[str, str] = {}
        self._read(wrong, "text", lambda: check_text(text, has_media=bool(files)), None)
        self._read(wrong, "files", lambda: check_files(files), None)
        self._check_both(wrong, sender, recipients, mms=len(recipients) > 1 or bool(files))
        if wrong:
            raise InvalidFieldsError(wrong)

    async def send_now(self, batch_id: str) -> bool:
        """Let go what waits only for the morning; False when nothing does any more."""
        freed = await self._batches.send_now(batch_id, self._clock.now())
        self._wake_outbox()
        self._announcer.wake()
        return freed > 0

    async def again(self, batch_id: str, *, key: str, user_id: str, user_name: str, response_url: str) -> Acceptance:
        """Send the failed and the unconfirmed of a batch once more, as a new batch with all rules checked again.

        `repeated` is true when there is nothing left to send again: another press was first.

        Raises:
            RefusedError: The batch is not known, or nothing of it failed.
            InvalidFieldsError, NotStoredError, StoredOrNotError: As `submit`.
        """
        async with _answered_by(asyncio.get_running_loop().time() + _READ):
            batch = await self._batches.batch(batch_id)
        batch = self._known(batch)
        if not any(phone.status in _UNSETTLED for text in batch.messages for phone in text.recipients):
            raise RefusedError(_settled(part=False))
        messages = tuple(new for text in batch.messages for new in _repeat(text))
        if not messages:
            return Acceptance("", repeated=True)
        first, now = batch.messages[0], self._clock.now()
        self._check_again(first, messages, mms=bool(first.media_urls or batch.files))
        async with _answered_by(asyncio.get_running_loop().time() + _READ):
            holds = [await self._hours.hold(first.sender, new.recipients, now) for new in messages]
        return await self._accept(
            NewBatch(
                id=new_id(),
                key=key,
                team=batch.team,
                user_id=user_id,
                user_name=user_name,
                channel=batch.channel,
                response_url=response_url,
                sender=first.sender,
                text=first.text,
                media_urls=tuple(url for url in first.media_urls if url not in {file.url for file in batch.files}),
                files=_take_files(batch),
                accepted_at=now,
                messages=tuple(replace(new, hold=hold) for new, hold in zip(messages, holds, strict=True)),
                again=batch.id,
            )
        )

    async def cancel(self, batch_id: str) -> CancelResult:
        """Cancel what of a batch has not left yet: one conditional update.

        Raises:
            StoredOrNotError: The database did not answer.
        """
        try:
            async with asyncio.timeout(_CANCEL):
                if await self._batches.cancel(batch_id, self._clock.now()):
                    self._announcer.wake()
                    return CancelResult.CANCELED
                known = await self._batches.batch(batch_id)
        except Exception as exc:
            _log.exception("sending.cancel_failed", batch=batch_id)
            raise StoredOrNotError(
                "We cannot tell whether it was canceled: our database did not answer. Look at its newest state."
            ) from exc
        return CancelResult.UNKNOWN if known is None else CancelResult.TOO_LATE

    async def _accept(self, new: NewBatch, until: float | None = None) -> Acceptance:
        """Store it; by `until`, of the loop's clock, its fate is known."""
        within = None if until is None else max(until - asyncio.get_running_loop().time(), 0.0)
        try:
            await self._batches.accept(new, within=within)
        except RepeatedError:
            return Acceptance("", repeated=True)
        except SettledError as exc:
            raise RefusedError(_settled(part=sum(len(text.retry_of) for text in new.messages) > 1)) from exc
        except OptedOutError as exc:
            group = any(text.group for text in new.messages)
            raise RefusedError(explain_opted_out(exc.numbers, group=group), "to") from exc
        self._numbers.note_used(new.channel, new.user_id, new.sender)
        self._wake_outbox()
        self._announcer.wake()
        return Acceptance(new.id)

    def _known(self, batch: Batch | None) -> Batch:
        """A batch that is there, with its text.

        Raises:
            RefusedError: It is not.
        """
        if batch is None or not batch.messages:
            raise RefusedError(f"This text is no longer known here. Send it anew with `{self._rules.command}`.")
        if batch.messages[0].erased or any(_failed_erased(text) for text in batch.messages):
            raise RefusedError("Its text was erased, so it cannot be sent again. Write it anew.")
        return batch

    def _able_to_mms(self) -> OurNumber | None:
        return next((number for number in self._numbers.able() if number.mms), None)

    def _recipients(self, typed: str) -> tuple[E164, ...]:
        return parse_recipients(typed, region=self._rules.region, countries=self._rules.countries, limit=MAX_RECIPIENTS)

    def _sender(self, draft: Draft, *, mms: bool, fixed: bool = False) -> OurNumber:
        """The number to send from, able to send what is to be sent; `fixed` where the person cannot choose here."""
        anew = f"Send it anew with `{self._rules.command}`, from" if fixed else "Choose"
        if draft.sender:
            ours = self._numbers.find(draft.sender)
            if ours is None and not self._numbers.loaded and draft.sender == self._numbers.default:
                ours = OurNumber(draft.sender, "", "", sms=True, mms=True)
        else:
            ours = self._numbers.choose(draft.channel, draft.user_id)
        if ours is None:
            raise InvalidInputError(self._no_sender(draft.sender, f"{anew} another number."), "from")
        if mms and not ours.mms:
            other = self._able_to_mms()
            remedy = (
                f"{anew} {show_number(other.number)}, which can."
                if other
                else "None of your numbers can: send the text alone, to each separately."
            )
            raise InvalidInputError(
                f"{show_number(ours.number)} cannot send pictures or group texts (MMS). {remedy}", "from"
            )
        return ours

    def _no_sender(self, wanted: E164, remedy: str) -> str:
        if not self._numbers.loaded:
            return "CarrierX has not told us your numbers yet. Try again in a minute."
        if wanted and not self._numbers.shortage:
            return f"{show_number(wanted)} cannot send texts any more. {remedy}"
        return self._numbers.shortage

    def _check_again(self, first: Message, messages: tuple[NewMessage, ...], *, mms: bool) -> None:
        """The rules may have changed since: the countries, what the number can."""
        wrong: dict[str, str] = {}
        numbers = tuple(number for new in messages for number in new.recipients)
        self._check_both(wrong, first.sender, numbers, mms=mms or any(new.group for new in messages))
        if wrong:
            raise InvalidFieldsError(wrong)

    def _check_both(self, wrong: dict[str, str], sender: E164, recipients: tuple[E164, ...], *, mms: bool) -> None:
        none: tuple[str, ...] = ()
        self._read(wrong, "to", lambda: self._recipients(",".join(recipients)), none)
        draft = Draft("", "", "", "", "", "", sender, "", "")
        self._read(wrong, "from", lambda: self._sender(draft, mms=mms, fixed=True), None)

    @staticmethod
    def _read(wrong: dict[str, str], field: str, read: Callable[[], Read], otherwise: Read) -> Read:
        """What `read` returns; on a mistake `otherwise`, and the sentence is noted."""
        try:
            return read()
        except InvalidInputError as error:
            wrong[field] = error.user_message
            return otherwise


def _share(draft: Draft, to: tuple[E164, ...]) -> tuple[tuple[E164, ...], ...]:
    """The recipients of each text that a draft makes."""
    return (to,) if draft.how is How.GROUP and len(to) > 1 else tuple((number,) for number in to)


def explain_opted_out(numbers: tuple[E164, ...], *, group: bool) -> str:
    """Why nobody can be texted who asked for no more texts, and what to do."""
    who = " and ".join(map(show_number, numbers)) if len(numbers) < _NAMED else f"{len(numbers)} of the numbers"
    verb = "has" if len(numbers) == 1 else "have"
    rest = " Leave them out, or text the others separately." if group else ""
    return (
        f"{who} {verb} asked for no more texts, so nothing was sent. They get texts again when they text START "
        f"to your number.{rest}"
    )


@asynccontextmanager
async def _answered_by(until: float | None) -> AsyncIterator[None]:
    """Ask the database before anything is stored.

    Raises:
        NotStoredError: It did not answer by `until`, of the loop's clock, or not at all.
    """
    try:
        async with asyncio.timeout_at(until):
            yield
    except Exception as exc:
        raise NotStoredError("Nothing was sent: our database did not answer in time. Try again in a moment.") from exc


def _settled(*, part: bool) -> str:
    if part:
        return "Not all of it failed after all, so nothing was sent again. Look at its newest state, then press again."
    return "It did not fail after all; look at its newest state. Nothing was sent again."


def _failed_erased(text: Message) -> bool:
    return text.erased and any(phone.status in _UNSETTLED for phone in text.recipients)


def _is_mendable(failure: Failure | None) -> bool:
    return failure is not None and helps_edit(failure)


def _take_files(batch: Batch) -> tuple[SlackFile, ...]:
    """Its files in Slack, to be fetched anew: what CarrierX keeps of them deletes itself."""
    return tuple(SlackFile(file.id, file.name, file.kind, file.size) for file in batch.files)


def _replace(edited: Batch, offered: tuple[E164, ...], messages: tuple[NewMessage, ...]) -> tuple[NewMessage, ...]:
    """The messages, noting what they send again of an edited batch.

    That is what failed for each phone that is still among theirs. A phone that was not offered stands in for one that
    was, so with one all of them count; and so does what failed for that phone itself, or Try again would text it too.
    """
    to = {number for new in messages for number in new.recipients}
    theirs = set(offered) & to if to <= set(offered) else set(offered)
    phones = [(text, phone) for text in edited.messages for phone in text.recipients]
    theirs |= {phone.number for _, phone in phones if phone.number in to and _is_open(phone)}
    keys = {
        phone.number: f"{text.id}:{phone.number}" if text.group else text.id
        for text, phone in phones
        if phone.number in theirs
    }
    noted = [
        replace(new, retry_of=tuple(keys.pop(number) for number in new.recipients if number in keys))
        for new in messages
    ]
    noted[0] = replace(noted[0], retry_of=(*noted[0].retry_of, *keys.values()))
    return tuple(noted)


def _is_open(phone: Recipient) -> bool:
    """Whether it failed, or may have, and nobody has sent it again."""
    return phone.status in _UNSETTLED and not phone.retried


def _repeat(text: Message) -> list[NewMessage]:
    """The new messages that send `text` again to those whom it failed and nobody has sent it again to."""
    failed = [phone for phone in text.recipients if _is_open(phone)]
    if not text.group:
        return [NewMessage(new_id(), (phone.number,), group=False, retry_of=(text.id,)) for phone in failed]
    stopped = {number for phone in failed if phone.failure is not None for number in read_stopped(phone.failure)}
    failed = [phone for phone in failed if phone.number not in stopped]
    if len(failed) > 1 and len(failed) + len(stopped) == len(text.recipients):
        keys = tuple(f"{text.id}:{phone.number}" for phone in failed)
        return [NewMessage(new_id(), tuple(phone.number for phone in failed), group=True, retry_of=keys)]
    return [
        NewMessage(new_id(), (phone.number,), group=False, retry_of=(f"{text.id}:{phone.number}",)) for phone in failed
    ]

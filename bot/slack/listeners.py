"""What people do in Slack, and what follows: read it, ask a use case, answer.

Slack waits three seconds for an answer and repeats nothing that a person did. So a text is stored first and answered
then, with nothing in between, and whatever may be told later is told later. Each listener stands inside `answering`.
"""

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, Protocol

import aiohttp
import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.command import Help, InlineText, OpenModal, parse_command
from bot.domain.orders import Order, Status
from bot.domain.phone import show_example
from bot.errors import BotError, InvalidFieldsError, RefusedError
from bot.services.ports import OurNumber
from bot.services.sending import Acceptance, CancelResult, Draft, Editable
from bot.services.status import Report
from bot.slack import modal
from bot.slack.blocks import AGAIN, CANCEL, EDIT, Content
from bot.slack.errors import answering
from bot.slack.live import Forecasts, LiveLines
from bot.slack.notices import show_help, show_sentence
from bot.slack.people import People
from bot.slack.reading import read_reply
from bot.slack.status import show_report
from bot.slack.telling import Telling, read_team, say_all
from bot.slack.text import to_phone_text
from bot.slack.web_client import Workspace

NEW: Final = "sms_new"
FROM_MESSAGE: Final = "sms_from_message"

_OPEN = 2.0  # seconds for views.open and a report; the answer is due after three
_ANSWER = 2.7  # seconds of the three that Slack waits; the way takes the rest
_SHORTEST = 0.1  # seconds that the last step always gets
_ANY = re.compile(".*")
_SENT = "It was sent again already, so nothing more was sent. Close this form."
_SENT_IN_PART = (
    "At least one of these was sent again already, so nothing more was sent. Close this form and press Edit again "
    "for the rest."
)
_log = structlog.get_logger(__name__)

Body = Mapping[str, Any]


class Texts(Forecasts, Protocol):
    """The use cases; bot.services.sending has them."""

    async def submit(
        self, draft: Draft, *, known: Mapping[str, str] | None = None, within: float | None = None
    ) -> Acceptance:
        """Judge a draft and store it, in so many seconds; `known` are mistakes found already, by field."""
        ...

    async def again(self, batch_id: str, *, key: str, user_id: str, user_name: str, response_url: str) -> Acceptance:
        """Send what failed of a batch once more."""
        ...

    async def edit(self, batch_id: str) -> Editable:
        """What failed of a batch, to be changed and sent anew."""
        ...

    async def cancel(self, batch_id: str) -> CancelResult:
        """Cancel what has not left yet."""
        ...


class Orders(Protocol):
    """What administrators set and people look at; bot.slack.administrators has it."""

    async def answer(self, order: Order, body: Body) -> Content:
        """Do what a command says; what its typist alone reads."""
        ...


class Senders(Protocol):
    """The account's numbers as last read; bot.services.numbers has them."""

    loaded: bool

    @property
    def shortage(self) -> str:
        """Why nobody can text at all, "" when somebody can."""
        ...

    def able(self) -> Sequence[OurNumber]:
        """Those that can text."""
        ...

    def choose(self, channel: str, user_id: str) -> OurNumber | None:
        """The one to offer first."""
        ...


class Reports(Protocol):
    """What works and what does not; bot.services.status knows."""

    async def status(self) -> Report:
        """Everything at this moment."""
        ...


class Listeners:
    """Everything that Slack may send.

    Args:
        texts: The use cases.
        senders: The account's numbers.
        orders: What is neither a text nor help.
        reports: What works and what does not.
        people: Who may, and what they are called.
        slack: Over a session with a timeout, without retry handlers.
        command: The slash command, `/sms`.
        region: ISO 3166 code of the country that a number without `+` is in.
        countries: ISO 3166 codes that may be texted.
    """

    def __init__(
        self,
        *,
        texts: Texts,
        senders: Senders,
        orders: Orders,
        reports: Reports,
        people: People,
        slack: AsyncWebClient,
        command: str = "/sms",
        region: str = "US",
        countries: Collection[str] = ("US", "CA"),
    ) -> None:
        self._texts = texts
        self._senders = senders
        self._orders = orders
        self._reports = reports
        self._people = people
        self._slack = slack
        self._command = command
        self._region = region
        self._countries = countries
        self._telling = Telling(Workspace(slack))
        self._live = LiveLines(texts, Workspace(slack), self._telling.soon)

    def register(self, app: AsyncApp) -> None:
        """Hang what people do into a Bolt app.

        Before anything else: Bolt asks listener after listener whether a request is theirs, which costs a command more
        than reading it.
        """
        app.command(self._command)(self.command)
        app.shortcut(NEW)(self.shortcut)
        app.shortcut(FROM_MESSAGE)(self.shortcut)
        app.view(modal.SEND)(self.submit)
        for name in modal.LIVE:
            app.action(name)(self.typing)
        app.action(modal.USE)(self.use_sender)
        app.options(modal.FROM)(self.options)
        app.action(CANCEL)(self.cancel)
        app.action(AGAIN)(self.again)
        app.action(EDIT)(self.edit)

    def register_last(self, app: AsyncApp) -> None:
        """Take what nobody else takes, also what means nothing here: Slack counts a 404 as a failed delivery."""
        app.event(_ANY)(self.event)

    async def close(self) -> None:
        """Wait for what is still to be told."""
        await self._telling.close()

    async def command(self, ack: AsyncAck, body: Body) -> None:
        """`/sms …`."""

        async def tell(error: BotError) -> None:
            said = show_sentence(say_all(error))
            await ack(text=said.text, blocks=said.blocks, response_type="ephemeral")

        due = _due()
        async with answering(tell, "command", may_send=True):
            team, user_id, channel = body["team_id"], body["user_id"], body["channel_id"]
            response_url = body.get("response_url", "")
            await self._people.admit(user_id, team)
            await self._people.admit_channel(channel)
            asked = parse_command(
                body.get("text", ""), region=self._region, countries=self._countries, command=self._command
            )
            match asked:
                case Help():
                    said = show_help(self._command, show_example(self._region))
                    await ack(text=said.text, blocks=said.blocks, response_type="ephemeral")
                case Status():
                    async with asyncio.timeout(min(_OPEN, _left(due))):
                        said = show_report(await self._reports.status())
                    await ack(text=said.text, blocks=said.blocks, response_type="ephemeral")
                case OpenModal():
                    opening = replace(self._opening(channel, user_id), response_url=response_url)
                    await self._open(body["trigger_id"], opening, due)
                    await ack()
                case InlineText(to, text):
                    draft = Draft(
                        key=f"command:{team}:{body['trigger_id']}",
                        team=team,
                        user_id=user_id,
                        user_name=self._people.name(user_id) or body.get("user_name", ""),
                        channel=channel,
                        response_url=response_url,
                        sender="",
                        to=to,
                        text=to_phone_text(text, names=self._people.name),
                    )
                    await self._texts.submit(draft, within=_left(due))
                    await ack()
                case order:
                    async with answering(tell, "order"):
                        async with asyncio.timeout(_left(due)):
                            said = await self._orders.answer(order, body)
                        await ack(text=said.text, blocks=said.blocks, response_type="ephemeral")

    async def shortcut(self, ack: AsyncAck, body: Body) -> None:
        """“Send a text” and “Text this…”."""
        await ack()
        due = _due()
        async with answering(partial(self._telling.tell_shortcut, body), "shortcut"):
            user_id, channel = body["user"]["id"], (body.get("channel") or {}).get("id", "")
            await self._people.admit(user_id, read_team(body))
            if channel:
                await self._people.admit_channel(channel)
            said = read_reply(body.get("message") or {}, names=self._people.name)
            opening = replace(
                self._opening(channel, user_id),
                response_url=body.get("response_url", ""),
                text=said.text,
                files=said.files,
            )
            await self._open(body["trigger_id"], opening, due)

    async def typing(self, ack: AsyncAck, body: Body) -> None:
        """Somebody fills in the form: the lines under Text follow. Where they cannot, nothing is lost."""
        await ack()
        async with answering(_keep_silent, "typing"):
            user_id = body["user"]["id"]
            await self._people.admit(user_id, read_team(body))
            self._live.follow(body["view"], user_id)

    async def use_sender(self, ack: AsyncAck, body: Body, action: Body) -> None:
        """Use another number, in a form whose From cannot send what is to be sent."""
        await ack()
        async with answering(_keep_silent, "use_sender"):
            user_id, numbers = body["user"]["id"], self._senders.able()
            await self._people.admit(user_id, read_team(body))
            chosen = next((number for number in numbers if number.number == action["value"]), None)
            if chosen is not None:
                self._live.follow(modal.use_sender(body["view"], numbers, chosen), user_id, changed=True)

    async def options(self, ack: AsyncAck, body: Body) -> None:
        """Somebody searches for a number to send from."""
        await ack(options=[])
        async with answering(_keep_silent, "options"):
            await self._people.admit(body["user"]["id"], read_team(body))
            await ack(options=modal.show_options(self._senders.able(), body.get("value") or ""))

    async def submit(self, ack: AsyncAck, body: Body, view: Body) -> None:
        """The modal's Send."""

        async def tell(error: BotError) -> None:
            await ack(response_action="errors", errors=modal.show_errors(view, error))
            # With more than that to mend, a new view could hide the other sentences.
            if isinstance(error, InvalidFieldsError) and error.instead and len(error.fields) == 1:
                self._live.follow(modal.offer_sender(view, error.instead), body["user"]["id"], changed=True)

        due = _due()
        async with answering(tell, "submit", may_send=True):
            team, user = read_team(body), body["user"]
            await self._people.admit(user["id"], team)
            draft = modal.read_draft(
                view,
                key=f"view:{team}:{view['id']}",
                team=team,
                user_id=user["id"],
                user_name=self._people.name(user["id"]) or user.get("name", ""),
            )
            known = await self._judge_chosen(draft.channel)
            acceptance = await self._texts.submit(draft, known=known, within=_left(due))
            if acceptance.repeated and draft.edits:
                raise RefusedError(_SENT_IN_PART if len(draft.edited) > 1 else _SENT)
            await ack()

    async def cancel(self, ack: AsyncAck, body: Body, action: Body) -> None:
        """Cancel, under a text that waits. What came of it is shown there; only a failure needs words."""
        await ack()
        async with answering(partial(self._telling.tell_presser, body), "cancel"):
            await self._people.admit(body["user"]["id"], read_team(body))
            match await self._texts.cancel(action["value"]):
                case CancelResult.TOO_LATE:
                    raise RefusedError("Too late: the text has gone to CarrierX already, or may have.")
                case CancelResult.UNKNOWN:
                    raise RefusedError("I know nothing of this text any more, so there is nothing to cancel.")
                case CancelResult.CANCELED:
                    pass

    async def again(self, ack: AsyncAck, body: Body, action: Body) -> None:
        """Try again and Send again, under a text that failed."""
        await ack()
        async with answering(partial(self._telling.tell_presser, body), "again", may_send=True):
            team, user = read_team(body), body["user"]
            await self._people.admit(user["id"], team)
            if channel := (body.get("channel") or {}).get("id"):
                await self._people.admit_channel(channel)
            acceptance = await self._texts.again(
                action["value"],
                key=f"again:{team}:{body['trigger_id']}",
                user_id=user["id"],
                user_name=self._people.name(user["id"]) or user.get("name", ""),
                response_url=body.get("response_url", ""),
            )
            if acceptance.repeated:
                raise RefusedError("Already sent again, so this press did nothing more.")

    async def edit(self, ack: AsyncAck, body: Body, action: Body) -> None:
        """Edit, under a text that failed: the form, filled in with what failed of it."""
        await ack()
        due = _due()
        async with answering(partial(self._telling.tell_presser, body), "edit"):
            user_id = body["user"]["id"]
            await self._people.admit(user_id, read_team(body))
            if channel := (body.get("channel") or {}).get("id"):
                await self._people.admit_channel(channel)
            text = await self._texts.edit(action["value"])
            opening = replace(
                self._opening(text.channel, user_id),
                response_url=body.get("response_url", ""),
                text=text.text,
                files=text.files,
                to=text.to,
                how=text.how,
                media=text.media,
                edits=text.batch_id,
                why=text.why,
            )
            sender = next((number for number in opening.numbers if number.number == text.sender), opening.chosen)
            await self._open(body["trigger_id"], replace(opening, chosen=sender), due)

    async def event(self, event: Body) -> None:
        """Whatever happens in the workspace."""
        async with answering(_keep_silent, "event"):
            self._people.learn(event)

    def _opening(self, channel: str, user_id: str) -> modal.Opening:
        """An empty form for somebody in a channel."""
        return modal.Opening(
            loaded=self._senders.loaded,
            numbers=self._senders.able(),
            chosen=self._senders.choose(channel, user_id),
            shortage=self._senders.shortage,
            channel=channel,
            shared_too=self._people.any_shared_allowed,
        )

    async def _open(self, trigger_id: str, opening: modal.Opening, due: float) -> None:
        try:
            async with asyncio.timeout(min(_OPEN, _left(due))):
                await self._slack.views_open(trigger_id=trigger_id, view=modal.build_view(opening))
        except (SlackApiError, aiohttp.ClientError, TimeoutError, OSError) as exc:
            _log.warning("slack.modal_not_opened", error=_name(exc))
            raise BotError(
                "Slack did not open the form. Try again, or write it all in one line: "
                f"`{self._command} {show_example(self._region)} Running ten minutes late`."
            ) from exc

    async def _judge_chosen(self, channel: str) -> dict[str, str]:
        """What is wrong with the modal's last field, to be told together with what is wrong with the others."""
        if not channel:
            return {"channel": "Choose where the status is posted."}
        try:
            await self._people.admit_channel(channel)
        except RefusedError as exc:
            return {"channel": exc.user_message}
        return {}


def _due() -> float:
    """When somebody who asks now must have the answer, by the loop's clock: all steps share the time."""
    return asyncio.get_running_loop().time() + _ANSWER


def _left(due: float) -> float:
    """Seconds that a step may take."""
    return max(due - asyncio.get_running_loop().time(), _SHORTEST)


async def _keep_silent(error: BotError) -> None:
    """There is nobody to tell, or nothing that they could do."""


def _name(exc: BaseException) -> str:
    """Slack's word for an error, else Python's."""
    if isinstance(exc, SlackApiError) and isinstance(getattr(exc.response, "data", None), dict):
        return str(exc.response.data.get("error"))
    return type(exc).__name__

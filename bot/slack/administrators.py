"""What administrators type and press; some of it anybody may look at.

Whatever cannot be taken back is shown first, with Confirm and Cancel, and whether somebody is an administrator is asked
again when they press.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.domain.orders import (
    Erase,
    OptIn,
    Order,
    Route,
    SetHours,
    SetMode,
    ShowHours,
    ShowMode,
    ShowOptOuts,
    ShowRoutes,
)
from bot.errors import BotError, RefusedError
from bot.services.administration import Administration
from bot.slack.blocks import Content
from bot.slack.errors import answering
from bot.slack.notices import show_sentence
from bot.slack.orders import (
    DISMISS,
    ERASE,
    OPT_IN,
    ask_erase,
    ask_opt_in,
    read_wish,
    show_erase,
    show_hours,
    show_hours_set,
    show_mode,
    show_opt_in,
    show_opt_outs,
    show_route,
    show_routes,
)
from bot.slack.people import People
from bot.slack.telling import Telling, read_team
from bot.slack.text import to_phone_text
from bot.slack.web_client import SlackCallError, SlackRefusedError, Workspace

_JOIN = 1.5  # seconds; Slack waits three for the answer
_PRIVATE = "method_not_supported_for_channel_type"  # of the private ones only those are known that the bot is in
_log = structlog.get_logger(__name__)

Body = Mapping[str, Any]


class Administrators:
    """Everything that Slack may send about what administrators decide.

    Args:
        administration: The use cases.
        people: Who may, and which channels there are.
        workspace: Says things, joins channels.
        command: The slash command.
    """

    def __init__(
        self, *, administration: Administration, people: People, workspace: Workspace, command: str = "/sms"
    ) -> None:
        self._administration = administration
        self._people = people
        self._workspace = workspace
        self._command = command
        self._telling = Telling(workspace)

    def register(self, app: AsyncApp) -> None:
        """Hang everything into a Bolt app."""
        app.action(OPT_IN)(self.press_opt_in)
        app.action(ERASE)(self.press_erase)
        app.action(DISMISS)(self.press_cancel)

    async def close(self) -> None:
        """Wait for what is still to be told."""
        await self._telling.close()

    async def answer(self, order: Order, body: Body) -> Content:
        """Do what a command says, for a member who may text; what they alone read.

        Raises:
            BotError: Nothing was changed.
        """
        office = self._administration
        match order:
            case ShowRoutes():
                return show_routes(await office.routes(), office.name, self._is_open, self._command)
            case ShowMode():
                return show_mode(await office.mode(body["channel_id"]), self._command, changed=False)
            case ShowHours():
                return show_hours(await office.hours(), office.name, self._command)
            case _:
                await self._people.admit_admin(body["user_id"], body["team_id"])
                return await self._decide(order, body["channel_id"])

    async def _decide(self, order: Order, channel: str) -> Content:
        """What only administrators may."""
        office = self._administration
        match order:
            case Route(number, where):
                office.check_ours(number)
                if where:
                    await self._enter(where)
                await office.route(number, where)
                return show_route(number, where, office.name)
            case SetMode(rule):
                await office.set_mode(channel, rule)
                return show_mode(rule, self._command, changed=True)
            case SetHours(number, hours):
                await office.set_hours(number, hours)
                return show_hours_set(number, await office.hours(), office.name)
            case ShowOptOuts():
                newest, total = await office.opted_out()
                return show_opt_outs(newest, total, office.name, self._command)
            case OptIn(number, reason):
                standing = await office.standing(number)
                return ask_opt_in(standing, to_phone_text(reason, names=self._people.name), office.name)
            case Erase(number):
                return ask_erase(number, office.now())
            case _:
                raise RefusedError("Nobody here answers this.")

    async def press_opt_in(self, ack: AsyncAck, body: Body, action: Body) -> None:
        """Confirm, under an opt-out that is to be lifted."""
        await ack()
        async with answering(partial(self._tell_presser, body), "opt_in"):
            user_id, wish = await self._admit(body), read_wish(action["value"])
            await self._administration.opt_in(wish.number, wish.since, user_id, wish.reason)
            _log.info("administration.opted_in", user=user_id, number=wish.number[-4:])
            self._replace(body, show_opt_in(wish.number))

    async def press_erase(self, ack: AsyncAck, body: Body, action: Body) -> None:
        """Confirm, under what is to be erased."""
        await ack()
        async with answering(partial(self._tell_presser, body), "erase"):
            user_id, wish = await self._admit(body), read_wish(action["value"])
            canceled = await self._administration.erase(wish.number, wish.since, user_id)
            _log.info("administration.erases", user=user_id, number=wish.number[-4:])
            self._replace(body, show_erase(wish.number, canceled))

    async def press_cancel(self, ack: AsyncAck, body: Body) -> None:
        """Cancel, under either: what asked goes away."""
        await ack()
        async with answering(partial(self._tell_presser, body), "dismiss"):
            self._telling.soon(self._workspace.take_back(body.get("response_url") or ""))

    async def _admit(self, body: Body) -> str:
        user = body["user"]
        user_id: str = user["id"]
        await self._people.admit_admin(user_id, read_team(body))
        return user_id

    async def _enter(self, channel_id: str) -> None:
        """Return when texts can be shown in a channel and replies there are heard.

        Raises:
            BotError: They cannot, and what to do.
        """
        await self._people.admit_channel(channel_id)
        known = self._people.channel(channel_id)
        if known is None:
            raise RefusedError("I cannot see that channel: invite me there first, then type this again.")
        if known.archived:
            raise RefusedError("That channel is archived: choose another one.")
        try:
            async with asyncio.timeout(_JOIN):
                await self._workspace.join(channel_id)
            self._people.note_joined(channel_id)
        except SlackRefusedError as exc:
            if exc.code == _PRIVATE:
                return
            raise RefusedError(
                f"Slack does not let me into that channel ({exc.code}): invite me there first, then type this again."
            ) from exc
        except (SlackCallError, TimeoutError) as exc:
            raise BotError("Slack did not let me into that channel, so nothing was changed. Try again soon.") from exc

    def _is_open(self, channel_id: str) -> bool:
        known = self._people.channel(channel_id)
        return not self._people.loaded or (known is not None and known.member and not known.archived)

    def _replace(self, body: Body, said: Content) -> None:
        self._telling.soon(self._workspace.replace(body.get("response_url") or "", said))

    async def _tell_presser(self, body: Body, error: BotError) -> None:
        """Instead of what asked: an answer to a press shows nothing."""
        self._replace(body, show_sentence(error.user_message))

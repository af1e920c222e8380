"""Telling people after the answer to Slack: whoever pressed a button reads nothing of an answer to the press."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, Final

import structlog

from bot.errors import BotError, InvalidFieldsError
from bot.slack.notices import show_notice
from bot.slack.text import to_slack_fallback
from bot.slack.web_client import SlackCallError, Workspace

_OPEN: Final = 2.0  # seconds for views.open
_LEAVE: Final = 2.0  # seconds for what is still to be told when the bot stops
_log = structlog.get_logger(__name__)

Body = Mapping[str, Any]


class Telling:
    """What is still to be told; nothing of it is worth a listener's time.

    Args:
        workspace: Says things.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Wait for what is still to be told."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_LEAVE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def tell_presser(self, body: Body, error: BotError) -> None:
        """Tell whoever pressed a button what went wrong."""
        self.soon(self._workspace.tell(body.get("response_url") or "", to_slack_fallback(say_all(error))))

    async def tell_shortcut(self, body: Body, error: BotError) -> None:
        """Tell whoever chose a shortcut; a global one has nowhere to answer but a modal."""
        if body.get("response_url"):
            await self.tell_presser(body, error)
            return
        async with asyncio.timeout(_OPEN):
            await self._workspace.open(body["trigger_id"], show_notice(error.user_message))

    def soon(self, telling: Coroutine[Any, Any, None]) -> None:
        """Tell, beside everything else; when Slack does not take it, the log is all there is."""

        async def tell() -> None:
            try:
                await telling
            except SlackCallError as exc:
                _log.warning("slack.not_told", error=str(exc))

        task = asyncio.create_task(tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def say_all(error: BotError) -> str:
    """Every sentence, where there are no fields to put them under."""
    return " ".join(error.fields.values()) if isinstance(error, InvalidFieldsError) else error.user_message


def read_team(body: Body) -> str:
    """The workspace that somebody asks from; Slack leaves it out where an app is installed for a whole company."""
    return (body.get("team") or {}).get("id") or body["user"].get("team_id") or ""

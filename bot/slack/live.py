"""The lines of an open form that follow what is typed into it, after the answer to Slack.

Only the newest state of a form is worth showing, and two updates of one form could overtake each other. So each form
has one update of this process under way at most, and what is typed meanwhile follows it. Where several processes share
the work, the next key puts right what they mixed up.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, Protocol

import structlog

from bot.domain.quiet_hours import Forecast
from bot.errors import BotError
from bot.services.sending import Draft
from bot.slack import modal
from bot.slack.errors import answering
from bot.slack.web_client import SlackCallError, Workspace

_REMEMBERED: Final = 1000  # forms whose lines are known; Slack may not have heard of them when the next key is pressed
_log = structlog.get_logger(__name__)

View = Mapping[str, Any]


class Forecasts(Protocol):
    """bot.services.sending has them."""

    async def foresee(self, draft: Draft) -> Forecast | None:
        """What quiet hours would do to a draft, None when all of it would go at once."""
        ...


class LiveLines:
    """Keeps the lines of open forms true.

    Args:
        forecasts: What quiet hours would do.
        workspace: Where the forms are.
        soon: Runs something beside everything else, and waits for it at the end.
    """

    def __init__(
        self, forecasts: Forecasts, workspace: Workspace, soon: Callable[[Coroutine[Any, Any, None]], None]
    ) -> None:
        self._forecasts = forecasts
        self._workspace = workspace
        self._soon = soon
        self._newest: dict[str, tuple[View, str, bool]] = {}  # by view id, of those whose update is under way
        self._shown: dict[str, list[str]] = {}

    def follow(self, view: View, user_id: str, *, changed: bool = False) -> None:
        """Show soon what a form says now.

        Args:
            view: As Slack sent it, or as it shall be.
            user_id: Who has it open.
            changed: It differs from what Slack sent in more than its lines.
        """
        view_id = view["id"]
        under_way = view_id in self._newest
        self._newest[view_id] = (view, user_id, changed)
        if not under_way:
            self._soon(self._follow(view_id))

    async def _follow(self, view_id: str) -> None:
        try:
            done = None
            while (newest := self._newest[view_id]) is not done:
                async with answering(_keep_silent, "live_lines"):
                    await self._show(*newest)
                done = newest
        finally:
            del self._newest[view_id]

    async def _show(self, view: View, user_id: str, changed: bool) -> None:  # noqa: FBT001 -- as `follow` keeps it
        new = modal.update_live(view, await self._foresee(view, user_id))
        lines = modal.read_lines(new)
        known = lines == modal.read_lines(view) == self._shown.get(view["id"], lines)
        if known and not changed and len(new["blocks"]) == len(view["blocks"]):
            return
        try:
            await self._workspace.update_view(view["id"], new)
        except SlackCallError as exc:
            _log.debug("slack.live_line_not_updated", error=str(exc))  # mostly not_found: it was closed meanwhile
            return
        self._shown[view["id"]] = lines
        if len(self._shown) > _REMEMBERED:
            del self._shown[next(iter(self._shown))]

    async def _foresee(self, view: View, user_id: str) -> Forecast | None:
        draft = modal.read_draft(view, key="", team="", user_id=user_id, user_name="")
        try:
            return await self._forecasts.foresee(draft)
        except Exception as exc:  # noqa: BLE001 -- without it, the line about the text still follows
            _log.warning("slack.nothing_foreseen", error=type(exc).__name__)
            return None


async def _keep_silent(error: BotError) -> None:
    """A line that stays behind is no news."""

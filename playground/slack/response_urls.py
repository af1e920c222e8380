"""The response_url of a command or a press: five uses within thirty minutes, no token, no membership."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from playground.slack.chat_methods import ChatMethods, checked_content
from playground.slack.errors import SlackError
from playground.slack.limits import MESSAGE_TEXT
from playground.slack.web_api import WebApi
from playground.slack.workspace import BOT, BOT_USER, Ephemeral, Message, Workspace

USES = 5
SECONDS = 30 * 60
_REMEMBERED = 100_000  # so that an old one is told from a false one
METHOD = "response_url"  # its name in the records and for faults


@dataclass(slots=True)
class _Address:
    channel: str
    user: str
    original: Message | Ephemeral | None
    at: float
    uses: int = 0


class ResponseUrls:
    """All response_urls that were handed out.

    Args:
        workspace: Where they answer to.
        chat: Posts for them.
        clock: Seconds; they expire by it.
    """

    def __init__(self, workspace: Workspace, chat: ChatMethods, clock: Callable[[], float]) -> None:
        self._workspace = workspace
        self._chat = chat
        self._clock = clock
        self._addresses: dict[str, _Address] = {}

    def new(self, channel: str, user: str, original: Message | Ephemeral | None = None) -> str:
        """The path of a new one.

        Args:
            channel: Where it answers to.
            user: Who reads ephemeral answers.
            original: What `replace_original` and `delete_original` act on, None for a command.
        """
        if len(self._addresses) >= _REMEMBERED:
            del self._addresses[next(iter(self._addresses))]
        name = secrets.token_urlsafe(18)
        self._addresses[name] = _Address(channel, user, original, self._clock())
        return f"/response/{name}"

    async def serve(self, request: web.Request, api: WebApi) -> web.StreamResponse:
        """One use."""
        try:
            body = await request.json()
        except ValueError:
            return web.Response(status=400, text="invalid_payload")
        name = request.match_info["name"]
        return await api.meet_faults(request, METHOD, body, lambda: self._use(name, body))

    def _use(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        address = self._addresses.get(name)
        if address is None:
            raise SlackError("invalid_url", status=404)
        if self._clock() - address.at > SECONDS:
            raise SlackError("expired_url", status=404)
        if address.uses >= USES:
            raise SlackError("used_url", status=404)
        address.uses += 1
        self.answer(address.channel, address.user, body, address.original)
        return {}

    def answer(
        self, channel: str, user: str, body: dict[str, Any], original: Message | Ephemeral | None = None
    ) -> Ephemeral | None:
        """Show what an app answered; the ephemeral, when it is a new one.

        Raises:
            SlackError: It cannot be shown.
        """
        conversation = self._workspace.conversations[channel]
        if original is not None and body.get("delete_original"):
            self._delete(original)
            return None
        try:
            text, blocks = checked_content(body, MESSAGE_TEXT)
        except SlackError as error:
            raise SlackError(error.error, status=400, **error.more) from None
        if original is not None and body.get("replace_original"):
            self._replace(original, text, blocks)
            return None
        thread = str(body.get("thread_ts") or "")
        if body.get("response_type") == "in_channel":
            self._chat.post(
                conversation,
                Message(channel, self._workspace.ts(), BOT_USER, text, blocks, thread_ts=thread, bot_id=BOT),
            )
            return None
        return self._chat.whisper(conversation, user, text, blocks, thread)

    def _delete(self, original: Message | Ephemeral) -> None:
        if isinstance(original, Message):
            self._chat.remove(original)
        else:
            self._chat.unwhisper(original)

    def _replace(self, original: Message | Ephemeral, text: str, blocks: tuple[dict[str, Any], ...]) -> None:
        if isinstance(original, Message):
            now = self._workspace.conversations[original.channel].history[original.ts]
            self._chat.change(replace(now, text=text, blocks=blocks))
        else:
            self._chat.unwhisper(original, replace(original, text=text, blocks=blocks))

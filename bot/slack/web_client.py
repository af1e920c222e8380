"""What the announcer asks of Slack's Web API, and what each answer means for asking again.

slack_sdk's own retry handler posts twice after a reset connection, so the client carries none; and it ignores its
timeout when the session is shared, so the session has one.
"""

import re
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack.blocks import Content

_CONNECT = 4.0  # seconds
_ANSWER = 8.0  # seconds; Slack answers in a fifth of one, and under load in two or three
_TOGETHER = 8  # people of one DM, besides the bot
_PAGES = 5  # read when looking for a post; a channel with a thousand newer messages is not read further
_PAGE = 200
_SKEW = timedelta(minutes=2)  # between our clock and Slack's
_WAIT = 30.0  # seconds, where Slack asks us to slow down and does not say for how long
_TOO_MANY = 429
_BROKEN = 500
_EVENT: Final = "threadtext"
_TEXT = 3_900  # characters; chat.update takes 4,000 in `text`, which only notifications and screen readers show

_SLOW_DOWN = {"ratelimited", "rate_limited", "message_limit_exceeded"}
_MAY_HAVE_WORKED = {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}
_DEAD = {
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "org_login_required",
    "team_access_not_granted",
    "ekm_access_denied",
    "missing_scope",
}


class SlackCallError(Exception):
    """Slack did not do it, or we cannot tell; the message is for the log and `/readyz`."""


class SlackUnreachableError(SlackCallError):
    """Nothing left this machine."""


class SlackUnknownError(SlackCallError):
    """The request left and no clear answer came."""


class SlackThrottledError(SlackCallError):
    """Too many requests.

    Attributes:
        retry_after: Seconds that Slack asks us to wait.
    """

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"Slack asks us to wait {retry_after:g} s")
        self.retry_after = retry_after


class SlackUnauthorizedError(SlackCallError):
    """Slack refuses the token, or the app lacks a scope: an operator must look.

    Attributes:
        code: Slack's word for it.
    """

    def __init__(self, code: str, needed: str) -> None:
        why = f"the app lacks the scope {needed}" if needed else f"Slack refuses SLACK_BOT_TOKEN ({code})"
        super().__init__(why)
        self.code = code


class SlackRefusedError(SlackCallError):
    """Slack understood and said no; asking again changes nothing.

    Attributes:
        code: Slack's word for it.
    """

    def __init__(self, code: str) -> None:
        super().__init__(f"Slack refused with {code}")
        self.code = code


@asynccontextmanager
async def open_web_client(
    token: str, api_url: str = AsyncWebClient.BASE_URL, *, answer: float = _ANSWER
) -> AsyncIterator[AsyncWebClient]:
    """Yield a client over one shared session, which never repeats a request by itself.

    Args:
        token: The bot's.
        api_url: Ends with a slash.
        answer: Seconds for a whole request.
    """
    timeout = aiohttp.ClientTimeout(total=answer, connect=_CONNECT)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield AsyncWebClient(token, api_url, session=session, retry_handlers=[])


class Workspace:
    """What the bot does in a workspace. Every method raises SlackCallError and nothing else.

    Args:
        client: Without retry handlers, over a session with a timeout: `open_web_client`.

    Attributes:
        name: What people type after `@` to name the bot, "" until `read_name`.
        url: The workspace's address, "" until `read_name`.
    """

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self.name = ""
        self.url = ""

    async def post(
        self, channel: str, thread_ts: str | None, content: Content, post_id: str, *, broadcast: bool = False
    ) -> str:
        """Post a message that can be found by `post_id`; its ts. A reply with `broadcast` is in the channel too."""
        answer = await ask(
            self._client.chat_postMessage(
                channel=channel,
                thread_ts=thread_ts,
                reply_broadcast=True if broadcast and thread_ts is not None else None,
                text=_fit(content.text),
                blocks=list(content.blocks) or None,
                metadata={"event_type": _EVENT, "event_payload": {"post_id": post_id}},
                unfurl_links=False,
                unfurl_media=False,
            )
        )
        return _read_text(answer, "ts")

    async def update(self, channel: str, ts: str, content: Content) -> None:
        """Put other content into a message."""
        await ask(
            # An empty list takes the blocks away, None would keep them.
            self._client.chat_update(channel=channel, ts=ts, text=_fit(content.text), blocks=list(content.blocks))
        )

    async def delete(self, channel: str, ts: str) -> None:
        """Take a message away."""
        await ask(self._client.chat_delete(channel=channel, ts=ts))

    async def find(self, channel: str, thread_ts: str | None, post_id: str, since: datetime) -> str | None:
        """The ts of the message that carries `post_id`, made at or after `since`.

        None as well when the app may not look: then nobody can tell, and a message twice is the smaller harm.
        """
        cursor = ""
        for _ in range(_PAGES):
            page: dict[str, Any] = {
                "channel": channel,
                "oldest": f"{(since - _SKEW).timestamp():.6f}",
                "inclusive": True,
                "include_all_metadata": True,
                "limit": _PAGE,
                "cursor": cursor or None,
            }
            try:
                answer = await ask(
                    self._client.conversations_replies(ts=thread_ts, **page)
                    if thread_ts is not None
                    else self._client.conversations_history(**page)
                )
            except SlackRefusedError:
                return None
            except SlackUnauthorizedError as exc:
                if exc.code != "missing_scope":
                    raise
                return None
            for message in answer.get("messages") or ():
                if _read_post_id(message) == post_id:
                    return str(message["ts"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                break
        return None

    async def join(self, channel: str) -> None:
        """Become a member of a public channel."""
        await ask(self._client.conversations_join(channel=channel))

    async def react(self, channel: str, ts: str, emoji: str) -> None:
        """Put a reaction on a message; fine when it is there already."""
        try:
            await ask(self._client.reactions_add(channel=channel, timestamp=ts, name=emoji))
        except SlackRefusedError as exc:
            if exc.code != "already_reacted":
                raise

    async def unreact(self, channel: str, ts: str, emoji: str) -> None:
        """Take a reaction of ours away; fine when it is gone already."""
        try:
            await ask(self._client.reactions_remove(channel=channel, timestamp=ts, name=emoji))
        except SlackRefusedError as exc:
            if exc.code != "no_reaction":
                raise

    async def whisper(self, channel: str, thread_ts: str | None, user_id: str, content: Content) -> None:
        """Say something in a conversation that one person sees, until they reload."""
        await ask(
            self._client.chat_postEphemeral(
                channel=channel,
                thread_ts=thread_ts,
                user=user_id,
                text=_fit(content.text),
                blocks=list(content.blocks) or None,
            )
        )

    async def open_dm(self, *user_ids: str) -> str:
        """The channel in which the app and a person, or some people, talk alone; Slack takes eight.

        Raises:
            SlackRefusedError: There is nobody to talk to, or Slack says no.
        """
        if not user_ids:
            raise SlackRefusedError("no_administrators")
        answer = await ask(self._client.conversations_open(users=",".join(user_ids[:_TOGETHER])))
        channel = answer.get("channel")
        if not isinstance(channel, dict) or not channel.get("id"):
            raise SlackUnknownError("Slack named no channel")
        return str(channel["id"])

    async def read_name(self) -> None:
        """Ask Slack for `name` and `url`."""
        answer = await ask(self._client.auth_test())
        self.name, self.url = _read_text(answer, "user"), str(answer.get("url") or "")

    async def tell(self, response_url: str, text: str) -> None:
        """Say something that only the person who typed the command sees.

        Raises:
            SlackRefusedError: The address is not one of Slack's, or is used up.
        """
        await self._respond(response_url, {"response_type": "ephemeral", "replace_original": False, "text": text})

    async def replace(self, response_url: str, content: Content) -> None:
        """Put other content into the message whose button was pressed, which one person sees."""
        said = {"replace_original": True, "text": content.text, "blocks": list(content.blocks)}
        await self._respond(response_url, said)

    async def take_back(self, response_url: str) -> None:
        """Take away the message whose button was pressed, which one person sees."""
        await self._respond(response_url, {"delete_original": True})

    async def open(self, trigger_id: str, view: dict[str, Any]) -> None:
        """Open a modal."""
        await ask(self._client.views_open(trigger_id=trigger_id, view=view))

    async def update_view(self, view_id: str, view: dict[str, Any]) -> None:
        """Put other content into an open modal; what was typed into it stays."""
        await ask(self._client.views_update(view_id=view_id, view=view))

    async def _respond(self, response_url: str, said: dict[str, Any]) -> None:
        if not is_slacks(response_url, self._client.base_url):
            raise SlackRefusedError("foreign_response_url")
        assert self._client.session is not None
        try:
            async with self._client.session.post(response_url, json=said, allow_redirects=False) as answer:
                if not answer.ok:
                    raise SlackRefusedError(f"status_{answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise SlackUnknownError("Slack's response_url does not answer") from exc


def is_slacks(url: str, api_url: str) -> bool:
    """Whether an address is one of Slack's hosts over https, or of the very server that plays Slack."""
    try:
        parts, api = urlsplit(url), urlsplit(api_url)
        same = (parts.scheme, parts.hostname, parts.port) == (api.scheme, api.hostname, api.port)
        port = parts.port
    except ValueError:  # a port that is no number
        return False
    if parts.username is not None or parts.password is not None:
        return False
    return same or (parts.scheme == "https" and port in {None, 443} and (parts.hostname or "").endswith(".slack.com"))


async def ask(call: Awaitable[AsyncSlackResponse]) -> dict[str, Any]:
    """Slack's answer to a call.

    Raises:
        SlackCallError: As its kinds have it.
    """
    try:
        answer = await call
    except SlackApiError as exc:
        raise _read_refusal(exc.response) from exc
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as exc:
        raise SlackUnreachableError("Slack cannot be reached") from exc
    # AttributeError: what slack_sdk makes of an answer in plain text, as proxies give them.
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, AttributeError) as exc:
        raise SlackUnknownError("Slack does not answer") from exc
    if not isinstance(answer.data, dict):
        raise SlackUnknownError("Slack's answer cannot be read")
    return answer.data


def _fit(text: str) -> str:
    """Escaped text, cut between two characters as people see them: half of `&amp;` would be shown as it is."""
    return text if len(text) <= _TEXT else re.sub(r"&[a-z]*$", "", text[: _TEXT - 1]) + "…"


def _read_refusal(response: Any) -> SlackCallError:
    """What an answer without `ok` means; slack_sdk hands over its own response or, unreadable, aiohttp's."""
    status = getattr(response, "status_code", None) or getattr(response, "status", None) or 0
    said = getattr(response, "data", None)
    body = said if isinstance(said, dict) else {}
    code = str(body.get("error") or "")
    if status == _TOO_MANY or code in _SLOW_DOWN:
        return SlackThrottledError(_read_wait(response.headers.get("Retry-After")))
    if status >= _BROKEN or code in _MAY_HAVE_WORKED or not code:
        return SlackUnknownError(f"Slack answers {code or status}")
    if code in _DEAD:
        return SlackUnauthorizedError(code, str(body.get("needed") or ""))
    return SlackRefusedError(code)


def _read_wait(header: str | None) -> float:
    try:
        return max(float(header or _WAIT), 0.0)
    except ValueError:
        return _WAIT


def _read_text(answer: dict[str, Any], field: str) -> str:
    value = answer.get(field)
    if not isinstance(value, str) or not value:
        raise SlackUnknownError(f"Slack's answer has no {field}")
    return value


def _read_post_id(message: Any) -> str | None:
    for part in ("metadata", "event_payload", "post_id"):
        if not isinstance(message, dict):
            return None
        message = message.get(part)
    return message if isinstance(message, str) else None

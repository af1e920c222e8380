"""Who is who in the workspace, and which channels other companies see: a snapshot kept fresh by Slack's events.

Slack says with a command only an id. Whether that is a member, and what they are called, must be known before the
answer, which is due within three seconds; so it is read ahead. Somebody who is not known yet is asked for once, within
a second, and refused when Slack does not say.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import replace
from typing import Any, Final

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import RefusedError
from bot.slack.roster import Channel, Identity, Person, explain_refusal, read_channel, read_person

EVERY: Final = 3600.0  # seconds between two full readings; between them events keep it fresh
LOOKUP: Final = 1.0  # seconds for one question while somebody waits for an answer

_PAGE = 200  # what Slack recommends
_RETRIES = (2.0, 5.0, 15.0, 60.0, 300.0)  # seconds after a reading that failed
_THROTTLED = 429
_WAIT = 30.0  # seconds, where Slack asks us to slow down and does not say for how long
_ANSWER = 15.0  # seconds for one page
_ASKS = 20  # of one page, while Slack answers 429

_log = structlog.get_logger(__name__)


class NoAnswerError(Exception):
    """Slack did not say; the message is Slack's word for it, or ours."""


class People:
    """The snapshot. Reading it waits for nothing, but for one bounded question about somebody who is not in it.

    Args:
        slack: Without retry handlers.
        allowed_shared: Channels where `/sms` may be used although another company sees them.
        admins: Who may set things; empty for the workspace's admins and owners.
        every: Seconds between two full readings.
        lookup: Seconds for one question while somebody waits.
    """

    def __init__(
        self,
        slack: AsyncWebClient,
        *,
        allowed_shared: Collection[str] = (),
        admins: Collection[str] = (),
        every: float = EVERY,
        lookup: float = LOOKUP,
    ) -> None:
        self.identity = Identity()
        self.loaded = False
        self.trouble = ""
        """Why the last reading failed, for the operator; "" when it did not."""
        self._slack = slack
        self._allowed = frozenset(allowed_shared)
        self._admins = tuple(admins)
        self._every = every
        self._lookup = lookup
        self._people: dict[str, Person] = {}
        self._channels: dict[str, Channel] = {}
        self._channels_loaded = False
        self._news: dict[str, Person | Channel | None] = {}  # what events said during a reading; it wins
        self._wanted: set[str] = set()  # channels to ask for
        self._wake = asyncio.Event()
        self._identified = asyncio.Event()

    # What listeners ask

    async def know_us(self) -> Identity:
        """Who the bot is; right after a start Slack has a moment to say so.

        Raises:
            RefusedError: Slack has not.
        """
        try:
            async with asyncio.timeout(self._lookup):
                await self._identified.wait()
        except TimeoutError:
            raise RefusedError("I have just started and know too little of Slack yet. Try again in a minute.") from None
        return self.identity

    @property
    def any_shared_allowed(self) -> bool:
        """Whether any channel shared with another company may be used."""
        return bool(self._allowed)

    def name(self, named: str) -> str | None:
        """What a person or a channel is called, None when none by that id is known."""
        known = self._people.get(named) or self._channels.get(named)
        return known.name or None if known else None

    def channel(self, channel_id: str) -> Channel | None:
        """A channel, None when the bot cannot see one by that id."""
        return self._channels.get(channel_id)

    def admins(self) -> tuple[str, ...]:
        """Who may set things, as far as they are known."""
        if self._admins:
            return self._admins
        ours = self.identity.team
        found = (user for user, person in self._people.items() if person.admin)
        return tuple(sorted(user for user in found if not explain_refusal(user, self._people[user], ours)))

    async def is_member(self, user_id: str, team: str) -> bool:
        """Whether somebody is a member of this workspace, who may text.

        Raises:
            RefusedError: Slack does not say who they are.
        """
        person = self._people.get(user_id) or await self._ask_person(user_id)
        return not explain_refusal(user_id, person, self.identity.team or team)

    async def admit_admin(self, user_id: str, team: str) -> None:
        """Return when somebody may set things.

        Raises:
            RefusedError: They may not, or Slack does not say who they are.
        """
        await self.admit(user_id, team)
        if user_id in self._admins or (not self._admins and self._people[user_id].admin):
            return
        who = "whoever SMS_ADMINS names" if self._admins else "an admin or owner of this workspace"
        raise RefusedError(f"Only {who} can do this. Nothing was changed.")

    async def admit(self, user_id: str, team: str) -> None:
        """Return when somebody may text.

        Args:
            user_id: Who asks.
            team: The workspace that Slack says they ask from.

        Raises:
            RefusedError: They may not, or Slack does not say who they are.
        """
        person = self._people.get(user_id) or await self._ask_person(user_id)
        if reason := explain_refusal(user_id, person, self.identity.team or team):
            raise RefusedError(reason)

    async def admit_channel(self, channel_id: str) -> None:
        """Return when nobody from another company sees what is posted there.

        A channel that is not known is private without the bot, or a conversation between people: nothing is posted
        there.

        Raises:
            RefusedError: Another company sees it, or it cannot be told yet.
        """
        if channel_id in self._allowed:
            return
        channel = self._channels.get(channel_id)
        if channel is None and not self._channels_loaded:
            channel = await self._ask_channel(channel_id)
        if channel and channel.shared:
            raise RefusedError(
                "Another company sees this channel and would see your customer's number. Nothing was sent. "
                "Use a channel of your own, or ask whoever runs this app to allow this one."
            )

    def note_joined(self, channel_id: str) -> None:
        """The bot has become a member of a channel."""
        if known := self._channels.get(channel_id):
            self._channels[channel_id] = self._news[channel_id] = replace(known, member=True)

    # What keeps it fresh

    def learn(self, event: Mapping[str, Any]) -> None:
        """Take up one of Slack's events; those that say nothing about people or channels change nothing."""
        kind = event.get("type")
        if kind in {"user_change", "team_join"} and isinstance(event.get("user"), dict):
            user = event["user"]
            self._people[user["id"]] = self._news[user["id"]] = read_person(user)
        elif kind == "channel_id_changed":
            self._move(str(event.get("old_channel_id")), str(event.get("new_channel_id")))
        elif kind == "channel_created" and isinstance(event.get("channel"), dict):
            channel = event["channel"]
            self._channels[channel["id"]] = self._news[channel["id"]] = read_channel(channel)
        elif kind == "member_joined_channel" and event.get("user") == self.identity.bot_user_id:
            self.note_joined(str(event.get("channel")))
            self._want(str(event.get("channel")))
        elif isinstance(channel_id := event.get("channel"), str):
            self._learn_of_channel(str(kind), channel_id, event)

    async def run(self) -> None:
        """Read everything, again and again, until canceled."""
        failures = 0
        while True:
            try:
                await self.read()
                self.trouble, failures = "", 0
            except NoAnswerError as exc:
                self.trouble = str(exc)
                _log.warning("people.not_read", reason=self.trouble)
                failures += 1
            except Exception as exc:  # noqa: BLE001 -- a loop's boundary: the snapshot of before stays in use
                self.trouble = type(exc).__name__
                _log.error("people.not_read", reason=self.trouble)
                failures += 1
            await self._rest(_RETRIES[min(failures, len(_RETRIES)) - 1] if failures else self._every)

    async def _rest(self, seconds: float) -> None:
        """Wait for the next full reading, asking meanwhile for single channels that events named."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (left := end - loop.time()) > 0:
            try:
                async with asyncio.timeout(left):
                    await self._wake.wait()
            except TimeoutError:
                return
            self._wake.clear()
            while self._wanted:
                channel_id = self._wanted.pop()
                try:
                    async with asyncio.timeout(_ANSWER):
                        await self._read_channel(channel_id)
                except (NoAnswerError, TimeoutError) as exc:
                    _log.warning("people.channel_not_read", channel=channel_id, reason=str(exc))

    async def read(self) -> None:
        """Read everything once.

        Raises:
            NoAnswerError: Slack did not say.
        """
        me = await self._ask("auth.test")
        self.identity = Identity(
            team=me.get("team_id") or "",
            team_name=me.get("team") or "",
            url=me.get("url") or "",
            bot_id=me.get("bot_id") or "",
            bot_user_id=me.get("user_id") or "",
        )
        self._identified.set()
        self._news = {}
        people = {user["id"]: read_person(user) async for user in self._pages("users.list", "members")}
        self._people = people | {key: new for key, new in self._news.items() if isinstance(new, Person)}
        self.loaded = True

        self._news = {}
        kinds = {"types": "public_channel,private_channel"}
        listed = self._pages("conversations.list", "channels", **kinds)
        channels = {channel["id"]: read_channel(channel) async for channel in listed}
        self._channels = channels | {key: new for key, new in self._news.items() if isinstance(new, Channel)}
        for key, new in self._news.items():
            if new is None:
                self._channels.pop(key, None)
        self._channels_loaded = True

    async def _pages(self, method: str, items: str, **params: str) -> AsyncIterator[dict[str, Any]]:
        cursor = ""
        while True:
            page = await self._ask(method, limit=_PAGE, cursor=cursor, **params)
            for item in page.get(items) or ():
                yield item
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    async def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        """One page, however often Slack asks us to wait for it."""
        for _ in range(_ASKS):
            try:
                async with asyncio.timeout(_ANSWER):
                    return await self._call(method, **params)
            except _ThrottledError as exc:
                await asyncio.sleep(exc.retry_after)
            except TimeoutError:
                raise NoAnswerError("Slack does not answer") from None
        raise NoAnswerError("ratelimited")

    async def _call(self, method: str, **params: Any) -> dict[str, Any]:
        """One request.

        Raises:
            NoAnswerError: Slack said no or nothing.
        """
        given = {key: value for key, value in params.items() if value != ""}
        try:
            answer = await self._slack.api_call(method, http_verb="GET", params=given)
        except SlackApiError as exc:
            status, said = getattr(exc.response, "status_code", 0), getattr(exc.response, "data", None)
            if status == _THROTTLED:
                raise _ThrottledError(_read_wait(exc.response.headers.get("Retry-After"))) from exc
            raise NoAnswerError(said.get("error", "") if isinstance(said, dict) else str(status)) from exc
        # AttributeError: what slack_sdk makes of an answer in plain text, as proxies give them.
        except (aiohttp.ClientError, OSError, ValueError, AttributeError) as exc:
            raise NoAnswerError("Slack does not answer") from exc
        return answer.data if isinstance(answer.data, dict) else {}

    async def _ask_person(self, user_id: str) -> Person:
        try:
            async with asyncio.timeout(self._lookup):
                user = (await self._call("users.info", user=user_id))["user"]
        except NoAnswerError as exc:
            if str(exc) in {"user_not_found", "user_not_visible"}:
                return Person("", stranger=True)
            raise _cannot_tell("whether you are a member of this workspace") from exc
        except (TimeoutError, KeyError) as exc:
            raise _cannot_tell("whether you are a member of this workspace") from exc
        person = self._people[user_id] = read_person(user)
        return person

    async def _ask_channel(self, channel_id: str) -> Channel | None:
        """A channel that the first reading has not come to yet; None when the bot cannot see it."""
        try:
            async with asyncio.timeout(self._lookup):
                await self._read_channel(channel_id)
        except (NoAnswerError, TimeoutError) as exc:
            raise _cannot_tell("whether another company sees this channel") from exc
        return self._channels.get(channel_id)

    async def _read_channel(self, channel_id: str) -> None:
        try:
            answer = await self._call("conversations.info", channel=channel_id)
        except NoAnswerError as exc:
            # Of conversations between people Slack says either, by their kind.
            if str(exc) in {"channel_not_found", "missing_scope"}:
                return
            raise
        if isinstance(channel := answer.get("channel"), dict):
            self._channels[channel_id] = self._news[channel_id] = read_channel(channel)

    def _learn_of_channel(self, kind: str, channel_id: str, event: Mapping[str, Any]) -> None:
        known = self._channels.get(channel_id, Channel())
        match kind:
            case "channel_archive" | "group_archive":
                changed = replace(known, archived=True)
            case "channel_unarchive" | "group_unarchive":
                changed = replace(known, archived=False)
            case "channel_shared":
                changed = replace(known, shared=True)
            case "channel_unshared":
                changed = replace(known, shared=bool(event.get("is_ext_shared", False)))
            case "channel_left":
                changed = replace(known, member=False)
            case "channel_deleted" | "group_deleted" | "group_left":
                self._channels.pop(channel_id, None)
                self._news[channel_id] = None
                return
            case _:
                return
        self._channels[channel_id] = self._news[channel_id] = changed

    def _move(self, old: str, new: str) -> None:
        """A channel's id changes when it is shared or unshared, so it is asked for again."""
        known = self._channels.pop(old, None)
        self._news[old] = None
        if known:
            self._channels[new] = self._news[new] = known
        self._want(new)

    def _want(self, channel_id: str) -> None:
        self._wanted.add(channel_id)
        self._wake.set()


class _ThrottledError(NoAnswerError):
    """429."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("ratelimited")
        self.retry_after = retry_after


def _cannot_tell(what: str) -> RefusedError:
    return RefusedError(f"Slack does not say at the moment {what}, so nothing was sent. Try again in a minute.")


def _read_wait(header: str | None) -> float:
    try:
        return max(float(header or _WAIT), 0.0)
    except ValueError:
        return _WAIT

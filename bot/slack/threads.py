"""What people do in conversations' threads: write, edit, delete, react, press; and what their authors are told.

Slack repeats an event that is not answered with 200, so what cannot be stored is answered with 503. Messages outside
our threads are looked at and forgotten.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, Protocol

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.response import BoltResponse

from bot.domain.message import ReplyState
from bot.errors import BotError, InvalidInputError, RefusedError
from bot.services.replying import Replying, Say, StoredReply, Told, Written
from bot.slack.blocks import SEND_NOW
from bot.slack.conversation import KEEP, OPT_OUT
from bot.slack.errors import answering, show_place
from bot.slack.notices import show_sentence
from bot.slack.people import People
from bot.slack.reading import Reply, read_reply
from bot.slack.telling import Telling, read_team
from bot.slack.web_client import Workspace
from bot.slack.whispers import TEXT_ANYWAY, TEXT_REPLY, UNDO, show_left, show_met, show_told

SEND_REPLY: Final = "sms_send_reply"

_SEND: Final = "outbox_tray"
_BACK: Final = "x"
_TAKEN = (None, "file_share", "thread_broadcast", "bot_message")
_SWEEP = 1.0  # seconds between two looks for threads that have become known
_log = structlog.get_logger(__name__)

Body = Mapping[str, Any]


class Deciding(Protocol):
    """Whether a text was a wish for no more; bot.services.deciding has it."""

    async def decide(self, inbound_id: str, user_id: str, *, stop: bool) -> bool:
        """Write a person's decision; False when somebody has decided before."""
        ...


class SendNow(Protocol):
    """bot.services.sending has it."""

    async def send_now(self, batch_id: str) -> bool:
        """Let go what waits only for the morning."""
        ...


class Threads:
    """Everything that Slack may send about conversations' threads.

    Args:
        replying: The use cases.
        deciding: Opt out and Keep.
        texts: Send now.
        people: Who may, and what they are called.
        workspace: Says things.
        undo: Seconds in which a reply that goes by itself can be taken back.
        send_now: Whether a text that waits for the morning may be sent all the same.
    """

    def __init__(
        self,
        *,
        replying: Replying,
        deciding: Deciding,
        texts: SendNow,
        people: People,
        workspace: Workspace,
        undo: float,
        send_now: bool,
    ) -> None:
        self._replying = replying
        self._deciding = deciding
        self._texts = texts
        self._people = people
        self._workspace = workspace
        self._undo = undo
        self._send_now = send_now
        self._telling = Telling(workspace)

    def register(self, app: AsyncApp) -> None:
        """Hang everything into a Bolt app."""
        app.event("message")(self.message)
        app.event("reaction_added")(self.reaction)
        app.action(TEXT_REPLY)(self.press_send)
        app.action(TEXT_ANYWAY)(self.press_send)
        app.action(UNDO)(self.press_undo)
        app.action(OPT_OUT)(self.press_decision)
        app.action(KEEP)(self.press_decision)
        app.action(SEND_NOW)(self.press_send_now)
        app.shortcut(SEND_REPLY)(self.shortcut)

    async def run(self) -> None:
        """Take replies whose threads become known only now, until canceled."""
        while True:
            await asyncio.sleep(_SWEEP)
            try:
                async for told in self._replying.take_strays():
                    self._tell(told)
            except Exception as exc:  # noqa: BLE001 -- a loop's boundary: they stay where they are
                _log.error("threads.strays_not_taken", error=type(exc).__name__, where=show_place(exc))

    async def close(self) -> None:
        """Wait for what is still to be told."""
        await self._telling.close()

    # Events

    async def message(self, event: Body, body: Body) -> BoltResponse | None:
        """Something was written, edited or deleted somewhere."""
        return await self._take(partial(self._message, event, str(body.get("team_id") or "")))

    async def reaction(self, event: Body) -> BoltResponse | None:
        """Somebody reacted: 📤 sends their own reply, ❌ takes it back."""
        return await self._take(partial(self._reaction, event))

    async def _take(self, take: Any) -> BoltResponse | None:
        """The boundary of an event: what was not stored is told again by Slack."""
        try:
            await take()
        except RefusedError as exc:
            _log.warning("slack.event_put_off", why=exc.user_message)
            return BoltResponse(status=503)
        except Exception as exc:  # noqa: BLE001 -- the boundary
            _log.error("slack.event_failed", error=type(exc).__name__, where=show_place(exc))
            return BoltResponse(status=503)
        return None

    async def _message(self, event: Body, team: str) -> None:
        channel = str(event.get("channel") or "")
        match event.get("subtype"):
            case "message_changed":
                await self._changed(event, channel, team)
            case "message_deleted":
                previous = event.get("previous_message") or {}
                if _stands_in_thread(previous):
                    ts = str(event.get("deleted_ts"))
                    unseen = None if previous.get("bot_id") else _read_deleted(previous, channel, ts, team)
                    self._tell(await self._replying.delete(channel, ts, unseen=unseen))
            case subtype if subtype in _TAKEN and _stands_in_thread(event) and not await self._is_ours(event):
                self._tell(await self._replying.write(await self._read(event, channel, team)))

    async def _changed(self, event: Body, channel: str, team: str) -> None:
        message = event.get("message") or {}
        if not _stands_in_thread(message) or await self._is_ours(message):
            return
        ts = str(message.get("ts"))
        if message.get("subtype") == "tombstone":
            self._tell(await self._replying.delete(channel, ts))
        elif message.get("edited"):
            said = read_reply(message, names=self._people.name)
            mentions = self._mentions_colleague(said)
            known = await self._replying.find(channel, ts)
            unseen = await self._read(message, channel, team) if known is None else None
            self._tell(await self._replying.edit(channel, ts, said.text, mentions=mentions, unseen=unseen))

    async def _read(self, message: Body, channel: str, team: str) -> Written:
        said = read_reply(message, names=self._people.name)
        user_id = str(message.get("user") or "")
        robot = bool(message.get("bot_id")) or message.get("subtype") == "bot_message" or not user_id
        member = False if robot else await self._people.is_member(user_id, str(message.get("team") or team))
        me = self._people.identity.bot_user_id
        return Written(
            team=team,
            channel=channel,
            ts=str(message["ts"]),
            thread_ts=str(message["thread_ts"]),
            user_id=user_id,
            user_name=self._people.name(user_id) or str(message.get("username") or ""),
            text=said.text,
            mentions=self._mentions_colleague(said),
            files=said.files,
            member=member,
            ours=bool(me) and message.get("parent_user_id") == me,
        )

    def _mentions_colleague(self, said: Reply) -> bool:
        me = self._people.identity.bot_user_id
        return any(named != me for named in said.mentions)

    async def _reaction(self, event: Body) -> None:
        item, user_id = event.get("item") or {}, str(event.get("user"))
        if event.get("reaction") not in {_SEND, _BACK} or item.get("type") != "message":
            return
        reply = await self._replying.find(str(item.get("channel")), str(item.get("ts")))
        if reply is None or reply.user_id != user_id:
            return
        try:
            if event["reaction"] == _SEND:
                await self._admit(user_id, "", reply.channel)
                told = await self._replying.send(reply, user_id)
                self._tell(told if told.say is Say.MET else None)
            else:
                await self._replying.undo(reply, user_id)
        except (RefusedError, InvalidInputError) as exc:
            self._whisper(reply, exc)

    async def _is_ours(self, message: Body) -> bool:
        """Whether the bot wrote it: as long as that cannot be told, it could text its own words."""
        me = await self._people.know_us()
        return message.get("user") == me.bot_user_id or (bool(me.bot_id) and message.get("bot_id") == me.bot_id)

    # Buttons and the shortcut

    async def press_send(self, ack: AsyncAck, body: Body, action: Body) -> None:
        """Send to phone, and Send anyway."""
        await ack()
        async with answering(partial(self._telling.tell_presser, body), "send_reply", may_send=True):
            user_id, reply = body["user"]["id"], await self._known(action["value"])
            await self._admit(user_id, read_team(body), reply.channel)
            told = await self._replying.send(reply, user_id, anyway=action["action_id"] == TEXT_ANYWAY)
            if told.say is Say.MET:
                self._replace(body, told)
            else:
                self._telling.soon(self._workspace.take_back(body.get("response_url") or ""))

    async def press_undo(self, ack: AsyncAck, body: Body, action: Body) -> None:
        """Undo, while a reply waits a few seconds."""
        await ack()
        async with answering(partial(self._telling.tell_presser, body), "undo"):
            user_id, reply = body["user"]["id"], await self._known(action["value"])
            await self._admit(user_id, read_team(body), reply.channel)
            await self._replying.undo(reply, user_id)
            self._telling.soon(self._workspace.take_back(body.get("response_url") or ""))

    async def press_decision(self, ack: AsyncAck, body: Body, action: Body) -> None:
        """Opt out or Keep, under a text that may be a wish for no more."""
        await ack()
        async with answering(partial(self._telling.tell_presser, body), "decision"):
            user_id = body["user"]["id"]
            await self._people.admit(user_id, read_team(body))
            if not await self._deciding.decide(action["value"], user_id, stop=action["action_id"] == OPT_OUT):
                raise RefusedError("Somebody has decided that already, so this press did nothing more.")

    async def press_send_now(self, ack: AsyncAck, body: Body, action: Body) -> None:
        """Send now, under a text that waits for the morning."""
        await ack()
        async with answering(partial(self._telling.tell_presser, body), "send_now", may_send=True):
            await self._people.admit(body["user"]["id"], read_team(body))
            if not self._send_now:
                raise RefusedError("Whoever runs this app lets no text go in quiet hours. It still waits.")
            if not await self._texts.send_now(action["value"]):
                raise RefusedError("Nothing of it waits for the morning any more; look at its newest state.")

    async def shortcut(self, ack: AsyncAck, body: Body) -> None:
        """“Send to phone” in a message's menu."""
        await ack()
        async with answering(partial(self._telling.tell_shortcut, body), "shortcut", may_send=True):
            user_id, channel, message = body["user"]["id"], body["channel"]["id"], body["message"]
            await self._admit(user_id, read_team(body), channel)
            reply = await self._replying.find(channel, str(message.get("ts")))
            if reply is None and _stands_in_thread(message) and not await self._is_ours(message):
                # Its event has not come yet, or never will; where it goes by itself, only its author may bring it.
                if message.get("user") != user_id:
                    raise RefusedError("Only who wrote a reply can send it to the phone.")
                told = await self._replying.write(await self._read(message, channel, read_team(body)))
                reply = await self._replying.find(channel, str(message["ts"]))
                goes = reply is not None and reply.reply.state is ReplyState.TEXTED
                if goes or (told is not None and told.say is Say.LEFT):
                    self._tell(told)
                    return
            if reply is None:
                raise RefusedError("This is no reply in a conversation with a phone, so it was not sent.")
            told = await self._replying.send(reply, user_id)
            self._tell(told if told.say is Say.MET else None)

    async def _admit(self, user_id: str, team: str, channel: str) -> None:
        """Return when somebody may text their own reply: a member, or anybody where an administrator said so.

        Raises:
            RefusedError: They may not.
        """
        if not await self._replying.is_open(channel):
            await self._people.admit(user_id, team)

    async def _known(self, reply_id: str) -> StoredReply:
        reply = await self._replying.get(reply_id)
        if reply is None:
            raise RefusedError("I know nothing of this reply any more, so nothing was sent.")
        return reply

    # Telling

    def _tell(self, told: Told | None) -> None:
        if told is None:
            return
        if told.former is not None:
            said = show_left(told.former, self._people.identity.url)
        elif told.answered is not None and told.say is Say.MET and told.auto:
            said = show_met(told)
        else:
            said = show_told(told, self._undo)
        self._telling.soon(self._workspace.whisper(told.channel, told.thread_ts, told.user_id, said))

    def _whisper(self, reply: StoredReply, error: BotError) -> None:
        said = show_sentence(error.user_message)
        self._telling.soon(self._workspace.whisper(reply.channel, reply.reply.thread_ts, reply.user_id, said))

    def _replace(self, body: Body, told: Told) -> None:
        url = body.get("response_url") or ""
        self._telling.soon(self._workspace.replace(url, show_told(told, self._undo)))


def _read_deleted(message: Body, channel: str, ts: str, team: str) -> Written:
    """What names a reply, and nothing of what it said."""
    return Written(team, channel, ts, str(message["thread_ts"]), str(message.get("user") or ""), "", "")


def _stands_in_thread(message: Body) -> bool:
    """A reply; a root that has replies names itself as its thread."""
    return bool(message.get("thread_ts")) and message.get("thread_ts") != message.get("ts")

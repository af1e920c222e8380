"""What happens to people and channels, and the events that the app is told of when its manifest asks for them."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from playground.slack.delivery import Answer, Delivery, Line, Told
from playground.slack.json_objects import write_user
from playground.slack.manifest import Manifest
from playground.slack.payloads import write_event
from playground.slack.records import Records
from playground.slack.workspace import BOT_USER, OTHER_TEAM, TEAM, Conversation, Message, Person, Workspace

RETRY_AFTER = (0.0, 60.0, 300.0)  # seconds after the first try, the second and the third
_SCOPES = {  # Slack lets nobody subscribe without them
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
}


class Happenings:
    """What administrators do; PretendSlack is built upon it.

    Attributes:
        retry_after: Seconds between the tries of an event that the app did not take.
        told: Every event that was sent, in order.
    """

    manifest: Manifest
    workspace: Workspace
    records: Records
    clock: Callable[[], float]
    ack_seconds: float
    retry_after: tuple[float, ...]
    told: list[Told]
    _line: Line
    _tasks: set["asyncio.Task[None]"]

    async def tell(self, event: dict[str, Any], *, name: str = "", ext_shared: bool = False) -> Told | None:
        """Tell the app of an event, if its manifest subscribes to it; tried again later when it is not taken.

        Args:
            event: With its type.
            name: As the manifest names it, the type by default.
            ext_shared: It is about a channel shared with another company.
        """
        name = name or event["type"]
        scope = _SCOPES.get(name)
        if name not in self.manifest.events or (scope and scope not in self.manifest.scopes):
            return None
        event = {"event_ts": self.workspace.ts(), **event}
        delivery = Delivery("events_api", write_event(event, at=self.clock(), ext_shared=ext_shared))
        told = Told(event, delivery)
        self.told.append(told)
        if not await self._try(told, 0):
            self.spawn(self._retry(told))
        return told

    async def add_person(self, person: Person) -> Told | None:
        """Somebody joins the workspace."""
        self.workspace.people[person.id] = person
        self.records.change("people")
        return await self.tell({"type": "team_join", "user": write_user(person)})

    async def change_person(self, user: str, **changes: Any) -> Told | None:
        """Somebody is renamed, made a guest, deactivated: any attribute of Person."""
        person = replace(self.workspace.person(user), **changes)
        self.workspace.people[person.id] = person
        self.records.change("people")
        return await self.tell({"type": "user_change", "user": write_user(person), "cache_ts": int(self.clock())})

    async def create_channel(self, channel: Conversation) -> Told | None:
        """A channel is made."""
        self.workspace.conversations[channel.id] = channel
        about = {"id": channel.id, "name": channel.name, "created": int(self.clock()), "creator": "U0OLIVIA"}
        return await self._tell_of(channel, {"type": "channel_created", "channel": about})

    async def archive(self, channel: str) -> Told | None:
        """A channel is archived."""
        found = self.workspace.conversation(channel)
        found.archived = True
        return await self._tell_of(found, _about(found, "archive", user="U0OLIVIA", is_moved=0))

    async def unarchive(self, channel: str) -> Told | None:
        """A channel is opened again."""
        found = self.workspace.conversation(channel)
        found.archived = False
        return await self._tell_of(found, _about(found, "unarchive", user="U0OLIVIA"))

    async def delete_channel(self, channel: str) -> Told | None:
        """A channel is deleted for good."""
        found = self.workspace.conversation(channel)
        del self.workspace.conversations[found.id]
        return await self._tell_of(found, _about(found, "deleted"))

    async def share(self, channel: str) -> Told | None:
        """A channel is shared with another company."""
        found = self.workspace.conversation(channel)
        found.ext_shared = True
        return await self._tell_of(
            found, {"type": "channel_shared", "channel": found.id, "connected_team_id": OTHER_TEAM}
        )

    async def unshare(self, channel: str) -> Told | None:
        """A channel is ours alone again."""
        found = self.workspace.conversation(channel)
        found.ext_shared = False
        event = {"type": "channel_unshared", "channel": found.id, "previously_connected_team_id": OTHER_TEAM}
        return await self._tell_of(found, event | {"is_ext_shared": False})

    async def change_channel_id(self, channel: str, new_id: str) -> Told | None:
        """A channel gets another id, as when it is converted."""
        found = self.workspace.conversation(channel)
        old = found.id
        del self.workspace.conversations[old]
        found.id = new_id
        found.history = {ts: replace(each, channel=new_id) for ts, each in found.history.items()}
        self.workspace.conversations[new_id] = found
        return await self._tell_of(
            found, {"type": "channel_id_changed", "old_channel_id": old, "new_channel_id": new_id}
        )

    async def invite(self, channel: str, user: str = BOT_USER) -> Told | None:
        """Somebody, the bot by default, is invited to a channel."""
        found, person = self.workspace.conversation(channel), self.workspace.person(user)
        found.members.add(person.id)
        return await self._tell_joined(found, person.id)

    async def kick(self, channel: str, user: str = BOT_USER) -> Told | None:
        """Somebody, the bot by default, is removed from a channel."""
        found, person = self.workspace.conversation(channel), self.workspace.person(user)
        found.members.discard(person.id)
        self.records.change("channel", channel=found.id)
        if person.id != BOT_USER:
            return None
        kind = "group_left" if found.kind == "private" else "channel_left"
        return await self.tell({"type": kind, "channel": found.id, "actor_id": "U0OLIVIA"})

    def spawn(self, work: Any) -> None:
        """Do something beside; held, and ended at the close."""
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def bot_joined(self, channel: Conversation) -> None:
        """The bot joined by itself: Slack notes it in the channel and tells."""
        text = f"<@{BOT_USER}> has joined the channel"
        self.workspace.put(Message(channel.id, self.workspace.ts(), BOT_USER, text, subtype="channel_join"))
        self.spawn(self._tell_joined(channel, BOT_USER))

    async def _tell_joined(self, channel: Conversation, user: str) -> Told | None:
        return await self._tell_of(
            channel,
            {
                "type": "member_joined_channel",
                "user": user,
                "channel": channel.id,
                "channel_type": "G" if channel.kind == "private" else "C",
                "team": TEAM,
            },
        )

    async def _tell_of(self, channel: Conversation, event: dict[str, Any]) -> Told | None:
        self.records.change("channel", channel=channel.id)
        if channel.kind != "public" and not channel.has_bot:
            return None
        return await self.tell(event, ext_shared=channel.ext_shared)

    async def _retry(self, told: Told) -> None:
        for number, seconds in enumerate(self.retry_after, start=1):
            await asyncio.sleep(seconds)
            if await self._try(told, number):
                return

    async def _try(self, told: Told, number: int) -> bool:
        """Whether no further try is needed."""
        reason = _reason(told.answers[-1]) if told.answers else ""
        delivery = replace(told.delivery, retry=number, reason=reason)
        answer = await self._line.send(delivery, self.ack_seconds)
        told.answers.append(answer)
        self.records.change("event", event=told.event["type"], status=answer.status)
        return answer.ok or (answer.headers or {}).get("x-slack-no-retry") == "1"


def _about(channel: Conversation, what: str, **more: Any) -> dict[str, Any]:
    prefix = "group" if channel.kind == "private" else "channel"
    return {"type": f"{prefix}_{what}", "channel": channel.id, **more}


def _reason(answer: Answer) -> str:
    if answer.problem:
        return {"operation_timeout": "http_timeout"}.get(answer.problem, "connection_failed")
    return "http_error"

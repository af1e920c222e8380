"""People, conversations and messages as the Web API and the payloads write them."""

from typing import Any

from playground.slack.workspace import APP, BOT, BOT_USER, OTHER_TEAM, TEAM, Conversation, Ephemeral, Message, Person

_CREATED = 1_700_000_000  # every channel and account, long ago


def write_user(person: Person) -> dict[str, Any]:
    """As users.info has it."""
    body: dict[str, Any] = {
        "id": person.id,
        "team_id": person.team,
        "name": person.name,
        "deleted": person.deleted,
        "is_bot": person.bot,
        "is_app_user": False,
        "updated": _CREATED,
        "profile": {
            "team": person.team,
            "real_name": person.real_name,
            "real_name_normalized": person.real_name,
            "display_name": "" if person.bot else person.name,
            "display_name_normalized": "" if person.bot else person.name,
            **({"bot_id": BOT if person.id == BOT_USER else "B0OTHERBOT"} if person.bot else {}),
        },
    }
    if person.deleted:
        return body
    return body | {
        "real_name": person.real_name,
        "tz": "America/New_York",
        "tz_label": "Eastern Standard Time",
        "tz_offset": -18000,
        "is_admin": person.admin,
        "is_owner": person.owner,
        "is_primary_owner": person.owner,
        "is_restricted": person.restricted,
        "is_ultra_restricted": person.ultra_restricted,
        **({"is_stranger": False} if person.team != TEAM else {}),
    }


def write_conversation(channel: Conversation) -> dict[str, Any]:
    """As conversations.info has it for the bot."""
    if channel.kind == "im":
        other = next(iter(channel.members - {BOT_USER}))
        return {
            "id": channel.id,
            "created": _CREATED,
            "is_archived": False,
            "is_im": True,
            "is_org_shared": False,
            "user": other,
        }
    private, several = channel.kind in {"private", "mpim"}, channel.kind == "mpim"
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "created": _CREATED,
        "creator": "U0OLIVIA",
        "is_channel": not several,
        "is_group": False,
        "is_im": False,
        "is_mpim": several,
        "is_private": private,
        "is_archived": channel.archived,
        "is_general": channel.name == "general",
        "is_shared": channel.ext_shared,
        "is_ext_shared": channel.ext_shared,
        "is_org_shared": False,
        "is_pending_ext_shared": False,
        "is_member": channel.has_bot,
        "shared_team_ids": [TEAM, OTHER_TEAM] if channel.ext_shared else [TEAM],
        "connected_team_ids": [OTHER_TEAM] if channel.ext_shared else [],
        "context_team_id": TEAM,
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "num_members": len(channel.members),
    }


def write_message(message: Message, *, metadata: bool = False) -> dict[str, Any]:
    """As a payload or a method has it."""
    app = APP if message.bot_id == BOT else "A0OTHERBOT"
    theirs = message.team if message.team != TEAM else ""
    optional: dict[str, Any] = {
        "user": message.user,
        "client_msg_id": message.client_msg_id,
        "user_team": theirs,
        "source_team": theirs,
        "bot_id": message.bot_id,
        "app_id": message.bot_id and app,
        "username": message.username,
        "subtype": "thread_broadcast" if message.broadcast else message.subtype,
        "thread_ts": message.thread_ts,
        "blocks": list(message.blocks),
        "files": list(message.files),
        "attachments": list(message.attachments),
        "edited": {"user": message.user, "ts": message.edited_ts} if message.edited_ts else None,
        "reactions": [{"name": name, "users": list(users), "count": len(users)} for name, users in message.reactions],
    }
    body: dict[str, Any] = {"type": "message", "text": message.text, "ts": message.ts, "team": message.team}
    body |= {key: value for key, value in optional.items() if value}
    if message.files:
        body["upload"] = False
    if metadata and message.metadata is not None:
        body["metadata"] = message.metadata
    return body


def write_parent(message: Message, channel: Conversation, *, metadata: bool = False) -> dict[str, Any]:
    """A message of the channel, with what is told of its thread."""
    body = write_message(message, metadata=metadata)
    replies = channel.thread(message.ts)
    if not replies or message.is_reply:
        return body
    return body | {
        "reply_count": len(replies),
        "reply_users": sorted({each.user for each in replies}),
        "reply_users_count": len({each.user for each in replies}),
        "latest_reply": replies[-1].ts,
        "is_locked": False,
        "subscribed": False,
    }


def write_ephemeral(ephemeral: Ephemeral) -> dict[str, Any]:
    """As the page has it."""
    return {
        "channel": ephemeral.channel,
        "ts": ephemeral.ts,
        "user": ephemeral.user,
        "text": ephemeral.text,
        "blocks": list(ephemeral.blocks),
        "thread_ts": ephemeral.thread_ts,
    }

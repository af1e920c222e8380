"""What Slack sends to the app, as docs.slack.dev and bolt-python's fixtures write it."""

import secrets
from typing import Any

from playground.slack.json_objects import write_message
from playground.slack.views import OpenView
from playground.slack.workspace import (
    APP,
    BOT_USER,
    TEAM,
    Block,
    Conversation,
    Ephemeral,
    Message,
    Person,
)

_TOKEN = "a-verification-token-that-nobody-reads"  # noqa: S105 -- Slack sends one still; it proves nothing
_TEAM = {"id": TEAM, "domain": "acme"}


def write_command(
    person: Person, channel: Conversation, command: str, text: str, *, response_url: str, trigger_id: str
) -> dict[str, Any]:
    """A slash command."""
    return {
        "token": _TOKEN,
        "team_id": TEAM,
        "team_domain": "acme",
        "channel_id": channel.id,
        "channel_name": _channel_name(channel),
        "user_id": person.id,
        "user_name": person.name,
        "command": command,
        "text": text,
        "api_app_id": APP,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


def write_global_shortcut(person: Person, callback_id: str, *, trigger_id: str, action_ts: str) -> dict[str, Any]:
    """A global shortcut: no channel, no response_url."""
    return {
        "type": "shortcut",
        "token": _TOKEN,
        "action_ts": action_ts,
        "team": _TEAM,
        "user": {"id": person.id, "username": person.name, "team_id": person.team},
        "is_enterprise_install": False,
        "enterprise": None,
        "callback_id": callback_id,
        "trigger_id": trigger_id,
    }


def write_message_shortcut(
    person: Person,
    channel: Conversation,
    message: Message,
    callback_id: str,
    *,
    response_url: str,
    trigger_id: str,
    action_ts: str,
) -> dict[str, Any]:
    """A message shortcut."""
    return {
        "type": "message_action",
        "token": _TOKEN,
        "action_ts": action_ts,
        "team": _TEAM,
        "user": _user(person),
        "channel": {"id": channel.id, "name": _channel_name(channel)},
        "is_enterprise_install": False,
        "enterprise": None,
        "callback_id": callback_id,
        "trigger_id": trigger_id,
        "response_url": response_url,
        "message_ts": message.ts,
        "message": write_message(message),
    }


def write_message_actions(
    person: Person,
    channel: Conversation,
    target: Message | Ephemeral,
    actions: list[Block],
    *,
    response_url: str,
    trigger_id: str,
) -> dict[str, Any]:
    """Something pressed in a message."""
    ephemeral = isinstance(target, Ephemeral)
    container: dict[str, Any] = {
        "type": "message",
        "message_ts": target.ts,
        "channel_id": channel.id,
        "is_ephemeral": ephemeral,
    }
    if target.thread_ts:
        container["thread_ts"] = target.thread_ts
    body = _interaction("block_actions", person) | {
        "container": container,
        "trigger_id": trigger_id,
        "channel": {"id": channel.id, "name": _channel_name(channel)},
        "state": {"values": {}},
        "response_url": response_url,
        "actions": actions,
    }
    # Slack sends no message along with a press in an ephemeral one.
    return body if isinstance(target, Ephemeral) else body | {"message": write_message(target)}


def write_view_actions(person: Person, view: OpenView, actions: list[Block], *, trigger_id: str) -> dict[str, Any]:
    """Something pressed or typed in a modal."""
    return _interaction("block_actions", person) | {
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": trigger_id,
        "view": view.write(),
        "actions": actions,
    }


def write_submission(
    person: Person, view: OpenView, *, trigger_id: str, response_urls: list[dict[str, str]]
) -> dict[str, Any]:
    """A modal's submit."""
    return _interaction("view_submission", person) | {
        "trigger_id": trigger_id,
        "view": view.write(),
        "response_urls": response_urls,
    }


def write_closed(person: Person, view: OpenView, *, cleared: bool) -> dict[str, Any]:
    """A modal's close."""
    return _interaction("view_closed", person) | {"view": view.write(), "is_cleared": cleared}


def write_suggestion(person: Person, view: OpenView, block_id: str, action_id: str, query: str) -> dict[str, Any]:
    """What was typed in an external select."""
    return _interaction("block_suggestion", person) | {
        "container": {"type": "view", "view_id": view.id},
        "action_id": action_id,
        "block_id": block_id,
        "value": query,
        "view": view.write(),
    }


def new_event_id() -> str:
    """One that was never given before."""
    return f"Ev0{secrets.token_hex(5).upper()}"


def write_event(event: dict[str, Any], *, at: float, ext_shared: bool) -> dict[str, Any]:
    """An event in its envelope; its id is the same in every redelivery."""
    return {
        "token": _TOKEN,
        "team_id": TEAM,
        "context_team_id": TEAM,
        "api_app_id": APP,
        "event": event,
        "type": "event_callback",
        "event_id": new_event_id(),
        "event_time": int(at),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM,
                "user_id": BOT_USER,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": ext_shared,
        "event_context": f"4-{secrets.token_urlsafe(12)}",
    }


def _interaction(kind: str, person: Person) -> dict[str, Any]:
    return {
        "type": kind,
        "team": _TEAM,
        "user": _user(person),
        "api_app_id": APP,
        "token": _TOKEN,
        "enterprise": None,
        "is_enterprise_install": False,
    }


def _user(person: Person) -> dict[str, Any]:
    return {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team}


def _channel_name(channel: Conversation) -> str:
    """DMs of several people are named, `mpdm-…`, as channels are."""
    return {"im": "directmessage", "private": "privategroup"}.get(channel.kind, channel.name)

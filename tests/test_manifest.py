"""manifest.yml against Slack's manifest rules.

Lengths and keys: github.com/slackapi/manifest-schema, schemas/manifest.schema.2.0.0.json (v0.5.0). It checks no names
of scopes and events; those are from docs.slack.dev/reference/scopes and docs.slack.dev/reference/events.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

MANIFEST = Path(__file__).parents[1] / "manifest.yml"

SCOPES_OF_EVENT = {
    # Any one of the scopes lets a bot subscribe; docs.slack.dev/reference/events/<event>.
    "user_change": {"users:read"},
    "team_join": {"users:read"},
    "channel_archive": {"channels:read"},
    "channel_unarchive": {"channels:read"},
    "channel_created": {"channels:read"},
    "channel_deleted": {"channels:read"},
    "channel_rename": {"channels:read"},
    "channel_left": {"channels:read"},
    "channel_shared": {"channels:read", "groups:read"},
    "channel_unshared": {"channels:read", "groups:read"},
    "channel_id_changed": {"channels:read", "groups:read"},
    "group_archive": {"groups:read"},
    "group_unarchive": {"groups:read"},
    "group_deleted": {"groups:read"},
    "group_left": {"groups:read"},
    "group_rename": {"groups:read"},
    "member_joined_channel": {"channels:read", "groups:read"},
    "member_left_channel": {"channels:read", "groups:read"},
    "message.channels": {"channels:history"},
    "message.groups": {"groups:history"},
    "message.im": {"im:history"},
    "message.mpim": {"mpim:history"},
    "reaction_added": {"reactions:read"},
    "reaction_removed": {"reactions:read"},
}
BOT_SCOPES = {
    *("app_mentions:read", "channels:history", "channels:join", "channels:manage", "channels:read", "chat:write"),
    *("chat:write.customize", "chat:write.public", "commands", "emoji:read", "files:read", "files:write"),
    *("groups:history", "groups:read", "groups:write", "im:history", "im:read", "im:write", "mpim:history"),
    *("mpim:read", "mpim:write", "reactions:read", "reactions:write", "team:read", "usergroups:read"),
    *("users.profile:read", "users:read", "users:read.email"),
}


def text(most: int, least: int = 1) -> dict[str, Any]:
    """A string of a bounded length."""
    return {"type": "string", "minLength": least, "maxLength": most}


def closed(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """An object that may have these keys and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": properties,
    }


FLAG = {"type": "boolean"}
URL = text(3500) | {"pattern": "^https://"}
RULES = closed(
    ("display_information",),
    _metadata=closed(major_version={"enum": [1, 2]}, minor_version={"type": "integer"}),
    display_information=closed(
        ("name",),
        name=text(35),
        description=text(140),
        long_description=text(4000, 175),
        background_color={"type": "string", "pattern": "^#([0-9a-fA-F]{3}){1,2}$"},
    ),
    features=closed(
        app_home=closed(home_tab_enabled=FLAG, messages_tab_enabled=FLAG, messages_tab_read_only_enabled=FLAG),
        bot_user=closed(
            ("display_name",),
            display_name=text(80) | {"pattern": r"^[A-Za-z0-9 ._-]+$"},
            always_online=FLAG,
        ),
        shortcuts={
            "type": "array",
            "maxItems": 10,
            "items": closed(
                ("name", "type", "callback_id", "description"),
                name=text(24),
                type={"enum": ["global", "message"]},
                callback_id=text(255),
                description=text(150),
            ),
        },
        slash_commands={
            "type": "array",
            "maxItems": 50,
            "items": closed(
                ("command", "description"),
                command=text(32) | {"pattern": "^/"},
                url=URL | {"maxLength": 3000},
                description=text(2000),
                usage_hint=text(1000),
                should_escape=FLAG,
            ),
        },
    ),
    oauth_config=closed(
        redirect_urls={"type": "array", "maxItems": 1000, "items": URL},
        scopes=closed(
            bot={
                "type": "array",
                "maxItems": 255,
                "uniqueItems": True,
                "items": {"enum": sorted(BOT_SCOPES)},
            },
        ),
    ),
    settings=closed(
        event_subscriptions=closed(
            request_url=URL,
            bot_events={
                "type": "array",
                "maxItems": 100,
                "uniqueItems": True,
                "items": {"enum": sorted(SCOPES_OF_EVENT)},
            },
        ),
        interactivity=closed(("is_enabled",), is_enabled=FLAG, request_url=URL, message_menu_options_url=URL),
        org_deploy_enabled=FLAG,
        socket_mode_enabled=FLAG,
        token_rotation_enabled=FLAG,
    ),
)


def read_socket_mode() -> dict[str, Any]:
    """The manifest as it is pasted unedited."""
    manifest: dict[str, Any] = yaml.safe_load(MANIFEST.read_text("utf-8"))
    return manifest


def read_http() -> dict[str, Any]:
    """The manifest after the edits that its own comments ask for."""
    lines = MANIFEST.read_text("utf-8").splitlines()
    edited = [line.replace("# ", "", 1) if "https://YOUR-HOST" in line else line for line in lines]
    manifest: dict[str, Any] = yaml.safe_load("\n".join(edited))
    manifest["settings"]["socket_mode_enabled"] = False
    return manifest


@pytest.mark.parametrize("read", [read_socket_mode, read_http])
def test_slack_takes_it(read: Any) -> None:
    """Every key is known, every text within its length, every scope and event spelled as Slack does."""
    manifest = read()

    assert [error.message for error in Draft202012Validator(RULES).iter_errors(manifest)] == []


def test_http_needs_every_address() -> None:
    """Taking away the `#` as told gives Slack all four addresses, and all are the bot's one route."""
    manifest = read_http()

    route = "https://YOUR-HOST/slack/events"
    assert manifest["features"]["slash_commands"][0]["url"] == route
    assert manifest["settings"]["event_subscriptions"]["request_url"] == route
    assert manifest["settings"]["interactivity"]["request_url"] == route
    assert manifest["settings"]["interactivity"]["message_menu_options_url"] == route


def test_socket_mode_names_no_address() -> None:
    """Pasted unedited it points at nobody's host."""
    code = [line.split("#", 1)[0] for line in MANIFEST.read_text("utf-8").splitlines()]

    assert "https://" not in "\n".join(code)
    assert read_socket_mode()["settings"]["socket_mode_enabled"] is True


def test_every_event_is_covered_by_a_scope() -> None:
    """Slack refuses a subscription without one of the event's scopes."""
    manifest = read_socket_mode()
    scopes = set(manifest["oauth_config"]["scopes"]["bot"])
    events = manifest["settings"]["event_subscriptions"]["bot_events"]

    assert [event for event in events if not SCOPES_OF_EVENT[event] & scopes] == []


def test_mentions_arrive_with_their_ids() -> None:
    """Without should_escape a mention is a bare word that nobody can turn into a name for certain."""
    command = read_socket_mode()["features"]["slash_commands"][0]

    assert command["command"] == "/sms"
    assert command["should_escape"] is True


def test_every_scope_says_why() -> None:
    """An admin who approves the app reads the reason beside the scope, or above its group."""
    lines = MANIFEST.read_text("utf-8").splitlines()
    start = lines.index("    bot:")
    stop = lines.index("settings:")
    scopes = [line for line in lines[start + 1 : stop] if line.strip().startswith("- ")]
    silent = {line.split("- ")[1] for line in scopes if "#" not in line}

    assert silent == {"channels:history", "groups:history", "im:history", "mpim:history"}


def test_every_event_of_a_message_says_why() -> None:
    """Who approves that an app hears what is said reads what it listens for."""
    lines = MANIFEST.read_text("utf-8").splitlines()
    heard = [line.strip() for line in lines if line.strip().startswith(("- message.", "- reaction_"))]

    assert len(heard) == 5
    assert [line for line in heard if " # " not in line] == []

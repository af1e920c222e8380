"""What manifest.yml asks Slack for, and therefore all that the app is given."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command.

    Attributes:
        name: With its slash.
        should_escape: Whether mentions and links arrive as `<@U…|name>`.
    """

    name: str
    should_escape: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """The app as it is installed.

    Attributes:
        name: Display name of the bot.
        commands: By name.
        shortcuts: Callback ids, of kind `global` or `message`.
        scopes: Of the bot's token.
        events: That the bot subscribed to, such as `message.channels`.
        writable: Whether people may write in their DM with the app.
    """

    name: str
    commands: dict[str, Command]
    shortcuts: dict[str, str]
    scopes: tuple[str, ...]
    events: frozenset[str]
    writable: bool


def read_manifest(path: Path) -> Manifest:
    """The manifest in a YAML file."""
    raw: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    features: dict[str, Any] = raw.get("features") or {}
    commands: list[dict[str, Any]] = features.get("slash_commands") or []
    shortcuts: list[dict[str, Any]] = features.get("shortcuts") or []
    scopes: dict[str, Any] = (raw.get("oauth_config") or {}).get("scopes") or {}
    subscriptions: dict[str, Any] = (raw.get("settings") or {}).get("event_subscriptions") or {}
    home: dict[str, Any] = features.get("app_home") or {}
    return Manifest(
        name=(features.get("bot_user") or {}).get("display_name") or raw["display_information"]["name"],
        commands={each["command"]: Command(each["command"], bool(each.get("should_escape"))) for each in commands},
        shortcuts={each["callback_id"]: each["type"] for each in shortcuts},
        scopes=tuple(scopes.get("bot") or ()),
        events=frozenset(subscriptions.get("bot_events") or ()),
        writable=home.get("messages_tab_enabled", True) and not home.get("messages_tab_read_only_enabled", False),
    )

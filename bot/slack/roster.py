"""People and channels as Slack describes them, and who of them may text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SLACKBOT = "USLACKBOT"  # the one bot that Slack does not mark as one


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in Slack.

    Attributes:
        name: As Slack shows it.
        teams: The workspaces that they are a member of; several on Enterprise Grid, () when Slack did not say.
        deleted: Deactivated.
        bot: A bot or a workflow.
        guest: May see only some channels.
        stranger: From another company.
        admin: An admin or owner of the workspace.
    """

    name: str
    teams: tuple[str, ...] = ()
    deleted: bool = False
    bot: bool = False
    guest: bool = False
    stranger: bool = False
    admin: bool = False


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel, as far as it matters here.

    Attributes:
        name: Without `#`, "" when Slack did not say.
        shared: Another company sees it, or is invited to.
        archived: Nobody can post there.
        member: The bot is in it.
    """

    name: str = ""
    shared: bool = False
    archived: bool = False
    member: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the bot is: its workspace with its name and address, and its own ids, by which it knows its own messages."""

    team: str = ""
    team_name: str = ""
    url: str = ""
    bot_id: str = ""
    bot_user_id: str = ""


def explain_refusal(user_id: str, person: Person, ours: str) -> str:
    """Why somebody may not text, "" when they may."""
    if person.bot or user_id == _SLACKBOT:
        return "Bots and workflows cannot send texts. A member of this workspace can."
    if person.stranger or (ours and person.teams and ours not in person.teams):
        return "Only members of this workspace can send texts, and you are here from another one. Ask one of them."
    if person.deleted:
        return "This Slack account is deactivated, so it cannot send texts."
    if person.guest:
        return "Guests cannot send texts. Ask a full member of this workspace to send it."
    return ""


def read_person(user: Mapping[str, Any]) -> Person:
    """A user object of users.list, users.info and the events."""
    profile = user.get("profile") or {}
    grid = user.get("enterprise_user") or {}
    names = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"))
    return Person(
        name=next(filter(None, names), ""),
        teams=tuple(filter(None, (user.get("team_id"), *(grid.get("teams") or ())))),
        deleted=bool(user.get("deleted")),
        bot=bool(user.get("is_bot") or user.get("is_workflow_bot")),
        guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
        stranger=bool(user.get("is_stranger")),
        admin=bool(user.get("is_admin") or user.get("is_owner")),
    )


def read_channel(channel: Mapping[str, Any]) -> Channel:
    """A channel object of conversations.list, conversations.info and channel_created."""
    return Channel(
        name=str(channel.get("name") or ""),
        shared=bool(channel.get("is_ext_shared") or channel.get("is_pending_ext_shared")),
        archived=bool(channel.get("is_archived")),
        member=bool(channel.get("is_member")),
    )

"""What one person's Slack shows, as the page draws it: Slack's own JSON, put together by conversation."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from playground.slack.errors import NotPossibleError
from playground.slack.server import PretendSlack
from playground.slack.workspace import BOT_USER, TEAM

# Whom one can be: a member, an admin, the owner, a guest, somebody of another company.
PEOPLE = ("alice", "ben", "olivia", "gus", "erin")
MANIFEST = Path(__file__).parents[1] / "manifest.yml"
_HOME = "C0SUPPORT"


def show_slack(slack: PretendSlack, user: str) -> dict[str, Any]:
    """All that a person sees; of the first person when there is none by that id."""
    try:
        me = slack.workspace.person(user or PEOPLE[0]).id
    except NotPossibleError:
        me = slack.workspace.person(PEOPLE[0]).id
    slack.dm(me)  # an installed app's DM stands in the sidebar before anybody writes in it
    seen = slack.snapshot(me)
    channels = [_show_channel(slack, each, me) for each in seen["channels"] if each["is_me_member"]]
    open_ones = [each for each in channels if not each["is_archived"]]
    ids = {each["id"] for each in open_ones}
    return {
        "me": me,
        "people": [slack.workspace.person(each).id for each in PEOPLE],
        "users": seen["people"],
        "team": {"id": TEAM, "name": "Acme"},
        "app": {"user": BOT_USER, "name": slack.manifest.name},
        "home": _HOME if _HOME in ids else open_ones[0]["id"],
        "channels": open_ones,
        "messages": {each["id"]: _show_messages(each, seen["ephemerals"]) for each in seen["channels"]},
        "views": seen["views"],
        **_read_features(),
    }


@cache
def _read_features() -> dict[str, Any]:
    """The app's commands and shortcuts with the words that Slack shows for them."""
    features = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))["features"]
    return {"commands": features["slash_commands"], "shortcuts": features["shortcuts"]}


def _show_channel(slack: PretendSlack, channel: dict[str, Any], me: str) -> dict[str, Any]:
    shown = {key: value for key, value in channel.items() if key not in {"messages", "threads"}}
    members = slack.channel(channel["id"]).members
    if channel["kind"] == "im":
        shown["user"] = next(iter(members - {me}), me)
    if channel["kind"] == "mpim":
        shown["others"] = sorted(members - {me, BOT_USER})
    return shown


def _show_messages(channel: dict[str, Any], ephemerals: list[dict[str, Any]]) -> list[dict[str, Any]]:
    replies = [each for thread in channel["threads"].values() for each in thread]
    whispers = [
        {**each, "user": BOT_USER, "is_ephemeral": True} for each in ephemerals if each["channel"] == channel["id"]
    ]
    together = [*channel["messages"], *replies, *whispers]
    return sorted(({**each, "channel": channel["id"]} for each in together), key=lambda each: each["ts"])

"""What Slack lacks of a batch: compares what it has with what it should have."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.message import Batch
from bot.services.showing import Kind, Post, PostState, Wants
from bot.slack.blocks import Content, show_root, show_status, show_trouble

_APART = timedelta(seconds=1)  # between two updates of one message


@dataclass(frozen=True, slots=True)
class Step:
    """One request to make.

    Attributes:
        kind: Which message.
        wants: POST for a new message, which includes looking for a lost one; UPDATE for a change to one.
        content: What it should say; None to take it away.
        post: What is known of it in Slack, None when it was never asked for.
        due: Not before.
    """

    kind: Kind
    wants: Wants
    content: Content | None
    post: Post | None
    due: datetime


def plan(
    batch: Batch, posts: Mapping[Kind, Post], now: datetime, *, our_name: str = "", bot_name: str = ""
) -> list[Step]:
    """The requests that bring Slack up to date: new messages in their order, then changes.

    Args:
        batch: As it stands now.
        posts: What is known of its messages in Slack.
        now: The time.
        our_name: What the account calls the number it was sent from, "" when it has no name.
        bot_name: What people type after `@` to name the bot, "" when that is not known.
    """
    wanted: dict[Kind, Content | None] = {
        Kind.ROOT: show_root(batch, our_name),
        Kind.NOTICE: show_notice(batch, bot_name),
        Kind.STATUS: show_status(batch),
        Kind.TROUBLE: show_trouble(batch),
    }
    root = posts.get(Kind.ROOT)
    if root is not None and root.state is PostState.GONE:
        # Without the channel message there is no thread to keep; only a failure is worth a message of its own.
        wanted = {Kind.TROUBLE: wanted[Kind.TROUBLE]}
    missing, stale = [], []
    for kind, content in wanted.items():
        post = posts.get(kind)
        if post is None and content is not None:
            missing.append(Step(kind, Wants.POST, content, None, now))
        elif post is not None and post.state is PostState.POSTING:
            missing.append(Step(kind, Wants.POST, content, post, now))
        elif post is not None and post.state is PostState.POSTED and post.shown != digest(content):
            due = now if post.updated_at is None else max(now, post.updated_at + _APART)
            stale.append(Step(kind, Wants.UPDATE, content, post, due))
    return missing + stale


def next_change(posts: Mapping[Kind, Post], now: datetime) -> datetime:
    """The earliest time at which one of the messages may be changed again."""
    changed = [post.updated_at for post in posts.values() if post.updated_at is not None]
    return max(now, min(changed, default=now) + _APART) if changed else now


def digest(content: Content | None) -> str:
    """Names a content; two that look alike have the same."""
    if content is None:
        return "none"
    whole = json.dumps([content.text, content.blocks], sort_keys=True).encode()
    return hashlib.sha256(whole).hexdigest()[:32]


def show_notice(batch: Batch, bot_name: str = "") -> Content | None:
    """Why a batch is shown in the sender's DM, and how to see the next ones in the channel; None when it is not moved.

    It holds nothing that people wrote, so it may be mrkdwn.
    """
    if not batch.moved:
        return None
    where = f"<#{batch.asked_in}>"
    invite = f"`/invite @{bot_name}`" if bot_name else "`/invite` and my name"
    here = "so the status of your text is in your direct messages with me."
    if batch.moved == "archived":
        text = f"{where} is archived, {here} To see the next ones in a channel, use another one."
    elif batch.moved == "restricted":
        text = f"I may not post in {where}, {here} An administrator can allow it in the channel's settings."
    elif batch.asked_in.startswith("D"):
        instead = f"To share the next ones, use a channel and type {invite} there."
        text = f"Apps cannot join a direct message between people, {here} {instead}"
    else:
        text = f"I am not a member of {where}, {here} To see the next ones there, type {invite} in it."
    return Content(text, ())

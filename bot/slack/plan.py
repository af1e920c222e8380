"""What Slack lacks of an entry: compares what it has with what it should have."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.message import Batch, Entry, Inbound, Message, Note, Origin, ReplyState, Status, Wait
from bot.services.showing import Kind, Post, PostState, Wants
from bot.slack.blocks import Content, show_root, show_status, show_trouble
from bot.slack.conversation import show_answer, show_inbound, show_link, show_note

HELD_MARK = "no_mobile_phones"  # not sent to the phone
NOTE_MARK = "lock"  # stays among colleagues
_MARKS = {
    Status.ACCEPTED: "hourglass_flowing_sand",
    Status.SENDING: "hourglass_flowing_sand",
    Status.QUEUED: "incoming_envelope",
    Status.SENT: "incoming_envelope",
    Status.DELIVERED: "white_check_mark",
    Status.FAILED: "warning",
    Status.UNCONFIRMED: "question",
    Status.CANCELED: HELD_MARK,
}
_APART = timedelta(seconds=1)  # between two updates of one message


@dataclass(frozen=True, slots=True)
class Mark:
    """The bot's reaction on somebody's reply."""

    name: str


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
    content: Content | Mark | None
    post: Post | None
    due: datetime


@dataclass(frozen=True, slots=True)
class Names:
    """What things are called.

    Attributes:
        ours: What the account calls our number, "" when it has no name.
        bot: What people type after `@` to name the bot, "" when that is not known.
        command: The slash command.
        workspace: Its address, "" when that is not known.
        send_now: A text that waits for the morning may be sent all the same.
    """

    ours: str = ""
    bot: str = ""
    command: str = "/sms"
    workspace: str = ""
    send_now: bool = True


_UNNAMED = Names()


def plan(entry: Entry, posts: Mapping[Kind, Post], now: datetime, names: Names = _UNNAMED) -> list[Step]:
    """The requests that bring Slack up to date: new messages in their order, then changes.

    Args:
        entry: As it stands now.
        posts: What is known of its messages in Slack.
        now: The time.
        names: What things are called.
    """
    missing, stale = [], []
    for kind, content in _want(entry, posts, names).items():
        post = posts.get(kind)
        if isinstance(content, Mark):
            if post is None or (post.state is PostState.POSTED and post.shown != content.name):
                stale.append(Step(kind, Wants.UPDATE, content, post, _apart(post, now)))
        elif post is None and content is not None:
            missing.append(Step(kind, Wants.POST, content, None, now))
        elif post is not None and post.state is PostState.POSTING:
            missing.append(Step(kind, Wants.POST, content, post, now))
        elif post is not None and post.state is PostState.POSTED and post.shown != digest(content):
            stale.append(Step(kind, Wants.UPDATE, content, post, _apart(post, now)))
    return missing + stale


def needs_conversation(batch: Batch, posts: Mapping[Kind, Post]) -> bool:
    """Whether a text to one phone, or to one group, is about to be shown for the first time."""
    new = batch.origin is Origin.COMMAND and not batch.conversation_id and Kind.ROOT not in posts
    return new and len(batch.messages) == 1


def _apart(post: Post | None, now: datetime) -> datetime:
    """The earliest time of a change to a message; a time of a clock that was set back since keeps nothing waiting."""
    if post is None or post.updated_at is None or post.updated_at > now + _APART:
        return now
    return max(now, post.updated_at + _APART)


def _want(entry: Entry, posts: Mapping[Kind, Post], names: Names) -> dict[Kind, Content | Mark | None]:
    root = posts.get(Kind.ROOT)
    match entry:
        case Inbound():
            return {Kind.ROOT: show_inbound(entry, names.ours, command=names.command)}
        case Note():
            return {Kind.ROOT: show_note(entry)}
        case Batch(origin=Origin.ANSWER):
            return {Kind.ROOT: show_answer(entry)}
        case Batch(origin=Origin.REPLY):
            return _want_of_reply(entry, posts, names)
    if root is not None and root.state is PostState.GONE:
        # Without the channel message there is no thread to keep; only a failure is worth a message of its own.
        return {Kind.TROUBLE: show_trouble(entry)}
    left = None
    if entry.left is not None and root is not None and root.state is PostState.POSTED and root.ts is not None:
        left = show_link(root.channel, root.ts, names.workspace)
    return {
        Kind.ROOT: show_root(entry, names.ours),
        Kind.NOTICE: show_notice(entry, names.bot),
        Kind.STATUS: show_status(entry, send_now=names.send_now),
        Kind.TROUBLE: show_trouble(entry),
        Kind.LINK: left,
    }


def _want_of_reply(batch: Batch, posts: Mapping[Kind, Post], names: Names) -> dict[Kind, Content | Mark | None]:
    """A reply is in Slack already: a reaction hints at its state, and only what needs words gets words."""
    wanted: dict[Kind, Content | Mark | None] = {Kind.MARK: Mark(_choose_mark(batch))}
    if batch.messages:
        fitted = any(file.said for file in batch.files)
        worded = fitted or Kind.STATUS in posts or any(_needs_words(message) for message in batch.messages)
        worded |= _is_for_group(batch)
        wanted[Kind.STATUS] = show_status(batch, send_now=names.send_now) if worded else None
        wanted[Kind.TROUBLE] = show_trouble(batch)
    return wanted


def _is_for_group(batch: Batch) -> bool:
    """Whether one reaction is too little for all its phones; not before it leaves, as it may be taken back."""
    [message] = batch.messages
    gone = message.status not in {Status.ACCEPTED, Status.CANCELED}
    return gone and (message.group or bool(batch.stopped))


def _needs_words(message: Message) -> bool:
    """Whether a reaction would leave people wondering."""
    if message.status is Status.ACCEPTED:
        return message.wait not in {None, Wait.UNDO, Wait.PACING, Wait.TURN}
    return message.status is Status.SENDING and message.checking_since is not None


def _choose_mark(batch: Batch) -> str:
    assert batch.reply is not None
    if batch.reply.state is not ReplyState.TEXTED or not batch.messages:
        return NOTE_MARK if batch.reply.state is ReplyState.NOTE else HELD_MARK
    [message] = batch.messages
    failed = any(phone.status is Status.FAILED for phone in message.recipients)
    return _MARKS[Status.FAILED if failed else message.status]


def next_change(posts: Mapping[Kind, Post], now: datetime) -> datetime:
    """The earliest time at which one of the messages may be changed again."""
    return min((_apart(post, now) for post in posts.values() if post.updated_at is not None), default=now)


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

"""One claim's turn: the first request that an entry needs in Slack is made, whatever Slack answers."""

from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar
from uuid import uuid4

import structlog

from bot.domain.ids import new_id
from bot.domain.message import E164, Batch, Entry, Inbound, Origin
from bot.services.ports import Clock, LeaseLostError
from bot.services.showing import Claim, Kind, Post, Posts, PostState, Wants
from bot.slack.blocks import Content
from bot.slack.plan import Mark, Names, Step, digest, next_change, plan
from bot.slack.web_client import (
    SlackCallError,
    SlackRefusedError,
    SlackThrottledError,
    SlackUnauthorizedError,
    SlackUnknownError,
    SlackUnreachableError,
    Workspace,
)

_NOWHERE = timedelta(minutes=1)  # until an administrator is known, or takes a message
_EARLIER = timedelta(hours=1)  # how far back a post is looked for that a clock since set back has begun in the future
_FRESH = timedelta(minutes=29)  # Slack takes a response_url for 30

_NOT_A_MEMBER = {"not_in_channel", "channel_not_found"}
_CLOSED = _NOT_A_MEMBER | {"is_archived", "is_inactive"}
_BAD_CONTENT = {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text"}
_DELETED = {"message_not_found"}
_NO_THREAD = {"thread_not_found", "cannot_reply_to_message"}
_MOVED = {
    "not_in_channel": "not_in_channel",
    "channel_not_found": "not_in_channel",
    "is_archived": "archived",
    "is_inactive": "archived",  # what chat.update says of an archived channel
}

T = TypeVar("T")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Desk:
    """What every turn works with.

    Attributes:
        our_name: What the account calls one of its numbers, "" when it has no name.
        command: The slash command.
        home: Where texts go that have no channel of their own, "" for the administrators.
        admins: Who they are.
        send_now: A text that waits for the morning may be sent all the same.
    """

    posts: Posts
    workspace: Workspace
    clock: Clock
    our_name: Callable[[E164], str]
    command: str = "/sms"
    home: str = ""
    admins: Callable[[], Collection[str]] = tuple
    send_now: bool = True


class Turn:
    """A claimed entry at work.

    Args:
        desk: What every turn works with.
        claim: What was claimed.
        entry: As it stands now.
        posts: What is known of its messages in Slack.
        until: Boottime at which the lease runs out.

    Attributes:
        next_at: The earliest time of the next request for this entry.
    """

    def __init__(self, desk: Desk, claim: Claim, entry: Entry, posts: dict[Kind, Post], until: float) -> None:
        self._desk = desk
        self._claim = claim
        self._entry = entry
        self._posts = posts
        self._until = until
        self._unsent: Post | None = None  # begun in this turn; to be forgotten when it surely did not leave
        self._unsure: Post | None = None  # a mark that may have been changed; noted when Slack does not say
        self.next_at = desk.clock.now()

    async def take(self, patience: timedelta) -> bool:
        """Make the first request that the batch needs and give the batch back; False when it needs none yet.

        Args:
            patience: How long the batch waits when Slack gives no clear answer; a post may still be on its way.

        Raises:
            SlackUnknownError, SlackUnreachableError, SlackUnauthorizedError: Slack is down for everybody. The batch is
                given back all the same.
        """
        step = self._next()
        if step is None or step.due > self._desk.clock.now() or step.wants is not self._claim.wants:
            await self._release(unused=True)
            return False
        try:
            if isinstance(step.content, Mark):
                await self._mark(step.content, step.post)
            elif not self._entry.channel:
                await self._move_home("unrouted")
            elif step.wants is Wants.POST:
                await self._post(step, step.content)
            else:
                assert step.post is not None
                await self._change(step.content, step.post)
        except LeaseLostError:
            return False  # this machine slept, and somebody else is at it
        except SlackThrottledError as exc:
            await self._release(wait=timedelta(seconds=exc.retry_after))
        except SlackUnknownError:
            await self._release(wait=patience)
            raise
        except (SlackUnauthorizedError, SlackUnreachableError):
            await self._release(forget=self._unsent)
            raise
        return True

    async def _post(self, step: Step, content: Content | None) -> None:
        """Make a new message, or find the one whose answer was lost."""
        post = step.post
        if post is not None:
            now = self._desk.clock.now()
            since = post.started_at if post.started_at <= now else now - _EARLIER
            ts = await self._desk.workspace.find(post.channel, post.thread_ts, post.id, since)
            if ts is not None:
                await self._release(record=replace(post, state=PostState.POSTED, ts=ts))
                return
        if content is None:  # it was lost, and is not wanted any more
            await self._release(forget=post)
            return
        if post is None:
            post = self._new_post(step.kind)
            if not await self._desk.posts.begin(post):
                return  # this machine slept, and somebody else is at it
            self._posts[step.kind] = self._unsent = post
        self._check_lease()
        if step.kind is Kind.NOTICE and await self._tell(content):
            await self._release(record=replace(post, state=PostState.GONE))
            return
        await self._send(content, post)

    def _check_lease(self) -> None:
        """Right before each request: after the lease it could undo what another has done since."""
        if self._desk.clock.boottime() >= self._until:
            raise LeaseLostError

    def _new_post(self, kind: Kind) -> Post:
        where, thread_ts = self._entry.channel, self._thread(kind)
        if kind is Kind.LINK and isinstance(self._entry, Batch) and self._entry.left is not None:
            where, thread_ts = self._entry.left.channel, self._entry.left.ts
        return Post(
            id=new_id(),
            batch_id=self._entry.id,
            kind=kind,
            channel=where,
            thread_ts=thread_ts,
            state=PostState.POSTING,
            started_at=self._desk.clock.now(),
        )

    def _thread(self, kind: Kind) -> str | None:
        """Where a new message of a kind stands, None for the channel itself."""
        entry, root = self._entry, self._posts.get(Kind.ROOT)
        if kind is Kind.ROOT:
            return entry.thread_ts
        if root is not None:
            return (root.thread_ts or root.ts) if root.state is PostState.POSTED else None
        replied = isinstance(entry, Batch) and entry.reply is not None and not entry.moved
        return entry.reply.thread_ts if replied else None  # type: ignore[union-attr]  # mypy forgets what `replied` knows

    async def _mark(self, mark: Mark, post: Post | None) -> None:
        """Put a reaction on somebody's reply, in place of those before; each can be asked for twice."""
        assert isinstance(self._entry, Batch)
        assert self._entry.reply is not None
        where, ts = self._entry.asked_in, self._entry.reply.ts
        before = [name for name in (post.shown.split() if post else ()) if name != mark.name]
        unsure = "".join(f"{name} " for name in (mark.name, *before))
        if post is None:
            post = replace(self._new_post(Kind.MARK), channel=where, ts=ts, state=PostState.POSTED, shown=unsure)
            if not await self._desk.posts.begin(post):
                return
        self._check_lease()
        self._unsure = replace(post, shown=unsure)
        try:
            await self._desk.workspace.react(where, ts, mark.name)
            for name in before:
                await self._desk.workspace.unreact(where, ts, name)
        except SlackRefusedError as exc:
            # The reply was deleted, or its channel takes nothing; the words about it do not depend on this.
            _log.info("slack.mark_refused", batch=self._entry.id, code=exc.code)
            await self._release(record=replace(post, state=PostState.GONE))
        else:
            await self._release(record=replace(post, shown=mark.name, updated_at=self._desk.clock.now()))

    async def _send(self, content: Content, post: Post) -> None:
        def request(said: Content) -> Awaitable[str]:
            broadcast = post.kind is Kind.ROOT and self._is_broadcast()
            return self._desk.workspace.post(post.channel, post.thread_ts, said, post.id, broadcast=broadcast)

        try:
            ts = await self._insist(content, request, join=self._is_asked_in(post.kind))
        except SlackThrottledError as exc:
            await self._hold(exc, forget=self._unsent)
        except SlackRefusedError as exc:
            await self._give_way(post, exc.code)
        else:
            await self._release(record=self._shown(replace(post, ts=ts), content))

    def _is_broadcast(self) -> bool:
        """Whether a reply in the conversation's thread is shown in the channel too."""
        match self._entry:
            case Batch(origin=Origin.COMMAND):
                return True
            case Inbound(broadcast=broadcast):
                return broadcast
            case _:
                return False

    async def _give_way(self, post: Post, code: str) -> None:
        """A new message was refused for good where it was meant to stand."""
        root = self._posts.get(Kind.ROOT)
        if post.kind is Kind.LINK:
            await self._release(record=replace(post, state=PostState.GONE))
        elif code not in _NO_THREAD or post.thread_ts is None:
            await self._move(post, code)
        elif post.kind is Kind.ROOT:
            await self._desk.posts.detach(self._claim, post.thread_ts, self._desk.clock.now())
        elif root is not None:
            await self._release(record=replace(root, state=PostState.GONE), forget=post)
        else:
            await self._release(record=replace(post, state=PostState.GONE))

    async def _change(self, content: Content | None, post: Post) -> None:
        """Put the newest state into a message, or take the message away."""
        ts = post.ts
        assert ts is not None
        try:
            if content is None:
                self._check_lease()
                await self._desk.workspace.delete(post.channel, ts)
            else:
                await self._insist(
                    content, lambda said: self._desk.workspace.update(post.channel, ts, said), join=self._is_home()
                )
        except SlackThrottledError as exc:
            await self._hold(exc)
        except SlackRefusedError as exc:
            if exc.code in _DELETED:
                await self._release(record=replace(post, state=PostState.GONE))
            elif exc.code in _CLOSED and content is not None:
                await self._move(post, exc.code)
            else:
                _log.warning("slack.update_refused", batch=self._entry.id, kind=post.kind, code=exc.code)
                await self._release(record=self._shown(post, content))
        else:
            if content is None:
                await self._release(forget=post)
            else:
                await self._release(record=self._shown(post, content))

    def _shown(self, post: Post, content: Content | None) -> Post:
        return replace(post, state=PostState.POSTED, shown=digest(content), updated_at=self._desk.clock.now())

    def _is_asked_in(self, kind: Kind) -> bool:
        """Whether a new message is wanted in its channel: somebody has just typed a text there, or it is the default.

        From any other channel that does not have the bot, somebody has removed it, and it stays out.
        """
        typed = isinstance(self._entry, Batch) and self._entry.origin is Origin.COMMAND
        return self._is_home() or (typed and kind is Kind.ROOT)

    def _is_home(self) -> bool:
        return self._entry.channel == self._desk.home

    async def _insist(self, content: Content, request: Callable[[Content], Awaitable[T]], *, join: bool) -> T:
        """Make a request; do without blocks that Slack refuses.

        Args:
            content: The message.
            request: Says it.
            join: Become a member of the channel when that is what it takes.
        """
        joined = not join
        while True:
            self._check_lease()
            try:
                return await request(content)
            except SlackRefusedError as exc:
                if exc.code in _NOT_A_MEMBER and not joined and await self._join(self._entry.channel):
                    joined = True
                elif exc.code in _BAD_CONTENT and content.blocks:
                    _log.error("slack.bad_blocks", batch=self._entry.id, code=exc.code, reference=uuid4().hex[:8])
                    content = Content(content.text, ())
                else:
                    raise

    async def _join(self, channel: str) -> bool:
        try:
            await self._desk.workspace.join(channel)
        except SlackRefusedError:
            return False  # private, archived, or people talking alone
        except SlackUnauthorizedError as exc:
            if exc.code != "missing_scope":
                raise
            return False
        return True

    async def _move(self, post: Post, code: str) -> None:
        """Show a text in the sender's DM from now on; where that is refused too, give this message up."""
        batch = self._entry
        if not isinstance(batch, Batch) or batch.origin is Origin.ANSWER:
            await self._move_home(_MOVED.get(code, "restricted"), forget=self._unsent)
            return
        try:
            dm = "" if batch.moved else await self._desk.workspace.open_dm(batch.user_id)
        except SlackRefusedError as exc:
            dm, code = "", exc.code
        except SlackUnauthorizedError as exc:
            if exc.code != "missing_scope":
                raise
            dm, code = "", exc.code
        if not dm:
            _log.warning("slack.gave_up", batch=batch.id, kind=post.kind, code=code)
            await self._release(record=replace(post, state=PostState.GONE))
            return
        with suppress(SlackCallError):
            await self._desk.workspace.read_name()
        reason = _MOVED.get(code, "restricted")
        await self._desk.posts.move(self._claim, dm, reason, self._desk.clock.now())

    async def _move_home(self, reason: str, *, forget: Post | None = None) -> None:
        """Show an entry, and its conversation, where texts without a channel go; nothing from a phone is given up."""
        desk, home = self._desk, self._desk.home
        if not home or home == self._entry.channel:
            try:
                home = await desk.workspace.open_dm(*desk.admins())
            except SlackRefusedError as exc:
                _log.error("slack.nowhere_to_show", entry=self._entry.id, code=exc.code)
                await self._release(forget=forget, wait=_NOWHERE)
                return
        if home == self._entry.channel:
            await self._release(forget=forget, wait=_NOWHERE)
            return
        await desk.posts.move(self._claim, home, reason, desk.clock.now(), whole=True)

    async def _tell(self, content: Content) -> bool:
        """Say why by the command's response_url; False when there is none or it is too old."""
        claim = self._claim
        if not claim.response_url or self._desk.clock.now() - claim.accepted_at > _FRESH:
            return False
        try:
            await self._desk.workspace.tell(claim.response_url, content.text)
        except SlackCallError as exc:
            _log.info("slack.response_url_failed", batch=claim.batch_id, why=str(exc))
            return False
        return True

    async def _hold(self, exc: SlackThrottledError, *, forget: Post | None = None) -> None:
        """Keep every process from this kind of request for as long as Slack asks."""
        await self._desk.posts.hold(self._claim, self._desk.clock.now() + timedelta(seconds=exc.retry_after))
        await self._release(forget=forget)

    async def _release(
        self,
        *,
        record: Post | None = None,
        forget: Post | None = None,
        wait: timedelta = timedelta(0),
        unused: bool = False,
    ) -> None:
        """Write what came of the turn, and when the batch needs what next."""
        if forget is not None:
            self._posts.pop(forget.kind, None)
        record = record or self._unsure
        if record is not None:
            self._posts[record.kind] = record
        now = self._desk.clock.now()
        step = self._next()
        self.next_at = max(now + wait, next_change(self._posts, now) if step is None else step.due)
        wants = Wants.NOTHING if step is None else step.wants
        await self._desk.posts.release(self._claim, wants, self.next_at, record=record, forget=forget, unused=unused)

    def _next(self) -> Step | None:
        """The step that is due first."""
        names = Names(
            ours=self._desk.our_name(_ours(self._entry)),
            bot=self._desk.workspace.name,
            command=self._desk.command,
            workspace=self._desk.workspace.url,
            send_now=self._desk.send_now,
        )
        steps = plan(self._entry, self._posts, self._desk.clock.now(), names)
        return min(steps, key=lambda step: step.due, default=None)


def _ours(entry: Entry) -> E164:
    """Our number that it is about, "" when it is about none."""
    match entry:
        case Batch(messages=[first, *_]):
            return first.sender
        case Inbound(ours=ours):
            return ours
        case _:
            return ""

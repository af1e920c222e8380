"""One claim's turn: the first request that a batch needs in Slack is made, whatever Slack answers."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar
from uuid import uuid4

import structlog

from bot.domain.message import E164, Batch
from bot.services.ports import Clock
from bot.services.showing import Claim, Kind, Post, Posts, PostState, Wants
from bot.slack.blocks import Content
from bot.slack.plan import Step, digest, next_change, plan
from bot.slack.web_client import (
    SlackCallError,
    SlackRefusedError,
    SlackThrottledError,
    SlackUnauthorizedError,
    SlackUnknownError,
    SlackUnreachableError,
    Workspace,
)

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
    """

    posts: Posts
    workspace: Workspace
    clock: Clock
    our_name: Callable[[E164], str]


class Turn:
    """A claimed batch at work.

    Args:
        desk: What every turn works with.
        claim: What was claimed.
        batch: As it stands now.
        posts: What is known of its messages in Slack.
        until: Boottime at which the lease runs out.

    Attributes:
        next_at: The earliest time of the next request for this batch.
    """

    def __init__(self, desk: Desk, claim: Claim, batch: Batch, posts: dict[Kind, Post], until: float) -> None:
        self._desk = desk
        self._claim = claim
        self._batch = batch
        self._posts = posts
        self._until = until
        self._unsent: Post | None = None  # begun in this turn; to be forgotten when it surely did not leave
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
            if step.wants is Wants.POST:
                await self._post(step)
            else:
                assert step.post is not None
                await self._change(step.content, step.post)
        except SlackThrottledError as exc:
            await self._release(wait=timedelta(seconds=exc.retry_after))
        except SlackUnknownError:
            await self._release(wait=patience)
            raise
        except (SlackUnauthorizedError, SlackUnreachableError):
            await self._release(forget=self._unsent)
            raise
        return True

    async def _post(self, step: Step) -> None:
        """Make a new message, or find the one whose answer was lost."""
        post, content = step.post, step.content
        if post is not None:
            ts = await self._desk.workspace.find(post.channel, post.thread_ts, post.id, post.started_at)
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
        if self._desk.clock.boottime() >= self._until:
            return
        if step.kind is Kind.NOTICE and await self._tell(content):
            await self._release(record=replace(post, state=PostState.GONE))
            return
        await self._send(content, post)

    def _new_post(self, kind: Kind) -> Post:
        root = self._posts.get(Kind.ROOT)
        return Post(
            id=str(uuid4()),
            batch_id=self._batch.id,
            kind=kind,
            channel=self._batch.channel,
            thread_ts=root.ts if root is not None and root.state is PostState.POSTED else None,
            state=PostState.POSTING,
            started_at=self._desk.clock.now(),
        )

    async def _send(self, content: Content, post: Post) -> None:
        def request(said: Content) -> Awaitable[str]:
            return self._desk.workspace.post(post.channel, post.thread_ts, said, post.id)

        try:
            ts = await self._insist(content, request)
        except SlackThrottledError as exc:
            await self._hold(exc, forget=self._unsent)
        except SlackRefusedError as exc:
            root = self._posts[Kind.ROOT]
            if exc.code in _NO_THREAD and post.thread_ts is not None:
                await self._release(record=replace(root, state=PostState.GONE), forget=post)
            else:
                await self._move(post, exc.code)
        else:
            await self._release(record=self._shown(replace(post, ts=ts), content))

    async def _change(self, content: Content | None, post: Post) -> None:
        """Put the newest state into a message, or take the message away."""
        ts = post.ts
        assert ts is not None
        try:
            if content is None:
                await self._desk.workspace.delete(post.channel, ts)
            else:
                await self._insist(content, lambda said: self._desk.workspace.update(post.channel, ts, said))
        except SlackThrottledError as exc:
            await self._hold(exc)
        except SlackRefusedError as exc:
            if exc.code in _DELETED:
                await self._release(record=replace(post, state=PostState.GONE))
            elif exc.code in _CLOSED and content is not None:
                await self._move(post, exc.code)
            else:
                _log.warning("slack.update_refused", batch=self._batch.id, kind=post.kind, code=exc.code)
                await self._release(record=self._shown(post, content))
        else:
            if content is None:
                await self._release(forget=post)
            else:
                await self._release(record=self._shown(post, content))

    def _shown(self, post: Post, content: Content | None) -> Post:
        return replace(post, state=PostState.POSTED, shown=digest(content), updated_at=self._desk.clock.now())

    async def _insist(self, content: Content, request: Callable[[Content], Awaitable[T]]) -> T:
        """Make a request; join the channel when that is what it takes, and do without blocks that Slack refuses."""
        joined = False
        while True:
            try:
                return await request(content)
            except SlackRefusedError as exc:
                if exc.code in _NOT_A_MEMBER and not joined and await self._join(self._batch.channel):
                    joined = True
                elif exc.code in _BAD_CONTENT and content.blocks:
                    _log.error("slack.bad_blocks", batch=self._batch.id, code=exc.code, reference=uuid4().hex[:8])
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
        """Show the batch in the sender's DM from now on; where that is refused too, give this message up."""
        batch = self._batch
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
        if record is not None:
            self._posts[record.kind] = record
        now = self._desk.clock.now()
        step = self._next()
        self.next_at = max(now + wait, next_change(self._posts, now) if step is None else step.due)
        wants = Wants.NOTHING if step is None else step.wants
        await self._desk.posts.release(self._claim, wants, self.next_at, record=record, forget=forget, unused=unused)

    def _next(self) -> Step | None:
        """The step that is due first."""
        our_name, bot_name = self._desk.our_name(self._batch.messages[0].sender), self._desk.workspace.name
        steps = plan(self._batch, self._posts, self._desk.clock.now(), our_name=our_name, bot_name=bot_name)
        return min(steps, key=lambda step: step.due, default=None)

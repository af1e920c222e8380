"""The announcer against a strict pretend Slack over real HTTP, on both databases; only tests move time."""

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from bot.domain.message import Entry, Origin, Reply, ReplyState, Status
from bot.services.ports import NewBatch, NewMessage
from bot.services.showing import Budget, Claims, Kind, Post, PostState
from bot.slack.announcer import POSTS, UPDATES, Announcer
from bot.slack.web_client import open_web_client
from bot.store import tables
from bot.store.batches import BatchStore
from bot.store.dirty import mark_dirty
from bot.store.entries import EntryStore
from bot.store.posts import PostStore
from playground.slack.faults import Down, Hold, RateLimited, Refused, ResetAfter, ResetBefore
from playground.slack.server import PretendSlack
from playground.slack.workspace import BOT_USER, Message
from tests.conftest import FakeClock

MANIFEST = Path(__file__).parents[2] / "manifest.yml"
ALICE = "U0ALICE"


@dataclass
class Office:
    """A workspace, the bot's database, and as many announcers as a test starts."""

    engine: AsyncEngine
    slack: PretendSlack
    clock: FakeClock
    announcer: Announcer
    posts: PostStore
    client: AsyncWebClient
    accepted: int = 0

    async def accept(self, channel: str = "support", response_url: str = "", text: str = "Late") -> str:
        """Alice texts somebody; the batch's id."""
        new = self._new(self.slack.channel(channel).id, text)
        await BatchStore(self.engine).accept(replace(new, response_url=response_url))
        return new.id

    async def reply(self) -> tuple[str, Message]:
        """Alice's reply is texted; the batch's id and what she wrote."""
        said = await self.slack.say("alice", "support", "On my way")
        reply = Reply(said.ts, said.ts, ReplyState.TEXTED, said.text)
        new = replace(self._new(said.channel, said.text), origin=Origin.REPLY, reply=reply)
        await BatchStore(self.engine).accept(new)
        return new.id, said

    def _new(self, channel: str, text: str) -> NewBatch:
        """To somebody else each time."""
        batch_id, number = str(uuid4()), f"+1516206{5574 + self.accepted}"
        self.accepted += 1
        return NewBatch(
            id=batch_id,
            key=batch_id,
            team="T0ACME",
            user_id=ALICE,
            user_name="Alice Archer",
            channel=channel,
            response_url="",
            sender="+12125550100",
            text=text,
            media_urls=(),
            accepted_at=self.clock.now(),
            messages=(NewMessage(str(uuid4()), (number,), group=False),),
        )

    def marks(self, said: Message) -> list[str]:
        """The bot's reactions on a message."""
        history = self.slack.channel(said.channel).history
        return [name for name, users in history[said.ts].reactions if BOT_USER in users]

    async def become(self, batch_id: str, status: Status, *, urgent: bool | None = None) -> None:
        """The text moves on, as the outbox would say it."""
        values = {"status": status, "cause": "undelivered" if status is Status.FAILED else None}
        final = status in {Status.DELIVERED, Status.FAILED}
        async with self.engine.begin() as connection:
            await connection.execute(update(tables.message).where(tables.message.c.batch_id == batch_id).values(values))
            await mark_dirty(connection, [batch_id], urgent=final if urgent is None else urgent)

    async def settle(self, seconds: float = 0.0, *announcers: Announcer) -> None:
        """Let so many seconds go by, in halves, with everything shown that is due."""
        for half in range(int(seconds * 2) + 1):
            self.clock.move(0.5 if half else 0.0)
            for announcer in announcers or (self.announcer,):
                while await announcer.show_due():
                    pass

    async def is_dirty(self) -> bool:
        async with self.engine.connect() as connection:
            return bool((await connection.execute(select(tables.batch.c.id).where(tables.batch.c.wants > 0))).all())

    def root(self, channel: str = "support") -> Message:
        """The only message of a channel."""
        (root,) = self.slack.channel(channel).messages
        return root

    def replies(self, channel: str = "support") -> tuple[Message, ...]:
        return self.slack.thread(self.root(channel).ts)


@dataclass
class Sleepy:
    """Reads batches on a machine that is suspended for a minute while it does."""

    entries: EntryStore
    clock: FakeClock

    async def entry(self, entry_id: str) -> Entry | None:
        self.clock.move(60)
        return await self.entries.entry(entry_id)


@pytest.fixture
async def slack(clock: FakeClock) -> AsyncIterator[PretendSlack]:
    started = clock.now().timestamp() - clock.boottime()  # nobody sets Slack's clock
    async with PretendSlack(MANIFEST, clock=lambda: started + clock.boottime()) as slack:
        yield slack


@pytest.fixture
async def office(engine: AsyncEngine, slack: PretendSlack, clock: FakeClock) -> AsyncIterator[Office]:
    posts = PostStore(engine, posts=POSTS, updates=UPDATES)
    async with open_web_client(slack.bot_token, slack.api_url, answer=5.0) as client:
        yield Office(engine, slack, clock, Announcer(posts, EntryStore(engine), client, clock), posts, client)


@pytest.fixture
async def other(office: Office) -> AsyncIterator[Announcer]:
    """A second process's announcer."""
    posts = PostStore(office.engine, posts=POSTS, updates=UPDATES)
    async with open_web_client(office.slack.bot_token, office.slack.api_url) as client:
        yield Announcer(posts, EntryStore(office.engine), client, office.clock)


# What people see


async def test_a_text_is_a_message_with_its_status_as_the_first_reply(office: Office):
    await office.accept(text="Running ten minutes late")

    await office.settle()

    (status,) = office.replies()
    assert "Running ten minutes late" in office.root().text
    assert "accepted" in office.root().text
    assert "accepted" in status.text
    assert not await office.is_dirty()


async def test_posts_carry_our_id_and_nothing_else(office: Office):
    """Other apps of the channel can read metadata: there is no number in it."""
    batch_id = await office.accept()
    await office.settle()

    known = await office.posts.posts(batch_id)
    sent = [call.arguments for call in office.slack.called("chat.postMessage")]

    assert [each["metadata"]["event_payload"] for each in sent] == [
        {"post_id": known[kind].id} for kind in (Kind.ROOT, Kind.STATUS)
    ]
    assert {(each["unfurl_links"], each["unfurl_media"]) for each in sent} == {(False, False)}
    assert office.slack.pings == []


async def test_the_newest_state_wins(office: Office):
    """States that follow each other within a second are one update of each message."""
    batch_id = await office.accept()
    await office.settle()
    for status in (Status.QUEUED, Status.SENT, Status.DELIVERED):
        await office.become(batch_id, status)
        await office.settle()

    await office.settle(2)

    (reply,) = office.replies()
    assert "delivered" in office.root().text
    assert "delivered" in reply.text
    assert len(office.slack.called("chat.update")) == 2
    assert not await office.is_dirty()


async def test_a_change_during_a_post_is_shown_after_it(office: Office):
    batch_id = await office.accept()
    held = office.slack.fault(Hold(), "chat.postMessage", times=1)
    showing = asyncio.create_task(office.announcer.show_due())
    await held.arrived.wait()
    await office.become(batch_id, Status.DELIVERED)

    held.release()
    await showing
    await office.settle(3)

    assert "delivered" in office.root().text
    assert "delivered" in office.replies()[0].text


async def test_a_message_is_changed_once_a_second_at_most(office: Office):
    batch_id = await office.accept()
    for _ in range(12):
        await office.become(batch_id, Status.QUEUED)
        await office.settle(0.5)
        await office.become(batch_id, Status.SENT)
        await office.settle()

    roots = [call.at for call in office.slack.called("chat.update") if call.arguments["ts"] == office.root().ts]
    assert min(later - earlier for earlier, later in pairwise(roots)) >= 1.0


async def test_a_failure_calls_the_sender(office: Office):
    batch_id = await office.accept()
    await office.settle()
    await office.become(batch_id, Status.FAILED)

    await office.settle(2)

    _, trouble = office.replies()
    assert "not delivered" in trouble.text
    assert [ping.people for ping in office.slack.pings] == [{ALICE}]


async def test_trouble_that_is_none_any_more_is_taken_away(office: Office):
    """An unconfirmed text that has arrived after all must not be sent again."""
    batch_id = await office.accept()
    await office.become(batch_id, Status.UNCONFIRMED, urgent=True)
    await office.settle(2)

    await office.become(batch_id, Status.DELIVERED)
    await office.settle(3)

    (status,) = office.replies()
    assert "delivered" in status.text
    assert not await office.is_dirty()


async def test_a_deleted_message_is_not_made_again(office: Office):
    """Somebody wanted it away; only a failure is worth a new message."""
    batch_id = await office.accept()
    await office.settle()
    for message in (*office.replies(), office.root()):
        office.slack.channel("support").history.pop(message.ts)

    await office.become(batch_id, Status.SENT)
    await office.settle(3)
    await office.become(batch_id, Status.FAILED)
    await office.settle(3)

    assert "not delivered" in office.root().text
    assert not await office.is_dirty()


# Order and budgets


async def test_a_final_state_goes_before_intermediate_ones(office: Office):
    texts = [await office.accept("support" if number % 2 else "general") for number in range(16)]
    await office.settle(40)
    for batch_id in texts:
        await office.become(batch_id, Status.QUEUED)
    await office.become(texts[-1], Status.DELIVERED)

    await office.settle()

    first, second, *rest = [call.arguments["text"] for call in office.slack.called("chat.update")]
    assert "delivered" in first
    assert "delivered" in second
    assert len(rest) == 3


async def test_a_final_state_finds_room_among_many_intermediate_ones(office: Office):
    """Half of a burst of updates is kept for it."""
    texts = [await office.accept("support" if number % 2 else "general") for number in range(16)]
    await office.settle(40)
    for batch_id in texts:
        await office.become(batch_id, Status.QUEUED)
    await office.settle()
    await office.become(texts[-1], Status.DELIVERED)

    await office.settle()

    *_, last, newest = [call.arguments["text"] for call in office.slack.called("chat.update")]
    assert "delivered" in last
    assert "delivered" in newest
    await office.settle(90)
    assert not await office.is_dirty()


async def test_two_processes_stay_within_slacks_budgets(office: Office, other: Announcer):
    """The pretend Slack counts: neither process is ever told to slow down."""
    texts = [await office.accept("support" if number % 3 else "general") for number in range(20)]
    await office.settle(5, office.announcer, other)
    for status in (Status.QUEUED, Status.SENT, Status.DELIVERED):
        for batch_id in texts:
            await office.become(batch_id, status)
        await office.settle(10, office.announcer, other)
    await office.settle(60, office.announcer, other)

    updates = [call.at for call in office.slack.called("chat.update")]
    assert {call.error for call in office.slack.calls} == {""}
    assert max(sum(start <= at < start + 60 for at in updates) for start in updates) <= 50
    assert len(office.slack.called("chat.postMessage")) == 40
    assert not await office.is_dirty()


async def test_retry_after_holds_all_processes(office: Office, other: Announcer):
    await office.accept()
    await office.accept()
    office.slack.fault(RateLimited(30), "chat.postMessage", times=1)
    await office.settle()

    await office.settle(29.5, office.announcer, other)
    during = len(office.slack.calls)
    await office.settle(5, office.announcer, other)

    assert during == 1
    assert len(office.slack.channel("support").messages) == 2
    assert office.slack.called("conversations.history") == ()


async def test_retry_after_of_updates_holds_them_all(office: Office, other: Announcer):
    first, second = await office.accept(), await office.accept("general")
    await office.settle(2)
    office.slack.fault(RateLimited(30), "chat.update", times=1)
    await office.become(first, Status.DELIVERED)
    await office.become(second, Status.DELIVERED)

    await office.settle(29, office.announcer, other)
    during = len(office.slack.called("chat.update"))
    await office.settle(5, office.announcer, other)

    assert during == 1
    assert "delivered" in office.root().text
    assert "delivered" in office.root("general").text


# Doubt


@pytest.mark.parametrize("lost", [1, 2])
async def test_a_post_that_slack_took_without_an_answer_is_found(office: Office, lost: int):
    """The first post is the channel message, the second its status; neither is made twice."""
    await office.accept()
    for _ in range(lost - 1):
        await office.announcer.show_due()
    office.slack.fault(ResetAfter(), "chat.postMessage", times=1)

    await office.settle(10)

    assert len(office.replies()) == 1
    assert len(office.slack.called("chat.postMessage")) == 2
    assert len(office.slack.called("conversations.history" if lost == 1 else "conversations.replies")) == 1
    assert not await office.is_dirty()


@pytest.mark.parametrize("method", ["reactions.add", "reactions.remove"])
@pytest.mark.parametrize("fault", [RateLimited(1), ResetAfter(), ResetBefore()])
@pytest.mark.parametrize("first", [True, False])
async def test_a_mark_that_slack_took_without_an_answer_goes_when_another_comes(
    office: Office, fault: RateLimited | ResetAfter | ResetBefore, method: str, *, first: bool
):
    """A reply has one mark in the end, though its state changed before the one before was seen to."""
    batch_id, said = await office.reply()
    if not first:
        await office.settle()
        await office.become(batch_id, Status.QUEUED)
    office.clock.move(2)
    office.slack.fault(fault, method, times=1)
    await office.announcer.show_due()
    await office.become(batch_id, Status.DELIVERED)

    await office.settle(10)

    assert office.marks(said) == ["white_check_mark"]
    assert not await office.is_dirty()


async def test_a_post_that_slack_never_took_is_made_again(office: Office):
    await office.accept()
    office.slack.fault(ResetBefore(), "chat.postMessage", times=1)

    await office.settle(10)

    assert len(office.replies()) == 1
    assert not await office.is_dirty()


async def test_an_update_without_an_answer_is_simply_made_again(office: Office):
    batch_id = await office.accept()
    await office.settle()
    office.slack.fault(ResetAfter(), "chat.update", times=1)
    await office.become(batch_id, Status.DELIVERED)

    await office.settle(10)

    assert "delivered" in office.root().text
    assert not await office.is_dirty()


async def test_a_machine_that_slept_looks_before_it_posts(office: Office):
    """Its lease ran out meanwhile: another process may have posted."""
    await office.accept()
    sleepy = Sleepy(EntryStore(office.engine), office.clock)
    announcer = Announcer(office.posts, sleepy, office.client, office.clock)

    await announcer.show_due()
    asleep = len(office.slack.calls)
    await office.settle(30)

    assert asleep == 0
    assert len(office.slack.called("conversations.history")) == 1
    assert len(office.replies()) == 1


async def test_a_machine_that_slept_does_not_show_an_older_state(office: Office):
    """Another process may have shown a newer one meanwhile."""
    batch_id = await office.accept()
    await office.settle(2)
    await office.become(batch_id, Status.QUEUED)
    sleepy = Announcer(office.posts, Sleepy(EntryStore(office.engine), office.clock), office.client, office.clock)

    await sleepy.show_due()
    asleep = len(office.slack.called("chat.update"))
    await office.settle(5)

    assert asleep == 0
    assert "queued" in office.root().text


async def test_an_older_state_that_arrives_after_a_sleep_does_not_stay(office: Office, other: Announcer):
    """A request that was under way when its machine was suspended; another process has shown the end since."""
    batch_id = await office.accept()
    await office.settle(2)
    await office.become(batch_id, Status.QUEUED)
    held = office.slack.fault(Hold(), "chat.update", times=1)
    office.clock.move(2)
    asleep = asyncio.create_task(office.announcer.show_due())
    await held.arrived.wait()
    office.clock.move(60)
    await office.become(batch_id, Status.DELIVERED)
    await office.settle(5, other)

    held.release()
    await asleep
    await office.settle(5, other)

    assert "delivered" in office.root().text
    assert "delivered" in office.replies()[0].text
    assert not await office.is_dirty()


async def test_a_clock_set_forward_during_a_post_doubles_nothing(office: Office):
    """By the clock the lease is over; but the process knows what it is at."""
    await office.accept()
    held = office.slack.fault(Hold(), "chat.postMessage", times=1)
    posting = asyncio.create_task(office.announcer.show_due())
    await held.arrived.wait()

    office.clock.time += timedelta(seconds=25)
    meanwhile = await office.announcer.show_due()
    held.release()
    await posting
    await office.settle(5)

    assert meanwhile == 0
    assert len(office.slack.channel("support").messages) == 1


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_clock_that_is_set_back_keeps_nothing_from_slack(office: Office, other: Announcer, *, restarted: bool):
    """Not what is shown already and changes, nor what waits for a budget or was claimed, nor what comes then."""
    shown = await office.accept()
    for _ in range(6):
        await office.accept()
    await office.settle()
    claimed = office.clock.now() + timedelta(seconds=20)
    await office.posts.claim(office.clock.now() + timedelta(seconds=1), lease=claimed, limit=4)
    office.clock.time -= timedelta(hours=3)
    await office.become(shown, Status.DELIVERED)
    await office.accept()

    await office.settle(40, other if restarted else office.announcer)

    messages = office.slack.channel("support").messages
    assert len(messages) == 8
    assert sum("delivered" in message.text for message in messages) == 1
    assert not await office.is_dirty()


async def test_a_post_without_an_answer_is_found_when_the_clock_has_been_put_right(office: Office):
    """By the clock as it is now the post is still to come."""
    office.clock.time += timedelta(hours=3)
    await office.accept()
    office.slack.fault(ResetAfter(), "chat.postMessage", times=1)
    await office.settle()
    office.clock.time -= timedelta(hours=3)

    await office.settle(10)

    assert len(office.replies()) == 1
    assert not await office.is_dirty()


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_crash_between_the_request_and_its_answer_doubles_nothing(office: Office, *, arrived: bool):
    """A row says that a request may have left; whether it did is looked up."""
    batch_id = await office.accept()
    begun = Post(str(uuid4()), batch_id, Kind.ROOT, "C0SUPPORT", None, PostState.POSTING, office.clock.now())
    await office.posts.begin(begun)
    if arrived:
        metadata = {"event_type": "threadtext", "event_payload": {"post_id": begun.id}}
        ts = office.slack.workspace.ts()
        office.slack.workspace.put(Message("C0SUPPORT", ts, BOT_USER, "…", metadata=metadata, bot_id="B0THREADTEXT"))

    await office.settle(10)

    assert len(office.replies()) == 1
    assert "accepted" in office.root().text
    assert len(office.slack.called("chat.postMessage")) == (1 if arrived else 2)


async def test_where_looking_is_not_permitted_it_is_posted_again(office: Office):
    """A status twice is the smaller harm than none."""
    await office.accept()
    office.slack.fault(ResetAfter(), "chat.postMessage", times=1)
    office.slack.fault(Refused("missing_scope", {"needed": "channels:history"}), "conversations.history")

    await office.settle(10)

    assert len(office.slack.channel("support").messages) == 2
    assert office.announcer.health is None
    assert not await office.is_dirty()


# Where the bot is not in the channel


async def test_a_public_channel_is_joined(office: Office):
    await office.accept("random")

    await office.settle()

    assert office.slack.channel("random").has_bot
    assert len(office.replies("random")) == 1


@pytest.mark.parametrize(
    ("channel", "why"),
    [
        ("leads", "I am not a member of <#C0LEADS>"),
        ("dm-alice-ben", "Apps cannot join a direct message between people"),
        ("old-deals", "<#C0OLDDEALS> is archived"),
    ],
)
async def test_where_the_bot_cannot_post_the_sender_reads_on_in_their_dm(office: Office, channel: str, why: str):
    """The command's response_url says why, in the place where they typed it."""
    await office.accept(channel, a_response_url(office, channel))

    await office.settle(5)

    dm = office.slack.dm("alice")
    (root,) = dm.messages
    (status,) = dm.thread(root.ts)
    (told,) = office.slack.ephemerals
    assert "accepted" in status.text
    assert (told.user, told.channel) == (ALICE, office.slack.channel(channel).id)
    assert why in told.text
    assert not await office.is_dirty()


async def test_the_sentence_says_how_to_invite_the_bot(office: Office):
    await office.accept("leads", a_response_url(office, "leads"))

    await office.settle(5)

    assert "/invite @threadtext" in office.slack.ephemerals[0].text


@pytest.mark.parametrize("url", ["", "https://evil.example/response", "expired"])
async def test_without_a_response_url_the_dm_says_why(office: Office, url: str):
    """Also when the url is not Slack's, and when it is too old to be used."""
    await office.accept("leads", a_response_url(office, "leads") if url == "expired" else url)
    office.clock.move(31 * 60 if url == "expired" else 0)

    await office.settle(5)

    dm = office.slack.dm("alice")
    notice, status = dm.thread(dm.messages[0].ts)
    assert "/invite @threadtext" in notice.text
    assert "accepted" in status.text
    assert office.slack.called("response_url") == ()


async def test_a_channel_archived_meanwhile_is_left(office: Office):
    batch_id = await office.accept()
    await office.settle()
    office.slack.channel("support").archived = True

    await office.become(batch_id, Status.DELIVERED)
    await office.settle(6)

    dm = office.slack.dm("alice")
    assert "delivered" in dm.messages[0].text
    assert "<#C0SUPPORT> is archived" in dm.thread(dm.messages[0].ts)[0].text
    assert not await office.is_dirty()


async def test_nothing_is_tried_for_ever(office: Office):
    """Where the DM is refused too, Slack shows nothing; the text goes out all the same."""
    office.slack.fault(Refused("user_disabled"), "conversations.open")
    await office.accept("leads")
    with capture_logs() as logs:
        await office.settle(5)
        calls = len(office.slack.calls)

        await office.settle(30)

    assert len(office.slack.calls) == calls
    assert [line["event"] for line in logs] == ["slack.gave_up"]
    assert not await office.is_dirty()


async def test_trouble_with_a_text_that_was_refused_everywhere_is_shown_when_slack_takes_it(office: Office):
    """Although nothing else of the conversation comes."""
    refused = office.slack.fault(Refused("user_disabled"), "conversations.open")
    batch_id = await office.accept("leads")
    await office.settle(5)
    office.slack.clear_faults(refused)
    await office.become(batch_id, Status.FAILED)

    await office.settle(5)

    (root,) = office.slack.dm("alice").messages
    assert "not delivered" in root.text
    assert [ping.people for ping in office.slack.pings] == [{ALICE}]
    assert not await office.is_dirty()


# Slack in trouble


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Down(503), "Slack answers 503"),
        (ResetBefore(), "Slack does not answer"),
        (Refused("invalid_auth"), "Slack refuses SLACK_BOT_TOKEN (invalid_auth)"),
        (Refused("missing_scope", {"needed": "chat:write"}), "the app lacks the scope chat:write"),
        (Refused("internal_error"), "Slack answers internal_error"),
    ],
)
async def test_after_a_long_outage_everything_arrives_once(
    office: Office, fault: Down | ResetBefore | Refused, why: str
):
    began = office.clock.now()
    office.slack.fault(fault)
    texts = [await office.accept(channel) for channel in ("support", "general", "vip")]
    await office.settle(600)
    health = office.announcer.health
    tries = len(office.slack.calls)
    for batch_id in texts:
        await office.become(batch_id, Status.DELIVERED)

    office.slack.clear_faults()
    await office.settle(130)

    assert health is not None
    assert (health.why, health.since) == (why, began)
    assert tries < 60  # in ten minutes
    assert office.announcer.health is None
    for channel in ("support", "general", "vip"):
        assert "delivered" in office.root(channel).text
        assert "delivered" in office.replies(channel)[0].text
    assert not await office.is_dirty()


async def test_a_refused_connection_is_known_not_to_have_posted(office: Office):
    await office.accept()
    await office.slack.stop_listening()
    await office.settle(5)

    await office.slack.listen()
    await office.settle(30)

    assert len(office.replies()) == 1
    assert office.slack.called("conversations.history") == ()


async def test_blocks_that_slack_does_not_take_are_left_out(office: Office):
    """Our mistake: the log gets a reference, people get the plain text."""
    office.slack.fault(Refused("invalid_blocks"), "chat.postMessage", times=1)
    await office.accept(text="Running ten minutes late")

    await office.settle()

    assert office.root().blocks == ()
    assert "Running ten minutes late" in office.root().text


async def test_the_longest_text_can_be_updated(office: Office):
    batch_id = await office.accept(text="&" * 1600)
    await office.settle()
    await office.become(batch_id, Status.DELIVERED)

    await office.settle(3)

    assert {call.error for call in office.slack.calls} == {""}


# The loop


async def test_a_wake_is_enough(office: Office):
    """Nobody waits for the next sweep."""
    loop = Announcer(office.posts, EntryStore(office.engine), office.client, office.clock, sweep=3600.0)
    running = asyncio.create_task(loop.run())
    await office.accept()

    loop.wake()
    await office.slack.until(lambda slack: len(slack.called("chat.postMessage")) == 2)
    loop.close()
    await running

    assert len(office.replies()) == 1


class Watched(PostStore):
    """Says when a claim has found nothing but budgets that are used up."""

    full: asyncio.Event

    async def claim(self, now: datetime, *, lease: datetime, limit: int, under_way: Collection[str] = ()) -> Claims:
        claims = await super().claim(now, lease=lease, limit=limit, under_way=under_way)
        if not claims.taken and claims.room_at is not None:
            self.full.set()
        return claims


async def test_what_waits_for_a_budget_is_shown_once_that_has_room(office: Office):
    """Neither a wake nor a sweep is needed then."""
    posts = Watched(office.engine, posts=Budget(timedelta(seconds=0.1), burst=1), updates=UPDATES)
    posts.full = asyncio.Event()
    loop = Announcer(posts, EntryStore(office.engine), office.client, office.clock, sweep=3600.0)
    await office.accept()
    running = asyncio.create_task(loop.run())
    await posts.full.wait()

    office.clock.move(0.1)
    await office.slack.until(lambda slack: len(slack.called("chat.postMessage")) == 2)
    loop.close()
    await running

    assert len(office.replies()) == 1


async def test_what_stays_hidden_is_looked_for_at_the_start_and_every_hour(office: Office):
    """Though nobody has brought it forward."""

    async def hide() -> None:
        await office.accept()
        async with office.engine.begin() as connection:
            await connection.execute(update(tables.batch).where(tables.batch.c.wants == 2).values(aside=True))

    shown = []
    await hide()
    await office.settle()
    shown.append(len(office.slack.channel("support").messages))
    await hide()
    await office.settle()
    shown.append(len(office.slack.channel("support").messages))
    office.clock.move(3600)
    await office.settle()
    shown.append(len(office.slack.channel("support").messages))

    assert shown == [1, 1, 2]


async def test_what_is_under_way_is_finished_at_the_end(office: Office):
    """The next process finds a known message instead of a doubt."""
    held = office.slack.fault(Hold(after=True), "chat.postMessage", times=1)
    batch_id = await office.accept()
    running = asyncio.create_task(office.announcer.run())
    await held.arrived.wait()

    office.announcer.close()
    left, _ = await asyncio.wait({running}, timeout=0.2)
    held.release()
    await running

    assert left == set()
    assert (await office.posts.posts(batch_id))[Kind.ROOT].ts == office.root().ts


def a_response_url(office: Office, channel: str) -> str:
    path = office.slack._responses.new(office.slack.channel(channel).id, ALICE)
    return office.slack.api_url.removesuffix("/api/") + path

"""Who may text is known before anybody asks, stays fresh, and is never guessed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from bot.errors import RefusedError
from bot.slack.people import NoAnswerError, People
from bot.slack.roster import Person as Roster
from bot.slack.roster import explain_refusal, read_person
from bot.slack.web_client import open_web_client
from playground.slack import faults
from playground.slack.server import PretendSlack
from playground.slack.workspace import BOT, BOT_USER, TEAM, Conversation, Person
from tests.slack.surface import Surface


@asynccontextmanager
async def open_people(slack: PretendSlack, *, every: float = 3600.0, lookup: float = 1.0) -> AsyncIterator[People]:
    """The snapshot alone, over its own client."""
    async with open_web_client(slack.bot_token, slack.api_url) as client:
        yield People(client, every=every, lookup=lookup)


@asynccontextmanager
async def running(people: People) -> AsyncIterator[None]:
    """Its loop, while the test goes on."""
    task = asyncio.create_task(people.run())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_after_a_reading_nobody_is_asked_for(slack: PretendSlack) -> None:
    """A listener waits for nothing."""
    async with open_people(slack) as people:
        await people.read()
        before = len(slack.calls)

        await people.admit("U0ALICE", TEAM)
        await people.admit_channel("C0SUPPORT")
        await people.admit_channel("C0LEADS")
        with pytest.raises(RefusedError):
            await people.admit("U0GUS", TEAM)

    assert slack.calls[before:] == []
    assert people.name("U0ALICE") == "alice"
    assert people.name("C0SUPPORT") == "support"
    assert people.name("U0NOBODY") is None
    assert (people.identity.team, people.identity.bot_id, people.identity.bot_user_id) == (TEAM, BOT, BOT_USER)


async def test_large_workspaces_are_read_to_their_end(slack: PretendSlack) -> None:
    """Page by page."""
    for number in range(450):
        slack.workspace.people[f"U{number}"] = Person(f"U{number}", f"user{number}", f"User {number}")
        channel = Conversation(f"C{number}", f"channel{number}", "public", set())
        slack.workspace.conversations[channel.id] = channel

    async with open_people(slack) as people:
        await people.read()

    assert all(people.name(f"U{number}") for number in range(450))
    assert all(people.name(f"C{number}") for number in range(450))
    assert len(slack.called("users.list")) == 3


async def test_a_page_that_slack_throttles_is_asked_for_again(slack: PretendSlack) -> None:
    """After the time that Slack names, and from where it stood."""
    slack.fault(faults.RateLimited(0), "users.list", times=2)

    async with open_people(slack) as people:
        await people.read()

    assert people.loaded
    assert [call.ok for call in slack.called("users.list")] == [False, False, True]


async def test_slack_down_at_the_start_is_said_to_the_operator_only(slack: PretendSlack) -> None:
    """The start goes on, and the next reading mends it."""
    slack.fault(faults.Refused("invalid_auth"), "auth.test", times=1)

    async with open_people(slack) as people:
        with pytest.raises(NoAnswerError, match="invalid_auth"):
            await people.read()
        await people.read()

    assert people.loaded


async def test_the_loop_survives_whatever_slack_answers(slack: PretendSlack) -> None:
    """And says why it has no news."""
    slack.fault(faults.Refused("missing_scope"), "conversations.list")

    async with open_people(slack, every=0.0) as people, running(people):
        await slack.until(lambda slack: slack.called("conversations.list"))
        await people.admit("U0ALICE", TEAM)

    assert people.loaded


async def test_the_loop_reads_again_and_again(slack: PretendSlack) -> None:
    """Events may be missed; the next reading has what they said."""
    async with open_people(slack, every=0.0) as people, running(people):
        await slack.until(lambda slack: len(slack.called("auth.test")) >= 2)

    assert people.trouble == ""


async def test_somebody_unknown_is_asked_for_once(slack: PretendSlack) -> None:
    """Also before the first reading; then they are known."""
    async with open_people(slack) as people:
        await people.admit("U0ALICE", TEAM)
        await people.admit("U0ALICE", TEAM)

    assert [call.method for call in slack.calls] == ["users.info"]


@pytest.mark.parametrize(
    "fault", [faults.Down(), faults.RateLimited(30), faults.ResetBefore(), faults.Refused("internal_error")]
)
async def test_nobody_gets_in_on_a_bad_answer(slack: PretendSlack, fault: faults.Kind) -> None:
    """Refused in words, without waiting for Retry-After."""
    slack.fault(fault)

    async with open_people(slack) as people:
        with pytest.raises(RefusedError, match="whether you are a member"):
            await people.admit("U0ALICE", TEAM)
        with pytest.raises(RefusedError, match="whether another company sees this channel"):
            await people.admit_channel("C0SUPPORT")


async def test_nobody_gets_in_on_a_slow_answer(slack: PretendSlack) -> None:
    """The person's own answer is due within three seconds."""
    slack.fault(faults.Hold(), "users.info")

    async with open_people(slack, lookup=0.05) as people:
        with pytest.raises(RefusedError, match="whether you are a member"):
            await people.admit("U0ALICE", TEAM)


async def test_somebody_whom_slack_does_not_know_is_not_ours(slack: PretendSlack) -> None:
    """People of other companies cannot always be looked up."""
    async with open_people(slack) as people:
        with pytest.raises(RefusedError, match="Only members"):
            await people.admit("U0ELSEWHERE", TEAM)


async def test_a_shared_channel_is_refused_before_and_after_the_reading(slack: PretendSlack) -> None:
    """Right after the start it is asked for."""
    async with open_people(slack) as people:
        with pytest.raises(RefusedError, match="Another company sees"):
            await people.admit_channel("C0GLOBEX")
        await people.read()
        with pytest.raises(RefusedError, match="Another company sees"):
            await people.admit_channel("C0GLOBEX")
        await people.admit_channel("D0ALICEBEN")


async def test_events_keep_people_fresh(surface: Surface) -> None:
    """A rename, a newcomer, somebody made a guest, somebody gone."""
    slack, people = surface.slack, surface.people
    await people.read()

    await slack.change_person("alice", name="alicia")
    await slack.add_person(Person("U0NEW", "nina", "Nina New"))
    await slack.change_person("ben", restricted=True)
    await slack.change_person("olivia", deleted=True)

    assert people.name("U0ALICE") == "alicia"
    assert people.name("U0NEW") == "nina"
    with pytest.raises(RefusedError, match="Guests"):
        await people.admit("U0BEN", TEAM)
    with pytest.raises(RefusedError, match="deactivated"):
        await people.admit("U0OLIVIA", TEAM)


async def test_a_new_channel_is_known_at_once(surface: Surface) -> None:
    """Slack is not asked for it."""
    slack, people = surface.slack, surface.people
    await people.read()

    await slack.create_channel(Conversation("C0LAUNCH", "launch", "public", {"U0ALICE"}))

    known = people.channel("C0LAUNCH")
    assert known is not None
    assert not known.member
    assert not slack.called("conversations.info")


async def test_events_keep_channels_fresh(surface: Surface) -> None:
    """From the moment that a channel is shared, nothing is sent there."""
    slack, people = surface.slack, surface.people
    await people.read()

    await slack.share("support")
    with pytest.raises(RefusedError, match="Another company"):
        await people.admit_channel("C0SUPPORT")
    await slack.unshare("support")
    await people.admit_channel("C0SUPPORT")

    await slack.archive("support")
    archived = people.channel("C0SUPPORT")
    await slack.unarchive("support")
    opened = people.channel("C0SUPPORT")
    await slack.kick("support")
    left = people.channel("C0SUPPORT")
    await slack.invite("support")
    invited = people.channel("C0SUPPORT")
    await slack.delete_channel("general")
    await slack.kick("vip")

    assert archived is not None
    assert archived.archived
    assert opened is not None
    assert not opened.archived
    assert left is not None
    assert not left.member
    assert invited is not None
    assert invited.member
    assert people.channel("C0GENERAL") is None
    assert people.channel("C0VIP") is None


async def test_a_channel_that_the_bot_joins_is_asked_for(surface: Surface) -> None:
    """A private channel may be shared with another company, which only members can see."""
    slack, people = surface.slack, surface.people
    slack.channel("leads").ext_shared = True
    slack.channel("vip").members.discard(BOT_USER)
    async with running(people):
        await slack.until(lambda slack: slack.called("conversations.list"))
        await slack.invite("leads")
        await slack.until(lambda slack: slack.called("conversations.info"))
        await slack.invite("vip")  # once this one is asked for, the answer about the other has been read
        await slack.until(lambda slack: len(slack.called("conversations.info")) == 2)

    with pytest.raises(RefusedError, match="Another company"):
        await people.admit_channel("C0LEADS")


async def test_a_channel_keeps_what_is_known_under_its_new_id(surface: Surface) -> None:
    """Slack changes the id when a channel is converted."""
    slack, people = surface.slack, surface.people
    await people.read()

    await slack.change_channel_id("globex", "C0GLOBEX2")

    with pytest.raises(RefusedError, match="Another company"):
        await people.admit_channel("C0GLOBEX2")


def test_members_of_a_company_with_several_workspaces_may() -> None:
    """On Enterprise Grid somebody's own workspace may be another one."""
    user = {"id": "U1", "team_id": "T9", "enterprise_user": {"teams": ["T9", "T1"]}, "name": "ann"}

    assert explain_refusal("U1", read_person(user), "T1") == ""
    assert explain_refusal("U1", read_person(user), "T2") != ""


def test_slackbot_is_a_bot() -> None:
    """Slack does not mark it as one."""
    assert explain_refusal("USLACKBOT", Roster("Slackbot", ("T1",)), "T1").startswith("Bots")

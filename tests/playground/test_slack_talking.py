"""What people write in the pretend Slack, and what a subscribed app is told of it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from playground.slack import NotPossibleError, PretendSlack, Refused
from playground.slack.rich_text import write_rich_text
from playground.slack.workspace import BOT_USER, Message

MANIFEST = Path(__file__).parents[2] / "manifest.yml"


class Ear:
    """An app that takes every event."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []

    async def hear(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        return web.Response()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [body["event"] for body in self.bodies]


@pytest.fixture
async def slack() -> AsyncIterator[PretendSlack]:
    async with PretendSlack(MANIFEST) as slack:
        yield slack


@pytest.fixture
async def ear(slack: PretendSlack) -> AsyncIterator[Ear]:
    ear = Ear()
    app = web.Application()
    app.router.add_post("/", ear.hear)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield ear
    await runner.cleanup()


@pytest.fixture
def client(slack: PretendSlack) -> AsyncWebClient:
    return AsyncWebClient(slack.bot_token, base_url=slack.api_url, retry_handlers=[])


@pytest.fixture
async def root(slack: PretendSlack, ear: Ear, client: AsyncWebClient) -> Message:
    """A message of the app, of which it was told already."""
    posted = await client.chat_postMessage(channel="C0SUPPORT", text="a text")
    await slack.until(lambda _: ear.bodies)
    ear.bodies.clear()
    ear.headers.clear()
    return slack.channel("support").history[posted["ts"]]


async def error_of(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_a_reply_is_told_as_slack_tells_it(slack: PretendSlack, ear: Ear, root: Message):
    """With whose thread it is in, and with the rich text that says the same."""
    reply = await slack.say("alice", "support", "on our *way* &amp; <@U0BEN>", thread_ts=root.ts)

    (body,) = ear.bodies
    event = body["event"]
    assert (body["type"], body["is_ext_shared_channel"]) == ("event_callback", False)
    assert len(event.pop("client_msg_id")) == 32
    assert event.pop("blocks")[0]["elements"][0]["elements"] == [
        {"type": "text", "text": "on our "},
        {"type": "text", "text": "way", "style": {"bold": True}},
        {"type": "text", "text": " & "},
        {"type": "user", "user_id": "U0BEN"},
    ]
    assert event == {
        "type": "message",
        "user": "U0ALICE",
        "text": "on our *way* &amp; <@U0BEN>",
        "ts": reply.ts,
        "team": "T0ACME",
        "thread_ts": root.ts,
        "parent_user_id": BOT_USER,
        "channel": "C0SUPPORT",
        "channel_type": "channel",
        "event_ts": reply.ts,
    }


@pytest.mark.parametrize(
    ("user", "channel", "kind"),
    [
        ("ben", "support", "channel"),
        ("ben", "vip", "group"),
        ("ben", "dm-ben", "im"),
        ("ben", "mpdm-ben--olivia--threadtext-1", "mpim"),
        ("ben", "random", ""),
        ("ben", "leads", ""),
        ("ben", "dm-alice-ben", ""),
    ],
)
async def test_the_app_hears_where_it_is(slack: PretendSlack, ear: Ear, user: str, channel: str, kind: str):
    """In every kind of conversation that it is in, and in no other."""
    slack.dm("ben")
    slack.workspace.group_dm(["U0BEN", "U0OLIVIA"])
    await slack.say(user, channel, "hello")

    assert [event["channel_type"] for event in ear.events] == ([kind] if kind else [])


async def test_without_the_scope_nothing_is_heard(tmp_path: Path):
    """A subscription alone is not enough."""
    path = tmp_path / "manifest.yml"
    path.write_text(MANIFEST.read_text("utf-8").replace("      - channels:history\n", ""), "utf-8")
    async with PretendSlack(path) as slack:
        await slack.say("ben", "support", "hello")
        assert slack.told == []


async def test_the_app_hears_itself(slack: PretendSlack, ear: Ear, client: AsyncWebClient, root: Message):
    """Its posts, changes, deletions and emoji come back to it, marked as its own."""
    reply = await client.chat_postMessage(channel="C0SUPPORT", text="sent", thread_ts=root.ts)
    await client.chat_update(channel="C0SUPPORT", ts=root.ts, text="changed")
    await client.reactions_add(channel="C0SUPPORT", timestamp=root.ts, name="eyes")
    await client.chat_delete(channel="C0SUPPORT", ts=reply["ts"])
    await slack.until(lambda _: len(ear.bodies) == 4)

    kinds = {(event["type"], event.get("subtype", "")) for event in ear.events}
    assert kinds == {
        ("message", ""),
        ("message", "message_changed"),
        ("message", "message_deleted"),
        ("reaction_added", ""),
    }
    assert {(event.get("message") or event.get("previous_message") or event)["user"] for event in ear.events} == {
        BOT_USER
    }


async def test_a_reply_with_pictures(slack: PretendSlack, ear: Ear, root: Message):
    """A subtype of its own; text may be missing."""
    await slack.say("alice", "support", thread_ts=root.ts, files=2)

    (event,) = ear.events
    assert (event["subtype"], event["text"], len(event["files"]), "blocks" in event) == ("file_share", "", 2, False)
    assert event["files"][0]["url_private_download"].startswith(slack.api_url.removesuffix("api/"))


async def test_a_reply_that_is_also_sent_to_the_channel(slack: PretendSlack, ear: Ear, root: Message):
    """It names its thread's root, and is shown in both places."""
    reply = await slack.say("alice", "support", "all of you", thread_ts=root.ts, broadcast=True)

    (event,) = ear.events
    assert (event["subtype"], event["root"]["ts"]) == ("thread_broadcast", root.ts)
    assert [each.ts for each in slack.channel("support").shown] == [root.ts, reply.ts]
    assert [each.ts for each in slack.channel("support").messages] == [root.ts]


async def test_people_of_every_kind_can_be_told_apart(slack: PretendSlack, ear: Ear):
    """Somebody of another company by team, an app by bot_id, a workflow by having no user."""
    await slack.say("erin", "globex", "hello")
    await slack.say("gus", "support", "hello")
    await slack.say("otherbot", "support", "hello")
    await slack.post_as_workflow("support", "hello")

    erin, gus, bot, workflow = ear.events
    assert (erin["team"], erin["user_team"], ear.bodies[0]["is_ext_shared_channel"]) == ("T0GLOBEX", "T0GLOBEX", True)
    assert (gus["team"], gus["user"], "user_team" in gus) == ("T0ACME", "U0GUS", False)
    assert (bot["bot_id"], bot["user"], "client_msg_id" in bot) == ("B0OTHERBOT", "U0OTHERBOT", False)
    assert (workflow["subtype"], workflow["bot_id"], "user" in workflow) == ("bot_message", "B0WORKFLOW", False)


async def test_an_edit_and_an_unfurl_change_a_message(slack: PretendSlack, ear: Ear, root: Message):
    """Only the edit says that somebody edited."""
    reply = await slack.say("alice", "support", "see <https://example.com>", thread_ts=root.ts)
    await slack.unfurl(reply)
    await slack.edit("alice", reply, "see you")

    _, unfurled, edited = ear.events
    assert [event["subtype"] for event in (unfurled, edited)] == ["message_changed"] * 2
    assert unfurled["message"]["text"] == unfurled["previous_message"]["text"]
    assert "edited" not in unfurled["message"]
    assert (edited["message"]["edited"]["user"], edited["message"]["text"]) == ("U0ALICE", "see you")
    assert edited["previous_message"]["text"] == "see <https://example.com>"
    assert edited["message"]["parent_user_id"] == BOT_USER
    assert (edited["hidden"], edited["channel"], edited["ts"] > reply.ts) == (True, "C0SUPPORT", True)


async def test_a_deletion(slack: PretendSlack, ear: Ear, root: Message):
    """A reply is gone; a thread's parent becomes a stone, which Slack tells as a change."""
    parent = await slack.say("alice", "support", "a question")
    reply = await slack.say("ben", "support", "an answer", thread_ts=parent.ts)
    await slack.delete("alice", parent)
    await slack.delete("ben", reply)

    *_, stone, gone = ear.events
    assert (stone["subtype"], stone["message"]["subtype"]) == ("message_changed", "tombstone")
    assert (gone["subtype"], gone["deleted_ts"], gone["previous_message"]["text"]) == (
        "message_deleted",
        reply.ts,
        "an answer",
    )


async def test_nobody_changes_what_others_wrote(slack: PretendSlack, root: Message):
    """Administrators may delete, and nobody edits."""
    reply = await slack.say("alice", "support", "mine", thread_ts=root.ts)

    with pytest.raises(NotPossibleError):
        await slack.edit("ben", reply, "yours")
    with pytest.raises(NotPossibleError):
        await slack.delete("gus", reply)
    await slack.delete("ben", reply)
    with pytest.raises(NotPossibleError):
        await slack.edit("alice", reply, "too late")


async def test_an_emoji_is_given_and_taken(slack: PretendSlack, ear: Ear, root: Message):
    """The app is told of what it subscribed to, which is the giving alone."""
    reply = await slack.say("alice", "support", "mine", thread_ts=root.ts)
    await slack.react("alice", reply, ":outbox_tray:")
    await slack.react("ben", reply, "outbox_tray")
    given = slack.thread(root.ts)[0]
    await slack.unreact("ben", given, "outbox_tray")

    assert [event["type"] for event in ear.events] == ["message", "reaction_added", "reaction_added"]
    assert {key: value for key, value in ear.events[1].items() if key != "event_ts"} == {
        "type": "reaction_added",
        "user": "U0ALICE",
        "reaction": "outbox_tray",
        "item": {"type": "message", "channel": "C0SUPPORT", "ts": reply.ts},
        "item_user": "U0ALICE",
    }
    assert given.reacted("outbox_tray") == ("U0ALICE", "U0BEN")
    assert slack.thread(root.ts)[0].reacted("outbox_tray") == ("U0ALICE",)
    with pytest.raises(NotPossibleError):
        await slack.react("alice", reply, "outbox_tray")


@pytest.mark.parametrize(("new_id", "same"), [(False, True), (True, False)])
async def test_an_event_comes_again(slack: PretendSlack, ear: Ear, root: Message, *, new_id: bool, same: bool):
    """With its number and reason; its id may be another one."""
    reply = await slack.say("alice", "support", "once", thread_ts=root.ts)
    answer = await slack.redeliver(slack.told_of(reply), retry=1, new_id=new_id)

    first, second = ear.bodies
    assert answer.ok
    assert (first["event_id"] == second["event_id"]) is same
    assert first["event"] == second["event"]
    assert (ear.headers[1]["x-slack-retry-num"], ear.headers[1]["x-slack-retry-reason"]) == ("1", "http_timeout")


async def test_what_is_typed_is_kept_as_slack_keeps_it(slack: PretendSlack, ear: Ear):
    """Mentions by id, phone numbers as links, signs escaped."""
    await slack.say("alice", "support", "@ben & #random: 516-206-5574", typed=True)

    (event,) = ear.events
    assert event["text"] == "<@U0BEN> &amp; <#C0RANDOM|random>: <tel:5162065574|516-206-5574>"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("plain", ["rich_text_section"]),
        ("one\n• a\n• b\n    • c\nend", ["rich_text_section", *["rich_text_list"] * 2, "rich_text_section"]),
        ("1. a\n2. b", ["rich_text_list"]),
        ("&gt; said", ["rich_text_quote"]),
        ("```\nx = 1\n```", ["rich_text_preformatted"]),
    ],
)
def test_rich_text_of_a_text(text: str, kinds: list[str]):
    """Each kind of line becomes a part of its own."""
    assert [part["type"] for part in write_rich_text(text)["elements"]] == kinds


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("*_both_*", [{"type": "text", "text": "both", "style": {"bold": True, "italic": True}}]),
        ("2*3*4 snake_case_x", [{"type": "text", "text": "2*3*4 snake_case_x"}]),
        ("`a*b*`", [{"type": "text", "text": "a*b*", "style": {"code": True}}]),
        (":thumbsup::skin-tone-3:", [{"type": "emoji", "name": "thumbsup", "unicode": "1f44d", "skin_tone": 3}]),
        ("at 10:30:15", [{"type": "text", "text": "at 10:30:15"}]),
        ("<https://a.b/?c&amp;d|here>", [{"type": "link", "url": "https://a.b/?c&d", "text": "here"}]),
        (
            "<!here> <#C1|x>",
            [
                {"type": "broadcast", "range": "here"},
                {"type": "text", "text": " "},
                {"type": "channel", "channel_id": "C1"},
            ],
        ),
    ],
)  # fmt: skip -- one case a line
def test_marks_of_a_text(text: str, elements: list[dict[str, Any]]):
    """As Slack's composer writes them."""
    assert write_rich_text(text)["elements"][0]["elements"] == elements


@pytest.mark.parametrize(
    ("channel", "timestamp", "name", "error"),
    [
        ("C0SUPPORT", "root", "no_such_emoji", "invalid_name"),
        ("C0SUPPORT", "1.000000", "eyes", "message_not_found"),
        ("C0SUPPORT", "yesterday", "eyes", "bad_timestamp"),
        ("C0RANDOM", "root", "eyes", "not_in_channel"),
        ("C0LEADS", "root", "eyes", "channel_not_found"),
        ("", "root", "eyes", "no_item_specified"),
    ],
)
async def test_a_reaction_that_cannot_be(
    client: AsyncWebClient, root: Message, channel: str, timestamp: str, name: str, error: str
):
    """Refused with Slack's word."""
    ts = root.ts if timestamp == "root" else timestamp

    assert await error_of(client.reactions_add(channel=channel, timestamp=ts, name=name)) == error


async def test_the_app_reacts_once(slack: PretendSlack, client: AsyncWebClient, root: Message):
    """Twice is an error, and so is taking back what was not given; others' stay."""
    where = {"channel": "C0SUPPORT", "timestamp": root.ts, "name": "hourglass_flowing_sand"}
    await slack.react("alice", root, "hourglass_flowing_sand")
    await client.reactions_add(**where)
    shown = await client.reactions_get(channel="C0SUPPORT", timestamp=root.ts)
    again = await error_of(client.reactions_add(**where))
    await client.reactions_remove(**where)
    gone = await error_of(client.reactions_remove(**where))

    assert shown["message"]["reactions"] == [
        {"name": "hourglass_flowing_sand", "users": ["U0ALICE", BOT_USER], "count": 2}
    ]
    assert (again, gone) == ("already_reacted", "no_reaction")
    assert slack.channel("support").history[root.ts].reacted("hourglass_flowing_sand") == ("U0ALICE",)


async def test_a_message_has_a_link(slack: PretendSlack, client: AsyncWebClient, root: Message):
    """Of a reply it names the thread."""
    reply = await slack.say("alice", "support", "mine", thread_ts=root.ts)
    links = [await client.chat_getPermalink(channel="C0SUPPORT", message_ts=ts) for ts in (root.ts, reply.ts)]

    assert links[0]["permalink"] == f"https://acme.slack.com/archives/C0SUPPORT/p{root.ts.replace('.', '')}"
    assert links[1]["permalink"].endswith(f"?thread_ts={root.ts}&cid=C0SUPPORT")
    assert await error_of(client.chat_getPermalink(channel="C0SUPPORT", message_ts="1.0")) == "message_not_found"


async def test_a_dm_of_several_is_opened_once(slack: PretendSlack, client: AsyncWebClient):
    """The same people have the same one, in whatever order; the app may post there."""
    one = await client.conversations_open(users=["U0BEN", "U0OLIVIA"])
    same = await client.conversations_open(users="U0OLIVIA,U0BEN")
    await client.chat_postMessage(channel=one["channel"]["id"], text="a text without a channel")
    dm = slack.channel(one["channel"]["id"])

    assert one["channel"] == same["channel"]
    assert (dm.kind, dm.members, len(dm.messages)) == ("mpim", {"U0BEN", "U0OLIVIA", BOT_USER}, 1)


@pytest.mark.parametrize(
    ("users", "error"),
    [
        ("", "users_list_not_supplied"),
        ("U0BEN,U0NOBODY", "user_not_found"),
        ("U0BEN,U0DANA", "user_disabled"),
        ("U0BEN,U0OTHERBOT", "cannot_dm_bot"),
        (",".join(f"U{number}" for number in range(9)), "too_many_users"),
    ],
)
async def test_a_dm_that_cannot_be_opened(client: AsyncWebClient, users: str, error: str):
    """Refused with Slack's word."""
    assert await error_of(client.conversations_open(users=users)) == error


async def test_an_ephemeral_in_a_thread_is_gone_after_a_reload(
    slack: PretendSlack, client: AsyncWebClient, root: Message
):
    """Of that person alone; who still sees its button can no longer press it."""
    for user in ("U0ALICE", "U0BEN"):
        await client.chat_postEphemeral(channel="C0SUPPORT", user=user, text="Send?", thread_ts=root.ts)
    await slack.reload("alice")

    assert [(each.user, each.thread_ts) for each in slack.ephemerals] == [("U0BEN", root.ts)]


async def test_an_answer_to_an_ephemeral_that_is_gone_goes_nowhere(
    slack: PretendSlack, client: AsyncWebClient, root: Message
):
    """Its response_url still takes it; nobody is shown anything."""
    await client.chat_postEphemeral(channel="C0SUPPORT", user="U0ALICE", text="Send?", thread_ts=root.ts)
    (shown,) = slack.ephemerals
    await slack.reload("alice")
    slack._responses.answer("C0SUPPORT", "U0ALICE", {"replace_original": True, "text": "Sent"}, shown)

    assert slack.ephemerals == []


async def test_the_app_may_show_an_older_reply_in_the_channel(
    slack: PretendSlack, client: AsyncWebClient, root: Message
):
    """chat.update broadcasts what was posted without it."""
    reply = await client.chat_postMessage(channel="C0SUPPORT", text="quiet", thread_ts=root.ts)
    await client.chat_update(channel="C0SUPPORT", ts=reply["ts"], text="loud", reply_broadcast=True)

    assert [each.text for each in slack.channel("support").shown] == ["a text", "loud"]


async def test_a_read_only_tab_takes_no_messages(tmp_path: Path):
    """As the manifest says."""
    path = tmp_path / "manifest.yml"
    text = MANIFEST.read_text("utf-8")
    path.write_text(text.replace("messages_tab_read_only_enabled: false", "messages_tab_read_only_enabled: true"))
    async with PretendSlack(path) as slack:
        with pytest.raises(NotPossibleError):
            await slack.say("ben", slack.dm("ben"), "hello")


async def test_one_call_in_so_many_meets_a_fault(slack: PretendSlack, client: AsyncWebClient):
    """For long runs in which most goes well."""
    slack.fault(Refused("internal_error"), "chat.postMessage", every=3)
    outcomes = []
    for _ in range(3):
        try:
            await client.chat_postMessage(channel="C0SUPPORT", text="x")
            outcomes.append("ok")
        except SlackApiError as error:
            outcomes.append(error.response["error"])

    assert outcomes == ["ok", "ok", "internal_error"]


async def test_what_was_told_is_found_by_its_message(slack: PretendSlack, ear: Ear, root: Message):
    """The newest event about it, also after an edit; of a message that nobody told there is none."""
    reply = await slack.say("alice", "support", "mine", thread_ts=root.ts)
    await slack.edit("alice", reply, "changed")
    unheard = await slack.say("ben", "random", "elsewhere")
    told = slack.told_of(reply)

    assert told.event["subtype"] == "message_changed"
    with pytest.raises(NotPossibleError):
        slack.told_of(unheard)

"""The pretend Slack's Web API, asked by the real slack_sdk."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from playground.slack import PretendSlack, RateLimited

MANIFEST = """
display_information: {name: Threadtext}
features:
  bot_user: {display_name: Threadtext}
  slash_commands: [{command: /sms, description: Text, should_escape: true}]
oauth_config:
  scopes:
    bot: [%s]
"""
SCOPES = "commands, chat:write, channels:read, groups:read, channels:history, groups:history, im:history, im:write"
BLOCKS = [{"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}]


def manifest(folder: Path, scopes: str) -> Path:
    path = folder / "manifest.yml"
    path.write_text(MANIFEST % scopes, encoding="utf-8")
    return path


def client_of(slack: PretendSlack, token: str = "") -> AsyncWebClient:
    return AsyncWebClient(token or slack.bot_token, base_url=slack.api_url, retry_handlers=[])


async def error_of(call: Any) -> Any:
    """The answer to a call that is refused."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[PretendSlack]:
    async with PretendSlack(manifest(tmp_path, f"{SCOPES}, channels:join, users:read")) as slack:
        yield slack


@pytest.fixture
def client(slack: PretendSlack) -> AsyncWebClient:
    return client_of(slack)


async def test_the_bot_learns_who_it_is(client: AsyncWebClient):
    answer = await client.auth_test()

    assert (answer["user_id"], answer["bot_id"], answer["team_id"]) == ("U0THREADTEXT", "B0THREADTEXT", "T0ACME")


async def test_a_false_token_is_invalid(slack: PretendSlack):
    answer = await error_of(client_of(slack, "xoxb-false").auth_test())

    assert answer["error"] == "invalid_auth"


async def test_a_posted_message_stands_in_the_channel(slack: PretendSlack, client: AsyncWebClient):
    answer = await client.chat_postMessage(channel="C0SUPPORT", text="hello", blocks=BLOCKS)

    (message,) = slack.channel("support").messages
    assert (message.ts, message.text, message.bot_id) == (answer["ts"], "hello", "B0THREADTEXT")
    assert message.blocks[0]["text"]["text"] == "hello"


async def test_replies_stand_in_their_thread_oldest_first(slack: PretendSlack, client: AsyncWebClient):
    root = await client.chat_postMessage(channel="C0SUPPORT", text="root")
    for text in ("one", "two"):
        await client.chat_postMessage(channel="C0SUPPORT", text=text, thread_ts=root["ts"])

    assert [each.text for each in slack.thread(root["ts"])] == ["one", "two"]
    assert [each.text for each in slack.channel("support").messages] == ["root"]


async def test_every_ts_is_new_and_later(slack: PretendSlack):
    """Even when the clock stands still."""
    slack.workspace._clock = lambda: 1_700_000_000.0

    names = [slack.workspace.ts() for _ in range(100)]

    assert names == sorted(set(names))


async def test_text_without_blocks_takes_the_blocks_away(slack: PretendSlack, client: AsyncWebClient):
    posted = await client.chat_postMessage(channel="C0SUPPORT", text="hello", blocks=BLOCKS)

    await client.chat_update(channel="C0SUPPORT", ts=posted["ts"], text="changed")

    (message,) = slack.channel("support").messages
    assert (message.text, message.blocks) == ("changed", ())
    assert message.edited_ts


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        ("C0RANDOM", "not_in_channel"),
        ("C0LEADS", "channel_not_found"),
        ("C0NOWHERE", "channel_not_found"),
        ("D0ALICEBEN", "channel_not_found"),
        ("C0OLDDEALS", "is_archived"),
    ],
)
async def test_the_bot_posts_only_where_it_may(client: AsyncWebClient, channel: str, error: str):
    answer = await error_of(client.chat_postMessage(channel=channel, text="hello"))

    assert answer["error"] == error


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "blocks": BLOCKS * 51}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "markdown", "text": "x" * 12_000}, *BLOCKS]}, "msg_blocks_too_long"),
        ({"text": "", "blocks": []}, "no_text"),
        ({"text": "x", "thread_ts": "1700000000.000001"}, "thread_not_found"),
    ],
)
async def test_a_message_beyond_the_limits_is_refused(
    slack: PretendSlack, client: AsyncWebClient, content: dict[str, Any], error: str
):
    answer = await error_of(client.api_call("chat.postMessage", json={"channel": "C0SUPPORT", **content}))

    assert answer["error"] == error
    assert slack.channel("support").messages == ()


async def test_refused_blocks_name_the_place(client: AsyncWebClient):
    wrong = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]

    answer = await error_of(client.chat_postMessage(channel="C0SUPPORT", text="x", blocks=wrong))

    assert "[json-pointer:/blocks/0/text/text]" in answer["response_metadata"]["messages"][0]


async def test_a_missing_scope_is_named(tmp_path: Path):
    """The manifest is all that the bot gets."""
    async with PretendSlack(manifest(tmp_path, "commands")) as slack:
        answer = await error_of(client_of(slack).chat_postMessage(channel="C0SUPPORT", text="hello"))

    assert (answer["error"], answer["needed"], answer["provided"]) == ("missing_scope", "chat:write", "commands")


async def test_each_kind_of_channel_wants_its_own_scope(tmp_path: Path):
    async with PretendSlack(manifest(tmp_path, "channels:read")) as slack:
        public = await client_of(slack).conversations_info(channel="C0SUPPORT")
        private = await error_of(client_of(slack).conversations_info(channel="C0VIP"))

    assert public["channel"]["is_member"]
    assert (private["error"], private["needed"]) == ("missing_scope", "groups:read")


async def test_a_burst_in_one_channel_is_limited(slack: PretendSlack, client: AsyncWebClient):
    """Five at once are let through, the sixth has to wait; another channel does not."""
    for _ in range(5):
        await client.chat_postMessage(channel="C0SUPPORT", text="hello")

    answer = await error_of(client.chat_postMessage(channel="C0SUPPORT", text="hello"))
    await client.chat_postMessage(channel="C0GENERAL", text="hello")

    assert (answer.status_code, answer["error"], answer.headers["Retry-After"]) == (429, "ratelimited", "1")


async def test_rates_can_be_switched_off(slack: PretendSlack, client: AsyncWebClient):
    slack.rates.enabled = False

    for _ in range(20):
        await client.chat_postMessage(channel="C0SUPPORT", text="hello")

    assert len(slack.channel("support").messages) == 20


async def test_an_unknown_method_is_said_to_be_unknown(client: AsyncWebClient):
    answer = await error_of(client.api_call("chat.postMassage"))

    assert answer["error"] == "unknown_method"


async def test_calls_are_recorded_in_order_with_their_arguments(slack: PretendSlack, client: AsyncWebClient):
    await client.auth_test()
    await error_of(client.users_info(user="U0NOBODY"))
    slack.fault(RateLimited(7), "users.info", times=1)
    await error_of(client.users_info(user="U0ALICE"))

    seen = [(each.method, each.ok, each.error) for each in slack.calls]
    assert seen == [
        ("auth.test", True, ""),
        ("users.info", False, "user_not_found"),
        ("users.info", False, "ratelimited"),
    ]
    assert slack.calls[1].arguments == {"user": "U0NOBODY"}


async def test_lists_are_paged(client: AsyncWebClient):
    """slack_sdk follows the cursors."""
    people = [each["id"] async for page in await client.users_list(limit=2) for each in page["members"]]
    channels = [
        each["name"]
        async for page in await client.conversations_list(types="public_channel,private_channel", limit=2)
        for each in page["channels"]
    ]

    assert len(people) == len(set(people)) == 9
    assert channels == ["general", "globex", "old-deals", "random", "support", "vip"]


async def test_history_is_newest_first_and_within_its_bounds(slack: PretendSlack, client: AsyncWebClient):
    first, second, third = [
        (await client.chat_postMessage(channel="C0SUPPORT", text=text))["ts"] for text in ("one", "two", "three")
    ]
    await client.chat_postMessage(channel="C0SUPPORT", text="reply", thread_ts=first)

    everything = await client.conversations_history(channel="C0SUPPORT")
    between = await client.conversations_history(channel="C0SUPPORT", oldest=first, latest=third)
    inclusive = await client.conversations_history(channel="C0SUPPORT", oldest=first, latest=third, inclusive=True)
    one = await client.conversations_history(channel="C0SUPPORT", limit=1)

    assert [each["text"] for each in everything["messages"]] == ["three", "two", "one"]
    assert everything["messages"][2]["reply_count"] == 1
    assert [each["ts"] for each in between["messages"]] == [second]
    assert len(inclusive["messages"]) == 3
    assert (one["has_more"], len(one["messages"])) == (True, 1)


async def test_replies_come_after_their_parent_with_metadata_when_asked(client: AsyncWebClient):
    metadata = {"event_type": "threadtext", "event_payload": {"id": "1"}}
    root = await client.chat_postMessage(channel="C0SUPPORT", text="root")
    await client.chat_postMessage(channel="C0SUPPORT", text="reply", thread_ts=root["ts"], metadata=metadata)

    with_it = await client.conversations_replies(channel="C0SUPPORT", ts=root["ts"], include_all_metadata=True)
    without = await client.conversations_replies(channel="C0SUPPORT", ts=root["ts"])

    assert [each.get("metadata") for each in with_it["messages"]] == [None, metadata]
    assert "metadata" not in without["messages"][1]


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        ("C0VIP", "method_not_supported_for_channel_type"),
        ("C0LEADS", "channel_not_found"),
        ("C0OLDDEALS", "is_archived"),
    ],
)
async def test_only_open_public_channels_are_joined(client: AsyncWebClient, channel: str, error: str):
    answer = await error_of(client.conversations_join(channel=channel))

    assert answer["error"] == error


async def test_after_joining_the_bot_may_post(slack: PretendSlack, client: AsyncWebClient):
    """Slack's own notice stands in the history, beside what people and apps wrote."""
    await client.conversations_join(channel="C0RANDOM")
    await client.chat_postMessage(channel="C0RANDOM", text="hello")

    history = await client.conversations_history(channel="C0RANDOM")

    assert [each.get("subtype") for each in history["messages"]] == [None, "channel_join"]
    assert [each.text for each in slack.channel("random").messages] == ["hello"]


async def test_a_dm_is_opened_once_for_each_person(slack: PretendSlack, client: AsyncWebClient):
    first = await client.conversations_open(users="U0ALICE")
    again = await client.conversations_open(users="U0ALICE")
    await client.chat_postMessage(channel=first["channel"]["id"], text="hello")

    assert first["channel"]["id"] == again["channel"]["id"]
    assert [each.text for each in slack.dm("alice").messages] == ["hello"]


@pytest.mark.parametrize(("user", "error"), [("U0DANA", "user_disabled"), ("U0OTHERBOT", "cannot_dm_bot")])
async def test_not_everybody_has_a_dm(client: AsyncWebClient, user: str, error: str):
    answer = await error_of(client.conversations_open(users=user))

    assert answer["error"] == error


async def test_the_bot_changes_only_its_own_messages(slack: PretendSlack, client: AsyncWebClient):
    theirs = await slack.say("ben", "support", "mine")

    changed = await error_of(client.chat_update(channel="C0SUPPORT", ts=theirs.ts, text="x"))
    deleted = await error_of(client.chat_delete(channel="C0SUPPORT", ts=theirs.ts))
    nothing = await error_of(client.chat_update(channel="C0SUPPORT", ts="1700000000.000001", text="x"))

    assert [each["error"] for each in (changed, deleted, nothing)] == [
        "cant_update_message",
        "cant_delete_message",
        "message_not_found",
    ]


async def test_an_ephemeral_is_for_one_person_of_the_channel(slack: PretendSlack, client: AsyncWebClient):
    await client.chat_postEphemeral(channel="C0SUPPORT", user="U0ALICE", text="psst")
    answer = await error_of(client.chat_postEphemeral(channel="C0VIP", user="U0GUS", text="psst"))

    assert [(each.user, each.text) for each in slack.ephemerals] == [("U0ALICE", "psst")]
    assert answer["error"] == "user_not_in_channel"


async def test_people_are_told_apart(client: AsyncWebClient):
    guest, other, gone = [(await client.users_info(user=user))["user"] for user in ("U0UMA", "U0ERIN", "U0DANA")]

    assert (guest["is_restricted"], guest["is_ultra_restricted"]) == (True, True)
    assert other["team_id"] == "T0GLOBEX"
    assert gone["deleted"]


async def test_a_shared_channel_says_so(client: AsyncWebClient):
    answer = await client.conversations_info(channel="C0GLOBEX")

    assert answer["channel"]["is_ext_shared"]


async def test_the_real_manifest_is_enough_for_what_the_bot_does():
    """Everything that issue 2 asks of Slack, with the scopes of the manifest that people paste."""
    async with PretendSlack(Path(__file__).parents[2] / "manifest.yml") as real:
        client = client_of(real)
        await client.conversations_join(channel="C0RANDOM")
        posted = await client.chat_postMessage(channel="C0RANDOM", text="hello")
        await client.chat_update(channel="C0RANDOM", ts=posted["ts"], text="changed")
        dm = (await client.conversations_open(users="U0ALICE"))["channel"]["id"]
        await client.chat_postMessage(channel=dm, text="hello")
        for channel in ("C0RANDOM", dm):
            await client.conversations_history(channel=channel, include_all_metadata=True)
        await client.conversations_info(channel="C0VIP")
        await client.users_info(user="U0ALICE")

    assert all(each.ok for each in real.calls)

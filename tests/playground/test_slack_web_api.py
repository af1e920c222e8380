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

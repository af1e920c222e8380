"""The pretend Slack breaking on demand, met by the real slack_sdk."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from playground.slack import Down, Hold, PretendSlack, RateLimited, Refused, ResetAfter, ResetBefore, Slow

MANIFEST = """
display_information: {name: Threadtext}
oauth_config: {scopes: {bot: ["chat:write", "channels:history", "channels:read"]}}
"""


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[PretendSlack]:
    path = tmp_path / "manifest.yml"
    path.write_text(MANIFEST, encoding="utf-8")
    async with PretendSlack(path) as slack:
        yield slack


@pytest.fixture
def client(slack: PretendSlack) -> AsyncWebClient:
    return AsyncWebClient(slack.bot_token, base_url=slack.api_url, retry_handlers=[])


async def post(client: AsyncWebClient) -> Any:
    return await client.chat_postMessage(channel="C0SUPPORT", text="hello")


async def test_a_reset_before_leaves_nothing(slack: PretendSlack, client: AsyncWebClient):
    slack.fault(ResetBefore(), "chat.postMessage", times=1)

    with pytest.raises(aiohttp.ClientError):
        await post(client)

    assert slack.channel("support").messages == ()
    assert [each.error for each in slack.calls] == ["reset"]


async def test_a_reset_after_leaves_the_post(slack: PretendSlack, client: AsyncWebClient):
    """The answer is lost, the message is there, and its metadata can be found."""
    slack.fault(ResetAfter(), "chat.postMessage", times=1)
    metadata = {"event_type": "threadtext", "event_payload": {"id": "1"}}

    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel="C0SUPPORT", text="hello", metadata=metadata)
    found = await client.conversations_history(channel="C0SUPPORT", include_all_metadata=True)

    assert [each["metadata"] for each in found["messages"]] == [metadata]


async def test_slack_sdks_own_retry_posts_twice_after_a_reset(slack: PretendSlack):
    """The trap for which the bot passes its own retry handlers."""
    slack.fault(ResetAfter(), "chat.postMessage", times=1)

    await post(AsyncWebClient(slack.bot_token, base_url=slack.api_url))

    assert len(slack.channel("support").messages) == 2


async def test_being_limited_names_the_seconds(slack: PretendSlack, client: AsyncWebClient):
    slack.fault(RateLimited(30), times=1)

    with pytest.raises(SlackApiError) as caught:
        await post(client)

    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "30")


async def test_the_rate_limit_handler_is_served_the_second_time(slack: PretendSlack):
    client = AsyncWebClient(slack.bot_token, base_url=slack.api_url, retry_handlers=[])
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler())
    slack.fault(RateLimited(0), times=1)

    await post(client)

    assert [each.error for each in slack.calls] == ["ratelimited", ""]


@pytest.mark.parametrize("status", [500, 503])
async def test_slack_can_be_down(slack: PretendSlack, client: AsyncWebClient, status: int):
    """For as long as the test wishes."""
    fault = slack.fault(Down(status))
    for _ in range(2):
        with pytest.raises(SlackApiError) as caught:
            await post(client)
        assert caught.value.response.status_code == status
    slack.clear_faults(fault)

    await post(client)

    assert fault.calls == 2


async def test_a_token_can_be_refused(slack: PretendSlack, client: AsyncWebClient):
    slack.fault(Refused("missing_scope", {"needed": "chat:write", "provided": ""}), "chat.postMessage", times=1)

    with pytest.raises(SlackApiError, match="missing_scope"):
        await post(client)


async def test_only_the_named_method_is_broken(slack: PretendSlack, client: AsyncWebClient):
    slack.fault(Down(), "chat.update")

    answer = await post(client)

    assert answer["ok"]


@pytest.mark.parametrize(("hold", "posts"), [(Hold(), 0), (Hold(after=True), 1)])
async def test_a_call_is_held_before_or_after_its_effect(
    slack: PretendSlack, client: AsyncWebClient, hold: Hold, posts: int
):
    held = slack.fault(hold, "chat.postMessage", times=1)
    call = asyncio.create_task(post(client))
    async with asyncio.timeout(5):
        await held.arrived.wait()
    meanwhile = len(slack.channel("support").messages)

    held.release()
    answer = await call

    assert meanwhile == posts
    assert [each.ts for each in slack.channel("support").messages] == [answer["ts"]]


async def test_a_slow_answer_outlasts_an_impatient_client(slack: PretendSlack):
    slack.fault(Slow(30))
    impatient = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.05))

    async with impatient:
        with pytest.raises(TimeoutError):
            await post(AsyncWebClient(slack.bot_token, base_url=slack.api_url, session=impatient, retry_handlers=[]))

    await slack.until(lambda slack: slack.channel("support").messages)


async def test_slack_can_refuse_connections_and_come_back(slack: PretendSlack, client: AsyncWebClient):
    """On the same port."""
    await post(client)
    await slack.stop_listening()
    with pytest.raises(aiohttp.ClientConnectorError):
        await post(client)

    await slack.listen()
    await post(client)

    assert len(slack.channel("support").messages) == 2

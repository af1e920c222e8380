"""The pretend Slack's Socket Mode, with the real AsyncSocketModeHandler."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from playground.slack import PretendSlack

MANIFEST = """
display_information: {name: Threadtext}
features:
  slash_commands: [{command: /sms, description: Text, should_escape: true}]
oauth_config: {scopes: {bot: ["chat:write", "channels:read", "channels:history", "users:read"]}}
settings: {event_subscriptions: {bot_events: [user_change, message.channels]}}
"""
PING_SECONDS = 0.1  # the client waits as long before it connects again


class App:
    """A Bolt app on a WebSocket that keeps what it was told."""

    def __init__(self, slack: PretendSlack) -> None:
        client = AsyncWebClient(slack.bot_token, base_url=slack.api_url, retry_handlers=[])
        bolt = AsyncApp(client=client, process_before_response=True)
        bolt.command("/sms")(self.interact)
        bolt.event("user_change")(self.hear)
        bolt.event("message")(self.hear)
        self.told: list[dict[str, Any]] = []
        self.retries: list[Any] = []
        self.handler = AsyncSocketModeHandler(
            bolt,
            slack.app_token,
            web_client=AsyncWebClient(slack.app_token, base_url=slack.api_url, retry_handlers=[]),
            ping_interval=PING_SECONDS,
        )

    async def interact(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        self.told.append(body)
        await ack(text="taken")

    async def hear(self, body: dict[str, Any], request: AsyncBoltRequest) -> None:
        self.told.append(body)
        self.retries.append(request.headers.get("x-slack-retry-num"))


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[PretendSlack]:
    path = tmp_path / "manifest.yml"
    path.write_text(MANIFEST, encoding="utf-8")
    async with PretendSlack(path, socket_mode=True) as slack:
        yield slack


@pytest.fixture
async def app(slack: PretendSlack) -> AsyncIterator[App]:
    app = App(slack)
    await app.handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt's
    await slack.until(lambda slack: slack.sockets.count)
    yield app
    await app.handler.close_async()  # type: ignore[no-untyped-call]  # Bolt's


async def test_a_command_goes_over_the_socket_and_its_ack_comes_back(slack: PretendSlack, app: App):
    outcome = await slack.command("alice", "support", "hi @ben")

    assert app.told[0]["text"] == "hi <@U0BEN|ben>"
    assert outcome.ephemeral is not None
    assert outcome.ephemeral.text == "taken"


async def test_an_event_goes_over_the_socket(slack: PretendSlack, app: App):
    told = await slack.change_person("gus", real_name="Gus Gone")

    assert told is not None
    assert [each.status for each in told.answers] == [200]
    assert app.told[0]["event"]["user"]["real_name"] == "Gus Gone"


async def test_a_message_comes_again_over_the_socket(slack: PretendSlack, app: App):
    """With its number, as in HTTP."""
    said = await slack.say("alice", "support", "hello")
    await slack.redeliver(slack.told_of(said), retry=1)

    assert [each["event"]["ts"] for each in app.told] == [said.ts, said.ts]
    assert app.retries == [["0"], ["1"]]


async def test_nobody_connected_means_that_the_command_fails(slack: PretendSlack):
    outcome = await slack.command("alice", "support", "x")

    assert outcome.shown == "/sms failed with the error “dispatch_failed”"


@pytest.mark.parametrize("how", ["disconnect", "cut"])
async def test_the_app_comes_back_after_its_connection_ended(slack: PretendSlack, app: App, how: str):
    """Whether Slack announced it or the network cut it."""
    await {"disconnect": slack.sockets.disconnect, "cut": slack.sockets.cut}[how]()
    await slack.until(lambda slack: len(slack.called("apps.connections.open")) == 2 and slack.sockets.count == 1)

    outcome = await slack.command("alice", "support", "again")

    assert outcome.status == 200


async def test_only_the_app_token_opens_a_connection(slack: PretendSlack):
    with pytest.raises(SlackApiError, match="not_allowed_token_type"):
        await AsyncWebClient(base_url=slack.api_url).apps_connections_open(app_token=slack.bot_token)

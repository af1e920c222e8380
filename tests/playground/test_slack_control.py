"""The pretend Slack as a process of its own, driven by its control API."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

ROOT = Path(__file__).parents[2]
MANIFEST = """
display_information: {name: Threadtext}
features:
  slash_commands: [{command: /sms, description: Text, should_escape: true}]
oauth_config: {scopes: {bot: ["chat:write", "channels:read"]}}
"""


class Process:
    """A running pretend Slack.

    Attributes:
        line: What it printed.
    """

    def __init__(self, line: dict[str, str], session: aiohttp.ClientSession) -> None:
        self.line = line
        self.session = session
        self.client = AsyncWebClient(line["bot_token"], base_url=line["api_url"], retry_handlers=[])

    async def ask(self, verb: str, **arguments: Any) -> Any:
        async with self.session.post(self.line["control_url"] + verb, json=arguments) as answer:
            return await answer.json()


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[Process]:
    path = tmp_path / "manifest.yml"
    path.write_text(MANIFEST, encoding="utf-8")
    command = (sys.executable, "-m", "playground.slack", "--manifest", str(path))
    child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    async with asyncio.timeout(30), aiohttp.ClientSession() as session:
        yield Process(json.loads(await child.stdout.readline()), session)
        child.terminate()
        assert await child.wait() == 0


@pytest.fixture
async def app_url(aiohttp_server: Any) -> str:
    """An app that answers every request with one sentence."""

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"text": "taken"})

    app = web.Application()
    app.router.add_post("/", answer)
    return str((await aiohttp_server(app)).make_url("/"))


async def test_a_person_acts_and_the_outcome_comes_back(process: Process, app_url: str):
    await process.ask("request_url", url=app_url)

    outcome = await process.ask("command", user="alice", channel="support", text="hi", copies=2)
    answer = await process.ask("redeliver", delivery=outcome["delivery"])

    assert (outcome["status"], outcome["ephemeral"]["text"], len(outcome["copies"])) == (200, "taken", 1)
    assert answer["status"] == 200


async def test_what_the_bot_does_can_be_read_and_waited_for(process: Process):
    await process.client.chat_postMessage(channel="C0SUPPORT", text="hello")

    await process.ask("until", channel="support", contains="hello")
    await process.ask("until", method="chat.postMessage")

    assert [each["text"] for each in await process.ask("messages", channel="support")] == ["hello"]
    assert [each["method"] for each in await process.ask("calls")] == ["chat.postMessage"]


async def test_faults_are_put_in_force_and_held_calls_released(process: Process):
    held = await process.ask("fault", kind="Hold", method="chat.postMessage", times=1, after=True)
    call = asyncio.create_task(process.client.chat_postMessage(channel="C0SUPPORT", text="hello"))
    await process.ask("arrived", **held)
    await process.ask("clear_faults", **held)
    await call
    await process.ask("fault", kind="RateLimited", times=1, retry_after=9)

    with pytest.raises(SlackApiError) as caught:
        await process.client.auth_test()

    assert caught.value.response.headers["Retry-After"] == "9"


async def test_what_cannot_be_is_said_in_words(process: Process):
    impossible = await process.ask("command", user="gus", channel="leads")
    mistyped = await process.ask("command", who="gus")
    in_vain = await process.ask("until", method="chat.delete", seconds=0.01)
    unknown = await process.ask("comand")

    assert impossible["error"] == "gus is not in leads"
    assert "who" in mistyped["error"]
    assert in_vain["error"].startswith("not true within 0.01 s")
    assert "command" in unknown["error"]


async def test_people_write_edit_and_react_through_it(process: Process):
    """A message is named by its channel and ts."""
    said = await process.ask("say", user="ben", channel="support", text="hello")
    where = {"channel": "support", "ts": said["ts"]}
    await process.ask("edit", user="ben", text="hello again", **where)
    await process.ask("react", user="alice", name="eyes", **where)
    (shown,) = await process.ask("messages", channel="support")
    await process.ask("unreact", user="alice", name="eyes", **where)
    await process.ask("delete", user="ben", **where)

    assert (shown["text"], shown["reactions"]) == ("hello again", [["eyes", ["U0ALICE"]]])
    assert await process.ask("messages", channel="support") == []

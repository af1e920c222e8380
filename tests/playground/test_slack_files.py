"""Files of the pretend Slack, through slack_sdk: three steps, each strict."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from playground.carrier.picture import draw
from playground.slack import PretendSlack

MANIFEST = """
display_information: {name: Threadtext}
features: {bot_user: {display_name: Threadtext}}
oauth_config: {scopes: {bot: ["chat:write", "channels:read", "files:write", "files:read"]}}
"""
PNG = draw("hill.png")


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[PretendSlack]:
    manifest = tmp_path / "manifest.yml"
    manifest.write_text(MANIFEST)
    async with PretendSlack(manifest) as slack:
        yield slack


@pytest.fixture
def app(slack: PretendSlack) -> AsyncWebClient:
    return AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])


async def upload(app: AsyncWebClient, content: bytes = PNG, *, length: int | None = None) -> tuple[str, str, int]:
    """The first two steps: the file's id, its address, and what the upload was answered."""
    announced = len(content) if length is None else length
    given = await app.files_getUploadURLExternal(filename="hill.png", length=announced, alt_txt="A hill")
    async with aiohttp.ClientSession() as session, session.post(given["upload_url"], data=content) as answer:
        return given["file_id"], given["upload_url"], answer.status


async def refusal(call: object) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call  # type: ignore[misc]
    return str(caught.value.response["error"])


async def test_a_file_is_seen_after_the_third_step(slack: PretendSlack, app: AsyncWebClient):
    root = await app.chat_postMessage(channel="C0SUPPORT", text="look")
    file_id, _, status = await upload(app)
    before = await refusal(app.files_info(file=file_id))

    await app.files_completeUploadExternal(
        files=[{"id": file_id, "title": "The hill"}], channel_id="C0SUPPORT", thread_ts=root["ts"]
    )

    [shown] = slack.thread(root["ts"])
    [file] = shown.files
    known = (await app.files_info(file=file_id))["file"]
    assert (status, before, shown.subtype) == (200, "file_not_found", "file_share")
    assert (file["title"], file["alt_txt"], file["mimetype"], file["size"]) == (
        "The hill",
        "A hill",
        "image/png",
        len(PNG),
    )
    assert known["shares"] == {"public": {"C0SUPPORT": [{"ts": shown.ts, "thread_ts": root["ts"]}]}}


async def test_an_address_takes_what_was_announced_once(app: AsyncWebClient):
    file_id, url, status = await upload(app, length=len(PNG) + 1)
    async with aiohttp.ClientSession() as session, session.post(url, data=PNG + b"x") as second:
        again = second.status

    assert (status, again) == (400, 404)
    assert await refusal(app.files_completeUploadExternal(files=[{"id": file_id}], channel_id="C0SUPPORT")) == (
        "file_not_found"
    )


@pytest.mark.parametrize(
    ("channel", "thread", "error"),
    [
        ("C0RANDOM", None, "not_in_channel"),
        ("C0OLDDEALS", None, "is_archived"),
        ("C0LEADS", None, "channel_not_found"),
        ("C0SUPPORT", "1.000000", "thread_not_found"),
    ],
)
async def test_a_place_that_takes_no_files(app: AsyncWebClient, channel: str, thread: str | None, error: str):
    file_id, _, _ = await upload(app)
    call = app.files_completeUploadExternal(files=[{"id": file_id}], channel_id=channel, thread_ts=thread)

    assert await refusal(call) == error
    assert await refusal(app.files_info(file=file_id)) == "file_not_found"


async def test_a_deleted_file_leaves_its_message(slack: PretendSlack, app: AsyncWebClient):
    """And takes it along when there was nothing else in it."""
    alone, beside = (await upload(app))[0], (await upload(app))[0]
    await app.files_completeUploadExternal(files=[{"id": alone}], channel_id="C0SUPPORT")
    await app.files_completeUploadExternal(files=[{"id": beside}], channel_id="C0SUPPORT", initial_comment="with words")
    for each in (alone, beside):
        await app.files_delete(file=each)

    assert [(each.text, each.files) for each in slack.channel("support").messages] == [("with words", ())]
    assert await refusal(app.files_delete(file=alone)) == "file_not_found"


async def test_a_private_address_wants_the_token(slack: PretendSlack, app: AsyncWebClient):
    """Slack answers others with a page to log in, and 200."""
    file_id, _, _ = await upload(app)
    await app.files_completeUploadExternal(files=[{"id": file_id}], channel_id="C0SUPPORT")
    address = (await app.files_info(file=file_id))["file"]["url_private_download"]
    got = {}
    for token in (slack.bot_token, "xoxb-nobodys"):
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession() as session, session.get(address, headers=headers) as answer:
            got[token] = (answer.status, answer.content_type, await answer.read() == PNG)

    assert list(got.values()) == [(200, "image/png", True), (200, "text/html", False)]

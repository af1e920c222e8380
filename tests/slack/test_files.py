"""The bot's token goes to no page that Slack points to, and what Slack does not give is said at once."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.domain.media import SlackFile
from bot.services.pictures import FetchError
from bot.slack.files import Files
from bot.slack.web_client import open_web_client


async def test_a_page_to_log_in_is_not_asked_for_again():
    """Without the scope Slack points to it or answers it; another try changes nothing."""
    asked: list[tuple[str, str]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append((request.path, request.headers.get("Authorization", "")))
        if request.path == "/api/files.info":
            return web.json_response({"ok": True, "file": {"url_private": str(request.url.with_path("/file"))}})
        return web.Response(status=302, headers={"Location": "/login"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server, open_web_client("xoxb-1", str(server.make_url("/api/"))) as client:
        with pytest.raises(FetchError, match="lacks a scope") as caught:
            await Files(client).fetch(SlackFile("F1", "a.jpg"))

    assert caught.value.final
    assert asked == [("/api/files.info", "Bearer xoxb-1"), ("/file", "Bearer xoxb-1")]


@pytest.mark.parametrize(
    ("status", "reason", "final", "tries"),
    [
        (404, "it was deleted in Slack", True, None),
        (410, "it was deleted in Slack", True, None),
        (403, "Slack does not give it to me", False, 3),
        (500, "Slack answers 500", False, None),
    ],
)
async def test_a_file_that_slack_does_not_give(status: int, reason: str, *, final: bool, tries: int | None):
    """What is gone stays gone; a refusal may pass while Slack still takes the file in, and a breakdown will."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/api/files.info":
            return web.json_response({"ok": True, "file": {"url_private": str(request.url.with_path("/file"))}})
        return web.Response(status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server, open_web_client("xoxb-1", str(server.make_url("/api/"))) as client:
        with pytest.raises(FetchError, match=reason) as caught:
            await Files(client).fetch(SlackFile("F1", "a.jpg"))

    assert (caught.value.final, caught.value.tries) == (final, tries)

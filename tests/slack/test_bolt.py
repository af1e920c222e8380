"""Only what Slack signed comes in, whatever is thrown at the route; nothing of it is logged."""

import gc
import io
import json
import logging
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from slack_sdk.signature import SignatureVerifier
from yarl import URL

from tests.slack.surface import Surface

SAMPLES = Path(__file__).parents[1] / "samples" / "slack"
SECRET_BODY = "command=%2Fsms&text=%2B15162065574+my+secret&team_id=T0ACME&user_id=U0ALICE&channel_id=C0SUPPORT"
FORM = "application/x-www-form-urlencoded"


def sign(surface: Surface, body: bytes | str, *, at: float | None = None) -> dict[str, str]:
    """Slack's two headers."""
    stamp = str(int(time.time() if at is None else at))
    signature = SignatureVerifier(surface.slack.signing_secret).generate_signature(timestamp=stamp, body=body)
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature or ""}


async def post(surface: Surface, body: Any, headers: dict[str, str], content_type: str = FORM) -> tuple[int, str]:
    """What the route answers."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(surface.url, data=body, headers=headers | {"Content-Type": content_type}) as answer,
    ):
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    "change",
    [
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": ""},
        {"X-Slack-Signature": "v0=\u00fc"},
        {"X-Slack-Request-Timestamp": "abc"},
        {"X-Slack-Request-Timestamp": ""},
        {"X-Slack-Request-Timestamp": "-1"},
        {"X-Slack-Request-Timestamp": "9" * 5000},
        {"X-Slack-Request-Timestamp": "\u0661\u0662"},
    ],
)
async def test_a_forged_request_is_401(
    surface: Surface, change: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """No traceback, and not a word of the body in the log."""
    caplog.set_level(logging.DEBUG)

    status, answer = await post(surface, SECRET_BODY, sign(surface, SECRET_BODY) | change)

    assert (status, json.loads(answer)) == (401, {"error": "invalid request"})
    assert surface.texts.drafts == []
    assert "secret" not in caplog.text
    assert "Traceback" not in caplog.text


async def test_a_request_without_headers_is_401(surface: Surface) -> None:
    """A scanner's."""
    status, _ = await post(surface, SECRET_BODY, {})

    assert status == 401


@pytest.mark.parametrize("seconds", [-301, 301])
async def test_an_old_request_is_401(surface: Surface, seconds: int) -> None:
    """Somebody recorded it."""
    status, _ = await post(surface, SECRET_BODY, sign(surface, SECRET_BODY, at=time.time() + seconds))

    assert status == 401


async def test_a_body_that_is_no_text_is_401(surface: Surface) -> None:
    """Slack signs UTF-8 only."""
    status, _ = await post(surface, b"\xff\xfe", sign(surface, "x"))

    assert status == 401


@pytest.mark.parametrize("content_type", ["application/json", FORM])
async def test_a_signed_body_that_cannot_be_read_is_400(surface: Surface, content_type: str) -> None:
    """No traceback either."""
    body = "payload=%7Bnot+json"

    status, _ = await post(surface, body, sign(surface, body), content_type)

    assert status == 400


async def test_a_huge_body_is_413(surface: Surface) -> None:
    """Before any of it is judged."""
    body = io.BytesIO(b"x" * (1024 * 1024 + 1))

    status, _ = await post(surface, body, sign(surface, "x"))

    assert status == 413


async def test_a_huge_body_of_unknown_length_is_413(surface: Surface) -> None:
    """A sender who does not say how much will come is cut off."""

    async def stream() -> Any:
        for _ in range(20):
            yield b"x" * 64 * 1024

    status, _ = await post(surface, stream(), sign(surface, "x"))

    assert status == 413


async def test_slacks_question_for_the_address_is_answered(surface: Surface) -> None:
    """When the request URL is saved in the app's settings."""
    body = json.dumps({"type": "url_verification", "token": "x", "challenge": "3eZbrw1a"})

    status, answer = await post(surface, body, sign(surface, body), "application/json")

    assert (status, json.loads(answer)) == (200, {"challenge": "3eZbrw1a"})


@pytest.mark.parametrize("name", ["message_in_thread.json", "app_home_opened.json"])
async def test_events_that_mean_nothing_here_are_200(
    surface: Surface, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Slack counts everything else as a failed delivery."""
    caplog.set_level(logging.INFO)
    body = (SAMPLES / name).read_text("utf-8")

    status, _ = await post(surface, body, sign(surface, body), "application/json")

    assert status == 200
    assert "on our way" not in caplog.text


async def test_our_own_messages_are_not_heard(surface: Surface) -> None:
    """They come back as events, too."""
    await surface.people.read()
    sample = json.loads((SAMPLES / "message_in_thread.json").read_text("utf-8"))
    sample["event"] |= {"bot_id": surface.people.identity.bot_id, "type": "user_change", "user": {"id": "U0ALICE"}}
    body = json.dumps(sample)

    status, _ = await post(surface, body, sign(surface, body), "application/json")

    assert status == 200
    assert surface.people.name("U0ALICE") == "alice"


async def test_a_command_that_was_never_set_up_is_404(surface: Surface, caplog: pytest.LogCaptureFixture) -> None:
    """Another SMS_COMMAND than the manifest's is a mistake that the log names, without the text."""
    body = SECRET_BODY.replace("%2Fsms", "%2Ftxt")

    status, _ = await post(surface, body, sign(surface, body))

    assert status == 404
    assert "/txt" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("text", ["your payload has arrived", "payload={}", "text=%26payload%3D1"])
async def test_a_command_may_say_payload(surface: Surface, text: str) -> None:
    """Bolt alone takes such a form for an empty one, and the text would be lost."""
    form = {"command": "/sms", "text": f"+15162065574 {text}", "team_id": "T0ACME", "user_id": "U0ALICE"}
    body = urlencode(form | {"channel_id": "C0SUPPORT", "trigger_id": "1.2.a", "user_name": "alice"})

    status, answer = await post(surface, body, sign(surface, body))

    assert (status, answer) == (200, "")
    assert [draft.text for draft in surface.texts.drafts] == [text]


async def test_a_command_that_is_answered_is_not_kept(surface: Surface) -> None:
    """A form with somebody's text is no URL to yarl, which keeps the last 128 that it was asked to build."""
    body = SECRET_BODY + "&trigger_id=1.2.a&user_name=alice"

    status, _ = await post(surface, body, sign(surface, body))
    kept = [each for each in gc.get_objects() if isinstance(each, URL) and "secret" in each.query_string]

    assert (status, kept) == (200, [])

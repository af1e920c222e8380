"""Whoever is neither Slack nor CarrierX finds nothing to hold on to, and what is told twice happens once."""

import gzip
import io
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from slack_sdk.signature import SignatureVerifier

from bot.domain.rules import Mode
from playground.slack.choices import find_element, write_action
from playground.slack.delivery import Delivery, encode
from playground.slack.payloads import (
    write_command,
    write_event,
    write_global_shortcut,
    write_message_actions,
    write_submission,
)
from playground.slack.workspace import Ephemeral, Message
from tests.scenarios.test_replies import conversation, in_mode, marked
from tests.scenarios.untouched import CANARY, changes, lines, look, settle
from tests.scenarios.world import DIGITS, PHONE, SECRET, World, open_stage

OURS = "15162065575"
SET: dict[str, Any] = {"sms_poll_seconds": 3600.0, "sms_undo_seconds": 0}
INBOUND = json.dumps(
    {
        "message_sid": "4b0e4f5e-0000-4000-8000-000000000001",
        "direction": "inbound",
        "from": DIGITS,
        "to": OURS,
        "message": CANARY,
        "media_urls": [],
        "status": "received",
    }
).encode()
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

CALLBACKS = {
    "no secret": ("/carrierx/callbacks/", INBOUND, JSON, 404),
    "not even a place for one": ("/carrierx/callbacks", INBOUND, JSON, 404),
    "wrong secret": (f"/carrierx/callbacks/{'x' * len(SECRET)}", INBOUND, JSON, 401),
    "half a secret": (f"/carrierx/callbacks/{SECRET[:20]}", INBOUND, JSON, 401),
    "wrong secret and 10 MB": (f"/carrierx/callbacks/{'x' * len(SECRET)}", b" " * 10_000_000, JSON, 401),
    "truncated": (f"/carrierx/callbacks/{SECRET}", INBOUND[:-9], JSON, 400),
    "10 MB": (f"/carrierx/callbacks/{SECRET}", INBOUND + b" " * 10_000_000, JSON, 413),
    "brackets": (f"/carrierx/callbacks/{SECRET}", b"[" * 100_000 + b"]" * 100_000, JSON, 400),
    "braces": (f"/carrierx/callbacks/{SECRET}", b'{"a":' * 40_000, JSON, 400),
    "brackets in a text": (
        f"/carrierx/callbacks/{SECRET}",
        INBOUND.replace(b"[]", b"[" * 100_000 + b"]" * 100_000),
        JSON,
        400,
    ),
    "a list": (f"/carrierx/callbacks/{SECRET}", b"[" + INBOUND + b"]", JSON, 400),
    "another object": (f"/carrierx/callbacks/{SECRET}", json.dumps({"event": {"text": CANARY}}).encode(), JSON, 400),
    "a form": (f"/carrierx/callbacks/{SECRET}", f"message_sid=1&message={CANARY}".encode(), FORM, 400),
    "XML": (f"/carrierx/callbacks/{SECRET}", f"<message>{CANARY}</message>".encode(), "text/xml", 400),
    "nothing": (f"/carrierx/callbacks/{SECRET}", b"", JSON, 400),
}


async def post(world: World, path: str, body: bytes, headers: dict[str, str]) -> int:
    """What the bot answers."""
    async with world.http.post(world.url + path, data=io.BytesIO(body), headers=headers) as answer:
        return answer.status


async def test_forged_callback_changes_nothing(sqlite_url: str, logs: io.StringIO):
    """Each is answered as documented, with a line in the log; the true one, then, is taken once."""
    async with open_stage(sqlite_url) as world:
        async with world.bot(**SET):
            await world.know_numbers()
        before = await look(world)
        answers, logged = {}, {}
        async with world.bot(**SET):
            lines(world, logs)
            for name, (path, body, content_type, _) in CALLBACKS.items():
                answers[name] = await post(world, path, body, {"Content-Type": content_type})
                logged[name] = len(lines(world, logs))
        after = await look(world)
        async with world.bot(**SET):
            true = [await post(world, f"/carrierx/callbacks/{SECRET}", INBOUND, {}) for _ in range(2)]
            await world.root("general")

    assert answers == {name: status for name, (_, _, _, status) in CALLBACKS.items()}
    assert logged == {name: 0 if status == 404 else 1 for name, status in answers.items()}
    assert changes(before, after) == []
    assert true == [200, 200]
    assert len(world.slack.channel("general").messages) == 1


async def test_packed_callback_is_no_larger_than_what_is_in_it(sqlite_url: str, logs: io.StringIO):
    """Ten kilobytes that unpack to ten megabytes are ten megabytes."""
    async with open_stage(sqlite_url) as world, world.bot(**SET):
        lines(world, logs)
        packed = gzip.compress(INBOUND + b" " * 10_000_000)
        status = await post(world, f"/carrierx/callbacks/{SECRET}", packed, {"Content-Encoding": "gzip"})
        logged = lines(world, logs)

    assert status == 413
    assert len(logged) == 1


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that Slack may tell.

    Attributes:
        arrange: Gives what Slack would send.
        happened: Waits for what comes of it.
        mode: Of the channel.
    """

    arrange: Callable[[World], Awaitable[Delivery]]
    happened: Callable[[World], Awaitable[object]]
    mode: Mode = Mode.ASK


def pressed(world: World, user: str, target: Message | Ephemeral, action_id: str) -> Delivery:
    """A press of a button."""
    person = world.slack.workspace.person(user)
    block, element = find_element(list(target.blocks), action_id, "")
    action = write_action(block, element, None, world.slack.workspace.ts())
    channel = world.slack.channel(target.channel)
    trigger = world.slack.views.trigger(person.id, channel.id)
    payload = write_message_actions(person, channel, target, [action], response_url="", trigger_id=trigger)
    return Delivery("interactive", payload)


def told(world: World, event: dict[str, Any]) -> Delivery:
    """An event."""
    return Delivery("events_api", write_event(event, at=time.time(), ext_shared=False))


async def command(world: World) -> Delivery:
    person = world.slack.workspace.person("alice")
    trigger = world.slack.views.trigger(person.id)
    channel = world.slack.channel("general")
    return Delivery(
        "slash_commands",
        write_command(person, channel, "/sms", f"{PHONE} {CANARY}", response_url="", trigger_id=trigger),
    )


async def shortcut(world: World) -> Delivery:
    world.slack.views.trigger_seconds = 60.0  # all its forgeries come first, and the bot is started twice
    person = world.slack.workspace.person("alice")
    trigger, ts = world.slack.views.trigger(person.id), world.slack.workspace.ts()
    return Delivery("interactive", write_global_shortcut(person, "sms_new", trigger_id=trigger, action_ts=ts))


async def submission(world: World) -> Delivery:
    view = await world.form(channel="general")
    await world.fill(view, to=PHONE, text=CANARY)
    person = world.slack.workspace.person("alice")
    trigger = world.slack.views.trigger(person.id, "", view.id)
    return Delivery("interactive", write_submission(person, view, trigger_id=trigger, response_urls=[]))


async def again(world: World) -> Delivery:
    root = await world.text(CANARY, channel="general")
    world.carrier.fail((await world.posted()).sid, "undelivered")
    await world.shown(root, "[Try again]", place=1)
    return pressed(world, "alice", world.slack.thread(root.ts)[1], "sms_again")


async def decision(world: World) -> Delivery:
    root = await conversation(world, f"please stop texting me {CANARY}")
    return pressed(world, "alice", root, "sms_opt_out")


async def decided(world: World) -> None:
    await world.headed(await world.root("general"), "opted them out")


async def erasure(world: World) -> Delivery:
    await conversation(world, CANARY)
    outcome = await world.command(f"erase {PHONE}", user="ben", channel="general")
    assert outcome.ephemeral is not None
    return pressed(world, "ben", outcome.ephemeral, "sms_erase")


async def erased(world: World) -> None:
    await world.headed(await world.root("general"), "(erased)")


async def reaction(world: World) -> Delivery:
    root = await conversation(world)
    said = await world.slack.say("alice", "general", CANARY, thread_ts=root.ts)
    await marked(world, said, "no_mobile_phones")
    item = {"type": "message", "channel": said.channel, "ts": said.ts}
    event = {"type": "reaction_added", "user": "U0ALICE", "reaction": "outbox_tray", "item": item}
    return told(world, event | {"item_user": "U0ALICE", "event_ts": world.slack.workspace.ts()})


async def message(world: World) -> Delivery:
    root = await conversation(world)
    said = {"type": "message", "user": "U0ALICE", "text": CANARY, "ts": world.slack.workspace.ts(), "team": "T0ACME"}
    place = {"channel": root.channel, "channel_type": "channel", "thread_ts": root.ts, "parent_user_id": root.user}
    return told(world, said | place | {"event_ts": said["ts"]})


KINDS = {
    "command": Kind(command, lambda world: world.posted(1)),
    "shortcut": Kind(shortcut, lambda world: world.slack.until(lambda slack: slack.views.stack("U0ALICE"))),
    "submission": Kind(submission, lambda world: world.posted(1)),
    "Try again": Kind(again, lambda world: world.posted(2)),
    "Opt out": Kind(decision, decided),
    "Confirm": Kind(erasure, erased),
    "reaction": Kind(reaction, lambda world: world.posted(1)),
    "reply": Kind(message, lambda world: world.posted(1), mode=Mode.AUTO),
}


def sign(secret: str, body: str, stamp: str) -> dict[str, str]:
    """Slack's two headers."""
    signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature or ""}


def without(headers: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key != name}


def forge(secret: str, body: str) -> dict[str, tuple[str, dict[str, str]]]:
    """The same request as others would make it, or make it again."""
    now = int(time.time())
    true, changed = sign(secret, body, str(now)), body.replace(CANARY, "something else") + " "
    return {
        "no signature": (body, without(true, "X-Slack-Signature")),
        "empty signature": (body, true | {"X-Slack-Signature": ""}),
        "wrong signature": (body, true | {"X-Slack-Signature": "v0=" + "0" * 64}),
        "signature that is no ASCII": (body, true | {"X-Slack-Signature": "v0=\u00fc"}),
        "another secret": (body, sign("0" * 32, body, str(now))),
        "old": (body, sign(secret, body, str(now - 301))),
        "from the future": (body, sign(secret, body, str(now + 330))),
        "another time": (body, true | {"X-Slack-Request-Timestamp": str(now - 1)}),
        "time that is no number": (body, sign(secret, body, "now")),
        "time that is no whole number": (body, sign(secret, body, f"{now}.5")),
        "endless time": (body, sign(secret, body, "9" * 5000)),
        "empty time": (body, sign(secret, body, "")),
        "no time": (body, without(true, "X-Slack-Request-Timestamp")),
        "changed body": (changed, true),
        "empty body": ("", true),
    }


@pytest.mark.parametrize("name", KINDS)
async def test_forged_request_changes_nothing_and_a_repeated_one_nothing_more(
    sqlite_url: str, name: str, logs: io.StringIO
):
    """Each forgery is a 401 with one line in the log; what Slack signed works, and once, however often it comes."""
    kind = KINDS[name]
    await in_mode(sqlite_url, kind.mode)
    async with open_stage(sqlite_url) as world:
        async with world.bot(**SET):
            await world.know_numbers()
            delivery = await kind.arrange(world)
            await settle(world)
        body, content_type = encode(delivery)
        secret, of_type = world.slack.signing_secret, {"Content-Type": content_type}
        before = await look(world)
        answers, logged = {}, {}
        async with world.bot(**SET):
            lines(world, logs)
            for forgery, (forged, headers) in forge(secret, body).items():
                answers[forgery] = await post(world, "/slack/events", forged.encode(), headers | of_type)
                logged[forgery] = len(lines(world, logs))
        untouched = await look(world)
        true = sign(secret, body, str(int(time.time()))) | of_type
        async with world.bot(**SET):
            statuses = [await post(world, "/slack/events", body.encode(), true)]
            await kind.happened(world)
            await settle(world)
        once = await look(world)
        async with world.bot(**SET):
            statuses += [await post(world, "/slack/events", body.encode(), true) for _ in range(2)]
        twice = await look(world)

    assert answers == dict.fromkeys(answers, 401)
    assert logged == dict.fromkeys(answers, 1)
    assert changes(before, untouched) == []
    assert statuses == [200, 200, 200]
    assert changes(once, twice) == []


@pytest.mark.parametrize("body", ["[" * 100_000, "payload=" + "[" * 100_000], ids=["JSON", "form"])
async def test_nothing_that_is_signed_breaks_the_reader(sqlite_url: str, body: str, logs: io.StringIO):
    """A bomb with Slack's own signature is unreadable, and no more."""
    async with open_stage(sqlite_url) as world, world.bot(**SET):
        lines(world, logs)
        signed = sign(world.slack.signing_secret, body, str(int(time.time())))
        content_type = FORM if body.startswith("payload") else JSON
        status = await post(world, "/slack/events", body.encode(), signed | {"Content-Type": content_type})
        logged = lines(world, logs)

    assert status == 400
    assert len(logged) == 1


async def test_huge_request_is_refused_before_it_is_read(sqlite_url: str, logs: io.StringIO):
    """Also one that claims to be Slack's."""
    async with open_stage(sqlite_url) as world, world.bot(**SET):
        lines(world, logs)
        signed = sign(world.slack.signing_secret, "", str(int(time.time())))
        status = await post(world, "/slack/events", b"x" * 10_000_000, signed | {"Content-Type": FORM})
        logged = lines(world, logs)

    assert status == 413
    assert len(logged) == 1

"""Guests, other companies' people and bots press everything there is, in a channel that all of them see."""

import ast
import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from bot.domain.rules import ChannelRule, Mode
from bot.store.engine import open_database
from bot.store.rules import RuleStore
from playground.slack.delivery import Delivery
from playground.slack.payloads import write_submission
from playground.slack.workspace import Ephemeral, Message
from tests.scenarios.reading import read
from tests.scenarios.untouched import CANARY, changes, lines, look, settle
from tests.scenarios.world import DIGITS, PHONE, World, open_stage, read_view

GUEST = "Guests cannot send texts. Ask a full member of this workspace to send it."
STRANGER = "Only members of this workspace can send texts, and you are here from another one. Ask one of them."
BOT = "Bots and workflows cannot send texts. A member of this workspace can."
PEOPLE = {"gus": GUEST, "uma": GUEST, "erin": STRANGER, "otherbot": BOT}
NOBODY = dict.fromkeys(PEOPLE, "")  # nobody is told anything
ADMIN = "Only an admin or owner of this workspace can do this. Nothing was changed."

PLACE, OURS = "C0GLOBEX", "15162065575"
SET: dict[str, Any] = {"sms_inbound_channel": PLACE, "sms_shared_channels": (PLACE,)}
NIGHT = datetime(2031, 1, 15, 2, 30, tzinfo=UTC)  # 21:30 in New York, where the phone is
QUIET = {"sms_quiet_hours": "21:00-08:00"}
SLACK = Path(__file__).parents[2] / "bot" / "slack"

Act = Callable[[str], Awaitable[str]]
"""What a person does; what they alone read then."""


@dataclass(frozen=True, slots=True)
class Row:
    """Something that can be done.

    Attributes:
        arrange: Makes it possible, by members and phones; gives the act.
        told: What each person alone reads.
        settings: Of the bot.
        mode: Of the channel.
        night: It is half past nine in the evening.
    """

    arrange: Callable[[World], Awaitable[Act]]
    told: dict[str, str] = field(default_factory=lambda: PEOPLE)
    settings: dict[str, Any] = field(default_factory=dict)
    mode: Mode = Mode.ASK
    night: bool = False


async def conversation(world: World, said: str = f"hello, {CANARY}") -> Message:
    """A phone texts us; the root of its thread."""
    await world.carrier.until(lambda carrier: any("message_drs" in request.path for request in carrier.requests))
    world.carrier.inbound(DIGITS, OURS, said, at=world.clock.now())
    return await world.root("globex")


async def whispered(world: World, user: str, part: str) -> Ephemeral:
    """What one person alone reads."""
    who = world.slack.workspace.person(user).id
    return (await world.slack.until(lambda slack: [s for s in slack.ephemerals if s.user == who and part in read(s)]))[
        0
    ]


def pressing(world: World, target: Message | Ephemeral, action_id: str) -> Act:
    """Press a button; what only its owner sees is pressed as if Slack had shown it to everybody."""

    async def press(user: str) -> str:
        who = world.slack.workspace.person(user).id
        seen = replace(target, user=who) if isinstance(target, Ephemeral) else target
        outcome = await world.slack.press(user, seen, action_id)
        assert outcome.status == 200
        return read(await whispered(world, user, ""))

    return press


def failing(action_id: str) -> Callable[[World], Awaitable[Act]]:
    async def arrange(world: World) -> Act:
        root = await world.text(CANARY, channel="globex")
        world.carrier.fail((await world.posted()).sid, "rejected")
        await world.shown(root, "[Try again] [Edit]", place=1)
        return pressing(world, world.slack.thread(root.ts)[1], action_id)

    return arrange


def waiting(action_id: str) -> Callable[[World], Awaitable[Act]]:
    async def arrange(world: World) -> Act:
        root = await world.text(CANARY, channel="globex")
        await world.shown(root, "[Cancel] [Send now]")
        return pressing(world, world.slack.thread(root.ts)[0], action_id)

    return arrange


def asked(action_id: str) -> Callable[[World], Awaitable[Act]]:
    async def arrange(world: World) -> Act:
        root = await conversation(world, f"please stop texting me {CANARY}")
        await world.headed(root, "[Opt out] [Keep]")
        return pressing(world, root, action_id)

    return arrange


async def held(world: World) -> Act:
    root = await conversation(world)
    await world.slack.say("alice", "globex", CANARY, thread_ts=root.ts)
    return pressing(world, await whispered(world, "alice", "[Send to phone]"), "sms_text_reply")


async def met(world: World) -> Act:
    root = await conversation(world)
    for user in ("alice", "ben"):
        await world.slack.say(user, "globex", f"{CANARY} of {user}", thread_ts=root.ts)
    for user in ("alice", "ben"):
        await world.slack.press(user, await whispered(world, user, "[Send to phone]"), "sms_text_reply")
    return pressing(world, await whispered(world, "ben", "[Send anyway]"), "sms_text_anyway")


async def undoable(world: World) -> Act:
    root = await conversation(world)
    await world.slack.say("alice", "globex", CANARY, thread_ts=root.ts)
    return pressing(world, await whispered(world, "alice", "[Undo]"), "sms_undo")


def confirming(order: str, action_id: str) -> Callable[[World], Awaitable[Act]]:
    async def arrange(world: World) -> Act:
        root = await conversation(world, "STOP")
        await world.posted()
        await world.headed(root, "Opted out")
        outcome = await world.command(order, user="ben", channel="globex")
        assert outcome.ephemeral is not None
        return pressing(world, outcome.ephemeral, action_id)

    return arrange


async def dismissed(world: World) -> Act:
    outcome = await world.command(f"erase {PHONE}", user="ben", channel="globex")
    assert outcome.ephemeral is not None
    asking = outcome.ephemeral

    async def dismiss(user: str) -> str:
        seen = replace(asking, user=world.slack.workspace.person(user).id)
        assert (await world.slack.press(user, seen, "sms_dismiss")).status == 200
        return ""

    return dismiss


async def submitted(world: World) -> Act:
    view = await world.form(channel="globex")
    await world.fill(view, to=PHONE, text=CANARY)

    async def submit(user: str) -> str:
        person = world.slack.workspace.person(user)
        trigger = world.slack.views.trigger(person.id)
        payload = write_submission(person, view, trigger_id=trigger, response_urls=[])
        answer = await world.slack.redeliver(Delivery("interactive", payload))
        assert (answer.status, answer.body["response_action"]) == (200, "errors")
        return str(answer.body["errors"]["to"])

    return submit


def filling(block_id: str, action_id: str, value: str) -> Callable[[World], Awaitable[Act]]:
    """Somebody fills in a field that the lines under Text follow."""

    async def arrange(world: World) -> Act:
        view = await world.form(channel="globex")
        updates = len(world.slack.called("views.update"))

        async def fill(user: str) -> str:
            view.user = world.slack.workspace.person(user).id
            assert (await world.slack.type_in(view, block_id, action_id, value)).status == 200
            assert len(world.slack.called("views.update")) == updates
            return ""

        return fill

    return arrange


async def offered(world: World) -> Act:
    view = await world.form(channel="globex")
    await world.fill(view, to=f"{PHONE}, +12125550123", how="group", text=CANARY, **{"from": "+15162065574"})
    await world.slack.submit("alice")
    await world.form_says("can send pictures and group texts")
    updates = len(world.slack.called("views.update"))

    async def use(user: str) -> str:
        view.user = world.slack.workspace.person(user).id
        assert (await world.slack.press(user, view, "sms_use")).status == 200
        assert len(world.slack.called("views.update")) == updates
        return ""

    return use


async def searched(world: World) -> Act:
    view = await world.form(channel="globex")

    async def search(user: str) -> str:
        view.user = world.slack.workspace.person(user).id
        assert (await world.slack.options(view, "from", "sms_from", "516")).body == {"options": []}
        return ""

    return search


async def anywhere(world: World) -> Act:
    async def choose(user: str) -> str:
        assert (await world.slack.global_shortcut(user, "sms_new")).status == 200
        return read_view(world.view(user))

    return choose


def choosing(callback_id: str) -> Callable[[World], Awaitable[Act]]:
    async def arrange(world: World) -> Act:
        root = await conversation(world)
        reply = await world.slack.say("alice", "globex", CANARY, thread_ts=root.ts)

        async def choose(user: str) -> str:
            assert (await world.slack.message_shortcut(user, "globex", reply.ts, callback_id)).status == 200
            return read(await whispered(world, user, ""))

        return choose

    return arrange


def reacting(emoji: str) -> Callable[[World], Awaitable[Act]]:
    async def arrange(world: World) -> Act:
        root = await conversation(world)
        reply = await world.slack.say("alice", "globex", CANARY, thread_ts=root.ts)

        async def react(user: str) -> str:
            await world.slack.react(user, reply, emoji)
            return ""

        return react

    return arrange


def reacting_to_own(emoji: str) -> Callable[[World], Awaitable[Act]]:
    async def arrange(world: World) -> Act:
        root = await conversation(world)
        replies = {user: await world.slack.say(user, "globex", CANARY, thread_ts=root.ts) for user in PEOPLE}

        async def react(user: str) -> str:
            await world.slack.react(user, replies[user], emoji)
            return read(await whispered(world, user, "")) if emoji == "outbox_tray" else ""

        return react

    return arrange


def commanding(text: str) -> Callable[[World], Awaitable[Act]]:
    async def arrange(world: World) -> Act:
        async def command(user: str) -> str:
            return await world.whispered(text, user=user, channel="globex")

        return command

    return arrange


TABLE = {
    "sms_again": Row(failing("sms_again")),
    "sms_edit": Row(failing("sms_edit")),
    "sms_cancel": Row(waiting("sms_cancel"), settings=QUIET, night=True),
    "sms_send_now": Row(waiting("sms_send_now"), settings=QUIET, night=True),
    "sms_opt_out": Row(asked("sms_opt_out")),
    "sms_keep": Row(asked("sms_keep")),
    "sms_text_reply": Row(held),
    "sms_text_anyway": Row(met),
    "sms_undo": Row(undoable, settings={"sms_undo_seconds": 600}, mode=Mode.AUTO),
    "sms_opt_in": Row(confirming(f"optin {PHONE} {CANARY}", "sms_opt_in"), told=PEOPLE | {"alice": ADMIN}),
    "sms_erase": Row(confirming(f"erase {PHONE}", "sms_erase"), told=PEOPLE | {"alice": ADMIN}),
    "sms_dismiss": Row(dismissed, told=NOBODY),
    "sms_send": Row(submitted),
    "sms_text": Row(filling("text", "sms_text", CANARY), told=NOBODY),
    "sms_to": Row(filling("to", "sms_to", PHONE), told=NOBODY),
    "sms_how": Row(filling("how", "sms_how", "group"), told=NOBODY),
    "sms_from, chosen": Row(filling("from", "sms_from", "+12078152557"), told=NOBODY),
    "sms_from": Row(searched, told=NOBODY),
    "sms_use": Row(offered, told=NOBODY),
    "sms_new": Row(anywhere),
    "sms_from_message": Row(choosing("sms_from_message")),
    "sms_send_reply": Row(choosing("sms_send_reply")),
    "outbox_tray": Row(reacting("outbox_tray"), told=NOBODY),
    "outbox_tray, their own": Row(reacting_to_own("outbox_tray")),
    "x": Row(reacting("x"), told=NOBODY, settings={"sms_undo_seconds": 600}, mode=Mode.AUTO),
    "x, their own": Row(reacting_to_own("x"), told=NOBODY),
    "/sms": Row(commanding("")),
    "/sms text": Row(commanding(f"{PHONE} {CANARY}")),
    "/sms status": Row(commanding("status")),
    "/sms mode": Row(commanding("mode auto"), told=PEOPLE | {"alice": ADMIN}),
}


@pytest.mark.parametrize("name", TABLE)
async def test_outsider_changes_nothing(sqlite_url: str, name: str, logs: io.StringIO):
    """Whatever they press, they read why not, and that is all that comes of it."""
    row = TABLE[name]
    settings = SET | row.settings
    async with open_database(sqlite_url) as engine:
        await RuleStore(engine).set_channel_rule(PLACE, ChannelRule(row.mode))
    async with open_stage(sqlite_url) as world:
        for user in PEOPLE:
            world.slack.channel("globex").members.add(world.slack.workspace.person(user).id)
        if row.night:
            world.clock.move((NIGHT - world.clock.now()).total_seconds())
        async with world.bot(**settings):
            await world.know_numbers()
            act = await row.arrange(world)
            await settle(world)
        before = await look(world)
        async with world.bot(**settings):
            lines(world, logs)
            told, logged = {}, []
            for user in row.told:
                told[user] = await act(user)
                logged.append(lines(world, logs))
        after = await look(world)

    assert told == row.told
    assert changes(before, after) == []
    assert max(map(len, logged)) <= 1, logged


def test_every_button_has_a_row():
    """A new button, form, shortcut or search without one would be pressed by nobody here."""
    kinds = {"action", "view", "shortcut", "options", "view_submission", "view_closed", "block_action"}
    taken = set()
    for path in SLACK.glob("*.py"):
        module = import_module(f"bot.slack.{path.stem}")
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        for node in nodes:
            match node:
                case ast.For(target=ast.Name(id="name"), iter=ast.Attribute(value=ast.Name(id="modal")) as names):
                    taken |= set(attrgetter(ast.unparse(names))(module))
                case ast.Call(func=ast.Attribute(value=ast.Name(id="app")), args=[ast.Name(id="name")]):
                    continue  # one of those
                case ast.Call(func=ast.Attribute(value=ast.Name(id="app"), attr=kind), args=[name]) if kind in kinds:
                    taken.add(attrgetter(ast.unparse(name))(module))

    assert len(taken) > 10
    assert taken <= set(TABLE)

"""STOP, HELP and START: who is left alone, what is answered, and what people in Slack read of it."""

import pytest

from playground.carrier import Fault, Kind
from playground.slack.workspace import Message
from tests.scenarios.reading import read
from tests.scenarios.world import DIGITS, PHONE, World

OURS = "15162065575"
STOPPED = "Acme: You are opted out and will get no more texts from us. Reply START to get them again."
REFUSED = (
    "(516) 206-5576 has asked for no more texts, so nothing was sent. "
    "They get texts again when they text START to your number."
)


async def say(world: World, text: str, count: int) -> Message:
    """The phone says something; the root of its thread, once so many of its texts are shown there."""
    world.carrier.inbound(DIGITS, OURS, text, at=world.clock.now())
    root = await world.root("general")
    await world.slack.until(
        lambda slack: (
            count
            == sum(
                " texted" in read(each) for each in (slack.channel("general").history[root.ts], *slack.thread(root.ts))
            )
        )
    )
    return root


async def test_stop_is_confirmed_once_and_then_nothing_goes(each_world: World):
    """Whoever presses what: an inline text, and an answer in the thread."""
    world = each_world
    root = await say(world, "Stop. Thank you", 1)
    confirmed = await world.posted()
    await world.shown(root, "Answered STOP by itself", STOPPED)
    refused = await world.whispered(f"{PHONE} are you sure?")
    await say(world, "stop", 2)
    again = await world.whispered(f"{PHONE} really?")

    assert (confirmed.recipients, confirmed.text) == ((DIGITS,), STOPPED)
    assert [refused, again] == [REFUSED, REFUSED]
    assert "Opted out: nobody can text this number from here until it texts START." in read(root)
    assert len(world.carrier.posts) == 1


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        (
            "Arrêt",
            "Acme: C'est fait, vous ne recevrez plus nos textos. Répondez START pour les recevoir de nouveau.",
        ),
        ("ALTO", "Acme: Listo: ya no le enviaremos mensajes. Responda START para recibirlos de nuevo."),
        (
            "AIDE",
            (
                "Acme: Pour de l'aide, répondez à ce texto. Répondez ARRET pour ne plus en recevoir. "
                "Frais de msg et données possibles."
            ),
        ),
        (
            "ayuda",
            (
                "Acme: Para ayuda responda a este mensaje. Responda ALTO para no recibir mensajes. "
                "Pueden aplicar cargos de msj y datos."
            ),
        ),
    ],
)
async def test_answer_is_in_the_keywords_language(world: World, word: str, answer: str):
    """Canada's ARRET and AIDE in French, ALTO in Spanish."""
    root = await say(world, word, 1)
    post = await world.posted()
    await world.shown(root, answer)

    assert (post.text, len(world.carrier.posts)) == (answer, 1)


async def test_start_lifts_the_block(world: World):
    """YES does too, from somebody who is blocked; from others it is ordinary speech."""
    await say(world, "yes", 1)
    await say(world, "STOP", 2)
    await world.posted()
    root = await say(world, "Yes", 3)
    await world.shown(root, "Opted in again: this number may be texted.", place=2)
    await world.command(f"{PHONE} welcome back")
    post = await world.posted(2)

    assert post.text == "welcome back"


async def test_reply_to_a_stopped_number_is_offered_no_button(world: World):
    """It would be refused when pressed; who wrote it reads so at once."""
    await say(world, "hello", 1)
    root = await say(world, "STOP", 2)
    await world.posted()
    await world.slack.say("alice", "general", "one more thing", thread_ts=root.ts)
    [whisper] = await world.slack.until(lambda slack: [said for said in slack.ephemerals if "stays" in read(said)])

    assert "(516) 206-5576 has asked for no more texts" in read(whisper)
    assert [block["type"] for block in whisper.blocks if block["type"] == "actions"] == []


async def test_help_says_who_we_are_at_most_once_an_hour(world: World):
    """Brand, contact, how to stop, and what it costs."""
    await say(world, "help", 1)
    post = await world.posted()
    await say(world, "HELP!", 2)
    world.clock.move(3700)
    await say(world, "help", 3)
    await world.posted(2)

    assert post.text == (
        "Acme: For help reply to this text. Reply STOP to get no more texts. Msg&Data rates may apply."
    )
    assert len(world.carrier.posts) == 2


async def test_confirmation_that_would_come_too_late_is_dropped(world: World):
    """Five minutes after CarrierX received the STOP it would be a text that nobody wants."""
    old = world.clock.now().replace(microsecond=0)
    world.clock.move(600)
    world.carrier.inbound(DIGITS, OURS, "STOP", at=old)
    root = await world.root("general")
    refused = await world.whispered(f"{PHONE} hello")

    assert refused == REFUSED
    assert "Opted out" in read(root)
    assert world.carrier.posts == []


@pytest.mark.parametrize(("label", "said"), [("Opt out", "opted them out"), ("Keep", "this is no wish to stop")])
async def test_person_decides_what_only_may_be_a_wish(world: World, label: str, said: str):
    """Nobody is opted out by a guess; the answer of whoever presses first counts."""
    root = await say(world, "please stop texting me", 1)
    block = next(block for block in root.blocks if block["type"] == "actions")
    button = next(each for each in block["elements"] if each["text"]["text"] == label)
    await world.slack.press("alice", root, button["action_id"])
    await world.headed(root, "<@U0ALICE>", said)
    outcome = await world.command(f"{PHONE} hello")

    assert (outcome.ephemeral is not None) == (label == "Opt out")
    assert "[Opt out]" not in read(world.slack.channel("general").history[root.ts])


async def test_stop_settles_what_was_only_asked(world: World):
    """Nobody is asked to decide what the person has said since."""
    root = await say(world, "please stop texting me", 1)
    asked = await world.headed(root, "[Opt out] [Keep]")
    await say(world, "STOP", 2)
    await world.slack.until(lambda slack: "[Keep]" not in read(slack.channel("general").history[root.ts]))

    assert "What do you say?" in asked


async def test_waiting_text_does_not_go_to_somebody_who_said_stop(each_world: World):
    """Its failure calls its sender, with the reason."""
    world = each_world
    await world.know_numbers()  # a connection in the making would outlive the end
    await world.carrier.go_down()
    root = await world.text("Running late")
    await world.shown(root, "waiting", "CarrierX is not answering")
    status = await world.receipt(
        {
            "message_sid": "4b0e4f5e-0000-4000-8000-000000000001",
            "direction": "inbound",
            "from": DIGITS,
            "to": OURS,
            "message": "STOP",
            "status": "received",
        }
    )
    await world.replied(root, "<@U0ALICE>", "asked for no more texts")
    await world.carrier.come_up()
    world.clock.move(600)
    await say_nothing(world)

    assert status == 200
    assert [post.text for post in world.carrier.posts if post.text == "Running late"] == []


async def test_text_that_carrierx_has_already_is_told_as_such(each_world: World):
    """STOP came while the request was under way: it may arrive, so nobody reads that it was not sent."""
    world = each_world
    held = world.carrier.arm(Fault(Kind.HOLD_AFTER, number=DIGITS))
    root = await world.text("Running late")
    await held.arrived.wait()
    world.carrier.inbound(DIGITS, OURS, "STOP", at=world.clock.now())
    await world.replied(root, "Opted out: nobody can text this number")
    held.release()
    said = await world.shown(root, "queued · sms")
    await world.posted(2)

    assert "no more texts" not in said
    assert [post.text for post in world.carrier.posts] == ["Running late", STOPPED]


async def say_nothing(world: World) -> None:
    """Let whatever is due go: a text to somebody else comes through."""
    await world.command("+15162065574 somebody else")
    await world.carrier.until(lambda carrier: any(post.text == "somebody else" for post in carrier.posts))


async def test_history_opts_people_out_and_is_not_shown(sqlite_url: str):
    """At the first start ever only those who said STOP before matter."""
    from tests.scenarios.world import open_world  # noqa: PLC0415 -- the only one that prepares a world

    def prepare(world: World) -> None:
        world.carrier.inbound(DIGITS, OURS, "STOP", lost=True)
        world.carrier.inbound("12075550123", OURS, "hello", lost=True)

    async with open_world(sqlite_url, prepare=prepare) as world:
        world.carrier.inbound("15162065574", OURS, "now")
        await world.root("general")
        refused = await world.whispered(f"{PHONE} hello")

        assert refused == REFUSED
        assert len(world.slack.channel("general").messages) == 1

"""What people see of a text's life."""

from tests.scenarios.world import DIGITS, SHOWN, World


async def test_text_is_followed_to_its_delivery(each_world: World):
    """One channel message and one reply, edited in place from `queued` by `sent` to `delivered in … s`."""
    world = each_world
    root = await world.text("Running ten minutes late")
    post = await world.posted()
    queued = await world.shown(root, "queued · sms · 1 segment", "accepted {time}", "sending {time}", "queued {time}")
    world.carrier.move(post.sid, "sent")
    sent = await world.shown(root, "sent · sms · 1 segment", "queued {time}", "sent {time}")
    world.carrier.deliver(post.sid)
    delivered = await world.shown(root, "delivered in ", "sent {time}", "delivered {time}")
    head = await world.headed(root, "delivered in ")

    assert (post.sender, post.recipients, post.text) == ("15162065575", (DIGITS,), "Running ten minutes late")
    firsts = [said.splitlines()[0].split(" · ") for said in (queued, sent, delivered)]
    assert [first[1:3] for first in firsts] == [["sms", "1 segment"]] * 3
    assert head.splitlines()[0] == f"alice texted {SHOWN} from Support (516) 206-5575"
    assert head.splitlines()[1] == "Running ten minutes late"
    assert len(world.replies(root)) == len(world.slack.channel("support").messages) == 1


async def test_every_message_has_words_for_notifications(world: World):
    """A real `text` fallback, which says the same as the blocks without their look."""
    root = await world.text("Running <b>late</b> & more")
    post = await world.posted()
    world.carrier.fail(post.sid, "undelivered")
    await world.shown(root, "[Try again]", place=1)
    await world.headed(root, "failed · sms")

    texts = [call.arguments["text"] for call in world.slack.called("chat.postMessage")]
    assert texts[0].startswith(
        f"alice texted {SHOWN} from Support (516) 206-5575: Running &lt;b&gt;late&lt;/b&gt; &amp; more · "
    )
    assert texts[2] == (
        f"<@U0ALICE> Your text to {SHOWN} was not delivered. The phone's network could not deliver it. "
        "The phone may be off or out of reach: try again later, or call."
    )
    assert all(text.strip() for text in texts)


async def test_price_is_shown_when_it_comes(world: World):
    """CarrierX names it in a receipt; until then nothing is made up."""
    root = await world.text()
    post = await world.posted()
    before = await world.shown(root, "queued · sms · 1 segment")
    status = await world.receipt(
        {"message_sid": post.sid, "status": "delivered", "user_data": post.user_data, "price": "0.0075"}
    )
    after = await world.shown(root, "delivered · sms · 1 segment · $0.0075")

    assert status == 200
    assert "$" not in before
    assert " in " not in after.splitlines()[0]  # without CarrierX's two times nothing is computed from ours


async def test_nobody_is_pinged_by_a_text(world: World):
    """Mentions reach the phone as names; in Slack they stand in the text and call nobody."""
    await world.text("@channel @here @ben <!everyone> <@U0BEN> <!subteam^S1>")
    post = await world.posted()
    typed = {"text": "<!channel> <@U0BEN> @here", "to": "+12075550123"}
    view = await world.form()
    await world.fill(view, **typed)
    await world.slack.submit("alice")
    second = await world.posted(2)
    root = await world.root()
    await world.shown(root, "queued")

    assert post.text == "@channel @here @ben <!everyone> <@U0BEN> <!subteam^S1>"
    assert second.text == "<!channel> <@U0BEN> @here"
    assert world.slack.pings == []


async def test_segments_of_carrierx_are_shown(world: World):
    """What CarrierX counts is shown, not what we would."""
    root = await world.text("x" * 321)

    assert "queued · sms · 3 segments" in await world.shown(root, "queued")

"""What people and phones do on the page beyond sending: answer, edit, react, move the clock, let Slack break."""

import re
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import NARROW, WIDE, Screen, Studio
from tests.browser.test_rendering import CONTRAST, button

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]  # one Chromium for all

SUPPORT, ALICE = "C0SUPPORT", "U0ALICE"
ANNA = "+12125550123"
OURS = "15162065575"


async def open_thread(studio: Studio, size: tuple[int, int] = WIDE, **more: Any) -> tuple[Screen, str]:
    """A thread of the app with one reply of Alice's, open on her screen."""
    root = await studio.app.chat_postMessage(channel=SUPPORT, text="texted +1 212-555-0123")
    await studio.slack.say("alice", SUPPORT, "on our way", thread_ts=root["ts"])
    screen = await studio.visits.open(size, where=f"as={ALICE}&channel={SUPPORT}&thread={root['ts']}", **more)
    return screen, root["ts"]


def message(screen: Screen, words: str) -> Locator:
    """A message of the open thread."""
    return screen.thread.get_by_role("article").filter(has_text=words)


async def test_a_phone_answers_with_the_keyboard(studio: Studio) -> None:
    """What is typed on it goes with Enter, stands on the right, and the box is ready for the next."""
    studio.carrier.inbound(ANNA, OURS, "hello")
    screen = await studio.visits.open()
    phone = screen.page.get_by_role("article", name="Phone +1 212-555-0123")
    box = phone.get_by_role("textbox", name="Text from +1 212-555-0123")

    await box.fill("is anybody there?")
    await box.press("Enter")

    await expect(phone.locator(".text.mine")).to_contain_text(["hello", "is anybody there?"])
    await expect(box).to_be_focused()
    await expect(box).to_have_value("")
    await phone.get_by_role("button", name="STOP", exact=True).click()
    await expect(phone.locator(".text.mine")).to_have_count(3)
    assert [each.text for each in studio.carrier.inbounds.values()] == ["hello", "is anybody there?", "STOP"]
    assert screen.troubles == []


async def test_a_draft_on_a_phone_outlives_what_comes(studio: Studio) -> None:
    """Neither words nor focus are lost when another text arrives there or elsewhere."""
    studio.carrier.inbound(ANNA, OURS, "hello")
    screen = await studio.visits.open()
    box = screen.page.get_by_role("textbox", name="Text from +1 212-555-0123")
    await box.press_sequentially("half a")

    studio.carrier.inbound("+13475550142", OURS, "another phone")
    studio.carrier.inbound(ANNA, OURS, "from elsewhere")
    await expect(screen.page.get_by_role("article", name="Phone +1 347-555-0142")).to_contain_text("another phone")
    await screen.page.keyboard.type(" sentence")

    await expect(box).to_have_value("half a sentence")
    await expect(box).to_be_focused()


async def test_another_phone_texts_first(studio: Studio) -> None:
    """By any number, to any of ours; a number that is none is said to be none."""
    screen = await studio.visits.open()
    await screen.page.get_by_text("Let another phone text first").click()
    box = screen.page.get_by_role("textbox", name="Text from another phone")
    await screen.page.get_by_role("combobox", name="Texts to").select_option("To Sales, +1 207-815-2557")
    await box.fill("Do you deliver on Sundays?")
    await box.press("Enter")

    await expect(screen.page.get_by_role("article", name="Phone +1 347-555-0199")).to_contain_text("on Sundays?")
    await screen.page.get_by_role("textbox", name="Its number").fill("12")
    await box.fill("nobody")
    await box.press("Enter")
    await expect(screen.page.get_by_role("alert")).to_contain_text("is no phone number")
    assert [(each.sender, each.to) for each in studio.carrier.inbounds.values()] == [("13475550199", "12078152557")]


async def test_a_phone_chooses_whom_it_answers(studio: Studio) -> None:
    """With several conversations it is the newest, unless another is chosen."""
    studio.carrier.inbound(ANNA, "12078152557", "to sales")
    studio.carrier.inbound(ANNA, OURS, "to support")
    screen = await studio.visits.open()
    phone = screen.page.get_by_role("article", name="Phone +1 212-555-0123")
    box = phone.get_by_role("textbox")
    await box.fill("newest")
    await box.press("Enter")
    await phone.get_by_role("combobox", name="Conversation").select_option("To +1 207-815-2557")
    await box.fill("chosen")
    await box.press("Enter")

    await studio.carrier.until(lambda carrier: len(carrier.inbounds) == 4)
    assert [each.to for each in studio.carrier.inbounds.values()][2:] == [OURS, "12078152557"]


async def test_a_reply_is_edited_with_the_keyboard(studio: Studio) -> None:
    """The box has what was typed, Escape changes nothing, Enter saves."""
    screen, root = await open_thread(studio)
    await studio.slack.say("alice", SUPPORT, "ask <@U0BEN> &amp; <#C0RANDOM|random>", thread_ts=root)
    mine = message(screen, "ask")
    await mine.hover()
    await mine.get_by_role("button", name="More actions").press("Enter")
    await screen.page.get_by_role("menuitem", name="Edit message").press("Enter")
    box = screen.thread.get_by_role("textbox", name="Edit message")
    await expect(box).to_be_focused()
    await expect(box).to_have_value("ask @ben & #random")
    await box.press("Escape")
    await expect(box).to_have_count(0)

    await mine.get_by_role("button", name="More actions").press("Enter")
    await screen.page.get_by_role("menuitem", name="Edit message").press("Enter")
    await box.fill("ask @olivia")
    await studio.slack.react("ben", studio.slack.thread(root)[-1], "eyes")
    await expect(mine.or_(screen.thread).get_by_role("button", name=":eyes:, 1")).to_be_visible()
    await expect(box).to_have_value("ask @olivia")
    await expect(box).to_be_focused()
    await box.press("Enter")

    await expect(message(screen, "ask @olivia")).to_contain_text("(edited)")
    await expect(screen.thread.get_by_role("textbox", name="Reply")).to_be_focused()
    assert studio.slack.thread(root)[-1].text == "ask <@U0OLIVIA>"


async def test_a_reply_is_deleted_after_a_question(studio: Studio) -> None:
    """Only one's own has the choice at all."""
    screen, root = await open_thread(studio)
    mine = message(screen, "on our way")
    await mine.hover()
    await mine.get_by_role("button", name="More actions").click()
    await screen.page.get_by_role("menuitem", name="Delete message").click()
    await screen.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(mine).to_have_count(0)

    theirs = message(screen, "texted")
    await theirs.hover()
    await theirs.get_by_role("button", name="More actions").click()
    await expect(screen.page.get_by_role("menuitem", name="Send to phone")).to_be_visible()
    await expect(screen.page.get_by_role("menuitem", name="Delete message")).to_have_count(0)
    assert studio.slack.thread(root) == ()


async def test_emoji_are_given_and_taken(studio: Studio) -> None:
    """From the menu, and by pressing what stands there; the count and whose it is are said."""
    screen, root = await open_thread(studio)
    await studio.app.reactions_add(channel=SUPPORT, timestamp=studio.slack.thread(root)[0].ts, name="outbox_tray")
    mine = message(screen, "on our way")
    given = mine.get_by_role("button", name=re.compile(":outbox_tray:"))
    await expect(given).to_have_text("📤1")
    await expect(given).to_have_attribute("aria-pressed", "false")

    await mine.hover()
    await mine.get_by_role("button", name="Add reaction").first.click()
    await screen.page.get_by_role("menuitemradio", name=":outbox_tray: Send to phone").press("Enter")
    await expect(given).to_have_text("📤2")
    await expect(given).to_have_attribute("aria-pressed", "true")
    await expect(given).to_have_attribute("title", "Threadtext and alice reacted with :outbox_tray:")
    await given.press("Enter")

    await expect(given).to_have_text("📤1")
    await expect(given).to_be_focused()


async def test_a_reply_to_the_channel_stands_in_both(studio: Studio) -> None:
    """In the channel it says to which thread, and leads there."""
    screen, root = await open_thread(studio)
    await screen.thread.get_by_role("checkbox", name="Also send to #support").check()
    reply = screen.thread.get_by_role("textbox", name="Reply")
    await reply.fill("all of you")
    await reply.press("Enter")

    await expect(message(screen, "all of you")).to_contain_text("Also sent to the channel")
    await expect(screen.thread.get_by_role("checkbox")).not_to_be_checked()
    shown = screen.messages.get_by_role("article").filter(has_text="all of you")
    await expect(shown).to_contain_text("replied to a thread:")
    await screen.thread.get_by_role("button", name="Close thread").click()
    await shown.get_by_role("button", name="texted +1 212-555-0123").click()
    await expect(screen.reply).to_be_focused()
    await expect(screen.thread).to_contain_text("on our way")
    assert studio.slack.thread(root)[-1].broadcast


async def test_the_line_over_a_reply_to_the_channel_cuts_no_emoji_in_two(studio: Studio) -> None:
    """Half of one is a box."""
    screen = await studio.visits.open()
    root = await studio.app.chat_postMessage(channel=SUPPORT, text="x" * 78 + "🎉" * 9)

    await studio.app.chat_postMessage(channel=SUPPORT, text="more", thread_ts=str(root["ts"]), reply_broadcast=True)

    line = screen.messages.get_by_role("article").filter(has_text="replied to a thread:").get_by_role("button").first
    await expect(line).to_have_text("x" * 78 + "🎉…")


async def test_a_note_among_colleagues_is_no_command(studio: Studio) -> None:
    """`//` begins one; a command in a thread is refused, as Slack refuses it."""
    screen, root = await open_thread(studio)
    reply = screen.thread.get_by_role("textbox", name="Reply")
    await reply.fill("// not for the customer")
    await reply.press("Enter")
    await expect(message(screen, "// not for the customer")).to_be_visible()
    await reply.fill("/sms help")
    await reply.press("Enter")

    await expect(screen.thread.get_by_role("alert")).to_contain_text("/sms does not work in threads")
    assert len(studio.slack.thread(root)) == 2


async def test_buttons_for_one_person_stand_in_the_thread(studio: Studio) -> None:
    """They count as no reply, and a reload takes them."""
    screen, root = await open_thread(studio)
    acts = [{"type": "actions", "elements": [button("Send to phone", style="primary")]}]
    await studio.app.chat_postEphemeral(channel=SUPPORT, user=ALICE, thread_ts=root, text="Not sent", blocks=acts)

    await expect(screen.thread).to_contain_text("Only visible to you")
    await expect(screen.thread.get_by_role("button", name="Send to phone")).to_be_visible()
    await expect(screen.messages.get_by_role("button", name="1 reply")).to_be_visible()
    await screen.page.reload()
    await expect(screen.thread).to_contain_text("on our way")
    await expect(screen.thread.get_by_role("button", name="Send to phone")).to_have_count(0)


async def test_everybody_who_writes_is_told_apart(studio: Studio) -> None:
    """Guests, other companies, apps, workflows; files by name, and what was deleted as a stone."""
    screen = await studio.visits.open(where=f"as={ALICE}&channel=C0GLOBEX")
    await studio.slack.say("erin", "globex", "from outside", files=1)
    await studio.slack.post_as_workflow("globex", "by the clock")
    parent = await studio.slack.say("alice", "globex", "a question")
    await studio.slack.say("ben", "globex", "an answer", thread_ts=parent.ts)
    await studio.slack.delete("alice", parent)

    articles = screen.messages.get_by_role("article")
    await expect(articles).to_contain_text(["EXTERNAL", "WORKFLOW", "This message was deleted."])
    await expect(articles.first).to_contain_text("A file of another company")
    assert await screen.page.evaluate("window.__unknown") == []


async def test_a_dm_of_several_has_their_names(studio: Studio) -> None:
    """In the sidebar and in its title, and one can write there."""
    opened = await studio.app.conversations_open(users="U0ALICE,U0BEN,U0OLIVIA")
    await studio.app.chat_postMessage(channel=opened["channel"]["id"], text="a text without a channel")
    screen = await studio.visits.open()

    await screen.page.get_by_role("button", name="ben, olivia").click()
    await expect(screen.messages).to_contain_text("a text without a channel")
    await screen.type("thank you")

    await expect(screen.messages).to_contain_text("thank you")
    await expect(screen.page.get_by_role("heading", name="ben, olivia")).to_be_visible()


async def test_the_strip_is_driven_with_the_keyboard(studio: Studio) -> None:
    """Arrows lead from tab to tab; what is not as usual has a mark."""
    screen = await studio.visits.open()
    await screen.page.get_by_role("tab", name="Sending").focus()
    await screen.page.keyboard.press("ArrowRight")
    await expect(screen.page.get_by_role("tab", name="Receiving")).to_be_focused()
    await screen.inbound("Lost")
    await expect(screen.page.get_by_role("tab", name="Receiving not as usual")).to_be_visible()
    await screen.page.get_by_role("checkbox", name="Its records have other ids").check()
    await screen.slack("Slow")

    await expect(screen.page.get_by_text("answers after four seconds")).to_be_visible()
    assert studio.carrier.behaviour.inbound_lost
    assert not studio.carrier.behaviour.dr_sid_is_message_sid


async def test_the_clock_is_moved_by_a_menu(studio: Studio) -> None:
    """It says that it was moved, and what happens then is of that time."""
    screen = await studio.visits.open()
    await screen.page.get_by_role("button", name="Move the clock").press("Enter")
    await screen.page.get_by_role("menuitem", name="8:05 in the morning").press("Enter")

    await expect(screen.page.get_by_role("button", name="The clock was moved on to")).to_contain_text("8:05 AM")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_all_of_it_can_be_read_and_stays_in_the_window(
    studio: Studio, size: tuple[int, int], *, dark: bool
) -> None:
    """4.5 to 1 everywhere, and nothing wider than the window."""
    studio.carrier.inbound(ANNA, OURS, "hello")
    studio.carrier.inbound(ANNA, "12078152557", "A" * 300)
    screen, root = await open_thread(studio, size, dark=dark)
    await studio.slack.react("alice", studio.slack.thread(root)[0], "outbox_tray")
    await studio.slack.say("ben", SUPPORT, "B" * 300, thread_ts=root, files=1, broadcast=True)
    await expect(screen.thread).to_contain_text("BBBB")
    wide = "document.documentElement.scrollWidth > innerWidth"
    first = await screen.page.evaluate(wide), await screen.page.evaluate(CONTRAST)
    tab = screen.page.get_by_role("tab", name="Phones")
    if size == NARROW:
        await tab.click()
    await screen.page.get_by_text("Let another phone text first").click()

    assert first == (False, [])
    assert (await screen.page.evaluate(wide), await screen.page.evaluate(CONTRAST)) == (False, [])

"""Whole conversations with a phone, in a real browser, with the real bot between the pretend services."""

import pytest
from playwright.async_api import expect

from playground.stage import Playground
from tests.browser.conftest import Screen

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]  # one Chromium for all

ANNA = "+1 212-555-0123"
TALK = {
    "SMS_INBOUND_CHANNEL": "C0SUPPORT",
    "SMS_ADMINS": "U0ALICE",
    "SMS_HELP_CONTACT": "(516) 206-5500",
    "SMS_UNDO_SECONDS": "300",  # no machine is so slow; the clock is moved on where a text shall go
}
NIGHT = {"SMS_QUIET_HOURS": "21:00-08:00"}


async def open_conversation(screen: Screen, text: str) -> None:
    """Let Anna's phone text first, and open the thread that it begins."""
    await screen.page.get_by_text("Let another phone text first").click()
    await screen.page.get_by_role("textbox", name="Its number").fill(ANNA)
    box = screen.page.get_by_role("textbox", name="Text from another phone")
    await box.fill(text)
    await box.press("Enter")
    root = screen.messages.get_by_role("article").filter(has_text=text)
    await root.hover()
    await root.get_by_role("button", name="Reply in thread").click()
    await screen.page.get_by_text("Let another phone text first").click()
    await expect(screen.thread).to_contain_text(f"(212) 555-0123 texted Support (516) 206-5575{text}")


@pytest.mark.parametrize("playground", [TALK], indirect=True)
async def test_a_conversation_until_stop(  # noqa: PLR0915 -- it takes that many turns
    playground: Playground, screen: Screen
) -> None:
    """A phone writes, two answers go as the mode says, a note and an undone one stay, and STOP ends it."""
    phone, only_me = screen.phone(ANNA), screen.thread.locator(".ephemeral")
    await open_conversation(screen, "Hi! Is my bike ready?")
    await screen.shoot("inbound")

    asked = await screen.say("Yes, come by until six")
    await expect(only_me).to_contain_text("Your reply stays in Slack until you send it.")
    await expect(asked.get_by_role("button", name=":no_mobile_phones:, 1")).to_be_visible()
    await screen.shoot("ask")
    assert playground.carrier.posts == []
    await only_me.get_by_role("button", name="Send to phone").click()
    await expect(phone).to_contain_text("Yes, come by until six")
    await expect(asked.get_by_role("button", name=":white_check_mark:, 1")).to_be_visible()
    await expect(only_me).to_have_count(0)
    await screen.shoot("sent")

    await screen.type("/sms mode auto")
    await expect(screen.messages).to_contain_text("auto")
    await phone.get_by_role("textbox").fill("Great. Can I pay by card?")
    await phone.get_by_role("textbox").press("Enter")
    await expect(screen.thread).to_contain_text("pay by card?")
    auto = await screen.say("Sure, cards are fine")
    await expect(only_me).to_contain_text("It goes to the phone 300 s after you wrote it.")
    await screen.shoot("auto")
    await screen.move_clock("10 minutes later")
    await expect(phone).to_contain_text("Sure, cards are fine")
    await expect(auto.get_by_role("button", name=":white_check_mark:, 1")).to_be_visible()
    await screen.reload()  # takes what only Alice saw, as in Slack
    await screen.shoot("conversation")

    note = await screen.say("// @ben she still owes us for the lamp")
    await expect(note.get_by_role("button", name=":lock:, 1")).to_be_visible()
    await screen.shoot("note")

    wrong = await screen.say("Wrong thread, sorry")
    await only_me.get_by_role("button", name="Undo").click()
    await expect(wrong.get_by_role("button", name=":no_mobile_phones:, 1")).to_be_visible()
    await expect(only_me).to_have_count(0)
    await screen.shoot("undo")

    await phone.get_by_role("button", name="STOP", exact=True).click()
    await expect(phone).to_contain_text("Acme: You are opted out")
    await expect(screen.thread).to_contain_text("Opted out: nobody can text this number from here")
    await expect(screen.thread.get_by_role("article").last).to_contain_text("delivered")
    await screen.shoot("stop")

    refused = await screen.say("But your bike!")
    await expect(only_me).to_contain_text(
        "Your reply stays in Slack. (212) 555-0123 has asked for no more texts, so nothing was sent."
    )
    await expect(refused.get_by_role("button", name=":no_mobile_phones:, 1")).to_be_visible()
    await screen.move_clock("10 minutes later")
    await screen.type("/sms (212) 555-0123 But your bike!")
    await expect(screen.messages.locator(".ephemeral").last).to_contain_text("has asked for no more texts")
    await screen.shoot("refused")

    first, second, *rest = [post.text for post in playground.carrier.posts]
    assert (first, second) == ("Yes, come by until six", "Sure, cards are fine")
    assert [text.partition(" and ")[0] for text in rest] == ["Acme: You are opted out"]
    assert screen.troubles == []


@pytest.mark.parametrize("playground", [NIGHT], indirect=True)
async def test_a_text_of_the_evening_goes_in_the_morning(playground: Playground, screen: Screen) -> None:
    """The form says so before Send, the channel says so after it, and the phone is left alone until eight."""
    await screen.move_clock("9:05 in the evening")
    await screen.type("/sms")
    await screen.form.get_by_role("textbox", name="To", exact=True).fill("(212) 555-0123")
    await screen.form.get_by_role("textbox", name="Text (optional)").fill("Your bike is ready")
    await expect(screen.form).to_contain_text("It is 21:05 there: this text waits until 8:00 their time.")
    await screen.shoot("night-modal")
    await screen.form.get_by_role("button", name="Send", exact=True).click()

    await expect(screen.messages).to_contain_text("Waits until 8:00 their time (in 10 h 55 min).")
    await screen.messages.get_by_role("button", name="1 reply").click()
    await expect(screen.thread.get_by_role("button", name="Send now")).to_be_visible()
    await screen.shoot("night")
    assert playground.carrier.posts == []

    await screen.move_clock("8:05 in the morning")

    await expect(screen.phone(ANNA)).to_contain_text("Your bike is ready")
    await expect(screen.messages).to_contain_text("delivered")
    await screen.shoot("morning")
    assert (len(playground.carrier.posts), screen.troubles) == (1, [])

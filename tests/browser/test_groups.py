"""A group in a real browser, with the real bot: one phone fails, one answers, one says STOP."""

import re

import pytest
from playwright.async_api import expect

from playground.stage import Playground
from tests.browser.conftest import Screen

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]  # one Chromium for all

FOUR = ("+1 212-555-0123", "+1 347-555-0142", "+1 415-555-0132", "+1 917-555-0111")
ANNA, BERT, CLEO, DORA = FOUR


@pytest.mark.parametrize("playground", [{"SMS_INBOUND_CHANNEL": "C0GENERAL"}], indirect=True)
async def test_a_group_of_four_with_one_failing(playground: Playground, screen: Screen) -> None:
    """Three of four get it; one of them answers; the answer to that goes to all; after STOP it leaves one out."""
    only_me = screen.thread.locator(".ephemeral")
    await screen.page.get_by_text("Let another phone text first").click()
    await screen.page.get_by_role("textbox", name="Its number").fill(DORA)
    box = screen.page.get_by_role("textbox", name="Text from another phone")
    await box.fill("My number has changed")
    await box.press("Enter")
    await screen.page.get_by_text("Let another phone text first").click()
    dora = screen.phone(DORA)
    await dora.get_by_role("combobox", name="What becomes of texts").select_option("Could not be delivered")

    await screen.type("/sms")
    await screen.form.get_by_role("textbox", name="To", exact=True).fill(", ".join(FOUR))
    await screen.form.get_by_text("One group MMS").click()
    await screen.form.get_by_role("textbox", name="Text (optional)").fill("Rehearsal is at seven today")
    await screen.form.get_by_role("button", name="Send", exact=True).click()
    await expect(screen.messages).to_contain_text("3 of 4 delivered · 1 failed")
    await expect(screen.messages).to_contain_text("A reply goes to all 4.")
    for number in (ANNA, BERT, CLEO):
        await expect(screen.phone(number)).to_contain_text("Rehearsal is at seven today")
    await expect(dora).to_contain_text("never arrived")
    await screen.messages.get_by_role("button", name=re.compile("repl")).click()
    await expect(screen.thread).to_contain_text("Your text was not delivered to 1 of 4 phones.")
    await expect(screen.thread).to_contain_text("(917) 555-0111: failed")

    cleo = screen.phone(CLEO)
    await cleo.get_by_role("textbox").fill("I bring the drums")
    await cleo.get_by_role("textbox").press("Enter")
    await expect(screen.thread).to_contain_text("(415) 555-0132 textedI bring the drums")
    await expect(screen.phone(ANNA)).to_contain_text("I bring the drums")
    asked = await screen.say("The stage is free from six")
    await expect(only_me).to_contain_text("It goes to all 4: (212) 555-0123, (347) 555-0142")
    await only_me.get_by_role("button", name="Send to all 4").click()
    await expect(screen.phone(BERT)).to_contain_text("The stage is free from six")
    await expect(asked.get_by_role("button", name=":warning:, 1")).to_be_visible()
    await expect(screen.thread.get_by_text("3 of 4 delivered · 1 failed")).to_have_count(3)  # the root's as well
    said = screen.thread.get_by_role("article").filter(has_text="I bring the drums")
    await said.evaluate("said => said.scrollIntoView({block: 'start'})")
    await screen.shoot("group")

    await screen.phone(BERT).get_by_role("button", name="STOP", exact=True).click()
    await expect(screen.thread).to_contain_text("Replies here leave it out.")
    await expect(screen.messages).to_contain_text("A reply goes to 3 of 4, without (347) 555-0142")
    await screen.say("See you then")
    await expect(only_me).to_contain_text("It goes to 3 of 4, without (347) 555-0142, who has asked for no more texts.")
    await only_me.scroll_into_view_if_needed()
    await screen.shoot("group-stop")
    await only_me.get_by_role("button", name="Send to 3 of 4").click()
    await expect(screen.thread).to_contain_text("Not sent to (347) 555-0142, who has asked for no more texts.")
    await expect(screen.phone(ANNA)).to_contain_text("See you then")

    groups = [sorted(post.recipients) for post in playground.carrier.posts if post.group]
    assert [len(group) for group in groups] == [4, 4, 3]
    assert "13475550142" not in groups[-1]
    assert screen.troubles == []

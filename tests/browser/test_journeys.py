"""What a person does in the playground, in a real browser, with the real bot between the pretend services."""

import re

import pytest
from playwright.async_api import expect

from playground.stage import Playground
from tests.browser.conftest import NARROW, Screen, Visits

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]  # one Chromium for all


async def test_inline_send(playground: Playground, screen: Screen) -> None:
    """A text typed in the channel is on the phone, and the channel says that it was delivered."""
    await screen.type("/sms (212) 555-0123 Running ten minutes late :wave: AT&T")

    phone = screen.page.get_by_role("article", name="Phone +1 212-555-0123")
    await expect(phone).to_contain_text("Running ten minutes late 👋 AT&T")
    await expect(phone).to_contain_text("delivered")
    await expect(screen.messages).to_contain_text("delivered in")
    await screen.messages.get_by_role("button", name="1 reply").click()
    await expect(screen.thread).to_contain_text("delivered in")
    await screen.shoot("inline")
    assert (len(playground.carrier.posts), screen.troubles) == (1, [])


async def test_modal_send_with_an_error_first(playground: Playground, screen: Screen) -> None:
    """A mistake stands under its field, what was typed stays, and mended it goes out."""
    await screen.type("/sms")
    to = screen.form.get_by_role("textbox", name="To", exact=True)
    text = screen.form.get_by_role("textbox", name="Text (optional)")
    send = screen.form.get_by_role("button", name="Send", exact=True)
    await to.fill("911")
    await text.fill("Your table is ready “by the window”")
    await expect(screen.form).to_contain_text("UCS-2")

    await send.click()
    await expect(to).to_have_attribute("aria-invalid", "true")
    await expect(to).to_be_focused()
    await expect(screen.form.locator("#field-to-error")).to_contain_text("911 is an emergency number")
    await expect(text).to_have_value("Your table is ready “by the window”")
    await screen.shoot("modal-error")
    await to.fill("(212) 555-0123")
    await send.click()

    await expect(screen.form).to_have_count(0)
    await expect(screen.messages).to_contain_text("delivered in")
    await expect(screen.page.get_by_role("article", name="Phone +1 212-555-0123")).to_contain_text(
        "Your table is ready"
    )
    assert (len(playground.carrier.posts), screen.troubles) == (1, [])


async def test_group_mms_with_a_picture(playground: Playground, screen: Screen) -> None:
    """One group MMS from the example: both phones show the picture and each other."""
    await screen.page.get_by_role("button", name="Group with a picture").click()
    await screen.composer.press("Enter")
    await expect(screen.form.get_by_role("radio", name=re.compile("One group MMS"))).to_be_checked()
    await screen.shoot("group-modal")

    await screen.form.get_by_role("button", name="Send", exact=True).click()

    for number, other in (("+1 212-555-0123", "+1 347-555-0142"), ("+1 347-555-0142", "+1 212-555-0123")):
        phone = screen.page.get_by_role("article", name=f"Phone {number}")
        await expect(phone).to_contain_text("The new harbour")
        await expect(phone.get_by_role("heading")).to_contain_text(other)
        await expect(phone.get_by_role("img")).to_have_js_property("naturalWidth", 320)
    await expect(screen.messages).to_contain_text("2 of 2 delivered")
    assert ([post.group for post in playground.carrier.posts], screen.troubles) == ([True], [])


async def test_failure_and_try_again(playground: Playground, screen: Screen) -> None:
    """A failure says what happened and what to do; Try again sends one more text, which arrives."""
    await screen.carrier("Fail")
    await screen.type("/sms (212) 555-0123 Your parcel is here")
    await expect(screen.messages).to_contain_text("failed")
    await screen.messages.get_by_role("button", name=re.compile("repl")).click()
    again = screen.thread.get_by_role("button", name="Try again")
    await expect(again).to_be_visible()
    await expect(screen.thread).to_contain_text("could not deliver it")
    await screen.shoot("failure")
    await screen.carrier("Deliver")

    await again.click()

    await expect(screen.messages).to_contain_text("delivered in")
    await expect(screen.page.get_by_role("article", name="Phone +1 212-555-0123")).to_contain_text("delivered")
    await expect(again).to_have_count(0)
    await screen.shoot("try-again")
    assert (len(playground.carrier.posts), screen.troubles) == (2, [])


async def test_accepted_but_unanswered_resolves_itself(playground: Playground, screen: Screen) -> None:
    """CarrierX takes a text and never answers: it is looked up, found and delivered, and was sent once."""
    await screen.carrier("Never answer")
    playground.carrier.behave(moves=False)

    await screen.type("/sms (212) 555-0123 The lift is fixed")

    await expect(screen.messages).to_contain_text("checking")
    await screen.shoot("unanswered")
    await expect(screen.messages).to_contain_text("queued")
    playground.carrier.deliver(playground.carrier.posts[0].sid)
    await expect(screen.messages).to_contain_text("delivered")
    await screen.shoot("unanswered-resolved")
    assert (len(playground.carrier.posts), screen.troubles) == (1, [])


async def test_inline_send_on_a_phones_width(playground: Playground, visits: Visits) -> None:
    """At 390 pixels the same works: send, then look at the phones."""
    screen = await visits.open(NARROW)
    await screen.type("/sms (212) 555-0123 Running ten minutes late :wave:")
    await expect(screen.messages).to_contain_text("delivered in")
    await screen.shoot("narrow")

    await screen.page.get_by_role("tab", name="Phones").click()

    phone = screen.page.get_by_role("article", name="Phone +1 212-555-0123")
    await expect(phone).to_contain_text("Running ten minutes late 👋")
    await screen.shoot("narrow-phones")
    assert (len(playground.carrier.posts), screen.troubles) == (1, [])

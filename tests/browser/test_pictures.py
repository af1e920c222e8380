"""Pictures both ways, in a real browser, with the real bot: from Slack to the phone, and from the phone into Slack."""

import asyncio
import io
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import FilePayload, expect

from playground.carrier.picture import draw
from playground.stage import Playground
from tests.browser.conftest import Screen

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]  # one Chromium for all

HEIC = Path(__file__).parents[1] / "samples/pictures/turned.heic"
PHONE = "Phone +1 212-555-0123"


def photo() -> bytes:
    """A photo of five megabytes: hills under a sky, with grain, and the place where it was taken."""
    size = (3200, 2400)
    sky = Image.linear_gradient("L").resize(size)
    shapes = Image.merge(
        "RGB", (sky, sky.point(lambda value: 90 + value // 3), sky.point(lambda value: 200 - value // 2))
    )
    grain = Image.effect_noise(size, 60).convert("RGB")
    whole = Image.blend(shapes, grain, 0.4)
    place = Image.Exif()
    place[0x8825] = {1: "N", 2: (40.0, 44.0, 54.0), 3: "W", 4: (73.0, 59.0, 9.0)}  # GPS
    out = io.BytesIO()
    whole.save(out, "JPEG", quality=93, exif=place)
    return out.getvalue()


async def test_pictures_of_the_form_are_on_the_phone(playground: Playground, screen: Screen) -> None:
    """A large photo and one of an iPhone, both made to fit, upright, and without the place where they were taken."""
    large = await asyncio.to_thread(photo)
    assert len(large) > 4_500_000
    await screen.type("/sms")
    await screen.form.get_by_role("textbox", name="To", exact=True).fill("(212) 555-0123")
    await screen.form.get_by_role("textbox", name="Text (optional)").fill("The harbour this morning")
    picked: list[FilePayload] = [
        {"name": "DSC_0042.jpg", "mimeType": "image/jpeg", "buffer": large},
        {"name": "IMG_0007.heic", "mimeType": "image/heic", "buffer": HEIC.read_bytes()},
    ]
    await screen.form.locator("#field-files").set_input_files(picked)
    await expect(screen.form.get_by_text("IMG_0007.heic")).to_be_visible()
    await screen.shoot("files-modal")
    await screen.form.get_by_role("button", name="Send", exact=True).click()

    phone = screen.page.get_by_role("article", name=PHONE)
    await expect(phone.get_by_role("img")).to_have_count(2)
    await expect(phone.get_by_role("img").first).to_have_js_property("complete", value=True)
    await expect(screen.messages).to_contain_text("delivered")
    await screen.messages.get_by_role("button", name=re.compile("repl")).click()
    await expect(screen.thread).to_contain_text("photo sent as")
    await screen.shoot("files")
    contents = [file.content for file in playground.carrier.stored]
    assert sum(map(len, contents)) <= 1_000_000
    for content in contents:
        with Image.open(io.BytesIO(content)) as picture:
            assert (picture.format, dict(picture.getexif())) == ("JPEG", {})
    assert screen.troubles == []


async def test_a_picture_comes_back_into_the_thread(playground: Playground, screen: Screen) -> None:
    """The file itself, which stays when CarrierX's link is gone."""
    await screen.type("/sms (212) 555-0123 Send us a photo of the meter, please")
    phone = screen.page.get_by_role("article", name=PHONE)
    await expect(phone).to_contain_text("delivered")
    await phone.get_by_role("button", name="Send a picture").click()

    await screen.messages.get_by_role("button", name=re.compile("repl")).click()
    picture = screen.thread.get_by_role("img", name="Picture from (212) 555-0123")
    await expect(picture).to_have_js_property("naturalWidth", 320)
    await expect(screen.thread).to_contain_text("Its file is below.")
    reply = screen.thread.get_by_role("textbox", name="Reply")
    await reply.fill("Thank you!")
    await reply.press("Enter")
    await screen.page.get_by_role("button", name="Send to phone").click()
    await expect(phone).to_contain_text("Thank you!")
    await screen.shoot("picture")
    assert (len(playground.carrier.posts), screen.troubles) == (2, [])


async def test_a_text_that_failed_for_a_file_is_edited_and_goes(playground: Playground, screen: Screen) -> None:
    """The form comes back as it was sent; without what cannot go, the rest is on the phone."""
    await screen.type("/sms")
    await screen.form.get_by_role("textbox", name="To", exact=True).fill("(212) 555-0123")
    await screen.form.get_by_role("textbox", name="Text (optional)").fill("Where to find us")
    picked: list[FilePayload] = [
        {"name": "map.png", "mimeType": "image/png", "buffer": draw("map.png")},
        {"name": "tour.jpg", "mimeType": "image/jpeg", "buffer": photo()[:90_000]},
    ]
    await screen.form.locator("#field-files").set_input_files(picked)
    await expect(screen.form.get_by_text("tour.jpg")).to_be_visible()
    await screen.form.get_by_role("button", name="Send", exact=True).click()
    await expect(screen.messages).to_contain_text("failed")
    await screen.messages.get_by_role("button", name=re.compile("repl")).click()
    edit = screen.thread.get_by_role("button", name="Edit")
    await edit.click()

    await expect(screen.form.get_by_role("heading")).to_have_text("Edit and send")
    await expect(screen.form).to_contain_text("“tour.jpg”")
    await expect(screen.form.get_by_role("textbox", name="To", exact=True)).to_have_value("+12125550123")
    await expect(screen.form.get_by_role("textbox", name="Text (optional)")).to_have_value("Where to find us")
    await expect(screen.form.get_by_role("checkbox", name="map.png")).to_be_checked()
    await screen.shoot("edit")
    await screen.form.get_by_role("checkbox", name="tour.jpg").uncheck()
    await screen.form.get_by_role("button", name="Send", exact=True).click()

    phone = screen.page.get_by_role("article", name=PHONE)
    await expect(phone).to_contain_text("Where to find us")
    await expect(phone.get_by_role("img")).to_have_count(1)
    await expect(edit).to_have_count(0)
    assert (len(playground.carrier.posts), screen.troubles) == (1, [])


async def test_a_number_without_mms_is_exchanged_in_the_form(playground: Playground, screen: Screen) -> None:
    """One press chooses another; what was typed stays, the error goes, and the keyboard reaches the button."""
    await screen.page.get_by_role("button", name="Group with a picture").click()
    await screen.composer.press("Enter")
    sender = screen.form.get_by_role("combobox", name="From")
    await sender.fill("206-5574")
    await sender.press("ArrowDown")
    await sender.press("Enter")
    await expect(sender).to_have_value(re.compile("206-5574"))
    await screen.form.get_by_role("button", name="Send", exact=True).click()
    error = screen.form.get_by_text("cannot send pictures or group texts")
    await expect(error).to_be_visible()
    use = screen.form.get_by_role("button", name="Use (207) 815-2557")
    await expect(use).to_be_visible()
    await screen.shoot("other-number")
    await use.press("Enter")

    await expect(sender).to_have_value(re.compile("815-2557"))
    await expect(error).to_have_count(0)
    await expect(use).to_have_count(0)
    await expect(screen.form.get_by_role("textbox", name="Text (optional)")).to_have_value(re.compile("harbour"))
    await screen.form.get_by_role("button", name="Send", exact=True).click()
    await expect(screen.page.get_by_role("article", name=PHONE)).to_contain_text("The new harbour")
    assert ([post.sender for post in playground.carrier.posts], screen.troubles) == (["12078152557"], [])

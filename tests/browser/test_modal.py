"""Modals as Slack draws them: keyboard, live updates, errors, options, and what happens while the app is asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import expect

from tests.browser.conftest import Screen, Studio

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]  # one Chromium for all

Body = dict[str, Any]


def plain(text: str) -> Body:
    return {"type": "plain_text", "text": text}


def field(name: str, element: Body, **more: Any) -> Body:
    return {"type": "input", "block_id": name, "label": plain(name.title()), "element": element, **more}


def typing(name: str, **more: Any) -> Body:
    return field(name, {"type": "plain_text_input", "action_id": "v"} | more)


def view(*blocks: Body) -> Body:
    return {"type": "modal", "title": plain("A form"), "submit": plain("Send"), "blocks": list(blocks)}


class App:
    """Stands in for the app: answers what it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Body] = []
        self.answers: dict[str, Body] = {}
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._arrived: asyncio.Queue[Body] = asyncio.Queue()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One request of Slack's."""
        payload = json.loads(parse_qs(await request.text())["payload"][0])
        self.asked.append(payload)
        self._arrived.put_nowait(payload)
        await self.may_answer.wait()
        answer = self.answers.get(payload["type"])
        return web.json_response(answer) if answer is not None else web.Response()

    async def next(self) -> Body:
        """The next request that has not been taken yet."""
        async with asyncio.timeout(5):
            return await self._arrived.get()

    def last_typed(self) -> Body:
        """`state.values` of the last request."""
        values: Body = self.asked[-1]["view"]["state"]["values"]
        return values


@pytest_asyncio.fixture(loop_scope="session")
async def app(studio: Studio) -> AsyncIterator[App]:
    app = App()
    server = web.Application()
    server.router.add_post("/", app.serve)
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    studio.slack.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield app
    app.may_answer.set()
    await runner.cleanup()


async def show(studio: Studio, given: Body) -> Screen:
    """Open a view on Alice's screen."""
    screen = await studio.visits.open()
    trigger = studio.slack.views.trigger("U0ALICE", "C0SUPPORT")
    await studio.app.views_open(trigger_id=trigger, view=given)
    await expect(screen.form).to_be_visible()
    return screen


async def test_the_first_field_has_the_focus_and_tab_stays_inside(studio: Studio, app: App) -> None:
    """The keyboard begins at the first field, and nothing behind the form can be reached."""
    screen = await show(studio, view(typing("to"), typing("text", multiline=True)))
    await expect(screen.form.get_by_role("textbox", name="To")).to_be_focused()

    places = []
    for _ in range(8):
        await screen.page.keyboard.press("Tab")
        places.append(await screen.page.evaluate("document.activeElement.closest('dialog, body').tagName"))

    assert (places.count("DIALOG") >= 6, app.asked) == (True, [])


async def test_enter_submits_from_a_single_line(studio: Studio, app: App) -> None:
    """As in Slack: Enter sends from one line, and makes a new line in several."""
    screen = await show(studio, view(typing("text", multiline=True), typing("to")))
    await screen.form.get_by_role("textbox", name="Text").press_sequentially("one\ntwo")
    await screen.form.get_by_role("textbox", name="To").fill("(212) 555-0123")

    await screen.form.get_by_role("textbox", name="To").press("Enter")

    await expect(screen.form).to_have_count(0)
    assert app.last_typed()["text"]["v"]["value"] == "one\ntwo"


async def test_escape_closes_and_gives_the_focus_back(studio: Studio, app: App) -> None:
    """Escape leaves the form for the composer, where it was opened."""
    screen = await studio.visits.open()
    await screen.composer.focus()
    trigger = studio.slack.views.trigger("U0ALICE", "C0SUPPORT")
    await studio.app.views_open(trigger_id=trigger, view=view(typing("to")))
    await expect(screen.form).to_be_visible()

    await screen.page.keyboard.press("Escape")

    await expect(screen.form).to_have_count(0)
    await expect(screen.composer).to_be_focused()
    assert (studio.slack.views.stack("U0ALICE"), app.asked) == ((), [])


async def test_errors_stand_under_their_fields_all_at_once(studio: Studio, app: App) -> None:
    """Each mistake is under its field, tied to it for screen readers; the first one gets the focus."""
    app.answers["view_submission"] = {
        "response_action": "errors",
        "errors": {"to": "That is no number.", "text": "Type a text."},
    }
    screen = await show(studio, view(typing("from", initial_value="x"), typing("to"), typing("text", multiline=True)))
    to, text = screen.form.get_by_role("textbox", name="To"), screen.form.get_by_role("textbox", name="Text")
    await to.fill("abc")
    await text.fill(" hello ")

    await screen.form.get_by_role("button", name="Send").click()

    await expect(to).to_be_focused()
    await expect(to).to_have_accessible_description("That is no number.")
    await expect(text).to_have_accessible_description("Type a text.")
    await expect(to).to_have_value("abc")
    await to.press("End")
    await to.press_sequentially("d")
    await expect(to).not_to_have_attribute("aria-invalid", "true")
    await expect(text).to_have_attribute("aria-invalid", "true")


async def test_a_live_update_keeps_what_is_being_typed(studio: Studio, app: App) -> None:
    """The app changes the form at each key; caret and text stay, also of keys that it has not heard of yet."""
    config = {"trigger_actions_on": ["on_character_entered"]}
    element = {"type": "plain_text_input", "action_id": "v", "multiline": True, "dispatch_action_config": config}
    live = field("text", element, dispatch_action=True)
    count = {"type": "context", "block_id": "count", "elements": [plain("0 characters")]}
    screen = await show(studio, view(live, count))
    text = screen.form.get_by_role("textbox", name="Text")
    await text.press_sequentially("Hello")
    asked = await app.next()

    count = {**count, "elements": [plain("5 characters")]}
    more = {"type": "section", "block_id": "more", "text": plain("above")}
    await studio.app.views_update(view_id=asked["view"]["id"], view=view(more, live, count))
    await expect(screen.form).to_contain_text("5 characters")
    await screen.page.keyboard.type(" world")

    await expect(text).to_be_focused()
    await expect(text).to_have_value("Hello world")


async def test_submitting_shows_that_it_waits_and_sends_once(studio: Studio, app: App) -> None:
    """While the app thinks, the button is busy, and a second Enter does nothing."""
    app.may_answer.clear()
    screen = await show(studio, view(typing("to", initial_value="x")))
    send = screen.form.get_by_role("button", name="Send")
    await send.click()

    await expect(send).to_be_disabled()
    await screen.form.get_by_role("textbox", name="To").press("Enter")
    app.may_answer.set()

    await expect(screen.form).to_have_count(0)
    assert [each["type"] for each in app.asked] == ["view_submission"]


async def test_says_when_the_app_does_not_answer(studio: Studio) -> None:
    """Slack's own sentence, and the form stays open with what was typed."""
    studio.slack.request_url = "http://127.0.0.1:9/"
    screen = await show(studio, view(typing("to", initial_value="x")))

    await screen.form.get_by_role("button", name="Send").click()

    await expect(screen.form.get_by_role("alert")).to_contain_text("trouble connecting")
    await expect(screen.form.get_by_role("textbox", name="To")).to_have_value("x")


async def test_an_external_select_offers_what_the_app_finds(studio: Studio, app: App) -> None:
    """The app is asked for options as one types; arrows and Enter choose one."""
    option = {"text": plain("(207) 815-2557 · Sales"), "value": "12078152557"}
    app.answers["block_suggestion"] = {"options": [{"text": plain("Support"), "value": "1"}, option]}
    screen = await show(
        studio, view(field("from", {"type": "external_select", "action_id": "v", "min_query_length": 0}), typing("to"))
    )
    choice = screen.form.get_by_role("combobox", name="From")
    await choice.press_sequentially("sal")
    await expect(screen.form.get_by_role("option")).to_have_count(2)

    await choice.press("ArrowDown")
    await choice.press("Enter")
    await expect(choice).to_have_value("(207) 815-2557 · Sales")
    await screen.form.get_by_role("textbox", name="To").fill("x")
    await screen.form.get_by_role("button", name="Send").click()

    await expect(screen.form).to_have_count(0)
    assert app.last_typed()["from"]["v"]["selected_option"] == option


async def test_choices_and_conversations_reach_the_app(studio: Studio, app: App) -> None:
    """Radio buttons, checkboxes, a select and a conversation arrive as Slack writes them."""
    one, two = ({"text": plain(name), "value": name} for name in ("one", "two"))
    screen = await show(
        studio,
        view(
            field("radio", {"type": "radio_buttons", "action_id": "v", "options": [one, two], "initial_option": one}),
            field("boxes", {"type": "checkboxes", "action_id": "v", "options": [one, two]}),
            field("pick", {"type": "static_select", "action_id": "v", "options": [one, two]}),
            field("where", {"type": "conversations_select", "action_id": "v", "default_to_current_conversation": True}),
        ),
    )
    await screen.form.get_by_role("radio", name="two").check()
    await screen.form.get_by_role("checkbox", name="one").check()
    await screen.form.get_by_role("combobox", name="Pick").press_sequentially("tw")
    await screen.form.get_by_role("combobox", name="Pick").press("Enter")

    await screen.form.get_by_role("button", name="Send").click()

    await expect(screen.form).to_have_count(0)
    typed = {name: element["v"] for name, element in app.last_typed().items()}
    assert typed == {
        "radio": {"type": "radio_buttons", "selected_option": two},
        "boxes": {"type": "checkboxes", "selected_options": [one]},
        "pick": {"type": "static_select", "selected_option": two},
        "where": {"type": "conversations_select", "selected_conversation": "C0SUPPORT"},
    }


async def test_a_button_that_asks_first_does_nothing_on_no(studio: Studio, app: App) -> None:
    """`confirm` is asked; only yes reaches the app."""
    screen = await studio.visits.open()
    ask = {
        "title": plain("Cancel it?"),
        "text": plain("It has not left."),
        "confirm": plain("Yes"),
        "deny": plain("No"),
    }
    press = {"type": "button", "action_id": "cancel", "text": plain("Cancel"), "confirm": ask}
    await studio.app.chat_postMessage(channel="C0SUPPORT", text="x", blocks=[{"type": "actions", "elements": [press]}])
    cancel = screen.messages.get_by_role("button", name="Cancel")

    await cancel.click()
    await screen.form.get_by_role("button", name="No").click()
    await cancel.click()
    await screen.form.get_by_role("button", name="Yes").click()
    await app.next()

    assert [each["actions"][0]["action_id"] for each in app.asked] == ["cancel"]

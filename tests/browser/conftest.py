"""A real Chromium, and the playground with the real bot or without it."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect
from slack_sdk.web.async_client import AsyncWebClient

from playground.bot_process import ROOT
from playground.carrier import PretendCarrier
from playground.page import Page as Server
from playground.slack.server import PretendSlack
from playground.stage import Playground

expect.set_options(timeout=20_000)  # milliseconds; a machine that does much else draws late

WIDE, NARROW = (1280, 800), (390, 844)
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# A doubt is cleared within two seconds, so that tests do not wait.
_BRISK = {
    "SMS_QUIET_HOURS": "off",
    "SMS_LOOKUP_SECONDS": "0.5,1,2",
    "SMS_POLL_SECONDS": "0.5",
    "CARRIERX_ANSWER_SECONDS": "1",
    "LOG_LEVEL": "WARNING",
}


class Screen:
    """A browser's window on the playground.

    Attributes:
        page: Playwright's.
        troubles: What the page complained of on its console.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.troubles: list[str] = []
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.composer = page.get_by_role("textbox", name="Message", exact=True)
        self.messages = page.get_by_role("log", name="Messages in")
        self.thread = page.get_by_role("region", name="Thread")
        self.reply = self.thread.get_by_role("textbox", name="Reply")
        self.form = page.get_by_role("dialog")

    async def drawn(self) -> None:
        """Return when everything is drawn."""
        await self.page.wait_for_selector("body[data-ready]")

    async def reload(self) -> None:
        """Load the page again."""
        await self.page.reload()
        await self.drawn()

    async def type(self, text: str) -> None:
        """Write in the channel and press Enter."""
        await self.composer.fill(text)
        await self.composer.press("Enter")

    async def say(self, text: str) -> Locator:
        """Write in the open thread and press Enter; the reply."""
        await self.reply.fill(text)
        await self.reply.press("Enter")
        return self.thread.get_by_role("article").filter(has_text=text).first

    async def move_clock(self, where: str) -> None:
        """Choose a time of the clock's menu."""
        await self.page.get_by_role("button", name="Move the clock").click()
        await self.page.get_by_role("menuitem", name=where).click()

    def phone(self, number: str) -> Locator:
        """A phone, by its number as it is shown."""
        return self.page.get_by_role("article", name=f"Phone {number}")

    async def carrier(self, mode: str) -> None:
        """Choose what CarrierX does with texts."""
        await self._choose("Sending", mode)

    async def inbound(self, way: str) -> None:
        """Choose how CarrierX tells of what phones send."""
        await self._choose("Receiving", way)

    async def slack(self, weather: str) -> None:
        """Choose how Slack answers the bot."""
        await self._choose("Slack", weather)

    async def _choose(self, panel: str, choice: str) -> None:
        strip = self.page.get_by_role("region", name="What goes wrong")
        await strip.get_by_role("tab", name=panel).click()
        await strip.get_by_role("radio", name=choice, exact=True).check(force=True)

    async def shoot(self, name: str) -> None:
        """A picture for the docs, where SCREENSHOTS names the folder for them."""
        folder = os.environ.get("SCREENSHOTS")
        if folder:
            await self.page.mouse.move(0, 0)  # nothing is hovered over, once that is drawn
            await self.page.evaluate(
                "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
            )
            await self.page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled", caret="hide")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium: Playwright's own is a download that a test must not make."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("Chromium is missing: run `apt-get install chromium`, then the browser tests again.")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        yield browser
        await browser.close()


class Visits:
    """Opens windows on one playground, and closes them in the end: a window left open goes on asking for a server."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._contexts: list[BrowserContext] = []

    async def close(self) -> None:
        """Close all windows."""
        for context in self._contexts:
            await context.close()

    async def open(self, size: tuple[int, int] = WIDE, *, dark: bool = False, where: str = "") -> Screen:
        """A new window; returns when everything is drawn."""
        context = await self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            has_touch=size == NARROW,
            locale="en-US",
            timezone_id="America/New_York",
        )
        self._contexts.append(context)
        screen = Screen(await context.new_page())
        await screen.page.goto(f"{self._url}#{where}")
        await screen.drawn()
        return screen


@pytest_asyncio.fixture(loop_scope="session")
async def playground(request: pytest.FixtureRequest) -> AsyncIterator[Playground]:
    """All of it, with the real bot; a test may set more of it by its parameter."""
    async with Playground(settings=_BRISK | getattr(request, "param", {})) as playground:
        playground.carrier.behave(sent_after=0.05, delivered_after=0.2)
        yield playground


@pytest_asyncio.fixture(loop_scope="session")
async def visits(chromium: Browser, playground: Playground) -> AsyncIterator[Visits]:
    """Windows on all of it."""
    visits = Visits(chromium, playground.page.url)
    yield visits
    await visits.close()


@pytest_asyncio.fixture(loop_scope="session")
async def screen(visits: Visits) -> Screen:
    """A wide window on all of it."""
    return await visits.open()


class Studio:
    """A page with no bot behind it: what it shows is posted through slack_sdk."""

    def __init__(self, slack: PretendSlack, carrier: PretendCarrier, visits: Visits) -> None:
        self.slack = slack
        self.carrier = carrier
        self.visits = visits
        self.app = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)


@pytest_asyncio.fixture(loop_scope="session")
async def studio(chromium: Browser) -> AsyncIterator[Studio]:
    """The page alone."""
    async with (
        PretendSlack(ROOT / "manifest.yml") as slack,
        PretendCarrier() as carrier,
        Server(slack, carrier) as server,
    ):
        visits = Visits(chromium, server.url)
        yield Studio(slack, carrier, visits)
        await visits.close()

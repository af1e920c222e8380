"""What the page draws: every block that the bot emits, nothing that it does not know, and text as nothing but text."""

from typing import Any

import pytest
from playwright.async_api import Browser, expect

from playground.bot_process import free_port
from playground.page import Page as Server
from tests.browser.conftest import NARROW, WIDE, Studio, Visits

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]  # one Chromium for all

Block = dict[str, Any]
SUPPORT = "C0SUPPORT"
ARABIC = "مرحبا، سأتأخر عشر دقائق"
FAMILY = "👨‍👩‍👧‍👦"


def plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": True}


def words(*elements: Block) -> Block:
    return {"type": "rich_text_section", "elements": list(elements)}


def text(content: str, **style: bool) -> Block:
    return {"type": "text", "text": content, **({"style": style} if style else {})}


def button(label: str, **more: Any) -> Block:
    return {"type": "button", "action_id": label.lower().replace(" ", "_"), "text": plain(label), **more}


EVERYTHING: list[Block] = [
    {"type": "header", "text": plain("3 of 4 delivered :tada:")},
    {
        "type": "section",
        "text": {
            "type": "mrkdwn",
            "text": "*bold* _slanted_ ~gone~ `code` <https://example.com|a link> &amp; &lt;b&gt;",
        },
        "accessory": button("Open"),
    },
    {"type": "section", "fields": [{"type": "mrkdwn", "text": "*From*\nSupport"}, plain("To\nfour phones")]},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "queued"}, plain("sent")]},
    {"type": "divider"},
    {
        "type": "rich_text",
        "elements": [
            words(
                {"type": "user", "user_id": "U0BEN"},
                text(" texted "),
                text("+1 212-555-0123", bold=True),
                {"type": "emoji", "name": "wave", "unicode": "1f44b"},
                {"type": "link", "url": "https://example.com/p.png", "text": "picture"},
                {"type": "broadcast", "range": "here"},
                {"type": "channel", "channel_id": SUPPORT},
                {"type": "date", "timestamp": 1_795_000_000, "format": "{date_num} {time_secs}", "fallback": "then"},
            ),
            {"type": "rich_text_quote", "elements": [text("<!channel> & more")]},
            {"type": "rich_text_list", "style": "bullet", "elements": [words(text("one")), words(text("two"))]},
            {"type": "rich_text_list", "style": "ordered", "elements": [words(text("first"))]},
            {"type": "rich_text_preformatted", "elements": [text("as typed")]},
        ],
    },
    {"type": "actions", "elements": [button("Try again", style="primary"), button("Cancel", style="danger")]},
]


async def test_draws_every_block_that_the_bot_emits(studio: Studio) -> None:
    """Names, emoji and dates are as people read them, and nothing is refused."""
    screen = await studio.visits.open()

    await studio.app.chat_postMessage(channel=SUPPORT, text="everything", blocks=EVERYTHING)

    message = screen.messages.get_by_role("article")
    for shown in (
        "🎉",
        "& <b>",
        "@ben",
        "👋",
        "@here",
        "#support",
        "11/18/2026",
        "<!channel> & more",
        "as typed",
    ):
        await expect(message).to_contain_text(shown)
    await expect(message.get_by_role("button", name="Try again")).to_be_visible()
    await expect(message.get_by_role("link", name="a link")).to_have_attribute("href", "https://example.com")
    assert (await screen.page.evaluate("window.__unknown"), screen.troubles) == ([], [])


async def test_refuses_loudly_what_it_does_not_know(studio: Studio) -> None:
    """A block and an element that the page cannot draw are red boxes that name them, not gaps."""
    screen = await studio.visits.open()
    overflow = {"type": "overflow", "action_id": "more", "options": [{"text": plain("x"), "value": "x"}]}

    await studio.app.chat_postMessage(
        channel=SUPPORT,
        text="odd",
        blocks=[
            {"type": "markdown", "text": "# odd"},
            {"type": "section", "text": plain("odd"), "accessory": overflow},
        ],
    )

    await expect(screen.messages.get_by_role("alert")).to_contain_text(["block “markdown”", "element “overflow”"])
    assert await screen.page.evaluate("window.__unknown") == ["block markdown", "element overflow"]


async def test_text_is_never_markup(studio: Studio) -> None:
    """What people and apps write cannot become part of the page."""
    screen = await studio.visits.open()
    evil = "<img src=x onerror='window.evil=1'><script>window.evil=1</script>"

    await studio.slack.say("ben", SUPPORT, evil)
    await studio.app.chat_postMessage(channel=SUPPORT, text=f"{evil} <javascript:alert(1)|click>")

    await expect(screen.messages.get_by_role("article")).to_contain_text([evil, "click"])
    await expect(screen.messages.locator("img, script, a")).to_have_count(0)
    assert await screen.page.evaluate("window.evil") is None


async def test_updates_leave_the_caret_and_the_draft_alone(studio: Studio) -> None:
    """While somebody types, messages come and change, and no key is lost."""
    screen = await studio.visits.open()
    posted = await studio.app.chat_postMessage(channel=SUPPORT, text="queued")
    await screen.composer.press_sequentially("/sms (212) 555")

    await studio.app.chat_update(channel=SUPPORT, ts=posted["ts"], text="delivered")
    await expect(screen.messages).to_contain_text("delivered")
    await screen.page.keyboard.type("-0123 on my way")

    await expect(screen.composer).to_be_focused()
    await expect(screen.composer).to_have_value("/sms (212) 555-0123 on my way")


async def test_a_focused_button_keeps_the_focus_when_its_message_changes(studio: Studio) -> None:
    """The keyboard stays where it is though the message is drawn again."""
    screen = await studio.visits.open()
    blocks = [{"type": "actions", "block_id": "acts", "elements": [button("Try again")]}]
    posted = await studio.app.chat_postMessage(channel=SUPPORT, text="failed", blocks=blocks)
    again = screen.messages.get_by_role("button", name="Try again")
    await again.focus()

    await studio.app.chat_update(
        channel=SUPPORT, ts=posted["ts"], text="failed", blocks=[{"type": "header", "text": plain("Failed")}, *blocks]
    )

    await expect(screen.messages).to_contain_text("Failed")
    await expect(again).to_be_focused()


async def test_right_to_left_text_reads_from_the_right(studio: Studio) -> None:
    """Arabic is set from the right, with its emoji whole."""
    screen = await studio.visits.open()

    await studio.app.chat_postMessage(
        channel=SUPPORT,
        text="x",
        blocks=[
            {"type": "rich_text", "elements": [{"type": "rich_text_quote", "elements": [text(f"{ARABIC} {FAMILY}")]}]}
        ],
    )

    quote = screen.messages.get_by_text(ARABIC).locator("xpath=ancestor::blockquote")
    await expect(quote).to_contain_text(FAMILY)
    await expect(quote).to_have_css("direction", "rtl")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_nothing_runs_out_of_the_window(studio: Studio, size: tuple[int, int]) -> None:
    """The longest words wrap, at 1280 pixels and at 390."""
    await studio.app.chat_postMessage(
        channel=SUPPORT, text="x", blocks=[*EVERYTHING, {"type": "section", "text": plain("A" * 2000)}]
    )

    screen = await studio.visits.open(size)

    await expect(screen.messages).to_contain_text("AAAA")
    too_wide = """() => {
        const edge = document.querySelector('.messages').getBoundingClientRect().right + 1;
        const nodes = [...document.querySelectorAll('.messages *')];
        return nodes.filter((node) => node.getBoundingClientRect().right > edge).map((node) => node.className);
    }"""
    assert await screen.page.evaluate(too_wide) == []


async def test_a_phones_width_has_tabs_and_a_drawer(studio: Studio) -> None:
    """At 390 pixels one sees Slack or the phones, and the conversations come by a button."""
    screen = await studio.visits.open(NARROW)

    await screen.page.get_by_role("button", name="Conversations").click()
    await screen.page.get_by_role("button", name="leads").click()
    await expect(screen.composer).to_have_attribute("placeholder", "Message #leads")
    await screen.page.get_by_role("tab", name="Phones").click()

    await expect(screen.page.get_by_text("No phone has been texted yet.")).to_be_visible()
    await expect(screen.composer).to_be_hidden()


CONTRAST = """() => {
  const read = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const over = (top, under) => { const a = top[3] ?? 1; return [0, 1, 2].map((i) => top[i] * a + under[i] * (1 - a)); };
  const ground = (node) => {
    const own = read(getComputedStyle(node).backgroundColor);
    if ((own[3] ?? 1) === 1) return own;
    return over(own, node.parentElement ? ground(node.parentElement) : [255, 255, 255]);
  };
  const pale = [];
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.checkVisibility() || node.closest(':disabled, noscript')) continue;
    const under = ground(node), over_ = over(read(getComputedStyle(node).color), under);
    const [high, low] = [light(over_), light(under)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) pale.push(`${node.className || node.tagName}: ${ratio.toFixed(2)}`);
  }
  return pale;
}"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_all_text_can_be_read(studio: Studio, *, dark: bool) -> None:
    """Every word stands out from its ground by 4.5 to 1 (WCAG 2.2, 1.4.3), in both schemes."""
    await studio.app.chat_postMessage(channel=SUPPORT, text="x", blocks=EVERYTHING)
    await studio.app.chat_postEphemeral(channel=SUPPORT, user="U0ALICE", text="Only `you` and <@U0ALICE>")
    await studio.app.chat_postMessage(channel="C0GENERAL", text="unread")

    screen = await studio.visits.open(dark=dark)

    await expect(screen.messages).to_contain_text("Only you")
    assert await screen.page.evaluate(CONTRAST) == []


async def test_only_the_person_meant_sees_an_ephemeral(studio: Studio) -> None:
    """Switching the person shows their Slack, not the last one's."""
    await studio.app.chat_postEphemeral(channel=SUPPORT, user="U0ALICE", text="between us")
    screen = await studio.visits.open()
    await expect(screen.messages).to_contain_text("Only visible to you")

    await screen.page.get_by_role("button", name="You are alice, Member").click()
    await screen.page.get_by_role("menuitemradio", name="gus").click()

    await expect(screen.page.get_by_role("button", name="You are gus, Guest")).to_be_visible()
    await expect(screen.messages).not_to_contain_text("between us")


async def test_comes_back_by_itself_when_the_server_was_away(chromium: Browser, studio: Studio) -> None:
    """While the playground is stopped the page says so; when it runs again, nothing need be reloaded."""
    port = free_port()
    visits = Visits(chromium, f"http://127.0.0.1:{port}/")
    async with Server(studio.slack, studio.carrier, port):
        screen = await visits.open()
    await expect(screen.page.get_by_role("status")).to_contain_text("does not answer")
    await studio.slack.say("ben", SUPPORT, "said meanwhile")

    async with Server(studio.slack, studio.carrier, port):
        await expect(screen.messages).to_contain_text("said meanwhile")
        await expect(screen.page.get_by_role("status")).to_be_hidden()
        await visits.close()

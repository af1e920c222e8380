"""The page's server: what it sends, what it hands on, and whom it answers."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, web

from playground.bot_process import ROOT
from playground.carrier import PretendCarrier
from playground.carrier.model import Copy, is_final
from playground.page import Page
from playground.slack.server import PretendSlack

ALICE, SUPPORT = "U0ALICE", "C0SUPPORT"


class Site:
    """The page's server with its two services, and a browser's half of the conversation."""

    def __init__(self, slack: PretendSlack, carrier: PretendCarrier, page: Page, session: ClientSession) -> None:
        self.slack = slack
        self.carrier = carrier
        self.page = page
        self.session = session

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Do something as Alice."""
        async with self.session.post(f"{self.page.url}api/{path}", json={"user": ALICE, **body}) as answer:
            read: dict[str, Any] = await answer.json()
            return read

    def listen(self, user: str = ALICE) -> Any:
        """The stream of states."""
        return self.session.get(f"{self.page.url}api/events", params={"user": user})


async def next_state(stream: ClientResponse) -> dict[str, Any]:
    """The next state that comes."""
    async with asyncio.timeout(5):
        async for line in stream.content:
            if line.startswith(b"data: "):
                state: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
                return state
    raise AssertionError("the stream ended")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with (
        PretendSlack(ROOT / "manifest.yml") as slack,
        PretendCarrier() as carrier,
        Page(slack, carrier) as page,
        ClientSession() as session,
    ):
        yield Site(slack, carrier, page, session)


async def test_sends_the_whole_state_at_each_change(site: Site) -> None:
    """A window that comes late, or was away, sees all of it."""
    async with site.listen() as stream:
        before = await next_state(stream)
        await site.post("say", channel=SUPPORT, text="hello")
        after = await next_state(stream)

    assert [len(state["messages"][SUPPORT]) for state in (before, after)] == [0, 1]


async def test_phones_are_part_of_the_state(site: Site) -> None:
    """A text that CarrierX takes is on its phone, in the conversation with its sender."""
    async with (
        site.listen() as stream,
        site.session.post(
            f"{site.carrier.url}/sms/messages",
            json={"from": "12078152557", "to": "12125550123", "message": "hi"},
            headers={"Authorization": f"Bearer {site.carrier.token}"},
        ),
    ):
        await next_state(stream)
        state = await next_state(stream)

    [phone] = state["carrier"]["phones"]
    [talk] = phone["talks"]
    assert (phone["number"], talk["from"], talk["texts"][0]["text"]) == ("+12125550123", "+1 207-815-2557", "hi")


async def test_who_is_nobody_is_the_first_person(site: Site) -> None:
    """An old bookmark still opens."""
    async with site.listen("U0GONE") as stream:
        state = await next_state(stream)

    assert state["me"] == ALICE


async def test_a_guest_sees_only_their_channels(site: Site) -> None:
    """Being a guest shows a guest's Slack."""
    async with site.listen("U0GUS") as stream:
        state = await next_state(stream)

    assert {each["name"] for each in state["channels"]} == {"general", "support", "random", "dm-gus"}


async def test_what_nobody_could_do_is_a_sentence(site: Site) -> None:
    """A press on a message that has gone is told in words."""
    answer = await site.post(
        "press", channel=SUPPORT, ts="1.0", block_id="", action_id="x", value={"type": "button", "value": None}
    )

    assert answer == {"problem": "That message is gone."}


async def test_an_app_that_does_not_answer_is_told_as_slack_tells_it(site: Site) -> None:
    """Slack's own words for a command that failed."""
    site.slack.request_url = "http://127.0.0.1:9/"

    answer = await site.post("command", channel=SUPPORT, text="/sms help")

    assert answer == {"problem": "/sms failed with the error “dispatch_failed”"}


async def test_invite_brings_the_app_into_a_private_channel(site: Site) -> None:
    """`/invite` is Slack's own command, and the bot's sentences ask for it."""
    async with site.listen() as stream:
        await next_state(stream)
        await site.post("command", channel="C0LEADS", text="/invite @Threadtext")

    assert site.slack.channel("leads").has_bot


@pytest.mark.parametrize("mode", ["deliver", "delay", "fail", "no_receipt", "late", "never", "throttle", "down"])
async def test_the_strip_shows_the_mode_that_is_on(site: Site, mode: str) -> None:
    """Every button of the strip works, and says that it is pressed."""
    await site.post("carrier", mode=mode)

    async with site.listen() as stream:
        state = await next_state(stream)

    assert (state["carrier"]["strip"]["mode"], site.carrier.down) == (mode, mode == "down")


async def test_up_again_after_down(site: Site) -> None:
    """Choosing another mode brings CarrierX back."""
    await site.post("carrier", mode="down")

    await site.post("carrier", mode="deliver")

    async with site.session.get(f"{site.carrier.origin}/media/x.png") as answer:
        assert answer.status == web.HTTPOk.status_code


async def test_refuses_every_other_name_for_this_machine(site: Site) -> None:
    """A website whose name was pointed at 127.0.0.1 gets nothing."""
    async with site.session.get(site.page.url, headers={"Host": "evil.example"}) as answer:
        status = answer.status

    assert status == web.HTTPForbidden.status_code


async def test_no_script_from_elsewhere_may_run(site: Site) -> None:
    """The page says so to the browser, whatever a text contains."""
    async with site.session.get(site.page.url) as answer:
        policy = answer.headers["Content-Security-Policy"]

    assert "default-src 'self'" in policy


async def test_says_what_is_wrong_with_the_bot(site: Site) -> None:
    """A bot that ended is told of on the page."""
    async with site.listen() as stream:
        await next_state(stream)
        site.page.tell("The bot ended.")
        state = await next_state(stream)

    assert state["status"] == "The bot ended."


async def test_a_phone_answers(site: Site) -> None:
    """What is typed on it is an inbound text, and stands on it as its own."""
    async with site.listen() as stream:
        await next_state(stream)
        await site.post("phone", **{"from": "+12125550123", "to": "15162065575", "text": "on my way"})
        state = await next_state(stream)

    [phone] = state["carrier"]["phones"]
    [text] = phone["talks"][0]["texts"]
    assert [each.text for each in site.carrier.inbounds.values()] == ["on my way"]
    assert (phone["talks"][0]["to"], text["mine"], text["state"]) == ("15162065575", True, "sent")


async def test_what_no_phone_can_send_is_a_sentence(site: Site) -> None:
    """A number that takes no pictures says so."""
    answer = await site.post("phone", **{"from": "+12125550123", "to": "15162065574", "text": "look", "picture": True})

    assert answer == {"problem": "15162065574 cannot receive this."}


async def test_messages_are_edited_deleted_and_reacted_to(site: Site) -> None:
    """Each by its ts, and typed as people type."""
    await site.post("say", channel=SUPPORT, text="ask @ben")
    (said,) = site.slack.channel("support").messages
    where = {"channel": SUPPORT, "ts": said.ts}
    await site.post("edit", text="ask @ben & me", **where)
    await site.post("react", name="eyes", on=True, **where)
    (edited,) = site.slack.channel("support").messages
    await site.post("react", name="eyes", on=False, **where)
    await site.post("delete", **where)
    again = await site.post("edit", text="too late", **where)

    assert (said.text, edited.text) == ("ask <@U0BEN>", "ask <@U0BEN> &amp; me")
    assert edited.reacted("eyes") == (ALICE,)
    assert site.slack.channel("support").messages == ()
    assert again == {"problem": "That message is gone."}


async def test_a_reload_takes_what_only_one_person_saw(site: Site) -> None:
    """As in Slack."""
    site.slack._chat.whisper(site.slack.channel("support"), ALICE, "between us")

    await site.post("reload")

    assert site.slack.ephemerals == []


@pytest.mark.parametrize("reasons", [["landline"], ["blocked", ""]])
async def test_one_phone_can_fail_alone(site: Site, reasons: list[str]) -> None:
    """Whatever becomes of all others, until it takes texts again."""
    site.carrier.behave(sent_after=0.0, delivered_after=0.0)
    for reason in reasons:
        await site.post("carrier", phone="+12125550123", reason=reason)
    await site.session.post(
        f"{site.carrier.url}/sms/messages",
        json={"from": "12078152557", "group_recipients": ["12125550123", "13475550142"], "message": "hi"},
        headers={"Authorization": f"Bearer {site.carrier.token}"},
    )
    await site.carrier.until(lambda carrier: all(is_final(copy.status) for copy in _copies(carrier)))
    async with site.listen() as stream:
        strip = (await next_state(stream))["carrier"]["strip"]

    assert strip["spoiled"] == ({"12125550123": "landline"} if reasons[-1] else {})
    assert [copy.status for copy in _copies(site.carrier)] == [reasons[-1] or "delivered", "delivered"]


def _copies(carrier: PretendCarrier) -> list[Copy]:
    return [copy for message in carrier.messages.values() for copy in message.copies.values()]


async def test_group_is_on_all_its_phones_with_its_speakers(site: Site) -> None:
    """A conversation of its own, beside the one with its sender alone."""
    text = {"from": "+12125550123", "to": "12078152557", "text": "Which one?", "picture": False}
    await site.post("phone", **text, group=["13475550142"])
    await site.post("phone", **text, group=[])
    async with site.listen() as stream:
        phones = (await next_state(stream))["carrier"]["phones"]

    shown = {
        phone["number"]: [
            (talk["others"], text["mine"], text["speaker"], text["here"])
            for talk in phone["talks"]
            for text in talk["texts"]
        ]
        for phone in phones
    }
    assert shown == {
        "+12125550123": [(["+1 347-555-0142"], True, "", False), ([], True, "", False)],
        "+13475550142": [(["+1 212-555-0123"], False, "+1 212-555-0123", True)],
    }


@pytest.mark.parametrize("way", ["once", "twice", "late", "swapped", "lost"])
async def test_each_way_of_telling_of_a_text_is_shown(site: Site, way: str) -> None:
    """And does not undo what CarrierX does with texts that are sent."""
    await site.post("carrier", mode="delay")
    await site.post("carrier", way=way)
    await site.post("carrier", other_ids=True)

    async with site.listen() as stream:
        strip = (await next_state(stream))["carrier"]["strip"]

    assert (strip["mode"], strip["way"], strip["other_ids"]) == ("delay", way, True)
    assert site.carrier.behaviour.inbound_lost is (way == "lost")
    assert site.carrier.behaviour.moves is False


@pytest.mark.parametrize("weather", ["slow", "limited", "silent", "down"])
async def test_slack_breaks_and_mends(site: Site, weather: str) -> None:
    """Choosing "up" ends whatever it was."""
    await site.post("carrier", weather=weather)
    async with site.listen() as stream:
        shown = (await next_state(stream))["carrier"]["strip"]["weather"]
    await site.post("carrier", weather="up")

    headers = {"Authorization": f"Bearer {site.slack.bot_token}"}
    posting = {"channel": SUPPORT, "text": "x"}
    async with site.session.post(f"{site.slack.api_url}chat.postMessage", json=posting, headers=headers) as answer:
        assert (await answer.json())["ok"]
    assert shown == weather


async def test_the_clock_is_moved_for_all_who_look(site: Site) -> None:
    """And the state says how far."""
    await site.post("clock", move="hour")

    async with site.listen() as stream:
        state = await next_state(stream)

    assert state["clock"]["ahead"] == 3600


async def test_an_archived_channel_is_gone(site: Site) -> None:
    """`/archive` is Slack's own command too."""
    await site.post("command", channel=SUPPORT, text="/archive")

    async with site.listen() as stream:
        state = await next_state(stream)

    assert SUPPORT not in {each["id"] for each in state["channels"]}

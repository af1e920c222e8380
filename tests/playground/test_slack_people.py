"""People of the pretend Slack, and a real Bolt app that answers them over signed HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from playground.slack import NotPossibleError, PretendSlack, Refused

MANIFEST = """
display_information: {name: Threadtext}
features:
  bot_user: {display_name: Threadtext}
  shortcuts:
    - {name: Send a text, type: global, callback_id: sms_new, description: Write}
    - {name: Text this, type: message, callback_id: sms_from_message, description: Send}
  slash_commands: [{command: /sms, description: Text, should_escape: true}]
oauth_config:
  scopes:
    bot: [commands, "chat:write", "channels:read", "channels:history", "users:read", "im:write"]
settings:
  event_subscriptions: {bot_events: [message.channels, user_change, channel_archive]}
"""


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def asked(block_id: str, **more: Any) -> dict[str, Any]:
    """An input for a line of text."""
    element = {"type": "plain_text_input", "action_id": "v", **more.pop("element", {})}
    return {"type": "input", "block_id": block_id, "label": plain(block_id), "element": element, **more}


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "modal", "callback_id": "send", "title": plain("Send"), "submit": plain("Send"), **more} | {
        "blocks": list(blocks)
    }


BUTTON = {"type": "button", "action_id": "again", "text": plain("Try again"), "value": "batch_1"}
MESSAGE = [{"type": "actions", "block_id": "buttons", "elements": [BUTTON]}]


class App:
    """A Bolt app that keeps what it was told and answers as its test says."""

    def __init__(self, slack: PretendSlack) -> None:
        client = AsyncWebClient(slack.bot_token, base_url=slack.api_url, retry_handlers=[])
        self.bolt = AsyncApp(client=client, signing_secret=slack.signing_secret, process_before_response=True)
        self.client = client
        self.told: list[dict[str, Any]] = []
        self.retries: list[Any] = []
        self.ack: dict[str, Any] = {}
        self.view: dict[str, Any] | None = None
        self.fails = 0
        self.wait: Callable[[], Awaitable[Any]] | None = None
        self.bolt.command("/sms")(self.interact)
        self.bolt.shortcut("sms_new")(self.interact)
        self.bolt.shortcut("sms_from_message")(self.interact)
        self.bolt.action("again")(self.interact)
        self.bolt.action("v")(self.interact)
        self.bolt.view("send")(self.interact)
        self.bolt.view_closed("send")(self.interact)
        self.bolt.options("search")(self.interact)
        for event in ("message", "user_change", "channel_archive"):
            self.bolt.event(event)(self.hear)

    async def interact(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        self.told.append(body)
        if self.wait is not None:
            await self.wait()
        if self.view is not None:
            await self.client.views_open(trigger_id=body["trigger_id"], view=self.view)
            self.view = None
        await ack(**self.ack)

    async def hear(self, body: dict[str, Any], request: Any) -> None:
        self.told.append(body)
        self.retries.append(request.headers.get("x-slack-retry-num"))
        if self.fails:
            self.fails -= 1
            raise RuntimeError("as the test asked")


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[PretendSlack]:
    path = tmp_path / "manifest.yml"
    path.write_text(MANIFEST, encoding="utf-8")
    async with PretendSlack(path) as slack:
        slack.retry_after = (0.0, 0.0, 0.0)
        yield slack


@pytest.fixture
async def app(slack: PretendSlack) -> AsyncIterator[App]:
    app = App(slack)
    runner = web.AppRunner(app.bolt.web_app("/slack/events"), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    slack.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    yield app
    await runner.cleanup()


async def test_a_command_arrives_signed_and_whole(slack: PretendSlack, app: App):
    """Bolt's own verifier lets it in."""
    outcome = await slack.command("alice", "support", "+15162065574 hi")

    (body,) = app.told
    assert (outcome.status, outcome.shown) == (200, "")
    assert {key: body[key] for key in ("command", "text", "user_id", "channel_id", "channel_name")} == {
        "command": "/sms",
        "text": "+15162065574 hi",
        "user_id": "U0ALICE",
        "channel_id": "C0SUPPORT",
        "channel_name": "support",
    }
    assert "thread_ts" not in body


async def test_a_private_channel_is_not_named(slack: PretendSlack, app: App):
    await slack.command("alice", "leads")
    await slack.command("alice", "dm-alice-ben")

    assert [each["channel_name"] for each in app.told] == ["privategroup", "directmessage"]


async def test_another_secret_is_refused(slack: PretendSlack, app: App):
    """The signature is really looked at."""
    slack.posts._signer = SignatureVerifier("another")

    outcome = await slack.command("alice", "support", "x")

    assert (outcome.status, outcome.shown) == (401, "/sms failed with the error “dispatch_failed”")


async def test_a_request_signed_long_ago_is_refused(slack: PretendSlack, app: App):
    slack.posts.skew = -301

    outcome = await slack.command("alice", "support", "x")

    assert outcome.status == 401


async def test_a_bot_that_does_not_answer_is_given_up(slack: PretendSlack, app: App):
    """After three seconds in Slack."""
    slack.ack_seconds = 0.05
    never = asyncio.Event()
    app.wait = never.wait

    outcome = await slack.command("alice", "support", "x")
    never.set()

    assert outcome.shown == "/sms failed with the error “operation_timeout”"


@pytest.mark.parametrize(
    ("typed", "arrives"),
    [
        ("a & b < c", "a &amp; b &lt; c"),
        ("hi @ben in #support", "hi <@U0BEN|ben> in <#C0SUPPORT|support>"),
        ("see https://acme.test/x", "see <https://acme.test/x>"),
        ("@channel", "<!channel>"),
        ("@nobody", "@nobody"),
    ],
)
async def test_what_is_typed_is_escaped_as_the_manifest_says(slack: PretendSlack, app: App, typed: str, arrives: str):
    await slack.command("alice", "support", typed)

    assert app.told[0]["text"] == arrives


async def test_a_phone_number_may_come_as_a_link(slack: PretendSlack, app: App):
    await slack.command("alice", "support", "(516) 206-5574 hi", phones=True)

    assert app.told[0]["text"] == "<tel:5162065574|(516) 206-5574> hi"


async def test_escaping_can_be_left_out(slack: PretendSlack, app: App):
    await slack.command("alice", "support", "a & @ben", escape=False)

    assert app.told[0]["text"] == "a & @ben"


async def test_the_acks_text_is_shown_to_the_person_alone(slack: PretendSlack, app: App):
    app.ack = {"text": "Type a number."}

    outcome = await slack.command("alice", "support")

    assert outcome.ephemeral is not None
    assert (outcome.ephemeral.text, outcome.ephemeral.user) == ("Type a number.", "U0ALICE")
    assert slack.channel("support").messages == ()


async def test_a_bot_that_is_away_is_said_to_be_away(slack: PretendSlack):
    slack.request_url = "http://127.0.0.1:1/slack/events"

    outcome = await slack.command("alice", "support", "x")

    assert (outcome.status, outcome.shown) == (0, "/sms failed with the error “dispatch_failed”")


async def test_nobody_types_where_they_are_not(slack: PretendSlack, app: App):
    with pytest.raises(NotPossibleError, match="gus is not in vip"):
        await slack.command("gus", "vip", "x")


async def test_the_same_command_can_arrive_twice_at_once(slack: PretendSlack, app: App):
    """The same trigger, as when Slack delivers again."""
    outcome = await slack.command("alice", "support", "x", copies=2)
    await slack.redeliver(outcome)

    assert len({each["trigger_id"] for each in app.told}) == 1
    assert len(app.told) == 3


async def test_a_response_url_serves_five_times(slack: PretendSlack, app: App):
    await slack.command("alice", "leads")
    respond = AsyncRespond(response_url=app.told[0]["response_url"])

    answers = [await respond(f"answer {number}") for number in range(6)]

    assert [each.status_code for each in answers] == [200] * 5 + [404]
    assert [each.text for each in slack.ephemerals] == [f"answer {number}" for number in range(5)]
    assert [each.error for each in slack.called("response_url")] == [""] * 5 + ["used_url"]


async def test_a_response_url_can_break(slack: PretendSlack, app: App):
    await slack.command("alice", "leads")
    slack.fault(Refused("internal_error"), "response_url")

    await AsyncRespond(response_url=app.told[0]["response_url"])("hello")

    assert slack.ephemerals == []


async def test_a_trigger_opens_one_view_within_three_seconds(slack: PretendSlack, app: App):
    await slack.command("alice", "support")
    trigger = app.told[0]["trigger_id"]
    opened = await app.client.views_open(trigger_id=trigger, view=modal(asked("to")))

    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        await app.client.views_open(trigger_id=trigger, view=modal(asked("to")))

    assert slack.views.find(opened["view"]["id"]).user == "U0ALICE"


async def test_a_trigger_expires(slack: PretendSlack, app: App):
    await slack.command("alice", "support")
    at = slack.clock() + 3.1
    slack.views._clock = lambda: at

    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        await app.client.views_open(trigger_id=app.told[0]["trigger_id"], view=modal(asked("to")))


async def test_a_modal_is_filled_in_and_submitted(slack: PretendSlack, app: App):
    """An empty input is null, as in Slack; the 200 closes the view."""
    app.view = modal(
        asked("to"),
        asked("media", optional=True),
        asked("from", element={"type": "static_select", "options": [{"text": plain("One"), "value": "1"}]}),
        asked("channel", element={"type": "conversations_select", "default_to_current_conversation": True}),
    )
    await slack.command("alice", "support")
    await slack.type_in("send", "to", "v", "+15162065574")
    await slack.type_in("send", "from", "v", "1")

    outcome = await slack.submit("alice")

    assert (outcome.status, outcome.errors) == (200, {})
    assert app.told[1]["view"]["state"]["values"] == {
        "to": {"v": {"type": "plain_text_input", "value": "+15162065574"}},
        "media": {"v": {"type": "plain_text_input", "value": None}},
        "from": {"v": {"type": "static_select", "selected_option": {"text": plain("One"), "value": "1"}}},
        "channel": {"v": {"type": "conversations_select", "selected_conversation": "C0SUPPORT"}},
    }
    assert slack.views.stack("U0ALICE") == ()


async def test_errors_appear_under_their_inputs_and_what_was_typed_stays(slack: PretendSlack, app: App):
    app.view = modal(asked("to"))
    await slack.command("alice", "support")
    await slack.type_in("send", "to", "v", "nonsense")
    app.ack = {"response_action": "errors", "errors": {"to": "Type a number."}}

    outcome = await slack.submit("alice")

    assert outcome.errors == {"to": "Type a number."}
    assert slack.views.find("send").values["to"]["v"]["value"] == "nonsense"


async def test_an_error_under_something_else_is_trouble(slack: PretendSlack, app: App):
    """Slack takes errors for input blocks only."""
    app.view = modal(asked("to", optional=True))
    await slack.command("alice", "support")
    app.ack = {"response_action": "errors", "errors": {"from": "Which?"}}

    outcome = await slack.submit("alice")

    assert outcome.shown == "We had some trouble connecting. Try again?"
    assert len(slack.views.stack("U0ALICE")) == 1


async def test_slack_itself_asks_for_what_is_missing(slack: PretendSlack, app: App):
    app.view = modal(asked("to"))
    await slack.command("alice", "support")

    outcome = await slack.submit("alice")

    assert outcome.errors == {"to": "Please complete this required field."}
    assert len(app.told) == 1


async def test_an_update_keeps_what_was_typed_under_the_same_ids(slack: PretendSlack, app: App):
    """Even where the new view has another initial value; under a new block_id it starts anew."""
    app.view = modal(asked("to"), asked("text"))
    await slack.command("alice", "support")
    await slack.type_in("send", "to", "v", "kept")
    await slack.type_in("send", "text", "v", "lost")
    view = slack.views.find("send")

    new = modal(asked("to", element={"initial_value": "new"}), asked("text2", element={"initial_value": "new"}))
    await app.client.views_update(view_id=view.id, hash=view.hash, view=new)

    assert view.values["to"]["v"]["value"] == "kept"
    assert view.values["text2"]["v"]["value"] == "new"


async def test_an_old_hash_conflicts(slack: PretendSlack, app: App):
    app.view = modal(asked("to"))
    await slack.command("alice", "support")
    view = slack.views.find("send")
    old = view.hash
    await app.client.views_update(view_id=view.id, hash=old, view=modal(asked("to")))

    with pytest.raises(SlackApiError, match="hash_conflict"):
        await app.client.views_update(view_id=view.id, hash=old, view=modal(asked("to")))


async def test_a_view_that_was_closed_is_not_found(slack: PretendSlack, app: App):
    app.view = modal(asked("to"), notify_on_close=True)
    await slack.command("alice", "support")
    view = slack.views.find("send")
    await slack.close_view("alice")

    with pytest.raises(SlackApiError, match="not_found"):
        await app.client.views_update(view_id=view.id, view=modal(asked("to")))
    assert app.told[1]["type"] == "view_closed"


async def test_typing_is_told_where_the_block_dispatches(slack: PretendSlack, app: App):
    config = {"dispatch_action_config": {"trigger_actions_on": ["on_character_entered"]}}
    app.view = modal(asked("text", dispatch_action=True, element=config), asked("to"))
    await slack.command("alice", "support")

    await slack.type_in("send", "to", "v", "quiet")
    await slack.type_in("send", "text", "v", "loud")

    (_, body) = app.told
    assert body["actions"][0]["value"] == "loud"
    assert body["container"] == {"type": "view", "view_id": body["view"]["id"]}
    assert body["view"]["state"]["values"]["to"]["v"]["value"] == "quiet"


async def test_views_are_pushed_three_high(slack: PretendSlack, app: App):
    app.view = modal(asked("to", optional=True))
    await slack.command("alice", "support")
    app.ack = {"response_action": "push", "view": modal(asked("to", optional=True))}

    outcomes = [await slack.submit("alice") for _ in range(3)]

    assert len(slack.views.stack("U0ALICE")) == 3
    assert [bool(each.shown) for each in outcomes] == [False, False, True]


async def test_an_external_select_offers_what_the_app_finds(slack: PretendSlack, app: App):
    app.view = modal(asked("from", element={"type": "external_select", "action_id": "search", "min_query_length": 0}))
    await slack.command("alice", "support")
    option = {"text": plain("One"), "value": "1"}
    app.ack = {"options": [option]}

    outcome = await slack.options("send", "from", "search", "on")
    app.ack = {}
    await slack.type_in("send", "from", "search", "1")

    assert outcome.body == {"options": [option]}
    assert slack.views.find("send").values["from"]["search"]["selected_option"] == option


async def test_a_button_tells_where_it_stands(slack: PretendSlack, app: App):
    root = await app.client.chat_postMessage(channel="C0SUPPORT", text="root")
    await app.client.chat_postMessage(channel="C0SUPPORT", text="failed", blocks=MESSAGE, thread_ts=root["ts"])
    (reply,) = slack.thread(root["ts"])

    outcome = await slack.press("alice", reply, "again")

    (body,) = app.told
    assert outcome.status == 200
    assert body["actions"][0]["value"] == "batch_1"
    assert body["container"]["thread_ts"] == body["message"]["thread_ts"] == root["ts"]


async def test_an_old_view_of_a_message_can_still_be_pressed(slack: PretendSlack, app: App):
    """A slow client shows a button that is already gone."""
    await app.client.chat_postMessage(channel="C0SUPPORT", text="failed", blocks=MESSAGE)
    (seen,) = slack.channel("support").messages
    await app.client.chat_update(channel="C0SUPPORT", ts=seen.ts, text="gone")

    outcome = await slack.press("alice", seen, "again")

    assert outcome.status == 200


async def test_a_press_can_replace_and_delete_an_ephemeral(slack: PretendSlack, app: App):
    await app.client.chat_postEphemeral(channel="C0SUPPORT", user="U0ALICE", text="really?", blocks=MESSAGE)
    await slack.press("alice", slack.ephemerals[0], "again")
    respond = AsyncRespond(response_url=app.told[0]["response_url"])

    await respond("done", replace_original=True)
    replaced = [each.text for each in slack.ephemerals]
    await respond(delete_original=True)

    assert (replaced, slack.ephemerals) == (["done"], [])
    assert "message" not in app.told[0]


async def test_shortcuts_arrive_with_what_slack_gives_them(slack: PretendSlack, app: App):
    message = await slack.say("ben", "random", "call me")

    await slack.global_shortcut("alice")
    await slack.message_shortcut("alice", "random", message.ts)

    assert "channel" not in app.told[0]
    assert app.told[1]["message"]["text"] == "call me"


async def test_messages_are_told_only_where_the_bot_is(slack: PretendSlack, app: App):
    await slack.say("ben", "random", "unheard")
    await slack.say("ben", "vip", "not subscribed")
    await slack.say("ben", "support", "heard")

    assert [each["event"]["text"] for each in app.told] == ["heard"]


async def test_channels_change_and_the_app_is_told_what_it_asked_for(slack: PretendSlack, app: App):
    await slack.archive("support")
    await slack.share("general")

    assert [each["event"]["type"] for each in app.told] == ["channel_archive"]
    assert slack.channel("general").ext_shared


async def test_an_event_that_fails_comes_again_with_the_same_id(slack: PretendSlack, app: App):
    app.fails = 2

    await slack.change_person("gus", restricted=False)
    await slack.until(lambda slack: len(slack.told[0].answers) == 3)

    assert len({each["event_id"] for each in app.told}) == 1
    assert app.retries == [None, ["1"], ["2"]]


async def test_a_post_pings_those_whom_it_names(slack: PretendSlack, app: App):
    """In mrkdwn and in rich text, and not in plain text."""
    section = {"type": "section", "text": plain("<!channel>")}
    user = {"type": "rich_text_section", "elements": [{"type": "user", "user_id": "U0BEN"}]}
    quiet = await app.client.chat_postMessage(channel="C0SUPPORT", text="hi &lt;!channel&gt;", blocks=[section])
    loud = await app.client.chat_postMessage(
        channel="C0SUPPORT", text="<@U0ALICE> <!here>", blocks=[{"type": "rich_text", "elements": [user]}]
    )

    assert quiet["ts"] not in {each.ts for each in slack.pings}
    assert [(each.ts, each.people) for each in slack.pings] == [(loud["ts"], frozenset({"U0ALICE", "U0BEN", "!here"}))]


async def test_changes_can_be_followed(slack: PretendSlack, app: App):
    async with slack.subscribe() as changes:
        await slack.say("ben", "support", "hello")
        async with asyncio.timeout(5):
            change = await anext(changes)

    assert (change["type"], change["message"]["text"]) == ("message", "hello")


async def test_a_condition_that_never_holds_names_the_last_calls(slack: PretendSlack, app: App):
    await app.client.auth_test()

    with pytest.raises(TimeoutError, match=r"auth\.test ok"):
        await slack.until(lambda _: False, seconds=0.01)


async def test_a_snapshot_shows_what_a_person_sees(slack: PretendSlack, app: App):
    """A guest sees their own channels only, and nobody else's ephemerals."""
    await app.client.chat_postEphemeral(channel="C0SUPPORT", user="U0ALICE", text="for alice")

    snapshot = slack.snapshot("gus")

    assert [each["name"] for each in snapshot["channels"]] == ["general", "support", "random"]
    assert snapshot["ephemerals"] == []
    assert slack.snapshot("alice")["ephemerals"][0]["text"] == "for alice"

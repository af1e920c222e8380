"""What people do in Slack, and what they read then: real signed requests, a strict Slack, fakes for the use cases."""

import re
from dataclasses import replace
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from bot.domain.message import Batch, Cause, Failure, Recipient, Status
from bot.errors import InvalidFieldsError, InvalidInputError, NotStoredError, RefusedError
from bot.services.ports import OurNumber
from bot.services.sending import CancelResult, How
from bot.slack import modal
from bot.slack.blocks import Content, show_status, show_trouble
from playground.slack import faults
from playground.slack.acting import Outcome
from playground.slack.server import PretendSlack
from playground.slack.workspace import TEAM, Message
from tests.slack.batches import ANNA, NOW, a_batch, a_message
from tests.slack.surface import BACK_OFFICE, FRONT_DESK, GROUP, Surface, open_surface
from tests.slack.test_modal import WAITS

NO_TEXT = "GSM-7 · 0 characters · 0 segments"
INLINE = "+1 516 206 5574 Running ten minutes late"


def said(outcome: Outcome) -> str:
    """What only the person who typed reads."""
    assert outcome.ephemeral is not None
    return outcome.ephemeral.text


def open_view(surface: Surface, user: str = "U0ALICE") -> Any:
    """The modal on somebody's screen."""
    return surface.slack.views.stack(user)[-1]


async def put(surface: Surface, content: Content | None) -> Message:
    """A message of the bot in #support, to press buttons in."""
    assert content is not None
    ts = await surface.workspace.post("C0SUPPORT", None, content, "post")
    return surface.slack.channel("support").history[ts]


def failed_for_good() -> Batch:
    """A text whose file cannot go."""
    one = Recipient(ANNA, Status.FAILED, failure=Failure(Cause.MEDIA, "it is too large"))
    return a_batch(a_message(recipients=(one,), status=Status.FAILED))


# /sms with a number and a text


async def test_a_text_is_handed_over_as_typed_and_acked(surface: Surface) -> None:
    """One wish, in the words of the person; the answer shows nothing, the channel will."""
    outcome = await surface.slack.command("alice", "support", INLINE)

    (draft,) = surface.texts.drafts
    assert (outcome.status, outcome.body) == (200, "")
    assert draft.to == "+15162065574"
    assert draft.text == "Running ten minutes late"
    assert (draft.team, draft.user_id, draft.user_name) == (TEAM, "U0ALICE", "alice")
    assert (draft.channel, draft.sender, draft.how) == ("C0SUPPORT", "", How.SEPARATE)
    assert draft.response_url.startswith(surface.slack.api_url.removesuffix("/api/"))


async def test_a_redelivery_is_the_same_wish(surface: Surface) -> None:
    """The key is Slack's trigger, so that the database can tell."""
    outcome = await surface.slack.command("alice", "support", INLINE)
    await surface.slack.redeliver(outcome)
    await surface.slack.command("alice", "support", INLINE)

    first, again, other = (draft.key for draft in surface.texts.drafts)
    assert first == again
    assert first != other
    assert first.startswith(f"command:{TEAM}:")


async def test_the_phone_gets_what_people_see(surface: Surface) -> None:
    """Mentions are names, escapes are characters, emoji are emoji."""
    await surface.slack.command("alice", "support", "+15162065574 AT&T says <hi> to @ben :smile:")

    assert surface.texts.drafts[0].text == "AT&T says <hi> to @ben 😄"


async def test_a_wrong_number_gets_a_sentence(surface: Surface) -> None:
    """The person reads what to type instead, and nothing is sent."""
    outcome = await surface.slack.command("alice", "support", "911 help")

    assert "emergency" in said(outcome)
    assert surface.texts.drafts == []


async def test_what_was_typed_pings_nobody_in_the_answer(surface: Surface) -> None:
    """A sentence quotes the typed words, as words."""
    surface.texts.error = InvalidInputError("“<!channel> *x*” is no number: type `/sms (201) 555-0123 hi`.", "to")

    outcome = await surface.slack.command("alice", "support", INLINE)

    assert outcome.ephemeral is not None
    assert "<!channel>" not in outcome.ephemeral.text
    elements = outcome.ephemeral.blocks[0]["elements"][0]["elements"]
    assert [element["text"] for element in elements] == [
        "“<!channel> *x*” is no number: type ",
        "/sms (201) 555-0123 hi",
        ".",
    ]
    assert surface.slack.pings == []


async def test_several_mistakes_are_all_said(surface: Surface) -> None:
    """There are no fields to put them under."""
    surface.texts.error = InvalidFieldsError({"to": "Wrong number.", "text": "Too long."})

    outcome = await surface.slack.command("alice", "support", INLINE)

    assert said(outcome) == "Wrong number. Too long."


async def test_help_fits_one_screen(surface: Surface) -> None:
    """The grammar with examples, for the one who asked."""
    outcome = await surface.slack.command("alice", "support", "help")

    assert "`/sms (201) 555-0123 Running ten minutes late`" in said(outcome)
    assert len(said(outcome).splitlines()) <= 15


async def test_a_fault_of_ours_has_a_reference_that_the_log_has_too(surface: Surface) -> None:
    """Whoever runs the bot finds the case; neither of the two holds what was typed."""
    structlog.reset_defaults()
    surface.texts.error = RuntimeError("Running ten minutes late to +15162065574")

    with capture_logs() as logs:
        outcome = await surface.slack.command("alice", "support", INLINE)

    reference = re.search(r"reference (\w{8})", said(outcome))
    assert reference is not None
    (log,) = [entry for entry in logs if entry["event"] == "slack.failed"]
    assert log["reference"] == reference[1]
    assert log["error"] == "RuntimeError"
    assert "ten minutes" not in str(logs)
    assert "it cannot be told whether the text goes out" in said(outcome)


async def test_a_database_that_did_not_take_it_says_so(surface: Surface) -> None:
    """Our own sentence, with a reference."""
    surface.texts.error = NotStoredError("The database did not answer, so nothing was sent. Try again.")

    outcome = await surface.slack.command("alice", "support", INLINE)

    assert said(outcome).startswith("The database did not answer, so nothing was sent. Try again. (If you ask")


# Who may


@pytest.mark.parametrize(
    ("user", "words"),
    [("gus", "Guests cannot"), ("otherbot", "Bots and workflows cannot"), ("uma", "Guests cannot")],
)
async def test_only_members_may(surface: Surface, user: str, words: str) -> None:
    """Guests and bots are refused in words, on every kind of command."""
    outcomes = [await surface.slack.command(user, "support", text) for text in (INLINE, "", "help")]

    assert all(words in said(outcome) for outcome in outcomes)
    assert surface.texts.drafts == []
    assert surface.slack.called("views.open") == ()


async def test_a_shared_channel_is_refused(surface: Surface) -> None:
    """Another company would see the customer's number."""
    outcome = await surface.slack.command("alice", "globex", INLINE)

    assert said(outcome).startswith("Another company sees this channel")
    assert surface.texts.drafts == []


async def test_a_text_gets_the_time_that_questions_before_it_left(slack: PretendSlack) -> None:
    """Slack waits three seconds for all of it."""
    slack.fault(faults.Slow(0.4), "users.info")
    async with open_surface(slack) as surface:
        await surface.slack.command("alice", "support", "5162065574 Hi")
        await surface.people.read()
        await surface.slack.command("alice", "support", "5162065574 Hi")

    asked, known = surface.texts.within
    assert asked is not None
    assert known is not None
    assert asked <= 2.7 - 0.4 < known <= 2.7


async def test_a_shared_channel_may_be_allowed(slack: PretendSlack) -> None:
    """Whoever runs the bot decides; the other company's people still may not."""
    async with open_surface(slack, allowed_shared=("C0GLOBEX",)) as surface:
        ours = await slack.command("alice", "globex", INLINE)
        theirs = await slack.command("erin", "globex", INLINE)

    assert ours.body == ""
    assert said(theirs).startswith("Only members of this workspace can send texts")
    assert [draft.user_id for draft in surface.texts.drafts] == ["U0ALICE"]


async def test_nobody_is_let_in_because_slack_is_down(surface: Surface) -> None:
    """Who is not known yet and cannot be asked for is refused, in words, in time."""
    surface.slack.fault(faults.Down(), "users.info")

    outcome = await surface.slack.command("alice", "support", INLINE)

    assert said(outcome).startswith("Slack does not say at the moment whether you are a member")
    assert surface.texts.drafts == []


async def test_a_private_channel_without_the_bot_is_fine(surface: Surface) -> None:
    """Nothing is shown there, so nothing can leak."""
    await surface.slack.command("alice", "leads", INLINE)
    await surface.slack.command("alice", "dm-alice-ben", INLINE)

    assert [draft.channel for draft in surface.texts.drafts] == ["C0LEADS", "D0ALICEBEN"]


async def test_guests_cannot_press(surface: Surface) -> None:
    """A button is a text too."""
    waiting = await put(surface, show_status(a_batch(a_message(status=Status.ACCEPTED))))
    failed = await put(surface, show_trouble(a_batch(a_message(status=Status.UNCONFIRMED))))

    await surface.slack.press("gus", waiting, "sms_cancel")
    await surface.slack.press("gus", failed, "sms_again")

    await surface.slack.until(lambda slack: len(slack.ephemerals) == 2)
    assert {ephemeral.text for ephemeral in surface.slack.ephemerals} == {
        "Guests cannot send texts. Ask a full member of this workspace to send it."
    }
    assert (surface.texts.cancels, surface.texts.repeats) == ([], [])


# The modal


async def test_the_modal_opens_with_one_call_and_nothing_else(slack: PretendSlack) -> None:
    """The trigger lives three seconds; once people are known, nobody else is asked."""
    async with open_surface(slack) as surface:
        await slack.command("alice", "support", "help")
        before = len(slack.calls)

        await slack.command("alice", "support")

    assert [call.method for call in slack.calls[before:]] == ["views.open"]
    view = open_view(surface)
    assert view.values["channel"]["sms_channel"]["selected_conversation"] == "C0SUPPORT"
    assert view.values["from"]["sms_from"]["selected_option"]["value"] == FRONT_DESK.number


async def test_what_was_filled_in_is_handed_over(surface: Surface) -> None:
    """Every field, and the modal closes."""
    await surface.slack.command("alice", "support")
    view = open_view(surface)
    slack = surface.slack
    await slack.type_in(view, "from", "", "+13105550101")
    await slack.type_in(view, "to", "", "5162065574\n(212) 555-0188")
    await slack.type_in(view, "how", "", "group")
    await slack.type_in(view, "text", "", "AT&T :smile:")
    await slack.type_in(view, "media", "", "https://cdn.example/a.jpg")
    await slack.type_in(view, "channel", "", "C0RANDOM")

    outcome = await slack.submit("alice")

    (draft,) = surface.texts.drafts
    assert outcome.body == ""
    assert slack.views.stack("U0ALICE") == ()
    assert draft.key == f"view:{TEAM}:{view.id}"
    assert (draft.sender, draft.to) == ("+13105550101", "5162065574\n(212) 555-0188")
    assert (draft.how, draft.text) == (How.GROUP, "AT&T 😄")
    assert (draft.media, draft.channel) == ("https://cdn.example/a.jpg", "C0RANDOM")
    assert draft.response_url.startswith("http://127.0.0.1")


async def test_empty_inputs_are_empty(surface: Surface) -> None:
    """Slack sends null for them."""
    await surface.slack.command("alice", "support")
    await surface.slack.type_in("sms_send", "to", "", "5162065574")

    await surface.slack.submit("alice")

    assert (surface.texts.drafts[0].text, surface.texts.drafts[0].media) == ("", "")


async def test_all_mistakes_stand_under_their_fields_and_what_was_typed_stays(surface: Surface) -> None:
    """At once, and the person goes on from there."""
    wrong = {"to": "Type a number.", "text": "Too long.", "media": "Not a URL.", "from": "No MMS.", "how": "Too many."}
    surface.texts.error = InvalidFieldsError(wrong)
    await surface.slack.command("alice", "support")
    await surface.slack.type_in("sms_send", "to", "", "hello")

    outcome = await surface.slack.submit("alice")

    assert outcome.errors == wrong
    assert open_view(surface).values["to"]["sms_to"]["value"] == "hello"


async def test_an_error_of_no_field_stands_under_to(surface: Surface) -> None:
    """Slack refuses errors about fields that are not there."""
    surface.texts.error = RefusedError("Not now.")
    await surface.slack.command("alice", "support")
    await surface.slack.type_in("sms_send", "to", "", "5162065574")

    outcome = await surface.slack.submit("alice")

    assert outcome.errors == {"to": "Not now."}


async def test_a_shared_channel_is_refused_under_its_own_field(surface: Surface) -> None:
    """Also when the modal was opened elsewhere."""
    await surface.slack.global_shortcut("alice")
    await surface.slack.type_in("sms_send", "to", "", "5162065574")
    await surface.slack.type_in("sms_send", "channel", "", "C0GLOBEX")

    outcome = await surface.slack.submit("alice")

    assert list(outcome.errors) == ["channel"]
    assert surface.texts.drafts == []


async def test_a_guest_cannot_submit(surface: Surface) -> None:
    """Somebody may have become one while the modal was open."""
    await surface.slack.command("alice", "support")
    await surface.slack.type_in("sms_send", "to", "", "5162065574")
    await surface.slack.change_person("alice", restricted=True)

    outcome = await surface.slack.submit("alice")

    assert outcome.errors["to"].startswith("Guests cannot")
    assert surface.texts.drafts == []


async def lines(surface: Surface, *said: str) -> None:
    """Return as soon as the lines of Alice's form say just this."""
    await surface.slack.until(lambda _: modal.read_lines(open_view(surface).given) == list(said))


async def test_the_live_line_follows_what_is_typed(surface: Surface) -> None:
    """Encoding, characters, segments; and nothing that was typed elsewhere is lost."""
    await surface.slack.command("alice", "support")
    await surface.slack.type_in("sms_send", "to", "", "5162065574")

    await surface.slack.type_in("sms_send", "text", "", "It\u2019s late")

    await lines(surface, "UCS-2 because of \u2019 · 9 characters · 1 segment")
    view = open_view(surface)
    assert view.values["to"]["sms_to"]["value"] == "5162065574"
    assert view.values["text"]["sms_text"]["value"] == "It\u2019s late"


async def test_a_text_that_will_wait_says_so_while_it_is_written(surface: Surface) -> None:
    """It is asked with all that is filled in so far, by whom and for which channel; and the line goes again."""
    surface.texts.forecast = WAITS
    await surface.slack.command("alice", "support")
    await surface.slack.type_in("sms_send", "to", "", "5162065574")
    await lines(surface, NO_TEXT, "It is 22:14 there: this text waits until 8:00 their time.")
    surface.texts.forecast = None

    await surface.slack.type_in("sms_send", "from", "", BACK_OFFICE.number)

    await lines(surface, NO_TEXT)
    last = surface.texts.foreseen[-1]
    assert (last.to, last.sender, last.user_id, last.channel) == (
        "5162065574",
        BACK_OFFICE.number,
        "U0ALICE",
        "C0SUPPORT",
    )
    assert surface.texts.drafts == []


async def test_the_answer_waits_for_no_line_and_the_newest_state_is_shown(surface: Surface) -> None:
    """Slack has its answer at once; what was typed while the first line was made is shown in one step."""
    surface.texts.may_foresee.clear()
    await surface.slack.command("alice", "support")

    outcomes = [await surface.slack.type_in("sms_send", "text", "", typed) for typed in ("a", "ab", "abc")]
    surface.texts.may_foresee.set()

    await lines(surface, "GSM-7 · 3 characters · 1 segment")
    assert [(outcome.status, outcome.shown) for outcome in outcomes] == [(200, "")] * 3
    assert [draft.text for draft in surface.texts.foreseen] == ["a", "abc"]


async def test_a_form_whose_lines_are_true_is_left_alone(surface: Surface) -> None:
    """By day, whoever types numbers causes no request to Slack."""
    await surface.slack.command("alice", "support")

    await surface.slack.type_in("sms_send", "to", "", "516206557")
    await surface.slack.type_in("sms_send", "to", "", "5162065574")
    await surface.slack.type_in("sms_send", "text", "", "a")

    await lines(surface, "GSM-7 · 1 character · 1 segment")
    assert len(surface.slack.called("views.update")) == 1


async def test_the_line_about_the_text_needs_no_forecast(surface: Surface) -> None:
    """The database does not answer: no word of the hours, and nothing else is missing."""
    surface.texts.error = TimeoutError()
    await surface.slack.command("alice", "support")

    await surface.slack.type_in("sms_send", "text", "", "Hello")

    await lines(surface, "GSM-7 · 5 characters · 1 segment")


async def test_a_live_line_that_comes_late_is_no_error(surface: Surface) -> None:
    """The form was closed meanwhile; the next one has its lines."""
    surface.slack.fault(faults.Refused("not_found"), "views.update", times=1)
    await surface.slack.command("alice", "support")

    outcome = await surface.slack.type_in("sms_send", "text", "", "Hello")
    await surface.slack.until(lambda slack: slack.called("views.update"))
    await surface.slack.type_in("sms_send", "text", "", "Hello Anna")

    await lines(surface, "GSM-7 · 10 characters · 1 segment")
    assert (outcome.status, outcome.shown) == (200, "")


async def test_more_than_a_hundred_numbers_are_searched(surface: Surface) -> None:
    """Slack's select holds a hundred; a search finds by name, place or digits."""
    many = [OurNumber(f"+1212555{n:04}", f"Desk {n}", "New York", sms=True, mms=True) for n in range(150)]
    surface.senders.numbers = many
    surface.senders.chosen = many[0]
    await surface.slack.command("alice", "support")
    view = open_view(surface)

    by_name = await surface.slack.options(view, "from", "sms_from", "desk 149")
    by_digits = await surface.slack.options(view, "from", "sms_from", "555-0042")
    everything = await surface.slack.options(view, "from", "sms_from", "")

    assert [option["value"] for option in by_name.body["options"]] == ["+12125550149"]
    assert [option["value"] for option in by_digits.body["options"]] == ["+12125550042"]
    assert len(everything.body["options"]) == 100


async def test_no_numbers_yet_is_said(surface: Surface) -> None:
    """The default is offered meanwhile."""
    surface.senders.loaded, surface.senders.numbers = False, ()
    surface.senders.chosen = replace(FRONT_DESK, name="", locality="")

    await surface.slack.command("alice", "support")

    first, sender, *_ = open_view(surface).given["blocks"]
    assert first["text"]["text"].startswith("The list of your numbers has not come from CarrierX yet")
    assert [option["value"] for option in sender["element"]["options"]] == [FRONT_DESK.number]


async def test_no_number_at_all_is_said(surface: Surface) -> None:
    """And a mistake about From, which is not there, stands under To."""
    surface.senders.numbers, surface.senders.chosen = (), None
    surface.senders.shortage = "The account has no number."
    surface.texts.error = InvalidInputError("There is no number to send from.", "from")
    await surface.slack.command("alice", "support")
    await surface.slack.type_in("sms_send", "to", "", "5162065574")

    outcome = await surface.slack.submit("alice")

    assert open_view(surface).given["blocks"][0]["text"]["text"] == "The account has no number."
    assert outcome.errors == {"to": "There is no number to send from."}


async def test_a_form_that_does_not_open_has_another_way(surface: Surface) -> None:
    """The person reads how to do without."""
    surface.slack.fault(faults.Refused("expired_trigger_id"), "views.open")

    outcome = await surface.slack.command("alice", "support")

    assert said(outcome).startswith("Slack did not open the form. Try again, or write it all in one line: `/sms ")


# Shortcuts


async def test_the_global_shortcut_asks_where(surface: Surface) -> None:
    """There is no channel to start from."""
    await surface.slack.global_shortcut("alice")

    assert open_view(surface).values["channel"]["sms_channel"]["selected_conversation"] is None


async def test_the_message_shortcut_brings_the_text_along(surface: Surface) -> None:
    """As people see it, and where they see it."""
    message = await surface.slack.say("ben", "support", "AT&amp;T calls <@U0ALICE> :wave:")

    await surface.slack.message_shortcut("alice", "support", message.ts)

    values = open_view(surface).values
    assert values["text"]["sms_text"]["value"] == "AT&T calls @alice 👋"
    assert values["channel"]["sms_channel"]["selected_conversation"] == "C0SUPPORT"


async def test_a_long_message_still_opens(surface: Surface) -> None:
    """Slack's input takes 3,000 characters; our own limit is said on sending."""
    message = await surface.slack.say("ben", "support", "x" * 9000)

    await surface.slack.message_shortcut("alice", "support", message.ts)

    assert len(open_view(surface).values["text"]["sms_text"]["value"]) == 3000


async def test_a_guest_with_a_shortcut_reads_why(surface: Surface) -> None:
    """A shortcut's answer shows nothing, so a small modal does."""
    await surface.slack.global_shortcut("gus")

    blocks = open_view(surface, "U0GUS").given["blocks"]
    assert [block["type"] for block in blocks] == ["section"]
    assert blocks[0]["text"]["text"].startswith("Guests cannot send texts.")


async def test_a_guest_with_a_message_shortcut_reads_why(surface: Surface) -> None:
    """Where the message is."""
    message = await surface.slack.say("ben", "support", "Hello")

    await surface.slack.message_shortcut("gus", "support", message.ts)

    (ephemeral,) = await surface.slack.until(lambda slack: slack.ephemerals)
    assert (ephemeral.user, ephemeral.text[:6]) == ("U0GUS", "Guests")


# Buttons


async def test_cancel_cancels(surface: Surface) -> None:
    """What came of it is shown in the thread, so there are no words."""
    batch = a_batch(a_message(status=Status.ACCEPTED, not_before=NOW))
    message = await put(surface, show_status(batch))

    outcome = await surface.slack.press("ben", message, "sms_cancel")
    await surface.listeners.close()

    assert outcome.shown == ""
    assert surface.texts.cancels == [batch.id]
    assert surface.slack.ephemerals == []


@pytest.mark.parametrize(
    ("result", "words"),
    [(CancelResult.TOO_LATE, "Too late"), (CancelResult.UNKNOWN, "I know nothing of this text")],
)
async def test_a_cancel_that_does_nothing_says_so(surface: Surface, result: CancelResult, words: str) -> None:
    """Only the one who pressed reads it, and the message stays."""
    surface.texts.canceled = result
    message = await put(surface, show_status(a_batch(a_message(status=Status.ACCEPTED))))

    await surface.slack.press("ben", message, "sms_cancel")

    (ephemeral,) = await surface.slack.until(lambda slack: slack.ephemerals)
    assert ephemeral.user == "U0BEN"
    assert ephemeral.text.startswith(words)
    assert message.ts in surface.slack.channel("support").history


async def test_again_sends_again_in_the_name_of_who_pressed(surface: Surface) -> None:
    """And each press has its own key."""
    batch = a_batch(a_message(status=Status.UNCONFIRMED))
    message = await put(surface, show_trouble(batch))

    await surface.slack.press("ben", message, "sms_again")
    await surface.slack.press("alice", message, "sms_again")

    first, second = surface.texts.repeats
    assert (first["batch_id"], first["user_id"], first["user_name"]) == (batch.id, "U0BEN", "ben")
    assert first["key"].startswith(f"again:{TEAM}:")
    assert first["key"] != second["key"]


async def test_edit_opens_the_form_as_it_was_sent(surface: Surface) -> None:
    """All of it is filled in, the files that are still in Slack too; and what is sent then names what it stands for."""
    message = await put(surface, show_trouble(failed_for_good()))

    await surface.slack.press("ben", message, "sms_edit")
    (view,) = surface.slack.views.stack("U0BEN")
    outcome = await surface.slack.submit("ben")

    (draft,) = surface.texts.drafts
    assert outcome.errors == {}
    assert view.given["blocks"][0]["text"]["text"] == GROUP.why
    assert (draft.edits, draft.edited, draft.to) == ("batch", GROUP.to, "\n".join(GROUP.to))
    assert (draft.sender, draft.how, draft.channel) == (GROUP.sender, How.GROUP, GROUP.channel)
    assert (draft.text, draft.media) == (GROUP.text, "\n".join(GROUP.media))
    assert [file.name for file in draft.files] == ["plan.pdf", "map.png"]


async def test_an_edited_text_that_was_sent_again_meanwhile_says_so(surface: Surface) -> None:
    """Two people who edit one text make one text; the second keeps what they typed."""
    message = await put(surface, show_trouble(failed_for_good()))
    await surface.slack.press("ben", message, "sms_edit")
    surface.texts.repeated = True

    outcome = await surface.slack.submit("ben")

    assert outcome.errors is not None
    assert outcome.errors["to"].startswith("At least one of these was sent again already, so nothing more was sent.")


async def test_the_second_press_reads_that_it_did_nothing(surface: Surface) -> None:
    """Two presses make one text."""
    surface.texts.repeated = True
    message = await put(surface, show_trouble(a_batch(a_message(status=Status.UNCONFIRMED))))

    await surface.slack.press("ben", message, "sms_again")

    (ephemeral,) = await surface.slack.until(lambda slack: slack.ephemerals)
    assert ephemeral.text == "Already sent again, so this press did nothing more."


# Events


async def test_events_that_mean_nothing_are_taken(surface: Surface) -> None:
    """Slack switches subscriptions off when too many deliveries fail."""
    told = await surface.slack.tell({"type": "something_new", "subtype": "x"}, name="user_change")

    assert told is not None
    assert [answer.status for answer in told.answers] == [200]


async def test_an_event_that_cannot_be_read_is_taken(surface: Surface) -> None:
    """Repeating it would not make it readable."""
    told = await surface.slack.tell({"type": "user_change", "user": {"no": "id"}})

    assert told is not None
    assert [answer.status for answer in told.answers] == [200]


# Orders


async def test_an_order_is_answered_for_its_typist_alone(surface: Surface) -> None:
    """It is no text: nothing is handed over."""
    outcome = await surface.slack.command("alice", "support", "optouts")

    assert said(outcome) == "ShowOptOuts of U0ALICE"
    assert surface.texts.drafts == []


async def test_guests_give_no_orders(surface: Surface) -> None:
    outcome = await surface.slack.command("gus", "support", "routes")

    assert said(outcome).startswith("Guests cannot send texts.")

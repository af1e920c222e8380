"""What is shown to who gave an order: within Slack's limits, whatever a phone said."""

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.message import Status
from bot.domain.orders import MAX_REASON
from bot.domain.rules import ChannelRule
from bot.services.administration import HoursSet, OptOut, Routes
from bot.slack.blocks import Content, show_root, show_trouble
from bot.slack.conversation import show_answer
from bot.slack.orders import (
    Wish,
    ask_erase,
    ask_opt_in,
    read_wish,
    show_hours,
    show_mode,
    show_opt_outs,
    show_routes,
    write_wish,
)
from playground.slack.limits import lint_message
from tests.slack.batches import ANNA, NOW, NUMBERS, ODD_NAMES, ODD_TEXTS, a_batch, a_message

BERT = "+14155550132"


def flaws(content: Content) -> list[str]:
    return lint_message({"text": content.text, "blocks": list(content.blocks)})


@given(
    st.lists(st.builds(OptOut, NUMBERS, st.just(NOW), ODD_TEXTS, NUMBERS, st.sampled_from(["", "U1"])), max_size=20),
    ODD_NAMES,
)
def test_opt_outs_fit_whatever_people_said(newest: list[OptOut], name: str) -> None:
    content = show_opt_outs(tuple(newest), 12_345, lambda _: name, "/sms")

    assert flaws(content) == []


@given(ODD_TEXTS.map(lambda text: text[:MAX_REASON]), ODD_NAMES)
def test_questions_fit_and_their_buttons_say_what_was_asked(reason: str, name: str) -> None:
    asked = ask_opt_in(OptOut(ANNA, NOW, "STOP"), reason, lambda _: name)

    assert flaws(asked) == []
    assert flaws(ask_erase(ANNA, NOW)) == []
    button = asked.blocks[-1]["elements"][0]
    assert read_wish(button["value"]) == Wish(ANNA, NOW, reason)


def test_a_wish_keeps_its_microseconds() -> None:
    """They name the very opt-out."""
    wish = Wish(ANNA, NOW.replace(microsecond=1), "why")

    assert read_wish(write_wish(wish)) == wish


@given(st.dictionaries(NUMBERS, st.just("C0SUPPORT"), max_size=80), ODD_NAMES)
def test_what_is_set_fits(channels: dict[str, str], name: str) -> None:
    numbers = dict.fromkeys(channels)

    assert flaws(show_routes(Routes(channels, ""), lambda _: name, lambda _: False, "/sms")) == []
    assert flaws(show_hours(HoursSet(None, numbers), lambda _: name, "/sms")) == []
    assert flaws(show_mode(ChannelRule(), "/sms", changed=False)) == []


def test_an_erased_text_says_so() -> None:
    """A text to several says what the others got; without its words it cannot be sent again."""
    gone = a_message(ANNA, text="", erased=True, status=Status.UNCONFIRMED)
    kept = a_message(BERT, text="hello")

    assert ": (erased) · " in show_root(a_batch(gone)).text
    assert ": hello · " in show_root(a_batch(gone, kept)).text
    assert "(erased)" in show_answer(a_batch(gone)).text
    trouble = show_trouble(a_batch(gone))
    assert trouble is not None
    assert [block["type"] for block in trouble.blocks] == ["rich_text"]

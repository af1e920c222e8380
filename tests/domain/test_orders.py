import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.command import Asked, parse_command
from bot.domain.orders import (
    Erase,
    OptIn,
    Order,
    Route,
    SetHours,
    SetMode,
    ShowHours,
    ShowMode,
    ShowOptOuts,
    ShowRoutes,
    Status,
    parse_order,
)
from bot.domain.rules import ChannelRule, Mode
from bot.errors import InvalidInputError

ANNA = "+15162065574"
SHOWN = "(516) 206-5574"
EXAMPLE = "(201) 555-0123"
WORDS = ("route", "routes", "mode", "hours", "optouts", "optin", "erase", "status")


def read(text: str, region: str = "US") -> Asked:
    return parse_command(text, region=region, countries=("US", "CA"))


def refusal(text: str, region: str = "US", command: str = "/sms") -> str:
    with pytest.raises(InvalidInputError) as caught:
        parse_command(text, region=region, countries=("US", "CA"), command=command)
    return caught.value.user_message


READ: list[tuple[str, Order]] = [
    ("route +15162065574 <#C0SUPPORT|support>", Route(ANNA, "C0SUPPORT")),
    ("Route (516) 206-5574 <#G0OLD|>", Route(ANNA, "G0OLD")),
    ("ROUTE <tel:+15162065574|(516) 206-5574> <#C0SUPPORT>", Route(ANNA, "C0SUPPORT")),
    ("route 5162065574\nC0123456789", Route(ANNA, "C0123456789")),
    ("route +15162065574 off", Route(ANNA, "")),
    ("route +1 516 206 5574  OFF", Route(ANNA, "")),
    ("routes", ShowRoutes()),
    ("mode", ShowMode()),
    ("mode auto", SetMode(ChannelRule(Mode.AUTO))),
    ("mode ASK everyone", SetMode(ChannelRule(Mode.ASK, everyone=True))),
    ("mode auto  Everyone", SetMode(ChannelRule(Mode.AUTO, everyone=True))),
    ("mode off", SetMode(ChannelRule(Mode.OFF))),
    ("hours", ShowHours()),
    ("hours +15162065574 21:00-08:00", SetHours(ANNA, "21:00-08:00")),
    ("hours (516) 206-5574 9pm to 8am", SetHours(ANNA, "21:00-08:00")),
    ("hours +1 516 206 5574, 9 pm - 8 am", SetHours(ANNA, "21:00-08:00")),
    ("hours 5162065574 from noon to 8:30am", SetHours(ANNA, "12:00-08:30")),
    ("hours <tel:+15162065574|5162065574> off", SetHours(ANNA, "off")),
    ("hours 5162065574 Default", SetHours(ANNA, "")),
    ("optouts", ShowOptOuts()),
    ("optin +15162065574 asked by phone", OptIn(ANNA, "asked by phone")),
    ("optin (516) 206-5574: 2 calls\non Monday", OptIn(ANNA, "2 calls on Monday")),
    ("optin +49 30 123456, hat angerufen", OptIn("+4930123456", "hat angerufen")),
    ("erase +15162065574", Erase(ANNA)),
    ("erase <tel:+15162065574|(516) 206-5574>", Erase(ANNA)),
    ("erase +49 30 123456 78", Erase("+493012345678")),
    ("status", Status()),
    (" STATUS ", Status()),
]


@pytest.mark.parametrize(("typed", "order"), READ, ids=[typed for typed, _ in READ])
def test_an_order_is_read_as_a_person_types_it(typed: str, order: Order) -> None:
    """Any case, any punctuation of the number, and Slack's marks."""
    assert read(typed) == order


REFUSED = [
    (
        "route",
        f"Type one of your numbers and a channel: `/sms route {EXAMPLE} #channel`, or `off` instead of the channel.",
    ),
    ("route off", f"Say first which of your numbers: `/sms route {EXAMPLE} #channel`."),
    (
        "route +15162065574 #support",
        (
            "Slack knows no channel #support that you may see: choose it from the list that Slack offers while "
            "you type its name, or type its id, which stands at the end of the channel's details."
        ),
    ),
    (
        "route +15162065574",
        f"Say the channel last: `/sms route {EXAMPLE} #channel`, or `off` to have no channel for this number.",
    ),
    (
        "route +15162065574 support",
        f"Say the channel last: `/sms route {EXAMPLE} #channel`, or `off` to have no channel for this number.",
    ),
    (
        "route 206-5574 <#C0SUPPORT|support>",
        f"206-5574 has no area code: type all of it, such as {EXAMPLE}.",
    ),
    (
        "route our number <#C0SUPPORT|support>",
        f"“our number” has letters in it: type it in digits, such as {EXAMPLE}.",
    ),
    ("routes please", f"Type `/sms routes` alone; to set one, type `/sms route {EXAMPLE} #channel`."),
    (
        "mode quiet",
        (
            "“quiet” is no mode: type `/sms mode ask`, `auto` or `off`, and `everyone` behind `ask` or `auto` to let "
            "guests and workflows text, too."
        ),
    ),
    (
        "mode auto nobody",
        (
            "“auto nobody” is no mode: type `/sms mode ask`, `auto` or `off`, and `everyone` behind `ask` or `auto` to "
            "let guests and workflows text, too."
        ),
    ),
    ("mode off everyone", "With `off` nobody's replies are texted: type `/sms mode off` alone."),
    (
        "hours off",
        f"Say first which of your numbers: `/sms hours {EXAMPLE} 21:00-08:00`, or type `/sms hours` alone.",
    ),
    (
        "hours 5162065574",
        f"Say which hours, too: `/sms hours {EXAMPLE} 21:00-08:00`, or `off`, or `default`.",
    ),
    (
        "hours 5162065574 at night",
        "“at night” are no quiet hours: write them such as 21:00-08:00 or 9pm-8am, or off.",
    ),
    ("hours 206-5574 off", f"206-5574 has no area code: type all of it, such as {EXAMPLE}."),
    (
        "optouts today",
        f"Type `/sms optouts` alone; to lift one, type `/sms optin {EXAMPLE} asked on the phone for texts again`.",
    ),
    ("optin", f"Type the number and the reason: `/sms optin {EXAMPLE} asked on the phone for texts again`."),
    ("optin Anna asked", f"Type the number and the reason: `/sms optin {EXAMPLE} asked on the phone for texts again`."),
    (
        "optin +15162065574",
        f"Say why, too, for the ledger: `/sms optin {SHOWN} asked on the phone for texts again`.",
    ),
    (
        "optin +49 30 123456 78 Tage",
        "The number can be read as +49 30 123456 or as +49 30 12345678: put a comma after it.",
    ),
    (f"optin +15162065574 {'x' * 302}", "The reason is 2 characters longer than 300: shorten it."),
    ("erase", f"Say whose texts: `/sms erase {EXAMPLE}`."),
    (
        "erase 5162065574 please",
        f"“5162065574 please” has letters in it: type it in digits, such as {EXAMPLE}.",
    ),
    ("status now", "Type `/sms status` alone; for one text, look at its thread, or type `/sms help`."),
]


@pytest.mark.parametrize(("typed", "said"), REFUSED, ids=[typed[:40] for typed, _ in REFUSED])
def test_each_mistake_is_a_sentence_that_says_what_to_type(typed: str, said: str) -> None:
    assert refusal(typed) == said


def test_sentences_name_the_command_as_it_was_set_up() -> None:
    assert "`/text erase" in refusal("erase", command="/text")


@pytest.mark.parametrize(
    "typed", ["+15162065574 status", "routing", "statusupdate", "opt in", "the mode", "5162065574 erase"]
)
def test_a_word_counts_only_as_the_first(typed: str) -> None:
    """Anything else is what it was before."""
    assert parse_order(typed, region="US") is None


@given(st.sampled_from(WORDS), st.text(max_size=60))
def test_whatever_follows_is_read_or_refused(word: str, rest: str) -> None:
    """Nothing else is raised, and no order becomes a text to somebody."""
    try:
        found: object = parse_order(f"{word} {rest}", region="US")
    except InvalidInputError as error:
        found = error.user_message

    assert isinstance(found, Order | str)
    assert found

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.command import Asked, Help, InlineText, OpenModal, parse_command
from bot.domain.orders import Status
from bot.errors import InvalidInputError

AMERICA = ("US", "CA")
ANNA = "+15162065574"


def read(text: str, region: str = "US", countries: tuple[str, ...] = AMERICA) -> Asked:
    return parse_command(text, region=region, countries=countries)


def refusal(text: str, region: str = "US", countries: tuple[str, ...] = AMERICA, command: str = "/sms") -> str:
    with pytest.raises(InvalidInputError) as caught:
        parse_command(text, region=region, countries=countries, command=command)
    return caught.value.user_message


@pytest.mark.parametrize("text", ["", " ", "\n", "\u00a0"])
def test_nothing_opens_the_modal(text: str) -> None:
    assert read(text) == OpenModal()


@pytest.mark.parametrize("text", ["help", " Help ", "HELP", "?"])
def test_help_is_help(text: str) -> None:
    assert read(text) == Help()


@pytest.mark.parametrize("text", ["status", " Status ", "STATUS"])
def test_status_is_status(text: str) -> None:
    assert read(text) == Status()


@pytest.mark.parametrize(
    "number",
    [
        "5162065574",
        "(516) 206-5574",
        "+15162065574",
        "1-516-206-5574",
        "+1 516 206 5574",
        "<tel:+15162065574|(516) 206-5574>",
        "<tel:+15162065574>",
        "516.206.5574",
        "\u202a+1\u00a0516\u2011206\u20115574\u202c",
        "\uff15\uff11\uff16\uff12\uff10\uff16\uff15\uff15\uff17\uff14",
    ],
)
def test_a_number_and_a_text_are_told_apart(number: str) -> None:
    """However the number is typed."""
    assert read(f"{number} Running ten minutes late") == InlineText(ANNA, "Running ten minutes late")


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("5162065574 10:30 works", "10:30 works"),
        ("5162065574 5 people", "5 people"),
        ("+1 516 206 5574 12 noon", "12 noon"),
        ("+1-516-206-5574 1,600 people", "1,600 people"),
        ("5162065574 2nd floor", "2nd floor"),
        ("5162065574 2024-10-12 10:30 ok", "2024-10-12 10:30 ok"),
        ("5162065574 2024-10-12 10 am, ok?", "2024-10-12 10 am, ok?"),
        ("5162065574 30.12.2024 10, ok?", "30.12.2024 10, ok?"),
        ("5162065574 2024-10-12 - 2024-10-14", "2024-10-12 - 2024-10-14"),
        ("5162065574 40123456 78:90", "40123456 78:90"),
        ("5162065574 - running late", "- running late"),
        ("5162065574 (call me)", "(call me)"),
        ("5162065574. Running late", "Running late"),
        ("5162065574 :smile:", ":smile:"),
        ("5162065574:smile:", ":smile:"),
        ("5162065574 AT&amp;T &lt;3", "AT&amp;T &lt;3"),
        ("5162065574 <@U1|anna> <https://a.example|here>", "<@U1|anna> <https://a.example|here>"),
        ("<tel:+15162065574|(516) 206-5574>hi", "hi"),
        ("<tel:+15162065574|Anna> 78 and more", "78 and more"),
    ],
)
def test_the_text_begins_after_the_number(typed: str, text: str) -> None:
    """Digits that begin a text stay in it, and Slack's marks are left for bot.slack.text."""
    assert read(typed) == InlineText(ANNA, text)


@pytest.mark.parametrize("separator", [", ", ",", ": ", ":", "; ", "\n", "\r\n", " \n", "\uff0c"])
def test_a_comma_a_colon_and_a_line_end_say_that_the_number_ends(separator: str) -> None:
    """They are no part of the text."""
    assert read(f"(516) 206-5574{separator}hi, Anna") == InlineText(ANNA, "hi, Anna")


def test_the_text_keeps_its_lines_and_spaces_but_for_both_ends() -> None:
    assert read("5162065574  one\n\n  two   three \n") == InlineText(ANNA, "one\n\n  two   three")


def test_two_valid_readings_are_refused_with_both_shown() -> None:
    """A guess would text a stranger."""
    assert refusal("+49 30 123456 78 Euro", "US", ("DE",)) == (
        "The number can be read as +49 30 123456 or as +49 30 12345678: "
        "put a comma after it, such as `/sms +49 30 123456, 78 …`."
    )


@pytest.mark.parametrize(
    ("typed", "to", "text"),
    [
        ("+49 30 123456, 78 Euro", "+4930123456", "78 Euro"),
        ("+49 30 123456 78, Euro", "+493012345678", "Euro"),
        ("+49 30 123456\n78 Euro", "+4930123456", "78 Euro"),
        ("+49 30 123456 78\nEuro", "+493012345678", "Euro"),
        ("<tel:+4930123456|030 123456> 78 Euro", "+4930123456", "78 Euro"),
        ("+49 30 123456 Euro 78", "+4930123456", "Euro 78"),
    ],
)
def test_a_comma_or_a_line_end_chooses_between_readings(typed: str, to: str, text: str) -> None:
    assert read(typed, countries=("DE",)) == InlineText(to, text)


def test_the_colon_of_a_time_chooses_no_reading() -> None:
    """`10:30` after a number that might go on is still two readings."""
    assert "can be read as" in refusal("+49 30 123456 10:30 Uhr", countries=("DE",))


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (
            "911 help",
            (
                "911 is an emergency number, which cannot be texted from here: "
                "in an emergency call it, otherwise type a full number such as (201) 555-0123."
            ),
        ),
        (
            "911help",
            (
                "911 is an emergency number, which cannot be texted from here: "
                "in an emergency call it, otherwise type a full number such as (201) 555-0123."
            ),
        ),
        (
            "5162065574 x123 hi",
            (
                "A text cannot reach an extension: leave out “x123”, "
                "or put a comma after (516) 206-5574 when it belongs to the text."
            ),
        ),
        (
            "5162065574 ext. 5 hi",
            (
                "A text cannot reach an extension: leave out “ext. 5”, "
                "or put a comma after (516) 206-5574 when it belongs to the text."
            ),
        ),
        (
            "5162065574 #5",
            (
                "A text cannot reach an extension: leave out “#5”, "
                "or put a comma after (516) 206-5574 when it belongs to the text."
            ),
        ),
        (
            "5162065574x123 hi",
            (
                "5162065574x123 ends in an extension, which a text cannot reach: "
                "type the number alone, such as (201) 555-0123."
            ),
        ),
        ("5551234 hi", "5551234 has no area code: type all of it, such as (201) 555-0123."),
        ("516 206 55 hi", "516 206 55 is too short for a phone number: type all of it, such as (201) 555-0123."),
        (
            "516206557412 hi",
            "516206557412 is too long for a phone number: check its digits, and type it such as (201) 555-0123.",
        ),
        (
            "+1 555 555 5555 hi",
            "+1 555 555 5555 is not a valid phone number: check its digits, and type it such as (201) 555-0123.",
        ),
        (
            "+1 900 234 5678 hi",
            (
                "+1 900 234 5678 is a premium-rate number, which is never texted from here: "
                "type another number, such as (201) 555-0123."
            ),
        ),
        (
            "+49 30 123456 hi",
            (
                "+49 30 123456 is in Germany, which may not be texted from here: "
                "type a number in Canada or the United States, or ask whoever runs this app."
            ),
        ),
        ("1-800-FLOWERS hi", "“1-800-FLOWERS” has letters in it: type it in digits, such as (201) 555-0123."),
        (
            "5162065574hello",
            "Something stands right behind (516) 206-5574: put a space between number and text.",
        ),
        (
            "+1 516 206 5574",
            "What should it say? Write the text after the number: `/sms (516) 206-5574 Running ten minutes late`.",
        ),
        (
            "5162065574,",
            "What should it say? Write the text after the number: `/sms (516) 206-5574 Running ten minutes late`.",
        ),
        (
            "hello 5162065574",
            "The number comes first, then the text: `/sms (201) 555-0123 Running ten minutes late`.",
        ),
        (
            "5 people wait",
            "The number comes first, then the text: `/sms (201) 555-0123 Running ten minutes late`.",
        ),
        (
            "2pm works",
            "The number comes first, then the text: `/sms (201) 555-0123 Running ten minutes late`.",
        ),
        (
            "<@U1> hi",
            "The number comes first, then the text: `/sms (201) 555-0123 Running ten minutes late`.",
        ),
        (
            "5162065574, 5162065575 hi",
            (
                "`/sms` with a text goes to one number: for several type `/sms` alone. "
                "If (516) 206-5575 belongs to the text, let the text begin with a word."
            ),
        ),
        (
            "<tel:911|911> help",
            (
                "911 is an emergency number, which cannot be texted from here: "
                "in an emergency call it, otherwise type a full number such as (201) 555-0123."
            ),
        ),
    ],
)
def test_a_mistake_is_answered_with_what_to_type_instead(typed: str, sentence: str) -> None:
    """One sentence each, the one that fits best."""
    assert refusal(typed) == sentence


def test_an_extension_look_alike_belongs_to_the_text_after_a_comma() -> None:
    assert read("5162065574, #5 is ready") == InlineText(ANNA, "#5 is ready")


def test_a_missing_text_is_a_mistake_in_the_text() -> None:
    with pytest.raises(InvalidInputError) as caught:
        read("5162065574")

    assert caught.value.field == "text"


def test_sentences_name_the_command_as_this_workspace_has_it() -> None:
    assert "`/text (201) 555-0123 " in refusal("hello", command="/text")


def test_examples_are_of_the_default_region() -> None:
    assert "+49 " in refusal("hallo", "DE", ("DE",))


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
@pytest.mark.parametrize(
    "form", [phonenumbers.PhoneNumberFormat.NATIONAL, phonenumbers.PhoneNumberFormat.INTERNATIONAL]
)
def test_every_country_is_read_as_its_people_write_it(region: str, form: int) -> None:
    """With a comma there is one reading, in all of the world."""
    number = phonenumbers.example_number(region)
    assert number is not None
    written = phonenumbers.format_number(number, form)

    found = read(f"{written}, hi", region, tuple(phonenumbers.SUPPORTED_REGIONS))

    assert found == InlineText(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), "hi")


@given(
    typed=st.text()
    | st.text("+0123456789()-. ,:\nx#<tel:|>a\u202a٣")
    | st.text("0123456789 ,").map(lambda tail: "5162065574" + tail)
)
def test_whatever_is_typed_ends_in_a_wish_or_a_sentence(typed: str) -> None:
    """Nothing else is ever raised, and a text to a number is never empty nor to an invalid one."""
    try:
        found: object = read(typed)
    except InvalidInputError as error:
        found = error.user_message

    assert not isinstance(found, str) or found.endswith(".")
    assert not isinstance(found, InlineText) or (
        found.text == found.text.strip() != "" and phonenumbers.is_valid_number(phonenumbers.parse(found.to))
    )


@given(
    text=st.text(
        st.characters(categories=["L", "S", "P"], exclude_characters="#xX,:;\uff0c\uff1a\uff1b()+-."), min_size=1
    )
)
def test_a_text_that_is_no_number_arrives_whole(text: str) -> None:
    """Nothing of it is lost to the number."""
    assert read(f"+1 516 206 5574 {text}") == InlineText(ANNA, text)


def test_an_extension_behind_slacks_link_is_refused_as_behind_a_typed_number() -> None:
    """Slack makes a link of the number alone, and what follows would be texted."""
    with pytest.raises(InvalidInputError, match="cannot reach an extension: leave out “x12”"):
        parse_command("<tel:+15162065574|(516) 206-5574> x12 hi", region="US", countries=AMERICA, command="/sms")

from collections.abc import Collection

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.phone import (
    accept,
    find_recipients,
    match_number,
    parse_recipients,
    read_number,
    shortest,
    show_country,
    show_example,
    show_number,
)
from bot.errors import InvalidInputError

AMERICA = ("US", "CA")
ANNA = "+15162065574"
BEN = "+15162065575"
NUMBERS = [
    phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
    if (found := phonenumbers.example_number_for_type(region, kind)) is not None
]


def read_one(typed: str, region: str = "US", countries: Collection[str] = AMERICA) -> str:
    """One number, as the command reads it."""
    return accept(read_number(typed, region), region=region, countries=countries)


def refusal(typed: str, region: str = "US", countries: tuple[str, ...] = AMERICA) -> str:
    with pytest.raises(InvalidInputError) as caught:
        read_one(typed, region, countries)
    assert caught.value.field == "to"
    return caught.value.user_message


def refusal_of_several(typed: str) -> str:
    with pytest.raises(InvalidInputError) as caught:
        parse_recipients(typed, region="US", countries=AMERICA)
    assert caught.value.field == "to"
    return caught.value.user_message


@pytest.mark.parametrize(
    "typed",
    [
        "5162065574",
        "(516) 206-5574",
        "+15162065574",
        "+1 516 206 5574",
        "1-516-206-5574",
        "516.206.5574",
        " 516 206 5574 ",
        "(+1) 516 206 5574",
        "011 1 516 206 5574",
        "<tel:+15162065574|(516) 206-5574>",
        "<tel:+15162065574>",
        "<tel:5162065574|Anna>",
        "+1\u00a0516\u202f206\u20095574",
        "516\u2011206\u20135574",
        "516\u2212206\uff0d5574",
        "\u202a+1 516-206-5574\u202c",
        "\u200e+1 (516) 206-5574\u200f",
        "\u2066516\u00ad206\u200b5574\u2069",
        "\uff15\uff11\uff16\uff12\uff10\uff16\uff15\uff15\uff17\uff14",
        "\uff0b\uff11\uff08\uff15\uff11\uff16\uff09\uff12\uff10\uff16\uff0d\uff15\uff15\uff17\uff14",
        "\u0665\u0661\u0666\u0662\u0660\u0666\u0665\u0665\u0667\u0664",
    ],
)
def test_a_number_is_read_however_a_person_types_it(typed: str) -> None:
    """All of these are one phone."""
    assert read_one(typed) == ANNA


def test_a_number_without_plus_is_in_the_default_region() -> None:
    assert read_one("030 123456", "DE", {"DE"}) == "+4930123456"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "There is no number: type one such as (201) 555-0123."),
        ("<tel:|>", "There is no number: type one such as (201) 555-0123."),
        (
            "911",
            (
                "911 is an emergency number, which cannot be texted from here: "
                "in an emergency call it, otherwise type a full number such as (201) 555-0123."
            ),
        ),
        ("411", "411 is a short number, which cannot be texted from here: type a full number such as (201) 555-0123."),
        (
            "46645",
            "46645 is a short number, which cannot be texted from here: type a full number such as (201) 555-0123.",
        ),
        ("5551234", "5551234 has no area code: type all of it, such as (201) 555-0123."),
        ("516 206 557", "516 206 557 is too short for a phone number: type all of it, such as (201) 555-0123."),
        ("1", "1 is too short for a phone number: type all of it, such as (201) 555-0123."),
        ("+", "+ is too short for a phone number: type all of it, such as (201) 555-0123."),
        (
            "51620655741",
            "51620655741 is too long for a phone number: check its digits, and type it such as (201) 555-0123.",
        ),
        (
            "9" * 300,
            "9" * 24 + "… is too long for a phone number: check its digits, and type it such as (201) 555-0123.",
        ),
        (
            "555-555-5555",
            "555-555-5555 is not a valid phone number: check its digits, and type it such as (201) 555-0123.",
        ),
        (
            "+999 12345678",
            (
                "+999 12345678 begins with a country code that does not exist: "
                "check it, and type it such as (201) 555-0123 or +49 30 123456."
            ),
        ),
        (
            "900-234-5678",
            (
                "900-234-5678 is a premium-rate number, which is never texted from here: "
                "type another number, such as (201) 555-0123."
            ),
        ),
        (
            "+49 30 123456",
            (
                "+49 30 123456 is in Germany, which may not be texted from here: "
                "type a number in Canada or the United States, or ask whoever runs this app."
            ),
        ),
        (
            "+800 1234 5678",
            (
                "+800 1234 5678 belongs to no country and may not be texted from here: "
                "type a number in Canada or the United States, or ask whoever runs this app."
            ),
        ),
        (
            "516-206-5574 x123",
            (
                "516-206-5574 x123 ends in an extension, which a text cannot reach: "
                "type the number alone, such as (201) 555-0123."
            ),
        ),
        (
            "5162065574ext.5",
            (
                "5162065574ext.5 ends in an extension, which a text cannot reach: "
                "type the number alone, such as (201) 555-0123."
            ),
        ),
        (
            "5162065574 #5",
            (
                "5162065574 #5 ends in an extension, which a text cannot reach: "
                "type the number alone, such as (201) 555-0123."
            ),
        ),
        ("1-800-FLOWERS", "“1-800-FLOWERS” has letters in it: type it in digits, such as (201) 555-0123."),
        ("*67 5162065574", "“*67 5162065574” has more than digits in it: type it in digits, such as (201) 555-0123."),
        ("5162065574²", "“5162065574²” has more than digits in it: type it in digits, such as (201) 555-0123."),
    ],
)
def test_a_wrong_number_is_refused_with_what_to_type_instead(typed: str, sentence: str) -> None:
    """One sentence: what is wrong, and what to do."""
    assert refusal(typed) == sentence


def test_a_country_that_is_not_allowed_is_named_beside_the_many_that_are() -> None:
    sentence = refusal("5162065574", countries=("DE", "FR", "IT", "ES", "GB"))

    assert sentence.startswith("(516) 206-5574 is in the United States, which may not be texted from here")
    assert "5 other countries" in sentence


def test_canada_is_not_the_united_states() -> None:
    """They share +1; the area code tells them apart."""
    assert "is in Canada" in refusal("(416) 234-5678", countries=("US",))


def test_several_numbers_are_read_between_commas_semicolons_and_lines_without_repetition() -> None:
    typed = "5162065574, (516) 206-5575;\n\n <tel:+15162065574|Anna>,, \r\n+1 516 206 5576 "

    assert parse_recipients(typed, region="US", countries=AMERICA) == (ANNA, BEN, "+15162065576")


def test_every_wrong_line_is_named_with_its_place() -> None:
    sentence = refusal_of_several("5162065574\n\n911\nabc, 5162065575\n+49 30 123456")

    assert sentence == (
        "Line 3: 911 is an emergency number, which cannot be texted from here. "
        "Line 4: “abc” has letters in it. "
        "Line 5: +49 30 123456 is in Germany, which may not be texted from here. "
        "Type numbers such as (201) 555-0123, with commas or lines between them."
    )


def test_wrong_numbers_on_one_line_are_counted() -> None:
    assert refusal_of_several("5162065574, abc").startswith("Number 2: “abc” has letters in it. ")


def test_of_many_wrong_numbers_the_first_are_explained_and_all_are_named() -> None:
    sentence = refusal_of_several("\n".join(["abc"] * 50))

    assert sentence.count("“abc”") == 5
    assert f"Also wrong: {', '.join(str(line) for line in range(6, 51))}." in sentence


def test_a_single_wrong_number_needs_no_place() -> None:
    assert refusal_of_several("911") == refusal("911")


@pytest.mark.parametrize("typed", ["", " ", ",;\n,"])
def test_no_number_at_all_is_refused(typed: str) -> None:
    assert refusal_of_several(typed) == "There is no number: type one such as (201) 555-0123."


def test_two_numbers_with_nothing_but_a_space_between_are_told_of_the_comma() -> None:
    assert refusal_of_several("5162065574 5162065575").endswith("with commas or lines between them.")


def test_fifty_numbers_go_at_once_and_one_more_does_not() -> None:
    """Duplicates do not count."""
    fifty = [f"+1516206{number}" for number in range(5500, 5550)]

    assert len(parse_recipients(",".join([*fifty, *fifty]), region="US", countries=AMERICA)) == 50
    assert refusal_of_several(",".join([*fifty, ANNA])) == "That is 51 numbers, and 50 go at once: leave out 1."


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (ANNA, "(516) 206-5574"),
        ("+4930123456", "+49 30 123456"),
        ("+442079460958", "+44 20 7946 0958"),
        ("46645", "46645"),
    ],
)
def test_numbers_are_shown_as_people_write_them(number: str, shown: str) -> None:
    assert show_number(number) == shown


@pytest.mark.parametrize(
    ("code", "name"),
    [("US", "the United States"), ("GB", "the United Kingdom"), ("DE", "Germany"), ("XX", "XX")],
)
def test_countries_have_names(code: str, name: str) -> None:
    assert show_country(code) == name


def test_every_country_has_a_name_and_an_example() -> None:
    """No refusal anywhere shows a bare code, and no sentence lacks its example."""
    regions = phonenumbers.SUPPORTED_REGIONS

    assert {region for region in regions if show_country(region) == region} == set()
    assert all(match_number(show_example(region), region) for region in regions)


@pytest.mark.parametrize("number", NUMBERS)
def test_what_is_shown_is_read_back(number: str) -> None:
    """A number copied from a message of ours can be typed again, wherever it is."""
    reading = match_number(show_number(number), "US")

    assert reading is not None
    assert reading.number == number


@pytest.mark.parametrize("number", NUMBERS)
def test_no_valid_number_is_shorter_than_the_shortest(number: str) -> None:
    """The count that saves a parse never hides a number."""
    parsed = phonenumbers.parse(number)
    national = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    region = phonenumbers.region_code_for_number(parsed)

    assert len(number) - 1 >= shortest("", str(parsed.country_code)) > 0
    assert sum(map(str.isdigit, national)) >= shortest(region, "") > 0


@given(
    digits=st.text("0123456789", min_size=1, max_size=14) | st.from_regex(r"1?[2-9][0-9]{9,10}", fullmatch=True),
    plus=st.sampled_from(["", "+", "+1"]),
    region=st.sampled_from(["US", "CA", "DE", "AG"]),
)
@example("15162065574", "", "US")
@example("115162065574", "", "US")
@example("115162065574", "+", "US")
@example("5162065574", "+", "US")
def test_a_number_is_read_just_as_phonenumbers_reads_it(digits: str, plus: str, region: str) -> None:
    """Neither the short way for North America nor asking for the type changes what is_valid_number says."""
    typed = plus + digits
    try:
        parsed = phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException:
        parsed = phonenumbers.PhoneNumber()
    valid = phonenumbers.is_valid_number(parsed)
    expected = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) if valid else None

    reading = match_number(typed, region)

    assert (reading and reading.number) == expected


@given(typed=st.text() | st.text("+0123456789()-. x#,;\n<tel:|>\u202a٣"))
def test_whatever_is_typed_ends_in_numbers_or_a_sentence(typed: str) -> None:
    """Nothing else is ever raised."""
    try:
        found: tuple[str, ...] | str = parse_recipients(typed, region="US", countries=AMERICA)
    except InvalidInputError as error:
        found = error.user_message

    assert (
        found.endswith(".")
        if isinstance(found, str)
        else all(phonenumbers.is_valid_number(phonenumbers.parse(number)) for number in found)
    )


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", ()),
        ("516206557", ()),
        ("(516) 206-5574", (ANNA,)),
        ("5162065574, 5162065575\n+1 516 206", (ANNA, BEN)),
        ("911; 5162065574, 5162065574; +49 30 123456; 900 555 1234", (ANNA,)),
    ],
)
def test_numbers_are_found_in_what_is_still_being_typed(typed: str, found: tuple[str, ...]) -> None:
    """What is not whole yet, or wrong, or may not be texted, is left for later."""
    assert find_recipients(typed, region="US", countries=AMERICA) == found

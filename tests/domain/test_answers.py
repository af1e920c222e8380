import pytest

from bot.domain.answers import write_help_answer, write_start_answer, write_stop_answer
from bot.domain.segments import Segments, count_segments

BRAND = "Harbor Street Family Dentistry"  # 30 characters
CONTACT = "https://harbor-street.example/contact-us"  # 40
ANSWERS = [
    write_stop_answer(BRAND),
    write_start_answer(BRAND),
    write_help_answer(BRAND, ""),
    write_help_answer(BRAND, CONTACT),
]


def test_the_confirmation_says_that_it_is_done_and_nothing_else() -> None:
    """47 CFR 64.1200(a)(12): once, without marketing."""
    assert write_stop_answer("Acme") == (
        "Acme: You are opted out and will get no more texts from us. Reply START to get them again."
    )


def test_help_has_what_carrierx_asks_for() -> None:
    """Brand, contact, how to stop, and what it may cost."""
    assert write_help_answer("Acme", "800-555-1212") == (
        "Acme: For help: 800-555-1212. Reply STOP to get no more texts. Msg&Data rates may apply."
    )


def test_help_without_a_contact_says_that_people_read_here() -> None:
    assert write_help_answer("Acme", " ") == (
        "Acme: For help reply to this text. Reply STOP to get no more texts. Msg&Data rates may apply."
    )


def test_a_contact_that_is_a_sentence_gets_no_second_full_stop() -> None:
    assert "call us at 5. Reply" in write_help_answer("Acme", "call us at 5.")


def test_start_says_how_to_stop() -> None:
    assert write_start_answer("Acme") == (
        "Acme: You will get our texts again. Reply HELP for help, STOP to get no more. Msg&Data rates may apply."
    )


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_is_one_cheap_segment(answer: str) -> None:
    """With a brand of 30 characters and a contact of 40."""
    assert count_segments(answer) == Segments("GSM-7", len(answer), 1)


def test_without_a_brand_there_is_no_colon_first() -> None:
    assert write_stop_answer(" \n").startswith("You are opted out")


def test_a_brand_on_two_lines_is_one() -> None:
    assert write_start_answer(" Acme\nDental ").startswith("Acme Dental: ")

import pytest

from bot.domain.answers import write_help_answer, write_start_answer, write_stop_answer
from bot.domain.keywords import Keyword, Language, read_keyword, read_language
from bot.domain.segments import Segments, count_segments

BRAND = "Harbor Street Family Dentistry"  # 30 characters
CONTACT = "https://harbor-street.example/contact-us"  # 40
ANSWERS = [
    write_start_answer(BRAND),
    *(write_stop_answer(BRAND, language) for language in Language),
    *(write_help_answer(BRAND, contact, language) for language in Language for contact in ("", CONTACT)),
]


def test_the_confirmation_says_that_it_is_done_and_nothing_else() -> None:
    """47 CFR 64.1200(a)(12): once, without marketing."""
    assert write_stop_answer("Acme") == (
        "Acme: You are opted out and will get no more texts from us. Reply START to get them again."
    )


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            Language.FRENCH,
            "Acme: C'est fait, vous ne recevrez plus nos textos. Répondez START pour les recevoir de nouveau.",
        ),
        (
            Language.SPANISH,
            "Acme: Listo: ya no le enviaremos mensajes. Responda START para recibirlos de nuevo.",
        ),
    ],
)
def test_the_confirmation_is_in_the_keywords_language(language: Language, said: str) -> None:
    """The same law: that it is done and how to undo it, nothing else."""
    assert write_stop_answer("Acme", language) == said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            Language.FRENCH,
            "Acme: Aide: 800-555-1212. Répondez ARRET pour ne plus en recevoir. Frais de msg et données possibles.",
        ),
        (
            Language.SPANISH,
            "Acme: Ayuda: 800-555-1212. Responda ALTO para no recibir mensajes. Pueden aplicar cargos de msj y datos.",
        ),
    ],
)
def test_help_is_in_the_keywords_language(language: Language, said: str) -> None:
    """Brand, contact, how to stop, and what it may cost."""
    assert write_help_answer("Acme", "800-555-1212", language) == said


@pytest.mark.parametrize("language", Language)
def test_what_an_answer_says_to_reply_does_what_it_says(language: Language) -> None:
    """START lifts the block; the word for an end is one in that very language."""
    told = next(word for word in write_help_answer("", "", language).split() if word.isupper() and len(word) > 3)

    assert " START " in write_stop_answer("", language)
    assert (read_keyword(told, blocked=False), read_language(told)) == (Keyword.STOP, language)


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

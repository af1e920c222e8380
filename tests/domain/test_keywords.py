import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.keywords import Keyword, Language, read_keyword, read_language

STOP, START, HELP, ASK, NONE = Keyword.STOP, Keyword.START, Keyword.HELP, Keyword.ASK, Keyword.NONE

FCC = "47 CFR 64.1200(a)(10), the words by name"
REASONABLE = "47 CFR 64.1200(a)(10), what a reasonable person would understand"
TWILIO = "Twilio, Advanced Opt-Out and opt-out keywords"
TELNYX = "Telnyx, Advanced Opt-In/Out"
AMAZON = "AWS End User Messaging SMS, required keywords"
CANADA = "Canadian Common Short Code Application Guidelines 3.9"
PROXY = "twilio.com/docs/proxy/opt-out-keywords"
SPANISH = "Twilio, requirements for a Spanish-language short code"
MMA = "Mobile Marketing Association's words, as inteligentes.online has them"
AIVO = "Aivo, opt-out for SMS"
COMPLIANCEPOINT = "compliancepoint.com on the FCC's rule"
BRAZE = "Braze, fuzzy opt-out"
IVIP = "ivipmobile.com, phrases that unsubscribe"
P2PU = "p2pu #593: not matched there, and somebody went on being texted"
SPOKE = "Spoke #1016: must not match"
ISSUE = "issue 3, section 3"
TRIMMED = "a listed word with what is trimmed"
ORDINARY = "ordinary speech"
BUSINESS = "about an order or an appointment, not about texts"
ECHO = "a phone's reaction, which repeats our own words"

PHRASES = [
    # listed words
    ("STOP", STOP, FCC),
    ("Quit", STOP, FCC),
    ("end", STOP, FCC),
    ("Revoke", STOP, FCC),
    ("opt out", STOP, FCC),
    ("CANCEL", STOP, FCC),
    ("Unsubscribe", STOP, FCC),
    ("OPTOUT", STOP, TWILIO),
    ("OPT-OUT", STOP, AMAZON),
    ("STOPALL", STOP, TWILIO),
    ("Stop all", STOP, TELNYX),
    ("UNSUB", STOP, TWILIO),
    ("Remove", STOP, AMAZON),
    ("START", START, TELNYX),
    ("Unstop", START, TELNYX),
    ("HELP", HELP, CANADA),
    ("Info", HELP, CANADA),
    # French
    ("ARRET", STOP, CANADA),
    ("Arrêt", STOP, CANADA),
    ("ARRETT", STOP, PROXY),
    ("ARRETE", STOP, PROXY),
    ("Arrête !", STOP, PROXY),
    ("Arrêtez", STOP, "ARRETE to people whom one does not know"),
    ("arrêter", STOP, "as a button would say it"),
    ("Désabonner", STOP, "French for unsubscribe"),
    ("désinscription", STOP, "French for unsubscribe"),
    ("AIDE", HELP, CANADA),
    # Spanish
    ("ALTO", STOP, SPANISH),
    ("¡Alto!", STOP, SPANISH),
    ("Cancelar", STOP, MMA),
    ("PARAR", STOP, AIVO),
    ("detener", STOP, AIVO),
    ("Desuscribir", STOP, AIVO),
    ("Ayuda", HELP, SPANISH),
    # trimmed
    ("Stop. Thank you", STOP, P2PU),
    ("stop please", STOP, "Twilio does not match it; issue 3 does"),
    ("Please cancel", STOP, "the same the other way round"),
    ("STOP!!", STOP, TRIMMED),
    (" stop\r\n", STOP, TRIMMED),
    ("«Stop»", STOP, TRIMMED),
    ("(stop)", STOP, TRIMMED),
    ("S.T.O.P.", STOP, TRIMMED),
    ("S T O P", STOP, TRIMMED),
    ("un-subscribe", STOP, TRIMMED),
    ("🛑 Stop 🛑", STOP, TRIMMED),
    ("\uff33\uff34\uff2f\uff30", STOP, "full width, as Japanese keyboards type it"),
    ("\u202eSTOP\u202c", STOP, "direction marks are not seen"),
    ("ST\u00adOP\u200b", STOP, "nor are soft hyphens and zero-width spaces"),
    ("STOP STOP STOP", STOP, "said three times it is still the listed word"),
    ("Thanks, stop, thank you so much", STOP, TRIMMED),
    ("arrêt s'il vous plaît", STOP, TRIMMED),
    ("stop stp", STOP, "stp: s'il te plaît"),
    ("alto por favor, gracias", STOP, TRIMMED),
    ("help please", HELP, TRIMMED),
    ("info?", HELP, TRIMMED),
    ("start please", START, TRIMMED),
    # asked about
    ("please stop texting me", ASK, ISSUE),
    ("Stop sending these", ASK, REASONABLE),
    ("stop the messages", ASK, REASONABLE),
    ("end texts", ASK, REASONABLE),
    ("do not text me again", ASK, REASONABLE),
    ("Don't text me", ASK, IVIP),
    ("DON\u2019T CONTACT ME!!!", ASK, REASONABLE),
    ("never call this number again", ASK, REASONABLE),
    ("I don't want any of your messages", ASK, REASONABLE),
    ("no more texts", ASK, REASONABLE),
    ("take me off your list", ASK, REASONABLE),
    ("Remove my number from your database", ASK, REASONABLE),
    ("lose my number", ASK, REASONABLE),
    ("wrong number stop", ASK, "who never consented"),
    ("Sorry, you have the wrong number", ASK, "who never consented"),
    ("unsubscribe me from all of this", ASK, REASONABLE),
    ("unsuscribe", ASK, COMPLIANCEPOINT + ": misspelled"),
    ("Stpo", ASK, BRAZE),
    ("Please stopppp", ASK, BRAZE),
    ("how do I opt out?", ASK, REASONABLE),
    ("I revoke my consent", ASK, REASONABLE),
    ("leave me alone", ASK, IVIP),
    ("Not interested", ASK, "an offer declined, or all of them"),
    ("fuck off", ASK, REASONABLE),
    ("this is spam", ASK, REASONABLE),
    ("just stop", ASK, REASONABLE),
    ("Stop it", ASK, REASONABLE),
    ("stop 2", ASK, "more than the listed word"),
    ("STOP START", ASK, "one or the other"),
    ("STOP. I never signed up for this", ASK, "the listed word as a sentence of its own"),
    ("Who gave you this? Unsubscribe", ASK, "the same at the end"),
    ("Stop\nSent from my iPhone", ASK, "the same on a line of its own"),
    ("🛑", ASK, "a stop sign and no word"),
    ("TD", ASK, AMAZON + ", and a touchdown"),
    ("arrêtez de m'écrire", ASK, REASONABLE),
    ("Ne m\u2019écrivez plus", ASK, REASONABLE),
    ("je ne veux plus recevoir de SMS", ASK, REASONABLE),
    ("Plus de messages svp", ASK, REASONABLE),
    ("désabonnez-moi", ASK, REASONABLE),
    ("Vous vous trompez de numéro", ASK, "who never consented"),
    ("laissez-moi tranquille", ASK, REASONABLE),
    ("retirez-moi de la liste", ASK, REASONABLE),
    ("annuler", ASK, "French for cancel, on no list: an order, or the texts"),
    ("no me escriban más", ASK, REASONABLE),
    ("No me manden más mensajes", ASK, REASONABLE),
    ("dejen de escribirme", ASK, REASONABLE),
    ("ya no quiero recibir mensajes", ASK, REASONABLE),
    ("quítenme de la lista", ASK, REASONABLE),
    ("denme de baja", ASK, REASONABLE),
    ("Baja", ASK, MMA + ", and come down"),
    ("No más", ASK, COMPLIANCEPOINT + ", and the answer to ¿algo más?"),
    ("número equivocado", ASK, "who never consented"),
    ("Déjenme en paz", ASK, REASONABLE),
    # left alone
    ("We have got to STOP this terrible bill", NONE, SPOKE),
    ("I'll stop by at 5", NONE, ORDINARY),
    ("Stop by anytime", NONE, ORDINARY),
    ("stop in and call me", NONE, ORDINARY),
    ("the next bus stop", NONE, ORDINARY),
    ("can't stop laughing", NONE, ORDINARY),
    ("don't stop!", NONE, ORDINARY),
    ("can you cancel my appointment", NONE, BUSINESS),
    ("Cancel. I can't make it on Tuesday", NONE, BUSINESS),
    ("cancel my subscription", NONE, BUSINESS),
    ("remove the onions please", NONE, BUSINESS),
    ("the end", NONE, ORDINARY),
    ("End of the day works", NONE, ORDINARY),
    ("I want to quit smoking", NONE, ORDINARY),
    ("You gave me the wrong number of plates", NONE, BUSINESS),
    ("never mind, send it by email", NONE, ORDINARY),
    ("Help me choose", NONE, "a person helps"),
    ("more info on the red one?", NONE, "a person answers"),
    ("start at noon", NONE, ORDINARY),
    ("un stop", NONE, "French for a stop, not UNSTOP"),
    ("subscribe", NONE, "on some lists, and not what our answer says to reply"),
    ("Yes", NONE, "ordinary speech from anybody who is not opted out"),
    ("no", NONE, ORDINARY),
    ("Thanks!", NONE, ORDINARY),
    ("👍", NONE, ORDINARY),
    ("", NONE, "a picture alone"),
    ("Liked \u201cReply STOP to opt out\u201d", NONE, ECHO),
    ("👍 to \u201cReply STOP to opt out\u201d", NONE, ECHO),
    ("l'arrêt de bus est fermé", NONE, ORDINARY),
    ("je vous écris plus tard", NONE, ORDINARY),
    ("besoin d'aide pour lundi", NONE, "a person helps"),
    ("la fin du mois", NONE, ORDINARY),
    ("No me llamo Juan", NONE, ORDINARY),
    ("no me mandaron la factura", NONE, BUSINESS),
    ("quiero cancelar mi cita", NONE, BUSINESS),
    ("para el lunes", NONE, ORDINARY),
    ("es muy alto para mí", NONE, ORDINARY),
]
STOP_WORDS = sorted({text for text, keyword, _ in PHRASES if keyword is STOP and text.isalpha() and text.isascii()})
START_WORDS = ["start", "unstop"]
HELP_WORDS = ["help", "info", "aide", "ayuda"]
SPEECH = ["we", "the", "bill", "five", "tomorrow", "order", "maison", "mañana", "lunes", "ok", "by", "at", "table"]
DECORATION = st.text(
    " \t\r\n.!?…,;:-\u2013\u2014_*~\"'«»“”()[]{}/\\#@&🛑👍🏽✨\u200b\u200d\u202a\u202e\u2066\ufe0f\u00ad\0", max_size=6
)


@pytest.mark.parametrize(("text", "keyword", "source"), PHRASES, ids=[text for text, _, _ in PHRASES])
def test_what_a_text_asks_for(text: str, keyword: Keyword, source: str) -> None:
    """Each with the list that has it, or the reason."""
    assert read_keyword(text, blocked=False) is keyword, source


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("YES", START),
        ("Yes!", START),
        ("yes 👍", START),
        ("yes please", NONE),
        ("Yes, at five", NONE),
        ("yes yes", NONE),
        ("sí", NONE),
        ("oui", NONE),
        ("ok", NONE),
        ("start", START),
        ("STOP", STOP),
        ("help", HELP),
    ],
)
def test_from_somebody_opted_out_yes_opts_in_as_the_whole_message_alone(text: str, keyword: Keyword) -> None:
    assert read_keyword(text, blocked=True) is keyword


def cased(word: str) -> st.SearchStrategy[str]:
    """The word with each letter in either case, or full width, or with an accent."""
    letters = [
        st.sampled_from(
            [
                letter.lower(),
                letter.upper(),
                chr(ord(letter.lower()) + 0xFEE0),
                unicodedata.normalize("NFC", letter.upper() + "\u0302"),
                letter + "\u0301",
            ]
        )
        for letter in word
    ]
    return st.tuples(*letters).map("".join)


@given(
    word=st.sampled_from(STOP_WORDS).flatmap(cased),
    before=DECORATION,
    after=DECORATION,
    courtesy=st.sampled_from(["", " please", ". Thank you", ", merci", " por favor", "!! thx"]),
    blocked=st.booleans(),
)
def test_nothing_hides_a_listed_word(word: str, before: str, after: str, courtesy: str, blocked: bool) -> None:  # noqa: FBT001 - drawn
    """Case, width, accents, punctuation, emoji, unseen characters, a please."""
    assert read_keyword(before + word + courtesy + after, blocked=blocked) is STOP


@given(data=st.data(), before=DECORATION, after=DECORATION)
def test_nothing_hides_help_and_start_either(data: st.DataObject, before: str, after: str) -> None:
    word = data.draw(st.sampled_from(HELP_WORDS + START_WORDS))
    expected = HELP if word in HELP_WORDS else START

    assert read_keyword(before + data.draw(cased(word)) + after, blocked=False) is expected


@given(
    word=st.sampled_from([*STOP_WORDS, *START_WORDS, *HELP_WORDS, "yes"]),
    before=st.lists(st.sampled_from(SPEECH), max_size=5),
    after=st.lists(st.sampled_from(SPEECH), max_size=5),
    punctuation=st.sampled_from([" ", ", ", ". ", "\n", " - "]),
    blocked=st.booleans(),
)
def test_a_listed_word_among_others_is_at_most_asked_about(
    word: str,
    before: list[str],
    after: list[str],
    punctuation: str,
    blocked: bool,  # noqa: FBT001 - drawn
) -> None:
    """Nobody is opted out, in or answered by a sentence."""
    text = punctuation.join([*before, word, *after])

    found = read_keyword(text, blocked=blocked)

    assert found in ({NONE, ASK} if before or after else {STOP, START, HELP, NONE})


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Arrêt", Language.FRENCH),
        ("ARRET ARRET", Language.FRENCH),
        ("désabonnement svp", Language.FRENCH),
        ("Aide !", Language.FRENCH),
        ("¡ALTO!", Language.SPANISH),
        ("cancelar, gracias", Language.SPANISH),
        ("ayuda", Language.SPANISH),
        ("STOP", Language.ENGLISH),
        ("STOP merci", Language.ENGLISH),
        ("stop, por favor", Language.ENGLISH),
        ("info", Language.ENGLISH),
        ("cancel", Language.ENGLISH),
        ("", Language.ENGLISH),
    ],
)
def test_keyword_is_answered_in_its_own_language(text: str, language: Language) -> None:
    """STOP is said in every language, so the courtesy beside it proves nothing."""
    assert read_language(text) is language


@given(text=st.text())
@example("yes")
@example("si")
@example("U.N. stop")
def test_no_text_opts_in_by_accident(text: str) -> None:
    """Only START and UNSTOP do, and YES of somebody who is opted out."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    typed = "".join(character for character in plain if character.isascii() and character.isalpha())

    if read_keyword(text, blocked=False) is START:
        assert typed in START_WORDS
    if read_keyword(text, blocked=True) is START:
        assert typed in {*START_WORDS, "yes"}


@given(text=st.text() | st.text("stopSTOP unsubcride.'\u2019-\n\u0301\u200d\ud800🛑“”"), blocked=st.booleans())
def test_no_text_breaks_it(text: str, blocked: bool) -> None:  # noqa: FBT001 - drawn
    assert isinstance(read_keyword(text, blocked=blocked), Keyword)

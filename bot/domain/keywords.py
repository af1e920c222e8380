"""What a text from outside asks of us by law: STOP, START, HELP, or a wish that a person has to judge.

CarrierX leaves this to us (docs.carrierx.com/messaging/registration). A listed word counts only as the whole message,
as the FCC and the carriers have it; what is said in more words, people judge. So nobody is opted out by a guess, and
nothing but START, UNSTOP and, from somebody who is opted out, YES opts anybody in.
"""

from enum import StrEnum

from bot.domain.wishes import is_wish
from bot.domain.words import Words, fold, without_courtesies


class Keyword(StrEnum):
    """What a text asks for."""

    STOP = "stop"  # opt them out, confirm once
    START = "start"  # lift the block
    HELP = "help"  # say who we are
    ASK = "ask"  # a person decides: Opt out, or Keep
    NONE = ""  # ordinary speech


class Language(StrEnum):
    """What a keyword was said in, and is answered in."""

    ENGLISH = "en"
    FRENCH = "fr"
    SPANISH = "es"


_FCC = {"stop", "quit", "end", "revoke", "optout", "cancel", "unsubscribe"}  # 47 CFR 64.1200(a)(10)
_INDUSTRY = {
    "stopall",  # Twilio; as two words Telnyx
    "unsub",  # Twilio, for Canada
    "remove",  # Amazon's required list
}
_FRENCH = {
    "arret",  # Canadian Common Short Code Application Guidelines 3.9
    "arrett",  # Twilio Proxy, as is the next
    "arrete",
    "arretez",  # the same to people whom one does not know
    "arreter",  # as a button would say it; means nothing else
    "desabonner",  # French for unsubscribe, as are the next three
    "desabonnement",
    "desinscrire",
    "desinscription",
}
_SPANISH = {
    "alto",  # carriers in the US, for programmes in Spanish (Twilio's short code requirements)
    "cancelar",  # Mobile Marketing Association
    "parar",  # Aivo, as are the next two
    "detener",
    "desuscribir",
}
_STOP = _FCC | _INDUSTRY | _FRENCH | _SPANISH
_START = {("start",), ("unstop",)}  # Telnyx, Amazon; others' SUBSCRIBE, CONTINUE, BEGIN are also ordinary words
_YES = ("yes",)  # Twilio; ordinary speech from anybody who is not opted out
_HELP = {"help", "info", "aide", "ayuda"}  # HELP, INFO, AIDE: the Canadian guidelines; AYUDA: beside ALTO
_LANGUAGES = dict.fromkeys(_FRENCH | {"aide"}, Language.FRENCH) | dict.fromkeys(_SPANISH | {"ayuda"}, Language.SPANISH)


def read_keyword(text: str, *, blocked: bool) -> Keyword:
    """What a text from outside asks for.

    A listed word is found whatever its case, accents, width and punctuation, between emoji and characters that cannot
    be seen, said several times, and with a please or thanks before or after it.

    Args:
        text: As it came.
        blocked: Whether its sender is opted out now; only then does YES opt in.
    """
    whole = fold(text)
    words = _pick(whole)
    if words in _START or (blocked and whole == _YES):
        return Keyword.START
    solid = "".join(words)  # so that "opt-out", "stop all" and "S.T.O.P." are the listed words
    if solid in _STOP:
        return Keyword.STOP
    if solid in _HELP:
        return Keyword.HELP
    return Keyword.ASK if is_wish(text) else Keyword.NONE


def read_language(text: str) -> Language:
    """What a text is answered in that is a keyword: French or Spanish where the keyword is."""
    return _LANGUAGES.get("".join(_pick(fold(text))), Language.ENGLISH)


def _pick(whole: Words) -> Words:
    """What may be a keyword: without courtesies, and once where it was said several times."""
    words = without_courtesies(whole)
    return words[:1] if len(set(words)) == 1 else words

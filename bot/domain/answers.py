"""What we answer by ourselves to STOP, HELP and START.

CarrierX asks HELP's answer for the brand, a contact, how to stop and "Msg&Data rates may apply"
(docs.carrierx.com/messaging/registration). The one confirmation of a STOP may say nothing but that it is done and
how to undo it (47 CFR 64.1200(a)(12)). It is in the keyword's language, as Canada's short code guidelines 3.9 ask; each
says the same. Our own words are GSM-7, which has no ê, á or í, and with a brand of 30 characters and a contact of 40
each answer is one segment.
"""

from bot.domain.keywords import Language

_STOP = {
    Language.ENGLISH: "You are opted out and will get no more texts from us. Reply START to get them again.",
    Language.FRENCH: "C'est fait, vous ne recevrez plus nos textos. Répondez START pour les recevoir de nouveau.",
    Language.SPANISH: "Listo: ya no le enviaremos mensajes. Responda START para recibirlos de nuevo.",
}
_HELP = {
    Language.ENGLISH: (
        "For help: {}",
        "For help reply to this text",
        "Reply STOP to get no more texts. Msg&Data rates may apply.",
    ),
    Language.FRENCH: (
        "Aide: {}",
        "Pour de l'aide, répondez à ce texto",
        "Répondez ARRET pour ne plus en recevoir. Frais de msg et données possibles.",
    ),
    Language.SPANISH: (
        "Ayuda: {}",
        "Para ayuda responda a este mensaje",
        "Responda ALTO para no recibir mensajes. Pueden aplicar cargos de msj y datos.",
    ),
}


def write_stop_answer(brand: str, language: Language = Language.ENGLISH) -> str:
    """The one confirmation; no marketing, no question."""
    return _signed(brand, _STOP[language])


def write_help_answer(brand: str, contact: str, language: Language = Language.ENGLISH) -> str:
    """Who we are, how to reach a person, how to stop.

    Args:
        brand: As customers know it.
        contact: A phone number, an e-mail address or a web page; "" where none is set, and people answer here.
        language: Of the keyword.
    """
    contact = " ".join(contact.split())
    where, here, stop = _HELP[language]
    help_ = where.format(contact) if contact else here
    end = "" if help_.endswith((".", "!", "?")) else "."
    return _signed(brand, f"{help_}{end} {stop}")


def write_start_answer(brand: str) -> str:
    """That texts come again, and how to stop them; START is English only."""
    return _signed(
        brand, "You will get our texts again. Reply HELP for help, STOP to get no more. Msg&Data rates may apply."
    )


def _signed(brand: str, said: str) -> str:
    brand = " ".join(brand.split())
    return f"{brand}: {said}" if brand else said

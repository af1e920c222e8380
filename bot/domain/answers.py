"""What we answer by ourselves to STOP, HELP and START.

CarrierX asks HELP's answer for the brand, a contact, how to stop and "Msg&Data rates may apply"
(docs.carrierx.com/messaging/registration). The one confirmation of a STOP may say nothing but that it is done and
how to undo it (47 CFR 64.1200(a)(12)). Our own words are GSM-7, and with a brand of 30 characters and a contact of 40
each answer is one segment.
"""


def write_stop_answer(brand: str) -> str:
    """The one confirmation; no marketing, no question."""
    return _signed(brand, "You are opted out and will get no more texts from us. Reply START to get them again.")


def write_help_answer(brand: str, contact: str) -> str:
    """Who we are, how to reach a person, how to stop.

    Args:
        brand: As customers know it.
        contact: A phone number, an e-mail address or a web page; "" where none is set, and people answer here.
    """
    contact = " ".join(contact.split())
    help_ = f"For help: {contact}" if contact else "For help reply to this text"
    end = "" if help_.endswith((".", "!", "?")) else "."
    return _signed(brand, f"{help_}{end} Reply STOP to get no more texts. Msg&Data rates may apply.")


def write_start_answer(brand: str) -> str:
    """That texts come again, and how to stop them."""
    return _signed(
        brand, "You will get our texts again. Reply HELP for help, STOP to get no more. Msg&Data rates may apply."
    )


def _signed(brand: str, said: str) -> str:
    brand = " ".join(brand.split())
    return f"{brand}: {said}" if brand else said

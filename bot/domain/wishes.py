"""Whether a reasonable person might read a text as a wish to be left alone (47 CFR 64.1200(a)(10)).

A guess, and a generous one: it only asks the people in the thread, who see the text anyway. So what is common in an
ordinary conversation is left out ("I'll stop by", "cancel my appointment"), and the rest may be wrong now and then.
"""

import re

from bot.domain.words import Words, fold, sentences, without_courtesies

_SIGNS = frozenset("🛑⛔🚫🖕")

# Whole messages. Many of them are STOP on somebody's list, and ordinary words as well.
_WHOLE = frozenset(
    "".join(fold(saying))
    for saying in (
        *("td", "not interested", "I'm not interested", "no longer interested", "enough", "enough already", "cease"),
        *("desist", "go away", "get lost", "shut up", "fuck off", "fuck you", "piss off", "spam", "remove me"),
        *("take me off", "blocked", "stop me", "no texts", "no more"),
        *("stpo", "sotp", "tsop", "st0p", "sto", "stio", "syop", "dtop"),  # slips of the thumb
        *("fin", "annuler", "annulez", "quitter", "assez", "ça suffit", "pas intéressé", "pas intéressée"),
        *("baja", "fin", "no más", "nomás", "basta", "ya basta", "terminar", "salir", "revocar", "cancela", "cancele"),
        *("cancelen", "pare", "paren", "no me interesa", "no estoy interesado", "no estoy interesada"),
    )
)

# Words that as a sentence of their own are never about an appointment or an order, as "Cancel" may be.
_PLAIN = frozenset(
    {
        *("stop", "stopall", "unsubscribe", "unsub", "optout"),
        *("arret", "arrett", "arrete", "arretez", "arreter", "desabonner", "desinscrire"),
        *("alto", "parar", "detener", "desuscribir"),
    }
)
_REPEATED = re.compile(r"(.)\1+")

# One phrase a line, as regular expressions over folded words with one space between.
_NAMES = {
    "TEXTS": r"(?:te?xt|sms|mess?age?|msg|e?mail|notif|alert|remind|promo|advert|marketing|spam|solicit)\w*",
    "SEND": r"(?:te?xt|sms|messag|msg|e?mail|send|contact|call|writ|bother|spam|harass|annoy|bugg|solicit)\w*",
    "ALL": r"(?:all|any|the|these|this|those|that|your|my|me|us|with|of|please|just|always|constantly|fucking|damn)",
    "LIST": r"(?:lists?|database|system|records|contacts|te?xts?|messages|group|chat)",
    "MINE": r"(?:my|this) (?:\w+ )?(?:number|name|info)",
    "ECRIRE": r"(?:ecri[rtv]|envo[iy]|text|contact|appel|derang|sollicit|relanc|harcel)\w*",
    "ESCRIBIR": r"(?:escrib|mand|envi|text|llam|contact|molest)\w*",
    "MENSAJES": r"(?:mensaj|texto|sms|llamada|promo|publicidad|anuncio|notific|correo)\w*",
}
_PHRASES = r"""
(stop|quit|cease) (ALL )*SEND
(stop|end|quit|cancel|cease|discontinue) (ALL )*TEXTS
(do not|dont|never|no longer) ((ever|please) )*(te?xt|message|msg|contact|sms|bother|write) (to )?(me|us|this|here)
(do not|dont|never) ((ever|please) )*SEND (\w+ ){0,3}?(again|any ?more)
(do not|dont|never) ((ever|please) )*send (me |us |this )?(any|more|these|anything|TEXTS)
(do not|dont|no longer|never) (\w+ )?(want|wish|like|need|consent|agree) (\w+ ){0,4}?TEXTS
no more (of )?(these |this |your )?TEXTS
do not (call|contact|text) (list|registry)
(take|get|keep|cross|scratch|drop|remove|delete) (me|us|MINE) (off|from|out) (\w+ ){0,3}LIST
(take|remove|delete) (me|us|MINE)( off)?$
(lose|delete|remove|forget|erase) (my|this) (phone |cell )?(number|phone|info|contact)
leave (me|us) (the \w+ )?alone
(have|has|got|texted|texting|is|its|thats|this|dialed) (a |the )?wrong (number|person|phone)(?! of)
^(sorry )?wrong (number|person|phone)(?! of)
unsu[bs][scribedng]*
opt(ing|ed)? ?((me|us|my \w+|this \w+) )?out
(revoke|withdraw|rescind) (\w+ ){0,2}(consent|permission)
(this|it|thats|its) (is )?spam
(report|mark)(ed|ing)? (\w+ ){0,2}(as |for )spam
tcpa
(arret|cess)(e|es|er|ez) (\w+ ){0,3}?[dmn]?(ECRIRE|TEXTS|pub\w*)
n(e (me |nous |m|n)?)?ECRIRE (moi )?plus(?! tard)
(ne|veux|souhaite|desire) plus (recevoir|etre contacte\w*|(me |nous |m)ECRIRE)
(pas|plus) recevoir (\w+ ){0,3}?TEXTS
plus (de|aucun) TEXTS
des(abonn|inscri|uscri|apunt)\w*
(retir|enlev|suppri|effac|otez)\w* (moi|nous|(mon|ce|mes) (num|coord)\w*)
(mauvais|faux) numero
tromp\w* de (numero|personne)
(laiss|fich|fout)\w* (\w+ )?(tranquilles?|en paix|la paix)
no (me |nos )?(escrib(a|an|as|ir)|contact(e|en|es|ar)|molest(e|en|es)|texte(e|en|es))(me|nos)?
no (me |nos )?(mand|envi|llam|mensaje)(e|en|es)(me|nos)? (\w+ ){0,2}?(mas|nada|nunca|jamas|otra vez|MENSAJES)
(dej|par)(a|e|en|es|ar) de ESCRIBIR
dej(a|e|en|es)(me|nos) (en paz|tranquil\w*)
(quit|saqu|sac|borr|elimin|remuev|retir)(a|e|en|ar)(me|nos)( (de|del) (\w+ ){0,2}?(lista|base|grupo|sistema)|$)
(quit|saqu|sac|borr|elimin|remuev|retir)(a|e|en|ar) mi (numero|telefono|celular)
(dar|dame|deme|denme|darme|darse|darnos|quiero) (la |de )baja
no (quiero|deseo|queremos|deseamos) (\w+ ){0,4}?(MENSAJES|que me ESCRIBIR)
no mas MENSAJES
numero (equivocado|incorrecto)
equivoc\w+ de (numero|persona)
"""


def _compile(phrases: str) -> re.Pattern[str]:
    lines = "|".join(phrases.split("\n")[1:-1])
    return re.compile(rf"\b(?:{re.sub('[A-Z]{3,}', lambda name: _NAMES[name[0]], lines)})(?!\w)")


_WISH = _compile(_PHRASES)

_FEW = 3  # words; a "stop" among them is probably for us
_OTHER_STOP = re.compile(  # unless it is one of these
    r"\bstop (?:by|in|at|over|off|on|here|there|near|outside|before|after|for|to|and|or|signs?|lights?|watch)\b"
    r"|\b(?:bus|next|last|first|final|full|pit|one|the|a|an|un|el|la|le|au|rest|truck|quick|short|train|tram|metro|tour"
    r"|my|your|our|this|which|what|every|each|non|to|not|never|cant|cannot|wont|dont|didnt|doesnt|couldnt|ill|will|can"
    r"|could|would|did|does|i|you|we|they|he|she|it) stop\b"
)

_REACTION = re.compile(  # an iPhone's or Android's, which repeats our own words: Liked “Reply STOP to …”
    r"\s*(?:liked|loved|disliked|laughed at|emphasi[sz]ed|questioned|reacted \S+ to|removed an? [^“\"]{1,20} from"
    r"|[^\w\s]{1,8} to)\s+[“\"].*[”\"]\s*",
    re.IGNORECASE | re.DOTALL,
)


def is_wish(text: str) -> bool:
    """Whether people should be asked what `text` means; the listed keywords by themselves are among it."""
    if _REACTION.fullmatch(text):
        return False
    words = fold(text)
    if not words:
        return not _SIGNS.isdisjoint(text)
    words = without_courtesies(words)
    spoken, solid = " ".join(words), "".join(words)
    return (
        solid in _WHOLE
        or _squeeze(solid) in _SQUEEZED
        or _WISH.search(spoken) is not None
        or (len(words) <= _FEW and "stop" in words and not _OTHER_STOP.search(spoken))
        or any(_is_plain(sentence) for sentence in sentences(text))
    )


def _is_plain(sentence: Words) -> bool:
    return "".join(without_courtesies(sentence)) in _PLAIN


def _squeeze(word: str) -> str:
    return _REPEATED.sub(r"\1", word)


_SQUEEZED = frozenset(map(_squeeze, _PLAIN))  # "stoppp" is surely meant, and on no list

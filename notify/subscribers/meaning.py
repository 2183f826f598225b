"""What a resident's text message means: stop, start, help, or something else. English and Spanish.

The FCC lets people revoke by any reasonable means (47 CFR 64.1200(a)(10)): the words of its list always count when
they stand alone, and free text counts when a reasonable person would understand it so. Nothing is guessed from a word
that merely occurs: "the bus stop is flooded", "do not stop these alerts". In doubt a sentence is taken for a
revocation: whoever did not mean it reads so in the confirmation, and START undoes it.

Starting again asks for the exact word: consent is not guessed.
"""

import re
import unicodedata
from typing import Literal

Meaning = Literal["stop", "start", "help", "other"]

_SPANISH_STOP = (
    "alto|para|parar|pare|paren|cancelar|cancele|cancela|baja|darme de baja|dar de baja|dame de baja|detener|detenga|"
    "salir|terminar|fin|no mas|ya no|basta|quitar|eliminar|borrar|suspender|desuscribir|desuscribirme|anular"
)
_SPANISH_START = "si|empezar|iniciar|inicio|comenzar|alta|reanudar|suscribir|suscribirme"
_SPANISH_HELP = "ayuda|ayudame|ayudenme|auxilio|informacion"
_POLITE = re.compile(
    r"\b(?:please|pls|plz|thanks|thank you|thx|now|ok|okay|sir|hi|hello|por favor|gracias|hola|ya|ahora)\b"
)

# The whole message, when courtesies are taken off. "stop stop", "2" for "to".
_STOP = re.compile(
    rf"(?:(?:stop|stopall|stop all|stop it|stop this|stop now|end|quit|revoke|cancel|unsubscribe|unsub|unsuscribe|"
    rf"optout|opt out|remove|remove me|cease|no more|enough|stop (?:2|to) (?:end|stop|quit)|{_SPANISH_STOP})\b ?)+"
)
_START = re.compile(rf"start|yes|unstop|opt in|optin|subscribe|resume|{_SPANISH_START}")
_HELP = re.compile(rf"help|help me|info|{_SPANISH_HELP}")

# Taken out before anything is looked for: our own words in a reply that quotes them, and the opposite of stopping.
_NOT_THEIRS = re.compile(r"\b(?:reply|text|responda|envie) stop (?:to|para) \w+|\bstop sign\w*")
_NEGATED = re.compile(
    r"\b(?:dont|do not|never|please keep and not) (?:\w+ me )?(?:ever |you |want (?:you )?to )?"
    r"(?:stop|quit|cancel|end|unsubscribe|opt (?:me )?out|remove|revoke|take me off)\b(?: \w+ing\b)?"
    r"|\bno (?:me )?(?:cancel\w*|pare\w*|paren|deten\w*|elimin\w*|quit\w*|borr\w*|suspend\w*|de(?:n|me)? de baja)\b"
)

_MESSAGES = (
    r"(?:texts?|texting|txts?|messages?|messaging|msgs?|sms|alerts?|alerting|notifications?|notifying|e ?mails?|"
    r"subscription|spam|spamming|service|updates)"
)
_SENDING = (
    r"(?:texting|txting|sending|messaging|contacting|e ?mailing|calling|spamming|bothering|harassing|alerting|"
    r"notifying)"
)
_ANY = (
    r"(?:(?:all|any|of|the|these|this|those|them|my|your|ur|me|get|getting|receive|receiving|from|to|city|weather|"
    r"storm|snow) )"
)
_TELL = r"(?:ask\w*|tell\w*|told|said|want\w*|wanna|need\w*|like|beg\w*|wish\w*|trying|try|how do i|how to|how can i)"
_PEOPLE = r"(?:(?:you|u|ya|yall|y all|guys|this|these|it|them|all|everything|get) )"

# Means it wherever it stands.
_CLEAR = re.compile(
    "|".join(
        (
            r"\b(?:unsub\w*|unsuscri\w*|optout|opt(?:ing)? (?:me )?out|stopall|revoke\w*)\b",
            r"\b(?:take|get) (?:me|us|my \w+|this \w+) off\b",
            r"\b(?:remove|delete) (?:me|us|my (?:number|phone|name|info|contact|email)|this number)\b",
            rf"\b(?:stop|quit|cease|end) (?:all )?(?:of )?(?:this |these |the )?{_SENDING}\b",
            rf"\b(?:dont|do not|never) (?:ever )?(?:text|txt|message|msg|contact|e ?mail|call|notify|alert|bother|send)"
            rf"(?: \w+)? (?:me|us|again|anymore|any more|this (?:number|phone)|{_MESSAGES})\b",
            rf"\b(?:dont|do not|no longer) (?:want|wish|need|like)(?: to)? {_ANY}*(?:{_MESSAGES}|this|these|them)\b",
            rf"\b(?:no|any) more {_ANY}*{_MESSAGES}\b",
            r"\b(?:lose my number|leave me alone|wrong (?:number|person))\b",
            rf"\b{_TELL} {_PEOPLE}*(?:to )?{_PEOPLE}*(?:stop|quit|cancel|unsubscribe)\b"
            r"(?! (?:at|by|in|for|sign|the bus))",
            # Spanish
            r"\bdesuscri\w*|\bdesinscri\w*|\b(?:dame|darme|darse|deme|denme|dar|quiero)(?: (?:la|de))* baja\b",
            r"\bdej(?:a|e|en|ar) de (?:enviar|mandar|escribir|molestar|textear|llamar|contactar|notificar)\w*",
            r"\bno (?:me |nos )?(?:envi|mand|escrib|llam|contact|texte|molest|notifi)\w*(?: \w+)? (?:mas|mensajes?|"
            r"textos?|alertas?|nada)\b|\bno (?:me|nos) (?:envi|mand|escrib|llam|contact|texte|molest)\w*",
            r"\bno (?:deseo|quiero) (?:mas|recibir|seguir|estos?|estas?|sus|que me|alertas?|mensajes?|textos?)\b",
            r"\bno mas (?:mensajes?|textos?|alertas?|avisos?|correos?)\b",
            r"\b(?:cancel|par|deten|elimin|quit|suspend|anul|termin)\w* (?:\w+ ){0,2}(?:mensajes?|textos?|alertas?|"
            r"avisos?|suscripcion|notificaciones|correos?)\b|\balto a (?:los|las|estos|estas|sus) \w+",
            r"\b(?:quit|saqu|borr|elimin)\w*(?:me|nos| mi (?:numero|telefono|nombre))\b|\bnumero equivocado\b",
        )
    )
)

# A question about others ("did they cancel the alert?") is not a request.
_QUESTION = re.compile(r"(?:did|does|has|have|is|are|was|were|when|where|who|which|what|cuando|donde|quien|que|cual)\b")
_REQUESTS = (
    # Said of the messages.
    re.compile(rf"\b(?:stop|quit|end|cancel|cease|halt|discontinue|turn off) {_ANY}*{_MESSAGES}\b"),
    # The message begins with it, and not with a bus stop or the end of a street.
    re.compile(
        r"(?:please |just |ok |no |yes |hey )*stop\b(?! (?:signs?|lights?|lamp|line|street|st|number|work|order|"
        r"at|on|near|by|is|was|in|has|and go)\b)"
    ),
    re.compile(r"(?:please |just )*(?:quit|cancel|end|cease) (?:me|it|this|that|these|them|my|all|everything|now)\b"),
    # Or ends with it, as a request.
    re.compile(
        r"(?:^|\b)(?:please|just|now|said|say|and|must|should|you|u|ok|okay|hey|yes|no|then|text|guys) "
        r"(?:stop|quit|cancel|unsubscribe)$|\bmake (?:it|this|them) stop$"
    ),
)
_SHOUTED = re.compile(r"(?<!\bbus )(?<!\bthe )(?<!\ba )\bSTOP\b")
_NOT_TO_US = re.compile(r"\b(?:thanks|thank you|thx|gracias)\b")
_NEEDS_HELP = re.compile(rf"\b(?:help|{_SPANISH_HELP})\b")
# A phone's answer with a thumb: its words are ours. (Liked “Storm warning ... Reply STOP to end.”)
_TAPBACK = re.compile(
    r"\s*(?:liked|loved|disliked|laughed at|emphasi[sz]ed|questioned|removed an? \w+ from|reacted .{1,30}|"
    r"(?:le|me) (?:gust|encant)\w+|destac\w+|\W{1,6}to) +[“\"«\u2018].*",
    re.IGNORECASE | re.DOTALL,
)
_APOSTROPHES = "'`\u2018\u2019\u00b4"
_QUOTED = re.compile(r"[“\"«][^”\"»]{30,}[”\"»]")


def read_meaning(text: str) -> Meaning:
    """What the words mean, as a reasonable person would take them."""
    if _TAPBACK.fullmatch(text):
        return "other"
    said = _plain(_QUOTED.sub(" ", text))
    bare = " ".join(_POLITE.sub(" ", said).split()) or said
    if _STOP.fullmatch(bare) or _STOP.fullmatch(said):
        return "stop"
    for word in (said, bare):
        if _START.fullmatch(word):
            return "start"
    if _HELP.fullmatch(bare):
        return "help"
    return _free_text(text, said)


def _free_text(text: str, said: str) -> Meaning:
    rest = " ".join(_NEGATED.sub(" ", _NOT_THEIRS.sub(" ", said)).split())
    if _CLEAR.search(rest):
        return "stop"
    if not _QUESTION.match(rest) and (
        _REQUESTS[0].search(rest)
        or any(pattern.match(rest) for pattern in _REQUESTS[1:3])
        or _REQUESTS[3].search(rest)
        or (rest == said and text != text.upper() and _SHOUTED.search(text))
    ):
        return "stop"
    return "help" if _NEEDS_HELP.search(rest) and not _NOT_TO_US.search(rest) else "other"


def is_spanish(text: str) -> bool:
    """Whether the words are more likely Spanish than English."""
    said = _plain(text)
    exact = re.fullmatch(rf"{_SPANISH_STOP}|{_SPANISH_START}|{_SPANISH_HELP}", said)
    return bool(exact) or bool(
        re.search(r"\b(?:de|no me|mas|quiero|por favor|mensajes?|alertas?|el|la|los|las|estos|estas)\b", said)
    )


def _plain(text: str) -> str:
    """Lower-case words of letters and digits, without accents and apostrophes: "Don't STOP!" -> "dont stop"."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(c for c in decomposed if not unicodedata.combining(c) and c not in _APOSTROPHES)
    return " ".join(re.findall(r"[^\W_]+", letters))

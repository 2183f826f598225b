"""Rules about wording: short sentences, plain words, times that can be understood in one way."""

import re
from collections.abc import Iterator

from notify.content.lexicon import Lexicon
from notify.content.lint_contents import acts
from notify.content.lint_finding import WARNING, About, Hit, Message, quote
from notify.core.urls import find_urls

RULES = {
    "capitals": WARNING,
    "long-sentence": WARNING,
    "several-actions": WARNING,
    "no-am-pm": WARNING,
    "other-time-zone": WARNING,
    "we": WARNING,
    "vague": WARNING,
    "jargon": WARNING,
    "zone-code": WARNING,
}

MOST_WORDS = 20  # of a sentence
_WORD = re.compile(r"\w[\w'\u2019.\-:/@]*")
_CAPITALS = re.compile(r"\b[A-Z\u00c0-\u00de]{4,}\b(?:[ ,]{1,2}\b[A-Z\u00c0-\u00de]{2,}\b)*")
_CLOCK = re.compile(r"(?<![\d:.])(?:[01]?\d|2[0-3]):[0-5]\d(?![\d:])(?!\s?[ap]\.?\s?m\b)", re.IGNORECASE)
_ZONE = re.compile(r"\b\d\s?(?:[AaPp]\.?[Mm]\.?)?\s?(UTC|GMT|Z)\b")
# As files of zones have them: PHL-E042. "Zone A" is a name that people can know.
_CODE = re.compile(r"\b[A-Z]{2,4}[-_][A-Z]{1,2}\d{2,5}\b|(?<=\b[Zz]one )[A-Z]{1,4}[-_]?\d{2,5}\b")


def check(message: Message, about: About, words: Lexicon) -> Iterator[Hit]:
    plain = _without_links(message.whole)
    prefix, sender = f"{message.named(about.opening)} ", f"{message.named(about.city)}: "
    yield from _capitals(plain, message, about, words)
    for sentence in message.sentences():
        count = len(_WORD.findall(_without_links(sentence.removeprefix(prefix).removeprefix(sender))))
        if count > MOST_WORDS:
            yield Hit("long-sentence", message, quote(sentence), {"count": count, "most": MOST_WORDS}, sentence)
        if acts(sentence, words) > 1:
            yield Hit("several-actions", message, quote(sentence), passage=sentence)
    if clock := _CLOCK.search(plain):
        yield Hit("no-am-pm", message, clock[0])
    if zone := _ZONE.search(plain):
        yield Hit("other-time-zone", message, zone[1])
    if not message.traits.letter and (group := words.group.search(plain)):  # a letter has room to say who we are
        yield Hit("we", message, group[0])
    yield from _replaceable(plain, message, words)
    names = _names(message, about)
    for code in dict.fromkeys(found[0] for found in _CODE.finditer(plain)):
        if code not in names:
            yield Hit("zone-code", message, code)


def _capitals(plain: str, message: Message, about: About, words: Lexicon) -> Iterator[Hit]:
    names = _names(message, about)
    for found in dict.fromkeys(one[0] for one in _CAPITALS.finditer(plain)):
        shouted = [word for word in re.split(r"[ ,]+", found) if len(word) > 3 and word not in words.capitals]
        if shouted and found not in names:
            yield Hit("capitals", message, quote(found), {"example": quote(found).lower()}, found)


def _replaceable(plain: str, message: Message, words: Lexicon) -> Iterator[Hit]:
    for rule, pattern in words.to_replace.items():
        instead = words.vague if rule == "vague" else words.jargon
        for found in dict.fromkeys(one[0].lower() for one in pattern.finditer(plain)):
            yield Hit(rule, message, found, {"example": instead[found]})


def _names(message: Message, about: About) -> str:
    """Return the names that the message has from elsewhere: an operator cannot write them in another way."""
    return " ".join(message.named(words) for words in (about.city, about.area, about.program))


def _without_links(text: str) -> str:
    for _, url in find_urls(text):
        text = text.replace(url, "")
    return text

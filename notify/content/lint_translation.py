"""Rules about a translation: it must not be the same words again, nor be older than its original."""

import re
from collections.abc import Iterator, Sequence

from notify.content.lexicon import lexicon
from notify.content.lint_finding import ERROR, IN_EMERGENCY, WARNING, About, Hit, Message, quote, said_in

RULES = {
    "same-as-other": ERROR,
    "not-translated": WARNING,
    "other-language": WARNING,
    "area-not-translated": WARNING,
    "stale-translation": IN_EMERGENCY,
}

FEWEST_WORDS = 4  # of a sentence that can be told from a name or an address
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_LINK = re.compile(r"\S*(?:://|@|-unsubscribe_url-)\S*")


def check(messages: Sequence[Message], about: About) -> Iterator[Hit]:
    """Compare each message with the first language of its channel."""
    first: dict[str, Message] = {}
    for message in messages:
        original = first.setdefault(message.channel, message)
        if message.stale:
            yield Hit("stale-translation", message)
        if original.language != message.language:
            yield from _compare(message, original, about)


def _compare(message: Message, original: Message, about: About) -> Iterator[Hit]:
    other = {"other": f"'{original.language}'"}
    if message.text.strip() == original.text.strip() and len(_LETTERS.findall(message.text)) >= FEWEST_WORDS:
        yield Hit("same-as-other", message, values=other)
        return
    name = said_in(message.language, about.area)
    known = lexicon(original.language)
    if known and name == said_in(original.language, about.area) and known.link.search(name):
        yield Hit("area-not-translated", message, quote(name), other)
    said = {_bare(sentence, original, about) for sentence in original.sentences()}
    for sentence in message.sentences():
        bare = _bare(sentence, message, about)
        if bare in said and len(_LETTERS.findall(bare)) >= FEWEST_WORDS:
            if _is_in(message.language, bare, original.language):
                given = {"other": f"'{message.language}'"}
                yield Hit("other-language", original, quote(sentence), given, sentence)
            else:
                yield Hit("not-translated", message, quote(sentence), other, sentence)


def _is_in(language: str, sentence: str, other: str) -> bool:
    """Return whether a sentence has more common words of a language than of the other."""
    words, others = lexicon(language), lexicon(other)
    return bool(words and others and len(words.usual.findall(sentence)) > len(others.usual.findall(sentence)))


def _bare(sentence: str, message: Message, about: About) -> str:
    """Return a sentence without links and names, which are the same in every language."""
    for words in (about.city, about.area, about.program, about.help_contact):
        if name := message.named(words):
            sentence = sentence.replace(name, " ")
    return " ".join(_LINK.sub(" ", sentence).casefold().split())

"""Take a text message apart: what is quoted in it, and its sentences."""

import re
import unicodedata

from notify.inbound.phrases import Phrases, normalized

MOST_SENTENCES = 60

# Commas end sentences, too: "No, stop". So do most characters other than letters, digits, blanks and apostrophes.
_SENTENCE_END = re.compile(r"([^\w\s&'`\u00b4\u2018\u2019*/._+@-]+|[.](?=\s|$)|\s-+\s|\n+)")
_SPELLED = re.compile(r"\b(?:\w[ .*_-]){3,30}\w\b")  # s.t.o.p
_PHONE = re.compile(r"\b(?:(?:\+?1[ .-]?)?\(?\d{3}\)?[ .-]?)?\d{3}[ .-]?\d{4}\b")
_SOS = "\N{SQUARED SOS}"
_QUOTES = re.compile(r"[“«][^”»]*(?:[”»]|$)|\"[^\"]*(?:\"|$)")
_LONGEST_REACTION = 200  # characters before the quotation
_SHORT_QUOTE = 3  # words: "STOP" in quotes is the resident's own


def without_format(text: str) -> str:
    """Remove invisible characters (zero-width ones, soft hyphens, marks of direction: category Cf), and marks on
    letters that have none in any language, which would part a word: "S\u035fT\u035fO\u035fP"."""
    composed = text if text.isascii() else unicodedata.normalize("NFC", text)
    return "".join(c for c in composed if unicodedata.category(c) != "Cf" and not unicodedata.combining(c))


def without_quotes(text: str, forwarded: Phrases, reaction: Phrases) -> str:
    """Remove quoted and forwarded text: our own words, repeated by a phone's reaction or by a person.

    `forwarded`: how such a line begins. `reaction`: what a phone writes before the words that somebody liked.
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(">")]
    kept = "\n".join(line for line in lines if not forwarded.found_in(normalized(line[:40])))

    def drop(match: re.Match[str]) -> str:
        reacted = match.start() <= _LONGEST_REACTION and reaction.found_in(normalized(kept[: match.start()]))
        own = len(normalized(match[0]).split()) <= _SHORT_QUOTE and not reacted
        return f" {match[0][1:].rstrip(chr(34) + '”»')} " if own else " . "

    return _QUOTES.sub(drop, kept)


def sentences_of(text: str) -> list[tuple[str, str]]:
    """Return pairs of a sentence and the characters that end it."""
    spelled = _SPELLED.sub(lambda match: re.sub(r"[ .*_-]", "", match[0]), text.replace(_SOS, " sos "))
    named = _PHONE.sub(" number ", spelled).replace("&", " and ").replace("#", " number ")
    parts = [*_SENTENCE_END.split(named), ""]
    return list(zip(parts[::2], parts[1::2], strict=True))[:MOST_SENTENCES]

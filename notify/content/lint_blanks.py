"""Which blank the words of a finding came out of: its author changes them there, and not in the message."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from notify.content.lint_finding import Hit, Typed, compared
from notify.core.translation import gettext as _

# Rules about words that an operator may have typed. The others are about what is missing, or about the whole text.
OF_WORDS = frozenset(
    ("bad-phone", "capitals", "hidden-link", "jargon", "long-sentence", "no-am-pm", "not-translated", "other-language",
     "other-site", "other-time-zone", "says-practice", "says-real", "several-actions", "short-link",
     "unicode-character", "unicode-picture", "vague", "we", "your-area", "zone-code")
)  # fmt: skip
# The template says the rest of such a sentence in another way in each language: what they share was typed.
SHARED = frozenset(("not-translated", "other-language"))
# Rules about a whole sentence. One without a typed word can only be changed under Words, where it is checked, too.
OF_SENTENCES = frozenset(("long-sentence", "several-actions"))


@dataclass(frozen=True, slots=True)
class Source:
    """The field to change, and a sentence that says so."""

    field: str
    advice: str


def source(hit: Hit, blanks: Sequence[Typed]) -> Source | None:
    """Return the blank that has the words of a hit; None when they are the template's. The longest is the likeliest."""
    if hit.rule not in OF_WORDS:
        return None
    language = hit.message.language
    there = [one for one in blanks if _came_from(one.in_text(language), hit)]
    if not there:
        return None
    blank = max(there, key=lambda one: len(one.in_text(language)))
    if hit.rule == "not-translated":
        field, label = f"{blank.name}.{language}", f"{blank.label} ({language})"
        return Source(field, _("Write it in the blank \u201c%(blank)s\u201d.", blank=label))
    field = blank.field(language)
    label = blank.label if field == blank.name else f"{blank.label} ({language})"
    return Source(field, _("It comes from the blank \u201c%(blank)s\u201d: change it there.", blank=label))


def is_out_of_reach(hit: Hit, blanks: Sequence[Typed]) -> bool:
    """Return whether a hit is about a sentence of the template alone, which the author of an alert cannot change."""
    if hit.rule not in OF_SENTENCES:
        return False
    passage = compared(hit.passage)
    words = (compared(one.in_text(hit.message.language)).rstrip(".!") for one in blanks)
    return not any(typed and (_within(typed, passage) or _within(passage.rstrip(".!"), typed)) for typed in words)


def _came_from(typed: str, hit: Hit) -> bool:
    passage = hit.passage or hit.found
    if not typed or not passage:
        return False
    if len(passage) == 1:  # a character, which the comparison would replace by a plain one
        return passage in typed
    words, passage = compared(typed).rstrip(".!"), compared(passage).rstrip(".!")
    return _within(passage, words) or (hit.rule in SHARED and _within(words, passage))


def _within(part: str, whole: str) -> bool:
    """Return whether words stand in a text, and not as parts of longer ones."""
    return re.search(rf"(?<!\w){re.escape(part)}(?!\w)", whole) is not None

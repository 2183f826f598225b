"""Rules about what a message must say: who, what, where, until when, what to do, and how to stop it."""

import re
from collections.abc import Iterator

from notify.content.compose import UNSUBSCRIBE_URL
from notify.content.lexicon import Lexicon
from notify.content.lint_finding import ERROR, IN_EMERGENCY, WARNING, About, Hit, Message, compared, said_in
from notify.core.translation import gettext as _
from notify.core.urls import find_urls

RULES = {
    "unfilled": ERROR,
    "no-source": IN_EMERGENCY,
    "source-late": WARNING,
    "no-hazard": WARNING,
    "no-place": IN_EMERGENCY,
    "your-area": WARNING,
    "no-action": IN_EMERGENCY,
    "no-end": IN_EMERGENCY,
    "exercise-unmarked": ERROR,
    "says-real": ERROR,
    "says-practice": ERROR,
    "no-opt-out": ERROR,
    "no-help": WARNING,
}

_UNFILLED = re.compile(r"\{[{%].{0,40}|\[(?:[A-Z][A-Z _/-]{2,30})\]|_{3,}|\b(?:TBD|TBA|XXX+)\b|\bLorem ipsum\b")
_PURPOSE = re.compile(r"\bto\s+[a-z]+(?:,\s+[a-z]+)*(?:,?\s+(?:and|or)\s+[a-z]+)?")  # "to drink, cook and wash"
_DIGITS = re.compile(r"\d")


def check(message: Message, about: About, words: Lexicon | None) -> Iterator[Hit]:
    if unfilled := _UNFILLED.search(message.whole):
        yield Hit("unfilled", message, unfilled[0])
    yield from _source(message, about)
    if words is not None:
        yield from _place(message, about, words)
        yield from _danger(message, about, words)
        yield from _practice(message, about, words)
        if not about.emergency:
            yield from _leaving(message, about, words)


def _source(message: Message, about: About) -> Iterator[Hit]:
    city = said_in(message.language, about.city)
    if not city:
        return
    sender, said = compared(city), compared(message.whole)
    begins = said.removeprefix(compared(said_in(message.language, about.opening))).lstrip()
    if sender not in said:
        yield Hit("no-source", message, values={"city": city})
    elif not message.traits.letter and about.status == "Actual" and not begins.startswith(sender):
        yield Hit("source-late", message, values={"city": city})


def _place(message: Message, about: About, words: Lexicon) -> Iterator[Hit]:
    area = said_in(message.language, about.area)
    given = {"place": area or _("streets, a neighborhood, a landmark")}
    named = compared(area) in compared(message.whole) if area else bool(words.place.search(message.whole))
    if not named:
        yield Hit("no-place", message, values=given)
    if vague := words.nowhere.search(message.whole):
        yield Hit("your-area", message, vague[0], given)


def _danger(message: Message, about: About, words: Lexicon) -> Iterator[Hit]:
    """What it is, what to do and until when. An all-clear has none of the three."""
    if about.over:
        return
    if not about.from_template and about.emergency and not words.hazard.search(message.whole):
        yield Hit("no-hazard", message)
    if not about.from_template and not any(acts(one, words) for one in message.sentences()):
        yield Hit("no-action", message, values={"example": words.action_example})
    if not words.when.search(message.whole):
        yield Hit("no-end", message, values={"example": words.end_example})


def acts(sentence: str, words: Lexicon) -> int:
    """Return how many things a sentence asks for."""
    first, *others = words.clause.split(_PURPOSE.sub("", sentence)) or [""]
    # "Walk and drive slowly" is one request: a verb alone shares what follows the next.
    clauses = [first, *others] if " " in first else [" ".join([first, *others[:1]]), *others[1:]]
    asked = sum(bool(words.action.match(clause)) for clause in clauses)
    return asked or int(bool(words.bidding.search(sentence)))


def _practice(message: Message, about: About, words: Lexicon) -> Iterator[Hit]:
    whole = message.whole
    if about.status == "Actual":
        if said := words.says_practice.search(whole) or re.match(r"\s*(?:EXERCISE|SIMULACRO|TEST|DRILL)\b\s*:", whole):
            yield Hit("says-practice", message, said[0])
        return
    if not words.says_exercise.search(whole):
        yield Hit("exercise-unmarked", message, values={"example": words.exercise_example})
    if real := words.says_real.search(whole):
        yield Hit("says-real", message, real[0])


def _leaving(message: Message, about: About, words: Lexicon) -> Iterator[Hit]:
    leaves_by = message.traits.leaves_by
    can_leave = (
        bool(words.says_leave.search(message.text))
        if leaves_by == "reply"
        else UNSUBSCRIBE_URL in message.text
        if leaves_by == "link"
        else True
    )
    if not can_leave:
        example = words.leave_example if leaves_by == "reply" else UNSUBSCRIBE_URL
        yield Hit("no-opt-out", message, values={"example": example})
    contact = message.named(about.help_contact).rstrip(".")
    helped = (contact and contact in message.text) or any(find_urls(message.text)) or _DIGITS.search(message.text)
    if contact and not helped and not about.over:
        yield Hit("no-help", message, values={"example": words.help_example.replace("311", contact)})

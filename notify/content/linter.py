"""Check the words of an alert before it is approved: is it clear who speaks, what, where, until when and what to do?

Pure: no database, no settings, no clock. The rules follow research on warnings (Mileti & Sorensen 1990; Sutton &
Kuligowski, Warning Lexicon 2023) and the limits of the channels. Their sentences are in `templates/findings`.

An error makes the alert unusable, or harmful; a warning is a matter of judgement. A doubt is a warning: an error must
never hold up an emergency that is right.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from notify.content import lint_blanks, lint_contents, lint_form, lint_translation, lint_wording
from notify.content.lexicon import lexicon
from notify.content.lint_finding import About, Error, Finding, Hit, Message
from notify.core.texts import worded
from templates import FINDINGS

__all__ = ["FALSE_OR_LOST", "RULES", "TO_BE_READ", "About", "Finding", "Message", "fingerprint", "lint"]

# Rule -> whether it is an error; some are errors only in an emergency.
RULES: Mapping[str, Error] = {
    **lint_contents.RULES,
    **lint_form.RULES,
    **lint_wording.RULES,
    **lint_translation.RULES,
}
# Errors that hold up even a launch by one person who cannot wait: what is sent would be false, would be refused by its
# provider or carriers, or would lead somewhere else. Every other error is about words that are missing or unclear, and
# unclear words now may be better than clear ones too late.
FALSE_OR_LOST = frozenset(("exercise-unmarked", "says-real", "says-practice", "too-long", "short-link", "hidden-link"))
# Errors that somebody who has read the words may let stand, by name, and which nothing else overrides.
TO_BE_READ = frozenset(("stale-translation",))
MOST = 200  # findings of one alert; more would not be read


def lint(messages: Sequence[Message], about: About) -> tuple[Finding, ...]:
    """Return what is wrong with the messages of an alert, errors first. Never raises, whatever the text."""
    found: dict[tuple[str, str, str, str], Finding] = {}
    for hit in _hits(messages, about):
        if about.fixed and lint_blanks.is_out_of_reach(hit, about.blanks):
            continue
        one = _finding(hit, about)
        found.setdefault((one.rule, one.channel, one.language, one.found), one)
    return tuple(sorted(found.values(), key=lambda one: one.level))[:MOST]


def fingerprint(finding: Finding, message: Message) -> bytes:
    """SHA-256 of a finding and of the text in which it was found: other words, another fingerprint."""
    parts = (finding.rule, finding.channel, finding.language, finding.found, message.subject, message.text)
    return hashlib.sha256("\x00".join(parts).encode("utf-8", "surrogatepass")).digest()


def _hits(messages: Sequence[Message], about: About) -> Iterator[Hit]:
    for message in messages:
        words = lexicon(message.language)
        yield from lint_contents.check(message, about, words)
        yield from lint_form.check(message, about, words)
        if words is not None:
            yield from lint_wording.check(message, about, words)
    yield from lint_translation.check(messages, about)


def _finding(hit: Hit, about: About) -> Finding:
    said = worded(FINDINGS)[hit.rule]
    given = {"found": hit.found, **hit.values}
    blank = lint_blanks.source(hit, about.blanks)
    return Finding(
        rule=hit.rule,
        level="error" if RULES[hit.rule].holds(about) else "warning",
        channel=hit.message.channel,
        language=hit.message.language,
        found=hit.found,
        wrong=said["wrong"].format(**given),
        instead=said["instead"].format(**given) + (f" {blank.advice}" if blank else ""),
        blank=blank.field if blank else None,
    )

"""The city's own words in place of the built-in ones: what must hold of them, and how they look with examples.

A *form* is the message of one channel in one language: a template for each of its parts. Pure: no database.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from jinja2 import nodes

from notify.channels.channel import CHANNELS
from notify.content import grammar
from notify.content.blanks import is_clean
from notify.content.catalogue import IMPLICIT, compiled
from notify.content.compose import Context, Rendered, render
from notify.content.events import Event
from notify.content.filling import fill
from notify.core.characters import visible

Form = tuple[str, str]  # channel and language
Words = Mapping[str, str]  # the templates of a form, by part

LONGEST = 4000  # characters of a template; the longest of our own has 900
# Besides the blanks that a phase needs: without them nobody knows who speaks, where it holds and until when.
NEEDED = frozenset({"city", "area", "expires"})


def built_in(event: Event, phase: str, channel: str, language: str) -> Words:
    """Return the built-in words of a form, as `tidy` returns them."""
    return tidy({part: event.sources[phase, channel, language, part] for part in CHANNELS[channel].parts})


def tidy(words: Words) -> Words:
    """Return words as they are kept: without invisible characters, and with plain line breaks."""
    return {part: visible(text.replace("\r\n", "\n").replace("\t", " ")) for part, text in words.items()}


def rewritten(event: Event, phase: str, own: Mapping[Form, Words]) -> Event:
    """Return the event with these words in place of its own. They must have no `mistakes`."""
    parts = {
        (phase, channel, language, part): text
        for (channel, language), words in own.items()
        for part, text in words.items()
    }
    templates = {part: compiled(text) for part, text in parts.items()}
    return replace(event, sources={**event.sources, **parts}, templates={**event.templates, **templates})


def mistakes(event: Event, phase: str, form: Form, words: Words) -> list[str]:
    """Return why these words cannot be used."""
    channel, language = form
    trees: list[nodes.Template] = []
    wrong: list[str] = []
    for part, text in words.items():
        tree, said = _parsed(event, phase, language, part, text)
        wrong += [f"The {part} {mistake.removesuffix('.')}." for mistake in said]
        trees += [tree] if tree else []
    if wrong:
        return list(dict.fromkeys(wrong))
    ours = _trees(built_in(event, phase, channel, language))
    lost = (grammar.always_printed(ours) & _needed(event, phase)) - grammar.always_printed(trees)
    return [f"The message must always say {_braced(event, name)}." for name in _ordered(event, lost)]


def untranslated(event: Event, words: Words, original: Words) -> list[str]:
    """Return in which blanks a translation and its original differ. Neither may have `mistakes`."""
    here, there = grammar.printed(_trees(words)), grammar.printed(_trees(original))
    left_out = [f"It leaves out {_braced(event, x)}, which the original says." for x in _ordered(event, there - here)]
    return left_out + [
        f"It says {_braced(event, x)}, which the original does not." for x in _ordered(event, here - there)
    ]


def usable(event: Event, phase: str, channel: str, language: str) -> dict[str, str]:
    """Return every blank that a form can print, as it is written there -> what it is. Needed ones come first."""
    found = {_braced(event, name): said for name, said in _IMPLICIT_LABELS.items()}
    needed = _needed(event, phase)
    for blank in sorted(event.blanks(phase), key=lambda blank: blank.name not in needed):
        for form in _choices(event, language).get(blank.name, ("",)):
            found["{{ " + ".".join(filter(None, (blank.name, form))) + " }}"] = blank.label
    return found


def specimen(event: Event, phase: str, form: Form, context: Context, *, every_blank: bool) -> Rendered:
    """Return the message of a form with the examples of its blanks, of the needed ones only or of every one.

    Raises Invalid.
    """
    channel, language = form
    blanks = [blank for blank in event.blanks(phase) if every_blank or phase in blank.required]
    filled = fill(event, phase, {blank.name: blank.example for blank in blanks})
    (one,) = render(event, phase, filled, channels=[channel], languages=[language], context=context)
    return one


_IMPLICIT_LABELS = {
    "city": "The city's name",
    "area": "Where, in words",
    "expires": "The time when the alert ends",
    "link": "The address of the alert's page",
    "program": "What residents signed up for",
    "help_contact": "Whom to ask",
}


def _trees(words: Words) -> list[nodes.Template]:
    return [grammar.parse(text) for text in words.values()]


def _parsed(event: Event, phase: str, language: str, part: str, text: str) -> tuple[nodes.Template | None, list[str]]:
    if not text:
        return None, ["is empty"]
    if len(text) > LONGEST:
        return None, [f"has {len(text)} characters; the most is {LONGEST}"]
    if not is_clean(text if part == "subject" else text.replace("\n", "")):
        return None, ["has a line break or another character that does not show"]
    try:
        tree = grammar.parse(text)
    except ValueError as error:
        return None, [str(error)]
    return tree, list(_wrong_in(tree, event, phase, language))


def _wrong_in(tree: nodes.Template, event: Event, phase: str, language: str) -> Iterator[str]:
    if more := list(grammar.more_than_blanks(tree)):
        yield from more
        return
    choices = _choices(event, language)
    times = {blank.name: ("full",) for blank in event.blanks(phase) if blank.type == "datetime"}
    yield from grammar.undefined(tree, IMPLICIT | {blank.name for blank in event.blanks(phase)})
    yield from grammar.undefined_forms(tree, {**choices, **times, "expires": ("full",)})
    yield from grammar.formless(tree, choices)


def _choices(event: Event, language: str) -> dict[str, tuple[str, ...]]:
    """Return the forms of each blank that is a choice; all its keys have the same."""
    return {blank: tuple(next(iter(keys.values()))) for blank, keys in event.choices[language].items()}


def _needed(event: Event, phase: str) -> frozenset[str]:
    return NEEDED | {blank.name for blank in event.blanks(phase) if phase in blank.required}


def _ordered(event: Event, names: frozenset[str]) -> list[str]:
    order = [*_IMPLICIT_LABELS, *(blank.name for blank in event.declared)]
    return sorted(names, key=order.index)


def _braced(event: Event, name: str) -> str:
    """Return how a template prints a blank; a choice in the first of its forms."""
    forms = _choices(event, event.languages[0]).get(name, ())
    return "{{ " + ".".join([name, *forms[:1]]) + " }}"

"""The city's own words in place of the built-in ones: what must hold of them, and how they look with examples.

A *form* is the message of one channel in one language: a template for each of its parts. Pure: no database.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from jinja2 import nodes

from notify.channels.channel import CHANNELS
from notify.content import grammar
from notify.content.blanks import is_clean
from notify.content.catalogue import IMPLICIT, compiled
from notify.content.compose import Context, Rendered, render
from notify.content.events import Event
from notify.content.filling import fill
from notify.core.characters import visible
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop, speaking, translated

Form = tuple[str, str]  # channel and language
Words = Mapping[str, str]  # the templates of a form, by part


class Usable(NamedTuple):
    """A blank as a template prints it: `{{ area }}`. `needed`: the message must always say it.

    `shows`: the words of its example, for one of several forms of a choice."""

    written: str
    label: str
    needed: bool
    shows: str = ""


LONGEST = 4000  # characters of a template; the longest of our own has 900
PARTS = {"subject": gettext_noop("The subject"), "text": gettext_noop("The text")}
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
        wrong += [f"{_(PARTS[part])} {mistake.removesuffix('.')}." for mistake in said]
        trees += [tree] if tree else []
    if wrong:
        return list(dict.fromkeys(wrong))
    ours = _trees(built_in(event, phase, channel, language))
    lost = (grammar.always_printed(ours) & _needed(event, phase)) - grammar.always_printed(trees)
    return [_("The message must always say %(blank)s.", blank=_braced(event, name)) for name in _ordered(event, lost)]


def untranslated(event: Event, words: Words, original: Words) -> list[str]:
    """Return in which blanks a translation and its original differ. Neither may have `mistakes`."""
    here, there = grammar.printed(_trees(words)), grammar.printed(_trees(original))
    return [
        *(
            _("It leaves out %(blank)s, which the original says.", blank=_braced(event, x))
            for x in _ordered(event, there - here)
        ),
        *(
            _("It says %(blank)s, which the original does not.", blank=_braced(event, x))
            for x in _ordered(event, here - there)
        ),
    ]


def usable(event: Event, phase: str, channel: str, language: str) -> list[Usable]:
    """Return every blank that a form can print, those that it must print first."""
    ours = built_in(event, phase, channel, language)
    always = grammar.always_printed(_trees(ours)) & _needed(event, phase)
    named = {name: _(said) for name, said in _IMPLICIT_LABELS.items()} | {
        blank.name: translated(blank.label) for blank in event.blanks(phase)
    }
    examples = {blank.name: blank.example for blank in event.blanks(phase)}
    samples = {name: keys[examples[name]] for name, keys in event.choices[language].items() if name in examples}
    found = []
    for name, said in named.items():
        for form in _choices(event, language).get(name, ("",)):
            written = _in_braces(name, form)
            needed = name in always and any(written in text for text in ours.values())
            found.append(Usable(written, said, needed, _first_line(samples[name][form]) if form else ""))
    return sorted(found, key=lambda one: not one.needed)


def _first_line(words: str) -> str:
    first, _break, more = words.strip().removeprefix("- ").partition("\n")
    return f"{first} …" if more else first


def specimen(event: Event, phase: str, form: Form, context: Context, *, every_blank: bool) -> Rendered:
    """Return the message of a form with the examples of its blanks, of the needed ones only or of every one.

    Raises Invalid.
    """
    channel, language = form
    blanks = [blank for blank in event.blanks(phase) if every_blank or phase in blank.required]
    values = {blank.name: blank.example for blank in blanks}
    with speaking(language):
        values |= {f"{one.name}.{language}": translated(one.example) for one in blanks if one.translated}
    filled = fill(event, phase, values)
    (one,) = render(event, phase, filled, channels=[channel], languages=[language], context=context)
    return one


_IMPLICIT_LABELS = {
    "city": gettext_noop("The city's name"),
    "area": gettext_noop("Where, in words"),
    "expires": gettext_noop("The time when the alert ends"),
    "link": gettext_noop("The address of the alert's page"),
    "program": gettext_noop("What residents signed up for"),
    "help_contact": gettext_noop("Whom to ask"),
}


def _trees(words: Words) -> list[nodes.Template]:
    return [grammar.parse(text) for text in words.values()]


def _parsed(event: Event, phase: str, language: str, part: str, text: str) -> tuple[nodes.Template | None, list[str]]:
    if not text:
        return None, [_("is empty")]
    if len(text) > LONGEST:
        return None, [_("has %(n)s characters; the most is %(most)s", n=len(text), most=LONGEST)]
    if not is_clean(text if part == "subject" else text.replace("\n", "")):
        return None, [_("has a line break or another character that does not show")]
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
    return [name for name in order if name in names] + sorted(names.difference(order))


def _braced(event: Event, name: str) -> str:
    """Return how a template prints a blank; a choice in the first of its forms."""
    forms = _choices(event, event.languages[0]).get(name, ("",))
    return _in_braces(name, forms[0])


def _in_braces(name: str, form: str) -> str:
    return "{{ " + ".".join(filter(None, (name, form))) + " }}"

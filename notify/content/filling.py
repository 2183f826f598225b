"""Check all the values that an operator gives for the blanks of a message."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from notify.content.blanks import Blank
from notify.content.events import Event
from notify.content.lint_finding import Typed
from notify.core import translation
from notify.core.characters import visible
from notify.core.errors import Invalid
from notify.core.translation import gettext as _
from notify.core.translation import translated


@dataclass(frozen=True, slots=True)
class Filled:
    """Blanks in canonical form, by `name` or, for a translation, `name.language`. `fill` accepts them again."""

    event: str
    phase: str
    values: Mapping[str, str]


def fill(event: Event, phase: str, given: Mapping[str, str], *, on_page: str = "") -> Filled:
    """Check the given values and add the defaults. An empty value counts as not given.

    `name.language` translates a blank of free text. Raises Invalid with every mistake. `on_page`: as in `called`.
    """
    blanks = {blank.name: blank for blank in event.blanks(phase)}
    values: dict[str, str] = {}
    mistakes: list[str] = []
    for key, words in given.items():
        name, dot, language = key.partition(".")
        if name not in blanks:
            mistakes.append(_unknown(event, phase, name))
        elif dot and not (blanks[name].translated and language in event.languages):
            mistakes.append(_untranslatable(event, blanks[name], language))
        elif visible(words):
            try:
                values[key] = blanks[name].read(words)
            except ValueError as error:
                mistakes.append(_("%(blank)s %(error)s.", blank=called(blanks[name], language, on_page), error=error))
    for name, blank in blanks.items():
        if not visible(given.get(name, "")):
            if blank.default:
                values[name] = blank.default
            elif phase in blank.required or any(key.startswith(f"{name}.") for key in values):
                mistakes.append(_missing(blank, on_page))
    if mistakes:
        raise Invalid(
            _("The blanks of %(event)s %(phase)s have mistakes.", event=event.name, phase=phase),
            hint=_("All blanks, with examples: %(blanks)s.", blanks=examples(event, phase)),
            details=mistakes,
        )
    return Filled(event.name, phase, values)


def typed(event: Event, phase: str, values: Mapping[str, str]) -> tuple[Typed, ...]:
    """Return the words of the blanks that were typed as they stand in the messages: free text and links."""
    given: dict[str, dict[str, str]] = {}
    for key, words in values.items():
        name, _dot, language = key.partition(".")
        given.setdefault(name, {})[language] = words
    return tuple(
        Typed(blank.name, translated(blank.label), given[blank.name])
        for blank in event.blanks(phase)
        if blank.name in given and (blank.translated or blank.type == "url")
    )


def called(blank: Blank, language: str = "", on_page: str = "") -> str:
    """Return what to call a blank: on a page, where nobody knows its name, by its label. `on_page`: the city's first
    language, in which free text is that has no other one."""
    if not on_page:
        return f"'{blank.name}{language and '.' + language}'"
    return f"“{translated(blank.label)}”{_in_language(blank, language or on_page)}"


def _in_language(blank: Blank, language: str) -> str:
    return f" ({translation.language_name(language)})" if blank.translated else ""


def unusable(blank: str, given: str, error: ValueError) -> str:
    """Return what is wrong with a value, of a blank as `called` calls it."""
    return _("%(blank)s cannot be used: %(given)s %(error)s.", blank=blank, given=given, error=error)


def examples(event: Event, phase: str) -> str:
    """List the blanks of a phase in the syntax of a shell, needed ones first: `hazard=wind|flood [needed]`."""
    blanks = sorted(event.asked(phase), key=lambda blank: phase not in blank.required)
    return ", ".join(f"{_example(blank)}{' [needed]' if phase in blank.required else ''}" for blank in blanks)


def _missing(blank: Blank, on_page: str) -> str:
    label = translated(blank.label)
    if not on_page:
        return _(
            "'%(name)s' is missing: %(label)s. Example: %(example)s.",
            name=blank.name,
            label=label,
            example=_example(blank),
        )
    if blank.choices:
        return _("Choose: %(label)s.", label=label)
    label += _in_language(blank, on_page)
    return _("Fill in: %(label)s.", label=label)


def _example(blank: Blank) -> str:
    value = "|".join(blank.choices) or blank.example
    return f'{blank.name}="{value}"' if " " in value else f"{blank.name}={value}"


def _unknown(event: Event, phase: str, name: str) -> str:
    names = [blank.name for blank in event.blanks(phase)]
    if near := get_close_matches(name, names, n=1):
        return f"There is no blank '{name}'. Did you mean '{near[0]}'?"
    if any(blank.name == name for blank in event.declared):
        return f"'{name}' does not belong to the phase {phase}."
    return f"There is no blank '{name}'. Blanks: {', '.join(names)}."


def _untranslatable(event: Event, blank: Blank, language: str) -> str:
    if blank.translated:
        return f"'{blank.name}.{language}' is not in a language of {event.name}: {', '.join(event.languages)}."
    return f"'{blank.name}' is the same in every language: give it without '.{language}'."

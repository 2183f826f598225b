"""Say things in the reader's language: English, or what the catalogue of the language has for the English sentence.

    _("There is no zone %(name)s.", name=name)
    ngettext("%(n)s resident", "%(n)s residents", n)

A message is the English sentence itself, with named placeholders; `%%` is a per cent sign. It is translated where it
is made: within a request to the console in the language of its reader, everywhere else (REST, workers, the command
line) in English. `make catalogue` collects the messages into `templates/locale/LANGUAGE/LC_MESSAGES/tocsin.po`, which
is compiled in memory. Babel is imported for another language only: a command speaks English and need not wait for it.
"""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from templates import LOCALE

if TYPE_CHECKING:
    from babel import Locale

LOCALES = {"en": "en_US", "es": "es_US"}  # the languages, and whose numbers and dates each one has

_reader: ContextVar[str] = ContextVar("language of the reader", default="en")


def language() -> str:
    """Return the reader's language, one of LOCALES."""
    return _reader.get()


def locale() -> "Locale":
    """Return the reader's locale, for Babel."""
    return _locale(language())


def language_name(code: str) -> str:
    """Return what the reader calls a language, as a word of its own."""
    name = str(locale().languages.get(code, code))
    return name[:1].upper() + name[1:]


def for_reader(by_language: Mapping[str, str], otherwise: str) -> str:
    """Return the one of these words that is in the reader's language."""
    return by_language.get(language()) or otherwise


def spoken(wished: str) -> str:
    """Return the language, or the city's first one that there are words in: a resident's may have come with an import,
    or from a time when the city had more of them."""
    if wished in LOCALES:
        return wished
    from notify.core.settings import settings  # only here: a command that speaks English need not read them

    return next((language for language in settings().languages if language in LOCALES), "en")


@contextmanager
def speaking(chosen: str) -> Iterator[None]:
    """Speak this language, as `spoken` has it, until the end of the block."""
    before = _reader.set(spoken(chosen))
    try:
        yield
    finally:
        _reader.reset(before)


def speak(chosen: str) -> None:
    """Speak this language until the end of the block of `speaking` around it."""
    _reader.set(spoken(chosen))


def gettext(message: str, **values: Any) -> str:
    """Return the message in the reader's language, with the values in the places that it names."""
    return translated(message) % values


def ngettext(one: str, more: str, n: int, **values: Any) -> str:
    """Do the same with the message for this number, which is `%(n)s`."""
    return translated_number(one, more, n) % values


def gettext_noop(message: str) -> str:
    """Return the message as it is: it is collected here, and translated elsewhere by `gettext`. For tables."""
    return message


def ngettext_noop(one: str, more: str) -> tuple[str, str]:
    """Do the same with the two forms of a message, for `ngettext`."""
    return one, more


def translated(message: str) -> str:
    """Return the message with its placeholders. For Jinja, which puts the values in and escapes them."""
    return _catalogue(language()).gettext(message)


def translated_number(one: str, more: str, n: int) -> str:
    """Do the same with the message for this number."""
    return _catalogue(language()).ngettext(one, more, n).replace("%(n)s", number(n))


def number(value: int) -> str:
    """Return the number as the reader writes it: `12,000`."""
    return _written(value, language())


@lru_cache(maxsize=10_000)
def _written(value: int, chosen: str) -> str:
    if chosen == "en":
        return f"{value:,}"
    from babel.numbers import format_decimal

    return format_decimal(value, locale=_locale(chosen))


@cache
def _locale(chosen: str) -> "Locale":
    from babel import Locale

    return Locale.parse(LOCALES[chosen])


def catalogue_of(chosen: str) -> Path:
    return LOCALE / chosen / "LC_MESSAGES" / "tocsin.po"


@cache
def _catalogue(chosen: str) -> NullTranslations:
    if chosen == "en":
        return NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with catalogue_of(chosen).open("rb") as file:
        write_mo(compiled, read_po(file, locale=chosen))
    compiled.seek(0)
    return GNUTranslations(compiled)

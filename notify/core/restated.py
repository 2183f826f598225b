"""Say in the reader's language what is stored in English, or comes from a package that knows no other.

A sentence is recognised by its form: the English message with a placeholder for each value. Values that are messages
themselves are translated, too. What has no form stays in English.
"""

import re
from collections.abc import Callable, Iterator
from functools import cached_property

from notify.core import translation
from notify.core.translation import gettext


class Sentences:
    """Messages that may turn up, the more special ones first. `%(name)s` matches anything.

    `otherwise` returns a text that is none of them in the reader's language; by default as it is.
    """

    def __init__(self, *messages: str, otherwise: Callable[[str], str] = str) -> None:
        self.messages, self._otherwise = messages, otherwise

    def said(self, text: str) -> str:
        """Return a sentence in the reader's language, after the name of a file or a zone, if it begins with one."""
        if translation.language() == "en":
            return text
        for called, rest in _beginnings(text):
            if (known := self._known(rest)) is not None:
                return f"{self._known(called) or called}: {known}" if called else known
        return self._otherwise(text)

    def _known(self, text: str) -> str | None:
        for message, pattern in self._patterns:
            if found := pattern.fullmatch(text):
                return gettext(message, **{name: self.said(value) for name, value in found.groupdict().items()})
        return None

    @cached_property
    def _patterns(self) -> tuple[tuple[str, re.Pattern[str]], ...]:
        return tuple((message, _pattern(message)) for message in self.messages)


def _beginnings(text: str) -> Iterator[tuple[str, str]]:
    """Yield the whole text, then what follows each colon with what is before it."""
    yield "", text
    for colon in re.finditer(": ", text):
        yield text[: colon.start()], text[colon.end() :]


def _pattern(message: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+?)", re.escape(message)).replace("%%", "%"), re.DOTALL)

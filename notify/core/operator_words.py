"""What operators are told by text and email: `templates/operators/`."""

from collections.abc import Mapping

from notify.core.texts import worded
from templates import OPERATORS


def of(kind: str, language: str = "") -> Mapping[str, str]:
    """Return the subject and text of a kind of message in a language, by default the reader's, with names in braces for
    what differs."""
    words: Mapping[str, str] = worded(OPERATORS, language)[kind]
    return words

"""Pydantic's validation errors, reworded for people, in the reader's language."""

import re
from difflib import get_close_matches

from notify.core.translation import gettext, gettext_noop

_REWORDED = (
    (r"Field required", gettext_noop("give a value")),
    (r"Input should be a valid integer.*", gettext_noop("give a whole number")),
    (r"Input should be a (?:valid|finite) number.*", gettext_noop("give a number")),
    (r"Input should be a valid boolean.*", gettext_noop("give true or false")),
    (r"Input should be greater than or equal to (?P<limit>\S+)", gettext_noop("give %(limit)s or more")),
    (r"Input should be less than or equal to (?P<limit>\S+)", gettext_noop("give %(limit)s or less")),
    (r"Input should be greater than (?P<limit>\S+)", gettext_noop("give more than %(limit)s")),
    (r"Input should be less than (?P<limit>\S+)", gettext_noop("give less than %(limit)s")),
    (r"String should have at most (?P<limit>\d+) characters?", gettext_noop("give at most %(limit)s characters")),
    (r"String should have at least (?P<limit>\d+) characters?", gettext_noop("give at least %(limit)s characters")),
)
_CHOICE = re.compile(r"'([^']*)' is not one of ((?:'[^']*'(?:, )?)+)")


def reworded(message: str) -> str:
    """Return the message reworded. A wrong choice is followed by the one that was probably meant."""
    message = message.replace("Value error, ", "")
    for raw, words in _REWORDED:
        if found := re.search(raw, message):
            message = message[: found.start()] + gettext(words, **found.groupdict()) + message[found.end() :]
    if choice := _CHOICE.search(message):
        near = get_close_matches(choice[1].lower(), re.findall(r"'([^']*)'", choice[2]), n=1)
        message = f"{message.removesuffix('.')}. Did you mean {near[0]}?" if near else message
    return message

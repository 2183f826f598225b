"""Pydantic's validation errors, reworded for people."""

import re
from difflib import get_close_matches

_REWORDED = (
    (r"Value error, ", ""),
    (r"Input should be a valid integer.*", "give a whole number"),
    (r"Input should be a (?:valid|finite) number.*", "give a number"),
    (r"Input should be a valid boolean.*", "give true or false"),
    (r"Input should be greater than or equal to (\S+)", r"give \1 or more"),
    (r"Input should be less than or equal to (\S+)", r"give \1 or less"),
    (r"Input should be greater than (\S+)", r"give more than \1"),
    (r"Input should be less than (\S+)", r"give less than \1"),
)
_CHOICE = re.compile(r"'([^']*)' is not one of ((?:'[^']*'(?:, )?)+)")


def reworded(message: str) -> str:
    """Return the message reworded. A wrong choice is followed by the one that was probably meant."""
    for raw, words in _REWORDED:
        message = re.sub(raw, words, message)
    if choice := _CHOICE.search(message):
        near = get_close_matches(choice[1].lower(), re.findall(r"'([^']*)'", choice[2]), n=1)
        message = f"{message.removesuffix('.')}. Did you mean {near[0]}?" if near else message
    return message

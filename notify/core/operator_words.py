"""What operators are told by text and email: `templates/operators/`."""

import tomllib
from collections.abc import Mapping
from functools import cache

from templates import OPERATORS


def of(kind: str) -> Mapping[str, str]:
    """Return the subject and text of a kind of message, with names in braces for what differs."""
    return _words()[kind]


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((OPERATORS / "en.toml").read_text(encoding="utf-8"))

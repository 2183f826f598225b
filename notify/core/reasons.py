"""The reasons why a message did not arrive, as sentences for people."""

import tomllib
from functools import cache

from templates import REASONS


@cache
def sentences() -> dict[str, str]:
    """`templates/reasons/en.toml`: reason -> sentence. Reasons are ours, or codes of the providers."""
    return tomllib.loads((REASONS / "en.toml").read_text(encoding="utf-8"))


def sentence(reason: str) -> str:
    """The sentence of a reason, such as "30003: the phone is switched off or out of reach".

    A provider's code is put before its sentence; a reason of ours is not. An unknown reason is returned with spaces.
    """
    said = sentences().get(reason)
    if said is None:
        return reason.replace("-", " ").replace("_", " ")
    return f"{reason}: {said}" if reason[:1].isdigit() else said


@cache
def lifting() -> dict[str, dict[str, str]]:
    """`templates/reasons/lifting.toml`: channel -> reason of a suppression -> what lifts it."""
    return tomllib.loads((REASONS / "lifting.toml").read_text(encoding="utf-8"))

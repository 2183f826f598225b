"""Findings of a check of the installation."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    GREEN = "green"
    YELLOW = "yellow"  # it works, and somebody should know
    RED = "red"  # messages or replies would be lost


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject` is what was checked, `said` the result, `todo` what to do if it is not green.

    Findings hold no addresses of residents and no secrets.
    """

    subject: str
    state: State
    said: str
    todo: str = ""
    took_s: float | None = None


def green(subject: str, said: str, took_s: float | None = None) -> Finding:
    return Finding(subject, State.GREEN, said, took_s=took_s)


def yellow(subject: str, said: str, todo: str) -> Finding:
    return Finding(subject, State.YELLOW, said, todo)


def red(subject: str, said: str, todo: str, took_s: float | None = None) -> Finding:
    return Finding(subject, State.RED, said, todo, took_s)


def readable(subject: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """Yield the findings of a check; a red one if the provider's answer does not have the documented shape."""
    try:
        yield from findings
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        yield red(
            subject,
            f"The answer cannot be read ({type(error).__name__}).",
            "Something else may answer in the provider's place: check its base URL and the proxy, then try again.",
        )

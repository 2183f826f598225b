"""Counts of residents as they are told: numbers so small that they would point at homes are not."""

from collections.abc import Mapping
from typing import Any, Literal

from api.auth import Caller
from notify.accounts import operators

FEWEST = 10
FEW: Literal["fewer than 10"] = "fewer than 10"
Tally = int | Literal["fewer than 10"]

# Who writes, approves or launches has to know exactly whom an alert reaches.
EXACT = ("draft", "count", "approve", "launch")
# The fields of alerts' reports, plans and previews below which every number is a count of residents or messages.
COUNTS = frozenset(
    {
        "ahead", "audience", "by_channel", "channels_by_state", "count", "deliveries", "languages", "messages",
        "no_contact", "out", "reasons", "residents", "skipped", "total", "usual", "waiting",
    }
)  # fmt: skip


def told(number: int) -> Tally:
    """Of an area that the caller has drawn. None at all is few, too: else a rectangle that is halved again and again
    finds a home."""
    return number if number >= FEWEST else FEW


def all_told(numbers: Mapping[str, int]) -> dict[str, Tally]:
    return {name: told(number) for name, number in numbers.items()}


def for_caller(document: Any, caller: Caller) -> Any:
    """What is told of an alert, whose area others have chosen: exactly to who may write or launch one.

    To all others without small numbers; none at all stays 0, since whoever waits for an alert's end looks for that.
    """
    by = caller.operator
    if by is not None and any(operators.may(by, act) for act in EXACT):
        return document
    return _coarse(document, counts=False)


def _coarse(value: Any, *, counts: bool) -> Any:
    match value:
        case dict():
            return {name: _coarse(one, counts=counts or name in COUNTS) for name, one in value.items()}
        case list():
            return [_coarse(one, counts=counts) for one in value]
        case int() if counts and not isinstance(value, bool) and 0 < value < FEWEST:
            return FEW
    return value

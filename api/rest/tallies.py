"""Hide small counts of residents, which could reveal homes."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from api.auth import Caller
from notify.audience import Audience
from notify.channels.channel import CHANNELS
from notify.core.settings import settings
from notify.core.small_numbers import FEWEST, rounded

FEW: Literal["fewer than 10"] = "fewer than 10"
Tally = int | Literal["fewer than 10"]

# Operators with one of these permissions must know exactly whom an alert reaches.
EXACT = ("draft", "count", "approve", "launch")
# The fields of alerts' reports, plans and previews in which every number is a count of residents or messages.
COUNTS = frozenset(
    {
        "ahead", "audience", "by_channel", "channels_by_state", "count", "deliveries", "joined_later", "languages",
        "messages",
        "no_contact", "nothing", "out", "reasons", "residents", "skipped", "total", "usual", "waiting",
    }
)  # fmt: skip


def exactly(number: int) -> Tally:
    """Return a count in an area that the caller has drawn, who has to know it. 0 is hidden too; otherwise halving a
    rectangle repeatedly would find a home."""
    return number if number >= FEWEST else FEW


def told(number: int) -> Tally:
    """Do the same in tens, for a count beside others with which it adds up."""
    return rounded(number) if number >= FEWEST else FEW


def parts_told(numbers: Mapping[str, int]) -> dict[str, Tally]:
    """Do the same for the parts of a sum: exactly, but in tens if one of them is hidden."""
    shown = _shown(numbers)
    return {name: shown(number) for name, number in numbers.items()}


def sum_told(numbers: Mapping[str, int]) -> Tally:
    """Do the same for their sum."""
    return _shown(numbers)(sum(numbers.values()))


def _shown(numbers: Mapping[str, int]) -> Callable[[int], Tally]:
    return exactly if all(number >= FEWEST for number in numbers.values()) else told


def by_language(counted: Audience, channel: str) -> dict[str, int]:
    """Return how many a channel would reach in each language. The city's own timelines are in none."""
    every = {} if CHANNELS[channel].address.timeline else dict.fromkeys(settings().languages, 0)
    return every | dict(counted.languages.get(channel, {}))


def many_told(numbers: Mapping[str, int]) -> dict[str, int]:
    """The counts of at least ten, in tens. That a smaller one is named at all would reveal that it is not 0."""
    return {name: rounded(number) for name, number in numbers.items() if number >= FEWEST}


def shown_to(caller: Caller) -> dict[str, Any]:
    """What a page needs to hide numbers from a caller as `for_caller` does."""
    return {"exact": caller.may(*EXACT), "fewest": FEWEST}


def seen(number: int) -> Tally:
    """Return a count in an area that somebody else has chosen: 0 is shown, a small number is not."""
    return told(number) if number else number


def for_caller(document: Any, caller: Caller) -> Any:
    """Return an alert's document, in full to a caller who may write or launch alerts.

    For all others numbers are rounded, and small ones are hidden, except 0: programs that wait for an alert's end look
    for it, and the area was chosen by somebody else.
    """
    if caller.may(*EXACT):
        return document
    return _coarse(document, counts=False)


def _coarse(value: Any, *, counts: bool) -> Any:
    match value:
        case dict():
            return {name: _coarse(one, counts=counts or name in COUNTS) for name, one in value.items()}
        case list():
            return [_coarse(one, counts=counts) for one in value]
        case int() if counts and not isinstance(value, bool):
            return seen(value)
    return value

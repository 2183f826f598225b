"""The streams of waste that are collected, with their words."""

from collections.abc import Mapping
from dataclasses import dataclass

from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop


@dataclass(frozen=True, slots=True)
class Stream:
    """`name`: for people; `within`: the same in the middle of a sentence; `also`: other names in files."""

    name: str
    within: str
    also: tuple[str, ...] = ()


STREAMS: Mapping[str, Stream] = {
    "trash": Stream(gettext_noop("Trash"), gettext_noop("trash"), ("garbage", "refuse", "rubbish", "waste")),
    "recycling": Stream(gettext_noop("Recycling"), gettext_noop("recycling"), ("recycle", "recyclables")),
    "yard": Stream(gettext_noop("Yard waste"), gettext_noop("yard waste"), ("yard waste", "yardwaste", "leaves")),
    "bulky": Stream(gettext_noop("Bulky items"), gettext_noop("bulky items"), ("bulk", "large items", "bulky items")),
    "organics": Stream(gettext_noop("Food and organic waste"), gettext_noop("food and organic waste"),
                       ("organic", "compost", "green bin", "food")),
}  # fmt: skip


def name(stream: str) -> str:
    return _(STREAMS[stream].name)


def within(stream: str) -> str:
    """Return the name of a stream as it stands in the middle of a sentence."""
    return _(STREAMS[stream].within)

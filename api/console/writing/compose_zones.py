"""The zones on the page of a working draft: those of one kind at a time, because zones of different kinds overlap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from notify.city.zones import KINDS, KeptZone

ALL_KINDS = "all"


@dataclass(frozen=True, slots=True)
class ZoneChoice:
    """`of_kinds`: all current zones. `chosen`: the numbers of those that the draft adds or leaves out. `find`: words of
    the filter. `asked_kind`: the kind to show, if it was asked for. `topic`: of the draft's event."""

    of_kinds: Sequence[tuple[str, Sequence[KeptZone]]]
    chosen: frozenset[int]
    topic: str
    find: str = ""
    asked_kind: str = ""

    @classmethod
    def of(
        cls, zones: Sequence[KeptZone], fields: Mapping[str, Any], topic: str, find: str = "", asked_kind: str = ""
    ) -> Self:
        """`fields`: of the working draft."""
        chosen = frozenset(zone_of(name) for name, there in fields.items() if there["value"])
        groups = [(kind, [one for one in zones if one.zone.kind == kind]) for kind in KINDS]
        return cls(groups, chosen, topic, find, asked_kind)

    @property
    def on_page(self) -> list[KeptZone]:
        return [one for _, zones in self.of_kinds for one in zones if self.matches(one)]

    def matches(self, one: KeptZone) -> bool:
        """Whether a zone is on the page: it has the words of the filter in its name, or it is chosen."""
        return self.is_chosen(one) or self.find.casefold() in one.zone.name.casefold()

    def is_chosen(self, one: KeptZone) -> bool:
        return one.zone.id in self.chosen

    def is_listed(self, one: KeptZone) -> bool:
        """Whether a zone on the page is shown: it is of the kind that is shown, or it is chosen."""
        return self.kind in (ALL_KINDS, one.zone.kind) or self.is_chosen(one)

    def any_listed(self, zones: Sequence[KeptZone]) -> bool:
        return any(self.matches(one) and self.is_listed(one) for one in zones)

    @property
    def kinds(self) -> list[str]:
        """The kinds of zones that the city has."""
        return [kind for kind, zones in self.of_kinds if zones]

    @property
    def kind(self) -> str:
        """The kind that is shown: the one asked for, else that of the chosen zones, else the one named like the event's
        topic, else the first."""
        if self.asked_kind in (ALL_KINDS, *self.kinds):
            return self.asked_kind
        chosen = [kind for kind, zones in self.of_kinds if any(self.is_chosen(one) for one in zones)]
        of_topic = [kind for kind in self.kinds if kind == self.topic]
        return next(iter(chosen + of_topic + self.kinds), ALL_KINDS)


def zone_of(field: str) -> int:
    """Return the number of the zone that a field of the form adds or leaves out; 0 for another field."""
    start, _, number = field.partition(".")
    return int(number) if start in {"zone", "but"} else 0

"""The words of a notice as blanks of the event `collection-notice`: the general ones, and those of each group of zones.

Pure: no database, no clock.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from notify.core import translation
from notify.core.translation import gettext as _
from notify.service311 import zone_order
from notify.service311.edition_schedules import House
from notify.service311.notices import words
from notify.service311.notices.causes import is_ours
from notify.service311.notices.parts import Part
from notify.service311.outputs.words import reason
from notify.service311.rules import State

Say: TypeAlias = Callable[[], str]  # in the reader's language

LONGEST_BRIEF = 120  # characters of the blank, which is a line
NAMED = 2  # zones that words name; a text message has no room for more


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told. `because`: a message of the catalogue, or a name as the city has it. `names`: of zones, by id.
    `languages`: in which it is written, the city's first one first. `houses`: those with days of their own, who do not
    read the words of their zone; `unsure`: those of them whose days are not known, who read the general words."""

    because: str
    parts: tuple[Part, ...]
    names: Mapping[int, str]
    languages: tuple[str, ...]
    houses: frozenset[House] = frozenset()
    unsure: frozenset[House] = frozenset()

    def general(self) -> dict[str, str]:
        """Return the blanks of the words for readers whose zone is not known, and for the public."""
        return self._blanks(
            lambda: self._when(self.parts),
            lambda: " ".join([self._when(self.parts), _("Look up yours on the collection page.")]),
            lambda: [f"{self.called(part)}: {' '.join(words.sentences(part))}" for part in self.parts],
            list,
        )

    def of(self, numbers: Iterable[int]) -> dict[str, str]:
        """Return the blanks for those with places in just these parts, numbered from 1. Of several, each is named."""
        parts = self._numbered(numbers)

        def lines() -> list[str]:
            if len(parts) == 1:
                return words.sentences(parts[0])
            return [f"{self.called(part)}: {' '.join(words.sentences(part))}" for part in parts]

        def to_do() -> list[str]:
            return words.to_do(parts[0]) if len(parts) == 1 else []

        def brief() -> str:
            whole = " ".join(lines())  # a subject that named the first change alone would hide the others
            return whole if len(whole) <= LONGEST_BRIEF else self._when(parts)

        return self._blanks(brief, lambda: " ".join(lines()), lines, to_do)

    def area(self, numbers: Iterable[int]) -> dict[str, str]:
        """Return how the words for these parts call their zones, by language."""
        parts = self._numbered(numbers)
        return self._by_language(lambda: self._called(parts))

    @property
    def untranslated(self) -> tuple[str, ...]:
        """The languages whose readers get the reason as somebody typed it, in another one."""
        return () if is_ours(self.because) else self.languages[1:]

    @property
    def first_day(self) -> date:
        """The first day that changes; there is one only with parts."""
        return _first_day(self.parts)

    @property
    def remind_days(self) -> tuple[date, ...]:
        """The days of which readers are reminded the evening before: those on which something is collected in place of
        another day, and the usual ones of what is not collected."""
        moves = [move for part in self.parts for move in part.moves if move.state is not State.ON_SCHEDULE]
        return tuple(sorted({move.effective or move.nominal for move in moves}))

    def _when(self, parts: Sequence[Part]) -> str:
        moves = [move for part in parts for move in part.moves]
        first, last = _first_day(parts), max(part.last_change for part in parts)
        if all(move.state in (State.SUSPENDED, State.TO_BE_ANNOUNCED) for move in moves):
            return self._called_off(first, max(move.nominal for move in moves))
        if first == last:
            return _("Collection days change on %(day)s.", day=words.day(first))
        return _("Collection days between %(first)s and %(last)s change.", first=words.day(first), last=words.day(last))

    def _called_off(self, first: date, last: date) -> str:
        if first == last:
            return _("No collection on %(day)s.", day=words.day(first))
        return _("No collection between %(first)s and %(last)s.", first=words.day(first), last=words.day(last))

    def called(self, part: Part) -> str:
        """Return what a part is called, in the reader's language."""
        return self._called([part])

    def _numbered(self, numbers: Iterable[int]) -> list[Part]:
        return [self.parts[number - 1] for number in sorted(numbers)]

    def _called(self, parts: Sequence[Part]) -> str:
        zones = [zone for part in parts for zone in part.zones]
        named = sorted((self.names[zone] for zone in zones), key=zone_order.place)
        if len(zones) > NAMED:
            named = [_("%(count)s zones", count=translation.number(len(zones)))]
        if any(part.houses for part in parts):
            named.append(_("addresses with days of their own"))
        return words.listed(named)

    def _blanks(
        self, brief: Say, moves: Say, lines: Callable[[], list[str]], to_do: Callable[[], list[str]]
    ) -> dict[str, str]:
        found: dict[str, str] = {}
        of: dict[str, Say] = {
            "because": lambda: reason(self.because),
            "brief": brief,
            "moves": moves,
            "listing": lambda: "\n".join(f"- {line}" for line in lines()),
            "to_do": lambda: "\n".join(f"- {line}" for line in to_do()),
        }
        for name, say in of.items():
            for language, said in self._by_language(say).items():
                if said:
                    found[name if language == self.languages[0] else f"{name}.{language}"] = said
        return found

    def _by_language(self, say: Say) -> dict[str, str]:
        found = {}
        for language in self.languages:
            with translation.speaking(language):
                found[language] = say()
        return found


def _first_day(parts: Sequence[Part]) -> date:
    return min(part.moves[0].nominal for part in parts)

"""Find the places that a text may mean: ranked, each with its kind, and whether the first one is certain.

A wrong place sends somebody's alerts to another home. So a match is never certain when another place is about as
likely, when its direction or city differs from the text, or when the text is spelt more like the name of a street that
does not have this number.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from notify.city.geocoder.crossing import meetings, middles
from notify.city.geocoder.memory import Gazetteer, gazetteer
from notify.city.geocoder.numbers import OTHER_LETTER, SAME_BLOCK_M, SAME_HOUSE_M, House, Numbers, houses
from notify.city.geocoder.towns import Towns
from notify.core.translation import gettext_noop
from zones.addresses.index import Candidate
from zones.addresses.ranges import Point, metres
from zones.addresses.readings import Reading, crossing, readings
from zones.addresses.words import readable

Kind = Literal["point", "range", "street", "intersection", "landmark"]

MOST = 5  # matches returned
SURE = 0.70  # the lowest score of a match that may be certain
EXACT = 1.0  # everything matches the text: only another exact match is as likely
MARGIN = 0.055  # the next match must score lower by this much
GOOD = 0.88  # a correctly spelt name with this score makes a search for similar names unnecessary
NOT_THERE = 0.30  # deducted when the street does not have the number
STREETS_SHOWN = 3
WORTH_TELLING = 0.40
LONGEST = 200  # characters of a text

NOT_FOUND = gettext_noop("Nothing was found. Check the spelling.")
AMBIGUOUS = gettext_noop("Several places fit about equally well. Choose one, or write the address in full.")
UNSURE = gettext_noop("Only something similar was found. Check it.")
NO_SUCH_NUMBER = gettext_noop("The street does not have that number. Check the number.")
A_STREET = gettext_noop("That is a street. Add a house number or a cross street.")


@dataclass(frozen=True, slots=True)
class Match:
    """A place. `score`: 0 to 1, how well it fits the text. `by`: `city`, or the name of the outside geocoder."""

    label: str
    kind: Kind
    lon: float
    lat: float
    score: float
    street: str = ""
    number: str = ""
    by: str = "city"


@dataclass(frozen=True, slots=True)
class Found:
    """`matches`, best first. `certain`: the first one needs no confirmation. `message` says what to do."""

    matches: tuple[Match, ...]
    ambiguous: bool
    certain: bool
    message: str


def find(s: Session, text: str) -> Found:
    """Find a text among the city's own streets, addresses and landmarks."""
    text = text[:LONGEST]
    return _find(s, gazetteer(s), Numbers(s), text, readings(text))


def find_many(s: Session, texts: Sequence[str]) -> list[Found]:
    """Do the same for many texts, such as the rows of a file: the houses of those that are spelt as they are stored are
    read in one statement."""
    known, numbers = gazetteer(s), Numbers(s)
    read = [(text[:LONGEST], readings(text[:LONGEST])) for text in texts]
    numbers.read_ahead(
        (candidate.street, candidate.reading.number.number)
        for _, each in read
        for candidate in known.streets.spelt([one for one in each if one.number])
        if candidate.reading.number is not None
    )
    return [_find(s, known, numbers, text, each) for text, each in read]


def _find(s: Session, known: Gazetteer, numbers: Numbers, text: str, read: Sequence[Reading]) -> Found:
    numbered = [reading for reading in read if reading.number]
    matches, certain = _numbered(s, known, numbers, numbered) if numbered else ([], True)
    if not matches or not certain:
        others = _unnumbered(s, known, text, [reading for reading in read if not reading.number])
        matches = sorted([*matches, *others], key=lambda match: -match.score)
    return judged(matches, certain, numbered=bool(numbered))


def locate(s: Session, text: str) -> Point | None:
    """Return the place of an address if it is certain."""
    found = find(s, text)
    return (found.matches[0].lon, found.matches[0].lat) if found.certain else None


def streets_called(s: Session, name: str) -> list[str]:
    """Return the stored streets, in capitals, whose names differ from this one in abbreviations only."""
    return gazetteer(s).streets.same(name)


def judged(matches: Sequence[Match], certain: bool = True, *, numbered: bool) -> Found:
    """Judge matches, best first. `certain` is false when something besides the scores speaks against the first match.
    `numbered`: the text has a house number."""
    if not matches:
        return Found((), False, False, NOT_FOUND)
    first, rivals = matches[0], matches[1:]
    least = EXACT if first.score >= EXACT else first.score - MARGIN + 1e-9
    ambiguous = any(other.score >= least and _elsewhere(first, other) for other in rivals)
    certain = certain and not ambiguous and first.score >= SURE and first.kind in {"point", "range"}
    whole = first.score >= (1.0 if first.kind == "landmark" else GOOD) and first.kind in {"intersection", "landmark"}
    if first.kind == "street" and first.score >= (SURE - NOT_THERE if numbered else GOOD):
        message = NO_SUCH_NUMBER if numbered else A_STREET
    else:
        message = AMBIGUOUS if ambiguous else "" if certain or whole else UNSURE
    return Found(tuple(matches[:MOST]), ambiguous, certain, message)


def _elsewhere(match: Match, other: Match) -> bool:
    if match.street != other.street:
        return True
    near = SAME_HOUSE_M if match.kind == other.kind else SAME_BLOCK_M
    return metres((match.lon, match.lat), (other.lon, other.lat)) > near


def _numbered(s: Session, known: Gazetteer, numbers: Numbers, read: Sequence[Reading]) -> tuple[list[Match], bool]:
    """Return houses, and streets that do not have the number; and whether the first may be certain."""
    candidates = known.streets.spelt(read)
    matches, best = _with_houses(numbers, candidates, known)
    if not matches or matches[0].score < GOOD:
        candidates = known.streets.near(read)
        matches, best = _with_houses(numbers, candidates, known)
    if best is None:
        return _streets(s, candidates, NOT_THERE), False
    spelt_better = any(
        one.spelt and one.street != best.street and one.score > best.score + MARGIN for one in candidates
    )
    if spelt_better:
        matches = sorted([*matches, *_streets(s, candidates[:1], NOT_THERE)], key=lambda match: -match.score)
    return matches, not spelt_better and not _has_stray_number(best.reading)


def _has_stray_number(reading: Reading) -> bool:
    """Return whether a bare number follows the street: an apartment, or part of the street or of another number."""
    return any(word.isdecimal() for word in (*reading.tail, *reading.behind_comma))


def _with_houses(
    numbers: Numbers, candidates: Sequence[Candidate], known: Gazetteer
) -> tuple[list[Match], Candidate | None]:
    """Return the houses, best first, and the street of the best one."""
    found: list[tuple[Match, Candidate]] = []
    by_number: dict[tuple[object, str], list[Candidate]] = {}
    for candidate in candidates:
        by_number.setdefault((candidate.reading.number, candidate.reading.unit), []).append(candidate)
    for group in by_number.values():
        by_street = {candidate.street: candidate for candidate in group}
        number = group[0].reading.number
        assert number is not None  # noqa: S101  the candidates all have a number
        for house in houses(numbers, list(by_street), number, group[0].reading.unit, known.hyphened):
            candidate = by_street[house.street]
            found.append((_match(house, candidate, known.towns), candidate))
    found = _distinct(sorted(found, key=lambda one: (-one[0].score, one[0].kind, one[0].label)))
    return [match for match, _ in found], found[0][1] if found else None


def _match(house: House, candidate: Candidate, towns: Towns) -> Match:
    reading = candidate.reading
    elsewhere = towns.cost((*reading.tail, *reading.behind_comma), reading.zip, house.city, house.zip)
    letter = _LETTER.search(house.number)
    other = OTHER_LETTER if letter and reading.stray and letter[1] != reading.stray else 0.0
    score = round(candidate.score - max(house.less, other) - elsewhere, 3)
    return Match(house.label, house.kind, house.lon, house.lat, score, candidate.name.key, house.number)


_LETTER = re.compile(r"\d([A-Z])$")


def _distinct(found: list[tuple[Match, Candidate]]) -> list[tuple[Match, Candidate]]:
    """Drop matches with the same street, number and place as a better one: a street may be spelt in two ways."""
    kept: list[tuple[Match, Candidate]] = []
    for one in found:
        if all(_elsewhere(one[0], other) for other, _ in kept):
            kept.append(one)
    return kept


def _unnumbered(s: Session, known: Gazetteer, text: str, read: Sequence[Reading]) -> list[Match]:
    """Return crossings and landmarks, or else streets."""
    found: list[Match] = []
    both = crossing(text)
    if both is not None:
        first, second = ((known.streets.spelt(side) or known.streets.near(side))[:STREETS_SHOWN] for side in both)
        found += [Match(*meeting) for meeting in meetings(s, first, second)]
    for i, alike in known.landmarks.called(text, STREETS_SHOWN):
        lon, lat = known.landmarks.points[i]
        found.append(Match(known.landmarks.names[i], "landmark", lon, lat, round(alike, 3)))
    if not found and read:
        streets = known.streets.spelt(read) or known.streets.near(read)
        # Two streets that do not meet are not a place, but there is a Black and White Road.
        found = _streets(s, [one for one in streets if both is None or not one.reading.tail], 0.0)
    return found


def _streets(s: Session, candidates: Sequence[Candidate], cost: float) -> list[Match]:
    chosen = {candidate.street: candidate for candidate in candidates[:STREETS_SHOWN]}
    return [
        Match(readable(street), "street", lon, lat, round(chosen[street].score - cost, 3), chosen[street].name.key)
        for street, (lon, lat) in middles(s, list(chosen)).items()
        if chosen[street].score - cost >= WORTH_TELLING
    ]

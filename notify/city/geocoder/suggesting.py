"""Suggest houses, streets and landmarks for an address that is still being typed."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from notify.city.geocoder.crossing import middles
from notify.city.geocoder.finding import LONGEST, Match
from notify.city.geocoder.memory import Gazetteer, gazetteer
from notify.city.geocoder.numbers import Numbers, houses
from zones.addresses.readings import HouseNumber, begun, readings
from zones.addresses.words import readable

MOST = 8
LOOKED_AT = 60  # streets with this beginning that are searched for the number


def suggest(s: Session, text: str) -> tuple[Match, ...]:
    """Return suggestions, likeliest first; none for less than two characters. Scores are not comparable with `find`."""
    known, text = gazetteer(s), text[:LONGEST]
    number, rest = begun(text)
    if sum(c.isalnum() for c in text) < 2:
        return ()
    if number is not None and rest:
        return tuple(_numbered(s, known, number, rest, text)[:MOST])
    found = [] if number is not None else _places(s, known, text)
    return tuple(found[:MOST])


def _numbered(s: Session, known: Gazetteer, number: HouseNumber, rest: str, text: str) -> list[Match]:
    """Return houses with this number, or the streets if there are none."""
    streets = known.streets.beginning(rest, LOOKED_AT)
    if not streets:
        streets = [candidate.street for candidate in known.streets.near(readings(text))[:LOOKED_AT]]
    order = {street: i for i, street in enumerate(streets)}
    found = houses(Numbers(s), streets, number, "", known.hyphened)
    there = sorted(found, key=lambda house: (house.less, order[house.street]))
    if not there:
        return _streets(s, streets[:MOST])
    return [
        Match(house.label, house.kind, house.lon, house.lat, 1.0 - house.less, house.street, house.number)
        for house in there
    ]


def _places(s: Session, known: Gazetteer, text: str) -> list[Match]:
    """Return streets with this beginning, then landmarks; half of each if there are many of both."""
    streets = known.streets.beginning(text, MOST)
    landmarks = [
        Match(known.landmarks.names[i], "landmark", *known.landmarks.points[i], 1.0)
        for i in known.landmarks.beginning(text, MOST)
    ]
    if not streets and not landmarks:
        streets = [candidate.street for candidate in known.streets.near(readings(text))]
    room = max(MOST - len(landmarks), MOST // 2)
    return _streets(s, streets[:room]) + landmarks


def _streets(s: Session, streets: Sequence[str]) -> list[Match]:
    places = middles(s, list(streets)).items()
    return [Match(readable(street), "street", lon, lat, 1.0, street) for street, (lon, lat) in places]

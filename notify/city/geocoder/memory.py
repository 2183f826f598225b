"""The names of all streets and landmarks, held in memory by each process and read again after an import.

Names are few (a large city has some ten thousand) and searched in many ways. House numbers are many and stay in
PostgreSQL.
"""

import threading
from dataclasses import dataclass

from rapidfuzz import fuzz, process
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.city.geocoder.towns import Towns, towns
from notify.core.settings import settings
from zones.addresses.index import StreetIndex
from zones.addresses.streets import words_of

NEAR_LANDMARK = 86.0  # of 100: the least similarity of two names
Box = tuple[float, float, float, float]  # west, south, east, north


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Places by name. `keys`: the names in the form used for comparison, in the same order."""

    names: tuple[str, ...]
    points: tuple[tuple[float, float], ...]
    keys: tuple[str, ...]

    def called(self, name: str, most: int) -> list[tuple[int, float]]:
        """Return pairs (index, similarity from 0 to 1), best first."""
        key = landmark_key(name)
        if len(key) < 3:
            return []
        found = process.extract(key, self.keys, scorer=fuzz.ratio, score_cutoff=NEAR_LANDMARK, limit=most)
        return [(i, score / 100) for _, score, i in found]

    def beginning(self, name: str, most: int) -> list[int]:
        """Return the indices of landmarks with a word that begins with `name`."""
        key = landmark_key(name)
        found = [i for i, one in enumerate(self.keys) if one.startswith(key) or f" {key}" in one] if key else []
        return sorted(found, key=lambda i: (not self.keys[i].startswith(key), self.keys[i]))[:most]


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """`hyphened`: streets on which 12-34 is one number. `box`: the bounds of everything; None if there is nothing."""

    version: str
    streets: StreetIndex
    landmarks: Landmarks
    towns: Towns
    hyphened: frozenset[str]
    box: Box | None


def gazetteer(s: Session) -> Gazetteer:
    """Return what the database holds now. Each call checks the version there, which takes 0.1 ms."""
    global _kept
    newest = version(s)
    kept = _kept
    if kept is None or kept.version != newest:
        with _reading:
            if _kept is None or _kept.version != newest:
                _kept = _read(s, newest)
            kept = _kept
    return kept


def landmark_key(name: str) -> str:
    return " ".join(word for word in words_of(name) if word.isalnum())


_kept: Gazetteer | None = None
_reading = threading.Lock()


def version(s: Session) -> str:
    """Return a version that changes with every import: ids are never reused, and `xmin` identifies the transaction."""
    return str(
        s.scalar(
            text("""
        SELECT concat_ws('/', current_database(),
               (SELECT id || '.' || xmin FROM streets ORDER BY id DESC LIMIT 1),
               (SELECT id || '.' || xmin FROM address_points ORDER BY id DESC LIMIT 1),
               (SELECT id || '.' || xmin FROM landmarks ORDER BY id DESC LIMIT 1))
    """)
        )
    )


_ZIPS = "SELECT zip FROM address_points UNION SELECT left_zip FROM streets UNION SELECT right_zip FROM streets"
# Streets as in Queens, where 12-34 is one number: there the second part is not the end of a range.
_HYPHENED = """
    SELECT DISTINCT street
      FROM (SELECT street, bool_or(number_to IS NULL) AS alone, count(DISTINCT suffix) AS ends
              FROM address_points WHERE suffix ~ '^-[0-9][0-9][A-Z]?$' GROUP BY street, number) AS of_number
     WHERE alone OR ends > 1
"""


def _read(s: Session, version: str) -> Gazetteer:
    streets = s.scalars(text("SELECT upper(name) FROM streets UNION SELECT street FROM address_points ORDER BY 1"))
    cities = s.scalars(text("SELECT DISTINCT city FROM address_points WHERE city <> ''")).all()
    zips = s.scalars(text(_ZIPS))
    hyphened = s.scalars(text(_HYPHENED))
    index = StreetIndex(streets, [*cities, settings().city])
    named = s.execute(text("SELECT name, lon, lat FROM landmarks ORDER BY name, id")).all()
    landmarks = Landmarks(
        tuple(row.name for row in named),
        tuple((row.lon, row.lat) for row in named),
        tuple(landmark_key(row.name) for row in named),
    )
    box = s.execute(
        text("""
        SELECT least(a.w, b.w), least(a.s, b.s), greatest(a.e, b.e), greatest(a.n, b.n)
          FROM (SELECT min(west) AS w, min(south) AS s, max(east) AS e, max(north) AS n FROM streets) AS a,
               (SELECT min(lon) AS w, min(lat) AS s, max(lon) AS e, max(lat) AS n FROM address_points) AS b
    """)
    ).one()
    bounds = None if box[0] is None else (box[0], box[1], box[2], box[3])
    return Gazetteer(version, index, landmarks, towns(cities, zips, settings()), frozenset(hyphened), bounds)

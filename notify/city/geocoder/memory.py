"""The names of all streets and landmarks, in the memory of each process: read anew when an import changed them.

Names are few (a large city has some ten thousand) and searched in many ways; numbers are many and asked of PostgreSQL.
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

NEAR_LANDMARK = 86.0  # of 100: how alike the names must be
Box = tuple[float, float, float, float]  # west, south, east, north


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Places by name; `keys` are the names as they are compared, in the same order."""

    names: tuple[str, ...]
    points: tuple[tuple[float, float], ...]
    keys: tuple[str, ...]

    def called(self, name: str, most: int) -> list[tuple[int, float]]:
        """(place in the lists, how alike: 0 to 1), best first."""
        key = landmark_key(name)
        if len(key) < 3:
            return []
        found = process.extract(key, self.keys, scorer=fuzz.ratio, score_cutoff=NEAR_LANDMARK, limit=most)
        return [(i, score / 100) for _, score, i in found]

    def beginning(self, name: str, most: int) -> list[int]:
        """Those of which a word begins with this."""
        key = landmark_key(name)
        found = [i for i, one in enumerate(self.keys) if one.startswith(key) or f" {key}" in one] if key else []
        return sorted(found, key=lambda i: (not self.keys[i].startswith(key), self.keys[i]))[:most]


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """`hyphened`: streets on which 12-34 is one number. `box`: what all lies in; None where nothing is known."""

    version: str
    streets: StreetIndex
    landmarks: Landmarks
    towns: Towns
    hyphened: frozenset[str]
    box: Box | None


def gazetteer(s: Session) -> Gazetteer:
    """What the database holds now. Asks it for its version each time: a tenth of a millisecond."""
    global _kept
    version = _version(s)
    kept = _kept
    if kept is None or kept.version != version:
        with _reading:
            if _kept is None or _kept.version != version:
                _kept = _read(s, version)
            kept = _kept
    return kept


def landmark_key(name: str) -> str:
    return " ".join(word for word in words_of(name) if word.isalnum())


_kept: Gazetteer | None = None
_reading = threading.Lock()


def _version(s: Session) -> str:
    """Changes with every import: ids are never given again, and a row knows the transaction that it came with."""
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
# As in Queens: the second part cannot be the last number of several, or several begin with the same first one.
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

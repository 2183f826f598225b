"""Find a ZIP code or a zone of the city by its name: a place for somebody whose own address nobody finds."""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

import shapely
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from notify.city.geocoder.memory import gazetteer
from notify.core.characters import visible
from notify.core.settings import settings
from notify.models import Zone, ZoneVersion
from zones import gate
from zones.addresses.ranges import metres

Bounds = tuple[float, float, float, float]  # west, south, east, north


@dataclass(frozen=True, slots=True)
class Region:
    """`reach_m`: from its middle, about as far as it goes."""

    kind: Literal["zip", "zone"]
    name: str
    lon: float
    lat: float
    reach_m: float


LONGEST = 200  # characters of a text
ALIKE = 0.8  # the ratio of `difflib` from which a name may be a slip of the finger
_ZIP = re.compile(r"(?<!\d)(\d{5})(?:-\d{4})?(?!\d)")
# What people write beside a ZIP code or the name of a zone, `_folded`. A city's own name is added.
_BESIDE_A_ZIP = frozenset("zip code is my the in near codigo postal mi es el cp c p zona en cerca de".split())  # noqa: SIM905
_BEFORE = re.compile(
    r"^(?:(?:i|we|live|lives|living|am|im|are|near|in|at|the|to|my|is|it|its|area|neighborhood|zone|of"
    r"|yo|vivo|vivimos|cerca|estoy|en|a|mi|es|el|la|las|los|de|del|barrio|colonia|vecindario|zona)\s+)+"
)
_AFTER = re.compile(r"(?:\s+(?:neighborhood|neighbourhood|area|zone|please|pls|thanks|thank you|por favor|gracias))+$")


def region(s: Session, name: str) -> Region | None:
    """Return the ZIP code of the city's own data, or the zone, that is called so; None if there is none.

    "zip 21201" and "I live in Fells Point" name one, too; a house number of five digits does not. Of zones with one
    name the smallest counts.
    """
    wanted = _folded(name)
    zipped = _ZIP.search(_AFTER.sub("", wanted))
    if zipped is not None:
        beside = set(_ZIP.sub(" ", _AFTER.sub("", wanted)).split())
        bounds = _zips(s).get(zipped[1]) if beside <= _BESIDE_A_ZIP | set(_folded(settings().city).split()) else None
        return _of("zip", zipped[1], bounds) if bounds else None
    names = _zone_names(s)
    called = next((names[words] for words in _readings(wanted) if words in names), None)
    return _smallest(s, called) if called is not None else None


def regions_like(s: Session, name: str, most: int) -> Sequence[Region]:
    """Return the zones whose names are spelt nearly so, the likeliest first: to be offered, never to be taken."""
    names = _zone_names(s)
    alike = dict.fromkeys(
        near for words in _readings(_folded(name)) for near in get_close_matches(words, names, n=most, cutoff=ALIKE)
    )
    found = (_smallest(s, names[one]) for one in list(alike)[:most])
    return [one for one in found if one is not None]


def _folded(name: str) -> str:
    """Return words without accents, punctuation and capitals."""
    plain = unicodedata.normalize("NFKD", visible(name[:LONGEST]).casefold())
    kept = "".join(c for c in plain if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^\w\s'-]", " ", kept).replace("'", "").split())


def _readings(words: str) -> Sequence[str]:
    """Return the words as they are, and without what people write before and after the name of a zone."""
    return [words, _AFTER.sub("", words), _BEFORE.sub("", words), _AFTER.sub("", _BEFORE.sub("", words))]


def _zone_names(s: Session) -> Mapping[str, Sequence[str]]:
    """Return the names of zones by how they are `_folded`."""
    found: dict[str, list[str]] = {}
    for name in s.scalars(select(Zone.name).where(Zone.retired_at.is_(None)).distinct()):
        found.setdefault(_folded(name), []).append(name)
    found.pop("", None)
    return found


def _smallest(s: Session, names: Sequence[str]) -> Region | None:
    """Return the smallest zone of these names; None if its outline cannot be read."""
    newest = select(func.max(ZoneVersion.id)).where(ZoneVersion.zone_id == Zone.id).correlate(Zone).scalar_subquery()
    kept = s.execute(
        select(Zone.name, ZoneVersion.geometry)
        .join(ZoneVersion, ZoneVersion.id == newest)
        .where(Zone.name.in_(names), Zone.retired_at.is_(None))
        .order_by(ZoneVersion.area_m2)
        .limit(1)
    ).first()
    shapes, _ = gate.readable_from_wkb([kept.geometry] if kept is not None else [])
    if kept is None or not len(shapes):
        return None
    middle = shapely.point_on_surface(shapes[0])
    return Region("zone", kept.name, middle.x, middle.y, _across_m(shapes[0].bounds) / 2)


def _of(kind: Literal["zip", "zone"], name: str, bounds: Bounds) -> Region:
    west, south, east, north = bounds
    return Region(kind, name, (west + east) / 2, (south + north) / 2, _across_m(bounds) / 2)


def _across_m(bounds: Bounds) -> float:
    west, south, east, north = bounds
    return math.hypot(metres((west, south), (east, south)), metres((west, south), (west, north)))


_kept: tuple[str, dict[str, Bounds]] = ("", {})


def _zips(s: Session) -> dict[str, Bounds]:
    """Return the bounds of each ZIP code without its outermost houses, read once for each edition of the data."""
    global _kept
    version = gazetteer(s).version
    if _kept[0] != version:
        rows = s.execute(text(_ZIPS)).all()
        _kept = version, {row.zip: (row.west, row.south, row.east, row.north) for row in rows}
    return _kept[1]


_ZIPS = """
    SELECT zip, percentile_disc(0.02) WITHIN GROUP (ORDER BY lon) AS west,
           percentile_disc(0.02) WITHIN GROUP (ORDER BY lat) AS south,
           percentile_disc(0.98) WITHIN GROUP (ORDER BY lon) AS east,
           percentile_disc(0.98) WITHIN GROUP (ORDER BY lat) AS north
      FROM (SELECT left(zip, 5) AS zip, lon, lat FROM address_points WHERE zip <> ''
            UNION ALL SELECT left(left_zip, 5), (west + east) / 2, (south + north) / 2 FROM streets WHERE left_zip <> ''
            UNION ALL SELECT left(right_zip, 5), (west + east) / 2, (south + north) / 2 FROM streets
                       WHERE right_zip NOT IN ('', left_zip)) AS places
     GROUP BY zip
"""

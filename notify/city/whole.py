"""Whether an area is the whole city: residents who gave no place get what goes everywhere."""

from collections.abc import Iterable, Mapping

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.city import zones as city_zones
from notify.core import translation
from notify.core.translation import gettext as _
from zones import gate, placing
from zones.overlaps import SLIVER_DEGREES, minus, without_slivers

PARTS = city_zones.MAPPED  # zones of one kind that together are the city
FIRST_KIND = "neighbourhood"  # the kind that is asked; without PARTS of it, the kind with most zones


def is_whole(s: Session, area: BaseGeometry) -> bool:
    """Return whether a valid area (WGS 84) leaves out nothing of the city but slivers along borders.

    The city is all of its neighbourhoods or, with few of them, the zones of the kind with most. With few zones of any
    kind it is the box around all zones and streets, if there are enough to know it; else no area is all of it.
    """
    parts = _parts(s)
    if len(parts) >= PARTS:
        return _leaves_out_none(area, _shapes(s, parts))
    if not city_zones.is_mapped(s):
        return False
    known = city_zones.bounds(s)
    return known is not None and placing.covers(area, known)


def called(languages: Iterable[str]) -> dict[str, str]:
    """Return what the whole city is called in a text, by language: the names of its zones would take half of it."""
    found = {}
    for language in languages:
        with translation.speaking(language):
            found[language] = _("the whole city")
    return found


def _parts(s: Session) -> dict[int, str]:
    """Return the newest versions of the zones that are the city, each with the hash of its area."""
    row = s.execute(
        text("""SELECT array_agg(version ORDER BY version) AS versions, array_agg(hash ORDER BY version) AS hashes
                  FROM (SELECT DISTINCT ON (z.id) z.kind, v.id AS version, v.hash
                          FROM zones z JOIN zone_versions v ON v.zone_id = z.id
                         WHERE z.retired_at IS NULL ORDER BY z.id, v.id DESC) AS newest
                 GROUP BY kind ORDER BY kind = :first AND count(*) >= :parts DESC, count(*) DESC, kind LIMIT 1"""),
        {"first": FIRST_KIND, "parts": PARTS},
    ).first()
    return dict(zip(row.versions, row.hashes, strict=True)) if row else {}


_kept: dict[tuple[str, ...], gate.Shapes] = {}


def _shapes(s: Session, versions: Mapping[int, str]) -> gate.Shapes:
    """Return their areas. The last ones are kept by hash: in a restored database an id may be another version's."""
    hashes = tuple(versions.values())
    found = _kept.get(hashes)
    if found is None:
        stored = s.execute(
            text("SELECT geometry FROM zone_versions WHERE id = ANY(:ids) ORDER BY id"), {"ids": list(versions)}
        ).scalars()
        found, _faults = gate.readable_from_wkb(stored)
        _kept.clear()
        _kept[hashes] = found
    return found


def _leaves_out_none(area: BaseGeometry, parts: gate.Shapes) -> bool:
    west, south, east, north = shapely.total_bounds(parts).tolist()
    left, bottom, right, top = area.bounds
    least = SLIVER_DEGREES
    if left > west + least or bottom > south + least or right < east - least or top < north - least:
        return False  # most areas need no more than this
    shapely.prepare(area)
    return all(
        covered or without_slivers(minus(part, area), part).is_empty
        for covered, part in zip(shapely.covers(area, parts).tolist(), parts.tolist(), strict=True)
    )

"""Which edition of the map is in force: it changes with every import, so that tiles can be kept for ever."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

# The first and the last row of a table tell one import from the next, as ids are never used again. The shapes of the
# two are looked at besides: a database that was restored may count from where it counted before.
_ENDS = """
    (SELECT concat(id, ':', md5(geometry)) FROM {table} ORDER BY id LIMIT 1),
    (SELECT concat(id, ':', md5(geometry)) FROM {table} ORDER BY id DESC LIMIT 1)
"""


@dataclass(frozen=True, slots=True)
class Edition:
    """What each part of the map was drawn from, as short hashes."""

    streets: str
    features: str
    zones: str

    @property
    def tag(self) -> str:
        """Of the whole map: stands in the addresses of tiles and in their ETags."""
        return _short(self.streets, self.features, self.zones)


def current(s: Session) -> Edition:
    """Some look-ups by key: cheap enough to be asked for each tile that is not at hand."""
    streets = s.execute(text(f"SELECT {_ENDS.format(table='streets')}")).one()
    features = s.execute(text(f"SELECT {_ENDS.format(table='map_features')}")).one()
    zones = s.execute(
        text(
            "SELECT (SELECT concat(id, ':', hash) FROM zone_versions ORDER BY id DESC LIMIT 1),"
            " count(*), max(retired_at), md5(string_agg(concat(kind, ':', name), chr(10) ORDER BY id))"
            " FROM zones WHERE retired_at IS NULL"
        )
    ).one()
    return Edition(_short(*streets), _short(*features), _short(*zones))


def _short(*parts: object) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:12]

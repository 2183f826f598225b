"""The current edition of the map. It changes with every import, so tiles can be cached for ever."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

# The first and last row of a table identify an import, because ids are never reused. Their shapes are hashed as well:
# a restored database may give out the same ids again.
_ENDS = """
    (SELECT concat(id, ':', md5(geometry)) FROM {table} ORDER BY id LIMIT 1),
    (SELECT concat(id, ':', md5(geometry)) FROM {table} ORDER BY id DESC LIMIT 1)
"""
_CURRENT = f"""
    SELECT {_ENDS.format(table="streets")}, {_ENDS.format(table="map_features")},
           (SELECT concat(id, ':', hash) FROM zone_versions ORDER BY id DESC LIMIT 1),
           count(*), max(retired_at), md5(string_agg(concat(kind, ':', name), chr(10) ORDER BY id))
      FROM zones WHERE retired_at IS NULL
"""  # noqa: S608  names of ours


@dataclass(frozen=True, slots=True)
class Edition:
    """Short hashes of the data that each part of the map is drawn from."""

    streets: str
    features: str
    zones: str

    @property
    def tag(self) -> str:
        """The hash of the whole map, used in the URLs of tiles and in their ETags."""
        return _short(self.streets, self.features, self.zones)


def current(s: Session) -> Edition:
    """Return the current edition. The look-ups by key are cheap enough to make for each tile."""
    row = s.execute(text(_CURRENT)).one()
    return Edition(_short(*row[:2]), _short(*row[2:4]), _short(*row[4:]))


def _short(*parts: object) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:12]

"""The streets of the map: the segments of one name joined to long lines, which are fewer and long enough for a label.

They are held in memory because every tile needs them. Philadelphia's 40,449 segments become 9,467 lines.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from zones import gate
from zones.addresses.words import readable
from zones.tiles import UNITS_PER_PIXEL, Feature, Shapes, Tile, mercator

MAIN_STREET_M = 5_000.0  # if all streets have the same rank, longer ones count as main streets
EARTH_M = 40_075_017.0
# The shortest line of each rank that is drawn, in pixels, by zoom: ten thousand streets of ten pixels are unreadable.
SHORTEST_PX: dict[int, dict[int, float]] = {
    8: {1: 4, 2: 16},
    9: {1: 4, 2: 16, 3: 24},
    10: {1: 2, 2: 12, 3: 16},
    11: {1: 0, 2: 4, 3: 12},
    12: {1: 0, 2: 2, 3: 8},
    13: {1: 0, 2: 0, 3: 4, 4: 48},
    14: {1: 0, 2: 0, 3: 0, 4: 12},
    15: {1: 0, 2: 0, 3: 0, 4: 0},
}


@dataclass(frozen=True)
class Streets:
    """Lines in WGS 84, each with a name, a rank and a length."""

    lines: Shapes
    names: NDArray[np.str_]
    ranks: NDArray[np.int64]
    lengths_m: NDArray[np.float64]
    tree: shapely.STRtree = field(repr=False)

    @property
    def bounds(self) -> tuple[float, float, float, float] | None:
        if not len(self.lines):
            return None
        west, south, east, north = shapely.total_bounds(self.lines)
        return float(west), float(south), float(east), float(north)

    def features(self, tile: Tile) -> list[Feature]:
        found = np.sort(self.tree.query(shapely.box(*tile.bounds)))
        found = found[self._are_seen(found, tile)]
        cut = tile.fit(self.lines[found])
        kept = shapely.length(cut) >= UNITS_PER_PIXEL / 2
        return [
            Feature(shape, {"name": name, "rank": rank} if name else {"rank": rank})
            for shape, name, rank in zip(
                cut[kept], self.names[found][kept].tolist(), self.ranks[found][kept].tolist(), strict=True
            )
        ]

    def _are_seen(self, found: NDArray[np.int64], tile: Tile) -> NDArray[np.bool_]:
        shortest = np.full(5, np.inf)
        for rank, pixels in SHORTEST_PX[tile.z].items():
            shortest[rank] = pixels
        latitude = np.radians((tile.bounds[1] + tile.bounds[3]) / 2)
        metres_per_pixel = EARTH_M * np.cos(latitude) / 2**tile.z / 512
        seen: NDArray[np.bool_] = self.lengths_m[found] >= shortest[self.ranks[found]] * metres_per_pixel
        return seen


def read(s: Session) -> Streets:
    rows = s.execute(text("SELECT name, rank, geometry FROM streets")).all()
    lines, readable = gate.readable_from_wkb(row.geometry for row in rows)
    rows = [rows[row] for row in readable]
    return join([row.name for row in rows], [row.rank for row in rows], lines)


def join(names: list[str], ranks: list[int], lines: Shapes) -> Streets:
    """Join segments of the same name and rank into one line wherever they meet end to end."""
    kinds = {pair: number for number, pair in enumerate(dict.fromkeys(zip(names, ranks, strict=True)))}
    parts, part_of = shapely.get_parts(lines, return_index=True)
    kind = np.array([kinds[pair] for pair in zip(names, ranks, strict=True)], dtype=int)[part_of]
    order = np.argsort(kind, kind="stable")
    joined = shapely.line_merge(shapely.multilinestrings(parts[order], indices=kind[order]))
    merged, kind = shapely.get_parts(joined, return_index=True)
    called = list(kinds)
    length = _length_m(merged)
    rank = np.array([called[number][1] for number in kind], dtype=int)
    if len(set(ranks)) == 1:
        rank = np.where((rank == 3) & (length >= MAIN_STREET_M), 2, rank)
    written = [readable(called[number][0]) for number in kind]
    return Streets(
        np.asarray(merged, dtype=object), np.array(written, dtype=str), rank, length, shapely.STRtree(merged)
    )


def _length_m(lines: Shapes) -> NDArray[np.float64]:
    """Return lengths in metres. Mercator stretches both axes alike, so the cosine of the latitude corrects it."""
    if not len(lines):
        return np.zeros(0)
    middle: Any = np.radians((shapely.bounds(lines)[:, 1] + shapely.bounds(lines)[:, 3]) / 2)
    metres: NDArray[np.float64] = shapely.length(shapely.transform(lines, mercator)) * EARTH_M * np.cos(middle)
    return metres

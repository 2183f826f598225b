"""Rings and lines that cross themselves so often that they would take all memory are refused at once."""

import time

import numpy as np
import pytest
import shapely

from zones.areas import corridor
from zones.errors import ZoneError
from zones.geometry import clean


def scribble(points: int) -> shapely.LineString:
    return shapely.LineString(np.random.default_rng(0).uniform(0, 1, (points, 2)))


@pytest.mark.parametrize("points", [2_000, 60_000])
def test_a_scribble_is_refused_before_it_takes_all_memory(points: int) -> None:
    began = time.process_time()
    with pytest.raises(ZoneError, match="cross each other too often"):
        clean(shapely.Polygon(scribble(points)))
    with pytest.raises(ZoneError, match="cross each other too often"):
        corridor(scribble(points), 100)
    assert time.process_time() - began < 20, "GEOS alone takes a minute for the smaller one"


def test_what_crosses_itself_now_and_then_is_repaired() -> None:
    ring = shapely.Polygon(scribble(60))
    area, mended = clean(ring)
    assert area.is_valid
    assert mended


def test_many_lines_side_by_side_are_no_tangle() -> None:
    """A comb of diagonal teeth: the boxes around its edges overlap everywhere, and no edge crosses another."""
    teeth = np.arange(15_000)
    xy = np.column_stack([teeth * 1e-6 + (teeth % 2) * 0.9, (teeth % 2) * 0.9]).repeat(1, axis=0)
    comb = shapely.Polygon(np.vstack([xy, [[0.9, -0.1], [0, -0.1]]]))
    assert clean(comb)[0].area > 0

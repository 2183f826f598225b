"""Shapes with empty holes and parts, at which GEOS ends the whole process, are rid of them wherever they enter."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from zones import gate
from zones.errors import ZoneError
from zones.geometry import area_m2, from_wkb, parse_area
from zones.importing import read_zones

RING = [[-76.4, 36.8], [-76.35, 36.8], [-76.35, 36.85], [-76.4, 36.8]]
KM2 = 12.377089723  # of that triangle on the ellipsoid
SHELL = "(-76.4 36.8,-76.35 36.8,-76.35 36.85,-76.4 36.8)"
WITH_EMPTIES = {
    "empty hole": f"POLYGON({SHELL}, EMPTY)",
    "three empty holes": f"POLYGON({SHELL}, EMPTY, EMPTY, EMPTY)",
    "empty part": f"MULTIPOLYGON(({SHELL}), EMPTY)",
    "empty hole of a part": f"MULTIPOLYGON(({SHELL}, EMPTY), EMPTY)",
    "collection": f"GEOMETRYCOLLECTION(POLYGON({SHELL}, EMPTY), POINT EMPTY, LINESTRING EMPTY)",
    "nested": f"GEOMETRYCOLLECTION(GEOMETRYCOLLECTION(MULTIPOLYGON(({SHELL}, EMPTY)), POINT EMPTY), POLYGON EMPTY)",
}


@pytest.mark.parametrize("wkt", WITH_EMPTIES.values(), ids=WITH_EMPTIES)
def test_what_is_empty_is_dropped(wkt: str) -> None:
    admitted = gate.admit(shapely.from_wkt(wkt))
    assert "EMPTY" not in shapely.to_wkt(admitted)
    assert gate.admit_all([None, shapely.from_wkt(wkt)])[1].equals_exact(admitted, 0)
    shapely.segmentize(admitted, 0.005)  # which would end this process
    assert area_m2(gate.from_wkb(shapely.to_wkb(shapely.from_wkt(wkt)))) / 1e6 == pytest.approx(KM2)


def test_what_has_nothing_empty_stays_as_it_is() -> None:
    hole = shapely.Polygon([(0, 0), (9, 0), (9, 9), (0, 0)], [[(5, 1), (6, 1), (6, 2), (5, 1)]])
    line = shapely.MultiLineString([[(0, 0, 7), (1, 1, 7)], [(2, 2, 7), (3, 3, 7)]])
    nothing = shapely.Polygon()
    admitted = gate.admit_all(np.array([hole, line, nothing, None], dtype=object))
    assert admitted[0].equals_exact(hole, 0)
    assert admitted[1].equals_exact(shapely.force_2d(line), 0)
    assert not admitted[1].has_z
    assert admitted[2].is_empty
    assert admitted[3] is None


def test_an_empty_hole_that_is_drawn_costs_nothing() -> None:
    """`[[ring], []]`: legal JSON, and the crash of a whole API."""
    for coordinates in ([RING, []], [RING, [], []]):
        area = parse_area({"type": "Polygon", "coordinates": coordinates})
        assert area_m2(area) / 1e6 == pytest.approx(KM2)
    area = parse_area({"type": "MultiPolygon", "coordinates": [[RING, []], [], [[]]]})
    assert area_m2(area) / 1e6 == pytest.approx(KM2)
    with pytest.raises(ZoneError, match="cannot be read"):
        parse_area({"type": "Polygon", "coordinates": [[], RING]})


def test_a_stored_area_with_an_empty_hole_is_read_without_it() -> None:
    stored = shapely.to_wkb(shapely.from_wkt(WITH_EMPTIES["empty hole of a part"]))
    assert area_m2(from_wkb(stored)) / 1e6 == pytest.approx(KM2)


def test_a_file_with_empty_holes_and_parts_is_a_file_of_zones(tmp_path: Path) -> None:
    path = tmp_path / "zones.geojson"
    shapes = [
        {"type": "Polygon", "coordinates": [RING, []]},
        {"type": "MultiPolygon", "coordinates": [[RING, []], []]},
    ]
    features = [
        {"type": "Feature", "properties": {"name": f"Zone {n}"}, "geometry": shape} for n, shape in enumerate(shapes)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    found = read_zones(path)
    assert [round(area_m2(zone.geometry) / 1e6, 6) for zone in found.zones] == [pytest.approx(KM2, abs=1e-6)] * 2

"""PMTiles archives: what one says of itself."""

import gzip
import json
import tracemalloc
from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest
from shapely.geometry import box

from zones import pmtiles
from zones.errors import ZoneError


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake, as GDAL writes it."""
    path = tmp_path_factory.mktemp("archives") / "lake.pmtiles"
    lake = gpd.GeoDataFrame({"name": ["Lake"]}, geometry=[box(-70.55, 37.94, -70.53, 37.96)], crs="EPSG:4326")
    pyogrio.write_dataframe(lake, path, driver="PMTiles", layer="water", MINZOOM="8", MAXZOOM="12")
    return path


def test_an_archive_says_what_it_holds(archive: Path) -> None:
    found = pmtiles.read(archive)
    assert (found.kind, found.min_zoom, found.max_zoom, found.layers) == ("vector", 8, 12, ("water",))
    west, south, east, north = found.bounds
    assert west <= -70.54 <= east
    assert south <= 37.95 <= north


@pytest.mark.parametrize(
    ("position", "value", "said"),
    [
        (7, 2, "not a PMTiles archive of version 3"),
        (0, 0, "not a PMTiles archive of version 3"),
        (98, 3, "cannot read its compression"),
        (99, 0, "neither"),
        (24, 255, "metadata is damaged"),
    ],
)
def test_one_that_browsers_cannot_use_is_refused(
    archive: Path, tmp_path: Path, position: int, value: int, said: str
) -> None:
    body = bytearray(archive.read_bytes())
    body[position] = value
    broken = tmp_path / "broken.pmtiles"
    broken.write_bytes(body)
    with pytest.raises(ZoneError, match=said):
        pmtiles.read(broken)


@pytest.mark.parametrize("body", [b"", b"PMTiles\x03", b"x" * 500])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "other.pmtiles"
    path.write_bytes(body)
    with pytest.raises(ZoneError, match="not a PMTiles archive"):
        pmtiles.read(path)


def test_one_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ZoneError, match="cannot be read"):
        pmtiles.read(tmp_path / "none.pmtiles")


def described(archive: Path, path: Path, metadata: bytes, **place: int) -> Path:
    """The archive with another description, said to lie at `offset` and to be `length` long."""
    body = archive.read_bytes()
    offset, length = place.get("offset", len(body)), place.get("length", len(metadata))
    path.write_bytes(body[:24] + offset.to_bytes(8, "little") + length.to_bytes(8, "little") + body[40:] + metadata)
    return path


@pytest.mark.parametrize("place", [{"offset": 2**63}, {"length": 2**40}, {"offset": 2**64 - 1}])
def test_a_description_that_lies_outside_of_the_file_is_refused(
    archive: Path, tmp_path: Path, place: dict[str, int]
) -> None:
    with pytest.raises(ZoneError, match="metadata is damaged"):
        pmtiles.read(described(archive, tmp_path / "far.pmtiles", b"", **place))


def test_a_description_that_unpacks_to_more_than_any_is_refused_at_once(archive: Path, tmp_path: Path) -> None:
    bomb = described(archive, tmp_path / "bomb.pmtiles", gzip.compress(b" " * 200 * 2**20, 9))
    tracemalloc.start()
    try:
        with pytest.raises(ZoneError, match="metadata is damaged"):
            pmtiles.read(bomb)
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("metadata", "layers"),
    [({"vector_layers": {}}, ()), ({"vector_layers": 5}, ()), ({"vector_layers": [1, {"id": 2}, {"id": "a"}]}, ("a",)),
     ([], ())],
)  # fmt: skip
def test_layers_that_are_none_are_left_out(
    archive: Path, tmp_path: Path, metadata: object, layers: tuple[str, ...]
) -> None:
    packed = gzip.compress(json.dumps(metadata).encode())
    assert pmtiles.read(described(archive, tmp_path / "odd.pmtiles", packed)).layers == layers


def test_a_description_that_is_nested_for_ever_is_refused(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(ZoneError, match="metadata is damaged"):
        pmtiles.read(described(archive, tmp_path / "deep.pmtiles", gzip.compress(b"[" * 200_000)))


def test_of_an_attribution_only_the_words_are_taken(archive: Path, tmp_path: Path) -> None:
    metadata = gzip.compress(json.dumps({"attribution": "<a href='x'>© A &amp; B</a>", "vector_layers": None}).encode())
    assert pmtiles.read(described(archive, tmp_path / "told.pmtiles", metadata)).attribution == "© A & B"

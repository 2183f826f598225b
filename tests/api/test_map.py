"""The map over HTTP: tiles that may be kept, a style that asks nobody else, and the operators' page."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import httpx
import mapbox_vector_tile
import pytest
from shapely.geometry import box

from api.map.colours import DARK, LIGHT
from notify.city import basemap
from notify.core.db import transaction
from notify.core.settings import settings
from notify.models.zone import ZoneKind
from tests import factories, maps
from tests.zones.test_pmtiles import archive
from zones.tiles import MAX_ZOOM, MIN_ZOOM, tile_at

__all__ = ["archive"]
HOME = (-70.55, 37.95)
OUTSIDE = "https://tiles.example.org/{z}/{x}/{y}.png"


@pytest.fixture
def drawn(door: httpx.Client) -> httpx.Client:
    with transaction() as s:
        maps.training_city(s)
    return door


@pytest.fixture
def signed_in(at_desk: Callable[[str], httpx.Client]) -> httpx.Client:
    return at_desk("author")


@pytest.fixture
def set_(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    def set_one(name: str, value: str) -> None:
        monkeypatch.setenv(name, value)
        settings.cache_clear()

    return set_one


def address(door: httpx.Client, z: int = 12, lon: float = HOME[0], lat: float = HOME[1]) -> str:
    """Of the tile of a place, as the style of this moment has it."""
    tile = tile_at(z, lon, lat)
    (template,) = door.get("/map/style.json").json()["sources"]["city"]["tiles"]
    return str(template.format(z=tile.z, x=tile.x, y=tile.y))


def test_a_tile_of_the_edition_in_force_may_be_kept_for_ever(drawn: httpx.Client) -> None:
    answer = drawn.get(address(drawn))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/vnd.mapbox-vector-tile"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert {"streets", "water", "zones", "names"} <= set(mapbox_vector_tile.decode(answer.content))
    again = drawn.get(address(drawn), headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_who_does_not_take_gzip_gets_the_same_tile_plain(drawn: httpx.Client) -> None:
    packed, plain = (drawn.get(address(drawn), headers={"Accept-Encoding": how}) for how in ("gzip", "identity"))
    assert "Content-Encoding" not in plain.headers
    assert plain.content == packed.content
    assert plain.headers["Vary"] == "Accept-Encoding"


def test_an_import_shows_at_once(drawn: httpx.Client) -> None:
    before = address(drawn)
    assert "park" not in mapbox_vector_tile.decode(drawn.get(before).content)
    with transaction() as s:
        basemap.keep_layer(s, "park", [("Common", box(-70.56, 37.94, -70.54, 37.96))])
    after = address(drawn)
    assert after != before
    assert "park" in mapbox_vector_tile.decode(drawn.get(after).content)


def test_a_tile_of_no_edition_is_that_of_now_and_asked_for_again(drawn: httpx.Client) -> None:
    for end in ("", "?v=made-up"):
        answer = drawn.get(address(drawn).partition("?")[0] + end)
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.status_code == 200


def test_where_there_is_nothing_there_is_no_content(drawn: httpx.Client) -> None:
    answer = drawn.get(address(drawn, lon=10.0, lat=50.0))
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    "path",
    [
        f"{MIN_ZOOM - 1}/0/0",
        f"{MAX_ZOOM + 1}/0/0",
        "12/4096/0",
        "12/0/4096",
        "12/-1/0",
        f"12/{'9' * 30}/0",
        "12/a/0",
        "12/1.5/0",
        "12/0/0x1",
    ],
)
def test_a_tile_that_cannot_be_is_not_found(door: httpx.Client, path: str) -> None:
    answer = door.get(f"/tiles/{path}.mvt")
    assert answer.status_code == 404
    assert "\n" not in answer.json()["detail"]
    assert path not in answer.text


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_style_asks_nobody_else(drawn: httpx.Client, theme: str) -> None:
    answer = drawn.get("/map/style.json", params={"theme": theme})
    assert answer.headers["Cache-Control"] == "no-cache"
    style = answer.json()
    assert "://" not in answer.text
    assert not {"glyphs", "sprite"} & set(style), "letters are drawn by the browser, and there are no pictures"
    ids = [layer["id"] for layer in style["layers"]]
    assert len(ids) == len(set(ids))
    assert {layer.get("source", "city") for layer in style["layers"]} == {"city"}
    assert style["metadata"]["extent"] == pytest.approx([-70.6, 37.9, -70.4903, 38.0081], abs=1e-3)
    assert drawn.get("/map/style.json", params={"theme": "pink"}).status_code == 422


def test_each_kind_of_zone_has_its_colours() -> None:
    for colours in (LIGHT, DARK):
        assert set(colours.zones) == set(colours.zone_names) == set(get_args(ZoneKind))


def test_names_can_be_read_on_the_ground() -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1. The halo is what they stand on."""
    for colours in (LIGHT, DARK):
        names = [colours.name, colours.main_name, colours.water_name, colours.park_name, *colours.zone_names.values()]
        assert min(contrast(name, ground) for name in names for ground in (colours.halo, colours.ground)) >= 4.5


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    shares = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_page_lists_all_zones(drawn: httpx.Client, signed_in: httpx.Client) -> None:
    answer = signed_in.get("/console/map")
    assert answer.status_code == 200
    assert answer.text.count("data-zone=") == 37
    riverside = re.search(r'<a href="\?zone=(\d+)"[^>]*>Riverside <small>([^<]*)<', answer.text)
    assert riverside
    assert riverside[2] == "12.55 km² · v1"
    chosen = signed_in.get("/console/map", params={"zone": riverside[1]})
    assert '<path class="area"' in chosen.text, "its outline, for who has no JavaScript"
    assert "12.55 km² · version 1" in chosen.text
    assert "example.org" not in answer.headers["Content-Security-Policy"]


def test_the_page_is_for_operators(drawn: httpx.Client) -> None:
    assert drawn.get("/console/map").headers["Location"].startswith("/console/sign-in")


@pytest.mark.parametrize("zone", ["999", "-1", "x", "9" * 30])
def test_a_zone_that_is_not_there_breaks_nothing(drawn: httpx.Client, signed_in: httpx.Client, zone: str) -> None:
    answer = signed_in.get("/console/map", params={"zone": zone})
    assert answer.status_code == (200 if zone == "999" else 422)


def test_a_name_from_a_file_cannot_break_the_page(signed_in: httpx.Client) -> None:
    with transaction() as s:
        factories.zone(s, "<script>\"'", box(-70.56, 37.94, -70.54, 37.96))
    text = signed_in.get("/console/map").text
    assert "<script>\"'" not in text
    assert "&lt;script&gt;" in text


def test_an_empty_city_is_told_what_to_import(signed_in: httpx.Client) -> None:
    text = signed_in.get("/console/map").text
    for command in ("tocsin streets import", "tocsin zones import", "tocsin map import"):
        assert command in text
    assert "maplibre" not in text


def test_an_outside_tile_server_may_be_asked_by_the_map_and_no_page_else(
    drawn: httpx.Client, signed_in: httpx.Client, set_: Callable[[str, str], None]
) -> None:
    set_("TOCSIN_TILES_URL", OUTSIDE)
    set_("TOCSIN_TILES_ATTRIBUTION", "© A & <b>B</b>")
    below = drawn.get("/map/style.json").json()["sources"]["below"]
    assert below["tiles"] == [OUTSIDE]
    assert below["attribution"] == "© A &amp; &lt;b&gt;B&lt;/b&gt;"
    for path in ("/console/map", "/map/worker.mjs"):
        policy = signed_in.get(path).headers["Content-Security-Policy"]
        assert "connect-src 'self' https://tiles.example.org" in policy
        assert "img-src 'self' https://tiles.example.org" in policy
        assert "default-src 'self'" in policy
    assert "example.org" not in signed_in.get("/console").headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://tiles.example.org/{z}/{x}/{y}",
        "https://tiles.example.org/{z}/{x}.png",
        "https://{s}.example.org/{z}/{x}/{y}.png",
        "https://a.example.org;script-src *//{z}/{x}/{y}",
        "https://user:word@tiles.example.org/{z}/{x}/{y}.png",
        "/{z}/{x}/{y}",
        "https://[tiles.example.org/{z}/{x}/{y}.png",
        "https://плитки.example.org/{z}/{x}/{y}.png",
        "https://*/{z}/{x}/{y}.png",
        "https://*.example.org/{z}/{x}/{y}.png",
    ],
)
def test_an_address_that_cannot_be_used_is_told_and_left_out(
    drawn: httpx.Client, signed_in: httpx.Client, set_: Callable[[str, str], None], url: str
) -> None:
    set_("TOCSIN_TILES_URL", url)
    assert "below" not in drawn.get("/map/style.json").json()["sources"]
    answer = signed_in.get("/console/map")
    assert "TOCSIN_TILES_URL is not used." in answer.text
    assert "example.org" not in answer.headers["Content-Security-Policy"]


def test_vector_tiles_from_outside_are_drawn_in_our_colours(
    drawn: httpx.Client, set_: Callable[[str, str], None]
) -> None:
    set_("TOCSIN_TILES_URL", OUTSIDE.replace(".png", ".mvt"))
    style = drawn.get("/map/style.json").json()
    assert style["sources"]["below"]["type"] == "vector"
    water = next(layer for layer in style["layers"] if layer["id"] == "below-water")
    assert water["paint"] == {"fill-color": LIGHT.water}


def test_a_pmtiles_file_is_served_in_pieces(
    drawn: httpx.Client,
    signed_in: httpx.Client,
    set_: Callable[[str, str], None],
    archive: Path,
) -> None:
    assert drawn.get("/map/base.pmtiles").status_code == 404
    set_("TOCSIN_PMTILES", str(archive))
    set_("TOCSIN_TILES_URL", OUTSIDE)
    style = drawn.get("/map/style.json").json()
    assert style["sources"]["below"] == {
        "type": "vector", "url": "pmtiles:///map/base.pmtiles", "minzoom": 8, "maxzoom": 12
    }  # fmt: skip
    assert "https://" not in str(style), "with a file of our own nobody else is asked"
    assert "example.org" not in signed_in.get("/console/map").headers["Content-Security-Policy"]
    body = archive.read_bytes()
    piece = drawn.get("/map/base.pmtiles", headers={"Range": "bytes=0-126"})
    assert (piece.status_code, piece.content) == (206, body[:127])
    assert piece.headers["Content-Range"] == f"bytes 0-126/{len(body)}"
    assert piece.headers["ETag"]
    beyond = drawn.get("/map/base.pmtiles", headers={"Range": f"bytes={len(body)}-"})
    assert beyond.status_code == 416


def test_a_pmtiles_file_that_cannot_be_used_is_told(
    drawn: httpx.Client, signed_in: httpx.Client, set_: Callable[[str, str], None], tmp_path: Path
) -> None:
    file = tmp_path / "broken.pmtiles"
    file.write_bytes(b"nothing of the kind")
    for path in (file, tmp_path / "none.pmtiles", tmp_path):
        set_("TOCSIN_PMTILES", str(path))
        assert "below" not in drawn.get("/map/style.json").json()["sources"]
        assert "TOCSIN_PMTILES is not used." in signed_in.get("/console/map").text


def test_no_tile_is_larger_than_a_slow_line_bears(drawn: httpx.Client) -> None:
    sizes: list[Any] = [len(gzip.compress(drawn.get(address(drawn, z)).content)) for z in range(MIN_ZOOM, MAX_ZOOM + 1)]
    assert 0 < max(sizes) < 150_000

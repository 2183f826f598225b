"""`/api/v1/zones/import`: what the command does, over HTTP."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS31Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from shapely.geometry import LineString, Polygon, box, mapping

from tests.api import asked
from tests.zones.files.test_quarantine import tangled
from tests.zones.real import real_file

Key = Callable[..., dict[str, str]]
BOWTIE = Polygon([(-75, 40), (-74.9, 40.1), (-74.9, 40), (-75, 40.1)])


def square(column: int) -> Polygon:
    return box(-75 + column * 0.01, 40, -74.99 + column * 0.01, 40.01)


def collection(**shapes: Any) -> bytes:
    features = [
        {"type": "Feature", "properties": {"NAME": name, "no": place}, "geometry": mapping(shape)}
        for place, (name, shape) in enumerate(shapes.items())
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def send(door: httpx.Client, headers: dict[str, str], content: bytes, called: str = "city.geojson", **form: Any) -> Any:
    return door.post(
        "/api/v1/zones/import", files={"file": (called, content)}, data={"kind": "snow", **form}, headers=headers
    )


def test_it_says_what_it_did_as_its_document_says(door: httpx.Client, key: Key) -> None:
    admin = key()
    send(door, admin, collection(A=square(0), B=square(1), C=square(2)))
    content = collection(
        A=square(0), B=square(1).union(square(2)), D=square(4), Road=LineString([(-75, 40), (-75, 41)])
    )
    done = send(door, admin, content, id_field="no")
    assert done.status_code == 201, done.text
    assert done.json() == {
        "dry_run": False,
        "kind": "snow",
        "source": "city.geojson",
        "zones": 3,
        "imported": {"added": ["D"], "changed": ["B"], "unchanged": ["A"], "retired": ["C"]},
        "others": 0,
        "mended": [],
        "left_out": ["Road: It is a LineString, not a polygon."],
        "notes": [],
        "warnings": [],
        "needs": [],
        "crs": "EPSG:4326",
        "name_field": "NAME",
        "areas_km2": {"A": 0.948, "B": 1.896, "D": 0.948},
        "extent": [-75.0, 40.0, pytest.approx(-74.95), 40.01],
        "place": "in City of Tocsin",
    }
    document = door.get("/api/v1/openapi.json").json()
    registry: Registry[Any] = Registry().with_resource("urn:doc", DRAFT202012.create_resource(document))
    where = "urn:doc#/paths/~1api~1v1~1zones~1import/post/responses/201/content/application~1json/schema"
    OAS31Validator({"$ref": where}, registry=registry).validate(done.json())
    assert [zone["name"] for zone in door.get("/api/v1/zones", headers=admin).json()["zones"]] == ["A", "B", "D"]
    assert asked.number("SELECT count(*) FROM audit WHERE action = 'retire' AND operator_id IS NOT NULL") == 1


def test_a_dry_run_changes_nothing(door: httpx.Client, key: Key) -> None:
    admin = key()
    done = send(door, admin, collection(A=square(0), B=BOWTIE), dry_run="true")
    assert done.status_code == 201, done.text
    assert (done.json()["dry_run"], done.json()["needs"]) == (True, ["--accept-repairs"])
    assert done.json()["mended"][0]["area_change_percent"] > 50
    assert door.get("/api/v1/zones", headers=admin).json() == {"zones": []}


def test_what_must_be_confirmed_is_refused_until_it_is(door: httpx.Client, key: Key) -> None:
    admin = key()
    refused = send(door, admin, collection(A=square(0), B=BOWTIE))
    assert refused.status_code == 422
    assert refused.json()["errors"][0].startswith("B: repaired")
    assert door.get("/api/v1/zones", headers=admin).json() == {"zones": []}
    assert send(door, admin, collection(A=square(0), B=BOWTIE), accept_repairs="true").status_code == 201
    far = collection(A=square(0), B=BOWTIE, Far=box(10, 50, 10.1, 50.1))
    assert "Far lies outside the city" in send(door, admin, far, accept_repairs="true").json()["errors"][0]
    assert send(door, admin, far, accept_warnings="true").status_code == 201, "the repair has been accepted before"


def test_every_option_reaches_the_reader(door: httpx.Client, key: Key) -> None:
    admin = key()
    turned = collection(
        **{name: LineString([(40, lat), (40.01, lat)]) for name, lat in (("Main St", -75), ("main st", -74.99))}
    )
    options = {
        "swap_axes": "true",
        "buffer_m": "20",
        "number_duplicates": "true",
        "name_field": "NAME",
        "crs": "EPSG:4326",
    }
    done = send(door, admin, turned, **options)
    assert done.json()["imported"]["added"] == ["Main St", "main st (2)"]
    assert done.json()["mended"][0]["what"] == "20 m around its LineString"
    west = door.get("/api/v1/zones/Main St", headers=admin).json()["geometry"]["coordinates"][0][0][0]
    assert west == pytest.approx(-75, abs=0.001)
    named = send(
        door, admin, collection(A=square(0)), name="Centre", others="replace", encoding="utf-8", time_limit_s="5"
    )
    assert named.json()["imported"] == {
        "added": ["Centre"], "changed": [], "unchanged": [], "retired": ["Main St", "main st (2)"],
    }  # fmt: skip
    for wrong in ({"buffer_m": "-1"}, {"others": "all"}, {"time_limit_s": "9999"}, {"dry_run": "perhaps"}):
        assert send(door, admin, collection(A=square(0)), **wrong).status_code == 422, wrong


def test_reading_takes_no_longer_than_was_said(door: httpx.Client, key: Key, tmp_path: Path) -> None:
    refused = send(door, key(), tangled(tmp_path / "x.json").read_bytes(), time_limit_s="1")
    assert refused.status_code == 422
    assert "took longer than 1 seconds" in refused.text


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("../../etc/passwd.geojson", b"no zones at all", "passwd.geojson: It is not JSON"),
        ("x.exe", b"MZ", "x.exe: Files of this kind cannot be imported."),
        ("x", b"{}", "x: Files of this kind cannot be imported."),
        ("x.gpkg", b"<OGRVRTDataSource/>", "x.gpkg: It is not a GeoPackage."),
        ("bad\nname.kml", b"<kml>", "name.kml: It is not XML"),
    ],
)
def test_an_error_names_the_file_as_its_sender_does(
    door: httpx.Client, key: Key, name: str, content: bytes, words: str
) -> None:
    told = send(door, key(), content, name)
    assert told.status_code == 422
    assert words in told.json()["detail"]
    assert told.json()["detail"].isprintable()


def test_philadelphias_formats_are_the_same_zones(door: httpx.Client, key: Key) -> None:
    admin = key()
    for ending, status in (("gpkg", "added"), ("geojson", "unchanged"), ("zip", "unchanged")):
        path = real_file(f"zones/phl_neighborhoods.{ending}")
        done = send(door, admin, path.read_bytes(), path.name).json()
        assert (done["zones"], len(done["imported"][status]), done["needs"]) == (159, 159, []), ending
    assert asked.number("SELECT count(*) FROM zone_versions") == 159


def test_those_who_may_not_administer_may_not_import(door: httpx.Client, key: Key) -> None:
    for role in ("agent", "author", "approver", None):
        assert send(door, key(role), collection(A=square(0)), dry_run="true").status_code == 403
    assert send(door, {}, collection(A=square(0))).status_code == 401

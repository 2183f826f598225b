"""Files from strangers, in a process of their own: little time, little memory, no way out, and one line back."""

import io
import json
import os
import random
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shapely.geometry import LineString, mapping

from tests.waiting import until
from tests.zones.files.test_formats import gdb
from tests.zones.files.test_hostile import damaged
from tests.zones.real import real_file
from tests.zones.test_importing import EAST, WEST, geojson, two
from zones import confinement, importing
from zones.addresses.files import read_addresses, read_landmarks, read_streets
from zones.addresses.readings import HouseNumber
from zones.addresses.rows import AddressRow
from zones.drawable import read_map_shapes
from zones.errors import ZoneError
from zones.files import frames, gdal, quarantine
from zones.files.rowfile import ADDRESSES, LANDMARKS, MAP_SHAPES, STREETS
from zones.files.zonefile import CleanZone

ROOT = Path(__file__).parents[3]
LAYERS = "SELECT 'wards' AS table_name, 'features' AS data_type"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
USUAL_S = quarantine.SECONDS  # tests have more


def refusal(path: Path, seconds: float = 60) -> ZoneError:
    """One line, in time, in little memory, and with nothing left behind."""
    started_s, peak_before = time.monotonic(), _peak_kb(resource.RUSAGE_CHILDREN)
    with pytest.raises(ZoneError) as refused:
        quarantine.read_zones(path, seconds=seconds)
    assert time.monotonic() - started_s < seconds + 60  # a busy machine takes its time to start a process
    # The kernel also counts other children, which were before, and ourselves, of whom each child is a copy at first.
    others = max(peak_before, _peak_kb(resource.RUSAGE_SELF))
    assert _peak_kb(resource.RUSAGE_CHILDREN) <= max(quarantine.MEGABYTES * 1024, others)
    assert str(refused.value).isprintable()
    assert str(refused.value).startswith(path.name)
    assert str(path.parent) not in str(refused.value)
    assert refused.value.hint
    return refused.value


def _peak_kb(whose: int) -> int:
    return resource.getrusage(whose).ru_maxrss


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever happens to the process, its folder goes."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


@pytest.fixture
def listener() -> Iterator[tuple[str, Callable[[], bool]]]:
    """An address that a file may name, and whether anybody came."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)

        def was_called() -> bool:
            try:
                server.accept()[0].close()
            except BlockingIOError:
                return False
            return True

        yield f"http://127.0.0.1:{server.getsockname()[1]}", was_called


# What a reader may do instead of answering; the fourth to sixth write a frame that is none, or has not what it says.
BROKEN_READERS = (
    "os.abort()",
    "raise SystemExit(1)",
    "pass",
    "put(b'x' * 99)",
    "put(size(2) + size(0) + b'[]')",
    "put(size(2**62) + size(0))",
    """head = b'{"notes": 1, "zones": [[1, 2, 3]], "shapes": []}'; put(size(len(head)) + size(0) + head)""",
    """head = b'{"notes": [], "shapes": [-8]}'; put(size(len(head)) + size(0) + head)""",
)


def geopackage(path: Path, *statements: str) -> Path:
    two().to_file(path, layer="wards", driver="GPKG")
    with sqlite3.connect(path) as database:
        for statement in statements:
            database.execute(statement)
    database.close()
    return path


def tangled(path: Path, corners: int = 450, times: int = 60) -> Path:
    """Rings through random points, each of which takes about a second, because it is just short of being refused."""
    rng = random.Random(1)
    features = []
    for number in range(times):
        ring = [[rng.random(), rng.random()] for _ in range(corners)]
        shape = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        features.append({"type": "Feature", "properties": {"name": f"a{number}"}, "geometry": shape})
    return written(path, json.dumps({"type": "FeatureCollection", "features": features}))


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_it_reads_what_the_importer_reads(tmp_path: Path) -> None:
    rows = [
        {"name": "East", "no": 1, "shape": EAST},
        {"name": "West", "no": 2, "shape": WEST},
        {"name": "x", "shape": None},
    ]
    path = geojson(tmp_path / "x.geojson", rows)
    assert quarantine.read_zones(path, id_field="no") == importing.read_zones(path, id_field="no")
    chicago = real_file("zones/cth_chicago.geojson")
    assert quarantine.read_zones(chicago) == importing.read_zones(chicago)


def test_rows_come_as_they_are_read_in_our_own_process(tmp_path: Path) -> None:
    lines = tmp_path / "houses.csv"
    lines.write_text("LON,LAT,NUMBER,STREET\n" + "-75.0,40.0,12 1/2,Elm St\n-75.0,40.0,,Elm St\n" * 3_000)
    line = {"NAME": "Elm St", "l_f_add": 1, "l_t_add": 99, "shape": LineString([(-75, 40), (-75, 40.001)])}
    streets = geojson(tmp_path / "streets.geojson", [line, line | {"shape": None}])
    marks = tmp_path / "marks.csv"
    marks.write_text("City Hall,1 Elm St\n,2 Elm St\n")
    lakes = geojson(tmp_path / "lakes.geojson", [{"name": "Lake", "shape": EAST}, {"name": "x", "shape": None}])
    for kind, path, options, read in (
        (ADDRESSES, lines, {"given": {}}, read_addresses),
        (STREETS, streets, {"given": {}}, read_streets),
        (LANDMARKS, marks, {"given": {}, "header": ["name", "address"]}, read_landmarks),
        (MAP_SHAPES, lakes, {"drawn_as": "water", "lines_too": True, "name_field": "name"}, read_map_shapes),
    ):
        here = read(path, **options)
        with quarantine.read_rows(kind, path, options) as there:
            assert (there.notes, list(there)) == (here.notes, list(here)), kind.name


def test_a_file_of_rows_is_refused_by_name_when_it_is_opened_or_while_it_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", "LON,LAT\n")
    with pytest.raises(ZoneError, match=r"^x\.csv: No column"), quarantine.read_rows(ADDRESSES, path, {"given": {}}):
        pass
    path.write_text("LON,LAT,NUMBER,STREET\n" + "-75.0,40.0,12,Elm St\n" * 5_000 + '"')
    with path.open("a") as more:
        more.write("," * 2_000_000)
    with quarantine.read_rows(ADDRESSES, path, {"given": {}}) as rows:
        assert next(iter(rows)) == AddressRow(HouseNumber(12), "Elm St", "", "", "", -75.0, 40.0)
        with pytest.raises(ZoneError, match=r"^x\.csv: One of its lines is longer"):
            list(rows)
    path = geojson(tmp_path / "x.geojson", [{"name": "a", "shape": EAST}])
    with (
        pytest.raises(ZoneError, match=r"^x\.geojson: Reading it took longer than 0\.01 seconds"),
        quarantine.read_rows(STREETS, path, {"given": {}}, seconds=0.01) as rows,
    ):
        list(rows)


def test_the_commands_that_import_load_no_parser_of_such_files() -> None:
    """The process that holds the secret key never opens them, so it needs none of the libraries that do."""
    commands = "addresses, basemap, streets, zones"
    loaded = "{'pyogrio', 'geopandas', 'lxml'} & {*sys.modules}"
    code = f"import sys; from notify.cli import {commands}; print(*({loaded}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_its_refusals_are_those_of_the_importer(tmp_path: Path) -> None:
    path = geojson(tmp_path / "x.geojson", [{"name": "East", "shape": EAST}, {"name": "East", "shape": WEST}])
    with pytest.raises(ZoneError) as here:
        importing.read_zones(path)
    there = refusal(path)
    assert (there.message, there.hint, there.details) == (here.value.message, here.value.hint, here.value.details)
    with pytest.raises(ZoneError, match=r"^city\.geojson: "):
        quarantine.read_zones(path, called="city.geojson")


@pytest.mark.timed
def test_the_largest_honest_file_of_the_collection_is_read_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "SECONDS", USUAL_S)
    found = quarantine.read_zones(real_file("zones/fl_okaloosa_evac_shp.zip"), dissolve="EVAC_ZONE")
    assert len(found.zones) == 5


def test_the_reader_knows_three_drivers_and_no_secret(tmp_path: Path) -> None:
    """Asked from inside, where it would begin to read."""
    (tmp_path / "asking.py").write_text(
        "import os, resource, pyogrio\n"
        "from zones.files import quarantined\n"
        "def asked(*_, **__):\n"
        "    raise quarantined.ZoneError('', details=[*pyogrio.list_drivers(), *os.environ, "
        "str(resource.getrlimit(resource.RLIMIT_CPU)[0])])\n"
        "quarantined.zones_of = asked\n"
        "quarantined.main()\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOCSIN_SECRET_KEY", "a secret")
        environment = confinement.environment(tmp_path)
    task = {"path": "x", "read": "zones", "options": {}, "seconds": 5, "megabytes": 1024}
    command = [sys.executable, "asking.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, input=json.dumps(task).encode(), stdout=subprocess.PIPE, check=True
    )
    told = frames.read(io.BytesIO(done.stdout).read).document["error"]["details"]
    assert told[: len(gdal.DRIVERS)] == list(gdal.DRIVERS)
    assert not [name for name in told if name.startswith("TOCSIN")]
    assert told[-1] == "7"


# Files that would send the reader somewhere else


@pytest.mark.parametrize("ending", ["geojson", "json", "topojson", "ndjson", "kml", "kmz", "gpkg", "zip"])
def test_a_virtual_file_in_any_disguise_opens_nothing(
    tmp_path: Path, listener: tuple[str, Callable[[], bool]], ending: str
) -> None:
    """GDAL goes by content, and a virtual file may name any other file or address."""
    url, was_called = listener
    source = f"<OGRVRTLayer name='a'><SrcDataSource>/vsicurl/{url}/x.geojson</SrcDataSource></OGRVRTLayer>"
    refusal(written(tmp_path / f"x.{ending}", f"<OGRVRTDataSource>{source}</OGRVRTDataSource>"))
    assert not was_called()


@pytest.mark.parametrize("inside", ["x.gdb/a00000001.gdbtable", "x.shp", "doc.kml"])
def test_a_virtual_file_in_a_zip_opens_nothing(
    tmp_path: Path, listener: tuple[str, Callable[[], bool]], inside: str
) -> None:
    url, was_called = listener
    path = tmp_path / ("x.kmz" if inside.endswith("kml") else "x.zip")
    source = f"<SrcDataSource>/vsicurl/{url}/x.geojson</SrcDataSource>"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(inside, f"<OGRVRTDataSource><OGRVRTLayer name='a'>{source}</OGRVRTLayer></OGRVRTDataSource>")
    refusal(path)
    assert not was_called()


@pytest.mark.parametrize("name", ["/vsicurl/{url}/x.geojson", "/vsizip/x.zip", "{url}/x.geojson", "GPKG:x.gpkg:wards"])
def test_a_path_that_is_an_address_is_no_file(listener: tuple[str, Callable[[], bool]], name: str) -> None:
    url, was_called = listener
    with pytest.raises(ZoneError, match="no such file"):
        quarantine.read_zones(Path(name.format(url=url)))
    assert not was_called()


def test_entities_of_xml_are_refused_before_they_grow_or_fetch(
    tmp_path: Path, listener: tuple[str, Callable[[], bool]]
) -> None:
    url, was_called = listener
    grows = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    for entity in (f'<!ENTITY l0 "ha">{grows}', f'<!ENTITY l9 SYSTEM "{url}/x">', '<!ENTITY l9 SYSTEM "/etc/passwd">'):
        text = f"<!DOCTYPE kml [{entity}]><kml><Placemark><name>&l9;</name></Placemark></kml>"
        assert "document type" in refusal(written(tmp_path / "x.kml", text)).message
    external = f'<!DOCTYPE kml SYSTEM "{url}/kml.dtd"><kml><Placemark/></kml>'
    assert "document type" in refusal(written(tmp_path / "x.kml", external)).message
    assert not was_called()


# Databases that bring questions of their own


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (("ALTER TABLE gpkg_contents RENAME TO c", f"CREATE VIEW gpkg_contents AS {ENDLESS} {LAYERS} FROM n"), "not a"),
        ((f"CREATE VIEW gpkg_extensions_x AS {ENDLESS} SELECT i FROM n",), "is a view"),
        (("ALTER TABLE wards RENAME TO w", f"CREATE VIEW wards AS {ENDLESS} SELECT w.* FROM w, n"), "is a view"),
        (("ALTER TABLE wards ADD COLUMN g TEXT AS (hex(zeroblob(300000000))) VIRTUAL",), "computed columns"),
        (("CREATE VIRTUAL TABLE rtree_x USING fts4(a)",), "needs an SQLite module"),
    ],
)
def test_a_geopackage_that_computes_is_refused(tmp_path: Path, statements: tuple[str, ...], words: str) -> None:
    assert words in refusal(geopackage(tmp_path / "x.gpkg", *statements)).message


def test_triggers_and_other_views_of_a_geopackage_do_not_run(tmp_path: Path) -> None:
    path = geopackage(
        tmp_path / "x.gpkg",
        "CREATE TRIGGER t AFTER INSERT ON wards BEGIN SELECT load_extension('/tmp/x'); END",
        f"CREATE VIEW forever AS {ENDLESS} SELECT i FROM n",
    )
    before = path.read_bytes()
    assert len(quarantine.read_zones(path).zones) == 2
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_reader_that_breaks_down_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever brought it down, and whatever it left behind."""
    path = geojson(tmp_path / "x.json", [{"name": "a", "shape": EAST}])
    package = tmp_path / "packages" / "zones" / "files"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").write_text("")
    monkeypatch.setattr(confinement, "_PACKAGES", tmp_path / "packages")
    for code in BROKEN_READERS:
        (package / "quarantined.py").write_text(
            f"import os, sys\nput = sys.stdout.buffer.write\nsize = lambda n: n.to_bytes(8, 'little')\n{code}"
        )
        assert "reader crashed" in refusal(path).message, code
        with pytest.raises(ZoneError, match="reader crashed"), quarantine.read_rows(STREETS, path, {}) as rows:
            list(rows)


@pytest.mark.parametrize("seed", range(2))
def test_a_damaged_database_is_read_or_refused(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    whole = geopackage(tmp_path / "whole.gpkg") if seed % 2 else gdb(tmp_path)
    path = tmp_path / f"x{whole.suffix}"
    for _ in range(3):
        path.write_bytes(whole.read_bytes()[:100] + damaged(rng, whole.read_bytes()[100:]))
        answer = read_or_refused(path)
        assert answer.isprintable() if isinstance(answer, str) else all(zone.geometry.is_valid for zone in answer)


def read_or_refused(path: Path) -> str | tuple[CleanZone, ...]:
    try:
        return quarantine.read_zones(path).zones
    except ZoneError as error:
        return str(error)


def test_an_interrupted_command_leaves_no_reader(tmp_path: Path) -> None:
    path = tangled(tmp_path / "x.json")
    code = f"from pathlib import Path; from zones.files import quarantine; quarantine.read_zones(Path({str(path)!r}))"
    asking = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL, env=_no_tmp(tmp_path))
    readers = until(lambda: _children(asking.pid), 60, "a reader")
    asking.send_signal(signal.SIGINT)
    asking.wait(60)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in readers), 60, "the end of the reader")


def _no_tmp(folder: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(folder)}


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def test_the_mapping_of_an_honest_shape_survives(tmp_path: Path) -> None:
    holed = EAST.difference(WEST.buffer(0.01))
    document = {"type": "Feature", "properties": {"name": "a"}, "geometry": mapping(holed)}
    (zone,) = quarantine.read_zones(written(tmp_path / "x.json", json.dumps(document))).zones
    assert zone.geometry.equals(holed)

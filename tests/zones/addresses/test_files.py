"""Files of addresses, streets and landmarks from anybody: real ones, and what may be wrong in them."""

import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from shapely.geometry import LineString, Point

from tests.zones.real import real_file
from tests.zones.test_importing import geojson
from zones.addresses.files import read_addresses, read_landmarks, read_streets
from zones.addresses.readings import HouseNumber
from zones.addresses.rows import AddressRow, BadRow, StreetRow
from zones.errors import ZoneError
from zones.files.sheets import LONGEST_CELL

HEADER = "LON,LAT,NUMBER,STREET,UNIT,CITY,POSTCODE\n"
GOOD = "-75.1,39.9,12,Elm St,,Bellhaven,19121\n"


def csv(folder: Path, text: str | bytes) -> Path:
    path = folder / "addresses.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def unzipped(archive: str, folder: Path) -> Path:
    """The CSV in an output of OpenAddresses."""
    with zipfile.ZipFile(real_file(archive)) as opened:
        name = next(name for name in opened.namelist() if name.endswith(".csv"))
        return Path(opened.extract(name, folder))


def good(rows: Any) -> list[Any]:
    return [row for row in rows if not isinstance(row, BadRow)]


def reasons(rows: Any) -> list[tuple[int, str]]:
    return [(row.number, row.reason) for row in rows if isinstance(row, BadRow)]


# Real files


@pytest.mark.parametrize(
    ("name", "count", "bad", "first"),
    [
        ("oa_us-ut-excerpt", 91, 0, (540, "N SEVIER HWY", "84766")),
        ("oa_us-ca-alameda_county-excerpt", 2849, 0, (2127, "BROADWAY", "94612")),
        ("oa_us-ca-berkeley-excerpt", 746, 20, (2408, "ATHERTON ST", "94704")),
    ],
)
def test_shapefiles_of_cities_are_understood_by_their_columns(
    name: str, count: int, bad: int, first: tuple[int, str, str]
) -> None:
    rows = list(read_addresses(real_file(f"addresses/{name}.zip"), {}))
    assert (len(rows), len(reasons(rows))) == (count, bad)
    assert (rows[0].number.number, rows[0].street, rows[0].zip) == first


@pytest.mark.parametrize(("name", "count", "bad"), [("alameda", 5306, 1), ("portland_metro", 767, 0)])
def test_outputs_of_openaddresses(name: str, count: int, bad: int, tmp_path: Path) -> None:
    rows = list(read_addresses(unzipped(f"addresses/oa_output_{name}.zip", tmp_path), {}))
    assert (len(rows), len(reasons(rows))) == (count, bad)


def test_bad_rows_of_the_pelias_importer_are_told_by_line() -> None:
    rows = list(read_addresses(real_file("addresses/pelias_openaddresses_bad_data.csv"), {}))
    assert good(rows) == []
    assert reasons(rows)[0] == (2, "number: this is not a house number.")


# CSV


def test_a_row_of_openaddresses(tmp_path: Path) -> None:
    (row,) = read_addresses(csv(tmp_path, HEADER + GOOD), {})
    assert row == AddressRow(HouseNumber(12), "Elm St", "", "Bellhaven", "19121", -75.1, 39.9)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",39.9,12,Elm St,,,", "lon: there is none."),
        ("east,39.9,12,Elm St,,,", "lon: this is not a number."),
        ("nan,39.9,12,Elm St,,,", "lon: this is not a number."),
        ("2693514,235000,12,Elm St,,,", "lon, lat: they lie outside the world"),
        ("0,0,12,Elm St,,,", "lon, lat: both are 0"),
        ("-75.1,39.9,,Elm St,,,", "number: there is none."),
        ("-75.1,39.9,0,Elm St,,,", "number: this is not a house number."),
        ("-75.1,39.9,rear,Elm St,,,", "number: this is not a house number."),
        ("-75.1,39.9,12,,,,", "street: there is none."),
        ("-75.1,39.9,12,---,,,", "street: this is not the name"),
        (f"-75.1,39.9,12,{'long ' * 30},,,", "street: this is not the name"),
        ("-75.1", "number: there is none."),
    ],
)
def test_a_bad_row_is_told_with_its_line_and_the_reason(line: str, reason: str, tmp_path: Path) -> None:
    rows = list(read_addresses(csv(tmp_path, HEADER + GOOD + line + "\n" + GOOD), {}))
    assert len(good(rows)) == 2
    ((number, told),) = reasons(rows)
    assert number == 3
    assert told.startswith(reason)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_encodings(encoding: str, tmp_path: Path) -> None:
    (row,) = read_addresses(csv(tmp_path, (HEADER + "-75.1,39.9,12,Cañon Rd,,,\n").encode(encoding)), {})
    assert row.street == "Cañon Rd"


def test_texts_that_are_not_utf8_are_reported_and_may_be_said(tmp_path: Path) -> None:
    line = "-75.1,39.9,12,Peña\u2019s Łódź Rd,,,\n"
    path = csv(tmp_path, (HEADER + line).encode("cp1250", "replace"))
    guessed = read_addresses(path, {})
    assert "not UTF-8" in guessed.notes[0]
    assert "£ódŸ" in good(guessed)[0].street
    said = read_addresses(path, {}, encoding="cp1250")
    assert said.notes == ()
    assert "\u2019s Łódź Rd" in good(said)[0].street
    (row,) = good(read_addresses(csv(tmp_path, (HEADER + line).encode("utf-16")), {}, encoding="utf-16"))
    assert row.street == "Peña\u2019s Łódź Rd"
    (row,) = good(read_addresses(csv(tmp_path, (HEADER + line).encode()), {}))
    assert row.street == "Peña\u2019s Łódź Rd"
    with pytest.raises(ZoneError, match="not in ascii"):
        list(read_addresses(path, {}, encoding="ascii"))
    for name in ("latin-0", "hex", "a\0b"):
        with pytest.raises(ZoneError, match="no encoding"):
            read_addresses(path, {}, encoding=name)


def test_texts_of_a_shapefile_that_says_another_encoding_than_they_are_in(tmp_path: Path) -> None:
    """A .cpg that says Latin-1 beside texts in UTF-8 gave `PeÃ±a`."""
    frame = gpd.GeoDataFrame(
        [PHILADELPHIA | {"ST_NAME": "PEÑA", "stname": "N PEÑA ST"}], geometry=[LINE], crs="EPSG:4326"
    )
    frame.to_file(tmp_path / "s.shp", encoding="utf-8")
    (tmp_path / "s.cpg").write_text("ISO-8859-1")
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for file in tmp_path.glob("s.*"):
            if file.suffix != ".zip":
                archive.write(file, file.name)
    found = read_streets(tmp_path / "s.zip", {})
    assert [row.name for row in good(found)] == ["N PEÑA ST"]
    assert "UTF-8" in found.notes[0]
    (row,) = good(read_streets(tmp_path / "s.zip", {}, encoding="latin-1"))
    assert row.name != "N PEÑA ST"


def test_a_coordinate_system_that_is_said_wins_over_the_files_and_is_reported(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame([PHILADELPHIA], geometry=[LINE], crs="EPSG:4326").to_crs("EPSG:2272")
    frame.set_crs("EPSG:2271", allow_override=True).to_file(tmp_path / "s.gpkg")
    found = read_streets(tmp_path / "s.gpkg", {}, crs="EPSG:2272")
    assert "EPSG:2271" in found.notes[0]
    assert good(found)[0].line.distance(LINE) < 1e-6


@pytest.mark.parametrize("header", ["lon,lat", "LONGITUDE,LATITUDE", "X,Y", "Point_X,Point_Y"])
def test_names_of_coordinates(header: str, tmp_path: Path) -> None:
    (row,) = read_addresses(csv(tmp_path, f"{header},number,street\n-75.1,39.9,12,Elm St\n"), {})
    assert (row.lon, row.lat) == (-75.1, 39.9)


def test_semicolons_and_columns_by_mapping(tmp_path: Path) -> None:
    path = csv(tmp_path, "lon;lat;HAUS;WEG\n-75.1;39.9;12;Elm St\n")
    (row,) = read_addresses(path, {"number": "HAUS", "street": "WEG"})
    assert (row.number.number, row.street) == (12, "Elm St")


def test_coordinates_in_feet_with_their_system(tmp_path: Path) -> None:
    path = csv(tmp_path, "x,y,number,street\n2693000,235000,12,Elm St\n")
    (row,) = read_addresses(path, {}, crs="EPSG:2272")
    assert (row.lon, row.lat) == (pytest.approx(-75.17, abs=0.02), pytest.approx(39.95, abs=0.02))


def test_an_address_in_one_column(tmp_path: Path) -> None:
    (row,) = read_addresses(csv(tmp_path, "lon,lat,address\n-75.1,39.9,12 1/2 Elm St\n"), {})
    assert (str(row.number), row.street) == ("12 1/2", "Elm St")


def test_a_street_in_parts(tmp_path: Path) -> None:
    path = csv(tmp_path, "lon,lat,hse_nbr,pre_dir,st_name,st_type\n-75.1,39.9,12,N,BROAD,ST\n")
    (row,) = read_addresses(path, {})
    assert row.street == "N BROAD ST"


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        ("a,b\n1,2\n", {}, "No column looks like house numbers: a, b"),
        ("number,b\n1,2\n", {}, "No column looks like streets: number, b"),
        (HEADER + GOOD, {"number": "HSE"}, "There is no field 'HSE'."),
        (HEADER + GOOD, {"nummer": "NUMBER"}, "There is no meaning 'nummer'."),
        ("", {}, "first line"),
        (b"PK\x03\x04\0\0", {}, "not a CSV file"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_at_once(
    text: str | bytes, given: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ZoneError, match=message):
        read_addresses(csv(tmp_path, text), given)


def test_the_columns_of_a_file_of_streets_or_landmarks_are_listed_where_none_is_known(tmp_path: Path) -> None:
    path = geojson(tmp_path / "s.geojson", [{"was": "Elm", "heute": "Ulme", "shape": LINE}])
    with pytest.raises(ZoneError, match="No column looks like the names of streets: was, heute"):
        read_streets(path, {})
    with pytest.raises(ZoneError, match="No column looks like names: was, heute"):
        read_landmarks(path, {})


def test_other_refusals(tmp_path: Path) -> None:
    with pytest.raises(ZoneError, match="There is no such file"):
        read_addresses(tmp_path / "none.csv", {})
    with pytest.raises(ZoneError, match="no layers"):
        read_addresses(csv(tmp_path, HEADER + GOOD), {}, layer="a")
    with pytest.raises(ZoneError, match="no coordinate system"):
        read_addresses(csv(tmp_path, HEADER + GOOD), {}, crs="+proj=longlat +nadgrids=/etc/passwd")
    with pytest.raises(ZoneError, match="no lines for streets"):
        read_streets(csv(tmp_path, HEADER + GOOD), {})


# Shapes


def test_addresses_of_geojson_and_a_lot_by_a_point_inside(tmp_path: Path) -> None:
    path = geojson(
        tmp_path / "a.geojson",
        [
            {"number": 12, "street": "Elm St", "shape": Point(-75.1, 39.9)},
            {"number": "14", "street": "Elm St", "shape": Point(-75.1, 39.9).buffer(0.001)},
            {"number": 16, "street": "Elm St", "shape": None},
        ],
    )
    rows = list(read_addresses(path, {}))
    assert [row.number.number for row in good(rows)] == [12, 14]
    assert (good(rows)[1].lon, good(rows)[1].lat) == (pytest.approx(-75.1, abs=0.001), pytest.approx(39.9, abs=0.001))
    assert reasons(rows) == [(3, "lon: there is none.")]


LINE = LineString([(-75.0, 40.0), (-75.0, 40.001)])
PHILADELPHIA = {"stname": "N BROAD ST", "PRE_DIR": "N", "ST_NAME": "BROAD", "ST_TYPE": "ST", "L_F_ADD": 100,
                "L_T_ADD": 198, "R_F_ADD": 0, "R_T_ADD": 0, "seg_id": 7}  # fmt: skip
TIGER = {"FULLNAME": "Elm St", "LFROMADD": "99", "LTOADD": "1", "RFROMADD": "", "RTOADD": None, "ZIPL": "19121",
         "LINEARID": "7"}  # fmt: skip


@pytest.mark.parametrize(
    ("properties", "street"),
    [
        (PHILADELPHIA, StreetRow("7", "N BROAD ST", (100, 198), None, "", "", 3, LINE)),
        (TIGER, StreetRow("7", "Elm St", (99, 1), None, "19121", "", 3, LINE)),
    ],
)
def test_streets_of_philadelphia_and_of_the_census(
    properties: dict[str, Any], street: StreetRow, tmp_path: Path
) -> None:
    assert list(read_streets(geojson(tmp_path / "s.geojson", [properties | {"shape": LINE}]), {})) == [street]


@pytest.mark.parametrize(
    ("ends", "numbers"),
    [
        ((0, 0), None),
        (("", ""), None),
        ((0, 98), (2, 98)),
        ((99, 0), (99, 1)),
        ((901, 0), (901, 901)),
        ((0, 901), (901, 901)),
        ((12, ""), (12, 12)),
        (("", "7-9"), (7, 7)),
    ],
)
def test_zeroes_and_blanks_of_ranges(ends: tuple[Any, Any], numbers: tuple[int, int] | None, tmp_path: Path) -> None:
    row = TIGER | {"LFROMADD": ends[0], "LTOADD": ends[1], "shape": LINE}
    (street,) = read_streets(geojson(tmp_path / "s.geojson", [row]), {})
    assert isinstance(street, StreetRow)
    assert street.left == numbers


def test_streets_of_a_shapefile(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame([PHILADELPHIA], geometry=[LINE], crs="EPSG:4326").to_crs("EPSG:2272")
    frame.to_file(tmp_path / "s.shp")
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for file in tmp_path.glob("s.*"):
            if file.suffix != ".zip":
                archive.write(file, file.name)
    (row,) = read_streets(tmp_path / "s.zip", {})
    assert (row.name, row.left, row.line.distance(LINE)) == ("N BROAD ST", (100, 198), pytest.approx(0, abs=1e-6))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"shape": Point(0, 1)}, "It has no line."),
        ({"shape": None}, "It has no line."),
        ({"shape": LineString([(1, 1), (1, 1)])}, "Its line has no length"),
        ({"stname": "", "ST_NAME": "", "PRE_DIR": "", "ST_TYPE": ""}, "name: there is none."),
        ({"L_F_ADD": "many"}, "left_from: this is not a house number."),
    ],
)
def test_bad_rows_of_streets(change: dict[str, Any], reason: str, tmp_path: Path) -> None:
    row = PHILADELPHIA | {"shape": LINE} | change
    path = geojson(tmp_path / "s.geojson", [PHILADELPHIA | {"shape": LINE}, row])
    ((number, told),) = reasons(read_streets(path, {}))
    assert (number, told.startswith(reason)) == (2, True), told


def test_landmarks_without_a_first_line(tmp_path: Path) -> None:
    path = csv(tmp_path, "City Hall,1 Penn Sq\n,2 Penn Sq\nNowhere,\n")
    rows = list(read_landmarks(path, {}, header=["name", "address"]))
    assert [(number, row.name, row.address) for number, row in good(rows)] == [(1, "City Hall", "1 Penn Sq")]
    assert [number for number, _ in reasons(rows)] == [2, 3]


@pytest.mark.parametrize(
    ("number", "suffix", "kept"), [("12", "A", "12A"), ("12 B", "", "12B"), ("12-C", "", "12C"), ("12½", "", "12 1/2")]
)
def test_a_letter_in_a_column_of_its_own_or_apart_is_of_the_number(
    number: str, suffix: str, kept: str, tmp_path: Path
) -> None:
    text = f"lon,lat,number,addnumsuff,street\n-75,40,{number},{suffix},Elm St\n"
    (row,) = good(read_addresses(csv(tmp_path, text), {}))
    assert str(row.number) == kept


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("100 MAIN ST", ("100", "MAIN ST", "", "", "")),
        ("100 MAIN ST APT 5", ("100", "MAIN ST", "APT 5", "", "")),
        ("100 Main St. #5", ("100", "Main St.", "#5", "", "")),
        ("100 1/2 MAIN ST 19121", ("100 1/2", "MAIN ST", "", "", "19121")),
        ("100 N Main St, Unit 3, Bellhaven, PA 19121-1234", ("100", "N Main St", "", "Bellhaven", "19121")),
        ("104 B OAK ST", ("104B", "OAK ST", "", "", "")),
        ("104 B ST", ("104", "B ST", "", "", "")),
        ("104 N B ST", ("104", "N B ST", "", "", "")),
        ("104 J F KENNEDY BLVD", ("104", "J F KENNEDY BLVD", "", "", "")),
        ("100 UNIT ST", ("100", "UNIT ST", "", "", "")),
        ("12345 FLOOR RD", ("12345", "FLOOR RD", "", "", "")),
    ],
)
def test_an_address_in_one_column_is_taken_apart(address: str, expected: tuple[str, ...], tmp_path: Path) -> None:
    (row,) = good(read_addresses(csv(tmp_path, f'lon,lat,address\n-75,40,"{address}"\n'), {}))
    assert (str(row.number), row.street, row.unit, row.city, row.zip) == expected


def test_what_the_columns_say_goes_before_what_the_address_says(tmp_path: Path) -> None:
    text = 'lon,lat,address,city,zip\n-75,40,"1 Elm St, Easton 18042",Weston,18256\n'
    (row,) = good(read_addresses(csv(tmp_path, text), {}))
    assert (row.street, row.city, row.zip) == ("Elm St", "Weston", "18256")


def test_a_line_without_an_end_is_not_read_whole(tmp_path: Path) -> None:
    path = csv(tmp_path, HEADER + GOOD + "a," * 5_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(ZoneError, match="One of its lines is longer than 1000 KB"):
            list(read_addresses(path, {}))
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_cells_of_shapes_are_no_longer_than_any_address(tmp_path: Path) -> None:
    rows = [{"name": "City Hall " * 10_000, "shape": Point(-75, 40)}]
    ((_, row),) = good(read_landmarks(geojson(tmp_path / "l.geojson", rows), {}))
    assert len(row.name) <= LONGEST_CELL

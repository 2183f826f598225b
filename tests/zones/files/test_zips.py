"""Zips: what may be in one, and what a Shapefile in it may lack."""

import struct
import zipfile
from pathlib import Path

import pytest

from tests.zones.test_importing import EAST, WEST, geojson, refusal, two, zipped
from zones.files import archives
from zones.importing import read_zones


def test_several_shapefiles_in_a_zip_need_a_layer(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", two(), name="wards")
    zipped(path, two(NAME=["a", "b"]), name="parks")
    assert "parks, wards" in refusal(path).hint
    assert "parks, wards" in refusal(path, layer="roads").hint
    assert [zone.name for zone in read_zones(path, layer="parks").zones] == ["a", "b"]
    assert "no layers" in refusal(geojson(tmp_path / "x.json", [{"name": "a", "shape": EAST}]), layer="a").message


def test_what_a_mac_adds_to_a_zip_is_not_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", two())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("__MACOSX/nested/._zones.shp", b"junk")
    assert len(read_zones(path).zones) == 2


def test_a_truncated_shapefile_is_refused(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "whole.zip", two())
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(whole) as good, zipfile.ZipFile(path, "w") as bad:
        for member in good.infolist():
            data = good.read(member)
            bad.writestr(member.filename, data[:150] if member.filename.endswith(".shp") else data)
    refusal(path)


def test_a_shp_that_is_a_vrt_opens_nothing(tmp_path: Path) -> None:
    """GDAL goes by content, and a virtual file may name any other file or address."""
    secret = geojson(tmp_path / "secret.geojson", [{"name": "secret", "shape": EAST}])
    layer = f"<OGRVRTLayer name='secret'><SrcDataSource>{secret}</SrcDataSource></OGRVRTLayer>"
    vrt = f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>"
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for suffix in (".shp", ".shx", ".dbf"):
            archive.writestr(f"zones{suffix}", vrt)
    assert "not a Shapefile" in refusal(path).message


@pytest.mark.parametrize("name", ["../zones.shp", "/etc/zones.shp", "a/../../zones.shp", "..\\zones.shp", "C:\\z.shp"])
def test_a_path_that_leads_out_of_the_zip_is_refused(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "x.zip", two())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"x")
    assert "unsafe path" in refusal(path).message


def test_a_zip_that_swells_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zones.shp", bytes(archives.RATIO_FROM_BYTES + 1))
    assert "unpacks to 16 MB" in refusal(path).message


def test_a_zip_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", two())
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    while entry >= 0:  # APPNOTE 4.3.12: the uncompressed size stands 24 bytes into a central directory header
        struct.pack_into("<I", data, entry + 24, 10)
        entry = data.find(b"PK\x01\x02", entry + 4)
    path.write_bytes(bytes(data))
    refusal(path)


def test_a_zip_of_too_many_files_or_with_a_password_is_refused(tmp_path: Path) -> None:
    crowded, locked = tmp_path / "crowded.zip", zipped(tmp_path / "locked.zip", two())
    with zipfile.ZipFile(crowded, "w") as archive:
        for number in range(archives.MAX_MEMBERS + 1):
            archive.writestr(f"{number}.txt", b"")
    assert "1001 files" in refusal(crowded).message
    data = bytearray(locked.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # APPNOTE 4.4.4: bit 0 of the flags
    locked.write_bytes(bytes(data))
    assert "encrypted" in refusal(locked).message


def test_a_missing_shx_is_made_anew(tmp_path: Path) -> None:
    found = read_zones(zipped(tmp_path / "x.zip", two(), without=(".shx",)))
    assert [zone.geometry.equals(shape) for zone, shape in zip(found.zones, (EAST, WEST), strict=True)] == [True, True]
    assert "missing .shx" in found.notes[0]


def test_without_dbf_a_name_is_asked_for(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", two(), without=(".dbf",))
    assert "no fields" in refusal(path).message
    found = read_zones(path, name="Ward")
    assert [zone.name for zone in found.zones] == ["Ward", "Ward (2)"]
    assert "no .dbf" in found.notes[0]


@pytest.mark.parametrize(
    ("written", "cpg", "option"),
    [
        ("utf-8", "UTF-8", None),
        ("cp1252", "1252", None),
        ("cp1251", "cp1251", None),
        ("utf-8", None, None),  # it does not say so, but it reads as nothing else
        ("iso-8859-1", None, None),
        ("cp1251", None, "cp1251"),
    ],
)
def test_names_are_read_in_the_code_page_of_the_file(
    tmp_path: Path, written: str, cpg: str | None, option: str | None
) -> None:
    names = ["Район Заречный", "Öst"] if written == "cp1251" else ["Peñón", "Île"]
    names = [name.encode(written, "ignore").decode(written) for name in names]
    folder = tmp_path / "zones-files"
    folder.mkdir()
    two(NAME=names).to_file(folder / "zones.shp", encoding=written)
    (folder / "zones.cpg").unlink(missing_ok=True)
    dbf = folder / "zones.dbf"
    dbf.write_bytes(dbf.read_bytes()[:29] + b"\x00" + dbf.read_bytes()[30:])  # no code page in its header
    if cpg:
        (folder / "zones.cpg").write_text(cpg)
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    assert [zone.name for zone in read_zones(path, encoding=option).zones] == names


def test_a_wrong_code_page_is_told_and_not_garbled(tmp_path: Path) -> None:
    folder = tmp_path / "zones-files"
    folder.mkdir()
    two(NAME=["Peñón", "Île"]).to_file(folder / "zones.shp", encoding="iso-8859-1")
    (folder / "zones.cpg").write_text("UTF-8")
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    assert "--encoding" in refusal(path).hint
    assert [zone.name for zone in read_zones(path, encoding="latin-1").zones] == ["Peñón", "Île"]
    assert "encoding" in refusal(path, encoding="klingon").message


def test_a_zip_of_something_else_says_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "no Shapefile" in refusal(path).message


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    link = zipfile.ZipInfo("zones.shp")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "unsafe path" in refusal(path).message

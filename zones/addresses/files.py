"""Read files of house numbers, streets with number ranges, and landmarks: each row as a value or a `BadRow`."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import shapely
from shapely.errors import ShapelyError

from zones.addresses.ranges import metres
from zones.addresses.readings import house_number, is_unit, zip_code
from zones.addresses.rows import AddressRow, BadRow, LandmarkRow, StreetRow
from zones.addresses.streets import street_name
from zones.addresses.words import DIRECTIONS, STATES, UNITS
from zones.errors import ZoneError, one_line
from zones.files import fields
from zones.files.rowfile import RowFile
from zones.files.sheets import Sheet, SheetRow, open_sheet

# fmt: off
_POINT = {
    "lon": ("lon", "lng", "long", "longitude", "x", "point_x", "x_coord", "geocode_x"),
    "lat": ("lat", "latitude", "y", "point_y", "y_coord", "geocode_y"),
}
ADDRESSES = _POINT | {
    "number": ("number", "housenumber", "house_number", "hse_nbr", "housenum", "addnum", "add_number", "st_num",
               "stnum", "streetnum", "streetnumber", "street_number", "addr_num", "address_number", "addrnum",
               "addr:housenumber"),
    "suffix": ("addnumsuff", "addnum_suf", "number_suffix", "hse_sfx", "addrnumsuf"),
    "street": ("street", "stname", "fullname", "full_street_name", "street_full", "stfullname", "fullstname",
               "addr:street", "full_name"),
    "before": ("predir", "pre_dir", "prefixdir", "dirpre", "st_predir", "direction", "street_predir", "stdir"),
    "name": ("st_name", "streetname", "street_name", "feanme", "st_nam", "basename"),
    "type": ("st_type", "streettype", "street_type", "suffix", "featyp", "streetsufx", "st_postyp", "street_suffix"),
    "after": ("post_dir", "postdir", "sufdir", "suf_dir", "suffixdir", "dirsuf", "st_posdir", "street_postdir"),
    "unit": ("unit", "unitid", "unit_id", "unit_num", "subunit", "apt"),
    "city": ("city", "municipality", "mun_name", "post_comm", "postal_city", "place", "town"),
    "zip": ("postcode", "zip", "zipcode", "zip_code", "post_code", "postal_code"),
    "address": ("address", "street_address", "fulladd", "full_address", "addrfull", "location"),
}
STREETS = {
    "name": ("fullname", "stname", "full_name", "street", "fullstname", "label", "name"),
    "before": ("pre_dir", "predir", "prefixdir", "dirpre", "predirabrv"),
    "bare": ("st_name", "streetname", "street_name", "feanme", "basename"),
    "type": ("st_type", "streettype", "street_type", "featyp", "suftypabrv"),
    "after": ("post_dir", "postdir", "sufdir", "suf_dir", "dirsuf", "sufdirabrv"),
    "left_from": ("l_f_add", "lfromadd", "lfromhn", "l_from_add", "left_from", "fromleft", "l_low", "from_addr_l",
                  "lf_addr", "l_add_from"),
    "left_to": ("l_t_add", "ltoadd", "ltohn", "l_to_add", "left_to", "toleft", "l_high", "to_addr_l", "lt_addr",
                "l_add_to"),
    "right_from": ("r_f_add", "rfromadd", "rfromhn", "r_from_add", "right_from", "fromright", "r_low", "from_addr_r",
                   "rf_addr", "r_add_from"),
    "right_to": ("r_t_add", "rtoadd", "rtohn", "r_to_add", "right_to", "toright", "r_high", "to_addr_r", "rt_addr",
                 "r_add_to"),
    "left_zip": ("zip_left", "zipl", "zip_l", "lzip", "l_zip", "left_zip"),
    "right_zip": ("zip_right", "zipr", "zip_r", "rzip", "r_zip", "right_zip"),
    "id": ("seg_id", "tlid", "linearid", "objectid", "id"),
    "class": (),  # of snow emergency routes; cities call it anything
}
LANDMARKS = _POINT | {
    "name": ("name", "landmark", "title", "label", "landmarkname", "facility"),
    "address": ("address", "street_address", "location"),
}
# fmt: on
HIGHEST_NUMBER = 999_999
MOST_LETTERS = 80  # of a street or a city
LONGEST_BLOCK_M = 100_000
FIRST_BLOCK = 199  # the highest number of the first block of a street
_RANKS = {1: ("EXPY", "FWY", "HWY", "RAMP", "TPKE"), 2: ("BLVD", "PKWY", "PIKE"), 4: ("ALY", "PATH", "TRL", "WALK")}
RANK = {kind: rank for rank, kinds in _RANKS.items() for kind in kinds}


Row = TypeVar("Row")


class _Bad(Exception):
    """A row cannot be used. The text is the reason."""


def read_addresses(
    path: Path,
    given: Mapping[str, str],
    *,
    layer: str | None = None,
    crs: str | None = None,
    encoding: str | None = None,
    header: Sequence[str] = (),
) -> RowFile[AddressRow]:
    """Open a file of addresses. Raises ZoneError at once when the file cannot be used or columns are missing."""
    sheet = open_sheet(path, ADDRESSES, given, layer=layer, crs=crs, encoding=encoding, header=header)
    if "number" not in sheet.columns and "address" not in sheet.columns:
        raise ZoneError(
            _no_column("house numbers", sheet), hint="Name it, such as --map number=HSE_NBR --map street=STREET."
        )
    if not {"street", "name", "address"} & set(sheet.columns):
        raise ZoneError(_no_column("streets", sheet), hint="Name it, such as --map street=STREET.")
    mapped = "street" in given
    return _file(sheet, lambda row: _address(row, sheet, mapped))


def read_streets(
    path: Path,
    given: Mapping[str, str],
    *,
    layer: str | None = None,
    crs: str | None = None,
    encoding: str | None = None,
) -> RowFile[StreetRow]:
    """Open a file of streets, which must have lines. Raises ZoneError as `read_addresses` does."""
    if path.suffix.lower() in {".csv", ".txt"}:
        raise ZoneError("A CSV file has no lines for streets.", hint="Use GeoJSON, a Shapefile or a GeoPackage.")
    sheet = open_sheet(path, STREETS, given, layer=layer, crs=crs, encoding=encoding)
    if not {"name", "bare"} & set(sheet.columns):
        raise ZoneError(_no_column("the names of streets", sheet), hint="Name it, such as --map name=STNAME.")
    mapped = "name" in given
    return _file(sheet, lambda row: _street(row, sheet, mapped))


def read_landmarks(
    path: Path,
    given: Mapping[str, str],
    *,
    layer: str | None = None,
    crs: str | None = None,
    encoding: str | None = None,
    header: Sequence[str] = (),
) -> RowFile[tuple[int, LandmarkRow]]:
    """Open a file of landmarks. Each row has its number, to report an address that is not found. Raises ZoneError."""
    sheet = open_sheet(path, LANDMARKS, given, layer=layer, crs=crs, encoding=encoding, header=header)
    if "name" not in sheet.columns:
        raise ZoneError(_no_column("names", sheet), hint="Name it: --map name=TITLE, or --columns name,address.")
    return _file(sheet, lambda row: (row.number, _landmark(row)))


def _good_or_bad(row: SheetRow, read: Callable[[SheetRow], Row]) -> Row | BadRow:
    if row.fault:
        return BadRow(row.number, row.fault)
    try:
        return read(row)
    except _Bad as error:
        return BadRow(row.number, str(error))
    except (ShapelyError, ValueError, OverflowError) as error:  # not foreseen by the checks; only this row is bad
        return BadRow(row.number, f"It cannot be read ({one_line(str(error))[:80]}).")


def _no_column(what: str, sheet: Sheet) -> str:
    return f"No column looks like {what}: {fields.listed(sheet.names) or 'it has none'}."


def _file(sheet: Sheet, read: Callable[[SheetRow], Row]) -> RowFile[Row]:
    return RowFile(sheet.notes, (_good_or_bad(row, read) for row in sheet.rows), sheet.doubts)


def _address(row: SheetRow, sheet: Sheet, mapped: bool) -> AddressRow:
    cells = row.cells
    number, street = cells["number"], _street_of(cells, sheet, "street", "name", mapped)
    if not number and not street and cells["address"]:
        number, street, *rest = _split(cells["address"])
        cells = {**cells, **{column: cells[column] or part for column, part in zip(_REST, rest, strict=True)}}
    house = house_number(f"{number} {cells['suffix']}".replace(" - ", "-"))
    if not number:
        raise _Bad("number: there is none.")
    if house is None or not 0 < house.number <= HIGHEST_NUMBER:
        raise _Bad("number: this is not a house number.")
    if not street:
        raise _Bad("street: there is none.")
    lon, lat = _point(row)
    city, unit = cells["city"][:MOST_LETTERS], cells["unit"][:MOST_LETTERS]
    return AddressRow(house, _known_street(street), unit, city, zip_code(cells["zip"]), lon, lat)


_REST = ("unit", "city", "zip")


def _split(address: str) -> tuple[str, str, str, str, str]:
    """Split `1234 1/2 N Broad St Apt 5, Philadelphia, PA 19121` into number, street, unit, city and ZIP code."""
    line, *behind = (part.strip() for part in address.split(","))
    words, unit = line.split(), ""
    zip_behind = zip_code(words.pop()) if len(words) > 2 and zip_code(words[-1]) else ""
    for i in range(2, len(words)):
        word, following = words[i].upper().rstrip("."), words[i + 1] if i + 1 < len(words) else ""
        if word.startswith("#") or (word in UNITS and is_unit(word, following.upper().lstrip("#"))):
            words, unit = words[:i], " ".join(words[i:])
            break
    at = 2 if len(words) > 2 and _of_number(words[1], words[2:]) else 1
    city = next((part for part in behind if part.upper() not in STATES and part.replace(" ", "").isalpha()), "")
    zips = [found for part in behind for word in part.split() if (found := zip_code(word))]
    return " ".join(words[:at]), " ".join(words[at:]), unit, city, zip_behind or (zips[-1] if zips else "")


def _of_number(word: str, street: Sequence[str]) -> bool:
    """Return whether a word belongs to the number: 1/2, or the B of 104 B OAK ST; not of B ST or J F KENNEDY BLVD."""
    letter = len(word) == 1 and word.isalpha() and word.upper() not in DIRECTIONS
    return word[1:2] == "/" or (letter and len(street) > 1 and len(street[0]) > 1)


def _street_of(cells: Mapping[str, str], sheet: Sheet, whole: str, bare: str, mapped: bool) -> str:
    """Return the name of a street, from one column or put together from its parts."""
    in_parts = not mapped and bare in sheet.columns and {"type", "before"} & set(sheet.columns)
    if cells[whole] and not (in_parts and cells[bare]):
        return cells[whole]
    return " ".join(part for part in (cells["before"], cells[bare], cells["type"], cells["after"]) if part)


@lru_cache(maxsize=20_000)
def _known_street(street: str) -> str:
    if len(street) > MOST_LETTERS or not street_name(street).core:
        raise _Bad("street: this is not the name of a street.")
    return street


def _street(row: SheetRow, sheet: Sheet, mapped: bool) -> StreetRow:
    cells, line = row.cells, row.shape
    name = _street_of(cells, sheet, "name", "bare", mapped)
    if not name:
        raise _Bad("name: there is none.")
    name = _known_street(name)
    if line is None or line.is_empty or line.geom_type not in {"LineString", "MultiLineString"}:
        raise _Bad("It has no line.")
    west, south, east, north = line.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise _Bad("Its line lies outside the world.")
    if line.length == 0 or metres((west, south), (east, north)) > LONGEST_BLOCK_M:
        raise _Bad("Its line has no length, or is longer than any street.")
    left, right = _range(cells, "left"), _range(cells, "right")
    zips = zip_code(cells["left_zip"]), zip_code(cells["right_zip"])
    rank = RANK.get(street_name(name).kind, 3)
    return StreetRow(
        cells["id"] or None, name, left, right, *zips, rank, shapely.force_2d(line), cells["class"][:MOST_LETTERS]
    )


def _range(cells: Mapping[str, str], side: str) -> tuple[int, int] | None:
    """Return the range of a side. Cities write two zeroes for no houses; a single 0 is the start of a first block."""
    ends = []
    for column in (f"{side}_from", f"{side}_to"):
        house = house_number(cells[column]) if cells[column] else None
        if cells[column] and (house is None or house.number > HIGHEST_NUMBER):
            raise _Bad(f"{column}: this is not a house number.")
        ends.append(None if house is None else house.number)
    first, last = ends
    if not first and not last:
        return None
    other = first or last or 0
    lowest = 2 - other % 2 if other <= FIRST_BLOCK else other  # of the same side
    first, last = (lowest if end == 0 else other if end is None else end for end in (first, last))
    return first, last


def _landmark(row: SheetRow) -> LandmarkRow:
    name = row.cells["name"]
    if not any(c.isalnum() for c in name):
        raise _Bad("name: there is none.")
    located = row.shape is not None or row.cells["lon"] or row.cells["lat"]
    if not located and not row.cells["address"]:
        raise _Bad("lon, lat: give them, or an address.")
    return LandmarkRow(name, _point(row) if located else None, row.cells["address"])


def _point(row: SheetRow) -> tuple[float, float]:
    """Return the place of a row, from its shape (a point inside it) or from its columns."""
    if row.shape is not None and not row.shape.is_empty:
        shape = row.shape if row.shape.geom_type == "Point" else row.shape.representative_point()
        lon, lat = float(shape.x), float(shape.y)
    else:
        lon, lat = _degrees(row.cells, "lon"), _degrees(row.cells, "lat")
    if not (abs(lon) <= 180 and abs(lat) <= 90):
        raise _Bad("lon, lat: they lie outside the world; if they are in feet or metres, give --crs.")
    if lon == lat == 0:
        raise _Bad("lon, lat: both are 0, which tables write for unknown.")
    return lon, lat


def _degrees(cells: Mapping[str, str], column: str) -> float:
    try:
        value = float(cells[column])
    except ValueError:
        raise _Bad(f"{column}: {'this is not a number' if cells[column] else 'there is none'}.") from None
    if not math.isfinite(value):
        raise _Bad(f"{column}: this is not a number.")
    return value

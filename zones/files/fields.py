"""Choose the column that names a file's zones, and read columns as text."""

import codecs
import math
import unicodedata
from collections.abc import Sequence

import geopandas as gpd

from zones.errors import ZoneError

SHOWN = 60  # fields listed in an error
MAX_NAME = 120  # characters; anything longer is a description
# Names that cities use, likeliest first, compared without case, spaces, dashes and underscores.
# fmt: off
COMMON = (
    "name", "zonename", "zone", "ezone", "evaczone", "evacuationzone", "evac",
    "evactype", "neighborhood", "neighbourhood", "neighborho",
    "neighborhoodname", "nbhdname", "nbhd", "hood", "mapname", "listname", "namelsad10", "namelsad",
    "name10", "name20", "fullname", "fname", "bdname", "ntaname",
    "prineigh", "community", "communityname", "districtname", "distname", "district", "distnum", "borocd",
    "boroname", "ward", "wardname", "precinct", "collectionday", "route", "areaname", "title", "label", "zip",
    "zipcode", "code",
)
# fmt: on


def choose(frame: gpd.GeoDataFrame, columns: Sequence[str], wanted: str | None, dissolve: str | None = None) -> str:
    """Return the column of names: the one wanted, the one that parts are united by, or the likeliest.

    Raises ZoneError with a list of the columns.
    """
    if wanted is not None or dissolve is not None:
        return require(columns, wanted or dissolve or "")
    by_key = {_key(column): column for column in reversed(columns)}
    likely = [by_key[key] for key in COMMON if key in by_key]
    fit = []
    for column in likely:
        values = texts(frame, column)
        if all(values) and len(set(map(str.casefold, values))) == len(values):
            fit.append((any("_" in value for value in values), column))
    if fit:
        return min(fit, key=lambda one: one[0])[1]  # residents read the names, so prefer Old City to OLD_CITY
    if likely:
        return likely[0]
    if not columns:
        raise ZoneError("Its features have no fields, so no names.", hint="Add --name, or give each feature a name.")
    raise ZoneError(
        f"No field looks like a name: {listed(columns)}.", hint="Name it with --name-field, or give a name with --name."
    )


def require(columns: Sequence[str], field: str) -> str:
    if field in columns:
        return field
    raise ZoneError(f"There is no field {field!r}.", hint=f"Fields: {listed(columns) or 'none'}.")


def texts(frame: gpd.GeoDataFrame, field: str | None) -> list[str]:
    """Return a column as tidy text, one line per row; "" where there is nothing."""
    if field is None:
        return [""] * len(frame)
    column = frame[field]
    return ["" if absent else _text(value) for value, absent in zip(column.tolist(), column.isna(), strict=True)]


def name_fault(name: str, field: str) -> str:
    """Return why a text cannot name a zone, or "" if it can."""
    if not name:
        return f"It has no name in {field}."
    return f"Its name is longer than {MAX_NAME} characters." if len(name) > MAX_NAME else ""


def listed(columns: Sequence[str]) -> str:
    """List the columns of a file for an error, the first `SHOWN` of them."""
    return ", ".join(columns[:SHOWN]) + (" ..." if len(columns) > SHOWN else "")


def known_encoding(name: str) -> str:
    """Return the encoding's standard name. Raises ZoneError if there is no such encoding."""
    try:
        "".encode(name)
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        raise ZoneError(f"There is no encoding {name[:40]!r}.", hint="Name it like utf-8 or cp1252.") from None


def tidy(text: str) -> str:
    """Return a text as one line, trimmed, in Unicode's composed form (NFC)."""
    # Control characters could disguise one name as another, and lone surrogates (Cs) cannot be stored. Format
    # characters (Cf) are invisible inside words.
    shown = "".join(c for c in text if unicodedata.category(c) != "Cf")
    plain = "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in shown)
    return " ".join(unicodedata.normalize("NFC", plain).split())


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""  # lists, objects, bytes
    if isinstance(value, float):  # tables write 18 as 18.0
        return str(int(value)) if value.is_integer() else str(value) if math.isfinite(value) else ""
    return tidy(value) if isinstance(value, str) else str(value)


def _key(column: str) -> str:
    return "".join(c for c in column.casefold() if c.isalnum())

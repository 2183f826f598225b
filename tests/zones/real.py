"""Real zone files beside the repository. Tests that need one are skipped where it is absent.

`CASES` are all of them, with options; `python -m tests.zones.real` prints what comes of each, for docs/zone-files.md.
"""

import shlex
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from zones.errors import ZoneError
from zones.files.zonefile import Options, ZoneFile
from zones.geometry import area_m2
from zones.importing import read_zones

DATA = Path(__file__).parents[2].parent / "shared" / "data"
FOLDERS = ("zones", "ugly")

# Files that need an answer, each with one or more that it can be given. All others are read without options.
ANSWERS: dict[str, tuple[str, ...]] = {
    "zones/fl_okaloosa_evac_shp.zip": ("--dissolve EVAC_ZONE",),
    "zones/fl_palmbeach_evac_shp.zip": ("--dissolve FNAME",),
    "zones/fl_stjohns_evac.kml": ("--dissolve ZONE",),
    "zones/fl_stjohns_evac_shp.zip": ("--dissolve ZONE", "--number-duplicates"),
    "zones/nyc_zipcodes.geojson": ("--dissolve ZIPCODE",),
    "zones/phl_city_limits.geojson": ("--name 'City limits'",),
    "zones/phl_snow_emergency_routes.geojson": ("--buffer-m 15 --dissolve stname",),
    "zones/phl_snow_emergency_routes_shp.zip": ("--buffer-m 15 --dissolve STNAME",),
    "ugly/albania.kmz": ("--buffer-m 1000",),
    "ugly/bowtie.json": ("--name Bowtie",),
    "ugly/fiona_coutwildrnp.zip": ("--dissolve NAME", "--number-duplicates"),
    "ugly/gpkg_data_only_tables.gpkg": ("--layer oregon_cities",),
    "ugly/gpkg_mixed_crs.gpkg": ("--layer oregon_2269", "--layer oregon_4326"),
    "ugly/gpkg_null_crs_gdal.gpkg": ("--crs EPSG:4326", "--crs EPSG:2269"),
    "ugly/invalid_rings.json": ("--name Rings",),
    "ugly/kml_cdata.kml": ("--buffer-m 100 --name Place",),
    "ugly/kml_multigeometry.kml": ("--buffer-m 100",),
    "ugly/kml_noname.kml": ("--buffer-m 100 --name Path",),
    "ugly/kml_simpledata.kml": ("--buffer-m 100 --name-field TrailHeadName",),
    "ugly/mixed_geometry_types.json": ("--buffer-m 100",),
    "ugly/multipolygon_holes.json": ("--name Holes",),
    "ugly/ogc_ex11.geojson": ("--name-field Example",),
    "ugly/ogc_ex12.geojson": ("--name-field Example",),
    "ugly/pyogrio_curvepolygon.gpkg": ("--name Curve",),
    "ugly/pyogrio_line_zm.gpkg": ("--buffer-m 50 --name Line",),
    "ugly/shp_latin1_names.zip": ("--buffer-m 100",),
    "ugly/shp_no_prj_no_dbf_cell.zip": ("--crs EPSG:4326 --name Cell",),
    "ugly/geojsonhint_bad/bad-polygon-interiorring-rhr.geojson": ("--name Zone",),
    "ugly/geojsonhint_bad/different-first-last.geojson": ("--name Zone",),
    "ugly/geojsonhint_bad/featurecollection_changed_semantics.geojson": ("--name-field prop0",),
    "ugly/geojsonhint_bad/polygon_winding_order.geojson": ("--name Zone",),
    "ugly/geojsonhint_bad/short-linearring.geojson": ("--name Zone",),
    "ugly/geojsonhint_good/good-featurecollection.geojson": ("--name-field prop0",),
    "ugly/geojsonhint_good/good-featurecollection-extensions.geojson": (
        "--buffer-m 100 --name-field prop0 --number-duplicates",
    ),
    "ugly/geojsonhint_good/good-linestring.geojson": ("--buffer-m 100 --name Line",),
    "ugly/geojsonhint_good/good-polygon.geojson": ("--name Zone",),
    "ugly/geojsonhint_good/multipolygon.geojson": ("--name Zone",),
}


@dataclass(frozen=True)
class Case:
    """A file of the collection, read with options of the command."""

    file: str
    options: str

    @property
    def path(self) -> Path:
        return DATA / self.file

    def parsed(self) -> Options:
        words = shlex.split(self.options)
        kinds = get_type_hints(Options)
        values: dict[str, Any] = {}
        while words:
            name = words.pop(0).removeprefix("--").replace("-", "_")
            values[name] = True if kinds[name] is bool else words.pop(0)
        if "buffer_m" in values:
            values["buffer_m"] = float(values["buffer_m"])
        return replace(Options(), **values)

    @cache  # noqa: B019 - the cases are few, and live as long as the tests
    def read(self) -> ZoneFile:
        return read_zones(self.path, self.parsed())

    def cells(self) -> tuple[str, ...]:
        """The row of the table that tells of it: file, options, zones, square kilometres, what happened or why not."""
        shown = f"`{self.options}`" if self.options else ""
        try:
            found = self.read()
        except ZoneError as error:
            return self.file, shown, "refused", "", plain(str(error).removeprefix(f"{self.path.name}: "))
        return self.file, shown, str(len(found.zones)), f"{square_km(found):.6g}", plain(story(found))


def real_file(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip("../shared/data is absent")
    return path


def all_files() -> list[str]:
    return sorted(
        str(path.relative_to(DATA)) for folder in FOLDERS for path in (DATA / folder).rglob("*") if path.is_file()
    )


def cases() -> list[Case]:
    """Every file as it is, and with each of its answers."""
    return [Case(file, options) for file in all_files() for options in ("", *ANSWERS.get(file, ()))]


def square_km(found: ZoneFile) -> float:
    return sum(area_m2(zone.geometry) for zone in found.zones) / 1e6


def story(found: ZoneFile) -> str:
    """What happened, in a few words: kinds of mending with their numbers, and the largest change of an area."""
    kinds = Counter(mended.what.split(" (")[0].split(" at ")[0] for mended in found.mended)
    united = [int(what.split()[1]) for what in kinds.elements() if what.startswith("united")]
    told = [f"in {found.crs}", f"named by {found.name_field}" if found.name_field else "name given"]
    single = {what: count for what, count in kinds.items() if not what.startswith("united")}
    told += [f"{what} ({count} features)" if count > 1 else what for what, count in single.items()]
    told += [f"{sum(united)} parts united"] if united else []
    changes = [abs(mended.area_change_percent) for mended in found.mended if mended.area_change_percent is not None]
    told += [f"area changed by {max(changes):.2g} % at most" if max(changes) else "area unchanged"] if changes else []
    told += [f"{len(found.left_out)} left out: {found.left_out[0].split(': ', 1)[1]}"] if found.left_out else []
    return "; ".join([*told, *found.notes])


def plain(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    for case in cases():
        print("| " + " | ".join(case.cells()) + " |")  # noqa: T201

"""The options for reading a file of zones, and the result. They are passed between processes."""

from dataclasses import dataclass

from shapely.geometry import MultiPolygon, Polygon

from zones.files.options import option

REPAIR_PERCENT = 1.0  # a repair that changes a zone's area by more than this must be confirmed


@dataclass(frozen=True, slots=True)
class Options:
    """How to read a file. Everything has a default; an error asks for an option that cannot be guessed."""

    name_field: str | None = option(None, "The field that holds the names.", longest=200)
    name: str | None = option(None, "A name for its zones, where no field has one.", longest=200)
    id_field: str | None = option(None, "The field that holds your own ids.", longest=200)
    layer: str | None = option(None, "Which layer, where a file has several.", longest=200)
    dissolve: str | None = option(None, "Merge the parts that share this field.", metavar="FIELD", longest=200)
    number_duplicates: bool = option(False, "Call a second zone of the same name NAME (2).")
    crs: str | None = option(
        None, "Its coordinate system, such as EPSG:2272, where the file does not say.", metavar="EPSG:n", longest=200
    )
    encoding: str | None = option(None, "Of a Shapefile's texts, such as cp1252.", longest=40)
    swap_axes: bool = option(False, "Its coordinates have latitude first.")
    buffer_m: float | None = option(
        None, "Make zones of this many metres around lines and points.", least=0.1, most=10_000
    )


@dataclass(frozen=True, slots=True)
class CleanZone:
    """A zone with a tidy name and a valid polygon or multipolygon in WGS 84."""

    name: str
    external_id: str | None
    geometry: Polygon | MultiPolygon


@dataclass(frozen=True, slots=True)
class Mending:
    """A repair of a zone, and how it changed the area, in per cent of the larger one; None if it did not.

    The area before is the area within each shell minus that within each hole: see docs/zone-files.md.
    """

    zone: str
    what: str
    area_change_percent: float | None = None

    @property
    def is_large(self) -> bool:
        return abs(self.area_change_percent or 0.0) > REPAIR_PERCENT

    def __str__(self) -> str:
        if self.area_change_percent is None:
            return f"{self.zone}: {self.what}"
        return f"{self.zone}: {self.what}, area {self.area_change_percent:+.3g} %"


@dataclass(frozen=True, slots=True)
class ZoneFile:
    """The contents of a file. `left_out`: a line and a reason for each shape left out; `notes`: on the whole file."""

    zones: tuple[CleanZone, ...]
    mended: tuple[Mending, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    crs: str  # of the file, as EPSG:n if it has a number
    name_field: str  # empty if the name was given
    doubts: tuple[str, ...] = ()  # about the file, a sentence each, to be confirmed

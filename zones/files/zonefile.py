"""What is asked of a file of zones, and what it turned out to hold. No library is needed to pass these around."""

from dataclasses import dataclass

from shapely.geometry import MultiPolygon, Polygon

REPAIR_PERCENT = 1.0  # a repair that changes a zone's area by more than this is for a person to look at


@dataclass(frozen=True, slots=True)
class Options:
    """How to read a file. All of it has a sensible default; what cannot be guessed is asked for in an error."""

    layer: str | None = None  # where a file has several
    crs: str | None = None  # such as EPSG:2272, where the file does not say
    encoding: str | None = None  # of the names in a Shapefile
    swap_axes: bool = False  # its coordinates are latitude, longitude
    buffer_m: float | None = None  # metres around lines and points
    name_field: str | None = None
    name: str | None = None  # for all of its zones, where no field names them
    id_field: str | None = None
    dissolve: str | None = None  # unite the parts that share this field
    number_duplicates: bool = False


@dataclass(frozen=True, slots=True)
class CleanZone:
    """A zone as it can be kept: a stripped name and a valid polygon or multipolygon in WGS 84."""

    name: str
    external_id: str | None
    geometry: Polygon | MultiPolygon


@dataclass(frozen=True, slots=True)
class Mending:
    """What was mended of a zone. The change of its area by that, in per cent of the larger one: None if there is none.

    "Before" is what its rings enclose one by one, those of holes taken off: see docs/zone-files.md.
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
    """What a file holds. `left_out` says what and why, a line each; `notes` are about the file as a whole."""

    zones: tuple[CleanZone, ...]
    mended: tuple[Mending, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    crs: str  # that of the file, as EPSG:n where it has a number
    name_field: str  # empty where the name was given
    doubts: tuple[str, ...] = ()  # about the file, to be confirmed, a sentence each

"""Read collection schedules from a CSV file, or from the fields of a file of zones: each row as its texts."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from zones.addresses.rows import BadRow
from zones.errors import ZoneError
from zones.files import fields
from zones.files.rowfile import RowFile, ScheduleRow
from zones.files.sheets import SheetRow, open_sheet

# Meaning -> the columns that cities use for it, likeliest first.
# fmt: off
MEANINGS = {
    "zone": ("zone", "zone_name", "zone_id", "collection_zone", "route", "name", "id"),
    "address": ("address", "street_address", "full_address", "location"),
    "stream": ("stream", "streams", "material", "waste_type", "service", "type"),
    "weekdays": ("weekdays", "weekday", "collection_day", "collectday", "collday", "day", "days", "pickup_day"),
    "week": ("week", "ab_week", "collectsub", "cycle", "rotation"),
    "first": ("first", "first_date", "base_date", "start_date", "anchor"),
    "season": ("season",),
    "dates": ("dates", "listed_dates", "collection_dates", "pickup_dates"),
    "set_out": ("set_out", "set_out_time", "setout"),
}
# fmt: on


def read_schedules(
    path: Path,
    given: Mapping[str, str],
    *,
    layer: str | None = None,
    crs: str | None = None,
    encoding: str | None = None,
    header: Sequence[str] = (),
) -> RowFile[ScheduleRow]:
    """Open a file of schedules. What is in no column may be given for all rows, so none but the zone or address is
    asked for here. Raises ZoneError when the file cannot be used."""
    sheet = open_sheet(path, MEANINGS, given, layer=layer, crs=crs, encoding=encoding, header=header)
    if not {"zone", "address"} & set(sheet.columns):
        raise ZoneError(
            f"No column looks like a zone or an address: {fields.listed(sheet.names) or 'it has none'}.",
            hint="Name it, such as --map zone=DISTRICT.",
        )
    return RowFile(sheet.notes, (_row(row) for row in sheet.rows), sheet.doubts)


def _row(row: SheetRow) -> ScheduleRow | BadRow:
    return BadRow(row.number, row.fault) if row.fault else ScheduleRow(row.number, dict(row.cells))

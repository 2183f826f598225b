"""`tocsin streets ...`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from notify.city import geocoder
from notify.cli import acting
from notify.cli.addresses import Accept, Crs, DryRun, Encoding, Layer, Mapped, Source, mapping, tell
from notify.cli.commands import Commands, Json, TimeLimit
from notify.core.db import transaction
from zones.files import quarantine
from zones.files.rowfile import STREETS

commands = Commands(help="Streets with the house numbers of their blocks.", no_args_is_help=True)


@commands.callback()
def group() -> None:
    """Streets with the house numbers of their blocks."""  # without a callback, Typer does not make a group of one


@commands.named("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Lines: GeoJSON, a zipped Shapefile, GeoPackage.")],
    mapped: Mapped = None,
    source: Source = geocoder.CITY,
    crs: Crs = None,
    layer: Layer = None,
    encoding: Encoding = None,
    time_limit: TimeLimit = None,
    accept_warnings: Accept = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Import streets, one block per row. Bad rows are listed; a failed import changes nothing."""
    options = {"given": mapping(mapped), "layer": layer, "crs": crs, "encoding": encoding}
    with transaction() as s:
        by = acting.administrator(s)
    with quarantine.read_rows(STREETS, file, options, seconds=time_limit) as rows, transaction() as s:
        kept = geocoder.keep_streets(s, rows, source, datetime.now(UTC), by, confirmed=accept_warnings)
        if dry_run:
            s.rollback()
    tell(kept, ("block of a street", "blocks of streets"), dry_run, as_json)

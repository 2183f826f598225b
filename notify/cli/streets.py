"""`tocsin streets ...`."""

from datetime import UTC, datetime

from notify.city import geocoder
from notify.cli.addresses import Accept, Crs, DryRun, Encoding, Layer, Lines, Mapped, Source, importing, mapping, tell
from notify.cli.commands import Commands, Json, TimeLimit
from zones.files.rowfile import STREETS

commands = Commands(help="Streets with the house numbers of their blocks.", no_args_is_help=True)


@commands.callback()
def group() -> None:
    """Streets with the house numbers of their blocks."""  # without a callback, Typer does not make a group of one


@commands.named("import")
def import_(
    file: Lines,
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
    with importing(STREETS, file, options, time_limit, dry_run=dry_run) as (s, rows, by):
        kept = geocoder.keep_streets(s, rows, source, datetime.now(UTC), by, confirmed=accept_warnings)
    tell(kept, ("block of a street", "blocks of streets"), dry_run, as_json)

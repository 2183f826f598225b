"""`tocsin snow ...`."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from notify.cli.addresses import SHOWN, Crs, DryRun, Encoding, Layer, Lines, Mapped, Source, importing, mapping
from notify.cli.commands import Commands, Json, TimeLimit
from notify.cli.output import console, print_json
from notify.core.counting import counted
from notify.service311.snow import routes
from zones.files.rowfile import STREETS

commands = Commands(help="Snow emergencies: import the routes.", no_args_is_help=True)


@commands.callback()
def group() -> None:
    """Snow emergencies: import the routes."""  # without a callback, Typer does not make a group of one


@commands.named("routes")
def import_routes(
    file: Lines,
    mapped: Mapped = None,
    route_class: Annotated[
        str, typer.Option("--class", metavar="NAME", help="The class of the routes, if the city has several.")
    ] = "",
    source: Source = "city",
    crs: Crs = None,
    layer: Layer = None,
    encoding: Encoding = None,
    time_limit: TimeLimit = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Import snow emergency routes, one block per row. Bad rows are listed; a failed import changes nothing."""
    options = {"given": mapping(mapped), "layer": layer, "crs": crs, "encoding": encoding}
    with importing(STREETS, file, options, time_limit, dry_run=dry_run) as (s, rows, by):
        kept = routes.keep(s, rows, source, datetime.now(UTC), by, route_class)
    if as_json:
        print_json(asdict(kept))
        return
    for bad in kept.bad[:SHOWN]:
        console.print(f"Row {bad.number}: {bad.reason}", markup=False, soft_wrap=True)
    named = ", ".join(f"{name or 'without a class'}: {count}" for name, count in sorted(kept.classes.items()))
    said = f"{counted(kept.kept, 'block')} of snow emergency routes ({named}), in place of {kept.replaced};"
    console.print(f"{said} {counted(kept.bad_count, 'row')} refused.", markup=False, soft_wrap=True)
    if dry_run:
        console.print("Dry run: nothing was changed.")

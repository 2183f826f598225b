"""`tocsin map ...`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from notify.city import basemap
from notify.city.basemap import LAYERS
from notify.cli import acting
from notify.cli.addresses import Accept
from notify.cli.commands import Commands, Json, TimeLimit
from notify.cli.output import console, print_json
from notify.core.db import transaction
from zones.files import quarantine
from zones.files.rowfile import MAP_SHAPES

commands = Commands(help="The layers of the map, besides streets and zones.", no_args_is_help=True)


@commands.named("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Any file that zones can be imported from.")],
    layer: Annotated[str, typer.Option(help=f"The map's layer: {', '.join(LAYERS)}.")],
    name_field: Annotated[str | None, typer.Option(help="The field with the names.")] = None,
    file_layer: Annotated[str | None, typer.Option(help="The layer of the file, if it has several.")] = None,
    crs: Annotated[str | None, typer.Option(metavar="EPSG:n", help="Overrides the file's coordinate system.")] = None,
    encoding: Annotated[str | None, typer.Option(help="The encoding of a Shapefile, such as cp1252.")] = None,
    time_limit: TimeLimit = None,
    accept_warnings: Accept = False,
    as_json: Json = False,
) -> None:
    """Replace a layer of the map, and report what was left out. A failed import changes nothing."""
    basemap.check_layer(layer)
    options = {"drawn_as": layer, "lines_too": basemap.has_lines(layer), "name_field": name_field}
    options |= {"layer": file_layer, "crs": crs, "encoding": encoding}
    with transaction() as s:
        by = acting.administrator(s)
    with quarantine.read_rows(MAP_SHAPES, file, options, seconds=time_limit) as shapes, transaction() as s:
        done = basemap.replace_layer(s, layer, shapes, datetime.now(UTC), by, confirmed=accept_warnings)
    if as_json:
        print_json(done)
        return
    for line in done.left_out:
        console.print(f"Left out: {line}", markup=False)
    for note in done.notes:
        console.print(f"Note: {note}", markup=False)
    console.print(f"On the map: {done.kept:,} of {layer}.")


@commands.named("show")
def show(as_json: Json = False) -> None:
    """Show how many shapes each layer of the map has."""
    with transaction() as s:
        counts = basemap.counts(s)
    if as_json:
        print_json(counts)
        return
    for layer, count in counts.items():
        console.print(f"{layer:10} {count:>9,}", markup=False)

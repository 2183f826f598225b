"""`tocsin zones ...`."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from notify import atlas
from notify.cli.commands import Commands, Json
from notify.cli.output import console, print_json, table
from notify.db import transaction
from zones.geometry import from_wkb, to_geojson
from zones.importing import read_zones

commands = Commands(help="Import and look at zones.", no_args_is_help=True)


@commands.named("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="GeoJSON, or a zipped Shapefile.")],
    kind: Annotated[str, typer.Option(help=", ".join(atlas.KINDS))],
    name_field: Annotated[str | None, typer.Option(help="The field that holds the names.")] = None,
    id_field: Annotated[str | None, typer.Option(help="The field that holds your own ids.")] = None,
    layer: Annotated[str | None, typer.Option(help="Which layer, where a file has several.")] = None,
    dissolve: Annotated[
        str | None, typer.Option(metavar="FIELD", help="Merge the parts that share this field.")
    ] = None,
    crs: Annotated[str | None, typer.Option(metavar="EPSG:n", help="Where the file does not say.")] = None,
    as_json: Json = False,
) -> None:
    """Import zones; says what was mended. A failed import changes nothing."""
    found = read_zones(file, name_field=name_field, id_field=id_field, layer=layer, dissolve=dissolve, crs=crs)
    with transaction() as s:
        kept = atlas.keep(s, kind, found.zones, file.name, datetime.now(UTC))
    if as_json:
        print_json({"imported": kept, "mended": list(found.mended), "left_out": list(found.left_out)})
        return
    for line in found.mended:
        console.print(f"Mended: {line}", markup=False)
    for line in found.left_out:
        console.print(f"Left out: {line}", markup=False)
    console.print(
        f"{len(found.zones)} zones: {len(kept.added)} new, {len(kept.changed)} changed, {len(kept.unchanged)} as before"
    )


@commands.named("list")
def list_(kind: Annotated[str | None, typer.Option(help="Only this kind.")] = None, as_json: Json = False) -> None:
    """All zones."""
    with transaction() as s:
        zones = atlas.all_zones(s, kind)
    rows = [(x.zone.id, x.zone.kind, x.zone.name, x.version.number, round(x.version.area_m2 / 1e6, 3)) for x in zones]
    columns = ("id", "kind", "name", "version", "km2")
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        table(columns, rows)


@commands.named("show")
def show(name: Annotated[str, typer.Argument(help="Its name, or kind:name.")], as_json: Json = False) -> None:
    """One zone; with --json as a GeoJSON feature."""
    with transaction() as s:
        found = atlas.find(s, name)
    about = {
        "id": found.zone.id,
        "kind": found.zone.kind,
        "name": found.zone.name,
        "version": found.version.number,
        "area_m2": round(found.version.area_m2),
        "hash": found.version.hash,
        "source": found.version.source,
    }
    if as_json:
        geometry = to_geojson(from_wkb(found.version.geometry))
        geometry = json.loads(geometry) if isinstance(geometry, str) else geometry
        print_json({"type": "Feature", "properties": about, "geometry": geometry})
    else:
        table(("", ""), about.items())

"""`tocsin zones ...`."""

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from notify.city import zone_import
from notify.city import zones as city_zones
from notify.city.zone_import import Accepted, Report
from notify.cli import acting
from notify.cli.commands import As, Commands, Json
from notify.cli.output import console, print_json, table
from notify.core.counting import counted
from notify.core.db import transaction
from notify.core.errors import Invalid
from zones.errors import one_line
from zones.files import quarantine
from zones.files.options import Option, spread
from zones.files.zonefile import Options
from zones.geometry import from_wkb, to_geojson

commands = Commands(help="Import and show zones, and say who keeps them right.", no_args_is_help=True)


def _offered(name: str, of: Any, option: Option) -> Any:
    flag = f"--{name.replace('_', '-')}"  # alone: without it, a bool would get a --no- of its own
    return Annotated[
        of, typer.Option(flag, help=option.words, metavar=option.metavar, min=option.least, max=option.most)
    ]


@commands.named("import")
@partial(spread, annotated=_offered)
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="GeoJSON, TopoJSON, KML, KMZ, GeoPackage, a zipped Shapefile or file geodatabase."
        ),
    ],
    kind: Annotated[str, typer.Option(help=", ".join(city_zones.KINDS))],
    options: Options,
    accepted: Accepted,
    replace_kind: Annotated[
        bool, typer.Option("--replace-kind", help="Retire all zones of the kind that are not in it.")
    ] = False,
    keep_others: Annotated[bool, typer.Option("--keep-others", help="Retire no zone.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    time_limit: Annotated[
        float | None, typer.Option(min=1, max=600, help="Seconds that reading it may take; grows with its size.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Import zones; says what was mended. A failed import changes nothing. docs/zone-files.md explains all of it.

    Exits with 2 when nothing was imported, also of a dry run: where the import would ask for an option.
    """
    if replace_kind and keep_others:
        raise Invalid("--replace-kind and --keep-others exclude each other.", hint="Say one of them.")
    kind = "neighbourhood" if kind.lower() == "neighborhood" else kind
    with transaction() as s:
        by = acting.administrator(s)
    found = quarantine.read_zones(file, options, seconds=time_limit)
    with transaction() as s:
        report = zone_import.take(
            s,
            kind,
            found,
            one_line(file.name)[-200:],
            datetime.now(UTC),
            by,
            others="replace" if replace_kind else "keep" if keep_others else "edition",
            accepted=accepted,
            dry_run=dry_run,
        )
    if as_json:
        print_json(report)
    else:
        for line in _report_lines(report):
            console.print(line, markup=False, soft_wrap=True)
    if report.needs:
        raise typer.Exit(2)


def _report_lines(report: Report) -> list[str]:
    """Return the report as lines for people, the summary last."""
    named = "names given" if not report.name_field else f"named by {report.name_field}"
    did = report.imported
    west, south, east, north = report.extent
    counts = f"{len(did.added)} new, {len(did.changed)} changed, {len(did.unchanged)} as before"
    retired = f", {len(did.retired)} retired" if did.retired else ""
    others = f"; {report.others} of other files stay" if report.others else ""
    return [
        f"Read in {report.crs}, {named}",
        f"Extent: longitude {west:.4f} to {east:.4f}, latitude {south:.4f} to {north:.4f}, {report.place}",
        *(f"Zone: {name}, {km2:,.3f} km2" for name, km2 in report.areas_km2.items() if report.dry_run),
        *(f"Note: {line}" for line in report.notes),
        *(f"Mended: {line}" for line in report.mended),
        *(f"Left out: {line}" for line in report.left_out),
        *(f"Retired: {name}" for name in did.retired),
        *(f"Warning: {line}" for line in report.warnings),
        *(f"Needs {option}" for option in report.needs),
        f"{counted(report.zones, 'zone')}: {counts}{retired}{others}",
        *(["Dry run: nothing was changed"] if report.dry_run else []),
    ]


@commands.named("list")
def list_(kind: Annotated[str | None, typer.Option(help="Only this kind.")] = None, as_json: Json = False) -> None:
    """List all zones."""
    with transaction() as s:
        zones = city_zones.all_zones(s, kind)
    rows = [(x.zone.id, x.zone.kind, x.zone.name, x.version.number, round(x.version.area_m2 / 1e6, 3)) for x in zones]
    columns = ("id", "kind", "name", "version", "km2")
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        table(columns, rows)


@commands.named("show")
def show(name: Annotated[str, typer.Argument(help="Its name, or kind:name.")], as_json: Json = False) -> None:
    """Show a zone; with --json as a GeoJSON feature."""
    with transaction() as s:
        found = city_zones.find(s, name)
    about = {
        "id": found.zone.id,
        "kind": found.zone.kind,
        "name": found.zone.name,
        "version": found.version.number,
        "area_m2": round(found.version.area_m2),
        "hash": found.version.hash,
        "source": found.version.source,
        "owner": found.zone.owner,
    }
    if as_json:
        geometry = to_geojson(from_wkb(found.version.geometry))
        geometry = json.loads(geometry) if isinstance(geometry, str) else geometry
        print_json({"type": "Feature", "properties": about, "geometry": geometry})
    else:
        table(("", ""), about.items())


@commands.named("owner")
def owner(
    name: Annotated[str, typer.Argument(help="Its name, or kind:name.")],
    of: Annotated[str, typer.Argument(metavar="OWNER", help='The person or office; "" for nobody.')],
    operator: As,
    as_json: Json = False,
) -> None:
    """Say who keeps a zone right."""
    with transaction() as s:
        by, zone = acting.required(s, operator), city_zones.find(s, name).zone
        city_zones.set_owner(s, zone.id, of, datetime.now(UTC), by)
    if as_json:
        print_json({"id": zone.id, "name": zone.name, "owner": zone.owner})
    else:
        console.print(f"{zone.name} is kept by {zone.owner or 'nobody'}.", markup=False)

"""`tocsin addresses ...`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from notify.city import geocoder
from notify.city.geocoder.outside import look_up
from notify.cli import acting
from notify.cli.commands import Commands, Json, TimeLimit
from notify.cli.output import console, print_json, table
from notify.core.counting import counted
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.core.settings import settings
from notify.models import Operator
from zones.files import quarantine
from zones.files.rowfile import ADDRESSES, LANDMARKS, RowFile, RowKind

commands = Commands(help="House numbers and landmarks: import, find.", no_args_is_help=True)

Source = Annotated[
    str, typer.Option(metavar="NAME", help="The source of the rows; an import replaces all rows of the same source.")
]
Mapped = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="MEANING=COLUMN", help="The column for a meaning, if it is not recognised."),
]
Crs = Annotated[str | None, typer.Option(metavar="EPSG:n", help="The coordinate system; overrides that of the file.")]
Layer = Annotated[str | None, typer.Option(help="The layer, if the file has several.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Report what would be imported, but change nothing.")]
Encoding = Annotated[str | None, typer.Option(help="The encoding of a CSV or a Shapefile, such as cp1252.")]
Accept = Annotated[
    bool, typer.Option("--accept-warnings", help="Import despite warnings: you have checked where the data lie.")
]
Lines = Annotated[Path, typer.Argument(metavar="FILE", help="Lines: GeoJSON, a zipped Shapefile, GeoPackage.")]
SHOWN = 20  # bad rows shown to people; --json lists more


@commands.named("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, GeoJSON, a zipped Shapefile, GeoPackage.")],
    kind: Annotated[str, typer.Option(help="address or landmark")] = "address",
    mapped: Mapped = None,
    columns: Annotated[str, typer.Option(help="The columns of a CSV without a header, such as name,address.")] = "",
    source: Source = geocoder.CITY,
    crs: Crs = None,
    layer: Layer = None,
    encoding: Encoding = None,
    time_limit: TimeLimit = None,
    accept_warnings: Accept = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Import addresses or landmarks. Bad rows are listed; a failed import changes nothing."""
    if kind not in {"address", "landmark"}:
        raise Invalid(f"There is no kind {kind!r}.", hint="Give address or landmark.")
    header = [name.strip() for name in columns.split(",")] if columns else []
    options = {"given": mapping(mapped), "layer": layer, "crs": crs, "encoding": encoding, "header": header}
    now, rows_of = datetime.now(UTC), ADDRESSES if kind == "address" else LANDMARKS
    with importing(rows_of, file, options, time_limit, dry_run=dry_run) as (s, rows, by):
        if kind == "address":
            kept = geocoder.keep_addresses(s, rows, source, now, by, confirmed=accept_warnings)
        else:
            kept = geocoder.keep_landmarks(
                s, rows, source, now, lambda address: geocoder.locate(s, address), by, confirmed=accept_warnings
            )
    tell(kept, (kind, ""), dry_run, as_json)


@commands.named("find")
def find(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="As somebody wrote it.")], as_json: Json = False
) -> None:
    """Find an address, a crossing or a landmark."""
    found = look_up(text, settings())
    if as_json:
        print_json(found)
        return
    rows = [(m.label, m.kind, f"{m.lon:.6f}", f"{m.lat:.6f}", m.score, m.by) for m in found.matches]
    if rows:
        table(("place", "kind", "lon", "lat", "score", "by"), rows)
    console.print("Certain: it needs no confirmation." if found.certain else found.message, markup=False)


@contextmanager
def importing(
    kind: RowKind[Any], file: Path, options: Mapping[str, Any], seconds: float | None, *, dry_run: bool
) -> Iterator[tuple[Session, RowFile[Any], Operator | None]]:
    """Read the rows of a file for an administrator, in a transaction that a dry run takes back."""
    with transaction() as s:
        by = acting.administrator(s)
    with quarantine.read_rows(kind, file, options, seconds=seconds) as rows, transaction() as s:
        yield s, rows, by
        if dry_run:
            s.rollback()


def mapping(given: Sequence[str] | None) -> dict[str, str]:
    """Read `--map number=HSE_NBR` as meaning and column. Raises Invalid."""
    found = {}
    for one in given or ():
        meaning, equals, column = one.partition("=")
        if not (meaning and equals and column):
            raise Invalid(f"--map {one!r} is not valid.", hint="Write it like --map number=HSE_NBR.")
        found[meaning.strip()] = column.strip()
    return found


def tell(kept: geocoder.Kept, what: tuple[str, str], dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json(asdict(kept) | {"dry_run": dry_run})
        return
    for bad in kept.bad[:SHOWN]:
        console.print(f"Row {bad.number}: {bad.reason}", markup=False)
    if kept.bad_count > SHOWN:
        console.print(
            f"... and {counted(kept.bad_count - SHOWN, 'more row')}; --json lists up to a thousand.", markup=False
        )
    for note in kept.notes:
        console.print(f"Note: {note}", markup=False)
    instead = f" instead of {kept.replaced:,}" if kept.replaced else ""
    console.print(
        f"{counted(kept.kept, *what)} of {kept.source!r}{instead}, {counted(kept.bad_count, 'row')} left out.",
        markup=False,
    )
    if dry_run:
        console.print("Nothing was changed.")

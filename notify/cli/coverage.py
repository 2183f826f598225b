"""`tocsin coverage ...`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from notify.audience import coverage
from notify.cli import acting
from notify.cli.commands import Commands, Json
from notify.cli.output import console, print_json, table
from notify.core.counting import counted
from notify.core.db import transaction
from notify.core.errors import Invalid

commands = Commands(help="How many residents of each zone are signed up.", no_args_is_help=True)
Kind = Annotated[str, typer.Option(help="The kind of the zones; default: the one that residents know best.")]


@commands.named("show")
def show(kind: Kind = "", as_json: Json = False) -> None:
    """Residents signed up in each zone, against its addresses and population, the least covered first. Counts of
    residents are rounded down to tens."""
    with transaction() as s:
        kind = kind or next(iter(coverage.kinds(s)), "")
    if not kind:
        raise Invalid("There are no zones.", hint="Import them: `tocsin zones import FILE --kind neighbourhood`.")
    found = coverage.measure(kind, datetime.now(UTC))
    if as_json:
        print_json(found.as_json())
        return
    table(
        ("zone", "residents", "addresses", "population", "per 100", "languages"),
        [
            (
                one.zone,
                f"{one.residents:,}",
                f"{one.addresses:,}",
                "" if one.population is None else f"{one.population:,}",
                "" if one.share is None else f"{100 * one.share:.1f}",
                ", ".join(f"{language} {count:,}" for language, count in one.languages.items()),
            )
            for one in found.zones
        ],
    )
    console.print(
        "Signed up of 100 people who live there."
        if found.by_population
        else "Signed up per 100 addresses. To count per 100 people: `tocsin coverage population FILE.csv`."
    )
    console.print(
        f"{found.residents:,} people are signed up. {found.elsewhere:,} of them have no place in any of these zones."
    )


@commands.named("population")
def population(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Columns: zone, population.")],
    kind: Annotated[str, typer.Option(help="The kind of the zones.")] = "neighbourhood",
) -> None:
    """Store how many people live in each zone, in place of what was stored for this kind."""
    with transaction() as s:
        missing = coverage.set_populations(s, kind, file, datetime.now(UTC), acting.administrator(s))
    console.print("Stored.")
    if missing:
        console.print(
            f"Without a population: {counted(len(missing), 'zone')}: {', '.join(missing[:20])}.", markup=False
        )

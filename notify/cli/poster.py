"""`tocsin poster`."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from notify.city import zones as city_zones
from notify.cli.commands import Commands
from notify.cli.output import console
from notify.core.counting import counted
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.core.settings import settings
from notify.subscribers import posters

commands = Commands(help="Posters that ask residents to join.", no_args_is_help=True)


@commands.named("poster")
def poster(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The folder for the PDFs.")],
    zone: Annotated[
        list[str] | None, typer.Option(help="A zone: its name, or kind:name. May be repeated.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All zones of the kind.")] = False,
    kind: Annotated[str, typer.Option(help="The kind of --all.")] = "neighbourhood",
    paper: Annotated[Literal["letter", "a4", "both"], typer.Option(help="The size of the page.")] = "both",
) -> None:
    """Write posters of zones as PDF: the keyword JOIN and its number, a QR code to sign up.

    They are in the city's languages."""
    if bool(zone) == every:
        raise Invalid("Give --zone NAME, or --all.")
    if kind not in city_zones.KINDS:
        raise Invalid(f"{kind!r} is not a kind of zone.", hint=f"Use one of {', '.join(city_zones.KINDS)}.")
    with transaction() as s:
        chosen = city_zones.all_zones(s, kind) if every else city_zones.find_all(s, zone or [])
        made = [(one.zone.kind, posters.about(s, one.zone, settings())) for one in chosen]
    if not made:
        raise Invalid(f"There is no zone of the kind {kind}.", hint="`tocsin zones list` shows all zones.")
    sizes = list(posters.PAPERS) if paper == "both" else [paper]
    now = datetime.now(UTC)
    try:
        output.mkdir(parents=True, exist_ok=True)
        for of_kind, one in made:
            for size in sizes:
                name = f"{of_kind}-{_file_name(one.zone)}-{size}.pdf"
                (output / name).write_bytes(posters.pdf(one, posters.PAPERS[size], settings(), now))
    except OSError as error:
        raise Invalid(f"{output} cannot be written: {error.strerror}.", hint="Choose another folder.") from None
    console.print(f"{counted(len(made) * len(sizes), 'poster')} in {output}.", markup=False)
    if not all(one.number for _, one in made):
        console.print("No sender of texts is open, so they name no number: `tocsin senders list`.")


def _file_name(zone: str) -> str:
    return re.sub(r"\W+", "-", zone.casefold()).strip("-") or "zone"

"""`tocsin open311 ...`."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape

from notify.cli.commands import Commands, Json
from notify.cli.output import console, moment, print_json, table
from notify.core.errors import NotFound, Unavailable
from notify.core.settings import settings
from notify.service311.open311 import client, endpoint

commands = Commands(help="The city's request system (Open311): what it takes, and one request.", no_args_is_help=True)


@commands.named("services")
def services(as_json: Json = False) -> None:
    """List what the city takes requests for: this asks its system once and shows whether it can be reached."""
    with endpoint.opened(settings()) as city:
        try:
            found = city.services()
        except client.Unavailable as error:
            raise Unavailable(f"The services cannot be read: {error}.", hint=endpoint.hint()) from None
    if as_json:
        print_json([asdict(one) for one in found])
        return
    table(
        ("code", "service", "group", "answers"),
        [(escape(one.code), escape(one.name), escape(one.group), escape(one.answers)) for one in found],
    )


@commands.named("request")
def request(
    number: Annotated[str, typer.Argument(metavar="ID", help="The number that the city gave the request.")],
    as_json: Json = False,
) -> None:
    """Show one request as the city's system has it now."""
    with endpoint.opened(settings()) as city:
        try:
            found = city.request(number)
        except client.Unavailable as error:
            raise Unavailable(f"The request cannot be read: {error}.", hint=endpoint.hint()) from None
    if found is None:
        raise NotFound(f"The city's system has no request {number!r}.", hint="Ask the caller for the number once more.")
    if as_json:
        print_json(asdict(found))
        return
    state = "open" if found.is_open else "closed"
    console.print(f"{found.id}: {found.service}, {state}", markup=False)
    if found.status != state:
        console.print(f"  the city says: {found.status}", markup=False)
    for label, said in (
        ("notes", found.notes),
        ("where", found.address),
        ("who", found.agency),
        ("made", found.requested_at and moment(found.requested_at)),
        ("changed" if found.is_open else "closed", found.updated_at and moment(found.updated_at)),
        ("expected", found.expected_at and moment(found.expected_at)),
    ):
        if said:
            console.print(f"  {label}: {said}", markup=False)

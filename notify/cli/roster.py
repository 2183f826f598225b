"""`tocsin roster ...`."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from notify.accounts import roster
from notify.accounts.roster import Shift
from notify.cli import acting
from notify.cli.commands import As, Commands, Json
from notify.cli.output import console, moment, print_json, table
from notify.core import city_time
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.core.settings import settings

commands = Commands(help="The duty roster: who is asked to approve alerts.", no_args_is_help=True)
Note = Annotated[str, typer.Option(help="What whoever is on duty must know.")]


@commands.named("show")
def show(
    days: Annotated[int, typer.Option(min=1, max=31, help="How many days to show.")] = 7, as_json: Json = False
) -> None:
    """Show who is on duty now, who is next, and the shifts of the next days."""
    now = datetime.now(UTC)
    with transaction() as s:
        present = roster.at(s, now).now
        shifts = roster.between(s, now, now + timedelta(days=days))
    if as_json:
        print_json({"on_duty": _told(present) if present else None, "shifts": [_told(one) for one in shifts]})
        return
    if present:
        until = moment(present.duty.ends_at)
        console.print(f"{present.operator.email} is on duty until {until}; {present.deputy.email} deputises.")
    else:
        console.print("Nobody is on duty. `tocsin roster take --as EMAIL` takes over.")
    if shifts:
        table(
            ("id", "on duty", "deputy", "from", "until", "note"),
            [
                (d.id, operator.email, deputy.email, moment(d.starts_at), moment(d.ends_at), d.note or None)
                for d, operator, deputy in shifts
            ],
        )


@commands.named("set")
def set_(
    email: Annotated[str, typer.Argument(help="Who is on duty.")],
    operator: As,
    deputy: Annotated[str, typer.Option(metavar="EMAIL", help="Who deputises.")],
    start: Annotated[str, typer.Option("--from", help="2027-01-12T18:00, in the city's time.")],
    end: Annotated[str, typer.Option("--until", help="2027-01-13T06:00, or a length such as 12h.")],
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Plan a shift."""
    now = datetime.now(UTC)
    starts_at = _time("--from", start)
    length = city_time.span(end)
    ends_at = starts_at + length if length else _time("--until", end)
    with transaction() as s:
        by = acting.required(s, operator)
        duty = roster.plan(s, email, deputy, starts_at, ends_at, by, now, note)
    if as_json:
        print_json({"id": duty.id, "from": duty.starts_at, "until": duty.ends_at})
    else:
        console.print(f"{email} is on duty from {moment(duty.starts_at)} until {moment(duty.ends_at)}.")


@commands.named("take")
def take(
    operator: As,
    deputy: Annotated[
        str, typer.Option(metavar="EMAIL", help="Who deputises; without, whoever is relieved or comes next.")
    ] = "",
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Take over: go on duty now."""
    with transaction() as s:
        by = acting.required(s, operator)
        duty = roster.take_over(s, by, datetime.now(UTC), note, deputy)
    if as_json:
        print_json({"id": duty.id, "from": duty.starts_at, "until": duty.ends_at})
    else:
        console.print(f"{by.email} is on duty until {moment(duty.ends_at)}.")


def _time(option: str, words: str) -> datetime:
    try:
        return city_time.moment(words, settings().tz)
    except ValueError as error:
        raise Invalid(f"{option}: {words!r} {error}.") from None


def _told(shift: Shift) -> dict[str, Any]:
    duty = shift.duty
    return {
        "id": duty.id,
        "operator": shift.operator.email,
        "deputy": shift.deputy.email,
        "from": duty.starts_at,
        "until": duty.ends_at,
        "note": duty.note,
    }

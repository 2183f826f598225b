"""`tocsin alert new`: make a draft from the options on the command line."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import typer.core

from notify.alerts.writing import drafting
from notify.channels.channel import CHANNELS
from notify.city.parts import Along, Drawn, InZone, circle_from, segments_from
from notify.cli import acting
from notify.cli.commands import Json
from notify.cli.output import console_err, planned, print_json
from notify.content import compose
from notify.core import city_time
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.core.settings import settings

_LANGUAGE = re.compile(r"[a-z]{2,3}=")


class ListsBlanks(typer.core.TyperCommand):
    """A command whose help ends with the blanks of every event."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Blanks for --set, with examples (updates and all-clears take fewer)"):
            formatter.write_dl(
                [(event.name, compose.examples(event, next(iter(event.phases)))) for event in compose.catalogue().forms]
            )


def new(
    event: Annotated[str, typer.Option(help="outage, snow, storm or collection.")],
    author: Annotated[
        str | None, typer.Option("--as", metavar="EMAIL", help="The operator who writes it. Required.")
    ] = None,
    phase: Annotated[str, typer.Option(help="issue, update or all-clear.")] = "issue",
    zone: Annotated[list[str] | None, typer.Option(help="A zone's name; may be given several times.")] = None,
    area: Annotated[Path | None, typer.Option(help="A GeoJSON file with an area.")] = None,
    circle: Annotated[
        list[str] | None,
        typer.Option(metavar="LON,LAT,METRES", help="Everything within METRES of a point; or give ADDRESS,METRES."),
    ] = None,
    corridor: Annotated[
        list[str] | None, typer.Option(metavar="FILE,METRES", help="Everything within METRES of the lines in a file.")
    ] = None,
    street: Annotated[
        list[str] | None,
        typer.Option(metavar="WORDS", help="A street: N BROAD ST, or N BROAD ST 1200-1500 even (odd, left, right)."),
    ] = None,
    without_zone: Annotated[list[str] | None, typer.Option(help="A zone to exclude.")] = None,
    without_area: Annotated[Path | None, typer.Option(help="A GeoJSON file with an area to exclude.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="WORDS", help="What residents call the area; by language: --where en=... --where es=..."),
    ] = None,
    confirm: Annotated[
        list[str] | None,
        typer.Option(metavar="DOUBT", help="Confirm a doubt about the area: whole-city, outside-city, swapped."),
    ] = None,
    blanks: Annotated[
        list[str] | None, typer.Option("--set", metavar="BLANK=VALUE", help="Fill a blank of the message.")
    ] = None,
    severity: Annotated[str | None, typer.Option(help="CAP: Extreme, Severe, Moderate, Minor.")] = None,
    urgency: Annotated[str | None, typer.Option(help="CAP: Immediate, Expected, Future, Past.")] = None,
    certainty: Annotated[str | None, typer.Option(help="CAP: Observed, Likely, Possible, Unlikely.")] = None,
    channels: Annotated[
        str | None,
        typer.Option(help=f"Some of {', '.join(CHANNELS)}; by default all with an open sender."),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(
            help="How long it lasts, counted from --at or, without it, from now: 30m, 6h, 2d; or a time. By default"
            " 12h. The message states the end, so a later launch does not move it."
        ),
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Launch it at this time: an ISO 8601 time, or 2h from now.")
    ] = None,
    status: Annotated[str, typer.Option(help="Actual, Exercise or Test.")] = "Actual",
    incident: Annotated[int | None, typer.Option(metavar="ID", help="The incident that it belongs to.")] = None,
    corrects: Annotated[
        bool, typer.Option("--corrects", help="Residents read that it corrects the message before it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a draft and print its number. Nothing is sent until it is approved and launched."""
    now = datetime.now(UTC)
    filled = _pairs(blanks or [])
    if author is None:  # report missing blanks at the same time
        compose.fill(compose.catalogue().event(event), phase, filled)
        raise Invalid("--as is missing.", hint="Name the author with --as EMAIL.")
    lasts = city_time.span(expires or "")
    wanted = drafting.Draft(
        event=event,
        phase=phase,
        zones=tuple(zone or ()),
        area=_read(area) if area else None,
        parts=(
            *map(circle_from, circle or ()),
            *(_corridor(words) for words in corridor or ()),
            *map(segments_from, street or ()),
        ),
        without=(*map(InZone, without_zone or ()), *([Drawn(_read(without_area))] if without_area else ())),
        confirmed=confirm or (),
        area_description=_by_language(where or []),
        blanks=filled,
        channels=None if channels is None else [name.strip() for name in channels.split(",") if name.strip()],
        severity=severity,
        urgency=urgency,
        certainty=certainty,
        status=status_of(status),
        expires_at=None if lasts else _moment("--expires", expires),
        lasts=lasts,
        launch_at=launch_time(at, now),
        incident=incident,
        corrects=corrects,
    )
    with transaction() as s:
        by = acting.required(s, author)
    wanted = drafting.located(wanted, by)
    with transaction() as s:
        alert = drafting.draft(s, wanted, by, now, settings())
    if as_json:
        print_json(
            {
                "id": alert.id,
                "incident": alert.incident_id,
                "state": alert.state,
                "lane": alert.lane,
                "launch_at": alert.launch_at,
                "expires_at": alert.expires_at,
            }
        )
        return
    print(alert.id)
    if alert.launch_at:  # not on stdout, which has only the number, for scripts
        console_err.print(f"To be launched at {planned(alert.launch_at)}, once it is approved and launched.")


def launch_time(at: str | None, now: datetime) -> datetime | None:
    """Return the time of `--at`: a moment, or a span from now. Raises Invalid."""
    return now + delay if (delay := city_time.span(at or "")) else _moment("--at", at)


def _corridor(words: str) -> Along:
    file, _, metres = words.rpartition(",")
    try:
        return Along(_read(Path(file)), float(metres))
    except ValueError:
        raise Invalid(f"{words!r} is not a corridor.", hint="Write a file and metres: river.geojson,150.") from None


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Invalid(f"{path} is not UTF-8 text.", hint="Give a GeoJSON file.") from None


def _by_language(given: Sequence[str]) -> str | dict[str, str]:
    """Read `Old Town` for everybody, or `en=Old Town` and `es=Casco Viejo`."""
    if len(given) < 2 and not any(_LANGUAGE.match(words) for words in given):
        return "".join(given)
    wrong = [words for words in given if not _LANGUAGE.match(words)]
    if wrong:
        raise Invalid(f"{wrong[0]!r} has no language.", hint="Use --where en=... --where es=...")
    return {language: words for language, _, words in (one.partition("=") for one in given)}


def _pairs(given: Sequence[str]) -> dict[str, str]:
    wrong = [pair for pair in given if "=" not in pair]
    if wrong:
        raise Invalid(f"--set takes BLANK=VALUE, not {wrong[0]!r}.")
    return {name.strip(): value for name, _, value in (pair.partition("=") for pair in given)}


def status_of(status: str) -> Literal["Actual", "Exercise", "Test"]:
    match status:
        case "Actual" | "Exercise" | "Test":
            return status
    raise Invalid(f"A status is Actual, Exercise or Test, not {status!r}.")


def _moment(option: str, words: str | None) -> datetime | None:
    if words is None:
        return None
    try:
        return city_time.moment(words, settings().tz)
    except ValueError as error:
        raise Invalid(f"{option}: {words!r} {error}.") from None

"""`tocsin collections notices`, `notice` and `storm`: what a holiday or a storm changes, told as at `/desk/notices`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from notify.channels.channel import CHANNELS
from notify.cli import acting
from notify.cli.commands import Commands, Json, MaybeAs
from notify.cli.output import console, moment, print_json, table
from notify.cli.writing import launch_time
from notify.core.counting import counted
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.core.settings import settings
from notify.models import Operator
from notify.models.states import AlertState
from notify.operations import tasks
from notify.service311.notices import acts, holidays, kept, looking, storm
from notify.service311.notices.causes import CAUSES
from notify.service311.notices.holidays import Told, Upcoming
from notify.service311.notices.looking import Look
from notify.service311.notices.publishing import Published
from notify.service311.notices.storm import DECISIONS, StormForm
from notify.service311.reminders import readers
from notify.service311.streams import STREAMS

Publish = Annotated[bool, typer.Option("--publish", help="Publish it. Without this it is only shown.")]
Channels = Annotated[
    str | None, typer.Option(help=f"Some of {', '.join(CHANNELS)}; by default those that the city uses for it.")
]
NOBODY_YET = "-"  # who decides it, of a look without --as


def add_to(commands: Commands) -> None:
    for name, function in (("notices", list_notices), ("notice", notice), ("storm", decide)):
        commands.add(name, function)


def list_notices(as_json: Json = False) -> None:
    """List the holidays of the next year and whether each was told, and the newest notices."""
    now = datetime.now(UTC)
    with transaction() as s:
        found, recent = holidays.upcoming(s, now), kept.recent(s, now)
    if as_json:
        print_json({
            "holidays": [
                {"key": one.key, "date": str(one.day), "name": one.name, "changes": one.changes,
                 "notice": one.stands and one.stands.notice_id, "state": one.stands and one.stands.state}
                for one in found
            ],
            "notices": [
                {"id": one.notice_id, "kind": one.kind, "about": one.title, "date": str(one.day),
                 "alert": one.alert_id, "incident": one.incident_id, "state": one.state, "edition": one.edition}
                for one in recent
            ],
        })  # fmt: skip
        return
    table(("date", "holiday", "told"), [(str(one.day), one.name, _told(one)) for one in found])
    console.print()
    table(
        ("notice", "about", "date", "alert", "incident", "state"),
        [(one.notice_id, one.title, str(one.day), one.alert_id, one.incident_id, one.state) for one in recent],
    )


def notice(
    holiday: Annotated[str, typer.Argument(metavar="HOLIDAY", help="Its name or date, as `notices` lists it.")],
    publish: Publish = False,
    channels: Channels = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Send it at this time: an ISO 8601 time, or 2h from now.")
    ] = None,
    remind: Annotated[
        bool, typer.Option(help="Remind its readers the evening before each day that differs from the usual one.")
    ] = True,
    operator: MaybeAs = None,
    as_json: Json = False,
) -> None:
    """Show what the notice of a holiday would say, whom it would reach and what changes; with --publish, publish it."""
    now = datetime.now(UTC)
    launch_at = launch_time(at, now)
    with transaction() as s:
        by = _by(s, "publish collection" if publish else "draft collection", operator, publish=publish)
        key = holidays.named(s, holiday, now).key
    changed, look = looking.at_holiday(key, now, settings())
    published = None
    if publish and by is not None:
        published = acts.publish_holiday(
            key, changed.edition, _listed(channels), launch_at, by, now, settings(), remind=remind
        )
    told = changed.holiday.stands
    head = {"holiday": key, "edition": changed.edition, "told": told and told.alert_id}
    _shown(head, look, published, told, as_json=as_json)


def decide(
    zone: Annotated[list[str] | None, typer.Option("--zone", help="A zone's name or id; may be repeated.")] = None,
    stream: Annotated[
        list[str] | None, typer.Option("--stream", help=f"Some of {', '.join(STREAMS)}; by default all.")
    ] = None,
    first: Annotated[str, typer.Option(metavar="DATE", help="The first day on which it is due; today.")] = "",
    last: Annotated[str, typer.Option(metavar="DATE", help="The last day; the first.")] = "",
    cause: Annotated[str, typer.Option(help=f"Why: {', '.join(CAUSES)}.")] = "",
    decision: Annotated[
        str,
        typer.Option(help=f"One of {', '.join(DECISIONS)}: the new day is told later; kept until the next regular day;"
                          " on the day of --to; on its usual day after all."),
    ] = "unknown",
    to: Annotated[str, typer.Option(metavar="DATE", help="The new day, with --decision day.")] = "",
    incident: Annotated[
        int | None, typer.Option(metavar="ID", help="Decide what comes next in it; its zones and days are the default.")
    ] = None,
    publish: Publish = False,
    channels: Channels = None,
    operator: MaybeAs = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Call collections off, or say what comes next: show what changes; with --publish, publish edition and notice."""
    now = datetime.now(UTC)
    form = StormForm(zone or (), stream or (), first, last, cause, decision, to, incident)
    with transaction() as s:
        by = _by(s, "collections", operator, publish=publish)
        given = storm.entered(s, form, now)
    planned, look = looking.at_storm(given, by.email if by else NOBODY_YET, now, settings())
    published = None
    if publish and by is not None:
        published = acts.publish_storm(given, planned.edition, _listed(channels), by, now, settings())
    _shown({"edition": planned.edition}, look, published, None, as_json=as_json)


def _by(s: Any, act: str, email: str | None, *, publish: bool) -> Operator | None:
    by = acting.permitted(s, act, email=email)
    if publish and by is None:
        raise Invalid("--as is missing.", hint="Name who publishes it with --as EMAIL.")
    return by


def _listed(channels: str | None) -> Sequence[str] | None:
    return None if channels is None else [name.strip() for name in channels.split(",") if name.strip()]


def _told(one: Upcoming) -> str:
    if one.stands is not None:
        waits = ", not sent yet" if one.stands.is_out and one.stands.held and one.stands.held.is_all else ""
        return f"notice {one.stands.notice_id}, {one.stands.state}{waits}"
    return "not told" if one.changes else "changes no day"


def _shown(head: dict[str, Any], look: Look, published: Published | None, told: Told | None, *, as_json: bool) -> None:
    """Print what a notice says, and what became of it if it was published. Rings the workers for it."""
    if published is not None and published.alert.state is AlertState.SENDING:
        tasks.ring_alert(published.alert)
    if as_json:
        print_json({**head, **look.as_json(), "published": published and published.as_json()})
        return
    for row in look.rows:
        for what, old, new in row.moves:
            console.print(f"{row.zone}: {what}, {old} -> {new}", markup=False, soft_wrap=True)
        if row.residents is not None:
            console.print(f"{row.zone}: {counted(row.residents, 'resident')}{_by_channel(row.by_channel)}",
                          markup=False, soft_wrap=True)  # fmt: skip
        if not row.moves:
            console.print(f"{row.zone}: no change, nothing is sent", markup=False, soft_wrap=True)
    for called, by_language in look.texts:
        for language, text in by_language.items():
            console.print(f"\n{called}, {language}: {text}", markup=False, soft_wrap=True)
    if look.quiet_until:
        console.print(f"\nIt is quiet until {moment(look.quiet_until)}: texts and emails go out then.", soft_wrap=True)
    if look.evenings:
        console.print(f"\nReminders at {readers.HOUR}:00 on {', '.join(map(str, look.evenings))}", soft_wrap=True)
    if look.untranslated:
        console.print(f"\nLook: its reason was typed and has no translation: it stands as it is in "
                      f"{', '.join(look.untranslated)}, too.", soft_wrap=True)  # fmt: skip
    if told is not None:
        how = "It was told already" if told.is_out else "Its notice waits"
        console.print(f"\n{how}: notice {told.notice_id}, alert {told.alert_id}, {told.state}.",
                      soft_wrap=True)  # fmt: skip
    if look.reached is None:
        none = "No day has changed since" if told else "It changes no day"
        console.print(f"{none}: there is nobody to tell.")
    elif published is None:
        best = f" A week before the first day is {moment(look.best)}." if look.best else ""
        reached = f"{counted(look.reached.residents, 'resident')}{_by_channel(look.reached.all.by_channel)}"
        console.print(f"\nNot published: it would go to {reached}. --publish does it.{best}", soft_wrap=True)
    else:
        one = published.alert
        when = f" at {moment(one.launch_at)}" if one.launch_at and not published.waiting else ""
        console.print(f"\nNotice {published.notice_id}, alert {one.id}: {one.state}{when}. {published.waiting}".strip(),
                      soft_wrap=True)  # fmt: skip


def _by_channel(by_channel: Any) -> str:
    named = ", ".join(f"{name} {count}" for name, count in sorted(by_channel.items()) if count)
    return f" ({named})" if named else ""

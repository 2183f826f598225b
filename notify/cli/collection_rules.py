"""`tocsin collections` for holidays, rules and exceptions: list, add, remove, and what would change."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from notify.cli import acting
from notify.cli.commands import Commands, Json, MaybeAs
from notify.cli.output import console, print_json, table
from notify.core.counting import counted
from notify.core.db import transaction
from notify.service311 import calendars, next_edition, rule_entry, rule_store
from notify.service311.outputs import rule_findings
from notify.service311.rule_entry import ExceptionForm, RuleForm

ACT = "collections"
Reason = Annotated[str, typer.Option(help="Why, or who decided it.")]
Zones = Annotated[list[str] | None, typer.Option("--zone", help="Only this zone, by name or id; may be repeated.")]
Streams = Annotated[list[str] | None, typer.Option("--stream", help="Only this stream; may be repeated.")]


def add_to(commands: Commands) -> None:
    for name, function in (
        ("rules", list_rules),
        ("changes", changes),
        ("add-holiday", add_holiday),
        ("add-rule", add_rule),
        ("add-exception", add_exception),
        ("remove", remove),
    ):
        commands.add(name, function)


def list_rules(as_json: Json = False) -> None:
    """List the holidays, rules and exceptions as the next edition will have them, and those that leave."""
    with transaction() as s:
        rows: list[dict[str, Any]] = [
            {"id": one.id, "kind": one.kind, "status": _status(one), "body": one.body, "reason": one.reason}
            for one in (*rule_store.standing(s), *rule_store.leaving(s))
        ]
    if as_json:
        print_json({"rules": rows})
        return
    table(("id", "kind", "status", "what", "reason"),
          [(one["id"], one["kind"], one["status"], _short(one["body"]), one["reason"]) for one in rows])  # fmt: skip


def changes(
    year: Annotated[int, typer.Option(help="The year to compare; 0 for this one.")] = 0, as_json: Json = False
) -> None:
    """Show what the next edition would change against the published one, by zone, and what is wrong with it."""
    now = datetime.now(UTC)
    with transaction() as s:
        found = next_edition.read(s, year or calendars.today(now).year, now)
        findings = rule_findings.sentences(found.findings, rule_findings.zone_names(s))
    if as_json:
        print_json({
            "year": found.of_year, "published": found.published, "waiting": asdict(found.pending),
            "by_zone": dict(found.by_zone), "findings": findings, "fingerprint": found.fingerprint,
            "changes": [
                {"nominal": str(one.nominal), "streams": one.streams, "zones": one.zones,
                 "old": _day(one.old), "new": _day(one.new)} for one in found.changes
            ],
        })  # fmt: skip
        return
    for one in found.changes:
        what = f"{', '.join(one.streams)} of {', '.join(one.zones)}"
        console.print(f"{_day(one.old)} -> {_day(one.new)}: {what}", markup=False, soft_wrap=True)
    for zone, count in sorted(found.by_zone.items()):
        console.print(f"{zone}: {counted(count, 'day')} of {found.of_year} would change.", markup=False)
    for finding in findings:
        console.print(f"Look: {finding}", markup=False, soft_wrap=True)
    if not found.changes:
        console.print(f"No day of {found.of_year} would change.")


def add_holiday(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As the library has it, or one of your own.")],
    reason: Reason,
    dates: Annotated[str, typer.Option(help="Such as '2026-11-27 2027-11-26'; else the library's.")] = "",
    country: Annotated[str, typer.Option(help="Whose holidays, in two letters.")] = "US",
    state: Annotated[str, typer.Option(help="A state or province, such as MD.")] = "",
    years: Annotated[int, typer.Option(min=1, max=10, help="From this year on, for the dates of the library.")] = 3,
    operator: MaybeAs = None,
) -> None:
    """Add a holiday or a storm with its dates. It does nothing until a rule names it and that is published."""
    now = datetime.now(UTC)
    this = calendars.today(now).year
    with transaction() as s:
        by = acting.permitted(s, ACT, email=operator)
        if dates:
            rule_store.add_holiday(s, name, rule_entry.dates(dates), reason, now, by)
        else:
            rule_store.add_chosen(s, [name], country, state or None, range(this, this + years), reason, now, by)
        days = [one.day.isoformat() for one in rule_store.read(rule_store.standing(s)).holidays if one.name == name]
    console.print(f"{name}: {', '.join(days)}. {NOT_YET}", markup=False, soft_wrap=True)


def add_rule(
    effect: Annotated[str, typer.Argument(metavar="EFFECT", help=rule_entry.EFFECTS)],
    holiday: Annotated[list[str], typer.Option("--holiday", help="The name of a holiday; may be repeated.")],
    reason: Reason,
    direction: Annotated[str, typer.Option(help="later or earlier.")] = "later",
    zone: Zones = None,
    stream: Streams = None,
    bound: Annotated[str, typer.Option(help="The last weekday that it reaches.")] = "",
    spill_to: Annotated[str, typer.Option(help="The last weekday of collections.")] = "",
    weekend: Annotated[str, typer.Option(help="ignore, as_it_falls, nearest or next.")] = "ignore",
    otherwise: Annotated[str, typer.Option(help="announce, merge or suspend: no day left.")] = "announce",
    set_out_at: Annotated[str, typer.Option(help="For set_out: the time of that evening, such as 18:00.")] = "",
    instead: Annotated[int | None, typer.Option(help="The id of a rule whose place it takes.")] = None,
    operator: MaybeAs = None,
) -> None:
    """Add a rule of what holidays do, behind the others or in the place of one."""
    of = (zone or (), stream or ())
    form = RuleForm(holiday, effect, direction, *of, bound, spill_to, weekend, otherwise, set_out_at)
    with transaction() as s:
        by = acting.permitted(s, ACT, email=operator)
        made = rule_store.add_rule(s, rule_entry.rule(s, form), reason, datetime.now(UTC), by, instead).id
    console.print(f"Rule {made}. {NOT_YET}")


def add_exception(
    day: Annotated[str, typer.Argument(metavar="DATE", help="The day by the schedule, before any holiday moves it.")],
    happens: Annotated[str, typer.Argument(help="The new day; or SUSPENDED, TO_BE_ANNOUNCED, CLOSED.")],
    reason: Reason,
    author: Annotated[str, typer.Option(help="Who decided it.")],
    zone: Annotated[str, typer.Option(help="Only this zone, by name or id.")] = "",
    stream: Annotated[str, typer.Option(help="Only this stream.")] = "",
    operator: MaybeAs = None,
) -> None:
    """Change one day by hand. It wins over every rule."""
    moved = happens[:1].isdigit()
    form = ExceptionForm(day, zone, stream, "moved" if moved else happens, happens if moved else "", author, reason)
    with transaction() as s:
        by = acting.permitted(s, ACT, email=operator)
        made = rule_store.add_exception(s, rule_entry.exception(s, form), datetime.now(UTC), by).id
    console.print(f"Exception {made}. {NOT_YET}")


def remove(
    rule_id: Annotated[int, typer.Argument(metavar="ID", help="As `tocsin collections rules` lists it.")],
    operator: MaybeAs = None,
) -> None:
    """Take a holiday, rule or exception out of the next edition."""
    with transaction() as s:
        rule_store.remove(s, rule_id, datetime.now(UTC), acting.permitted(s, ACT, email=operator))
    console.print(f"{rule_id} is not in the next edition. `tocsin collections changes` shows what that does.")


NOT_YET = "Not public yet: `tocsin collections changes` shows what it does, `publish` makes it public."


def _status(one: Any) -> str:
    return "leaving" if one.leaving else "published" if one.from_edition else "new"


def _short(body: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in body.items() if value not in (None, "", []))


def _day(one: Any) -> str:
    if one is None:
        return "nothing"
    return f"{one.effective:%a %Y-%m-%d}" if one.effective else f"{one.nominal:%a %Y-%m-%d} {one.state.value}"

"""`tocsin drills ...`."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

import typer

from notify.alerts.practice import drill_scores, drills, scenarios
from notify.cli import acting
from notify.cli.commands import As, Commands, Json
from notify.cli.output import console, moment, print_json, table
from notify.core.db import transaction

commands = Commands(help="Drills: an exercise with a task and a score.", no_args_is_help=True)


@commands.named("list")
def list_(as_json: Json = False) -> None:
    """List the scenarios, the newest drills with their scores, and who has not drilled this month."""
    now = datetime.now(UTC)
    with transaction() as s:
        results = drill_scores.of_drills(s, drills.newest(s))
        idle = [one.email for one in drill_scores.not_drilled(s, now)]
    if as_json:
        print_json(
            {
                "scenarios": [asdict(one) for one in scenarios.all_scenarios()],
                "drills": [
                    {
                        "id": drill.id,
                        "scenario": drill.scenario,
                        "started_at": drill.started_at,
                        "ends_at": drill.ends_at,
                        "scores": [asdict(score) for score in scores],
                    }
                    for drill, scores in results
                ],
                "not_drilled_this_month": idle,
            }
        )
        return
    table(("scenario", "task"), [(one.name, one.label) for one in scenarios.all_scenarios()])
    for drill, scores in results:
        console.print(f"\nDrill {drill.id}, {drill.label}: {moment(drill.started_at)} to {moment(drill.ends_at)}")
        rows = [
            (x.alert_id, x.author, f"{x.draft_s} s", x.approver, _seconds(x.approve_s), x.findings, f"{x.area_error} %")
            for x in scores
        ]
        table(("alert", "author", "drafted after", "approver", "approved after", "findings", "area error"), rows)
    console.print(f"\nNot drilled this month: {', '.join(idle) or 'nobody'}.")


@commands.named("start")
def start(
    scenario: Annotated[str, typer.Argument(help="A scenario; `tocsin drills list` shows them.")],
    operator: As,
    as_json: Json = False,
) -> None:
    """Start a drill now."""
    now = datetime.now(UTC)
    with transaction() as s:
        drill = drills.start(s, scenario, acting.required(s, operator), now, uuid4())
    if as_json:
        print_json({"id": drill.id, "started_at": drill.started_at, "ends_at": drill.ends_at})
        return
    console.print(f"Drill {drill.id} runs until {moment(drill.ends_at)}: {drill.label}.")
    console.print(scenarios.scenario(drill.scenario).task, markup=False)


def _seconds(count: int | None) -> str | None:
    return None if count is None else f"{count} s"

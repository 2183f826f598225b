"""`tocsin alert ...`: write, approve, launch, watch, stop."""

import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from notify import audience
from notify.alerts import lifecycle
from notify.alerts.approving import composed, explanation
from notify.alerts.reporting import after_action, history, report_files, reports
from notify.alerts.writing import wordings
from notify.cli import acting, bars, report_output, watching
from notify.cli.acknowledging import acknowledge
from notify.cli.approving import ask, launch_alone
from notify.cli.commands import As, Commands, Json, MaybeAs
from notify.cli.linting import lint
from notify.cli.output import console, planned, print_json
from notify.cli.writing import ListsBlanks, new
from notify.content import compose
from notify.core import states
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import forecast, sender_status
from notify.models import Alert, Operator
from notify.models.states import AlertState
from notify.operations import tasks

commands = Commands(help="Write, approve, launch, watch and stop alerts.", no_args_is_help=True)
Id = Annotated[int, typer.Argument(metavar="ID", help="The alert's number.")]

WATCH_S = 0.5

commands.add("new", new, cls=ListsBlanks)
commands.add("lint", lint)
commands.add("acknowledge", acknowledge)
commands.add("ask", ask)
commands.add("break-glass", launch_alone)


@commands.named("show")
def show(
    alert_id: Id,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it is done or held.")] = False,
    as_json: Json = False,
) -> None:
    """Show the progress of an alert: audience, deliveries, times."""
    if watch and not as_json:
        follow(alert_id)
    progress = _progress(alert_id)
    while watch and as_json and not _over(progress):
        time.sleep(WATCH_S)
        progress = _progress(alert_id)
    if as_json:
        print_json(progress.as_json())
    elif not watch:
        _show(progress)


@commands.named("audience")
def show_audience(alert_id: Id, as_json: Json = False) -> None:
    """Show whom it would reach now by zone, who is left out and why, and whether the number is unusual."""
    with transaction() as s:
        alert = reports.find_alert(s, alert_id)
        explained = explanation.explain(s, alert, datetime.now(UTC))
    if as_json:
        print_json(asdict(explained.audience) | {k: v for k, v in asdict(explained).items() if k != "audience"})
    else:
        bars.show_audience(alert, explained)


@commands.named("plan")
def plan(alert_id: Id, as_json: Json = False) -> None:
    """Show how long it would take, and when 95 % would be sent, by channel, sender and zone."""
    now = datetime.now(UTC)
    with transaction() as s:
        failing = sender_status.failing(s, tasks.redis_client())
        course = forecast.plan(s, reports.find_alert(s, alert_id), now, failing)
    if as_json:
        print_json(course)
    else:
        bars.show_plan(course, now)


@commands.named("report")
def report(
    alert_id: Id,
    as_json: Json = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the after-action report to this file: .pdf, .csv or .json."),
    ] = None,
    operator: MaybeAs = None,
) -> None:
    """Report who was reached and when, who was not and why, and the messages."""
    if output is not None:
        report_output.write("Alert", alert_id, output, operator, after_action.read, report_files.FORMATS)
        return
    with transaction() as s:
        progress = reports.progress(s, alert_id)
        words = reports.words(s, alert_id)
        labels = wordings.labels(s, alert_id)
        steps = history.steps(s, alert_id)
    if as_json:
        said = [
            {"channel": w.channel, "language": w.language, "wording": w.wording, "subject": w.subject, "text": w.text}
            for w in words
        ]
        print_json(progress.as_json() | {"words": said, "steps": steps})
        return
    _show(progress)
    bars.show_steps(steps)
    for w in words:
        console.rule(", ".join(filter(None, (w.channel, w.language, labels.get(w.wording)))), align="left")
        text = compose.readable(w.text, w.language)
        console.print(f"{w.subject}\n{text}".strip(), markup=False)


@commands.named("approve")
def approve(alert_id: Id, approver: As, as_json: Json = False) -> None:
    """Freeze its area and words, so that it can be launched.

    Somebody other than the author must approve an emergency, a storm or another event that always needs two people, an
    alert with free text, and one for more contacts than TOCSIN_ALONE_MOST.
    """
    with transaction() as s:
        alert = composed.approve(s, alert_id, acting.required(s, approver), datetime.now(UTC), settings())
    if alert.state is AlertState.SENDING:  # a collection notice goes out with its approval
        tasks.ring_alert(alert)
    sends = ""
    if alert.launch_at and alert.state is AlertState.APPROVED:
        sends = f"; `tocsin alert launch {alert.id}` schedules it for {planned(alert.launch_at)}"
    ends = f"expires {planned(alert.expires_at)}"
    _say(alert, f"approved; area {(alert.area_hash or '')[:12]}; {ends}{sends}", as_json)


@commands.named("launch")
def launch(
    alert_id: Id,
    operator: MaybeAs = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it until every message is sent or held.")] = False,
    as_json: Json = False,
) -> None:
    """Send an approved alert now, or schedule it if it was written with --at."""
    now = datetime.now(UTC)
    with transaction() as s:
        alert = lifecycle.launch(s, alert_id, _operator(s, operator), now)
        quiet = forecast.quiet_until(s, alert, now) if alert.state is AlertState.SENDING else None
    if alert.state is AlertState.SENDING:
        tasks.ring_alert(alert)
    later = alert.launch_at if alert.state is AlertState.SCHEDULED else None
    if not wait or (later and not as_json):
        _say(alert, f"scheduled for {planned(later)}" if later else alert.state.value, as_json)
        if quiet and not as_json:
            console.print(forecast.quiet_words(quiet, alert.expires_at))
    if wait and as_json:
        show(alert_id, watch=True, as_json=True)
    elif wait:
        follow(alert_id)


@commands.named("pause")
def pause(alert_id: Id, operator: MaybeAs = None, as_json: Json = False) -> None:
    """Hold all messages that are not sent yet, until `resume`."""
    with transaction() as s:
        alert = lifecycle.pause(s, alert_id, _operator(s, operator), datetime.now(UTC))
    _say(alert, "paused", as_json)


@commands.named("resume")
def resume(alert_id: Id, operator: MaybeAs = None, as_json: Json = False) -> None:
    """Continue sending a paused alert."""
    with transaction() as s:
        alert = lifecycle.resume(s, alert_id, _operator(s, operator), datetime.now(UTC))
    tasks.ring_alert(alert)
    _say(alert, "sending", as_json)


@commands.named("cancel")
def cancel(alert_id: Id, operator: MaybeAs = None, as_json: Json = False) -> None:
    """Stop it for good. Nothing more is sent; messages already sent cannot be recalled."""
    with transaction() as s:
        alert = lifecycle.cancel(s, alert_id, _operator(s, operator), datetime.now(UTC))
    _say(alert, "cancelled", as_json)


def follow(alert_id: int) -> None:
    """Show live bars until the alert is over, or all that is left waits for a later hour.

    Interrupting this does not stop the alert.
    """
    progress = _progress(alert_id)
    try:
        with watching.live(progress) as update:
            while not _over(progress):
                asked_s = time.monotonic()
                progress = _progress(alert_id)
                update(progress)
                # Counting a million deliveries takes a while; leave nine tenths of the time to sending them.
                time.sleep(max(WATCH_S, 9 * (time.monotonic() - asked_s)))
    except KeyboardInterrupt:
        console.print(f"Alert {alert_id} is still being sent. `tocsin alert pause {alert_id}` or `cancel` stops it.")
        raise
    _show(progress)


def _show(progress: reports.Progress) -> None:
    """Show the progress; before the launch, whom it would reach now, because nobody has been counted yet."""
    reached = None
    if progress.state in states.BEFORE_LAUNCH and progress.area_hash:
        with transaction() as s:
            reached = audience.preview(s, reports.find_alert(s, progress.id), datetime.now(UTC))
    bars.show(progress, reached)


def _progress(alert_id: int) -> reports.Progress:
    with transaction() as s:
        return reports.progress(s, alert_id)


def _over(progress: reports.Progress) -> bool:
    return progress.ended or progress.rests or progress.state in (AlertState.DRAFT, AlertState.APPROVED)


def _operator(s: Any, email: str | None) -> Operator | None:
    return acting.optional(s, email)


def _say(alert: Alert, what: str, as_json: bool) -> None:
    if as_json:
        print_json({"id": alert.id, "state": alert.state, "area_hash": alert.area_hash, "launch_at": alert.launch_at})
    else:
        console.print(f"Alert {alert.id}: {what}.")

"""Print an alert's progress, audience, plan and steps for people."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from notify.alerts.approving.explanation import Explanation
from notify.alerts.reporting.history import Step
from notify.alerts.reporting.reports import Forecast
from notify.alerts.reporting.reports import Progress as AlertProgress
from notify.audience import Audience
from notify.cli.output import console, moment, planned, table
from notify.core.counting import counted
from notify.core.reasons import sentence
from notify.core.states import BEFORE_LAUNCH
from notify.delivery.forecast import ChannelPlan, Plan
from notify.models import Alert
from notify.models.states import AlertState


def show(p: AlertProgress, reached: Audience | None = None) -> None:
    """Print the progress. `reached`: before the launch, whom it would reach."""
    console.print(f"[bold]Alert {p.id}[/]: {p.event} {p.phase}, {p.status}, {p.lane} lane, [bold]{p.state}[/]")
    console.print(f"Where: {p.area_description}   area {(p.area_hash or '-')[:12]}   incident {p.incident}")
    if p.replaces:
        console.print(f"It replaces alert {p.replaces}, a draft that was changed before its approval.")
    if p.replaced_by:
        console.print(f"Changed before its approval: alert {p.replaced_by} replaces it.")
    console.print(_audience(p, reached), markup=False)
    if any(p.audience.by_channel.values()):
        states = [state for state in p.deliveries if state != "skipped" and p.deliveries[state]]
        table(
            ("channel", "to write to", *states),
            [
                (channel, count, *(p.channels_by_state[channel].get(state, 0) for state in states))
                for channel, count in p.audience.by_channel.items()
            ],
        )
    for state, reasons in p.reasons.items():
        console.print(f"{state.capitalize()}:")
        for reason, count in sorted(reasons.items(), key=lambda x: -x[1]):
            console.print(f"  {count:,}  {p.reason_words[reason]}", markup=False)
    console.print(_launch(p), markup=False)
    if p.held_until:
        console.print(f"Held back until {planned(p.held_until)}", markup=False)
    if not p.ended:
        console.print(f"Expires {planned(p.expires_at)}", markup=False)
    for one in p.forecast:
        console.print(_forecast(one), markup=False)


def show_audience(alert: Alert, e: Explanation) -> None:
    """Print whom it would reach, warnings first."""
    for warning in e.warnings:
        console.print(f"[bold red]Warning:[/] {warning}")
    found = e.audience
    console.print(
        f"Alert {alert.id} in {alert.area_description}: {counted(found.residents, 'resident')}, "
        f"{counted(found.total, 'contact')}, "
        f"{sum(found.by_channel.values()):,} to be written to" + (f"; usually {e.usual:,}" if e.usual else ""),
        markup=False,
    )
    languages = sorted({language for spoken in found.languages.values() for language in spoken})
    table(
        ("channel", "to be written to", *languages),
        [
            (channel, number, *(found.languages[channel].get(language, 0) for language in languages))
            for channel, number in found.by_channel.items()
        ],
    )
    nothing = found.nothing | ({"no-contact": found.no_contact} if found.no_contact else {})
    lists = (
        ("Residents who get nothing:", nothing),
        ("Contacts left out:", found.skipped),
        ("Would have to wait:", e.waiting),
    )
    for what, counts in lists:
        if counts:
            console.print(what)
        for reason, number in sorted(counts.items(), key=lambda x: -x[1]):
            console.print(f"  {number:,}  {sentence(reason)}", markup=False)
    if e.zones:
        table(("kind", "zone", "residents"), [(one.kind, one.label, one.residents) for one in e.zones])


def show_plan(plan: Plan, now: datetime) -> None:
    """Print when it would be done by channel, sender and zone, warnings first."""
    for warning in plan.warnings:
        console.print(f"[bold red]Warning:[/] {warning}")
    when = "at its time" if plan.at > now else "now"
    console.print(
        f"Alert {plan.alert}, if launched {when} ({moment(plan.at)}), {counted(plan.audience.residents, 'resident')}:"
    )
    for one in plan.channels:
        console.print(_course(one, plan.at), markup=False)
        if one.messages and one.senders:
            rows = [(x.address, f"{x.messages:,}", f"{x.per_s:,.1f}") for x in one.senders]
            table(("  sender", "messages", "a second"), [(f"  {address}", *rest) for address, *rest in rows])
    zones = [zone for one in plan.channels for zone in one.zones]
    if zones:
        table(
            ("zone", *(f"95 % by {one.channel}" for one in plan.channels)),
            [
                (name, *(moment(z.p95_at) for one in plan.channels for z in one.zones if z.zone == name))
                for name in dict.fromkeys(zone.zone for zone in zones)
            ],
        )


def show_steps(steps: Sequence[Step]) -> None:
    """Print who did what and when, and how many messages had been sent by then."""
    for step in steps:
        told = f"{moment(step.at)}  {step.action} by {step.who or 'Tocsin'}"
        if step.out is not None:
            told += f"; {counted(step.out, 'message')} sent by then"
        if step.count is not None:
            told += f": {step.count:,}"
        console.print(told, markup=False)


def _audience(p: AlertProgress, reached: Audience | None) -> str:
    if p.is_counted:
        total, skipped = p.audience.total, sum(p.audience.skipped.values())
        later = f", {p.joined_later:,} of them joined later" if p.joined_later else ""
        return f"Audience: {counted(total, 'contact')} in the area, {total - skipped:,} to be written to{later}"
    if reached is None:
        return f"Audience: not counted yet; `tocsin alert audience {p.id}` shows whom it would reach"
    return (
        f"Audience, if launched now: {counted(reached.total, 'contact')} in the area, "
        f"{sum(reached.by_channel.values()):,} to be written to"
    )


def _launch(p: AlertProgress) -> str:
    if p.launched_at:
        first, last = _after(p.launched_at, p.first_sent_at), _after(p.launched_at, p.last_sent_at)
        return f"Launched {moment(p.launched_at)}; first message {first}, last message {last}"
    if p.launch_at is None or p.state not in BEFORE_LAUNCH:
        return "Not launched"
    if p.state == AlertState.SCHEDULED:
        return f"Scheduled for {planned(p.launch_at)}"
    if p.launch_at < datetime.now(UTC):
        return f"Was to be launched at {planned(p.launch_at)}, but nobody scheduled it"
    return f"To be launched at {planned(p.launch_at)}; not scheduled yet: it needs {_needs(p)}"


def _needs(p: AlertProgress) -> str:
    launch = f"`tocsin alert launch {p.id}`"
    return launch if p.state == AlertState.APPROVED else f"`tocsin alert approve {p.id} --as EMAIL`, then {launch}"


def _course(one: ChannelPlan, at: datetime) -> str:
    if not one.messages:
        return f"{one.channel}: nobody"
    if one.p95_at is None:
        return f"{one.channel}: {counted(one.messages, 'message')}, never at present"
    before = f", after {one.ahead:,} that are sent first" if one.ahead else ""
    takes = timedelta(seconds=round(((one.done_at or one.p95_at) - at).total_seconds()))
    return (
        f"{one.channel}: {counted(one.messages, 'message')}{before}; 95 % by {moment(one.p95_at)}, all within {takes}"
    )


def _forecast(one: Forecast) -> str:
    told = f"{one.channel}: 95 % forecast by {moment(one.p95_at)}"
    if one.was_p95_at is None:
        return told
    against = f": {one.against_plan}" if one.against_plan else ""
    return f"{told}, sent by {moment(one.was_p95_at)}{against}"


def _after(start: datetime | None, then: datetime | None) -> str:
    return "-" if start is None or then is None else f"after {(then - start).total_seconds():.2f} s"

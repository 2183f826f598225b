"""`tocsin outside ...`."""

from datetime import UTC, datetime
from typing import Any

from rich.markup import escape

from notify.cli.commands import Commands, Json
from notify.cli.output import console, moment, print_json, table
from notify.core.counting import counted
from notify.core.db import transaction
from notify.models import OutsideFeed
from notify.outside import feeds, warnings
from notify.outside.warnings import Warned

commands = Commands(help="What other agencies say now.", no_args_is_help=True)


@commands.named("list")
def list_(as_json: Json = False) -> None:
    """List the warnings of other agencies that are in force in the city, and how their feeds do."""
    now = datetime.now(UTC)
    with transaction() as s:
        found, states = warnings.in_force(s, now), feeds.states(s)
    if as_json:
        told = {"warnings": [_told(one) for one in found.warnings], "left_out": found.left_out}
        print_json(told | {"feeds": [_fed(one) for one in states]})
        return
    if not states:
        console.print("No feed was read yet: TOCSIN_OUTSIDE_FEEDS names them, and the scheduler reads them.")
    elif not found.warnings:
        console.print("No other agency warns the city.")
    else:
        table(
            ("id", "agency", "event", "severity", "where", "age", "until"),
            [
                (
                    one.id,
                    escape(one.agency),
                    escape(one.said("en").event),  # a stranger's text
                    one.severity,
                    escape(", ".join(one.zones) or one.place),
                    counted(one.minutes(now), "minute"),
                    moment(one.ends_at) if one.end_given else None,
                )
                for one in found.warnings
            ],
        )
        if found.left_out:
            console.print(f"and {found.left_out:,} more, none of them graver than these")
    for feed in states:
        state = f"cannot be read: {feed.error}" if feed.error else f"read {moment(feed.asked_at)}"
        console.print(f"{feed.agency}: {state}", markup=False)
        for why in feed.unreadable:
            console.print(f"  not readable: {why}", markup=False)


def _told(one: Warned) -> dict[str, Any]:
    words = one.said("en")
    return {
        "id": one.id,
        "agency": one.agencies[0],
        "agencies": list(one.agencies),
        "identifier": one.identifier,
        "event": words.event,
        "headline": words.headline,
        "severity": one.severity,
        "sent_at": one.sent_at,
        "ends_at": one.ends_at if one.end_given else None,
        "place": one.place,
        "zones": list(one.zones),
    }


def _fed(one: OutsideFeed) -> dict[str, Any]:
    return {
        "agency": one.agency,
        "address": one.address,
        "read_at": one.read_at,
        "failures": one.failures,
        "error": one.error,
        "unreadable": one.unreadable,
    }

"""`tocsin residents ...`: look up and change a resident who calls."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Annotated, get_args

import typer

from notify.alerts.reporting import message_ledger
from notify.alerts.reporting.message_ledger import Month
from notify.cli.acting import optional
from notify.cli.asking import require_yes
from notify.cli.commands import Commands, Json, MaybeAs
from notify.cli.output import console, moment, print_json, table
from notify.core.counting import counted
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.models import Topic
from notify.models.subscriber import SuppressionReason
from notify.subscribers import changing, serving
from notify.subscribers.record import Found, ResidentRecord, Suppressed

commands = Commands(help="One resident: look up, opt out, lift, move, correct, erase.", no_args_is_help=True)

Address = Annotated[
    str, typer.Argument(metavar="PHONE|EMAIL", help="Use - to read it from stdin, which keeps it out of shell history.")
]
How = Annotated[str, typer.Option(help="How the resident asked, such as: call to 311.")]
OfTopic = Annotated[Topic | None, typer.Option(help="Only this topic; by default everything.")]
Id = Annotated[int, typer.Argument(metavar="ID", help="The resident's number: `tocsin residents find` shows it.")]


@commands.named("find")
def find(address: Address, by: MaybeAs = None, as_json: Json = False) -> None:
    """Show whose phone or email it is, and why alerts did or did not arrive. The audit log records who looked."""
    with transaction() as s:
        now, operator = datetime.now(UTC), optional(s, by)
        found = serving.find(s, _given(address), now, operator)
        month = message_ledger.of_resident(s, found.resident.id, now, operator) if found.resident else None
    if as_json:
        print_json(asdict(found) | {"month": month})
        return
    _show(found)
    if month:
        _month(month)


@commands.named("messages")
def messages(resident_id: Id, by: MaybeAs = None, as_json: Json = False) -> None:
    """Show what was sent to a resident this month, held, merged or left out, and why. The audit records who looked."""
    with transaction() as s:
        found = message_ledger.of_resident(s, resident_id, datetime.now(UTC), optional(s, by))
    if as_json:
        print_json(found)
        return
    _month(found)
    table(("day", "messages"), [(one.day, _counts(one.messages)) for one in found.days])
    table(
        ("day", "alert", "event", "channel", "to", "outcome", "why"),
        [(m.day, m.alert_id, m.event, m.channel, m.contact, m.outcome, m.why) for m in found.each],
    )


@commands.named("opt-out")
def opt_out(address: Address, how: How, topic: OfTopic = None, by: MaybeAs = None) -> None:
    """Stop sending to an address, as after a STOP."""
    with transaction() as s:
        kept = _given(address)
        done = serving.opt_out(s, kept, how, datetime.now(UTC), optional(s, by), topic)
        is_known = serving.is_known(s, kept)
    console.print("Opted out." if done else "It was opted out already.")
    if not is_known:
        console.print("No resident has this address. Is it spelled right? Nothing will be sent to it anyway.")


@commands.named("lift")
def lift(
    address: Address,
    reason: Annotated[str, typer.Option(help="opt-out, hard-bounce, complaint or invalid.")],
    how: How,
    topic: OfTopic = None,
    by: MaybeAs = None,
) -> None:
    """Send to an address again. Lift an opt-out only at the resident's own request."""
    known: dict[str, SuppressionReason] = {one: one for one in get_args(SuppressionReason)}
    if reason not in known:
        near = get_close_matches(reason.lower(), known, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise Invalid(f"There is no reason {reason!r}.", hint=f"{hint}Reasons: {', '.join(known)}.")
    with transaction() as s:
        to_do = serving.lift(s, _given(address), known[reason], how, datetime.now(UTC), optional(s, by), topic)
    lifted = f"The {reason} is lifted." if to_do else "Lifted."
    console.print(f"{to_do} {lifted}".strip(), markup=False)


@commands.named("erase")
def erase(
    resident_id: Id,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; needed if there is no terminal.")] = False,
    by: MaybeAs = None,
) -> None:
    """Erase a resident: delete addresses, places and topics for good. A STOP stays. Asks for confirmation first."""
    if not yes:
        with transaction() as s:
            found = serving.show(s, resident_id, datetime.now(UTC), optional(s, by)).resident
        if found and not found.erased_at:  # an erased resident is refused below
            require_yes(f"Erase resident {resident_id}: {_whom(found)}.")
    with transaction() as s:
        serving.erase(s, resident_id, datetime.now(UTC), optional(s, by))
    console.print(f"Resident {resident_id} is erased.")


@commands.named("move")
def move(
    resident_id: Id,
    place: Annotated[str, typer.Option(metavar="LABEL|PLACE_ID", help="The place to move.")] = "",
    add: Annotated[str, typer.Option(metavar="LABEL", help="Instead, add a place with this label.")] = "",
    remove: Annotated[str, typer.Option(metavar="LABEL|PLACE_ID", help="Instead, remove this place.")] = "",
    address: Annotated[str, typer.Option(help="A street address that the city knows; - reads it from stdin.")] = "",
    lon: float | None = None,
    lat: float | None = None,
    outside: Annotated[bool, typer.Option(help="Confirm that it is far from the city.")] = False,
    label: Annotated[str, typer.Option(help="The new label.")] = "",
    by: MaybeAs = None,
) -> None:
    """Move, add or remove a place of a resident."""
    if [bool(place), bool(add), bool(remove)].count(True) != 1:
        raise Invalid("Give exactly one of --place, --add and --remove.")
    if label and not place:
        raise Invalid("--label is the new label of a place that is moved.", hint="Give it with --place.")
    if remove and (address or lon is not None or lat is not None):
        raise Invalid("A place is removed by its label or id alone.", hint="Leave --address, --lon and --lat out.")
    where = changing.Where(_given(address), lon, lat, outside)
    now = datetime.now(UTC)
    with transaction() as s:
        operator = optional(s, by)
        if remove:
            to_do = changing.remove_place(s, resident_id, remove, now, operator)
            said = f"Place {remove} is removed. {to_do}".strip()
        elif add:
            said = _placed(changing.add_place(s, resident_id, add, where, now, operator), "added")
        else:
            said = _placed(changing.move(s, resident_id, place, where, now, operator, label), "moved")
    console.print(said, markup=False)


@commands.named("correct")
def correct(
    resident_id: Id,
    how: How,
    phone: Annotated[str, typer.Option(help="The new phone number; - reads it from stdin.")] = "",
    email: Annotated[str, typer.Option(help="The new email; - reads it from stdin.")] = "",
    contact: Annotated[int | None, typer.Option(help="The contact to replace, if there are several.")] = None,
    by: MaybeAs = None,
) -> None:
    """Correct a resident's phone or email. Messages go to the new one from now on."""
    if bool(phone) == bool(email):
        raise Invalid("Give exactly one of --phone and --email.")
    address = _given(phone or email)
    if ("@" in address) != bool(email):
        what = "an email" if email else "a phone number"
        raise Invalid(f"This is not {what}.", hint="Use --phone for a phone number and --email for an email.")
    with transaction() as s:
        to_do = changing.correct(s, resident_id, address, how, datetime.now(UTC), optional(s, by), contact)
    console.print(f"Corrected. {to_do}".strip(), markup=False)


def _month(month: Month) -> None:
    alerts = month.routine
    console.print(f"This month: {_counts(month.messages) or 'no messages'}.", markup=False)
    console.print(f"Routine alerts: {alerts.came} came, {alerts.waits} wait, {alerts.left_out} left out.", markup=False)


def _counts(messages: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {outcome}" for outcome, n in sorted(messages.items()))


def _given(address: str) -> str:
    return sys.stdin.readline().strip() if address == "-" else address


def _placed(place: changing.Placed, done: str) -> str:
    return f"Place {place.id} is {done}{f': {place.address}' if place.address else ''}."


def _whom(one: ResidentRecord) -> str:
    """Describe a resident in one line: the details that a caller can confirm."""
    contacts = [f"{contact.channel} {contact.address}" for contact in one.contacts if contact.address]
    there = f"{counted(len(one.places), 'place')}, {counted(len(one.topics), 'topic')}"
    return f"{', '.join(contacts) or 'no phone or email'}; {there}; since {moment(one.created_at)}"


def _show(found: Found) -> None:
    one = found.resident
    if one is None:
        console.print("No resident has this address.")
        _suppressions(found.suppressions)
        return
    erased = f", erased {moment(one.erased_at)}" if one.erased_at else ""
    topics = ", ".join(t.topic for t in one.topics)
    muted = {t.topic: t.muted_until for t in one.topics if t.muted_until}
    console.print(f"Resident {one.id}: {one.language}, since {moment(one.created_at)}{erased}", markup=False)
    console.print(
        f"Topics: {topics or 'none'}. Places: {', '.join(p.label for p in one.places) or 'none'}.", markup=False
    )
    for until in sorted(set(muted.values())):
        paused = ", ".join(topic for topic, end in muted.items() if end == until)
        what = "All topics" if len(one.topics) == list(muted.values()).count(until) else paused
        console.print(f"{what} muted until {moment(until)}: only emergencies come.", markup=False)
    for contact in one.contacts:
        verified = f"verified {moment(contact.verified_at)}" if contact.verified_at else "not verified"
        console.print(f"{contact.channel} {contact.address or '(erased)'}: {verified}", markup=False)
        _suppressions(contact.suppressions)
        if contact.carrier_block:
            console.print(f"  {contact.carrier_block}", markup=False)
        for said in contact.consents:
            console.print(f"  {moment(said.at)} {said.kind}, {said.topic or 'everything'}: {said.how}", markup=False)
    if one.alerts:
        table(
            ("alert", "event", "launched", "channel", "state", "why"),
            [(a.alert_id, a.event, moment(a.launched_at), a.channel, a.state, a.words) for a in one.alerts],
        )


def _suppressions(rows: Sequence[Suppressed]) -> None:
    for row in rows:
        what = f"{row.words} ({row.topic or 'everything'}), {moment(row.at)}"
        console.print(f"  Suppressed: {what}. Lifted by {row.lifted_by}.", markup=False)

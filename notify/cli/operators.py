"""`tocsin operators ...` and `tocsin keys ...`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from notify.accounts import inviting, links, operator_limits, operators
from notify.accounts.operator_limits import Limits
from notify.cli import acting, signing_keys
from notify.cli.commands import Commands, Json, MaybeAs, data_folder
from notify.cli.output import console, console_err, moment, print_json, table
from notify.core.counting import counted
from notify.core.db import transaction
from notify.core.settings import settings
from notify.local import secret_keys
from notify.models import Operator
from notify.operations import rotation

commands = Commands(help="Staff members and their roles.", no_args_is_help=True)
key_commands = Commands(
    help="API keys, the secret key, which `rotate` replaces, and the keys that sign alerts.", no_args_is_help=True
)
signing_keys.add_to(key_commands)


@commands.named("add")
def add(
    email: Annotated[str, typer.Argument()],
    role: Annotated[str, typer.Option(help=", ".join(operators.ROLES))],
    by: MaybeAs = None,
    as_json: Json = False,
) -> None:
    """Add a staff member, and print the link to join by: it sets a password and an authenticator app, once."""
    now = datetime.now(UTC)
    with transaction() as s:
        admin = acting.administrator(s, by)
        operator = operators.add(s, email, role, now, admin)
        link = links.address(links.make(s, operator, "join", now, admin))
    _tell_link(operator, link, f"{operator.email} is {operator.role}.", as_json)


@commands.named("invite")
def invite(email: Annotated[str, typer.Argument()], by: MaybeAs = None, as_json: Json = False) -> None:
    """Print a new link for a staff member who has not joined yet; the one before it ends."""
    now = datetime.now(UTC)
    with transaction() as s:
        operator, link = inviting.invite(s, email, now, acting.administrator(s, by))
    _tell_link(operator, links.address(link), "", as_json)


@commands.named("reset")
def reset(email: Annotated[str, typer.Argument()], by: MaybeAs = None, as_json: Json = False) -> None:
    """Void a staff member's password, app, passkeys, recovery codes and sessions, and print a link to set them anew.

    For a forgotten password or a lost phone. Make sure first that it is they who ask.
    """
    now = datetime.now(UTC)
    with transaction() as s:
        operator, link = inviting.reset(s, email, now, acting.administrator(s, by))
    _tell_link(operator, links.address(link), "Nobody can sign in with what they had before.", as_json)


@commands.named("list")
def list_(as_json: Json = False) -> None:
    """List all staff members."""
    with transaction() as s:
        rows = [(o.email, o.role, o.disabled_at is None) for o in operators.all_operators(s)]
    if as_json:
        print_json([{"email": email, "role": role, "active": active} for email, role, active in rows])
    else:
        table(("email", "role", "active"), rows)


@commands.named("disable")
def disable(email: Annotated[str, typer.Argument()], by: MaybeAs = None, as_json: Json = False) -> None:
    """Disable a staff member who leaves. All their keys and sessions end at once."""
    now = datetime.now(UTC)
    with transaction() as s:
        operator, keys, ended = operators.disable(s, email, now, acting.administrator(s, by))
    if as_json:
        print_json({"email": operator.email, "active": False, "keys_revoked": keys, "sessions_ended": ended})
    else:
        console.print(f"{operator.email} is disabled. Keys revoked: {keys}; sessions ended: {ended}.")


@commands.named("enable")
def enable(email: Annotated[str, typer.Argument()], by: MaybeAs = None, as_json: Json = False) -> None:
    """Enable a disabled staff member, with the same role. Revoked keys stay revoked."""
    with transaction() as s:
        operator = operators.enable(s, email, datetime.now(UTC), acting.administrator(s, by))
    if as_json:
        print_json({"email": operator.email, "role": operator.role, "active": True})
    else:
        lost = f"`tocsin operators reset {operator.email}` if the password is lost."
        console.print(f"{operator.email} is {operator.role} again. {lost}")


@commands.named("role")
def role(
    email: Annotated[str, typer.Argument()],
    role: Annotated[str, typer.Argument(help=", ".join(operators.ROLES))],
    by: MaybeAs = None,
    as_json: Json = False,
) -> None:
    """Give a staff member another role. It takes effect at once."""
    with transaction() as s:
        operator = operators.change_role(s, email, role, datetime.now(UTC), acting.administrator(s, by))
    if as_json:
        print_json({"email": operator.email, "role": operator.role})
    else:
        console.print(f"{operator.email} is {operator.role}.")


@commands.named("limit")
def limit(
    email: Annotated[str, typer.Argument()],
    contacts: Annotated[int | None, typer.Argument(help="Contacts; above it, another person must approve.")] = None,
    topic: Annotated[list[str] | None, typer.Option(help="Only alerts about this topic; or all.")] = None,
    zone: Annotated[list[str] | None, typer.Option(help="Only areas within this zone; or all.")] = None,
    hours: Annotated[str | None, typer.Option(metavar="06:00-22:00", help="Only sent at these hours; or all.")] = None,
    by: MaybeAs = None,
    as_json: Json = False,
) -> None:
    """Limit the alerts that a staff member may write, approve and launch.

    Without a number and without options, there is no limit on contacts any more. Options that are not given leave their
    limits as they are; --topic and --zone may be given several times. Exercises and tests are not limited.
    """
    with transaction() as s:
        admin = acting.administrator(s, by)
        operator = operators.find(s, email)
        keeps = contacts is None and bool(topic or zone or hours)
        limits = operator_limits.change(
            s,
            operator,
            datetime.now(UTC),
            admin,
            contacts=operator_limits.UNCHANGED if keeps else contacts,
            topics=topic or operator_limits.UNCHANGED,
            zones=zone or operator_limits.UNCHANGED,
            hours=hours or operator_limits.UNCHANGED,
        )
        zones = operator_limits.zone_names(s, limits)
    if as_json:
        told = {"topics": limits.topics, "zones": zones or None, "hours": limits.hours and str(limits.hours)}
        print_json({"email": operator.email, "audience_limit": limits.contacts} | told)
    else:
        console.print(f"{operator.email}: {_limits(limits, zones)}.", markup=False)


def _limits(limits: Limits, zones: Sequence[str]) -> str:
    said = []
    if limits.contacts is not None:
        said.append(f"another person above {counted(limits.contacts, 'contact')}")
    if limits.topics:
        said.append(f"only about {', '.join(limits.topics)}")
    if zones:
        said.append(f"only within {', '.join(zones)}")
    if limits.hours:
        said.append(f"only sent at {limits.hours}")
    return "; ".join(said) or "no limit"


@key_commands.named("add")
def add_key(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    operator: Annotated[
        str | None, typer.Option("--as", metavar="EMAIL", help="The operator it acts for; without, it may only read.")
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"Limit it to some of {', '.join(operators.SCOPES)}; by default all that EMAIL may do."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add an API key. It is shown only once."""
    with transaction() as s:
        by = acting.administrator(s)
        acts_for = operators.find(s, operator) if operator else None
        secret = operators.add_key(s, name, datetime.now(UTC), acts_for, scope or (), by=by)
    if as_json:
        print_json({"name": name, "key": secret})
    else:
        print(secret)
        console_err.print("This key is shown only once. Keep it where nobody else can read it.")


@key_commands.named("list")
def list_keys(as_json: Json = False) -> None:
    """List all keys, without their secrets."""
    with transaction() as s:
        owners = {operator.id: operator.email for operator in operators.all_operators(s)}
        rows = [
            (k.name, owners.get(k.operator_id or 0), k.scopes, k.created_at, k.revoked_at)
            for k in operators.all_keys(s)
        ]
    if as_json:
        names = ("name", "acts_for", "scopes", "created", "revoked")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        table(
            ("name", "acts for", "scopes", "created", "revoked"),
            [(name, owner, " ".join(scopes or ()) or None, moment(c), moment(r)) for name, owner, scopes, c, r in rows],
        )


@key_commands.named("revoke")
def revoke(name: Annotated[str, typer.Argument()], by: MaybeAs = None, as_json: Json = False) -> None:
    """Revoke a key."""
    with transaction() as s:
        operators.revoke_key(s, name, datetime.now(UTC), acting.administrator(s, by))
    if as_json:
        print_json({"name": name, "revoked": True})
    else:
        console.print(f"Key {name} is revoked.")


@key_commands.named("rotate")
def rotate(
    operator: MaybeAs = None,
    as_json: Json = False,
) -> None:
    """Replace the secret key: encrypt and index every address again while messages are sent. Continues after a kill.

    Exits with 1 if the new key is in force but some values could not be read; alarms name their contacts, places and
    operators.
    """
    with transaction() as s:
        by = acting.administrator(s, operator)

    def progress(of: str, rows: int) -> None:
        if not as_json:
            console.print(f"{of}: {counted(rows, 'row')}", highlight=False)

    try:
        done = rotation.rotate(datetime.now(UTC), by, progress)
    except rotation.InForce as error:  # killed before the data folder knew
        raise rotation.InForce(error.message, hint=_afterwards()) from error
    afterwards = _afterwards()
    if as_json:
        told = {"rows": done.rows, "unreadable": done.unreadable, "damaged": done.damaged}
        print_json(told | {"seconds": round(done.seconds, 1), "locked_s": round(done.locked_s, 3)})
    else:
        console.print(f"The new key is in force. {afterwards}", soft_wrap=True)
        if done.unreadable:
            console.print(f"Readable with neither key, and left as they are: {done.unreadable:,} values.")
            console.print("Alarms name their contacts, places and operators; see docs/keys.md.")
    if done.unreadable:
        raise typer.Exit(1)


def _tell_link(operator: Operator, link: str, told: str, as_json: bool) -> None:
    """Print a link to join by: alone on standard output, so that a script can pass it on."""
    if as_json:
        print_json({"id": operator.id, "email": operator.email, "role": operator.role, "link": link})
        return
    if told:
        console_err.print(told)
    print(link)
    console_err.print(
        f"Send this link to {operator.email}. It works once, within {links.LIFE['join'].days} days; who has it becomes"
        f" {operator.email}.",
        soft_wrap=True,
    )


def _afterwards() -> str:
    """Return what is left to do. If the data folder knows the new key, it is made the current one there."""
    folder = data_folder()
    if secret_keys.replaced(folder, settings().secret_key.get_secret_value()):
        return (
            f"{folder / 'secrets.json'} has it now, and keeps the old one under other_secret_keys. Unset both keys "
            "where you set them, stop `tocsin up` and start it again."
        )
    return rotation.AFTERWARDS

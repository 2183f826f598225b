"""`tocsin keys signing` and `tocsin keys renew-signing`: the keys that sign what the city sent."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from notify.alerts.public import signing
from notify.cli import acting
from notify.cli.commands import Commands, Json, MaybeAs
from notify.cli.output import console, moment, print_json, table
from notify.core.db import transaction
from notify.core.statements import key_set


def add_to(commands: Commands) -> None:
    commands.add("signing", list_signing)
    commands.add("renew-signing", renew_signing)


def list_signing(as_json: Json = False) -> None:
    """List the keys that sign alerts, as they are published."""
    with transaction() as s:
        keys = signing.published(s)
    if as_json:
        print_json(key_set(keys))
    else:
        rows = [(key.kid, moment(key.made_at), moment(key.retired_at), moment(key.revoked_at)) for key in keys]
        table(("key", "made", "retired", "revoked"), rows)


def renew_signing(
    by: MaybeAs = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="Trust the key before no more.")] = False,
    as_json: Json = False,
) -> None:
    """Make a new key to sign alerts with. The one before stays published, so that what it signed can be checked.

    With --revoke nothing that it signed is trusted any more, and all of it is signed anew.
    """
    with transaction() as s:
        made = signing.renew(s, acting.administrator(s, by), datetime.now(UTC), revoke=revoke)
    if as_json:
        print_json({"key": made.kid, "revoked": revoke})
    else:
        console.print(f"Alerts are signed with {made.kid} from now on.", markup=False)

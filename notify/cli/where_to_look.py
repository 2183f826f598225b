"""`tocsin where`, which `tocsin up` runs when everything has started."""

from datetime import UTC, datetime

from sqlalchemy import select

from notify.accounts import operators
from notify.cli.commands import Commands, data_folder
from notify.cli.output import console
from notify.core.db import transaction
from notify.core.errors import Unavailable
from notify.local.folder import StackInfo, running
from notify.models import ApiKey, Operator

commands = Commands()
KEY = "console of the training city"


@commands.named("where")
def where() -> None:
    """Show the addresses of this machine's stack, with a new sign-in link for the training city."""
    info = running(data_folder())
    if info is None:
        raise Unavailable(
            "No stack is running here.", hint="Start one with `tocsin up`, or name another data folder with --data."
        )
    console.print(f"\nConsole      {_console_link(info)}", soft_wrap=True)
    console.print(f"Residents    {info.url}/", soft_wrap=True)
    if info.simulator_url:
        console.print(
            f"Phones       {info.simulator_url}/   (the simulator: nothing leaves this machine)", soft_wrap=True
        )
    phones = ", except for what the simulator's phones show" if info.simulator_url else ""
    console.print(f"Ctrl-C stops everything; the data stays for the next time{phones}.", soft_wrap=True)


def _console_link(info: StackInfo) -> str:
    """Return the console's URL; in the training city a link that signs in and is valid for a quarter of an hour."""
    now = datetime.now(UTC)
    with transaction() as s:
        approver = s.scalar(select(Operator).where(Operator.email == operators.TRAINING_APPROVER))
        if approver is None:
            return f"{info.url}/console"
        key = s.scalar(select(ApiKey).where(ApiKey.name == KEY, ApiKey.revoked_at.is_(None)))
        if key is None:
            key = operators.find_key(s, operators.add_key(s, KEY, now, approver))
        assert key is not None  # noqa: S101  it was just made
        return f"{info.url}/console/enter?ticket={operators.ticket(key, now)}"

"""`tocsin where`, which `tocsin up` runs when everything has started."""

from datetime import UTC, datetime

from notify.accounts import links, operators
from notify.cli.commands import Commands, data_folder
from notify.cli.output import console
from notify.core.db import transaction
from notify.core.errors import Unavailable
from notify.local.folder import StackInfo, running
from notify.models import Operator

commands = Commands()


@commands.named("where")
def where() -> None:
    """Show the addresses of this machine's stack, with new sign-in links for the training city."""
    info = running(data_folder())
    if info is None:
        raise Unavailable(
            "No stack is running here.", hint="Start one with `tocsin up`, or name another data folder with --data."
        )
    training = _training_links(info)
    first = next(iter(training.values()), f"{info.url}/console")
    console.print(f"\nConsole      {first}", soft_wrap=True)
    if training:
        console.print("Training accounts, one of each role. A link signs in once, within 15 minutes:")
    for operator, link in training.items():
        console.print(f"  {operator.role:<10} {operator.email:<32} {link}", soft_wrap=True)
    console.print(f"Residents    {info.url}/", soft_wrap=True)
    if info.simulator_url:
        console.print(
            f"Phones       {info.simulator_url}/   (the simulator: nothing leaves this machine)", soft_wrap=True
        )
    phones = ", except for what the simulator's phones show" if info.simulator_url else ""
    console.print(f"Ctrl-C stops everything; the data stays for the next time{phones}.", soft_wrap=True)


def _training_links(info: StackInfo) -> dict[Operator, str]:
    """Return a link for one operator of each role of the training city; none on any other stack."""
    if not info.simulator_url:
        return {}
    now = datetime.now(UTC)
    with transaction() as s:
        found = {one.email: one for one in operators.all_operators(s) if one.disabled_at is None}
        here = [found[email] for email in operators.TRAINING if email in found]
        return {one: info.url + links.make(s, one, "training", now) for one in here}

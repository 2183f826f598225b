"""Identify the operator on the command line: by the operator's own key, or on a training stack by `--as` alone."""

import os

from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.cli.commands import data_folder
from notify.core.errors import NotAllowed
from notify.core.settings import settings
from notify.local.folder import read_env, running
from notify.models import Operator

KEY = "TOCSIN_OPERATOR_KEY"


def required(s: Session, email: str) -> Operator:
    """Return the operator named by `--as`. Raises NotFound, or NotAllowed without that operator's own key."""
    named = operators.find(s, email)
    if _is_training():
        return named
    proved = _by_key(s)
    if proved is None:
        raise NotAllowed(
            f"--as {named.email} needs a key of {named.email}.",
            hint=f"Set {KEY} to it. An admin makes one: `tocsin keys add NAME --as {named.email}`.",
        )
    if proved.id != named.id:
        raise NotAllowed(f"{KEY} holds a key of {proved.email}, not of {named.email}.")
    return proved


def optional(s: Session, email: str | None) -> Operator | None:
    """Return the operator of `--as`, or without it of the key that is set; None only on a training stack."""
    if email:
        return required(s, email)
    proved = _by_key(s)
    if proved is None and not _is_training():
        raise NotAllowed("This needs to know who does it.", hint=f"Set {KEY} to a key of yours.")
    return proved


def known(s: Session) -> Operator | None:
    """Return the operator of the key that is set, for commands without `--as`.

    None on a training stack, and as long as no admin has a key, which is how a city starts. Raises NotAllowed.
    """
    proved = _by_key(s)
    if proved is None and not _is_training() and operators.an_admin_has_a_key(s):
        raise NotAllowed("This needs to know who does it.", hint=f"Set {KEY} to a key of yours.")
    return proved


def administrator(s: Session, email: str | None = None) -> Operator | None:
    """Return the admin of `--as`, or without it of the key that is set, to change operators, keys, senders and maps.

    None on a training stack, and as long as no admin has a key: somebody must make the first one. Raises NotAllowed.
    """
    return permitted(s, "administer", "This is for an admin.", email)


def permitted(
    s: Session, act: str, refusal: str = "This needs to know who does it.", email: str | None = None
) -> Operator | None:
    """Return the operator of `--as`, or without it of the key that is set, who may do this (`operators.MAY`).

    None as for `administrator`. Raises NotAllowed.
    """
    proved = required(s, email) if email else _by_key(s)
    if proved is None:
        if _is_training() or not operators.an_admin_has_a_key(s):
            return None
        raise NotAllowed(refusal, hint=f"Set {KEY} to a key of yours.")
    operators.require(proved, act)
    return proved


def _by_key(s: Session) -> Operator | None:
    secret = os.environ.get(KEY, "").strip()
    if not secret:
        return None
    key = operators.find_key(s, secret)
    owner = operators.of_key(s, key) if key else None
    if owner is None or owner.disabled_at is not None:
        raise NotAllowed(f"{KEY} is not a valid key of an operator.", hint="`tocsin keys list` shows which are.")
    if key is not None and key.scopes is not None:
        raise NotAllowed(f"{KEY} holds a key for {', '.join(key.scopes)} only.", hint="Set one without --scope.")
    return owner


def _is_training() -> bool:
    """Return whether this is the stack of `tocsin up` on the data folder and sends to simulators only."""
    stack = running(data_folder())
    own = read_env(data_folder()).get("TOCSIN_DATABASE_URL")
    return stack is not None and bool(stack.simulator_url) and own == settings().database_url

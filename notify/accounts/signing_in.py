"""Sign in with a password and a code, in three steps: count the try and look the account up (a transaction), compare
the password (none), and use the code up (another). Only the caller commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.accounts import credentials, devices, letters, operators, passwords, sessions, tries
from notify.core.errors import NotAllowed
from notify.core.translation import gettext as _
from notify.models import Credential, Operator
from notify.models.session import How


class NotProven(NotAllowed):
    """Email, password and code do not belong together. Which of them is wrong is not said."""

    def __init__(self) -> None:
        super().__init__(
            _("The email, the password or the code is wrong."),
            hint=_("A code works once: wait for the next one if you have just used it."),
        )


@dataclass(frozen=True, slots=True)
class Try:
    """A sign-in that was counted. `operator_id`, `password_hash`: None for an account that cannot sign in."""

    keys: Sequence[tries.Key]
    operator_id: int | None
    password_hash: str | None


def begin(s: Session, email: str, device: str, network: str, now: datetime) -> Try:
    """Count a try. Raises TooManyTries, with the same answer whether or not there is such an account."""
    row = s.execute(
        select(Operator.id, Credential.password_hash)
        .join(Credential, Credential.operator_id == Operator.id)
        .where(operators.has_email(email), Operator.disabled_at.is_(None))
    ).first()
    operator_id = row.id if row else None
    known = devices.find(s, device, operator_id, now)
    keys = tries.of_device(known) if known else tries.of_stranger(email.strip().casefold(), network)
    tries.count(s, keys, now)
    return Try(keys, operator_id, row.password_hash if row else None)


def again(s: Session, session_id: int, operator_id: int, now: datetime) -> Try:
    """Count a try of somebody who is signed in and proves again who they are. Raises TooManyTries."""
    keys = tries.of_session(session_id)
    tries.count(s, keys, now)
    kept = credentials.of(s, operator_id)
    return Try(keys, operator_id, kept.password_hash if kept else None)


def compare(given: Try, password: str) -> str | None:
    """Compare the password, outside of a transaction: it takes 64 MiB and a tenth of a second.

    Returns a newer hash of it, if the stored one is outdated. Raises NotProven, and Unavailable.
    """
    if not passwords.matches(given.password_hash, password):
        raise NotProven
    assert given.password_hash is not None  # noqa: S101  it matched
    return passwords.hashed(passwords.normalised(password)) if passwords.is_outdated(given.password_hash) else None


def finish(s: Session, given: Try, code: str, newer_hash: str | None, now: datetime) -> Operator:
    """Use the code up and return the operator, whose row is then locked. Raises NotProven, also when the password was
    changed or the operator disabled in the meantime."""
    assert given.operator_id is not None  # noqa: S101  its password matched
    operator = credentials.lock(s, given.operator_id)
    kept = credentials.of(s, given.operator_id)
    if operator is None or kept is None or kept.password_hash != given.password_hash:
        raise NotProven
    if not credentials.use_code(s, kept, code, now):
        raise NotProven
    if newer_hash:
        credentials.keep_rehashed(s, operator.id, kept.password_hash, newer_hash)
    return operator


def admit(s: Session, given: Try, operator: Operator, device: str, agent: str, now: datetime) -> str:
    """Begin the session of a sign-in that succeeded, remember the device, and return the session's token."""
    tries.give_back(s, given.keys)
    return welcome(s, operator, "password", device, agent, now)


def welcome(s: Session, operator: Operator, how: How, device: str, agent: str, now: datetime) -> str:
    """Begin a session and remember the device; of a new one its owner is told. Returns the session's token."""
    if devices.keep(s, device, operator.id, now):
        letters.write(s, "new-device", operator, now, device=sessions.device_name(agent))
    return sessions.begin(s, operator, how, agent, now)


def confirm(s: Session, given: Try, session_id: int, now: datetime) -> None:
    """Record the proof of somebody who is signed in."""
    sessions.prove(s, session_id, now)
    tries.give_back(s, given.keys)

"""Links for staff members who have not joined yet, or who lost what they sign in with."""

from datetime import datetime

from sqlalchemy.orm import Session

from notify.accounts import credentials, links, operators
from notify.core import audit
from notify.core.errors import NotFound, Refused
from notify.models import Operator


def invite(s: Session, email: str, now: datetime, by: Operator | None = None) -> tuple[Operator, str]:
    """Make a new link to join; the one before it ends. Returns the operator and the link's path.

    Raises NotFound, NotAllowed, and Refused for somebody who has joined: that would be a reset.
    """
    operators.require_by(by, "administer")
    operator = _locked(s, email)
    if credentials.of(s, operator.id) is not None:
        raise Refused(
            f"{operator.email} has joined already.",
            hint=f"Reset the account if the password or the phone is lost: `tocsin operators reset {operator.email}`.",
        )
    return operator, links.make(s, operator, "join", now, by)


def reset(s: Session, email: str, now: datetime, by: Operator | None = None) -> tuple[Operator, str]:
    """Void all that an operator signs in with, end the sessions, and make a link to set it anew.

    Returns the operator and the link's path. Raises NotFound and NotAllowed.
    """
    operators.require_by(by, "administer")
    operator = _locked(s, email)
    ended = credentials.void(s, operator, now)
    audit.note(s, now=now, by=by, action="reset", subject="operator", subject_id=operator.id, sessions=ended)
    return operator, links.make(s, operator, "join", now, by)


def _locked(s: Session, email: str) -> Operator:
    found = operators.find(s, email)
    operator = credentials.lock(s, found.id)
    if operator is None:
        raise NotFound(f"{found.email} has just been disabled.")
    return operator

"""Links for staff members who have not joined yet, or who lost what they sign in with."""

from datetime import datetime

from sqlalchemy.orm import Session

from notify.accounts import credentials, letters, links, operators
from notify.core import audit
from notify.core.errors import NotFound, Refused
from notify.core.translation import gettext as _
from notify.models import Operator


def add(s: Session, email: str, role: str, now: datetime, by: Operator | None = None) -> tuple[Operator, str]:
    """Add a staff member and mail them a link to join. Returns the operator and "", or where nothing can be mailed the
    path of the link, which somebody must hand over. Raises NotAllowed, and Invalid as `operators.add` does.
    """
    operator = operators.add(s, email, role, now, by)
    return operator, "" if _mail(s, operator, now) else links.make(s, operator, "join", now, by)


def mailed_link(s: Session, operator_id: int, _channel: str, now: datetime) -> str | None:
    """Make the link of an invitation, at the moment in which it is sent. None for somebody who has joined meanwhile or
    may not come in."""
    operator = credentials.lock(s, operator_id)
    if operator is None or credentials.of(s, operator_id) is not None:
        return None
    return links.address(links.make(s, operator, "join", now, mailed=True))


def invite(
    s: Session, email: str, now: datetime, by: Operator | None = None, *, by_mail: bool = False
) -> tuple[Operator, str]:
    """Invite again; the link before it ends. Returns what `add` does; without `by_mail` always the path.

    Raises NotFound, NotAllowed, and Refused for somebody who has joined: that would be a reset.
    """
    operators.require_by(by, "administer")
    operator = _locked(s, email)
    if credentials.of(s, operator.id) is not None:
        raise Refused(
            _("%(email)s has joined already.", email=operator.email),
            hint=f"Reset the account if the password or the phone is lost: `tocsin operators reset {operator.email}`.",
        )
    if by_mail and _mail(s, operator, now):
        audit.note(s, now=now, by=by, action="invite", subject="operator", subject_id=operator.id)
        return operator, ""
    return operator, links.make(s, operator, "join", now, by)


def reset(s: Session, email: str, now: datetime, by: Operator | None = None) -> tuple[Operator, str]:
    """Void all that an operator signs in with, end the sessions, and make a link to set it anew.

    Returns the operator and the link's path. Raises NotFound and NotAllowed.
    """
    operators.require_by(by, "administer")
    operator = _locked(s, email)
    ended = credentials.void(s, operator, now)
    audit.note(s, now=now, by=by, action="reset", subject="operator", subject_id=operator.id, sessions=ended)
    letters.write(s, "reset", operator, now)
    return operator, links.make(s, operator, "join", now, by)


def _mail(s: Session, operator: Operator, now: datetime) -> bool:
    """Write the invitation, whose link is made when it is sent; the link before it ends. Returns whether it can be."""
    written = letters.write(s, "invitation", operator, now, days=str(links.LIFE["join"].days))
    if written:
        links.end_all(s, operator.id, now)
    return written


def _locked(s: Session, email: str) -> Operator:
    found = operators.find(s, email)
    operator = credentials.lock(s, found.id)
    if operator is None:
        raise NotFound(_("%(email)s has just been disabled.", email=found.email))
    return operator

"""Staff members as administrators see them: who has joined, who is signed in, and who can be let in again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.accounts import credentials, operators, sessions
from notify.core import audit
from notify.core.errors import NotFound
from notify.core.translation import gettext as _
from notify.models import Operator


@dataclass(frozen=True, slots=True)
class Member:
    """An operator. `invited_until`: until when their link works. `sessions`: how many are open. `invitation`: the state
    of the newest one that was mailed."""

    operator: Operator
    joined: bool
    passkeys: int
    recovery_codes: int
    seen_at: datetime | None
    sessions: int
    invited_until: datetime | None
    invitation: str | None

    @property
    def state(self) -> str:
        if self.operator.disabled_at is not None:
            return "disabled"
        if self.joined:
            return "active"
        if self.operator.email in operators.TRAINING:  # who come in by link only
            return "training"
        return "invited" if self.invited_until or self.invitation in ("waiting", "claimed") else "not joined"


def members(s: Session, by: Operator, now: datetime, only: int | None = None) -> Sequence[Member]:
    """All operators by email, or one. Raises NotAllowed unless an admin asks."""
    operators.require(by, "administer")
    rows = s.execute(
        text("""SELECT o.id, EXISTS (SELECT FROM credentials c WHERE c.operator_id = o.id) AS joined,
                       (SELECT count(*) FROM passkeys p WHERE p.operator_id = o.id) AS passkeys,
                       (SELECT count(*) FROM recovery_codes r WHERE r.operator_id = o.id AND used_at IS NULL) AS codes,
                       (SELECT max(seen_at) FROM sessions x WHERE x.operator_id = o.id) AS seen_at,
                       (SELECT count(*) FROM sessions x WHERE x.operator_id = o.id AND x.ended_at IS NULL
                           AND x.ends_at > :now AND x.seen_at > :idle) AS sessions,
                       (SELECT max(ends_at) FROM sign_in_links l WHERE l.operator_id = o.id AND l.purpose = 'join'
                           AND l.used_at IS NULL AND l.ends_at > :now) AS invited_until,
                       (SELECT state FROM direct_messages m WHERE m.operator_id = o.id AND m.kind = 'invitation'
                         ORDER BY m.id DESC LIMIT 1) AS invitation
                  FROM operators o WHERE CAST(:only AS bigint) IS NULL OR o.id = :only ORDER BY o.email"""),
        {"now": now, "idle": now - sessions.IDLE, "only": only},
    ).all()
    known = {one.id: one for one in operators.all_operators(s)}
    return [Member(known[row.id], *row[1:]) for row in rows]


def member(s: Session, by: Operator, now: datetime, operator_id: int) -> Member:
    """One of them. Raises NotFound and NotAllowed."""
    found = members(s, by, now, operator_id)
    if not found:
        raise NotFound(_("There is no such operator."))
    return found[0]


def end_sessions(s: Session, email: str, now: datetime, by: Operator) -> int:
    """Sign an operator out everywhere. Returns how many sessions were open. Raises NotFound and NotAllowed."""
    operators.require(by, "administer")
    found = operators.find(s, email)
    credentials.lock(s, found.id)
    ended = sessions.end_all(s, found.id, now)
    audit.note(s, now=now, by=by, action="end-sessions", subject="operator", subject_id=found.id, sessions=ended)
    return ended

"""Sessions at the console: rows that are listed, and that signing out, time or an administrator ends at once."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify.core import audit, crypto
from notify.core.restated import Sentences
from notify.core.settings import settings
from notify.core.translation import gettext_noop
from notify.models import Operator, SignIn
from notify.models.session import How

IDLE = timedelta(hours=12)  # an operational period of an emergency operations centre (docs/adr)
LIFE = timedelta(hours=24)  # SP 800-63B-4 section 2.2.3: sign in again once a day
FRESH = timedelta(minutes=15)
SEEN_EVERY = timedelta(minutes=1)  # how exactly `seen_at` is kept
FORGOTTEN_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Live:
    """A session that has not ended. `training`: it was begun by the link of a training stack, without a password."""

    id: int
    operator: Operator
    proven_at: datetime
    training: bool = False

    def is_fresh(self, now: datetime) -> bool:
        """Whether its operator proved within the last 15 minutes who they are."""
        return now - self.proven_at < FRESH


def begin(s: Session, operator: Operator, how: How, device: str, now: datetime) -> str:
    """Start a session and return its token."""
    token = secrets.token_urlsafe(32)
    session = SignIn(
        token_hash=crypto.hash_key(token),
        operator_id=operator.id,
        device=device_name(device),
        how=how,
        began_at=now,
        seen_at=now,
        proven_at=now,
        ends_at=now + LIFE,
    )
    s.add(session)
    s.flush()
    audit.note(s, now=now, by=operator, action="sign-in", subject="session", subject_id=session.id, how=how)
    return token


def find(s: Session, token: str, now: datetime, *, active: bool = True) -> Live | None:
    """The session of a token, unless it has ended or its operator is disabled.

    `active`: somebody is at work, so its idle time begins anew. A page that refreshes itself is not.
    A session of the training city is void as soon as a stack sends to real providers, and so is exercise mode.
    """
    row = s.execute(
        select(SignIn, Operator)
        .join(Operator, Operator.id == SignIn.operator_id)
        .where(
            SignIn.token_hash == crypto.hash_key(token),
            SignIn.ended_at.is_(None),
            SignIn.ends_at > now,
            SignIn.seen_at > now - IDLE,
            Operator.disabled_at.is_(None),
        )
    ).first()
    if row is None or (row.SignIn.how == "training" and not settings().simulator_url):
        return None
    if active and now - row.SignIn.seen_at > SEEN_EVERY:
        s.execute(text("UPDATE sessions SET seen_at = :now WHERE id = :id"), {"now": now, "id": row.SignIn.id})
    row.Operator.exercising = row.SignIn.exercise_since is not None and bool(settings().simulator_url)
    return Live(row.SignIn.id, row.Operator, row.SignIn.proven_at, row.SignIn.how == "training")


def open_ids(s: Session, now: datetime) -> dict[int, str]:
    """The sessions that have not ended, of operators who are not disabled, with the role of each. For streams, which
    outlast a request."""
    living = (
        select(SignIn.id, Operator.role)
        .join(Operator, Operator.id == SignIn.operator_id)
        .where(SignIn.ended_at.is_(None), SignIn.ends_at > now, Operator.disabled_at.is_(None))
    )
    return {one.id: one.role for one in s.execute(living)}


def prove(s: Session, session_id: int, now: datetime) -> None:
    """Record that the operator of a session has just proved again who they are."""
    s.execute(
        text("UPDATE sessions SET proven_at = :now WHERE id = :id AND ended_at IS NULL"), {"now": now, "id": session_id}
    )


def set_exercise(s: Session, session_id: int, on: bool, by: Operator, now: datetime) -> None:
    """Enter or leave exercise mode. Does nothing for a session that is in that mode already."""
    changed = s.execute(
        text("""UPDATE sessions SET exercise_since = CASE WHEN :on THEN CAST(:now AS timestamptz) END
                 WHERE id = :id AND ended_at IS NULL AND (exercise_since IS NULL) = :on RETURNING id"""),
        {"on": on, "now": now, "id": session_id},
    ).all()
    if changed:
        action = "enter exercise mode" if on else "leave exercise mode"
        audit.note(s, now=now, by=by, action=action, subject="session", subject_id=session_id)


def of(s: Session, operator_id: int, now: datetime) -> Sequence[SignIn]:
    """The sessions of an operator that have not ended, the one used last first."""
    living = select(SignIn).where(
        SignIn.operator_id == operator_id, SignIn.ended_at.is_(None), SignIn.ends_at > now, SignIn.seen_at > now - IDLE
    )
    return s.scalars(living.order_by(SignIn.seen_at.desc(), SignIn.id.desc())).all()


def end(s: Session, token: str, now: datetime) -> None:
    """Sign out. The token is invalid from now on, wherever it was copied to."""
    s.execute(
        text("UPDATE sessions SET ended_at = :now WHERE token_hash = :token AND ended_at IS NULL"),
        {"now": now, "token": crypto.hash_key(token)},
    )


def end_one(s: Session, operator_id: int, session_id: int, now: datetime) -> None:
    """End one session of an operator; nobody else's."""
    s.execute(
        text("""UPDATE sessions SET ended_at = :now
                 WHERE id = :id AND operator_id = :operator AND ended_at IS NULL"""),
        {"now": now, "id": session_id, "operator": operator_id},
    )


def end_all(s: Session, operator_id: int, now: datetime, but: int = 0) -> int:
    """End every session of an operator, but one. Returns the number of those that were open."""
    ended = s.execute(
        text("""UPDATE sessions SET ended_at = :now
                 WHERE operator_id = :operator AND ended_at IS NULL AND id <> :but
             RETURNING ends_at > :now AND seen_at > :idle AS was_open"""),
        {"now": now, "operator": operator_id, "but": but, "idle": now - IDLE},
    )
    return sum(row.was_open for row in ended)


def forget_old(s: Session, now: datetime) -> None:
    """Delete sessions that ended long ago."""
    s.execute(text("DELETE FROM sessions WHERE ends_at < :old"), {"old": now - FORGOTTEN_AFTER})


# As they are stored, for `DEVICES.said`.
DEVICES = Sentences(gettext_noop("an unknown browser"), gettext_noop("%(browser)s on %(system)s"))


def device_name(agent: str) -> str:
    """Name a device as people do, from the User-Agent of its browser: "Firefox on Windows"."""
    systems = (
        (r"iPhone", "iPhone"), (r"iPad", "iPad"), (r"Android", "Android"), (r"CrOS", "ChromeOS"),
        (r"Windows", "Windows"), (r"Macintosh|Mac OS", "Mac"), (r"Linux", "Linux"),
    )  # fmt: skip
    browsers = (
        (r"Edg(e|A|iOS)?/", "Edge"), (r"OPR/", "Opera"), (r"Firefox|FxiOS", "Firefox"),
        (r"Chrom(e|ium)|CriOS|HeadlessChrome", "Chrome"), (r"Safari", "Safari"),
    )  # fmt: skip
    system = next((name for pattern, name in systems if re.search(pattern, agent)), "")
    browser = next((name for pattern, name in browsers if re.search(pattern, agent)), "")
    return " on ".join(filter(None, (browser, system))) or "an unknown browser"

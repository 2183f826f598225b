"""Read the audit: who did what, and who looked at whom."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.core import audit
from notify.core.audit_seals import COLUMNS
from notify.core.city_time import moment, on_clock
from notify.core.errors import Invalid
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop
from notify.models import Operator

PAGE = 50  # rows of a page
TOCSIN = "tocsin"  # in place of an operator's email: what the system did by itself

Format = Literal["csv", "jsonl"]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows: each condition that is set must hold. `operator`: an email, or TOCSIN. `until` is exclusive."""

    operator: str = ""
    action: str = ""
    subject: str = ""
    subject_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the audit. `operator`: the email; "" for Tocsin itself. `hash`: None until it is sealed."""

    id: int
    at: datetime
    operator: str
    operator_id: int | None
    action: str
    subject: str
    subject_id: int
    about: str  # the email, if the subject is an operator
    detail: dict[str, Any]
    hash: str | None


def times(since: str, until: str, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """Read the times of a filter. A date alone means the whole day. Raises Invalid, which names the field."""
    return _time(gettext_noop("from"), since, zone), _time(gettext_noop("to"), until, zone)


def find(s: Session, wanted: Filter, by: Operator, before: int | None = None) -> Sequence[Entry]:
    """Return the newest rows, at most PAGE + 1: with one more than PAGE there are older ones. Raises NotAllowed."""
    operators.require(by, "audit")
    conditions, values = _conditions(wanted)
    if before is not None:
        conditions, values = f"{conditions} AND a.id < :before", values | {"before": before}
    rows = s.execute(
        text(f"""SELECT a.id, a.at, a.operator_id, coalesce(o.email, '') AS operator, a.action, a.subject, a.subject_id,
                        coalesce(x.email, '') AS about, a.detail, encode(z.hash, 'hex') AS hash
                   FROM audit a LEFT JOIN operators o ON o.id = a.operator_id
                   LEFT JOIN audit_seals z ON z.audit_id = a.id
                   LEFT JOIN operators x ON a.subject = 'operator' AND x.id = a.subject_id
                  WHERE {conditions} ORDER BY a.id DESC LIMIT :most"""),  # noqa: S608  values are bound
        values | {"most": PAGE + 1},
    )
    return [Entry(**row._mapping) for row in rows]


def actions(s: Session) -> Sequence[str]:
    """Return every action in the audit. It steps from one to the next in the index instead of reading all rows."""
    return s.scalars(text(_DISTINCT.format(column="action"))).all()


def subjects(s: Session) -> Sequence[str]:
    """Return every kind of subject in the audit."""
    return s.scalars(text(_DISTINCT.format(column="subject"))).all()


_DISTINCT = """
    WITH RECURSIVE known AS (
        SELECT min({column}) AS word FROM audit
         UNION ALL
        SELECT (SELECT min(a.{column}) FROM audit a WHERE a.{column} > known.word) FROM known WHERE word IS NOT NULL
    )
    SELECT word FROM known WHERE word IS NOT NULL
"""


def note_export(s: Session, wanted: Filter, kind: Format, now: datetime, by: Operator | None) -> int:
    """Record an export, and return the newest id that it includes. Commit it before the first row is written out.

    Only an admin may export. Raises NotAllowed.
    """
    operators.require_by(by, "audit")
    operators.require_by(by, "administer")
    newest = s.scalar(text("SELECT max(id) FROM audit")) or 0
    set_only = {name: value for name, value in asdict(wanted).items() if value not in ("", None)}
    told = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in set_only.items()}
    audit.note(s, now=now, by=by, action="export", subject="audit", subject_id=0, format=kind, filter=told)
    return int(newest)


def export_page(s: Session, wanted: Filter, after: int, through: int, most: int) -> Sequence[Any]:
    """Return the next rows of an export, oldest first, with COLUMNS as they are hashed, the email and both hashes."""
    conditions, values = _conditions(wanted)
    return s.execute(
        text(f"""SELECT {COLUMNS}, coalesce(o.email, '') AS operator, z.version,
                        encode(z.prev_hash, 'hex') AS prev_hash, encode(z.hash, 'hex') AS hash
                   FROM audit a LEFT JOIN operators o ON o.id = a.operator_id
                   LEFT JOIN audit_seals z ON z.audit_id = a.id
                  WHERE {conditions} AND a.id > :after AND a.id <= :through ORDER BY a.id LIMIT :most"""),  # noqa: S608
        values | {"after": after, "through": through, "most": most},
    ).all()


def _conditions(wanted: Filter) -> tuple[str, dict[str, Any]]:
    conditions = ["true"]
    if wanted.operator == TOCSIN:
        conditions.append("a.operator_id IS NULL")
    elif wanted.operator:
        conditions.append("a.operator_id = (SELECT id FROM operators WHERE email = :operator)")
    if wanted.action:
        conditions.append("a.action = :action")
    if wanted.subject:
        conditions.append("a.subject = :subject")
    if wanted.subject_id is not None:
        conditions.append("a.subject_id = :subject_id")
    if wanted.since is not None:
        conditions.append("a.at >= :since")
    if wanted.until is not None:
        conditions.append("a.at < :until")
    return " AND ".join(conditions), asdict(wanted)


_HINT = gettext_noop("Use a date such as 2027-01-12, or a time such as 2027-01-12T18:00.")


def _time(name: str, words: str, zone: ZoneInfo) -> datetime | None:
    words = words.strip()
    if not words:
        return None
    try:
        datetime.fromisoformat(words)
    except ValueError:
        raise Invalid(
            _("%(name)s: %(words)s is not a valid time.", name=_(name), words=repr(words)), hint=_(_HINT)
        ) from None
    try:
        at = moment(words, zone)
        if name == "to" and len(words) == len("2027-01-12"):
            day = datetime.fromisoformat(words) + timedelta(days=1)
            at = on_clock(datetime.combine(day, time.min), zone)
    except (ValueError, OverflowError) as error:
        raise Invalid(
            _("%(name)s: %(words)s %(error)s.", name=_(name), words=repr(words), error=error), hint=_(_HINT)
        ) from None
    return at

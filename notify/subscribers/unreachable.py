"""Residents whom no message reaches, for letters: every contact failed or was dropped, or nobody answered whether they
still live there. Who opted out is not among them: they asked for silence."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.core import audit, crypto, keyring
from notify.core.errors import Unavailable
from notify.core.formulas import defused
from notify.models import Operator
from notify.subscribers.address_checks import SILENT_AFTER
from notify.subscribers.homes import SEALED_ADDRESS

COLUMNS = ("resident", "address", "label", "language", "reason", "since")
AT_ONCE = 1_000


def note_list(s: Session, now: datetime, by: Operator | None) -> None:
    """Add the audit row. Commit it first: who stops reading early has read addresses, too. Raises NotAllowed."""
    operators.require_by(by, "administer")
    audit.note(s, now=now, by=by, action="list unreachable", subject="subscribers", subject_id=0)


def list_csv(s: Session, now: datetime) -> Iterator[str]:
    """Yield the lines of a CSV, one for each place with a street address of a resident whom nothing reaches.

    `reason`: bounced, invalid, reassigned, or silent (the yearly question was not answered); `since`: a date.
    A damaged address is left out: an alarm rings for it elsewhere.
    """
    keyring.hold(s)
    yield _line(COLUMNS)
    found = s.execute(
        text(_UNREACHABLE), {"silent_since": now - SILENT_AFTER}, execution_options={"yield_per": AT_ONCE}
    )
    for row in found:
        try:
            address = crypto.unseal(bytes(row.address_sealed), SEALED_ADDRESS)
        except Unavailable:
            continue
        yield _line((row.id, defused(address), defused(row.label), row.language, row.reason, f"{row.since:%Y-%m-%d}"))


def _line(cells: tuple[object, ...]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


# The state of each contact: why nothing reaches it, or NULL. A contact that was never verified was never promised
# anything. A resident is listed if no contact is left that a message may reach, and none has opted out.
_UNREACHABLE = """
    WITH failed AS (
        SELECT c.subscriber_id, c.verified_at IS NOT NULL AND x.reason IS NULL AS works,
               coalesce(x.reason = 'opt-out', false) AS left_us,
               CASE WHEN c.verified_at IS NULL AND c.dead_at IS NOT NULL THEN 'reassigned'
                    WHEN x.reason = 'hard-bounce' THEN 'bounced' WHEN x.reason = 'invalid' THEN 'invalid' END AS reason,
               coalesce(x.at, c.dead_at) AS since
          FROM contacts c
          LEFT JOIN LATERAL (SELECT reason, at FROM suppressions s
                              WHERE (s.channel, s.address_index) = (c.channel, c.address_index) AND s.topic IS NULL
                                AND s.reason IN ('hard-bounce', 'invalid', 'opt-out', 'complaint')
                              ORDER BY s.reason = 'opt-out' DESC, s.at DESC LIMIT 1) x ON true
         WHERE c.subscriber_id IS NOT NULL AND c.address_sealed IS NOT NULL
    ), unreached AS (
        SELECT subscriber_id, max(reason) AS reason, max(since) AS since FROM failed
         GROUP BY subscriber_id HAVING NOT bool_or(works) AND NOT bool_or(left_us) AND max(reason) IS NOT NULL
        UNION ALL
        SELECT k.subscriber_id, 'silent', k.asked_at FROM address_checks k
         WHERE k.answered_at IS NULL AND k.asked_at <= :silent_since
           AND NOT EXISTS (SELECT FROM address_checks n WHERE n.subscriber_id = k.subscriber_id AND n.id > k.id)
           AND EXISTS (SELECT FROM failed f WHERE f.subscriber_id = k.subscriber_id AND f.works)
           AND NOT EXISTS (SELECT FROM failed f WHERE f.subscriber_id = k.subscriber_id AND f.left_us)
    )
    SELECT r.id, r.language, p.label, p.address_sealed, u.reason, u.since
      FROM unreached u JOIN subscribers r ON r.id = u.subscriber_id JOIN places p ON p.subscriber_id = r.id
     WHERE r.erased_at IS NULL AND p.address_sealed IS NOT NULL ORDER BY r.id, p.id
"""

"""Write to operators about an alert: rows in the transaction of the act, which a job sends after the commit."""

from collections.abc import Collection
from datetime import datetime
from typing import Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core import operator_words
from notify.core.settings import settings
from notify.models import Alert, Lane, Operator

CONSOLE = "console"  # the channel of a message that is only shown there
LONGEST_REASON = 160  # characters of a reason in a text message

_WRITE = """
    INSERT INTO operator_messages
           (kind, alert_id, operator_id, step, channel, subject, text, state, made_at, settled_at)
    SELECT :kind, :alert, o.id, :step, c.channel, :subject, :text,
           CASE c.channel WHEN 'console' THEN 'accepted' ELSE 'waiting' END, :now,
           CASE c.channel WHEN 'console' THEN CAST(:now AS timestamptz) END
      FROM unnest(CAST(:people AS bigint[])) AS o (id),
           LATERAL (SELECT 'console' UNION ALL SELECT channel FROM operator_contacts k
                     WHERE k.operator_id = o.id AND k.verified_at IS NOT NULL) AS c (channel)
     ORDER BY o.id
    ON CONFLICT DO NOTHING
"""


def write(
    s: Session,
    kind: Literal["ask", "break-glass"],
    alert: Alert,
    people: Collection[Operator],
    step: int,
    now: datetime,
    *,
    author: str,
    reason: str = "",
) -> None:
    """Write to people on the console and on each of their verified contacts: once for each kind and step."""
    what = f"{alert.event} {'alert' if alert.phase == 'issue' else alert.phase} {alert.id}, {alert.area_description}"
    blanks = {
        "practice": "" if alert.status == "Actual" else f"{alert.status.upper()}: ",
        "city": settings().city,
        "author": author,
        "what": what,
        "lane": ", an emergency" if alert.lane is Lane.EMERGENCY else "",
        "reason": reason if len(reason) <= LONGEST_REASON else reason[: LONGEST_REASON - 3] + "...",
        "link": f"{settings().public_url}/console/alerts/{alert.id}",
    }
    words = {part: line.format(**blanks) for part, line in operator_words.of(kind).items()}
    ids = [one.id for one in people]
    s.execute(text(_WRITE), {"kind": kind, "alert": alert.id, "people": ids, "step": step, "now": now, **words})

"""Stop senders whose receipts show that they cannot work, or that carriers take their messages for spam."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.channels.contract import Receipt
from notify.core import reasons
from notify.delivery import sender_health

RECENT = 5_000  # receipts, of all alerts
FILTERED_SHARE, FILTERED_LEAST = 0.1, 20  # of one alert's messages by one sender that ended, by these receipts


def stop_refused_senders(s: Session, provider: str, receipts: Sequence[Receipt], now: datetime) -> None:
    """Stop each sender that a receipt shows to be unable to send any message.

    Messages sent before a sender was last opened do not count.
    """
    codes = {r.delivery_id: r.code for r in receipts if r.blame == "us"}
    if not codes:
        return
    refused = s.execute(text(_REFUSED), {"ids": list(codes), "codes": list(codes.values()), "provider": provider}).all()
    for sender_id, code in refused:
        sender_health.stop(s, sender_id, f"{provider} refuses it: {reasons.sentence(code)}", now)


_REFUSED = """
    SELECT x.id, min(told.code) FROM unnest(CAST(:ids AS bigint[]), CAST(:codes AS text[])) AS told (id, code)
      JOIN deliveries d ON d.id = told.id JOIN senders x ON x.id = d.sender_id AND x.provider = :provider
     WHERE x.opened_at IS NULL OR d.claimed_at > x.opened_at
     GROUP BY x.id ORDER BY x.id
"""


def stop_filtered_senders(s: Session, now: datetime) -> None:
    """Stop each sender that had too many recent messages of one alert filtered as spam.

    A single one says little: it may be due to a phone or a word. Call this when a receipt reports a filtered message,
    not for each receipt.
    """
    values = {"recent": RECENT, "share": FILTERED_SHARE, "least": FILTERED_LEAST}
    for sender_id, alert_id, filtered, ended in s.execute(text(_FILTERED), values).all():
        why = f"carriers filtered {filtered} of {ended} recent messages of alert {alert_id} as spam"
        sender_health.stop(s, sender_id, why, now)


_FILTERED = """
    WITH ended AS (
        SELECT delivery_id, bool_or(blame = 'filter') AS filtered
          FROM (SELECT delivery_id, state, blame FROM receipts ORDER BY id DESC LIMIT :recent) AS recent
         WHERE state IN ('delivered', 'undelivered', 'failed') GROUP BY delivery_id
    )
    SELECT x.id, d.alert_id, count(*) FILTER (WHERE ended.filtered) AS filtered, count(*) AS ended
      FROM ended JOIN deliveries d ON d.id = ended.delivery_id JOIN senders x ON x.id = d.sender_id
     WHERE x.opened_at IS NULL OR d.claimed_at > x.opened_at
     GROUP BY x.id, d.alert_id
    HAVING count(*) >= :least AND count(*) FILTER (WHERE ended.filtered) >= :share * count(*)
     ORDER BY x.id, d.alert_id
"""

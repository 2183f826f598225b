"""Record the outcomes of a claim, in one statement for all deliveries with the same outcome."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import orjson

from notify.core import alarms, db
from notify.core.db import statements
from notify.core.states import HELD_BACK, delivery_before
from notify.delivery import carrier_blocks, suppressions
from notify.delivery.leases import Lease
from notify.delivery.outcomes import Outcome
from notify.models.states import DeliveryState

BEFORE = {state: delivery_before(state) for state in DeliveryState}
# A slow worker's delivery may have been given up as lost, and queued again or closed. Now it is known to be sent.
BEFORE[DeliveryState.ACCEPTED] += [state.value for state in HELD_BACK]


def record(outcomes: Sequence[Outcome], claimed_at: datetime, now: datetime) -> None:
    """Record the outcomes of one claim, and suppress the addresses that must not be written to again. Safe to repeat.

    Deliveries that the carrier blocks only for this sender go back to the queue, for another sender.
    A delivery that moved on meanwhile (its receipt came before the answer) keeps its state; only its reference and time
    are filled in. A delivery that was claimed again since keeps its state, too, unless the provider accepted this
    attempt. Nothing is recorded of an earlier attempt that the carrier is known to have refused.
    """
    told = [o for o in outcomes if o.suppress]
    with statements() as cursor:
        blocked: set[int] = set()
        if told:
            ids, reasons = [o.delivery_id for o in told], [o.suppress for o in told]
            blocked = suppressions.suppress(cursor, ids, reasons, now, claimed_at)
        alike: dict[tuple[DeliveryState, str | None, bool], list[Outcome]] = defaultdict(list)
        for outcome in outcomes:
            if outcome.delivery_id in blocked:
                alike[DeliveryState.QUEUED, carrier_blocks.REASON, False].append(outcome)
            else:
                alike[outcome.to, outcome.reason, outcome.counts].append(outcome)
        for (to, reason, counts), group in alike.items():
            values = {"now": now, "to": to.value, "from": BEFORE[to], "reason": reason, "uncounted": int(not counts)}
            values |= {"certain": to is DeliveryState.ACCEPTED, "claimed": claimed_at}
            cursor.execute(_RECORD, values | {"rows": _rows(group)})


def record_apart(held: Lease, outcomes: Sequence[Outcome], claimed_at: datetime, patience_s: float = 0.0) -> None:
    """`record`, retried for `patience_s` while PostgreSQL is away. A row that it refuses does not stop others (law 15).

    That delivery stays unknown and raises an alarm, and the provider is asked about it.
    """

    def refused(one: Outcome, why: Exception) -> None:
        what = f"record that delivery {one.delivery_id} is {one.to.value}"
        alarms.refused_row(what, why, held.now(), alert_id=held.alert_id)

    def work(some: Sequence[Outcome]) -> None:
        db.persistently(lambda: record(some, claimed_at, held.now()), patience_s)

    db.in_halves(outcomes, work, refused)


def _rows(group: Sequence[Outcome]) -> str:
    """Return the rows as JSON, which costs us and PostgreSQL a third of what arrays do (docs/performance.md)."""
    rows = [
        {"id": o.delivery_id, "reference": o.reference, "sent_s": o.sent_at.timestamp() if o.sent_at else None}
        for o in group
    ]
    return orjson.dumps(rows).decode()


_RECORD = """
    UPDATE deliveries d
       SET state = CASE WHEN moves THEN %(to)s ELSE d.state END,
           reason = CASE WHEN moves THEN %(reason)s ELSE d.reason END,
           settled_at = CASE WHEN moves THEN %(now)s ELSE d.settled_at END,
           reference = coalesce(o.reference, d.reference),
           sent_at = coalesce(to_timestamp(o.sent_s), d.sent_at),
           attempts = d.attempts - CASE WHEN moves THEN %(uncounted)s ELSE 0 END
      FROM json_to_recordset(%(rows)s::json) AS o (id bigint, reference text, sent_s float8)
     WHERE d.id = o.id AND (d.state = 'sending' AND d.claimed_at = %(claimed)s OR NOT EXISTS (
               SELECT FROM carrier_refusals x
                WHERE (x.delivery_id, x.reference) = (o.id, o.reference) AND x.settled_at IS NOT NULL))
""".replace(
    "moves", "d.state = ANY(%(from)s::delivery_state[]) AND (%(certain)s OR d.claimed_at = %(claimed)s)"
).replace("%(to)s", "%(to)s::delivery_state")

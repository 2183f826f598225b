"""After a backup was restored: nothing that may have gone out since the backup was made is sent again unasked.

The backup does not know what was sent after it. So what was being sent is paused, what was scheduled waits for an
operator, and every message of an alert that was not over counts as *unknown*: `delivery/reconcile` asks the provider
about it by number, words and time before it may be sent, also where its row is only written after the restore
(`alerts.ask_since`).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import CursorResult, text
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.core import alarms, db, process, states
from notify.core.db import transaction
from notify.core.errors import Refused
from notify.models import Operator
from notify.models.states import AlertState

T = TypeVar("T")

# Rows that were lost had numbers, which are in status callbacks and in links that people have: they are never given to
# others. That many are left out; few of those that people read aloud.
LEFT_OUT = {
    "deliveries": 10_000_000,
    "contacts": 10_000_000,
    "subscribers": 100_000,  # an operator who has noted a number may erase somebody by it
    "places": 100_000,
    "alerts": 1_000,
    "incidents": 1_000,
}
LOOK_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Restored:
    """Alerts that were paused, and that were scheduled and have to be launched again; messages to be asked about; rows
    that PostgreSQL refused to change."""

    paused: list[int]
    unscheduled: list[int]
    asked: int
    refused: int = 0


def require(by: Operator | None) -> None:
    """Raises NotAllowed for an operator who may not pause an alert."""
    if by is not None:
        operators.require(by, "stop")


def refuse_while_connected(look_s: float) -> None:
    """Raises Refused for processes of ours that are connected, or connect within `look_s`: they may be sending."""
    until_s = time.monotonic() + look_s
    while True:
        with transaction() as s:
            found = [str(one) for one in process.others(s)]
        if found:
            raise Refused(
                f"Connected to the restored database: {', '.join(found)}.",
                hint="They may send again what is out. Stop them, then run this again.",
            )
        if time.monotonic() >= until_s:
            return
        time.sleep(LOOK_AGAIN_S)


def restored(s: Session, now: datetime, by: Operator | None = None) -> Restored:
    """Hold everything and have the providers asked. May be done again; does nothing to what is over.

    Rows that PostgreSQL refuses to change keep no others (law 15): alarms ring about them. Raises NotAllowed for an
    operator who may not pause an alert.
    """
    require(by)
    rows, over = _Rows(s, now), [state.value for state in states.FINISHED]

    def hold(state: AlertState, to: AlertState) -> list[int]:
        def move(alerts: Sequence[int]) -> list[int]:
            for one in alerts:
                states.move_alert(s, one, to, now=now, by=by, action="restored")
            return list(alerts)

        moved = rows.each(f"make {to.value} alert", rows.ids(_OF_STATE, state=state.value), move)
        return [one for some in moved for one in some]

    paused = hold(AlertState.SENDING, AlertState.PAUSED)
    unscheduled = hold(AlertState.SCHEDULED, AlertState.APPROVED)
    rows.change("have asked about alert", rows.ids(_UNASKED, over=over), _ASK)
    batches = rows.ids(_BATCHES, over=over)
    asked = rows.change("have asked about batch", batches, _UNKNOWN.format("b.id"), _one_by_one(rows))
    rows.change("have settled batch", batches, _UNSETTLED)
    rows.change("doubt carrier block", rows.ids(_BLOCKS), _DOUBT)
    rows.change("close the carrier's refusal of delivery", rows.ids(_REFUSALS), _CLOSE)
    for table, some in LEFT_OUT.items():
        sequence = f"pg_get_serial_sequence('{table}', 'id')"
        s.execute(text(f"SELECT setval({sequence}, nextval({sequence}) + :some)"), {"some": some})
    return Restored(paused, unscheduled, asked + rows.late, rows.refused)


class _Rows:
    """Changes of many rows by their ids, each of which PostgreSQL may refuse. `late`: rows that were changed one by
    one, after their batch as a whole was refused."""

    def __init__(self, s: Session, now: datetime) -> None:
        self._s, self._now = s, now
        self.refused = self.late = 0

    def ids(self, question: str, **given: object) -> list[int]:
        return list(self._s.scalars(text(question), given))

    def each(
        self,
        what: str,
        ids: Sequence[int],
        work: Callable[[Sequence[int]], T],
        instead: Callable[[int], None] | None = None,
    ) -> list[T]:
        """The work on all of them but those that are refused. `instead`: what is done about one of these; by default
        an alarm rings."""

        def refuse(one: int, why: Exception) -> None:
            if instead:
                instead(one)
                return
            self.refused += 1
            alarms.refused_row(f"{what} {one}", why, self._now)

        return db.in_halves(ids, work, refuse, self._s.begin_nested)

    def change(
        self, what: str, ids: Sequence[int], statement: str, instead: Callable[[int], None] | None = None
    ) -> int:
        def run(some: Sequence[int]) -> int:
            done = self._s.execute(text(statement), {"ids": list(some)})
            assert isinstance(done, CursorResult)  # noqa: S101  it is no SELECT
            return done.rowcount

        return sum(self.each(what, ids, run, instead))


def _one_by_one(rows: _Rows) -> Callable[[int], None]:
    """The deliveries of a batch of which one is refused."""

    def ask(batch: int) -> None:
        deliveries = rows.ids("SELECT id FROM deliveries WHERE batch_id = :batch ORDER BY id", batch=batch)
        rows.late += rows.change("have asked about delivery", deliveries, _UNKNOWN.format("d.id"))

    return ask


_OF_STATE = "SELECT id FROM alerts WHERE state = CAST(:state AS alert_state) ORDER BY id FOR UPDATE"
_UNASKED = "SELECT id FROM alerts WHERE state <> ALL(CAST(:over AS alert_state[])) AND ask_since IS NULL ORDER BY id"
# The earliest moment at which the first message can have left.
_ASK = "UPDATE alerts SET ask_since = coalesce(launched_at, approved_at, created_at) WHERE id = ANY(:ids)"
_BATCHES = """
    SELECT b.id FROM batches b JOIN alerts a ON a.id = b.alert_id
     WHERE a.ask_since IS NOT NULL OR a.state <> ALL(CAST(:over AS alert_state[])) ORDER BY b.id
"""
# Any of the channel's senders may have carried it: which one stands here does not count for the question.
_UNKNOWN = """
    UPDATE deliveries d
       SET state = 'unknown', reason = 'restored',
           claimed_at = coalesce(a.ask_since, a.launched_at, a.approved_at, a.created_at),
           sender_id = coalesce(d.sender_id, b.sender_id, (SELECT min(id) FROM senders x WHERE x.channel = b.channel))
      FROM batches b JOIN alerts a ON a.id = b.alert_id
     WHERE b.id = d.batch_id AND {} = ANY(:ids) AND d.state IN (perhaps_out)
""".replace("perhaps_out", ", ".join(f"'{state}'" for state in sorted(states.PERHAPS_OUT)))
_BLOCKS = "SELECT id FROM carrier_blocks WHERE lifted_at IS NULL ORDER BY id"
# START since the backup may have lifted them.
_DOUBT = "UPDATE carrier_blocks SET lifted_at = at, doubtful = true WHERE id = ANY(:ids)"
_REFUSALS = "SELECT delivery_id FROM carrier_refusals WHERE settled_at IS NULL ORDER BY delivery_id"
# Another sender may have sent it since the backup.
_CLOSE = "UPDATE carrier_refusals SET settled_at = now() WHERE delivery_id = ANY(:ids) AND settled_at IS NULL"
_UNSETTLED = """
    UPDATE batches SET state = 'unsettled', lease = NULL, lease_until = NULL, rung_at = NULL, not_before = NULL
     WHERE id = ANY(:ids) AND state IN ('waiting', 'leased')
"""

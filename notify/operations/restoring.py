"""Make a restored backup safe: messages that went out after the backup was made must not be sent again.

The backup does not know what was sent after it. So alerts being sent are paused, scheduled ones wait for an operator,
and every message of an unfinished alert becomes *unknown*: `delivery/reconcile` asks the provider about it by number,
words and time before it may be sent. This includes messages whose rows are only written after the restore
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

# How many ids to skip. Status callbacks and links that people have contain ids of lost rows, which must never be given
# to other rows. Fewer are skipped where people read ids aloud.
LEFT_OUT = {
    "deliveries": 10_000_000,
    "contacts": 10_000_000,
    "subscribers": 100_000,  # an operator may use a noted id to erase a resident
    "places": 100_000,
    "alerts": 1_000,
    "incidents": 1_000,
}
LOOK_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Restored:
    """The alerts that were paused, and those that were scheduled and must be launched again; the numbers of messages to
    ask about, and of rows that PostgreSQL refused to change."""

    paused: list[int]
    unscheduled: list[int]
    asked: int
    refused: int = 0


def require(by: Operator | None) -> None:
    """Raise NotAllowed for an operator who may not pause an alert."""
    if by is not None:
        operators.require(by, "stop")


def refuse_while_connected(look_s: float) -> None:
    """Raise Refused when other processes of ours connect within `look_s` seconds: they may be sending."""
    until_s = time.monotonic() + look_s
    while True:
        with transaction() as s:
            found = [str(one) for one in process.others(s)]
        if found:
            raise Refused(
                f"Processes are connected to the restored database: {', '.join(found)}.",
                hint="They may send messages a second time. Stop them, then run this again.",
            )
        if time.monotonic() >= until_s:
            return
        time.sleep(LOOK_AGAIN_S)


def restored(s: Session, now: datetime, by: Operator | None = None) -> Restored:
    """Hold all unfinished alerts, and have the providers asked about their messages. Safe to repeat.

    A row that PostgreSQL refuses to change rings an alarm and does not stop the others (law 15). Raises NotAllowed for
    an operator who may not pause an alert.
    """
    require(by)
    rows, over = _Rows(s, now), [state.value for state in states.FINISHED]

    def hold(state: AlertState, to: AlertState) -> list[int]:
        def move(alerts: Sequence[int]) -> list[int]:
            for one in alerts:
                states.move_alert(s, one, to, now=now, by=by, action="restored")
            return list(alerts)

        moved = rows.each(f"set the state {to.value} on alert", rows.ids(_OF_STATE, state=state.value), move)
        return [one for some in moved for one in some]

    paused = hold(AlertState.SENDING, AlertState.PAUSED)
    unscheduled = hold(AlertState.SCHEDULED, AlertState.APPROVED)
    rows.change("record the time to ask from on alert", rows.ids(_UNASKED, over=over), _ASK)
    batches = rows.ids(_BATCHES, over=over)
    asked = rows.change(
        "set the state unknown on the messages of batch", batches, _UNKNOWN.format("b.id"), _one_by_one(rows)
    )
    rows.change("set the state unsettled on batch", batches, _UNSETTLED)
    rows.change("set the mark doubtful on carrier block", rows.ids(_BLOCKS), _DOUBT)
    rows.change("close the carrier's refusal of delivery", rows.ids(_REFUSALS), _CLOSE)
    s.execute(text("DELETE FROM arrivals"))  # they may have been told since
    for table, some in LEFT_OUT.items():
        sequence = f"pg_get_serial_sequence('{table}', 'id')"
        s.execute(text(f"SELECT setval({sequence}, nextval({sequence}) + :some)"), {"some": some})
    return Restored(paused, unscheduled, asked + rows.late, rows.refused)


class _Rows:
    """Change many rows by id, any of which PostgreSQL may refuse. `late`: rows that were changed one by one after their
    batch as a whole was refused."""

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
        """Call `work` on all ids but refused ones. `instead` is called for each of those; by default an alarm rings."""

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
    """Change the deliveries of a refused batch one by one."""

    def ask(batch: int) -> None:
        deliveries = rows.ids("SELECT id FROM deliveries WHERE batch_id = :batch ORDER BY id", batch=batch)
        rows.late += rows.change("set the state unknown on delivery", deliveries, _UNKNOWN.format("d.id"))

    return ask


_OF_STATE = "SELECT id FROM alerts WHERE state = CAST(:state AS alert_state) ORDER BY id FOR UPDATE"
# A sent one takes whoever joins until it expires.
_UNASKED = """
    SELECT id FROM alerts WHERE ask_since IS NULL
       AND (state <> ALL(CAST(:over AS alert_state[])) OR state = 'sent' AND expires_at > now()) ORDER BY id
"""
# The earliest moment at which the first message can have left.
_ASK = "UPDATE alerts SET ask_since = coalesce(launched_at, approved_at, created_at) WHERE id = ANY(:ids)"
_BATCHES = """
    SELECT b.id FROM batches b JOIN alerts a ON a.id = b.alert_id
     WHERE a.ask_since IS NOT NULL OR a.state <> ALL(CAST(:over AS alert_state[]))
        OR a.state = 'sent' AND b.state <> 'done' ORDER BY b.id
"""
# Any sender of the channel may have carried it, so the question does not depend on the one recorded here.
_UNKNOWN = """
    UPDATE deliveries d
       SET state = 'unknown', reason = 'restored',
           claimed_at = coalesce(a.ask_since, a.launched_at, a.approved_at, a.created_at),
           sender_id = coalesce(d.sender_id, b.sender_id, (SELECT min(id) FROM senders x WHERE x.channel = b.channel))
      FROM batches b JOIN alerts a ON a.id = b.alert_id
     WHERE b.id = d.batch_id AND {} = ANY(:ids) AND d.state IN (perhaps_out)
""".replace("perhaps_out", ", ".join(f"'{state}'" for state in sorted(states.PERHAPS_OUT)))
_BLOCKS = "SELECT id FROM carrier_blocks WHERE lifted_at IS NULL ORDER BY id"
# A START since the backup may have lifted them.
_DOUBT = "UPDATE carrier_blocks SET lifted_at = at, doubtful = true WHERE id = ANY(:ids)"
_REFUSALS = "SELECT delivery_id FROM carrier_refusals WHERE settled_at IS NULL ORDER BY delivery_id"
# Another sender may have sent it since the backup.
_CLOSE = "UPDATE carrier_refusals SET settled_at = now() WHERE delivery_id = ANY(:ids) AND settled_at IS NULL"
_UNSETTLED = """
    UPDATE batches SET state = 'unsettled', lease = NULL, lease_until = NULL, rung_at = NULL, not_before = NULL
     WHERE id = ANY(:ids) AND state IN ('waiting', 'held', 'leased')
"""

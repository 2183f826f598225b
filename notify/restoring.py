"""After a backup was restored: nothing that may have gone out since the backup was made is sent again unasked.

The backup does not know what was sent after it. So what was being sent is paused, what was scheduled waits for an
operator, and every message of an alert that was not over counts as *unknown*: `pipeline/clearing` asks the provider
about it by number, words and time before it may be sent, also where its row is only written after the restore
(`alerts.ask_since`).
"""

import time
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify import lifecycle, operators
from notify.core import process
from notify.db import transaction
from notify.errors import Refused
from notify.models import Operator
from notify.models.states import AlertState

# Rows that were lost had numbers, which are in status callbacks and links: they are never given to others.
NUMBERS_LEFT_OUT = 10_000_000
NUMBERED = ("deliveries", "contacts")
LOOK_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Restored:
    """Alerts that were paused, and that were scheduled and have to be launched again; messages to be asked about."""

    paused: list[int]
    unscheduled: list[int]
    asked: int


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

    Raises NotAllowed for an operator who may not pause an alert.
    """
    require(by)
    moved = {}
    for state, to in ((AlertState.SENDING, AlertState.PAUSED), (AlertState.SCHEDULED, AlertState.APPROVED)):
        ids = s.scalars(text("SELECT id FROM alerts WHERE state = CAST(:state AS alert_state) ORDER BY id FOR UPDATE"),
                        {"state": state.value}).all()  # fmt: skip
        for alert_id in ids:
            lifecycle.move_alert(s, alert_id, to, now=now, by=by, action="restored")
        moved[state] = list(ids)
    over = [state.value for state in lifecycle.FINISHED]
    s.execute(text(_ASK), {"over": over})
    asked = s.execute(text(_UNKNOWN)).scalar_one()
    s.execute(text(_UNSETTLED))
    s.execute(text(_DOUBT))
    for table in NUMBERED:
        sequence = f"pg_get_serial_sequence('{table}', 'id')"
        s.execute(text(f"SELECT setval({sequence}, nextval({sequence}) + :some)"), {"some": NUMBERS_LEFT_OUT})
    return Restored(moved[AlertState.SENDING], moved[AlertState.SCHEDULED], asked)


# The earliest moment at which the first message can have left.
_ASK = """
    UPDATE alerts SET ask_since = coalesce(launched_at, approved_at, created_at)
     WHERE state <> ALL(CAST(:over AS alert_state[])) AND ask_since IS NULL
"""
# Any of the channel's senders may have carried it: which one stands here does not count for the question.
_UNKNOWN = """
    WITH unknown AS (
        UPDATE deliveries d
           SET state = 'unknown', reason = 'restored', claimed_at = a.ask_since,
               sender_id = coalesce(d.sender_id, b.sender_id,
                                    (SELECT min(id) FROM senders x WHERE x.channel = b.channel))
          FROM batches b JOIN alerts a ON a.id = b.alert_id
         WHERE b.id = d.batch_id AND a.ask_since IS NOT NULL AND d.state IN ('queued', 'sending', 'unknown')
        RETURNING 1
    ) SELECT count(*) FROM unknown
"""
# START since the backup may have lifted them.
_DOUBT = "UPDATE carrier_blocks SET lifted_at = at, doubtful = true WHERE lifted_at IS NULL"
_UNSETTLED = """
    UPDATE batches b SET state = 'unsettled', lease = NULL, lease_until = NULL, rung_at = NULL, not_before = NULL
      FROM alerts a WHERE a.id = b.alert_id AND a.ask_since IS NOT NULL AND b.state IN ('waiting', 'leased')
"""

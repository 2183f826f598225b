"""Turn an audience into delivery rows and batches, slice by slice, with one transaction for each slice.

The first slice is small, so that the first phone rings while the rest is still being resolved. After it, two slices are
written at a time, each on its own connection, and committed in order. Each transaction also records the progress on
the alert. If a resolver dies, another continues from there, so every contact gets exactly one row.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify import audience
from notify.audience import Readers, Wordings
from notify.channels import channel
from notify.core import alarms, crypto, db, keyring
from notify.core.db import resolvers_engine, transaction
from notify.delivery import delivery_rows, predictions
from notify.models import Alert
from notify.models.states import AlertState
from zones.membership import Membership

log = structlog.get_logger()

FIRST_SLICE = 500  # residents
FIRST_IDS = 20_000  # ... found among this many ids
SLICE = 10_000
LARGER = 3  # each slice is this many times the one before: a large slice costs less for each resident
LARGEST_SLICE = 40_000  # less than a second's work, which a cancel may waste
WRITERS = 2
RESOLVER_LOCK = 7461  # first key of the advisory lock; the second one is the alert


class _Halted(Exception):
    """The alert is no longer `sending`; the current slices are rolled back."""


def resolve(alert_id: int, now: datetime) -> Iterator[list[int]]:
    """Write the deliveries of a launched alert; yields the ids of new batches after each commit, to be rung at once.

    Does nothing while another process resolves the same alert, and stops when the alert is no longer `sending`.
    """
    with resolvers_engine().connect() as guard:  # its own connection: if this process dies, the lock is released
        if not guard.execute(
            text("SELECT pg_try_advisory_lock(:lock, :alert)"), {"lock": RESOLVER_LOCK, "alert": alert_id}
        ).scalar_one():
            return
        guard.commit()
        guard.detach()  # closed, not returned: whatever happens, the lock does not stay in the pool
        try:
            yield from _slices(alert_id, now)
        except _Halted:
            pass
        finally:
            guard.execute(text("SELECT pg_advisory_unlock(:lock, :alert)"), {"lock": RESOLVER_LOCK, "alert": alert_id})
            guard.commit()


def _slices(alert_id: int, now: datetime) -> Iterator[list[int]]:
    batches: list[int] = []
    with transaction(resolvers_engine) as s:
        alert = _sending(s, alert_id)
        through, area, wordings, shared = (
            alert.fanout_through,
            audience.membership(alert),
            audience.read_wordings(s, alert_id, now),
            delivery_rows.shared_values(s, alert, now),
        )
        if through < 0:
            batches, added = _write_timelines(s, alert, shared)
            _advance(s, alert_id, added, through=0)
    if through < 0:
        yield batches
        through = 0
    if through == 0:
        with transaction(resolvers_engine) as s:
            batches, through = _first_slice(s, alert_id, area, wordings, shared)
        yield batches
    with transaction(resolvers_engine) as s:
        rest = audience.readers_inside(s, area, wordings, now, after=through)
    # If the first ids held nobody inside, no phone has rung yet: begin with a small slice again.
    yield from _write_slices(alert_id, _parts(rest, SLICE if batches else FIRST_SLICE), shared)
    with transaction(resolvers_engine) as s:
        _advance(s, alert_id, 0, done_at=now)
    log.info("alert.resolved", alert=alert_id)
    with transaction(resolvers_engine) as s:  # separate: an alert can end without its forecast
        predictions.store(s, alert_id)


def _first_slice(
    s: Session, alert_id: int, area: Membership, wordings: Wordings | None, shared: Mapping[str, Any]
) -> tuple[list[int], int]:
    """Write the first few residents, found among the first ids, so that no phone waits for a million places to be read.

    Returns their batches and the id up to which the audience is resolved.
    """
    alert = _sending(s, alert_id)
    through = s.execute(text("SELECT coalesce(min(id), 0) FROM subscribers")).scalar_one() + FIRST_IDS
    readers = audience.readers_inside(s, area, wordings, shared["now"], through=through)
    if readers.residents.size > FIRST_SLICE:
        readers = readers.cut(0, FIRST_SLICE)
        through = int(readers.residents[-1])
    batches, added = _write_residents(s, alert, readers, shared)
    _advance(s, alert_id, added, through=through)
    return batches, through


def _parts(readers: Readers, most: int) -> list[Readers]:
    """Split residents into slices that grow from `most`: a large slice costs less for each resident."""
    parts = []
    while readers.residents.size:
        parts.append(readers.cut(0, most))
        readers = readers.cut(most)
        most = SLICE if most < SLICE else min(most * LARGER, LARGEST_SLICE)
    return parts


def _write_slices(alert_id: int, parts: list[Readers], shared: Mapping[str, Any]) -> Iterator[list[int]]:
    slices: deque[Future[list[int]]] = deque()
    with ThreadPoolExecutor(WRITERS, thread_name_prefix="fanout") as writers:
        for part in parts:
            slices.append(writers.submit(_write_slice, alert_id, part, shared, slices[-1] if slices else None))
            if len(slices) > WRITERS:
                yield slices.popleft().result()
        while slices:
            yield slices.popleft().result()


def _write_slice(
    alert_id: int, readers: Readers, shared: Mapping[str, Any], before: "Future[list[int]] | None"
) -> list[int]:
    """Write one slice, and commit it after the one before; an error there is raised here too."""
    with transaction(resolvers_engine) as s:
        batches, added = _write_residents(s, _sending(s, alert_id), readers, shared)
        if before is not None:
            before.result()
        _advance(s, alert_id, added, through=int(readers.residents[-1]))
    return batches


def _sending(s: Session, alert_id: int) -> Alert:
    """Return the alert, not locked, so that a cancel need not wait for a slice. Raises _Halted if resolving is over."""
    alert = s.get(Alert, alert_id, populate_existing=True)
    if alert is None or alert.state != AlertState.SENDING or alert.fanout_done_at is not None:
        raise _Halted
    return alert


def _advance(
    s: Session, alert_id: int, added: int, *, through: int | None = None, done_at: datetime | None = None
) -> None:
    """Record the progress. Raises _Halted if the alert was stopped: the same statement waits for the stop to commit.

    The progress never goes back: if we lost our lock with its connection, another resolver may be ahead.
    """
    going = s.execute(
        text("""UPDATE alerts SET audience_total = audience_total + :added, fanout_done_at = :done_at,
                       fanout_through = coalesce(:through, fanout_through)
                 WHERE id = :alert AND state = 'sending' AND fanout_done_at IS NULL
                   AND (CAST(:through AS bigint) IS NULL OR fanout_through < :through) RETURNING id"""),
        {"alert": alert_id, "added": added, "through": through, "done_at": done_at},
    ).first()
    if going is None:
        raise _Halted


def _write_timelines(s: Session, alert: Alert, shared: Mapping[str, Any]) -> tuple[list[int], int]:
    """Write the posts of the city's own timelines. If PostgreSQL refuses them, residents still get their messages."""

    def refused(_: str, why: Exception) -> None:
        alarms.refused_row(f"write the posts of alert {alert.id}", why, shared["now"], alert_id=alert.id)

    def work(_: Sequence[str]) -> tuple[list[int], int]:
        _open_timelines(s, alert, shared["now"])
        return delivery_rows.write(s, audience.TIMELINES, shared)

    written = db.in_halves(["timelines"], work, refused, s.begin_nested)
    return written[0] if written else ([], 0)


def _write_residents(s: Session, alert: Alert, readers: Readers, shared: Mapping[str, Any]) -> tuple[list[int], int]:
    """Write the rows of residents. If PostgreSQL refuses those of one, the others are still written (law 15)."""

    def refused(resident: int, why: Exception) -> None:
        if _is_behind(s, alert.id, resident):
            raise _Halted
        alarms.refused_row(f"write the deliveries of resident {resident}", why, shared["now"], alert_id=alert.id)

    def work(some: Sequence[int]) -> tuple[list[int], int]:
        values = {**shared, "subscribers": list(some), "wordings": readers.wordings_of(some)}
        return delivery_rows.write(s, delivery_rows.reached(alert), values)

    written = db.in_halves(readers.residents.tolist(), work, refused, s.begin_nested)
    return [batch for batches, _ in written for batch in batches], sum(added for _, added in written)


def _is_behind(s: Session, alert_id: int, resident: int) -> bool:
    """Return whether another resolver has written this resident, because we lost our lock with its connection."""
    behind: bool = s.execute(
        text("SELECT fanout_through >= :resident FROM alerts WHERE id = :alert"),
        {"alert": alert_id, "resident": resident},
    ).scalar_one()
    return behind


def _open_timelines(s: Session, alert: Alert, now: datetime) -> None:
    """Add a contact for each timeline: one for each open social account and language of the alert."""
    keyring.hold(s)
    rows = s.execute(
        text("""SELECT s.id, s.provider, s.address, w.channel, w.language FROM senders s JOIN contents w USING (channel)
                 WHERE w.alert_id = :alert AND w.wording = 0 AND s.channel = ANY(:timelines) AND s.status = 'open'"""),
        {"alert": alert.id, "timelines": channel.timelines()},
    ).all()
    for row in rows:
        timeline = f"{row.provider}:{row.address}:{row.language}"
        s.execute(
            text("""INSERT INTO contacts (timeline_of, language, channel, address_index, address_sealed, verified_at,
                                          created_at)
                    VALUES (:sender, :language, :channel, :index, :sealed, :now, :now)
                    ON CONFLICT (channel, address_index) DO NOTHING"""),
            {
                "sender": row.id,
                "language": row.language,
                "channel": row.channel,
                "index": channel.CHANNELS[row.channel].address_index(timeline),
                "sealed": crypto.seal(timeline, row.channel),
                "now": now,
            },
        )

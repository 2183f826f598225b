"""Count the residents of an area at once, while an operator draws it.

A process that counts keeps the residents in memory (`cache`). At every count it reads one snapshot of PostgreSQL, and
first loads the residents who changed since the last one. So the count equals what a launch at that moment would resolve
to, by the same rules (`resolve.REACHED`), and the memory can be discarded at any time. Only whom an earlier, very large
alert was sent to is known as of a minute ago (`TOLD_FOR`).
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from notify.audience import cache, loading, rules
from notify.audience.cache import ROUTINE, Columns, Precedence, Tally, Wants
from notify.audience.part_sets import Parts
from notify.audience.resolve import Audience, timelines_to_come, written
from notify.audience.told import OrTold, Recipients
from notify.core import db
from notify.core.db import one_moment
from notify.core.process import once
from notify.models import Topic
from zones.membership import Membership

log = structlog.get_logger()

TOPICS = tuple(topic.value for topic in Topic)
KEPT = timedelta(hours=1)  # changes are deleted after this long
STALE = KEPT / 2  # an older snapshot is read anew; by PostgreSQL's clock, too, because a host may sleep
LATE_MOST = 20_000  # residents who changed since the snapshot was read; with more it is read anew
TOLD_FOR = timedelta(minutes=1)  # how long the recipients of a large alert are kept
LARGE = 20_000  # recipients; those of a smaller alert are read for every count, which takes some milliseconds
TOLD_MOST = 4  # of which the recipients are kept: a million take 16 MB. More alerts at once are read as one


@dataclass(frozen=True)
class _Told:
    """Those to whom an alert, or one of several, was sent, ascending, and their indexes in `base`, as of `at`."""

    ids: NDArray[np.int64]
    at_base: NDArray[np.intp]
    at: datetime


@dataclass(frozen=True)
class _Residents:
    """All residents as of a snapshot: `base`, in which those of `changed` are replaced by `late`."""

    base: Columns
    wants: dict[str, Wants]
    late: Columns
    late_wants: dict[str, Wants]
    changed: NDArray[np.int64]  # the ids of those who changed since base was read; some may be gone
    snapshot: str
    at: datetime  # of the snapshot
    told: dict[Recipients, _Told] = field(default_factory=dict)  # those asked for longest ago first


class _Part(NamedTuple):
    """Some of the residents, and of them, as in `Columns.tally`, who counts and who does not."""

    columns: Columns
    wants: Wants
    also: list[NDArray[np.intp]]
    but: NDArray[np.bool_] | None
    warned: NDArray[np.intp] | None


class LiveCount:
    """One for each process; safe to use from several threads."""

    def __init__(self, languages: Sequence[str]) -> None:
        self._languages = tuple(languages)
        self._lock = threading.Lock()
        self._known: _Residents | None = None

    def prepare(self, topic: str) -> None:
        """Start to read the residents, if none or only stale ones are loaded, while the caller computes the area."""
        known = self._known
        if (known is None or abs(datetime.now(UTC) - known.at) > STALE) and not self._lock.locked():
            threading.Thread(target=self._prepare, args=(topic,), name="live_count", daemon=True).start()

    def _prepare(self, topic: str) -> None:
        try:
            with self._moment(topic):
                pass
        except SQLAlchemyError as error:  # `count` tries again, and raises
            log.warning("live_count.not_prepared", error=db.reason(error))

    def count_each(
        self, areas: Sequence[Membership], topic: str, channels: Sequence[str], now: datetime
    ) -> list[Audience]:
        """Return `count` of each of many areas of a routine alert, as of one moment."""
        with self._moment(topic) as (s, known):
            timelines, parts = timelines_to_come(s, channels), _in_parts(known, topic, [], [])
        number = TOPICS.index(topic) + 1
        each = [one.columns.tally_each(areas, number, channels, one.wants, now, one.but) for one in parts]
        return [
            _audience(tallies, known.base.channels, self._languages, channels, timelines)
            for tallies in zip(*each, strict=True)
        ]

    def count(
        self, area: Membership, topic: str, channels: Sequence[str], now: datetime, precedence: Precedence = ROUTINE
    ) -> Audience:
        """Return what a launch at this moment would resolve to, with a text in each of the city's languages."""
        number = TOPICS.index(topic) + 1
        with self._asked(area, topic, precedence) as (s, known, parts):
            timelines = timelines_to_come(s, channels)
        tallies = [
            one.columns.tally(area, number, channels, one.wants, now, one.also, one.but, precedence, one.warned)
            for one in parts
        ]
        return _audience(tallies, known.base.channels, self._languages, channels, timelines)

    def reached(
        self, area: Membership, topic: str, channels: Sequence[str], now: datetime, precedence: Precedence,
        among: NDArray[np.int64],
    ) -> int:  # fmt: skip
        """Return how many of some residents (`among`: ids) a launch at this moment would write to."""
        number = TOPICS.index(topic) + 1
        with self._asked(area, topic, precedence) as (_, _, parts):
            pass
        return sum(
            one.columns.reached(
                area, number, channels, one.wants, now, one.also, one.but, precedence, one.warned, among
            )
            for one in parts
        )

    def sets(self, area: Membership, parts: Parts, topic: str, precedence: Precedence = ROUTINE) -> dict[int, int]:
        """Return in which sets of these parts residents of an area have places, as bits (`part_sets`), and how many
        residents each."""
        with self._asked(area, topic, precedence) as (_, _, some):
            pass
        found = np.concatenate([one.columns.sets(area, parts, one.also, one.but) for one in some])
        sets, counts = np.unique(found, return_counts=True)
        return dict(zip(sets.tolist(), counts.tolist(), strict=True))

    @contextmanager
    def _asked(
        self, area: Membership, topic: str, precedence: Precedence
    ) -> Iterator[tuple[Session, _Residents, list[_Part]]]:
        """The same as `_moment`, with the residents in two parts, for what is asked."""
        asked = [part for one in area.told for part in _parts(one)] if isinstance(area, OrTold) else []
        warners = [Recipients(precedence.emergencies)] if precedence.emergencies else []
        with self._moment(topic, [*asked, *warners]) as (s, known):
            told, warned = ([known.told[one] for one in some] for some in (asked, warners))
            yield s, known, _in_parts(known, topic, told, warned)

    @contextmanager
    def _moment(self, topic: str, asked: Sequence[Recipients] = ()) -> Iterator[tuple[Session, _Residents]]:
        """A snapshot, and the residents as of it. Other threads wait, and use what this one reads.

        They wait without a connection: reading takes seconds, and they would leave none for the rest of the process.
        """
        with ExitStack() as stack:
            with self._lock:
                s = stack.enter_context(one_moment())
                known = self._known = self._updated(s, topic, asked)
            yield s, known

    def _updated(self, s: Session, topic: str, asked: Sequence[Recipients]) -> _Residents:
        snapshot, at = s.execute(text("SELECT pg_current_snapshot()::text, now()")).one()
        known = self._known
        # A snapshot that goes back is from another server: a restored one, or a replica that took over.
        if known is not None and abs(at - known.at) < STALE and _newest(known.snapshot) <= _newest(snapshot):
            known = self._with_changes(s, known, snapshot, at)
        else:
            known = self._read(s, snapshot, at)
        # Preferences of `base` may be read later than the rest: residents who changed since are counted in `late`.
        if topic not in known.wants:
            known.wants[topic] = loading.load_wants(s, known.base, topic)
        if topic not in known.late_wants:
            known.late_wants[topic] = loading.load_wants(s, known.late, topic, only=known.late.ids.tolist())
        return replace(known, told=_told(s, known, asked)) if asked else known

    def _with_changes(self, s: Session, known: _Residents, snapshot: str, at: datetime) -> _Residents:
        fresh = _changed(s, known.snapshot, snapshot)
        if not fresh.size:
            return replace(known, snapshot=snapshot, at=at)
        changed = np.union1d(known.changed, fresh)
        if changed.size > LATE_MOST:
            return self._read(s, snapshot, at)
        late = loading.load(s, self._languages, TOPICS, only=changed.tolist())
        return _Residents(known.base, known.wants, late, {}, changed, snapshot, at, known.told)

    def _read(self, s: Session, snapshot: str, at: datetime) -> _Residents:
        began = time.monotonic()
        base = loading.load(s, self._languages, TOPICS)
        none = loading.load(s, self._languages, TOPICS, only=[])
        log.info("live_count.read", residents=base.size, seconds=round(time.monotonic() - began, 2))
        return _Residents(base, {}, none, {}, np.empty(0, np.int64), snapshot, at)


def _in_parts(known: _Residents, topic: str, told: Sequence[_Told], warned: Sequence[_Told]) -> list[_Part]:
    """`told`: those who count wherever they live; `warned`: those whose wishes do not count, of one alert or none."""
    but = np.zeros(known.base.size, dtype=bool)
    at = loading.find(known.base.ids, known.changed)
    but[at[at >= 0]] = True
    late, late_warned = ([_among(one, known.late) for one in some] for some in (told, warned))
    base = [one.at_base for one in told]
    return [
        _Part(known.base, known.wants[topic], base, but, next((one.at_base for one in warned), None)),
        _Part(known.late, known.late_wants[topic], late, None, next(iter(late_warned), None)),
    ]


@once
def live_count() -> LiveCount:
    return LiveCount(written())


def forget_changes(s: Session) -> None:
    """Delete changes older than KEPT, by PostgreSQL's clock: no process needs them."""
    s.execute(text("DELETE FROM resident_changes WHERE at < now() - CAST(:kept AS interval)"), {"kept": KEPT})


def forget() -> None:
    """Discard what this process has loaded, after the settings changed."""
    live_count.forget()


def _among(told: _Told, late: Columns) -> NDArray[np.intp]:
    """Return the indexes of those of them who are in other columns than `base`."""
    return np.flatnonzero(loading.find(told.ids, late.ids) >= 0)


def _parts(of: Recipients) -> list[Recipients]:
    """Return the recipients by alert, so that each is read once whatever area is drawn, or as one if they are many."""
    return [Recipients((one,), of.others) for one in of.alerts] if len(of.alerts) <= TOLD_MOST else [of]


def _told(s: Session, known: _Residents, asked: Sequence[Recipients]) -> dict[Recipients, _Told]:
    """Return whom these alerts were sent to, beside the other large alerts that were asked for last."""
    found = {}
    for one in asked:
        kept = known.told.get(one)
        if kept is None or kept.ids.size < LARGE or abs(known.at - kept.at) > TOLD_FOR:
            ids = one.read(s)
            at = loading.find(known.base.ids, ids)
            kept = _Told(ids, at[at >= 0], known.at)
        found[one] = kept
    large = [key for key, kept in known.told.items() if key not in found and kept.ids.size >= LARGE]
    room = TOLD_MOST - len(found)
    return {key: known.told[key] for key in large[-room:] if room > 0} | found


def _changed(s: Session, last: str, now: str) -> NDArray[np.int64]:
    """Return the ids, ascending, of residents changed by transactions that this snapshot sees and the last did not.

    Times or numbers would not do: a transaction that began earlier may commit later.
    """
    if last == now:
        return np.empty(0, np.int64)
    rows = s.execute(
        text("""SELECT DISTINCT subscriber_id FROM resident_changes
                 WHERE xid >= CAST(CAST(pg_snapshot_xmin(CAST(:last AS pg_snapshot)) AS text) AS bigint)
                   AND NOT pg_visible_in_snapshot(CAST(CAST(xid AS text) AS xid8), CAST(:last AS pg_snapshot))
                 ORDER BY subscriber_id LIMIT :most"""),
        {"last": last, "most": LATE_MOST + 1},
    ).scalars()
    return np.fromiter(rows, np.int64)


def _newest(snapshot: str) -> int:
    """Return the first transaction id not yet assigned: `xmax` of `xmin:xmax:in-progress`."""
    return int(snapshot.split(":")[1])


def _audience(
    parts: Sequence[Tally],
    of_residents: Sequence[str],
    languages: Sequence[str],
    channels: Sequence[str],
    timelines: Sequence[tuple[str, str]],
) -> Audience:
    contacts = np.sum([part.contacts for part in parts], axis=0)
    by_channel: dict[str, int] = {}
    skipped: dict[str, int] = {}
    by_language: dict[str, dict[str, int]] = {}
    total = 0
    for number, channel in enumerate(of_residents):
        if channel not in channels:
            continue
        total += int(contacts[number].sum())
        reached = contacts[number, :, cache.REACHED]
        if reached.any():
            by_channel[channel] = int(reached.sum())
            by_language[channel] = {language: int(n) for language, n in zip(languages, reached, strict=True) if n}
        for reason, count in zip(rules.REASONS, contacts[number].sum(axis=0), strict=False):
            if count:
                skipped[reason] = skipped.get(reason, 0) + int(count)
    for channel, language in timelines:
        total += 1
        by_channel[channel] = by_channel.get(channel, 0) + 1
        of_channel = by_language.setdefault(channel, {})
        of_channel[language] = of_channel.get(language, 0) + 1
    residents, no_contact = (sum(getattr(part, name) for part in parts) for name in ("residents", "no_contact"))
    each = np.sum([part.nothing for part in parts], axis=0)
    nothing = {reason: int(n) for reason, n in zip(rules.REASONS, each, strict=True) if n}
    return Audience(residents, total, by_channel, skipped, by_language, no_contact, nothing)

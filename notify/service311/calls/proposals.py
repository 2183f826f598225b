"""Spikes of calls as proposals: "142 calls about missed pickup in zone 4, usual 9: write a notice?" """

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.alerts.writing import working_drafts, working_start
from notify.core import audit
from notify.core.errors import Invalid, NotFound, Refused
from notify.core.kept_results import KeptResults
from notify.core.settings import settings
from notify.core.translation import for_reader
from notify.core.translation import gettext as _
from notify.models import CallSpike, Operator, Zone
from notify.service311.calls import reasons, spikes
from notify.service311.calls.counts import midnight
from notify.service311.calls.spikes import ALL_ZONES, Cell, Hour, Usual

HISTORY_WEEKS = 12
QUIET = timedelta(hours=12)  # after somebody decided, or it was over, the same is not proposed again for so long
OVER_AFTER = timedelta(hours=3)  # since it was last seen
KEPT = timedelta(days=400)

_learnt: KeptResults[tuple[date, str], Usual] = KeptResults(most=1)  # by the day, and the first and last call before it


@dataclass(frozen=True, slots=True)
class Proposal:
    """`words`: the reason's, by language. `zone`: "" for the whole city. `event`: "" if no notice is about it."""

    id: int
    words: Mapping[str, str]
    zone_id: int | None
    zone: str
    calls: int
    usual: int
    found_at: datetime
    event: str

    @property
    def reason(self) -> str:
        """What the reason is called in the reader's language."""
        return for_reader(self.words, next(iter(self.words.values())))


def scan(s: Session, now: datetime) -> int:
    """Compare the calls of this hour with what is usual, store what is more, and return how many are new.

    A spike that waits grows; one that was not seen for a while is over. The zones of one reason that make the whole
    city's spike are proposed as one.
    """
    tz = settings().tz
    local = now.astimezone(tz)
    hour = local.date(), local.hour
    candidates = _this_hour(s, now)
    made = 0
    if candidates:
        usual = _usual(s, local.date())
        found = {cell: one for cell, n in candidates.items() if (one := usual.find(cell, hour, n)) is not None}
        for cell, spike in found.items():
            if cell[1] == ALL_ZONES and _is_one_zone(cell, spike.calls, found):
                continue
            made += _store(s, cell, spike, now)
    s.execute(
        text("""UPDATE call_spikes SET outcome = 'over', settled_at = :now
                 WHERE outcome = '' AND seen_at < :old"""),
        {"now": now, "old": now - OVER_AFTER},
    )
    return made


def waiting(s: Session) -> Sequence[Proposal]:
    """Return the proposals that nobody has decided, the largest first."""
    rows = s.execute(
        select(CallSpike, Zone.name)
        .outerjoin(Zone, Zone.id == CallSpike.zone_id)
        .where(CallSpike.outcome == "")
        .order_by(CallSpike.calls.desc(), CallSpike.id)
    ).all()
    if not rows:
        return []
    called, known = reasons.words(s), reasons.every(s)
    return [
        Proposal(
            row.id,
            called.get(row.reason, {"en": row.reason}),
            row.zone_id,
            zone or "",
            row.calls,
            round(row.usual),
            row.found_at,
            known[row.reason].event if row.reason in known else "",
        )
        for row, zone in rows
    ]


def draft(s: Session, proposal: int, now: datetime, by: Operator) -> int:
    """Begin a working draft of the reason's event for the zone, and return its number.

    Raises NotFound, NotAllowed; Refused when somebody has decided already; Invalid without an event.
    """
    spike = _open(s, proposal)
    reason = reasons.every(s).get(spike.reason)
    if reason is None or not reason.event:
        raise Invalid(_("No notice is about this reason."), hint=_("Begin one in Compose."))
    zone = {f"zone.{spike.zone_id}": "on"} if spike.zone_id in working_drafts.current_zones(s) else {}
    begun = working_start.start(s, reason.event, "issue", by, now, values=zone)
    _settle(spike, "drafted", now, by)
    spike.draft_id = begun.id
    return begun.id


def dismiss(s: Session, proposal: int, now: datetime, by: Operator) -> None:
    """Decide that no notice is needed. Raises NotFound, NotAllowed; Refused when somebody has decided already."""
    operators.require(by, "draft collection")
    _settle(_open(s, proposal), "dismissed", now, by)
    audit.note(s, now=now, by=by, action="decline", subject="call spike", subject_id=proposal)


def forget_old(s: Session, now: datetime) -> None:
    s.execute(text("DELETE FROM call_spikes WHERE found_at < :old"), {"old": now - KEPT})


def _open(s: Session, proposal: int) -> CallSpike:
    spike = s.get(CallSpike, proposal, with_for_update=True)
    if spike is None:
        raise NotFound(_("There is no proposal %(proposal)s.", proposal=proposal))
    if spike.outcome:
        raise Refused(_("Somebody has decided this already, or it is over."), hint=_("Open the page again."))
    return spike


def _settle(spike: CallSpike, outcome: str, now: datetime, by: Operator) -> None:
    spike.outcome, spike.settled_at, spike.settled_by = outcome, now, by.id


def _is_one_zone(city: Cell, calls: int, found: dict[Cell, spikes.Spike]) -> bool:
    """Whether zones that are proposed by themselves make most of the city's calls about it."""
    zones = sum(one.calls for cell, one in found.items() if cell[0] == city[0] and cell[1] not in (ALL_ZONES, None))
    return zones * 2 > calls


def _store(s: Session, cell: Cell, spike: spikes.Spike, now: datetime) -> int:
    """Return 1 if it is new."""
    local = now.astimezone(settings().tz)
    row: dict[str, Any] = {
        "reason": cell[0],
        "zone": None if cell[1] == ALL_ZONES else cell[1],
        "hour": local.replace(minute=0, second=0, microsecond=0),
        "now": now,
        "quiet": now - QUIET,
        **spike._asdict(),
    }
    grown = s.execute(
        text("""UPDATE call_spikes SET calls = greatest(calls, :calls), seen_at = :now
                 WHERE outcome = '' AND reason = :reason AND zone_id IS NOT DISTINCT FROM CAST(:zone AS bigint)
             RETURNING 1"""),
        row,
    ).first()
    if grown is not None:
        return 0
    made = s.execute(
        text("""INSERT INTO call_spikes (reason, zone_id, hour, calls, usual, chance, found_at, seen_at)
                SELECT :reason, CAST(:zone AS bigint), :hour, :calls, :usual, :chance, :now, :now
                 WHERE NOT EXISTS (SELECT FROM call_spikes
                                    WHERE reason = :reason AND zone_id IS NOT DISTINCT FROM CAST(:zone AS bigint)
                                      AND settled_at > :quiet)
                    ON CONFLICT DO NOTHING RETURNING 1"""),
        row,
    ).first()
    return 1 if made is not None else 0


def _this_hour(s: Session, now: datetime) -> dict[Cell, int]:
    """Return the calls since the hour began, of cells with enough to be a spike."""
    local = now.astimezone(settings().tz)
    since = local.replace(minute=0, second=0, microsecond=0)
    found: dict[Cell, int] = {}
    rows = s.execute(
        text("SELECT reason, zone_id, count(*) AS n FROM calls WHERE at >= :since AND at <= :now GROUP BY 1, 2"),
        {"since": since, "now": now},
    )
    for row in rows:
        for zone in {row.zone_id, ALL_ZONES} - {None}:
            found[row.reason, zone] = found.get((row.reason, zone), 0) + row.n
    return {cell: n for cell, n in found.items() if n >= spikes.FEWEST}


def _usual(s: Session, today: date) -> Usual:
    """Return what is usual, learnt once a day: a large city's twelve weeks take a second or two."""
    first, last = spikes.history_days(today, HISTORY_WEEKS)
    ends = []
    for order in ("ASC", "DESC"):
        there = text(f"SELECT form FROM calls WHERE at >= :since AND at < :until ORDER BY at {order}, id LIMIT 1")  # noqa: S608
        ends.append(s.scalar(there, {"since": midnight(first), "until": midnight(last + timedelta(days=1))}))
    return _learnt.get((today, str(ends)), lambda: spikes.learn(*_history(s, today)))


def _history(s: Session, today: date) -> tuple[dict[tuple[Cell, Hour], int], set[date], dict[str, date]]:
    """Return the calls of the last weeks by hour, the days with any, and the first day of each reason."""
    first, last = spikes.history_days(today, HISTORY_WEEKS)
    rows = s.execute(
        text("""SELECT reason, zone_id, CAST(local AS date) AS day, CAST(extract(hour FROM local) AS int) AS hour,
                       count(*) AS n
                  FROM (SELECT reason, zone_id, at AT TIME ZONE :tz AS local FROM calls
                         WHERE at >= :since AND at < :until) c
                 GROUP BY 1, 2, 3, 4"""),
        {"tz": str(settings().tz), "since": midnight(first), "until": midnight(last + timedelta(days=1))},
    ).all()
    calls: dict[tuple[Cell, Hour], int] = {((row.reason, row.zone_id), (row.day, row.hour)): row.n for row in rows}
    since: dict[str, date] = {}
    for row in rows:
        since[row.reason] = min(since.get(row.reason, row.day), row.day)
    # The first call of a reason was perhaps made at noon: that day is not wholly known, unless it is the first of all.
    begun = {reason: day + timedelta(days=day > first) for reason, day in since.items()}
    return calls, {row.day for row in rows}, begun

"""What an outage does next, and whether residents are told. Pure: no database, no clock of its own.

Unplanned: confirmed without an estimate, first estimate, changed estimate, restored. Planned: noticed, reminded, begun,
extended, restored, or postponed. An area that grows changes nothing else: its new part is told. An estimate that moves
a little is recorded and not told: a message that changes nothing for its reader costs the next one its reader.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

LATER = timedelta(minutes=30)  # so much later than was told, residents plan anew
EARLIER = timedelta(minutes=60)  # who is told too late that service is back early has lost little
REMINDED_AT = time(18)  # in the evening before, on the city's clock
TOO_SOON = timedelta(hours=6)  # who was told so shortly before needs no reminder
MessagePhase = Literal["issue", "update", "all-clear"]


class State(StrEnum):
    NEW = "new"  # nobody was told yet
    OUT = "out"  # without service; `back_at` may be known
    NOTICED = "noticed"  # planned, and told
    REMINDED = "reminded"
    POSTPONED = "postponed"  # without a new time
    RESTORED = "restored"


AHEAD = (State.NOTICED, State.REMINDED)


class Act(StrEnum):
    CONFIRM = "confirm"
    ESTIMATE = "estimate"  # first, changed, or extended
    NOTICE = "notice"
    REMIND = "remind"
    BEGIN = "begin"
    POSTPONE = "postpone"
    GROW = "grow"
    RESTORE = "restore"
    CLOSE = "close"  # of what was postponed and will not come


@dataclass(frozen=True, slots=True)
class Outage:
    """`begins_at`: of planned work. `back_at`: when service should be back, as it is known; `told_back_at`: as
    residents were told it last, None for never."""

    state: State = State.NEW
    begins_at: datetime | None = None
    back_at: datetime | None = None
    told_back_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What an act leads to. `message`: the phase of the alert that tells it; None where nobody is told."""

    outage: Outage
    message: MessagePhase | None


class NotNow(Exception):
    """The act does not follow on the state. `args`: the act and the state."""


class Missing(Exception):
    """A time is missing or not in order. `args`: the name of the time."""


def matters(told: datetime | None, new: datetime, now: datetime) -> bool:
    """Return whether residents are told a new estimate: the first one; one that is LATER or EARLIER than what they were
    told last, however many small steps led there; and any one once that has passed."""
    if told is None or told <= now:
        return True
    return new - told >= LATER or told - new >= EARLIER


def reminder_at(begins_at: datetime, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when to remind of planned work: in the evening before it. None where that is over or TOO_SOON from now."""
    begins = begins_at.astimezone(zone)
    evening = datetime.combine(begins.date() - timedelta(days=1), REMINDED_AT, zone)
    return evening if evening - now >= TOO_SOON else None


def step(
    outage: Outage,
    act: Act,
    now: datetime,
    begins_at: datetime | None = None,
    back_at: datetime | None = None,
) -> Step:
    """Return the outage after an act. Raises NotNow or Missing."""
    follow = _FOLLOW.get((act, outage.state))
    if follow is None:
        raise NotNow(act, outage.state)
    if back_at is not None and back_at <= (begins_at or now):
        raise Missing("back_at")
    return follow(outage, now, begins_at, back_at)


def possible(state: State) -> list[Act]:
    """Return the acts that may follow on a state."""
    return [act for act in Act if (act, state) in _FOLLOW]


Follow = Callable[[Outage, datetime, datetime | None, datetime | None], Step]


def _confirm(_outage: Outage, _now: datetime, _begins: datetime | None, back: datetime | None) -> Step:
    return Step(Outage(State.OUT, None, back, back), "issue")


def _estimate(outage: Outage, now: datetime, _begins: datetime | None, back: datetime | None) -> Step:
    if back is None:
        raise Missing("back_at")
    told = matters(outage.told_back_at, back, now)
    return Step(
        replace(outage, back_at=back, told_back_at=back if told else outage.told_back_at), "update" if told else None
    )


def _notice(_outage: Outage, now: datetime, begins: datetime | None, back: datetime | None) -> Step:
    if begins is None or begins <= now:
        raise Missing("begins_at")
    return Step(Outage(State.NOTICED, begins, back, back), "issue")


def _notice_again(outage: Outage, now: datetime, begins: datetime | None, back: datetime | None) -> Step:
    return replace(_notice(outage, now, begins, back), message="update")


def _remind(outage: Outage, _now: datetime, _begins: datetime | None, _back: datetime | None) -> Step:
    return Step(replace(outage, state=State.REMINDED), "update")


def _begin(outage: Outage, now: datetime, _begins: datetime | None, back: datetime | None) -> Step:
    known = back or outage.back_at
    if known is None or known <= now:
        raise Missing("back_at")
    return Step(replace(outage, state=State.OUT, back_at=known, told_back_at=known), "update")


def _postpone(outage: Outage, now: datetime, begins: datetime | None, back: datetime | None) -> Step:
    if begins is None:
        return Step(Outage(State.POSTPONED), "update")
    return _notice_again(outage, now, begins, back)


def _grow(outage: Outage, _now: datetime, _begins: datetime | None, _back: datetime | None) -> Step:
    return Step(outage, "issue")


def _close(outage: Outage, _now: datetime, _begins: datetime | None, _back: datetime | None) -> Step:
    return Step(replace(outage, state=State.RESTORED), None)


def _restore(outage: Outage, _now: datetime, _begins: datetime | None, _back: datetime | None) -> Step:
    return Step(replace(outage, state=State.RESTORED), "all-clear")


_FOLLOW: Mapping[tuple[Act, State], Follow] = {
    (Act.CONFIRM, State.NEW): _confirm,
    (Act.ESTIMATE, State.OUT): _estimate,
    (Act.RESTORE, State.OUT): _restore,
    (Act.GROW, State.OUT): _grow,
    (Act.GROW, State.NOTICED): _grow,
    (Act.GROW, State.REMINDED): _grow,
    (Act.NOTICE, State.NEW): _notice,
    (Act.NOTICE, State.POSTPONED): _notice_again,
    (Act.REMIND, State.NOTICED): _remind,
    (Act.BEGIN, State.NOTICED): _begin,
    (Act.BEGIN, State.REMINDED): _begin,
    (Act.POSTPONE, State.NOTICED): _postpone,
    (Act.POSTPONE, State.REMINDED): _postpone,
    (Act.CLOSE, State.POSTPONED): _close,
}

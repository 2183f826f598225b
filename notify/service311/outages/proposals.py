"""What staff should tell next of an outage: proposed at the desk and on *Now*, where somebody looks.

Work that should have begun by now; a reminder that nobody approved in time; an estimate, or the time by which news was
promised, that has passed. Nothing is proposed while an alert waits that tells newer facts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from notify.core import translation
from notify.models.states import AlertState
from notify.service311.outages import kept
from notify.service311.outages.kept import Shown
from notify.service311.outages.steps import Act, State


class What(StrEnum):
    REMIND = "remind"
    BEGIN = "begin"
    NEWS = "news"


@dataclass(frozen=True, slots=True)
class Proposal:
    """`names`: of the area, by language. `at`: when the work should have begun; when the reminder should have gone out;
    until when residents were told to wait."""

    outage_id: int
    utility: str
    names: Mapping[str, str]
    what: What
    at: datetime

    @property
    def name(self) -> str:
        """The name of the area in the reader's language."""
        return self.names.get(translation.language()) or next(iter(self.names.values()), "")


def waiting(s: Session, now: datetime) -> Sequence[Proposal]:
    """Return what is proposed now, the longest due first."""
    due = [(one.row, found) for one in kept.recent(s, now) if (found := _due(one, now)) is not None]
    proposals = [Proposal(row.id, row.utility, dict(row.names), what, at) for row, (what, at) in due]
    return sorted(proposals, key=lambda one: one.at)


def _due(one: Shown, now: datetime) -> tuple[What, datetime] | None:
    begins_at, state = one.known.begins_at, one.known.state
    if any(each.step.act not in (Act.REMIND, Act.GROW) for each in one.waiting):
        return None
    if state is State.OUT:
        until = _promised(one)
        return (What.NEWS, until) if until is not None and until <= now else None
    if state not in (State.NOTICED, State.REMINDED) or begins_at is None:
        return None
    if begins_at <= now:
        return What.BEGIN, begins_at
    missed = _missed(one, now)
    return (What.REMIND, missed) if missed is not None and state is State.NOTICED else None


def _promised(one: Shown) -> datetime | None:
    """Return until when residents wait: the estimate that they were told, or the time for news that stands instead."""
    out = [each for each in one.told if each.is_out and each.alert.state is not AlertState.CANCELLED]
    last = max(out, key=lambda each: each.alert.id, default=None)
    return None if last is None else one.known.told_back_at or last.alert.expires_at


def _missed(one: Shown, now: datetime) -> datetime | None:
    """Return when the last reminder should have gone out, if it did not."""
    reminders = [each.alert for each in one.told if each.step.act == Act.REMIND]
    at = reminders[-1].launch_at if reminders else None
    return at if at is not None and at <= now and reminders[-1].launched_at is None else None

"""What the alert of a step says: the blanks of the event `outage`, and how long the alert is in force."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from notify.service311.outages.steps import Act, MessagePhase, Outage, State

EVENT = "outage"
NEWS_WITHIN = timedelta(hours=4)  # while nobody knows when service is back: the words promise news by then
AFTER = timedelta(hours=2)  # the alert is in force for so long after service should be back
WORK_LASTS = timedelta(hours=12)  # planned work whose end is not known
NEW_TIME_WITHIN = timedelta(days=7)  # the news that work is postponed is in force
CLEAR_LASTS = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class About:
    """What does not change with the steps. `cause`: free words by language, told with the first alert only."""

    utility: str
    planned: bool
    report_phone: str = ""
    cause: Mapping[str, str] = field(default_factory=dict)


def blanks(
    about: About, outage: Outage, before: Outage, act: Act, phase: MessagePhase, now: datetime, zone: ZoneInfo,
    languages: tuple[str, ...],
) -> dict[str, str]:  # fmt: skip
    """Return the blanks of the alert that tells an act, which led from `before` to `outage`."""
    given = {"utility": about.utility, "report_phone": about.report_phone}
    if phase == "all-clear":
        return given | {"still_out": "off"}
    ahead = outage.state in (State.NOTICED, State.REMINDED)
    if ahead and outage.begins_at and outage.begins_at > now:
        given["starts"] = _local(outage.begins_at, zone)
    if outage.back_at and outage.back_at > now:
        given["restore_by"] = _local(outage.back_at, zone)
    if phase == "update" and about.planned:
        given["news"] = _news(outage, before, act)
    if phase == "issue" and act is not Act.GROW:
        first, *others = languages
        given["cause"] = about.cause.get(first, "")
        given |= {f"cause.{one}": about.cause.get(one, "") for one in others}
    return {name: words for name, words in given.items() if words}


def ends_at(outage: Outage, phase: MessagePhase, now: datetime) -> datetime:
    """Return when the alert of a step expires."""
    if phase == "all-clear":
        return now + CLEAR_LASTS
    if outage.state is State.POSTPONED:
        return now + NEW_TIME_WITHIN
    if outage.back_at is not None and outage.back_at > now:
        return max(outage.back_at + AFTER, now + NEWS_WITHIN)
    if outage.state is State.OUT or outage.begins_at is None:
        return now + NEWS_WITHIN
    return outage.begins_at + WORK_LASTS


def work_is_over_at(begins_at: datetime | None, back_at: datetime | None) -> datetime | None:
    """Return from when on announced work is over, if nobody has said that it began or moved."""
    if begins_at is None:
        return None
    return (back_at or begins_at + WORK_LASTS) + AFTER


def _news(outage: Outage, before: Outage, act: Act) -> str:
    if act is Act.ESTIMATE:
        told = before.told_back_at
        return "longer" if told is None or (outage.back_at is not None and outage.back_at > told) else ""
    if outage.state is State.POSTPONED:
        return "postponed"
    return {Act.REMIND: "reminder", Act.BEGIN: "begun"}.get(act, "moved")


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%dT%H:%M")

"""What the pages of the rules show, in the reader's words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.core.translation import gettext as _
from notify.core.translation import translated
from notify.models import CollectionRule, Operator
from notify.service311 import rule_data, rule_store, streams
from notify.service311.next_edition import Line, NextEdition
from notify.service311.notices import holidays
from notify.service311.notices.holidays import Upcoming
from notify.service311.outputs import rule_words, words
from notify.service311.outputs.rule_words import date_of, listed
from notify.service311.rule_checks import Hidden
from notify.service311.rules import Collection

DATES_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Row:
    """`status`: "new" where the next edition is the first to have it, "leaving" where this one is the last, or ""."""

    id: int
    heading: str
    lines: Sequence[str]
    reason: str
    status: str
    public: bool = False  # an exception that the published calendars have
    overruled: Literal["", "now", "next"] = ""  # an exception: by a later one, in the published calendars or the next
    hidden: Hidden | None = None  # a rule that does nothing in the year that is shown
    notice: Upcoming | None = None  # what residents can be told of it


@dataclass(frozen=True, slots=True)
class Moved:
    """A line of the year, or of what changes. `old`: "" in the year."""

    what: str
    zones: Sequence[str]
    old: str
    new: str
    why: str


def rows(s: Session, zones: Mapping[str, str], now: datetime, hidden: Iterable[Hidden] = ()) -> dict[str, list[Row]]:
    """Return the rows of the next edition by kind, and those that leave, in their order."""
    found: dict[str, list[Row]] = {"holiday": [], "rule": [], "exception": []}
    there = sorted([*rule_store.standing(s), *rule_store.leaving(s)], key=lambda one: (one.place, one.id))
    made_by = {one.made_by for one in there if one.made_by}
    rows = s.execute(select(Operator.id, Operator.email).where(Operator.id.in_(made_by))).all()
    emails = {one.id: one.email for one in rows}
    notices = {(one.day, one.name): one for one in holidays.upcoming(s, now) if one.by_hand}
    of_place = dict(enumerate(one.id for one in there if one.kind == "rule" and not one.leaving))
    of_rule = {of_place[one.place]: one for one in hidden}
    overruled = _overruled([one for one in there if one.kind == "exception"])
    for one in there:
        row = replace(_row(one, zones, emails), hidden=of_rule.get(one.id), overruled=overruled.get(one.id, ""))
        if one.kind == "exception" and one.from_edition and row.overruled != "now":
            day = rule_data.to_exception(one.body).day
            row = replace(row, public=not one.leaving, notice=notices.get((day, one.reason)))
        found[one.kind].append(row)
    return found


def _overruled(exceptions: Sequence[CollectionRule]) -> dict[int, Literal["now", "next"]]:
    """Return the exceptions that a later one makes void: of the same day, for the same zone and stream or for all."""
    of = {one.id: rule_data.to_exception(one.body) for one in exceptions}
    found: dict[int, Literal["now", "next"]] = {}
    for n, one in enumerate(exceptions):
        mine = of[one.id]
        over = [
            later
            for later in exceptions[n + 1 :]
            if of[later.id].day == mine.day
            and of[later.id].zone in (None, mine.zone)
            and of[later.id].stream in (None, mine.stream)
        ]
        if any(later.from_edition for later in over):
            found[one.id] = "now"
        elif any(not later.leaving for later in over):
            found[one.id] = "next"
    return found


def _row(one: CollectionRule, zones: Mapping[str, str], emails: Mapping[int, str]) -> Row:
    status = "leaving" if one.leaving else "" if one.from_edition else "new"
    body: dict[str, Any] = one.body
    if one.kind == "holiday":
        days = [date_of(rule_data.to_holiday({"day": day, "name": body["name"]}).day) for day in body["days"]]
        more = len(days) - DATES_SHOWN
        lines = [*days[:DATES_SHOWN], *([_("and %(count)s more dates", count=more)] if more > 0 else [])]
        return Row(one.id, translated(body["name"]), ["; ".join(lines)], one.reason, status)
    if one.kind == "rule":
        rule = rule_data.to_rule(body)
        named = listed(map(translated, sorted(rule.holidays)))
        return Row(one.id, rule_words.heading(rule), [named, *rule_words.details(rule, zones)], one.reason, status)
    exception = rule_data.to_exception(body)
    by = _("By %(author)s.", author=exception.author)
    if emails.get(one.made_by or 0, exception.author) != exception.author:
        by = _("By %(author)s; entered by %(email)s.", author=exception.author, email=emails[one.made_by or 0])
    return Row(one.id, rule_words.exception(exception, zones), [by], words.reason(one.reason), status)


def year(found: NextEdition) -> list[Moved]:
    return [_moved(line, with_old=False) for line in found.year]


def changes(found: NextEdition) -> list[Moved]:
    return [_moved(line, with_old=True) for line in found.changes]


def _moved(line: Line, *, with_old: bool) -> Moved:
    what = ", ".join(map(streams.within, line.streams))
    old = _said(line.old) if with_old else date_of(line.nominal)
    return Moved(what, line.zones, old, _said(line.new), words.why(line.new) if line.new else "")


def _said(one: Collection | None) -> str:
    if one is None:
        return _("nothing due")
    return date_of(one.effective) if one.effective else f"{date_of(one.nominal)}: {words.state(one)}"

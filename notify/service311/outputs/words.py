"""What residents read of a collection: the date, why it is another one, and when to set out what."""

import re
from collections.abc import Sequence
from datetime import date, time

from babel.dates import format_date, format_skeleton, format_time
from babel.lists import format_list

from notify.core import translation
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop
from notify.service311 import streams
from notify.service311.rules import Cause, Collection, State

# Holidays of the United States that cities name in their calendars. Another one is shown as the city has written it.
# fmt: off
HOLIDAYS = (
    gettext_noop("New Year's Day"), gettext_noop("Martin Luther King Jr. Day"), gettext_noop("Presidents' Day"),
    gettext_noop("Good Friday"), gettext_noop("Memorial Day"), gettext_noop("Juneteenth National Independence Day"),
    gettext_noop("Independence Day"), gettext_noop("Labor Day"), gettext_noop("Columbus Day"),
    gettext_noop("Indigenous Peoples' Day"), gettext_noop("Veterans Day"), gettext_noop("Thanksgiving Day"),
    gettext_noop("Christmas Eve"), gettext_noop("Christmas Day"), gettext_noop("New Year's Eve"),
    # As the `holidays` library has some of them, and those that few cities keep.
    gettext_noop("Birthday of Martin Luther King, Jr."), gettext_noop("Washington's Birthday"),
    gettext_noop("Easter Sunday"), gettext_noop("Easter Monday"), gettext_noop("Mother's Day"),
    gettext_noop("Father's Day"), gettext_noop("Groundhog Day"), gettext_noop("Halloween"),
    gettext_noop("Saint Patrick's Day"), gettext_noop("Valentine's Day"), gettext_noop("Boxing Day"),
)
# fmt: on


def day(at: date, beside: date | None = None) -> str:
    """Return a date with its weekday: `Thursday, November 26`, in the reader's language. `beside`: the date that the
    reader has before them; one of another year has the year."""
    year = "y" if beside is not None and beside.year != at.year else ""
    return with_weekday(at, format_skeleton(f"{year}MMMMd", at, locale=translation.locale()))


def day_and_year(at: date) -> str:
    """`Thursday, November 26, 2026`: for paper, which is read in another year, too."""
    return with_weekday(at, format_skeleton("yMMMMd", at, locale=translation.locale()))


def with_weekday(at: date, written: str) -> str:
    """Return a date as it is written in the reader's language, with its weekday before it."""
    # The skeletons of CLDR with a weekday have it in three letters, which a resident may misread; and in Spanish a
    # comma, which within a sentence is wrong ("el viernes 4 de diciembre").
    locale = translation.locale()
    return f"{format_date(at, 'EEEE', locale=locale)}{'' if locale.language == 'es' else ','} {written}"


def clock(at: time) -> str:
    """Return a time: `6:00 PM`; in Spanish `6:00 pm`, because "p. m." would end a sentence with two stops."""
    return re.sub(r"\.\s?m\.", "m", format_time(at, "short", locale=translation.locale()).replace("\u202f", " "))


def heading(one: Collection) -> str:
    """Return what happens on the day that a collection is listed under."""
    if one.effective is None:
        return _("No collection of %(stream)s", stream=streams.within(one.stream))
    return streams.name(one.stream)


def why(one: Collection) -> str:
    """Return the reason beside a change; "" for a collection on its day."""
    usual = day(one.nominal, beside=one.effective)
    because = _listed([translation.translated(name) for name in one.why.holidays])
    if one.state is State.TO_BE_ANNOUNCED:
        if one.why.cause is Cause.BY_HAND:
            return _("The new day is not known yet: %(reason)s.", reason=reason(one.why.reason))
        return _("Because of %(holidays)s the day moves. The new day is not known yet.", holidays=because)
    if one.effective is None:
        return _without(one, because)
    if one.effective == one.nominal:
        return ""
    if one.why.cause is Cause.BY_HAND and not one.why.holidays:
        return _("Instead of %(usual)s: %(reason)s.", usual=usual, reason=reason(one.why.reason))
    return _("Instead of %(usual)s, because of %(holidays)s.", usual=usual, holidays=because)


def reason(said: str) -> str:
    """Return why somebody changed it, translated where it is one of our causes (`notices.causes`) or holidays; its full
    stop is left out."""
    return translation.translated(said.rstrip("."))


def _without(one: Collection, because: str) -> str:
    told = _("Reason: %(reason)s.", reason=reason(one.why.reason) if one.why.cause is Cause.BY_HAND else because)
    if one.why.until is None:
        return told
    after = _("The next one is on %(day)s.", day=day(one.why.until, beside=one.nominal))
    return f"{told} {after}"


def set_out(one: Collection) -> str:
    """Return when to set out; "" without a date."""
    if one.effective is None or one.set_out is None:
        return ""
    at = clock(one.set_out.at)
    if one.set_out.day == one.effective:
        return _("Set out by %(time)s that day.", time=at)
    return _("Set out on %(day)s, from %(time)s on.", day=day(one.set_out.day, beside=one.effective), time=at)


def state(one: Collection) -> str:
    """Return the state in a word or two, for a mark beside a date that has changed; "" on schedule."""
    return {
        State.ON_SCHEDULE: "",
        State.DELAYED: _("Later"),
        State.MOVED_EARLIER: _("Earlier"),
        State.SUSPENDED: _("No collection"),
        State.CLOSED: _("Closed"),
        State.TO_BE_ANNOUNCED: _("Day not known yet"),
    }[one.state]


def _listed(names: Sequence[str]) -> str:
    return format_list(list(names), locale=translation.locale())


def until(last: date | None) -> str:
    """Return the sentence that says where a calendar ends; "" if it does not."""
    if last is None:
        return ""
    day = format_skeleton("yMMMMd", last, locale=translation.locale())
    return _("It has the days until %(day)s; later ones follow with the holidays of that year.", day=day)

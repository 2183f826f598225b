"""What a notice says of each part, by language: `Your trash of Tuesday, Nov 24 moves to Wednesday, Nov 25.`"""

from collections.abc import Sequence
from datetime import date

from babel.dates import format_date, format_skeleton
from babel.lists import format_list

from notify.core import translation
from notify.core.translation import gettext as _
from notify.core.translation import ngettext
from notify.service311 import streams
from notify.service311.notices.parts import Move, Part, whatever_set_out
from notify.service311.outputs.words import clock, with_weekday
from notify.service311.rules import State

PLURAL = "bulky"  # a stream whose name is of many things


def sentences(part: Part) -> list[str]:
    """Return one sentence for each move, short enough for a text message: streams that are set out at different times
    and share all else are in one."""
    return [_sentence(move) for move in whatever_set_out(part.moves)]


def to_do(part: Part) -> list[str]:
    """Return when to set out what, for an email; what is said already by the sentences is left out."""
    found = [_set_out(move) for move in part.moves if move.effective and move.set_out and not move.evening]
    return list(dict.fromkeys(found))


def day(at: date) -> str:
    """`Wednesday, Nov 26`: short for a text message, with a weekday that nobody misreads."""
    locale = translation.locale()
    spanish = locale.language == "es"  # CLDR's short form has no "de", which a sentence needs
    written = format_date(at, "d 'de' MMM", locale=locale) if spanish else format_skeleton("MMMd", at, locale=locale)
    return with_weekday(at, written)


def weekday(at: date) -> str:
    return format_date(at, "EEEE", locale=translation.locale())


def what(move: Move) -> str:
    """`trash and recycling`"""
    return format_list([streams.within(one) for one in move.streams], locale=translation.locale())


def new_day(move: Move) -> str:
    """Return what stands in the column of the new day in a table."""
    match move.state:
        case State.TO_BE_ANNOUNCED:
            return _("Not known yet")
        case State.SUSPENDED:
            return _("None; next on %(day)s", day=day(move.until)) if move.until else _("None")
        case State.CLOSED:
            return _("Closed")
    if move.effective is None:
        return _("None")
    if move.merged:
        return _("%(day)s, together with the next", day=day(move.effective))
    if move.evening and move.set_out:
        return _("%(day)s, set out the evening before", day=day(move.effective))
    return day(move.effective)


def _sentence(move: Move) -> str:
    named = {"streams": what(move), "weekday": weekday(move.nominal), "usual": day(move.nominal)}
    many = 2 if len(move.streams) > 1 or PLURAL in move.streams else 1
    if move.effective is None:
        return _without(move, named, many)
    to = day(move.effective)
    if move.state is State.ON_SCHEDULE:
        return _("Your %(streams)s: collected on the usual day, %(day)s.", **named, day=to)
    if move.evening and move.set_out:
        return _(
            "Set out your %(weekday)s %(streams)s on %(evening)s, from %(time)s on. The truck comes on %(day)s.",
            **named, evening=day(move.set_out.day), time=clock(move.set_out.at), day=to,
        )  # fmt: skip
    if move.merged:
        return _("Your %(streams)s of %(usual)s: collected together with the next, on %(day)s.", **named, day=to)
    if move.state is State.MOVED_EARLIER:
        return ngettext(
            "Your %(streams)s of %(usual)s moves to an earlier day, %(day)s.",
            "Your %(streams)s of %(usual)s move to an earlier day, %(day)s.", many, **named, day=to,
        )  # fmt: skip
    return ngettext(
        "Your %(streams)s of %(usual)s moves to %(day)s.", "Your %(streams)s of %(usual)s move to %(day)s.",
        many, **named, day=to,
    )  # fmt: skip


def _without(move: Move, named: dict[str, str], many: int) -> str:
    if move.state is State.TO_BE_ANNOUNCED:
        return _("No %(streams)s collection on %(usual)s. We will tell you the new day.", **named)
    if move.state is State.CLOSED:
        return _("The drop-off for %(streams)s is closed on %(usual)s.", **named)
    if move.until is None:
        return _("No %(streams)s collection on %(usual)s.", **named)
    return ngettext(
        "No %(streams)s collection on %(usual)s. Keep it until %(until)s.",
        "No %(streams)s collection on %(usual)s. Keep them until %(until)s.", many, **named, until=day(move.until),
    )  # fmt: skip


def _set_out(move: Move) -> str:
    assert move.set_out is not None  # noqa: S101 - the caller looked
    named = {"streams": what(move), "time": clock(move.set_out.at), "day": day(move.set_out.day)}
    if move.set_out.day == move.effective:
        return _("Set out your %(streams)s by %(time)s on %(day)s.", **named)
    return _("Set out your %(streams)s on %(day)s, from %(time)s on.", **named)


def listed(names: Sequence[str]) -> str:
    return format_list(list(names), locale=translation.locale())

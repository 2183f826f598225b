"""Render pages with Jinja2: escaped, in the reader's language, with times in the city's time zone."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from babel import Locale
from babel.dates import DateTimePattern, format_date, format_skeleton, parse_pattern
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.language import is_at_console, of_resident, spoken_to_residents, start_of
from api.message_size import size
from notify.accounts import operators, sessions
from notify.alerts import listing
from notify.alerts.practice import drills, scenarios
from notify.channels.channel import CHANNELS
from notify.city import zone_words
from notify.content import titles
from notify.content.compose import catalogue, readable
from notify.content.links import fill_in
from notify.content.number_words import spelled
from notify.content.phrases import Moment
from notify.core import alarm_details, alarms, reasons, topic_words, translation
from notify.core.alarm_meanings import meaning
from notify.core.audit_words import act, detail
from notify.core.city_time import apart, lasting
from notify.core.db import transaction
from notify.core.errors import hint_for_page
from notify.core.settings import settings
from notify.core.small_numbers import rounded
from notify.core.translation import gettext as _
from notify.core.vocabulary import outcome, step, word
from notify.outside import feed_words
from notify.service311 import streams
from notify.service311.outputs import words as collection_words
from templates import PAGES

CLOCK, MINUTE = parse_pattern("d MMM y, h:mm:ss a"), parse_pattern("d MMM, h:mm a")  # Unicode CLDR
SECOND, HOUR, ON_DAY = parse_pattern("h:mm:ss a"), parse_pattern("h:mm a"), parse_pattern("EEEE, d MMM, h:mm a")

_ADDRESS = re.compile(r"(?<![\w/])/console/[\w/-]*\w")
_ISO = re.compile(r"(?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))(?P<zone>)")
_SHOWN = re.compile(r"(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?P<zone>[A-Z]{2,5}\b)")


def page(
    request: Request | None,
    name: str,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    **given: Any,
) -> HTMLResponse:
    """Return an HTML page: at the console in the reader's language, elsewhere in `language` or that of the browser.

    `status`: by default that of `told`, the error that the page shows. If `caller` is given, the page also shows the
    unresolved alarms.
    """
    language = given.pop("language", None) or language_of(request)
    vary = "Accept-Language, Cookie" if request is not None and is_at_console(request.url.path) else "Accept-Language"
    if "caller" in given:
        with transaction() as s:
            given |= {"alarms": alarms.ringing(s), "may_resolve": operators.MAY["resolve"]}
            given |= {"drilling": drills.running(s, datetime.now(UTC))}
        if (told := given.get("told")) is not None:
            given["told"] = replace(told, hint=hint_for_page(told.hint))
    given["page_address"] = _address(request)
    if request is not None and "app" in request.scope:  # a request that is refused before it comes so far has none
        given |= {"desk_menu": request.app.state.desk_menu, "desk_here": request.url.path}
    given["exercising"] = request is not None and getattr(request.state, "exercising", False)
    if status is None:
        status = told.status if (told := given.get("told")) else 200
    return HTMLResponse(render(name, language=language, **given), status, {"Vary": vary, **(headers or {})})


def _address(request: Request | None) -> str:
    """Return the page's own address. One that answers a form cannot be asked for again: then that of the console, or
    of the desk."""
    if request is None or request.method not in {"GET", "HEAD"}:
        return start_of(request.url.path) if request is not None else "/console"
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def render(name: str, *, language: str | None = None, **given: Any) -> str:
    """Render a page or part of one, by default in the reader's language, and in English if we do not have it."""
    known, language = settings(), language or translation.language()
    with translation.speaking(language):
        return (
            _environment(translation.language())
            .get_template(name)
            .render(
                language=translation.language(),
                spoken=spoken_to_residents(),
                city=known.city,
                help_contact=known.help_contact,
                **given,
            )
        )


def words_of_age(language: str) -> str:
    """Return what a page says that is shown while PostgreSQL does not answer."""
    with translation.speaking(language):
        return _("This page may be old: we cannot look for news right now. Listen to the radio. Call 911 if in danger.")


def language_of(request: Request | None) -> str:
    """Return that of the console's reader, elsewhere of the resident, without a request the city's first."""
    if request is None:
        return spoken_to_residents()[0]
    return translation.language() if is_at_console(request.url.path) else of_resident(request)


@cache
def _environment(_language: str) -> Environment:
    """Return what renders pages: one for each language, because Jinja keeps what it made of constants
    and of templates that others import."""
    pages = Environment(
        loader=FileSystemLoader(PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    pages.policies["ext.i18n.trimmed"] = True
    install = pages.install_gettext_callables  # type: ignore[attr-defined]  # of the extension
    install(translation.translated, translation.translated_number, newstyle=True)
    pages.filters |= {
        "channel": CHANNELS.__getitem__,
        "label": lambda channel: _(CHANNELS[channel].label),
        "word": word,
        "as_message": translation.translated,  # the names of holidays, and others that the catalogue may have
        "collection_day": collection_words.day,
        "title_of": lambda alert: titles.title(alert.event, alert.phase, alert.blanks),
        "name_of": lambda alert: titles.name(alert.event, alert.blanks),
        "outcome": outcome,
        "step": step,
        "act": act,
        "detail": detail,
        "device": sessions.DEVICES.said,
        "alarm_meaning": meaning,
        "alarm_detail": alarm_details.said,
        "of_feeds": feed_words.SENTENCES.said,
        "of_zones": lambda told: zone_words.said(str(told)),
        "drill_label": scenarios.label_of,
        "drill_task": scenarios.task_of,
        "said": translation.translated,  # what comes from a file of ours
        "in_language": _in_language,
        "number": translation.number,
        "spelled": spelled,
        "iso": lambda at: at.astimezone(UTC).isoformat(timespec="seconds"),
        "field_time": lambda at: at.astimezone(settings().tz).strftime("%Y-%m-%dT%H:%M"),  # of an input of a form
        "clock": lambda at: on_clock(at, CLOCK),
        "soon": lambda at: on_clock(at, HOUR if _days_ahead(at) == 0 else MINUTE),
        "on_day": _on_day,
        "lasting": lasting,
        "minute": lambda at: on_clock(at, MINUTE),
        "day": lambda date: format_date(date, "long", locale=translation.locale()),
        "month_name": lambda date: format_skeleton("yMMMM", date, locale=translation.locale()),
        "day_and_year": _day_and_year,
        "weekday": lambda date: format_skeleton("EEEEMMMd", date, locale=translation.locale()),
        "hour": lambda at: on_clock(at, HOUR),
        "apart": _apart,
        "away": lambda at: apart(at, datetime.now(UTC)),
        "linked": linked,
        "breakable": breakable,
        "on_clocks": on_clocks,
        "spoken": lambda at, language: _moment(at, language).full,
        "spoken_alone": lambda at, language: _moment(at, language).alone,
        "fill_in": lambda pattern, **values: fill_in(str(pattern), **values),  # escaped once, as a whole
        "readable": readable,
        "size": size,
        "language_name": _language_name,
        "direction": lambda language: Locale.parse(language).text_direction,
        "topic_name": lambda topic: topic_words.name(str(topic)),
        "stream_name": streams.name,
        "topic_example": lambda topic: topic_words.example(str(topic)),
        "in_words": lambda reason: reasons.sentence(reason)[:1].upper() + reasons.sentence(reason)[1:],
        "tally": tally,
        "rounded": rounded,
        "place": listing.place,
        "plain": lambda word: str(word).replace("-", " ").replace("_", " "),
    }
    return pages


def tally(told: int | str) -> str:
    """Return a count in an area that somebody draws, in which 0 is hidden, too."""
    return translation.number(told) if isinstance(told, int) else _("none or fewer than 10")


def on_clock(at: datetime, pattern: DateTimePattern) -> str:
    """Return a time on the city's clocks."""
    words = pattern.apply(at.astimezone(settings().tz), translation.locale())
    return words.replace(".m.", "m")  # Spanish "p.m." would end a sentence with two stops


def _day_and_year(at: datetime) -> str:
    """Return a time as its language writes a date: November 30, 2026, 6:38 AM; 30 de noviembre de 2026, 6:38 am."""
    day = format_skeleton("yMMMMd", at.astimezone(settings().tz), locale=translation.locale())
    return f"{day}, {on_clock(at, HOUR)}"


def on_clocks(words: str) -> str:
    """Replace the times within stored words, ISO 8601 or as `city_time.shown` writes them, by those of the console."""
    return _ISO.sub(_said, _SHOWN.sub(_said, words))


def _said(found: re.Match[str]) -> str:
    try:
        at = datetime.fromisoformat(found["at"])
        if found["zone"]:
            either = (at.replace(tzinfo=settings().tz, fold=fold) for fold in (0, 1))
            at = next(one for one in either if one.tzname() == found["zone"])
        return on_clock(at, CLOCK)
    except (ValueError, StopIteration, OverflowError):  # the last: beyond the calendar in the city's time zone
        return found[0]


def linked(words: str) -> Markup:
    """Make links of the console's addresses within words."""
    return Markup(_ADDRESS.sub(r'<a href="\g<0>">\g<0></a>', str(escape(words))))  # noqa: S704  escaped, and \w and / only


def breakable(email: str) -> Markup:
    """Let a long email address break before its @ and after its dots, not within a word."""
    return Markup(re.sub(r"(?=@)|(?<=\.)", "<wbr>", str(escape(email))))  # noqa: S704  escaped


def _days_ahead(at: datetime) -> int:
    """Return how many midnights on the city's clocks lie between now and a time."""
    zone = settings().tz
    return (at.astimezone(zone).date() - datetime.now(zone).date()).days


def _on_day(at: datetime) -> str:
    """Return a time with its day: `today 3:15 PM`."""
    if (days := _days_ahead(at)) == 0:
        return _("today %(time)s", time=on_clock(at, HOUR))
    return _("tomorrow %(time)s", time=on_clock(at, HOUR)) if days == 1 else on_clock(at, ON_DAY)


def _apart(at: datetime, now: datetime) -> str:
    """Return how far away a time is, in words that change once a minute at most."""
    if abs((at - now).total_seconds()) < 90:
        return _("just now") if at <= now else _("in a minute")
    return apart(at, now)


def _in_language(words: str, language: str) -> str:
    """Return what comes from a file of ours in this language, not the reader's."""
    with translation.speaking(language):
        return translation.translated(words)


def _language_name(language: str) -> str:
    """Return a language's own name, capitalised."""
    name = Locale.parse(language).get_display_name() or language
    return name[:1].upper() + name[1:]


def _moment(at: datetime, language: str) -> Moment:
    """Return a time to format as messages do: "9:05 AM Monday, November 23"."""
    event = catalogue().events[0]
    common = event.common.get(language) or event.common["en"]
    return Moment(common.speech, at.astimezone(settings().tz), None)

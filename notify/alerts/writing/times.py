"""Plan when an alert launches and expires, and check the times in its words against that."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from notify.content import compose, filling
from notify.content.blanks import Blank
from notify.content.events import Event
from notify.content.filling import Filled
from notify.core import states
from notify.core.city_time import apart, on_clock, shown
from notify.core.errors import Invalid, Refused
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop
from notify.models import Alert
from notify.models.states import AlertState

DEFAULT_LIFE = timedelta(hours=12)
LONGEST_LIFE = timedelta(days=14)
LONGEST_PUBLISHED = timedelta(days=400)  # of words from a calendar: they hold until the last day that they name
SHORTEST_LIFE = timedelta(minutes=1)
FURTHEST_LAUNCH = timedelta(days=366)
LATE = timedelta(minutes=1)  # a launch later than this rings an alarm


@dataclass(frozen=True, slots=True)
class Times:
    """The times of an alert, aware. `launch_at` None: an operator launches it. `begins_at`: `launch_at` or else now."""

    begins_at: datetime
    launch_at: datetime | None
    expires_at: datetime


def plan(
    now: datetime,
    launch_at: datetime | None,
    expires_at: datetime | None,
    lasts: timedelta | None,
    zone: ZoneInfo,
    longest: timedelta = LONGEST_LIFE,
) -> Times:
    """The times of an alert, from an expiry, a duration or neither. Raises Invalid for impossible times.

    A duration counts from the planned launch, or else from now. The words name the expiry, so from here on it is fixed,
    even if the launch is late (ADR 30).
    """
    begins_at = now if launch_at is None else launch_at
    if begins_at < now:
        raise Invalid(
            _("The launch at %(begins_at)s is in the past.", begins_at=_shown(begins_at, zone)),
            hint=_("Leave the launch time out to send the alert when it is launched."),
        )
    if begins_at > now + FURTHEST_LAUNCH:
        raise Invalid(
            _("The launch at %(begins_at)s is more than a year away.", begins_at=_shown(begins_at, zone)),
            hint=_("Give an earlier launch."),
        )
    if expires_at is not None and lasts is not None:
        raise Invalid(_("An alert has an expiry or a duration, not both."), hint=_("Give one of the two."))
    if expires_at is None:
        expires_at = begins_at + _life(DEFAULT_LIFE if lasts is None else lasts)
    if expires_at <= begins_at:
        raise Invalid(
            _(
                "The alert would expire at %(expires_at)s, before its launch at %(begins_at)s.",
                expires_at=_shown(expires_at, zone),
                begins_at=_shown(begins_at, zone),
            ),
            hint=_("Give a later expiry, or a duration such as 6h."),
        )
    if expires_at < begins_at + SHORTEST_LIFE:
        raise Invalid(_("The alert would expire at once."), hint=_("Let it expire a minute or more after its launch."))
    if expires_at > begins_at + longest:
        raise Invalid(
            _("An alert expires %(days)s days after its launch at the latest.", days=longest.days),
            hint=_("Give an earlier expiry."),
        )
    return Times(begins_at, launch_at, expires_at)


def _life(lasts: timedelta) -> timedelta:
    """Limit a duration, because a time beyond the calendar would raise OverflowError."""
    return min(lasts, LONGEST_LIFE + SHORTEST_LIFE)


def _shown(when: datetime, zone: ZoneInfo) -> str:
    try:
        return shown(when, zone)
    except OverflowError:  # in local time it is outside of the calendar
        return when.isoformat()


def check_blanks(event: Event, filled: Filled, times: Times, zone: ZoneInfo, *, on_page: str = "") -> None:
    """Compare the times in the blanks with the launch, the expiry and each other, as the event declares.

    Raises Invalid with every contradiction. `on_page`: as in `filling.called`.
    """
    if wrong := _contradictions(event, filled.phase, filled.values, times, zone, on_page):
        raise Invalid(
            _("The times in the message contradict each other."), hint=_("Correct the times listed."), details=wrong
        )


def require_in_time(alert: Alert, now: datetime, zone: ZoneInfo, *, or_at_once: bool = False) -> None:
    """Raise Refused when an alert can no longer be launched as written: it has expired, its planned launch has passed,
    or its words name times in the past.

    For a scheduled alert only the expiry counts: a late launch is then Tocsin's own fault, and an alarm rings. The same
    holds after a backup was restored: the alert may be out already, and would go out twice if it were written again.
    `or_at_once`: one whose planned launch has passed goes out now.
    """
    require_unexpired(alert, now)
    if alert.state is AlertState.SCHEDULED or alert.ask_since is not None:
        return
    if alert.launch_at is not None and alert.launch_at < now - LATE and not or_at_once:
        raise Refused(
            _(
                "Alert %(alert)s was to be launched at %(launch_at)s, %(distance)s.",
                alert=alert.id,
                launch_at=shown(alert.launch_at, zone),
                distance=apart(alert.launch_at, now),
            ),
            hint=_("Cancel it and write it again, with a later launch or without one."),
        )
    times = Times(_begins(alert, now), alert.launch_at, alert.expires_at)
    if wrong := _contradictions(compose.catalogue().event(alert.event), alert.phase, alert.blanks, times, zone):
        raise Refused(
            _("The words of alert %(alert)s name times that have passed.", alert=alert.id),
            hint=_("Cancel it and write it again, with times in the future."),
            details=wrong,
        )


def require_life(alert: Alert, now: datetime) -> None:
    """Raise Refused when the alert would expire within a minute of its launch, like `plan`."""
    if alert.expires_at < _begins(alert, now) + SHORTEST_LIFE:
        raise Refused(
            _(
                "Alert %(alert)s expires %(expires_at)s, which is too soon to launch it.",
                alert=alert.id,
                expires_at=apart(alert.expires_at, now),
            ),
            hint=_("Cancel it and write it again, with a later expiry."),
        )


def _begins(alert: Alert, now: datetime) -> datetime:
    return now if alert.launch_at is None else max(now, alert.launch_at)


def require_unexpired(alert: Alert, now: datetime) -> None:
    """Raise Refused when the alert has expired."""
    if alert.expires_at <= now:
        raise Refused(_("Alert %(alert)s has expired.", alert=alert.id), hint=states.what_now(AlertState.EXPIRED))


def _contradictions(
    event: Event, phase: str, values: Mapping[str, str], times: Times, zone: ZoneInfo, on_page: str = ""
) -> list[str]:
    known = {
        # People write whole minutes: a danger that begins in the minute of the launch is not in the past.
        "launch": _Span.at(times.begins_at.astimezone(zone).replace(second=0, microsecond=0)),
        "expires": _Span.at(times.expires_at.astimezone(zone)),
    }
    called = {blank.name: filling.called(blank, on_page=on_page) for blank in event.blanks(phase)} | {
        "launch": _("the launch"),
        "expires": _("the expiry of the alert"),
    }
    wrong = []
    for blank in event.blanks(phase):
        if blank.name in values and blank.type in ("datetime", "date"):
            try:
                known[blank.name] = _span(blank, values[blank.name], zone)
            except ValueError as error:
                wrong.append(filling.unusable(called[blank.name], values[blank.name], error))
    for blank in event.blanks(phase):
        if blank.name in known:
            wrong += _contradictions_of(blank, known, called)
            wrong += _begun_long_ago(blank, phase, known, called)
    return wrong


@dataclass(frozen=True, slots=True)
class _Span:
    """A moment, or a whole day."""

    first: datetime
    last: datetime
    words: str

    @classmethod
    def at(cls, when: datetime) -> "_Span":
        return cls(when, when, f"{when:%Y-%m-%d %H:%M}")


def _span(blank: Blank, value: str, zone: ZoneInfo) -> _Span:
    if blank.type == "datetime":
        return _Span.at(on_clock(datetime.fromisoformat(value), zone))
    day = date.fromisoformat(value)
    begin, end = (datetime.combine(day, edge, zone) for edge in (time.min, time.max))
    return _Span(begin, end, f"{day}")


def _begun_long_ago(blank: Blank, phase: str, known: dict[str, _Span], called: Mapping[str, str]) -> list[str]:
    hours = {str(one): most for one, most in blank.begun_at_most_h.items()}.get(phase)
    own, launch = known[blank.name], known["launch"]
    if hours is None or own.last >= launch.first - timedelta(hours=hours):
        return []
    return [
        _(
            "%(blank)s is %(time)s, more than %(hours)s hours before the launch (%(at)s): nobody could know of it.",
            blank=called[blank.name],
            time=own.words,
            hours=hours,
            at=launch.words,
        )
    ]


def _contradictions_of(blank: Blank, known: dict[str, _Span], called: Mapping[str, str]) -> list[str]:
    own = known[blank.name]
    others = {name: span for name, span in known.items() if name != blank.name}
    early = [name for name in blank.not_before if name in others and own.last < others[name].first]
    late = [name for name in blank.before if name in others and own.first >= others[name].last]
    same = [name for name in blank.unlike if name in others and own == others[name]]

    def said(message: str, name: str) -> str:
        return _(message, blank=called[blank.name], time=own.words, other=called[name], at=known[name].words)

    return [
        *(said(gettext_noop("%(blank)s is %(time)s, before %(other)s (%(at)s)."), name) for name in early),
        *(said(gettext_noop("%(blank)s is %(time)s, not before %(other)s (%(at)s)."), name) for name in late),
        *(said(gettext_noop("%(blank)s is %(time)s, the same as %(other)s."), name) for name in same),
    ]

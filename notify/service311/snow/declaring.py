"""Write the alert of a snow emergency: everybody reads the rule of their own street first. It is a draft, approved and
launched as any other alert; what it forbids holds from its launch on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations

import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.alerts.writing import drafting
from notify.alerts.writing.drafting import Draft
from notify.alerts.writing.wordings import Part, Wording
from notify.city import whole
from notify.city import zones as city_zones
from notify.city.whole import FIRST_KIND
from notify.core import quiet_time
from notify.core.city_time import apart, shown
from notify.core.errors import Invalid
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.models import Alert, Operator, SnowEmergency
from notify.service311.snow import emergencies, routes, rules
from notify.service311.snow.emergencies import PARKING
from notify.service311.snow.rules import Phase, Told, in_order
from zones.geometry import from_wkb
from zones.overlaps import minus

ALL_CLEAR_LASTS = timedelta(hours=12)
BEGUN_AT_MOST = timedelta(hours=1)  # before it is written: nobody can have moved a car for a rule that they never read
MOST_RULES = 6  # that differ, so that their combinations stay few enough to approve


def declare(
    s: Session,
    phases: Sequence[Phase],
    tow_phone: str,
    instead: Mapping[str, str],
    by: Operator,
    now: datetime,
    settings: Settings,
    incident: int | None = None,
) -> Alert:
    """Draft the alert of an emergency or, in an incident, of its changed rules. `instead`: where cars may stand, by
    language.

    Raises Invalid, also for a phase that begins more than an hour ago and that residents were not told of already;
    NotFound or NotAllowed.
    """
    _check(phases)
    ahead = [one for one in rules.told_in_public(phases) if one.ends > now]
    if not ahead:
        raise Invalid(_("All phases have ended already."), hint=_("Give a phase that ends later."))
    _require_begins(phases, _begun(s, incident), now, settings)
    wanted = Draft(
        event=PARKING,
        phase="issue" if incident is None else "update",
        zones=_whole_city(s),
        area_description=whole.called(settings.languages),
        blanks=_blanks(ahead, settings) | _about(tow_phone, instead, settings),
        expires_at=max(phase.ends for phase in phases),
        incident=incident,
        composed=True,
    )
    parts, wordings = _wordings(s, wanted, phases, now, settings)
    wanted = replace(wanted, wording_parts=parts, wordings=wordings)
    alert = drafting.draft(s, wanted, by, now, settings)
    phone = dict(alert.blanks).get("tow_phone", "")
    emergencies.keep(s, alert.id, tuple(phases), phone, {name: words for name, words in instead.items() if words})
    return alert


def untold_until(phases: Sequence[Phase], now: datetime, settings: Settings) -> datetime | None:
    """Return when quiet hours let texts and emails go out, if a phase begins before; None if they can be read in
    time."""
    until = quiet_time.until(now, settings.quiet, settings.tz)
    return until if until and any(one.starts < until for one in phases if one.ends > now) else None


def lift(s: Session, incident: int, by: Operator, now: datetime, settings: Settings) -> Alert:
    """Draft the all-clear of an emergency, to everybody who was told of it. Raises as `declare` does."""
    return drafting.draft(
        s,
        Draft(event=PARKING, phase="all-clear", lasts=ALL_CLEAR_LASTS, incident=incident, composed=True),
        by,
        now,
        settings,
    )


def _begun(s: Session, incident: int | None) -> datetime | None:
    """Return when the first phase of an incident begins that residents were told of; None if they were told of none."""
    told = s.scalars(
        select(SnowEmergency.phases)
        .join(Alert, Alert.id == SnowEmergency.alert_id)
        .where(Alert.incident_id == incident, Alert.launched_at.is_not(None))
    )
    return min((phase.starts for one in told for phase in rules.from_json(one)), default=None)


def _require_begins(phases: Sequence[Phase], begun: datetime | None, now: datetime, settings: Settings) -> None:
    for number, phase in enumerate(phases, 1):
        if phase.starts < now - BEGUN_AT_MOST and (begun is None or phase.starts < begun):
            raise Invalid(
                _(
                    "Phase %(number)s begins at %(starts)s, %(distance)s: residents could not know of it.",
                    number=number,
                    starts=shown(phase.starts, settings.tz),
                    distance=apart(phase.starts, now),
                ),
                hint=_("Check the date. Let it begin now or later; at the earliest, an hour ago."),
            )


def _wordings(
    s: Session, wanted: Draft, phases: Sequence[Phase], now: datetime, settings: Settings
) -> tuple[list[Part], list[Wording]]:
    """Return the parts of the city with rules of their own, and the words for who has places in any of them. Who lives
    where nothing is forbidden reads the general words."""
    areas = routes.corridors(s)
    by_rules: dict[tuple[Told, ...], list[str]] = {}
    for route_class in sorted(areas):
        told = tuple(one for one in rules.told(phases, [route_class], others=False) if one.ends > now)
        if told:
            by_rules.setdefault(told, []).append(route_class)
    told_of: list[tuple[Told, ...]] = []
    parts: list[Part] = []
    for told, names in by_rules.items():
        label = ", ".join(filter(None, names)) or _("Snow emergency routes")
        parts.append(Part(len(parts) + 1, shapely.union_all([areas[name] for name in names]), label))
        told_of.append(told)
    others = tuple(one for one in rules.told(phases, [], others=True) if one.ends > now)
    if others:
        city = from_wkb(drafting.area_of(s, wanted, settings).wkb)
        roadways = routes.corridors(s, routes.ROADWAY_M)
        area = minus(city, shapely.union_all(list(roadways.values()))) if roadways else city
        parts.append(Part(len(parts) + 1, area, _("Other streets")))
        told_of.append(others)
    if len(parts) > MOST_RULES:
        raise Invalid(_("The phases have more than %(most)s different rules.", most=MOST_RULES))
    return parts, [
        Wording(
            frozenset(parts[at].number for at in some),
            _blanks(in_order(one for at in some for one in told_of[at]), settings),
        )
        for count in range(1, len(parts) + 1)
        for some in combinations(range(len(parts)), count)
    ]


def _blanks(told: Sequence[Told], settings: Settings) -> dict[str, str]:
    """Return the blanks of the first two rules; a third one stands on the page."""
    given = {"then_rule": "", "then_starts": "", "then_ends": ""}
    for before, one in zip(("", "then_"), told, strict=False):
        given |= {
            f"{before}rule": one.rule,
            f"{before}starts": _local(one.starts, settings),
            f"{before}ends": _local(one.ends, settings),
        }
    return given


def _about(tow_phone: str, instead: Mapping[str, str], settings: Settings) -> dict[str, str]:
    first = settings.languages[0]
    words = {("instead" if name == first else f"instead.{name}"): said for name, said in instead.items() if said}
    return words | ({"tow_phone": tow_phone} if tow_phone else {})


def _local(at: datetime, settings: Settings) -> str:
    return at.astimezone(settings.tz).strftime("%Y-%m-%dT%H:%M")


def _whole_city(s: Session) -> list[str]:
    """Return the zones that are the city: its neighbourhoods, or all zones of the first kind that it has."""
    zones = city_zones.all_zones(s, FIRST_KIND) or city_zones.all_zones(s)
    kind = zones[0].zone.kind if zones else ""
    return [f"{kind}:{one.zone.name}" for one in zones if one.zone.kind == kind]


def _check(phases: Sequence[Phase]) -> None:
    try:
        rules.check(phases)
    except rules.Wrong as wrong:
        what, number = wrong.args
        said = {
            rules.NONE: _("An emergency needs a phase."),
            rules.ENDS_FIRST: _("Phase %(number)s ends before it begins.", number=number),
            rules.NO_BAN: _("Phase %(number)s forbids nothing.", number=number),
            rules.OVERLAP: _("Phase %(number)s begins before the one before it.", number=number),
        }
        raise Invalid(said[what]) from None

"""OFF, "still out", "sin luz": a resident tells that service is out at their place, in answer to what we wrote of an
outage or by themselves. It is noted with the outage there, and stops or starts no messages.

Only who has proved the number, and has had it since, is heard: the place is theirs (docs/adr, 39).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from shapely.geometry.base import BaseGeometry

from notify.content.compose import catalogue
from notify.content.phrases import Moment, phone_number
from notify.core.characters import without_marks
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop, speaking
from notify.inbound.bin_days import At
from notify.inbound.heard import Heard, Outcome
from notify.inbound.own_alerts import places_of
from notify.inbound.picking import choice
from notify.service311.outages import kept, reports
from notify.service311.outages.kept import InForce
from notify.service311.outages.said import said_at, said_of
from notify.service311.outages.steps import State
from zones.membership import Membership

ASK = "still-out"  # which one?
LASTS = timedelta(hours=12)
CHOICES = 3
COMMANDS: Mapping[str, str] = {
    "still_out": "",  # whatever is out there
    "no_power": "power",
    "no_water": "water",
    "no_gas": "gas",
    "no_phone": "phone",
}
UTILITIES: Mapping[str, str] = {
    "power": gettext_noop("power"),
    "water": gettext_noop("water"),
    "gas": gettext_noop("gas"),
    "phone": gettext_noop("phone and internet"),
}


@dataclass(frozen=True, slots=True)
class There:
    """An outage at one of the resident's places, the first one that is in it."""

    outage: InForce
    place: At


def said(heard: Heard) -> Outcome:
    """Note it, ask which of several outages is meant, or tell that none is known there."""
    places = places_of(heard)
    if heard.resident is None or not places:
        return Outcome("off_stranger", heard.talk)
    return known(heard) or Outcome("off_none", heard.talk)


def known(heard: Heard) -> Outcome | None:
    """Do the same where an outage is known at one of the resident's places; else None."""
    found = _there(heard)
    utility = COMMANDS[heard.command.name] if heard.command is not None else ""
    meant = [one for one in found if one.outage.utility == utility] or found
    if not meant or (utility and meant is found):
        return None
    if len(meant) == 1:
        return _noted(heard, meant[0])
    return _ask(heard, meant)


def answer(heard: Heard) -> Outcome | None:
    """Take the number of the outage that is meant; None for words that mean something else."""
    picked = choice(heard.text)
    offered: Sequence[int] = heard.talk.kept.get("outages", ())
    if picked is None:
        return None
    found = {one.outage.id: one for one in _there(heard)}
    if not 1 <= picked <= len(offered):
        left = [found[outage] for outage in offered if outage in found]
        return _ask(heard, left) if left else Outcome("off_none", heard.talk.over())
    meant = found.get(offered[picked - 1])
    return _noted(heard, meant) if meant is not None else Outcome("off_none", heard.talk.over())


def _there(heard: Heard) -> list[There]:
    """Return the outages at the resident's places, the newest first; of two of the same kind at a place the newer."""
    places = places_of(heard)
    if not places:
        return []
    lon, lat, radius_m = (np.array([getattr(one, name) for one in places]) for name in ("lon", "lat", "radius_m"))
    found: dict[tuple[str, At], There] = {}
    for outage in kept.in_force(heard.s, heard.now):
        inside = Membership(outage.area).inside(lon, lat, radius_m)
        if inside.any():
            place = places[int(np.flatnonzero(inside)[0])]
            found.setdefault((outage.utility, place), There(outage, place))
    return list(found.values())


def _is_in(place: At, area: BaseGeometry) -> bool:
    lon, lat, radius_m = (np.array([each]) for each in (place.lon, place.lat, place.radius_m))
    return bool(Membership(area).inside(lon, lat, radius_m).any())


def _ask(heard: Heard, meant: Sequence[There]) -> Outcome:
    offered = meant[:CHOICES]
    with speaking(heard.language):
        named = " ".join(f"{n}) {_utility(one)}, {one.place.named}" for n, one in enumerate(offered, 1))
    asked = heard.talk.asking(ASK, heard.now + LASTS, outages=[one.outage.id for one in offered])
    return Outcome("off_which", asked, {"choices": named})


def _noted(heard: Heard, there: There) -> Outcome:
    assert heard.resident is not None  # noqa: S101  without a resident there is no place
    outage, place = there.outage, there.place
    reports.note(heard.s, outage.id, heard.resident, place.lon, place.lat, heard.now)
    said = said_at(outage.told, lambda area: _is_in(place, area), heard.now) or said_of(outage.told, heard.now)
    with speaking(heard.language):
        values = {"utility": _utility(there), "place": place.named}
    talk = heard.talk.over() if heard.talk.asked == ASK else heard.talk
    if said is not None and said.state is State.RESTORED:
        whom = phone_number(said.report_phone) if said.report_phone else settings().help_contact
        return Outcome("off_restored", talk, {**values, "contact": whom})
    if said is None or said.apart or said.back_at is None or said.back_at <= heard.now:
        return Outcome("off_noted", talk, values)
    speech = catalogue().event("outage").common[heard.language].speech
    when = Moment(speech, said.back_at.astimezone(settings().tz), heard.now)
    return Outcome("off_noted_until", talk, {**values, "date": without_marks(str(when))})


def _utility(there: There) -> str:
    """Return what is out, in letters of GSM-7."""
    return without_marks(_(UTILITIES[there.outage.utility]))

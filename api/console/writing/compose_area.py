"""What is known of the area of a working draft: its shape, who lives in it, and some of its addresses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text

from api.auth import Caller
from api.errors import TooMany
from api.seats import area_seat
from notify.accounts import operators
from notify.alerts.approving import explanation
from notify.alerts.writing import drafting, replaced_area, told_before, told_there, working_drafts
from notify.alerts.writing.drafting import Draft
from notify.alerts.writing.replaced_area import Replaced
from notify.alerts.writing.told_there import Told
from notify.alerts.writing.working_fields import Reading
from notify.audience import Audience, rules, told
from notify.audience.cache import Precedence
from notify.audience.live_count import live_count
from notify.audience.told import OrTold
from notify.city import whole
from notify.content import compose
from notify.content.events import Event
from notify.core.db import transaction
from notify.core.errors import TocsinError
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.models import Lane, WorkingDraft
from notify.outside import warnings
from notify.outside.warnings import WarnedThere
from zones.geometry import area_hash, from_wkb
from zones.membership import METRES_PER_DEGREE, Membership

SAMPLES = 3
JUST_OUTSIDE_M = 150.0
MOST_ADDRESSES = 5_000  # looked at for the samples


@dataclass
class Looked:
    """`wanted`: the draft with its area computed, if it could be. `doubt`: what must be confirmed; `why`: the question.

    `audience`: None where nobody may count, or without an area.
    """

    wanted: Draft
    shape: BaseGeometry | None = None
    problem: str = ""
    doubt: str = ""
    details: tuple[str, ...] = ()
    audience: Audience | None = None
    warnings: tuple[str, ...] = ()
    told_before: Mapping[int, tuple[int, ...]] = field(default_factory=dict)  # earlier alerts that it answers
    inside: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    replaced: Replaced | None = None  # the alert before it, if a part of its area is left out
    earlier: int | None = None  # residents in the area of that alert, where they may be counted
    told: Sequence[Told] = ()  # alerts of other incidents that are in force there
    others: Sequence[WarnedThere] = ()  # warnings of other agencies that meet it


def look(draft: WorkingDraft, reading: Reading, event: Event, caller: Caller, *, briefly: bool = False) -> Looked:
    """Compute the area, in no transaction, and count its residents, which the audit records. `briefly`: no samples."""
    looked = Looked(reading.wanted)
    if reading.problems.get("where"):
        return looked
    try:
        with area_seat(f"operator {caller.acting.id}"):
            _locate(looked, event, caller)
    except (TocsinError, TooMany) as error:
        looked.problem, looked.doubt, looked.details = str(error), error.confirm, error.details
        if error.confirm:
            looked.problem = error.message
    if looked.shape is None:
        return looked
    with transaction() as s:
        wanted = looked.wanted
        looked.replaced = replaced_area.find(
            s,
            wanted.incident,
            wanted.phase,
            looked.shape,
            status=wanted.status,
            corrects=wanted.corrects,
            but=wanted.rewrites or 0,
        )
    if operators.may(caller.acting, "count"):
        _count(looked, looked.shape, draft, event, caller)
    if not briefly:
        looked.inside, looked.outside = samples(looked.shape)
        with transaction() as s:
            looked.told = told_there.there(s, looked.shape, datetime.now(UTC), looked.wanted.incident)
            looked.others = warnings.there(s, looked.shape, datetime.now(UTC))
    return looked


def _locate(looked: Looked, event: Event, caller: Caller) -> None:
    if drafting.parts_of(looked.wanted):
        live_count().prepare(event.topic)
        looked.wanted = drafting.located(looked.wanted, caller.acting)
        looked.shape = looked.wanted.found.shape if looked.wanted.found else None
    elif looked.wanted.incident is not None and not looked.wanted.without:
        with transaction() as s:
            looked.shape = from_wkb(drafting.area_of(s, looked.wanted, settings()).wkb)
    else:
        looked.problem = _("Choose where: zones, streets, a circle or a drawn area. Without one, nothing is sent.")


def _precedence(wanted: Draft, event: Event, emergencies: Sequence[int] | None) -> Precedence:
    defaults = event.defaults(wanted.phase)
    severity, urgency = wanted.severity or defaults.severity, wanted.urgency or defaults.urgency
    return Precedence(Lane(compose.lane(severity, urgency)), rules.rank(severity), tuple(emergencies or ()))


def _count(looked: Looked, shape: BaseGeometry, draft: WorkingDraft, event: Event, caller: Caller) -> None:
    now, channels = datetime.now(UTC), list(looked.wanted.channels or ())
    wanted = looked.wanted
    with transaction() as s:
        looked.told_before = told_before.find(s, wanted.incident, wanted.phase, wanted.status, shape)
        ended = told.emergencies(s, wanted.incident, wanted.phase, wanted.status, corrects=wanted.corrects)
        is_whole = whole.is_whole(s, shape)
    looked.audience = live_count().count(
        OrTold(shape, looked.told_before, whole=is_whole),
        event.topic,
        channels,
        now,
        _precedence(wanted, event, ended),
    )
    if looked.replaced:
        looked.earlier = looked.replaced.residents(now)
    with transaction() as s:
        looked.warnings = tuple(explanation.warnings(s, looked.audience.total, caller.acting.id))
        working_drafts.note_count(
            s,
            draft,
            f"{area_hash(shape)} {' '.join(channels)}",
            now,
            caller.acting,
            box=[round(degrees, 5) for degrees in shape.bounds],
            channels=channels,
        )


def samples(shape: BaseGeometry) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return addresses of the city inside an area, and some just outside of it: none if the city has no addresses."""
    pad_lat = JUST_OUTSIDE_M / METRES_PER_DEGREE
    west, south, east, north = shape.bounds
    pad_lon = pad_lat / max(np.cos(np.radians(max(abs(south), abs(north)))), 0.001)
    with transaction() as s:
        rows = s.execute(
            text("""SELECT number || coalesce(suffix, '') || ' ' || street AS words, lon, lat FROM address_points
                     WHERE lon BETWEEN :west AND :east AND lat BETWEEN :south AND :north
                     LIMIT :most"""),
            {
                "west": west - pad_lon, "east": east + pad_lon, "south": south - pad_lat, "north": north + pad_lat,
                "most": MOST_ADDRESSES,
            },
        ).all()  # fmt: skip
    if not rows:
        return (), ()
    lon, lat = (np.array([getattr(row, name) for row in rows]) for name in ("lon", "lat"))
    within = Membership(shape).inside(lon, lat)
    near = Membership(shape).inside(lon, lat, np.full(len(rows), JUST_OUTSIDE_M, dtype=np.float32)) & ~within
    words = [row.words for row in rows]
    return _spread(words, within), _spread(words, near)


def _spread(words: list[str], chosen: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]") -> tuple[str, ...]:
    """A few of the chosen addresses, from different streets if there are."""
    by_street: dict[str, str] = {}
    all_of = sorted({words[at] for at in np.flatnonzero(chosen)})
    for one in all_of:
        by_street.setdefault(one.partition(" ")[2], one)
    first = list(by_street.values())
    step = max(1, len(first) // SAMPLES)
    picked = [*first[::step][:SAMPLES], *all_of]
    return tuple(dict.fromkeys(picked))[:SAMPLES]

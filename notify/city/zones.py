"""The city's zones in the database. An import adds versions; no version is ever changed."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Protocol, get_args

import shapely
from psycopg.errors import LockNotAvailable
from shapely.geometry.base import BaseGeometry
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.core import audit
from notify.core.characters import visible
from notify.core.db import take_lock
from notify.core.errors import Invalid, NotFound, Refused
from notify.core.translation import gettext as _
from notify.models import Operator, Zone, ZoneVersion
from notify.models.street import Street
from notify.models.zone import ZoneKind
from zones import gate
from zones.geometry import area_hash, area_m2, to_wkb
from zones.placing import Bounds

IMPORT_LOCK = 7_461_012  # two imports at once would make two zones of one name
LONGEST_OWNER = 100  # characters
MAPPED = 5  # a city with this many zones counts as mapped
KINDS: tuple[str, ...] = get_args(ZoneKind)


class NamedShape(Protocol):
    """A zone from a file or the training city: a valid polygon or multipolygon, WGS 84."""

    @property
    def name(self) -> str: ...
    @property
    def external_id(self) -> str | None: ...
    @property
    def geometry(self) -> BaseGeometry: ...


@dataclass(frozen=True, slots=True)
class KeptZone:
    """A zone and its newest version."""

    zone: Zone
    version: ZoneVersion


@dataclass(frozen=True, slots=True)
class Comparison:
    """New shapes compared with the stored zones of a kind."""

    added: tuple[NamedShape, ...]
    changed: tuple[tuple[KeptZone, NamedShape], ...]
    unchanged: tuple[tuple[KeptZone, NamedShape], ...]
    absent: tuple[KeptZone, ...]  # current zones of that kind that are not among the shapes


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import, by zone name."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    retired: tuple[str, ...] = ()


def compare(s: Session, kind: str, shapes: Iterable[NamedShape]) -> Comparison:
    """Compare shapes with stored zones, by name, ignoring case. Locks out other imports until the transaction ends."""
    if kind not in KINDS:
        raise Invalid(
            _("There is no zone kind %(kind)s.", kind=repr(kind)), hint=_("Kinds: %(kinds)s.", kinds=", ".join(KINDS))
        )
    try:
        take_lock(s, IMPORT_LOCK)
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        raise Refused(_("Another import of zones is running."), hint=_("Try again when it is done.")) from None
    every = all_zones(s, kind, retired=True)
    exactly = {kept.zone.name: kept for kept in every}
    nearly = {kept.zone.name.casefold(): kept for kept in every}
    _rows, readable = gate.readable_from_wkb(kept.version.geometry for kept in every)
    whole = {every[row].zone.id for row in readable}  # a damaged zone is imported again whatever its hash
    added: list[NamedShape] = []
    changed: list[tuple[KeptZone, NamedShape]] = []
    unchanged: list[tuple[KeptZone, NamedShape]] = []
    met: set[int] = set()
    for shape in shapes:
        name = visible(shape.name)
        kept = exactly.get(name) or nearly.get(name.casefold())
        if kept is None:
            added.append(shape)
            continue
        met.add(kept.zone.id)
        same = kept.version.hash == area_hash(shape.geometry) and kept.zone.retired_at is None
        same = same and kept.zone.id in whole
        (unchanged if same else changed).append((kept, shape))
    absent = tuple(kept for kept in every if kept.zone.id not in met and kept.zone.retired_at is None)
    return Comparison(tuple(added), tuple(changed), tuple(unchanged), absent)


def keep(
    s: Session, kind: str, shapes: Iterable[NamedShape], source: str, now: datetime, by: Operator | None = None
) -> Imported:
    """Store zones of one kind: a new zone, a new version of a known one, or nothing where the shape is the same."""
    return apply(s, kind, compare(s, kind, shapes), (), source, now, by)


def apply(
    s: Session,
    kind: str,
    compared: Comparison,
    retired: Sequence[KeptZone],
    source: str,
    now: datetime,
    by: Operator | None = None,
) -> Imported:
    """Store the compared shapes and retire zones. A retired zone keeps its versions, but no alert can name it."""
    operators.require_by(by, "administer")
    new = [(Zone(kind=kind, name=visible(shape.name), created_at=now), shape) for shape in compared.added]
    s.add_all(zone for zone, _ in new)
    s.flush()
    for zone, shape in new:
        s.add(_version(zone, 1, shape, source, now))
    for kept, shape in compared.changed:
        s.add(_version(kept.zone, kept.version.number + 1, shape, source, now))
    written = [*new, *((kept.zone, shape) for kept, shape in compared.changed)]
    for zone, shape in [*written, *((kept.zone, shape) for kept, shape in compared.unchanged)]:
        zone.name, zone.retired_at = visible(shape.name), None
        zone.external_id = shape.external_id or zone.external_id  # a file without ids removes none
    for kept in retired:
        kept.zone.retired_at = now
    s.flush()
    for zone, _shape in written:
        audit.note(s, now=now, by=by, action="import", subject="zone", subject_id=zone.id, source=source)
    for kept in retired:
        audit.note(s, now=now, by=by, action="retire", subject="zone", subject_id=kept.zone.id, source=source)
    return summary(compared, retired)


def retire(s: Session, zone_id: int, now: datetime, by: Operator) -> Zone:
    """Retire a zone: it keeps its versions, but no alert can name it, until an import brings it back.

    Raises NotAllowed, NotFound; Refused when it is retired already.
    """
    operators.require(by, "administer")
    zone = of_id(s, zone_id, lock=True)
    if zone.retired_at is not None:
        raise Refused(_("%(name)s is retired already.", name=zone.name))
    zone.retired_at = now
    audit.note(s, now=now, by=by, action="retire", subject="zone", subject_id=zone.id)
    return zone


def set_owner(s: Session, zone_id: int, owner: str, now: datetime, by: Operator) -> None:
    """Say who keeps a zone right: a person or an office. Raises NotAllowed, NotFound, Invalid."""
    operators.require(by, "administer")
    zone, name = of_id(s, zone_id, lock=True), visible(owner)
    if len(name) > LONGEST_OWNER:
        raise Invalid(
            _("The owner has %(count)s characters.", count=len(name)),
            hint=_("The most is %(most)s.", most=LONGEST_OWNER),
        )
    if zone.owner != name:
        zone.owner = name
        audit.note(s, now=now, by=by, action="owner", subject="zone", subject_id=zone.id, owner=name)


def of_id(s: Session, zone_id: int, *, lock: bool = False) -> Zone:
    """Return a zone, retired or not. Raises NotFound."""
    zone = s.get(Zone, zone_id, with_for_update=lock or None, populate_existing=lock)
    if zone is None:
        raise NotFound(_("There is no zone %(zone)s.", zone=zone_id), hint="`tocsin zones list` shows them all.")
    return zone


def versions(s: Session, zone_id: int) -> Sequence[ZoneVersion]:
    """Return the versions of a zone, the newest first."""
    of_zone = select(ZoneVersion).where(ZoneVersion.zone_id == zone_id)
    return s.scalars(of_zone.order_by(ZoneVersion.number.desc())).all()


def summary(compared: Comparison, retired: Sequence[KeptZone]) -> Imported:
    return Imported(
        added=tuple(visible(shape.name) for shape in compared.added),
        changed=tuple(visible(shape.name) for _, shape in compared.changed),
        unchanged=tuple(visible(shape.name) for _, shape in compared.unchanged),
        retired=tuple(kept.zone.name for kept in retired),
    )


def bounds(s: Session) -> Bounds | None:
    """Return west, south, east and north of the city's current zones and streets, or None if there are none."""
    west, south, east, north = s.execute(
        select(func.min(Street.west), func.min(Street.south), func.max(Street.east), func.max(Street.north))
    ).one()
    zones, _ = gate.readable_from_wkb(kept.version.geometry for kept in all_zones(s))
    boxes = [tuple(shapely.total_bounds(zones).tolist())] if len(zones) else []
    boxes += [(west, south, east, north)] if west is not None else []
    if not boxes:
        return None
    wests, souths, easts, norths = zip(*boxes, strict=True)
    return min(wests), min(souths), max(easts), max(norths)


def damaged(s: Session) -> list[str]:
    """Return the names of current zones whose areas cannot be read."""
    kept = all_zones(s)
    _, readable = gate.readable_from_wkb(one.version.geometry for one in kept)
    return [one.zone.name for row, one in enumerate(kept) if row not in set(readable.tolist())]


def is_mapped(s: Session) -> bool:
    """Return whether enough of the city is known for `bounds` to be the bounds of the whole city."""
    count = s.scalar(select(func.count(Zone.id)).where(Zone.retired_at.is_(None))) or 0
    return count >= MAPPED or s.scalar(select(Street.id).limit(1)) is not None


def _version(zone: Zone, number: int, shape: NamedShape, source: str, now: datetime) -> ZoneVersion:
    return ZoneVersion(
        zone_id=zone.id,
        number=number,
        geometry=to_wkb(shape.geometry),
        hash=area_hash(shape.geometry),
        area_m2=area_m2(shape.geometry),
        source=source,
        created_at=now,
    )


def all_zones(s: Session, kind: str | None = None, *, retired: bool = False) -> Sequence[KeptZone]:
    """Return zones with their newest versions, ordered by kind and name."""
    newest = select(func.max(ZoneVersion.id)).where(ZoneVersion.zone_id == Zone.id).correlate(Zone).scalar_subquery()
    question = select(Zone, ZoneVersion).join(ZoneVersion, ZoneVersion.id == newest).order_by(Zone.kind, Zone.name)
    if kind is not None:
        question = question.where(Zone.kind == kind)
    if not retired:
        question = question.where(Zone.retired_at.is_(None))
    return [KeptZone(zone, version) for zone, version in s.execute(question)]


def find(s: Session, name: str) -> KeptZone:
    """Return the zone of this name (`Riverside`, or `kind:Riverside` where two kinds share a name).

    Raises NotFound with similar names, Invalid when several zones have the name.
    """
    return find_all(s, [name])[0]


def find_all(s: Session, names: Sequence[str]) -> list[KeptZone]:
    """Return the zones of these names, as `find` does. The zones are read once for all names."""
    if not names:
        return []
    every = all_zones(s)
    by_name: dict[str, list[KeptZone]] = {}
    for kept in every:
        by_name.setdefault(kept.zone.name.casefold(), []).append(kept)
    return [_named(name, every, by_name) for name in names]


def _named(name: str, every: Sequence[KeptZone], by_name: Mapping[str, Sequence[KeptZone]]) -> KeptZone:
    kind, colon, bare = name.partition(":")
    kind, bare = (kind.strip(), visible(bare)) if colon and kind in KINDS else ("", visible(name))
    matches = [x for x in by_name.get(bare.casefold(), ()) if kind in ("", x.zone.kind)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        choices = ", ".join(f"{x.zone.kind}:{x.zone.name}" for x in matches)
        raise Invalid(
            _("Several zones are named %(name)s.", name=repr(bare)), hint=_("Say which: %(choices)s.", choices=choices)
        )
    names = {x.zone.name.casefold(): x.zone.name for x in every if kind in ("", x.zone.kind)}
    near = _near(bare.casefold(), names)
    hint = f"Did you mean {' or '.join(near)}?" if near else "`tocsin zones list` shows them all."
    raise NotFound(_("There is no zone named %(name)s.", name=repr(bare)), hint=hint)


def _near(wanted: str, names: Mapping[str, str]) -> list[str]:
    """Return at most three similar names: first those that contain `wanted`, then those with a word spelt like it,
    then those spelt like it as a whole."""
    words = {word: name for name in names for word in re.split(r"[^\w']+", name) if word}
    alike = [
        *(name for name in names if wanted and wanted in name),
        *(words[word] for word in get_close_matches(wanted, words, n=3, cutoff=0.75)),
        *get_close_matches(wanted, names, n=3, cutoff=0.5),
    ]
    return [names[name] for name in dict.fromkeys(alike)][:3]

"""The city's zones, as they are kept: import makes versions, nothing is edited in place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Protocol, get_args

from shapely.geometry.base import BaseGeometry
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from notify import lifecycle
from notify.errors import Invalid, NotFound
from notify.models import Operator, Zone, ZoneVersion
from notify.models.zone import ZoneKind
from zones.geometry import area_hash, area_m2, to_wkb

KINDS: tuple[str, ...] = get_args(ZoneKind)


class NamedShape(Protocol):
    """A zone as a file or the training city gives it: WGS 84, valid polygon or multipolygon."""

    @property
    def name(self) -> str: ...
    @property
    def external_id(self) -> str | None: ...
    @property
    def geometry(self) -> BaseGeometry: ...


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, by zone name."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeptZone:
    """A zone and its newest version."""

    zone: Zone
    version: ZoneVersion


def keep(
    s: Session, kind: str, shapes: Iterable[NamedShape], source: str, now: datetime, by: Operator | None = None
) -> Imported:
    """Keep zones of one kind: a new zone, a new version of a known one, or nothing where the shape is the same."""
    if kind not in KINDS:
        raise Invalid(f"There is no zone kind {kind!r}.", hint=f"Kinds: {', '.join(KINDS)}.")
    known = {kept.zone.name: kept for kept in all_zones(s, kind, retired=True)}
    added: list[str] = []
    changed: list[str] = []
    unchanged: list[str] = []
    for shape in shapes:
        name, shape_hash = shape.name.strip(), area_hash(shape.geometry)
        kept = known.get(name)
        if kept is not None and kept.version.hash == shape_hash and kept.zone.retired_at is None:
            unchanged.append(name)
            continue
        (added if kept is None else changed).append(name)
        zone = kept.zone if kept else Zone(kind=kind, name=name, created_at=now)
        zone.external_id, zone.retired_at = shape.external_id, None
        s.add(zone)
        s.flush()
        s.add(
            ZoneVersion(
                zone_id=zone.id,
                number=kept.version.number + 1 if kept else 1,
                geometry=to_wkb(shape.geometry),
                hash=shape_hash,
                area_m2=area_m2(shape.geometry),
                source=source,
                created_at=now,
            )
        )
        lifecycle.note(s, now=now, by=by, action="import", subject="zone", subject_id=zone.id, source=source)
    s.flush()
    return Imported(tuple(added), tuple(changed), tuple(unchanged))


def all_zones(s: Session, kind: str | None = None, *, retired: bool = False) -> Sequence[KeptZone]:
    """Zones with their newest versions, by kind and name."""
    newest = select(func.max(ZoneVersion.id)).where(ZoneVersion.zone_id == Zone.id).correlate(Zone).scalar_subquery()
    question = select(Zone, ZoneVersion).join(ZoneVersion, ZoneVersion.id == newest).order_by(Zone.kind, Zone.name)
    if kind is not None:
        question = question.where(Zone.kind == kind)
    if not retired:
        question = question.where(Zone.retired_at.is_(None))
    return [KeptZone(zone, version) for zone, version in s.execute(question)]


def find(s: Session, name: str) -> KeptZone:
    """The zone of this name (`Riverside`, or `kind:Riverside` where two kinds share a name).

    Raises NotFound with near names, Invalid when several zones have it.
    """
    kind, colon, bare = name.partition(":")
    kind, bare = (kind.strip(), bare.strip()) if colon and kind in KINDS else ("", name.strip())
    zones = all_zones(s, kind or None)
    matches = [x for x in zones if x.zone.name.casefold() == bare.casefold()]
    if len(matches) == 1:
        return matches[0]
    if matches:
        choices = ", ".join(f"{x.zone.kind}:{x.zone.name}" for x in matches)
        raise Invalid(f"Several zones are named {bare!r}.", hint=f"Say which: {choices}.")
    names = {x.zone.name.casefold(): x.zone.name for x in zones}
    near = [names[x] for x in get_close_matches(bare.casefold(), names, n=3, cutoff=0.5)]
    hint = f"Did you mean {' or '.join(near)}?" if near else "`tocsin zones list` shows them all."
    raise NotFound(f"There is no zone named {bare!r}.", hint=hint)

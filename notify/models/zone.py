"""Named areas in versions. A version is never edited, so an alert keeps the one that it was sent to."""

from datetime import datetime
from typing import Literal

from sqlalchemy import ForeignKey, Integer, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id

ZoneKind = Literal["neighbourhood", "collection", "snow", "evacuation", "utility", "custom"]


class Zone(Base):
    __tablename__ = "zones"
    id: Mapped[Id]
    kind: Mapped[ZoneKind] = mapped_column(Text)
    name: Mapped[str]
    external_id: Mapped[str | None]
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    owner: Mapped[str] = mapped_column(server_default="")  # who keeps it right: a person or an office

    __table_args__ = (UniqueConstraint("kind", "name"),)


class ZoneVersion(Base):
    """One version of a zone. `geometry`: WKB, WGS 84 lon/lat, a valid polygon or multipolygon."""

    __tablename__ = "zone_versions"
    id: Mapped[Id]
    zone_id: Mapped[int] = mapped_column(ForeignKey("zones.id"))
    number: Mapped[int] = mapped_column(Integer)
    geometry: Mapped[bytes]
    hash: Mapped[str]
    area_m2: Mapped[float]
    source: Mapped[str]
    created_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("zone_id", "number"),)


class ZonePopulation(Base):
    """How many people live in a zone, by the city's own count. By name, so that it outlives the zone's versions."""

    __tablename__ = "zone_populations"
    kind: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    population: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime]

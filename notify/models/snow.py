"""Snow emergencies: the routes of the city, and what an emergency forbids from when to when."""

from typing import Any

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class SnowRoute(Base):
    """One block of a snow emergency route. `geometry`: WKB, WGS 84 lon/lat, a line; `west` to `north`: its bounding
    box. `route_class`: as the city calls it, "" if it has one class. `source`: the next import of that name replaces
    it."""

    __tablename__ = "snow_routes"
    id: Mapped[Id]
    street: Mapped[str]
    route_class: Mapped[str]
    source: Mapped[str]
    geometry: Mapped[bytes]
    west: Mapped[float]
    south: Mapped[float]
    east: Mapped[float]
    north: Mapped[float]

    __table_args__ = (Index("snow_routes_box", "west", "south", "east", "north"),)


class SnowEmergency(Base):
    """What an alert of a snow emergency forbids: it holds from the launch of the alert on. `phases`: as
    `service311.snow.rules.to_json` has them. `tow_phone`: to find a towed car, "" for the city's help contact.
    `instead`: where cars may stand, by language."""

    __tablename__ = "snow_emergencies"
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"), primary_key=True)
    phases: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    tow_phone: Mapped[str] = mapped_column(Text, server_default="")
    instead: Mapped[dict[str, str]] = mapped_column(JSONB, server_default="{}")

"""Outages: what is out where, and each step of it."""

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class Outage(Base):
    """A utility that is out, or will be shut off for work. Its alerts are those of its incident.

    `kind`: `utility` is a choice of the message templates. `state`: as `service311.outages.steps.State`. `zones`:
    those of its area, as `kind:name`; `drawn`: other parts belong to it, too. `area`: all of it (WKB, WGS 84), and
    `names` what residents call that, by language. `back_at`: when service should be back, as it is known; what
    residents were told is in the alerts of its steps.
    """

    __tablename__ = "outages"
    id: Mapped[Id]
    kind: Mapped[Literal["unplanned", "planned"]] = mapped_column(Text)
    utility: Mapped[str]
    state: Mapped[str]
    zones: Mapped[list[str]] = mapped_column(ARRAY(Text))
    drawn: Mapped[bool] = mapped_column(server_default="false")
    names: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    area: Mapped[bytes]
    report_phone: Mapped[str] = mapped_column(server_default="")
    begins_at: Mapped[datetime | None]
    back_at: Mapped[datetime | None]
    restored_at: Mapped[datetime | None]
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"), unique=True)
    made_at: Mapped[datetime]
    made_by: Mapped[int] = mapped_column(ForeignKey("operators.id"))

    __table_args__ = (
        Index("outages_open", "made_at", postgresql_where=text("state <> 'restored'")),
        Index("outages_restored", "restored_at", postgresql_where=text("restored_at IS NOT NULL")),
    )


class OutageStep(Base):
    """One act, with the outage as it left it. `alert_id`: the alert that tells it; None where nobody is told. `added`:
    the part by which the area grew (WKB)."""

    __tablename__ = "outage_steps"
    id: Mapped[Id]
    outage_id: Mapped[int] = mapped_column(ForeignKey("outages.id"))
    at: Mapped[datetime]
    by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    act: Mapped[str]
    state: Mapped[str]
    begins_at: Mapped[datetime | None]
    back_at: Mapped[datetime | None]
    added: Mapped[bytes | None]
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alerts.id"), unique=True)

    __table_args__ = (Index("steps_of_outage", "outage_id", "id"),)

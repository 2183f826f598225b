"""What operators write about an incident, and requests to warn."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id

Source = Literal["field", "911", "supervisor", "utility", "weather", "other"]


class IncidentNote(Base):
    """A note of an operator. `form`: the form that it came by; sent twice, it is one note."""

    __tablename__ = "incident_notes"
    id: Mapped[Id]
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    at: Mapped[datetime]
    words: Mapped[str]
    form: Mapped[UUID] = mapped_column(unique=True)

    __table_args__ = (Index("incident_notes_of_incident", "incident_id"),)


class IncidentClaim(Base):
    """A zone of an incident that an operator takes care of, until it is released. One at a time has it."""

    __tablename__ = "incident_claims"
    id: Mapped[Id]
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    zone_id: Mapped[int] = mapped_column(ForeignKey("zones.id"))
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    at: Mapped[datetime]
    released_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "incident_claims_open",
            "incident_id",
            "zone_id",
            unique=True,
            postgresql_where=text("released_at IS NULL"),
        ),
    )


class WarnRequest(Base):
    """Somebody asks the city to warn. It is open until an alert answers it or an operator declines it, with a reason.

    `read_back_at`: when what was written was read back to whoever asked, and was right. `decide_by`: when it must be
    decided; then a precaution is offered.
    """

    __tablename__ = "warn_requests"
    id: Mapped[Id]
    asked_by: Mapped[str]
    source: Mapped[Source] = mapped_column(Text)
    danger: Mapped[str]
    place: Mapped[str]
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incidents.id"))
    received_at: Mapped[datetime]
    decide_by: Mapped[datetime | None]
    taken_by: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    read_back_at: Mapped[datetime | None]
    read_back_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alerts.id"))
    declined: Mapped[str] = mapped_column(server_default="")
    form: Mapped[UUID] = mapped_column(unique=True)

    __table_args__ = (
        Index("warn_requests_open", "received_at", postgresql_where=text("closed_at IS NULL")),
        Index("warn_requests_of_incident", "incident_id", postgresql_where=text("incident_id IS NOT NULL")),
        Index("warn_requests_of_alert", "alert_id", postgresql_where=text("alert_id IS NOT NULL")),
    )

"""Drills: exercises with a task, which operators solve against the clock."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class Drill(Base):
    """A drill. Its alerts are those with the status Exercise about its event that were drafted while it ran."""

    __tablename__ = "drills"
    id: Mapped[Id]
    scenario: Mapped[str]  # the name of a file in templates/drills
    label: Mapped[str]
    event: Mapped[str]
    area: Mapped[bytes]  # where the alert should go, WKB
    started_by: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    started_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    form: Mapped[UUID] = mapped_column(unique=True)  # sent twice, it is one drill

    __table_args__ = (Index("drills_ends_at", "ends_at"),)

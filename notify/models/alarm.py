"""Alarms: problems that an operator has to look at."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class Alarm(Base):
    """An alarm. At most one rings at a time for each kind and subject.

    `about`: a subject that is neither a sender nor an alert, such as a job or a provider; "" when there is none.
    """

    __tablename__ = "alarms"
    id: Mapped[Id]
    kind: Mapped[str]
    sender_id: Mapped[int | None] = mapped_column(ForeignKey("senders.id"))
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alerts.id"))
    about: Mapped[str] = mapped_column(server_default="")
    message: Mapped[str]
    since: Mapped[datetime]
    last_seen: Mapped[datetime]
    count: Mapped[int] = mapped_column(Integer, server_default="1")
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))  # None: Tocsin itself

    __table_args__ = (
        Index(
            "alarms_that_ring",
            "kind",
            "sender_id",
            "alert_id",
            "about",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("resolved_at IS NULL"),
        ),
    )

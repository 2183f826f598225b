"""Forecasts of when an alert's messages leave, kept so that its report can show their error."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base


class Prediction(Base):
    """The forecast for one channel. `p95_at`, `done_at`: None for never. `was_p95_at`: None when nothing was sent."""

    __tablename__ = "predictions"
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"), primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    messages: Mapped[int] = mapped_column(Integer)
    p95_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    measured: Mapped[bool] = mapped_column(server_default="false")
    was_p95_at: Mapped[datetime | None]

    __table_args__ = (Index("predictions_to_measure", "alert_id", postgresql_where=text("NOT measured")),)

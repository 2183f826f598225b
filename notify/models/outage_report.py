"""What residents report of an outage: that service is still out at their place."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base


class OutageReport(Base):
    """A resident has told that service is out at their place: one row a resident and outage, however often they do.

    `at`, `last_at`: the first and the last time. Where it is: `zone_id`, a zone at the place, or None; `cell_x`,
    `cell_y`: the square of `service311.outages.reports.CELL` degrees that the place is in.
    """

    __tablename__ = "outage_reports"
    outage_id: Mapped[int] = mapped_column(ForeignKey("outages.id"), primary_key=True, autoincrement=False)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id"), primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    last_at: Mapped[datetime]
    zone_id: Mapped[int | None] = mapped_column(ForeignKey("zones.id"))
    cell_x: Mapped[int] = mapped_column(Integer)
    cell_y: Mapped[int] = mapped_column(Integer)

    __table_args__ = (Index("outage_reports_of", "subscriber_id"), Index("outage_reports_last", "last_at"))

"""What follows from a place that a resident gives: alerts in force there; a look at an address that is not known."""

from datetime import datetime
from typing import Literal

from sqlalchemy import ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class Arrival(Base):
    """Somebody who has just joined or added a place, and is still to get the alerts in force there.

    `due_at`: when that is looked at next: later while the audience of an alert there is not known yet.
    """

    __tablename__ = "arrivals"
    id: Mapped[Id]
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id"))
    at: Mapped[datetime]
    due_at: Mapped[datetime]

    __table_args__ = (Index("arrivals_due", "due_at"),)


class PlaceCheck(Base):
    """A place whose address is not in the city's file, for somebody to look at. `given_by`: where its point is from:
    the resident's own on a map, or the middle of a street, ZIP code or zone. It goes with its place."""

    __tablename__ = "place_checks"
    place_id: Mapped[int] = mapped_column(ForeignKey("places.id", ondelete="CASCADE"), primary_key=True)
    given_by: Mapped[Literal["map", "street", "zip", "zone"]] = mapped_column(Text)
    made_at: Mapped[datetime]
    decision: Mapped[Literal["moved", "kept", "refused"] | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    why: Mapped[str | None]  # it was refused, for its resident to read

    __table_args__ = (Index("place_checks_open", "made_at", postgresql_where=text("decision IS NULL")),)

"""What the desk has filed with the city's request system."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id

CityRequestState = Literal["filing", "filed", "perhaps", "refused", "given up"]


class CityRequest(Base):
    """One request that was handed over, or is about to be: the row stands before anything leaves. `form`: the form that
    it was sent from, so that a form is filed once. `address_sealed`: JSON of its place and description. `number`: the
    city's, "" while there is none; `token`: what the number is asked for by. `said`: the city's words, or why nobody
    knows. `given up`: somebody has looked, and the city has no such request."""

    __tablename__ = "city_requests"
    id: Mapped[Id]
    form: Mapped[UUID] = mapped_column(unique=True)
    service_code: Mapped[str]
    service: Mapped[str]
    address_sealed: Mapped[bytes]
    state: Mapped[CityRequestState] = mapped_column(Text)
    number: Mapped[str] = mapped_column(server_default="")
    token: Mapped[str] = mapped_column(server_default="")
    said: Mapped[str] = mapped_column(server_default="")
    made_at: Mapped[datetime]
    made_by: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    settled_at: Mapped[datetime | None]

    __table_args__ = (Index("city_requests_made", "made_at"),)

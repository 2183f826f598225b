"""Sessions at the console."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class SignIn(Base):
    """A session. Its token is a cookie in the browser; only the hash is stored."""

    __tablename__ = "sessions"
    id: Mapped[Id]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    key_id: Mapped[int] = mapped_column(ForeignKey("api_keys.id"))
    ticket_hash: Mapped[bytes | None] = mapped_column(unique=True)  # of the sign-in link that it began with
    began_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]  # signed out, or ended by an administrator

    __table_args__ = (Index("sessions_of_key", "key_id"),)

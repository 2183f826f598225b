"""What somebody was asked by text message, until they answer."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class Conversation(Base):
    """One row for each number. `asked`: what we asked last, "" for nothing (`subscribers.questions`). `kept_sealed`:
    JSON, sealed for the channel, of what the answer needs and of our last reply. `language`: what they chose, "" for
    none. The row is deleted after `ends_at`."""

    __tablename__ = "conversations"
    id: Mapped[Id]
    channel: Mapped[str]
    address_index: Mapped[bytes]
    asked: Mapped[str] = mapped_column(server_default="")
    kept_sealed: Mapped[bytes | None]
    language: Mapped[str] = mapped_column(server_default="")
    changed_at: Mapped[datetime]
    ends_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("channel", "address_index"), Index("conversations_end", "ends_at"))

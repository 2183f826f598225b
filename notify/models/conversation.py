"""What somebody was asked by text message, until they answer."""

from datetime import datetime
from typing import Literal

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class Conversation(Base):
    """One row for each number. `asked`: what we asked last, "" for nothing (`subscribers.questions`). `kept_sealed`:
    JSON, sealed for the channel, of what the answer needs and of our last reply. `language`: what they chose, "" for
    none. `message_id`: the message that asks it, if it was sent by
    itself. The row is deleted after `ends_at`."""

    __tablename__ = "conversations"
    id: Mapped[Id]
    channel: Mapped[str]
    address_index: Mapped[bytes]
    asked: Mapped[str] = mapped_column(server_default="")
    kept_sealed: Mapped[bytes | None]
    language: Mapped[str] = mapped_column(server_default="")
    message_id: Mapped[int | None] = mapped_column(ForeignKey("direct_messages.id", ondelete="SET NULL"))
    changed_at: Mapped[datetime]
    ends_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("channel", "address_index"),
        Index("conversations_end", "ends_at"),
        Index("conversations_message", "message_id", postgresql_where=text("message_id IS NOT NULL")),
    )


AddressAnswer = Literal["same", "moved"]


class AddressCheck(Base):
    """Somebody was asked whether they still live there, on one of their contacts."""

    __tablename__ = "address_checks"
    id: Mapped[Id]
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id"))
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    asked_at: Mapped[datetime]
    answer: Mapped[AddressAnswer | None] = mapped_column(Text)
    answered_at: Mapped[datetime | None]

    __table_args__ = (
        Index("address_checks_of_resident", "subscriber_id", "asked_at"),
        Index("address_checks_open", "asked_at", postgresql_where=text("answered_at IS NULL")),
    )

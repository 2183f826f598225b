"""Senders, and the addresses that a carrier blocks for them."""

from datetime import datetime
from typing import Literal

from sqlalchemy import ForeignKey, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class Sender(Base):
    """One identity at one provider. `rate_per_s` is in the provider's units: SMS segments, email recipients, posts."""

    __tablename__ = "senders"
    id: Mapped[Id]
    channel: Mapped[str]
    provider: Mapped[str]
    address: Mapped[str]
    rate_per_s: Mapped[float]
    daily_cap: Mapped[int | None] = mapped_column(Integer)
    status: Mapped[Literal["open", "stopped"]] = mapped_column(Text, server_default="open")
    note: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]  # last time; None: it was never stopped

    __table_args__ = (UniqueConstraint("provider", "address"),)


class CarrierBlock(Base):
    """The carrier refuses messages of this sender to this address, until `lifted_at`.

    `doubtful`: a STOP that we know of may have caused a block, but it is not certain.
    """

    __tablename__ = "carrier_blocks"
    id: Mapped[Id]
    sender_id: Mapped[int] = mapped_column(ForeignKey("senders.id"))
    address_index: Mapped[bytes]
    at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    doubtful: Mapped[bool] = mapped_column(server_default="false")

    __table_args__ = (
        UniqueConstraint("sender_id", "address_index"),
        Index("carrier_blocks_in_force", "sender_id", postgresql_where=text("lifted_at IS NULL")),
    )

"""The hot tables: deliveries, the batches they are sent in, and the receipts that come back.

They are narrow and written in bulk by SQL. The classes describe them; the pipeline does not load objects.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, Integer, SmallInteger, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id, Lane, pg_enum
from notify.models.states import BatchState, DeliveryState


class Batch(Base):
    """Deliveries of one alert, channel, language and wording that one worker leases together."""

    __tablename__ = "batches"
    id: Mapped[Id]
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"))
    channel: Mapped[str]
    language: Mapped[str]
    wording: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    lane: Mapped[Lane] = mapped_column(pg_enum(Lane, "lane"))
    sender_id: Mapped[int | None] = mapped_column(ForeignKey("senders.id"))
    ordinal: Mapped[int] = mapped_column(Integer)
    size: Mapped[int] = mapped_column(Integer)
    state: Mapped[BatchState] = mapped_column(pg_enum(BatchState, "batch_state"), server_default="waiting")
    rung_at: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    held_until: Mapped[datetime | None]  # kept once its deliveries are released
    digest: Mapped[bool] = mapped_column(server_default=false())  # they wait, or waited, for their residents' digest
    lease: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["alert_id", "channel", "language", "wording"],
            ["contents.alert_id", "contents.channel", "contents.language", "contents.wording"],
        ),
        Index("batches_in_work", "state", "lease_until", postgresql_where=text("state <> 'done'")),
        Index("batches_of_alert", "alert_id"),
    )


class Delivery(Base):
    """One message of an alert to one contact. It has no foreign keys (migration 0006)."""

    __tablename__ = "deliveries"
    id: Mapped[Id]
    alert_id: Mapped[int]
    contact_id: Mapped[int]
    batch_id: Mapped[int | None]
    sender_id: Mapped[int | None]
    claimed_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    state: Mapped[DeliveryState] = mapped_column(pg_enum(DeliveryState, "delivery_state"))
    reason: Mapped[str | None]
    reference: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("alert_id", "contact_id"),
        Index("deliveries_of_batch", "batch_id", "id", postgresql_where=text("batch_id IS NOT NULL")),
    )


class Merged(Base):
    """A delivery whose words went out in the message of another one to the same contact (`delivery.digests`).

    `look_at`: when to look next at what became of the other one, its carrier; None: that is final.
    """

    __tablename__ = "merged"
    delivery_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    carrier_id: Mapped[int]
    merged_at: Mapped[datetime]
    look_at: Mapped[datetime | None]

    __table_args__ = (
        Index("merged_carrier", "carrier_id"),
        Index("merged_to_look_at", "look_at", postgresql_where=text("look_at IS NOT NULL")),
    )


class CarrierRefusal(Base):
    """A try that the carrier refused for its sender only, after the provider accepted it (`carrier_blocks`)."""

    __tablename__ = "carrier_refusals"
    delivery_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reference: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str]
    told_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    __table_args__ = (Index("carrier_refusals_open", "delivery_id", postgresql_where=text("settled_at IS NULL")),)


class StoredReceipt(Base):
    """A provider's report, as received: about a delivery, or without one about an address to suppress."""

    __tablename__ = "receipts"
    id: Mapped[Id]
    provider: Mapped[str]
    delivery_id: Mapped[int | None]
    state: Mapped[DeliveryState | None] = mapped_column(pg_enum(DeliveryState, "delivery_state"))
    code: Mapped[str]
    reference: Mapped[str]
    event_key: Mapped[str]
    suppress: Mapped[str]
    blame: Mapped[str] = mapped_column(server_default="")
    received_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]

    __table_args__ = (
        Index("receipts_to_apply", "id", postgresql_where=text("applied_at IS NULL")),
        Index("receipts_that_suppress", "event_key", postgresql_where=text("suppress <> '' AND event_key <> ''")),
    )

"""The city's decisions not to use a channel."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class ChannelPolicy(Base):
    """A decision not to use a channel, for a topic or (None) at all. It stands until somebody ends it."""

    __tablename__ = "channel_policies"
    id: Mapped[Id]
    channel: Mapped[str]
    topic: Mapped[str | None]
    owner: Mapped[str]  # who decided it and answers for it
    reason: Mapped[str]
    review_on: Mapped[date]
    made_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    made_at: Mapped[datetime]
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "channel_policies_standing",
            "channel",
            func.coalesce(sql("topic"), ""),
            unique=True,
            postgresql_where=sql("ended_at IS NULL"),
        ),
    )

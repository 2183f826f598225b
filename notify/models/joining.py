"""Somebody who asked for messages, or for their own page, and has not yet proved that the phone or email is theirs."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class Joining(Base):
    """`wish_sealed`: the place that they asked for, as `subscribers.joining.Wish`; None: only to see their page.

    `adds_to`: the resident whose further phone or email it is. `erases`: its code erases the resident.
    `link_hash`: of the link beside the code. `words`: what they agreed to, as it was shown. A row is deleted a day
    after it was made.
    """

    __tablename__ = "joinings"
    id: Mapped[Id]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    channel: Mapped[str]
    address_sealed: Mapped[bytes]
    wish_sealed: Mapped[bytes | None]
    language: Mapped[str]
    words: Mapped[str]
    made_at: Mapped[datetime]
    code_hash: Mapped[bytes | None]  # of the code that was sent last
    link_hash: Mapped[bytes | None]
    code_ends_at: Mapped[datetime]
    code_tries: Mapped[int] = mapped_column(Integer, server_default="0")
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"))  # once the code was entered
    ended_at: Mapped[datetime | None]
    address_index: Mapped[bytes | None]  # an erasure finds what was not ended by it
    adds_to: Mapped[int | None] = mapped_column(ForeignKey("subscribers.id"))
    erases: Mapped[bool] = mapped_column(server_default="false")

    __table_args__ = (
        Index("joinings_made", "made_at"),
        Index("joinings_to_answer", "channel", "address_index", postgresql_where=sql("address_index IS NOT NULL")),
        Index("joinings_link", "link_hash", unique=True, postgresql_where=sql("link_hash IS NOT NULL")),
    )

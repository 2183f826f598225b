"""What other agencies say, and how their feeds do."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class OutsideFeed(Base):
    """A feed of the settings. `etag` and `last_modified`: of a document that was read in full.

    `entries`: the addresses of messages that its document links to, with the edition that was read; null: it could not
    be read. `unreadable`: a sentence for each message of the last document that could not be read.
    """

    __tablename__ = "outside_feeds"
    address: Mapped[str] = mapped_column(primary_key=True)
    agency: Mapped[str]
    etag: Mapped[str] = mapped_column(server_default="")
    last_modified: Mapped[str] = mapped_column(server_default="")
    asked_at: Mapped[datetime]
    read_at: Mapped[datetime | None]  # when it last answered
    failures: Mapped[int] = mapped_column(Integer, server_default="0")  # in a row
    error: Mapped[str] = mapped_column(server_default="")
    entries: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    unreadable: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")


class OutsideWarning(Base):
    """A message of another agency. A Cancel is kept, too: what it cancels may arrive after it.

    `key`: who sent it, and its identifier. `refers`: keys of messages that it replaces. `area`: WKB; None when only
    codes of places are given. `words`: by language, the first is the agency's own. `end_given`: whether the agency said
    when it ends. `missed`: how often in a row a complete list did not have it. `ended_at`: when it was replaced,
    cancelled or not listed any more.
    """

    __tablename__ = "outside_warnings"
    id: Mapped[Id]
    feed: Mapped[str]
    agency: Mapped[str]
    key: Mapped[str]
    identifier: Mapped[str]
    sender: Mapped[str]
    sent_at: Mapped[datetime]
    kind: Mapped[str]
    severity: Mapped[str]
    urgency: Mapped[str]
    certainty: Mapped[str]
    ends_at: Mapped[datetime]
    end_given: Mapped[bool]
    place: Mapped[str]
    area: Mapped[bytes | None]
    words: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    refers: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    first_seen_at: Mapped[datetime]
    missed: Mapped[int] = mapped_column(Integer, server_default="0")
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("feed", "key"),
        Index("outside_warnings_in_force", "ends_at", postgresql_where=text("ended_at IS NULL")),
    )

"""Alerts, their incidents and their words, in the vocabulary of CAP 1.2."""

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, SmallInteger, Text, UniqueConstraint, false, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id, Lane, Topic, pg_enum
from notify.models.states import AlertState


class Incident(Base):
    """The alerts about one event: the first one, updates, corrections, the all-clear."""

    __tablename__ = "incidents"
    id: Mapped[Id]
    event: Mapped[str]
    created_at: Mapped[datetime]


class Alert(Base):
    """One message to the public. After its launch the database refuses changes to its words, area and approvals."""

    __tablename__ = "alerts"
    id: Mapped[Id]
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    event: Mapped[str]
    phase: Mapped[str]
    topic: Mapped[Topic] = mapped_column(pg_enum(Topic, "topic"))
    lane: Mapped[Lane] = mapped_column(pg_enum(Lane, "lane"))
    state: Mapped[AlertState] = mapped_column(pg_enum(AlertState, "alert_state"), server_default="draft")
    msg_type: Mapped[str]
    status: Mapped[Literal["Actual", "Exercise", "Test"]] = mapped_column(Text)
    category: Mapped[str]
    severity: Mapped[str]
    urgency: Mapped[str]
    certainty: Mapped[str]
    channels: Mapped[list[str]] = mapped_column(ARRAY(Text))
    blanks: Mapped[dict[str, Any]]
    area: Mapped[bytes | None]
    area_hash: Mapped[str | None]
    withdrawn: Mapped[bytes | None]  # the part of `area` where it is not true any more, and nothing is said there yet
    whole_city: Mapped[bool] = mapped_column(server_default="false")  # also to residents without a place
    area_description: Mapped[str] = mapped_column(server_default="")  # in the first of the city's languages
    area_names: Mapped[dict[str, Any]] = mapped_column(server_default="{}")  # the same by language; {}: only that one
    expires_at: Mapped[datetime]
    two_people: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")  # why one person is not enough
    follows: Mapped[int | None] = mapped_column(ForeignKey("alerts.id"))  # whose unreached it is for
    told_before: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default="{}")  # alerts: to theirs as well
    told_apart: Mapped[dict[str, Any]] = mapped_column(server_default="{}")  # by one of them: but not to theirs
    spares: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default="{}")  # alerts: but not to theirs
    corrects: Mapped[bool] = mapped_column(server_default="false")  # its words say that it corrects the one before
    rewrites: Mapped[int | None] = mapped_column(ForeignKey("alerts.id"), unique=True)  # the draft that it replaced
    created_by: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    created_at: Mapped[datetime]
    written_after: Mapped[datetime | None]  # the last launch of its incident that its author could see
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    approved_at: Mapped[datetime | None]
    approved_hash: Mapped[str | None]
    launch_at: Mapped[datetime | None]
    launched_at: Mapped[datetime | None]
    ask_since: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    fanout_through: Mapped[int] = mapped_column(server_default="-1")
    fanout_done_at: Mapped[datetime | None]
    audience_total: Mapped[int] = mapped_column(Integer, server_default="0")
    joined_later: Mapped[int] = mapped_column(Integer, server_default="0")  # contacts told since, who joined meanwhile

    @property
    def answered(self) -> dict[int, tuple[int, ...]]:
        """`told_before`, each with those of `told_apart`."""
        return {one: tuple(self.told_apart.get(str(one), ())) for one in self.told_before}

    __table_args__ = (
        Index(
            "alerts_in_work",
            "state",
            postgresql_where=text("state IN ('approved', 'scheduled', 'sending', 'paused')"),
        ),
        Index("alerts_of_incident", "incident_id"),
        Index(
            "one_follow_up",
            "follows",
            unique=True,
            postgresql_where=text("launched_at IS NOT NULL OR state NOT IN ('cancelled', 'expired')"),
        ),
        Index("alerts_by_end", "expires_at"),
        Index("alerts_open", "expires_at", postgresql_where=text("state NOT IN ('sent', 'cancelled', 'expired')")),
        Index("alerts_launched", "launched_at", postgresql_where=text("launched_at IS NOT NULL")),
        Index(
            "alerts_public",
            text("launched_at DESC"),
            text("id DESC"),
            postgresql_where=text("launched_at IS NOT NULL AND status = 'Actual'"),
        ),
        Index("alerts_of_event", "event", "created_at"),
    )


class AlertZone(Base):
    """A zone version that is part of an alert's area."""

    __tablename__ = "alert_zones"
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"), primary_key=True)
    zone_version_id: Mapped[int] = mapped_column(ForeignKey("zone_versions.id"), primary_key=True)


class StoredContent(Base):
    """The words for one channel, language and wording: 0 is the general one, which the public reads, too.
    `cost`: throttle tokens per recipient (SMS segments, else 1).

    `stale`: a translation that was older than its original when the alert was made."""

    __tablename__ = "contents"
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"), primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    wording: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default="0")
    subject: Mapped[str]
    text: Mapped[str]
    html: Mapped[str]
    cost: Mapped[int] = mapped_column(Integer)
    stale: Mapped[bool] = mapped_column(server_default=false())


class WordingPart(Base):
    """A part of an alert's area that decides which words residents with a place in it read. `label`: for staff."""

    __tablename__ = "wording_parts"
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"), primary_key=True)
    part: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    area: Mapped[bytes]
    label: Mapped[str]


class StoredWording(Base):
    """The wording for those who have places in exactly these parts, ascending. `blanks`: those that differ from the
    alert's; `area`: its own name for the area, by language."""

    __tablename__ = "wordings"
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"), primary_key=True)
    wording: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    parts: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    blanks: Mapped[dict[str, Any]]
    area: Mapped[dict[str, Any]] = mapped_column(server_default="{}")

    __table_args__ = (UniqueConstraint("alert_id", "parts"),)


class LintAcknowledgement(Base):
    """A finding of the linter that an operator lets stand. `fingerprint`: SHA-256 of rule and text."""

    __tablename__ = "lint_acknowledgements"
    id: Mapped[Id]
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"))
    fingerprint: Mapped[bytes]
    rule: Mapped[str]
    channel: Mapped[str]
    language: Mapped[str]
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("alert_id", "fingerprint"),)

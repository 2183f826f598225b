"""When waste is collected: schedules and rules, as they stand in each published edition, and what residents ask."""

from datetime import date, datetime, time
from typing import Any, Literal

from sqlalchemy import Date, ForeignKey, Index, Integer, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class CollectionEdition(Base):
    """A version of all calendars that was published. It never changes."""

    __tablename__ = "collection_editions"
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    published_at: Mapped[datetime]
    published_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    note: Mapped[str]


class _Published:
    """A row of the editions from `from_edition` (None: not yet published) until before `until_edition`.

    `leaving`: it is in the current edition, and not in the next.
    """

    from_edition: Mapped[int | None] = mapped_column(ForeignKey("collection_editions.number"))
    until_edition: Mapped[int | None] = mapped_column(ForeignKey("collection_editions.number"))
    leaving: Mapped[bool] = mapped_column(server_default="false")
    made_at: Mapped[datetime]
    made_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))


class CollectionSchedule(_Published, Base):
    """A stream of a zone, or of a single house: its weekdays (0: Monday), each week or each second one from a week
    with `anchor` in it, in a season (month * 100 + day) of each year. `set_out_before`: days before the collection.
    `listed`: dates that no rhythm gives.
    """

    __tablename__ = "collection_schedules"
    id: Mapped[Id]
    zone_id: Mapped[int | None] = mapped_column(ForeignKey("zones.id"))
    address: Mapped[str | None]
    lon: Mapped[float | None]
    lat: Mapped[float | None]
    stream: Mapped[str]
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    every_weeks: Mapped[int] = mapped_column(SmallInteger)
    anchor: Mapped[date | None]
    season_from: Mapped[int | None] = mapped_column(SmallInteger)
    season_to: Mapped[int | None] = mapped_column(SmallInteger)
    set_out_before: Mapped[int] = mapped_column(SmallInteger)
    set_out_at: Mapped[time]
    listed: Mapped[list[date]] = mapped_column(ARRAY(Date), server_default="{}")
    source: Mapped[str]

    __table_args__ = (
        Index("schedules_of_zone", "zone_id", postgresql_where=text("zone_id IS NOT NULL")),
        Index("schedules_of_place", "lon", "lat", postgresql_where=text("address IS NOT NULL")),
    )


class CollectionRule(_Published, Base):
    """A holiday that the city keeps, a rule of what it does to collections, or an exception made by hand, as data.
    `place`: in the order of the rules."""

    __tablename__ = "collection_rules"
    id: Mapped[Id]
    kind: Mapped[Literal["holiday", "rule", "exception"]] = mapped_column(Text)
    body: Mapped[dict[str, Any]]
    reason: Mapped[str]
    place: Mapped[float]


class CollectionFeed(Base):
    """A household's calendar under a secret address. `address_sealed`: the place, as JSON; sealed "" once revoked.
    `fetched_edition`: the newest that it has; `zone_id`: its zone, None once revoked."""

    __tablename__ = "collection_feeds"
    id: Mapped[Id]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    address_sealed: Mapped[bytes]
    language: Mapped[str]
    made_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    fetched_edition: Mapped[int | None] = mapped_column(ForeignKey("collection_editions.number"))
    zone_id: Mapped[int | None] = mapped_column(ForeignKey("zones.id"))


class CollectionTicket(Base):
    """A resident says that a date of a calendar is wrong. `edition`: of the calendar that they saw. `taken_at`: when an
    operator began to look at it. `mended_in`: the edition that is right; None for a closed one: it was right before."""

    __tablename__ = "collection_tickets"
    id: Mapped[Id]
    zone_id: Mapped[int] = mapped_column(ForeignKey("zones.id"))
    stream: Mapped[str]
    on_date: Mapped[date]
    edition: Mapped[int] = mapped_column(ForeignKey("collection_editions.number"))
    language: Mapped[str]
    made_at: Mapped[datetime]
    taken_at: Mapped[datetime | None]
    taken_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    mended_in: Mapped[int | None] = mapped_column(ForeignKey("collection_editions.number"))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    answer: Mapped[str] = mapped_column(server_default="")

    __table_args__ = (
        Index("tickets_open", "made_at", postgresql_where=text("closed_at IS NULL")),
        Index("tickets_closed", "closed_at", postgresql_where=text("closed_at IS NOT NULL")),
    )


class CollectionNotice(Base):
    """A notice that collection days change: of a holiday, or of a storm and what follows it, one incident each.

    `subject`: the name of the holiday, the reason of a day that was changed by hand (its kind is `holiday`, too), or
    the cause of the storm (`notices.causes`). `day`: the holiday's date, or the first that changes; `last_day`: the
    last date that the words name. `parts`: of each group of zones the ids of its zones, the days and streams that
    change, what it is called, and its sentences by language. `remind_days`: the collections of which its readers are
    reminded the evening before; `reminded_day`: the last one of which that has begun. `checked_edition`: the last one
    against which its words were held, of a notice that is out; `look_at`: when that is done again (`notices.stale`).
    """

    __tablename__ = "collection_notices"
    id: Mapped[Id]
    kind: Mapped[Literal["holiday", "storm"]] = mapped_column(Text)
    subject: Mapped[str]
    day: Mapped[date]
    last_day: Mapped[date]
    edition: Mapped[int] = mapped_column(ForeignKey("collection_editions.number"))
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"), unique=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incidents.id"))
    parts: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    made_at: Mapped[datetime]
    made_by: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    remind_days: Mapped[list[date]] = mapped_column(ARRAY(Date), server_default="{}")
    reminded_day: Mapped[date | None]
    checked_edition: Mapped[int | None] = mapped_column(ForeignKey("collection_editions.number"))
    look_at: Mapped[datetime | None]

    __table_args__ = (
        Index("notices_of_incident", "incident_id"),
        Index("notices_by_day", "last_day"),
    )

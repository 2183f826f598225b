"""Keep the messages of other agencies that concern the city, and end those that are over."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from shapely.geometry.base import BaseGeometry
from sqlalchemy import case, delete, exists, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from notify.city import basemap
from notify.models import OutsideFeed, OutsideWarning
from notify.outside.messages import Message
from zones.geometry import to_wkb

KEPT = timedelta(days=7)  # after its end
MISSED = 2  # complete lists in a row without a message end it: one of them may have been cut short
TELLS = ("Alert", "Update", "Cancel")  # the other types of CAP are about the transport


def keep(
    s: Session,
    feed: OutsideFeed,
    messages: Iterable[Message],
    now: datetime,
    *,
    complete: bool,
    doubtful: Collection[str] = (),
) -> None:
    """Keep what a feed says now. A message that replaces or cancels others ends those of the same feed only.

    `complete`: the messages are all that is in force, except perhaps for those with `doubtful` identifiers.
    """
    listed = []
    for one in sorted(messages, key=lambda message: message.sent):
        if one.status != "Actual" or one.kind not in TELLS:
            continue
        listed.append(one.key)
        _end(s, feed.address, one, now)
        if (one.kind == "Cancel" and one.refers) or (one.ends_at > now and concerns_city(s, one.area)):
            _keep(s, feed, one, now)
    if complete:
        _end_missing(s, feed.address, listed, doubtful, now)


def concerns_city(s: Session, area: BaseGeometry | None) -> bool:
    """Whether an area meets the city's zones. One that is not known may; so may any while there are no zones."""
    zones = basemap.zones_now(s, basemap.current(s))
    return area is None or not len(zones.shapes) or bool(len(zones.tree.query(area, predicate="intersects")))


def _keep(s: Session, feed: OutsideFeed, one: Message, now: datetime) -> None:
    """Add a message, or what it says now if it was sent again. One that was only missing is in force again."""
    replaced = s.scalar(
        select(
            exists().where(
                OutsideWarning.feed == feed.address,
                OutsideWarning.refers.contains([one.key]),
                OutsideWarning.key != one.key,
                OutsideWarning.sent_at >= one.sent,
            )
        )
    )
    over = one.kind == "Cancel" or bool(replaced)
    row = _row(feed, one, now)
    made = insert(OutsideWarning).values(**row, ended_at=now if over else None)
    there = {"agency": made.excluded.agency, "missed": 0, "ended_at": OutsideWarning.ended_at if over else None}
    s.execute(made.on_conflict_do_update(index_elements=["feed", "key"], set_=there))
    older = (OutsideWarning.feed == feed.address, OutsideWarning.key == one.key, OutsideWarning.sent_at < one.sent)
    s.execute(update(OutsideWarning).where(*older).values(**row | {"first_seen_at": OutsideWarning.first_seen_at}))


def _row(feed: OutsideFeed, one: Message, now: datetime) -> dict[str, Any]:
    return {
        "feed": feed.address,
        "agency": feed.agency,
        "key": one.key,
        "identifier": one.identifier,
        "sender": one.sender,
        "sent_at": one.sent,
        "kind": one.kind,
        "severity": one.severity,
        "urgency": one.urgency,
        "certainty": one.certainty,
        "ends_at": one.ends_at,
        "end_given": one.end_given,
        "place": one.place,
        "area": None if one.area is None else to_wkb(one.area),
        "words": [asdict(words) for words in one.words],
        "refers": list(one.refers),
        "first_seen_at": now,
    }


def _end(s: Session, feed: str, by: Message, now: datetime) -> None:
    """End what a message replaces or cancels. One that was sent later stays: this one is a replay."""
    s.execute(
        update(OutsideWarning)
        .where(
            OutsideWarning.feed == feed,
            OutsideWarning.key.in_(by.refers),
            OutsideWarning.sent_at <= by.sent,
            OutsideWarning.ended_at.is_(None),
        )
        .values(ended_at=now)
    )


def _end_missing(s: Session, feed: str, listed: Sequence[str], doubtful: Collection[str], now: datetime) -> None:
    missing = (
        OutsideWarning.feed == feed, OutsideWarning.key.not_in(listed), OutsideWarning.ended_at.is_(None),
    )  # fmt: skip
    times = case((OutsideWarning.identifier.in_(doubtful), 0), else_=OutsideWarning.missed + 1)
    s.execute(update(OutsideWarning).where(*missing).values(missed=times))
    s.execute(update(OutsideWarning).where(*missing, OutsideWarning.missed >= MISSED).values(ended_at=now))


def has_missing(s: Session, feed: str) -> bool:
    """Whether a message in force was missing from the last complete list, so that the next list decides."""
    missed = (OutsideWarning.feed == feed, OutsideWarning.missed > 0, OutsideWarning.ended_at.is_(None))
    return bool(s.scalar(select(exists().where(*missed))))


def forget_old(s: Session, addresses: Sequence[str], now: datetime) -> None:
    """Delete what has been over for a while, and all of feeds that the settings do not name any more."""
    s.execute(
        delete(OutsideWarning).where(
            or_(
                OutsideWarning.feed.not_in(addresses),
                OutsideWarning.ends_at < now - KEPT,
                OutsideWarning.ended_at < now - KEPT,
            )
        )
    )
    s.execute(delete(OutsideFeed).where(OutsideFeed.address.not_in(addresses)))

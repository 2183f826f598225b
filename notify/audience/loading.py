"""Load the columns of residents (`cache`) from PostgreSQL: all of them, or some."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from notify.audience.cache import REACHED, Columns, Wants
from notify.audience.rules import OF_CONTACTS, REASONS, SUPPRESSIONS
from notify.channels.channel import of_residents
from notify.core import points
from notify.core.db import raw

log = structlog.get_logger()

# As PostgreSQL's send functions write them: big-endian.
_PERSON = np.dtype([("id", ">i8"), ("language", ">i2")])
_CONTACT = np.dtype([("id", ">i8"), ("packed", ">i8")])
_SUPPRESSED = np.dtype([("contact", ">i8"), ("topic", ">i2"), ("reason", ">i2")])
_LOWEST = np.dtype([("contact", ">i8"), ("severity", ">i2")])
_MUTED_UNTIL = np.dtype([("subscriber", ">i8"), ("until", ">f8")])
_ID = np.dtype(">i8")

# All rows arrive as one string of bytes, which is ten times faster than rows. Each field appended costs as much as
# reading the row, so the small fields of a contact are packed with the id of its resident (`_unpacked`).
OTHER_LANGUAGES = """
    SELECT string_agg(int8send(id) || int2send(array_position(%(languages)s::text[], language)::int2), '')
      FROM subscribers WHERE {these} AND language <> (%(languages)s::text[])[1]"""
PLACES = f"""
    SELECT string_agg({points.SENT}, '') FROM places WHERE {{these}}"""
_CHANNEL_BITS, _STATE_BITS = 5, 2
_STATE = " ".join(f"WHEN {rule} THEN {n}" for n, rule in enumerate(OF_CONTACTS.values(), 1))
CONTACTS = f"""
    SELECT string_agg(int8send(id) || int8send(
               subscriber_id * {1 << _CHANNEL_BITS + _STATE_BITS} + {{channel}} + CASE {_STATE} ELSE 0 END), ''),
           string_agg(int8send(id) || int2send(lowest_severity), '') FILTER (WHERE lowest_severity IS NOT NULL)
      FROM contacts c WHERE subscriber_id IS NOT NULL AND {{{{these}}}}"""
SUPPRESSED = """
    SELECT string_agg(int8send(c.id) || int2send(coalesce(array_position(%(topics)s::text[], x.topic::text), 0)::int2)
                      || int2send((array_position(%(reasons)s::text[], x.reason) - 1)::int2), '')
      FROM suppressions x JOIN contacts c USING (channel, address_index)
     WHERE c.subscriber_id IS NOT NULL AND {these}"""
WANTED = """
    SELECT string_agg(int8send(subscriber_id), ''),
           string_agg(int8send(subscriber_id) || float8send(extract(epoch FROM muted_until)::float8), '')
               FILTER (WHERE muted_until IS NOT NULL)
      FROM preferences WHERE topic = %(topic)s::topic AND {these}"""


def load(s: Session, languages: Sequence[str], topics: Sequence[str], only: Sequence[int] | None = None) -> Columns:
    """Load what the transaction of `s` (`db.one_moment`) sees of all residents with a place or contact, or of some
    (`only`)."""
    values = {"languages": list(languages), "topics": list(topics), "reasons": list(SUPPRESSIONS), "only": only}
    placed, place_of_id, lon, lat, radius_m = _places(s, values)
    channels = of_residents()
    query = CONTACTS.format(channel=_number_of(channels))
    contacts, lowest = _columns(s, query, "subscriber_id", values, _CONTACT, _LOWEST)
    subscriber, channel, state = _unpacked(contacts["packed"].astype(np.int64))
    ids = np.union1d(place_of_id, subscriber)
    contact_of = np.searchsorted(ids, subscriber).astype(np.int32)
    return Columns(
        ids=ids,
        language=_languages(s, ids, values),
        placeless=_placeless(ids, placed, contact_of[state == 0]),
        place_of=np.searchsorted(ids, place_of_id).astype(np.int32),
        lon=lon,
        lat=lat,
        radius_m=radius_m if (radius_m > 0).any() else None,
        contact_of=contact_of,
        channel=channel,
        verdict=np.array([REACHED, *map(REASONS.index, OF_CONTACTS)], np.uint8)[state],
        suppressed=_suppressed(s, contacts["id"].astype(np.int64), values),
        lowest=_indexed(lowest, contacts["id"].astype(np.int64), [("contact", np.intp), ("severity", np.int16)]),
        channels=channels,
        languages=len(languages),
    )


def load_wants(s: Session, columns: Columns, topic: str, only: Sequence[int] | None = None) -> Wants:
    """Load which of these residents subscribe to a topic."""
    values = {"topic": topic, "only": only}
    wanted_by, muted = _columns(s, WANTED, "subscriber_id", values, _ID, _MUTED_UNTIL)
    wanting = find(columns.ids, wanted_by)
    silent = find(columns.ids, muted["subscriber"])
    wanted = np.zeros(columns.size, dtype=bool)
    wanted[wanting[wanting >= 0]] = True
    return Wants(wanted, silent[silent >= 0], muted["until"].astype(np.float64)[silent >= 0])


def find(ids: NDArray[np.int64], wanted: NDArray[Any]) -> NDArray[np.intp]:
    """Return the index of each id in `ids` (ascending), or -1."""
    if not ids.size:
        return np.full(wanted.size, -1, dtype=np.intp)
    wanted = wanted.astype(np.int64)
    at = np.minimum(np.searchsorted(ids, wanted), ids.size - 1)
    return np.where(ids[at] == wanted, at, -1)


def _unpacked(packed: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint8]]:
    """Return of contacts the resident's id, the index of the channel, and the rule of OF_CONTACTS (from 1) or 0."""
    channel = packed >> _STATE_BITS & (1 << _CHANNEL_BITS) - 1
    state = packed & (1 << _STATE_BITS) - 1
    return packed >> _CHANNEL_BITS + _STATE_BITS, channel.astype(np.uint8), state.astype(np.uint8)


def _number_of(channels: Sequence[str]) -> str:
    """Return SQL for the shifted index of a contact's channel: with two channels, a single comparison."""
    later = enumerate(channels[1:], 1)
    return " + ".join(f"(channel = '{name}')::int * {number << _STATE_BITS}" for number, name in later) or "0"


def _places(
    s: Session, values: dict[str, Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]]:
    """Return all residents with a place; then resident, lon, lat and radius_m of places, without unreadable ones; a
    launch raises an alarm about those."""
    places = _read(s, PLACES, "subscriber_id", values, points.ROW)
    subscribers, radius_m = places["subscriber_id"].astype(np.int64), places["radius_m"].astype(np.float32)
    lon, lat, readable = points.open_all(subscribers, places["point_sealed"])
    if readable.all():
        return subscribers, subscribers, lon, lat, radius_m
    log.error("live_count.unreadable_places", residents=subscribers[~readable][:10].tolist())
    return subscribers, subscribers[readable], lon[readable], lat[readable], radius_m[readable]


def _placeless(ids: NDArray[np.int64], placed: NDArray[np.int64], proved: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Whether each resident has no place, but a contact that is `proved` (its resident's index)."""
    found = np.zeros(ids.size, dtype=bool)
    found[proved] = True
    at = find(ids, placed)
    found[at[at >= 0]] = False
    return found


def _languages(s: Session, ids: NDArray[np.int64], values: dict[str, Any]) -> NDArray[np.uint8]:
    """Return the index of each resident's language; the city's first one where it is none of the city's."""
    spoken = np.zeros(ids.size, dtype=np.uint8)
    others = _read(s, OTHER_LANGUAGES, "id", values, _PERSON)
    at = find(ids, others["id"])
    spoken[at[at >= 0]] = others["language"][at >= 0] - 1
    return spoken


def _suppressed(s: Session, contact_ids: NDArray[np.int64], values: dict[str, Any]) -> NDArray[np.void]:
    """Load suppressions, with the indexes of contacts in their column instead of ids."""
    suppressed = _read(s, SUPPRESSED, "c.subscriber_id", values, _SUPPRESSED)
    return _indexed(suppressed, contact_ids, [("contact", np.intp), ("topic", np.int16), ("reason", np.int16)])


def _indexed(
    rows: NDArray[np.void], contact_ids: NDArray[np.int64], columns: list[tuple[str, Any]]
) -> NDArray[np.void]:
    """Return rows with the index of their contact in place of its id."""
    order = np.argsort(contact_ids, kind="stable")
    at = find(contact_ids[order], rows["contact"])
    indexed = rows[at >= 0].astype(columns)
    indexed["contact"] = order[at[at >= 0]]
    return indexed


def _read(s: Session, sql: str, column: str, values: dict[str, Any], row: np.dtype[Any]) -> NDArray[Any]:
    (rows,) = _columns(s, sql, column, values, row)
    return rows


def _columns(
    s: Session, sql: str, column: str, values: dict[str, Any], *rows: np.dtype[Any]
) -> tuple[NDArray[Any], ...]:
    """Read the rows of all residents, or of some (`only`)."""
    some = "true" if values["only"] is None else f"{column} = ANY(%(only)s)"
    with raw(s).cursor(binary=True) as cursor:
        found = cursor.execute(sql.format(these=some), values).fetchone() or ()
    return tuple(np.frombuffer(packed or b"", dtype=row) for packed, row in zip(found, rows, strict=True))

"""Residents as columns of numbers, so that a million of them can be counted while an operator draws an area.

`Columns` hold what one transaction of PostgreSQL sees of all residents, or of some, and never change. Residents who
changed since are in other, small columns and are counted there (`live_count`). Columns hold no addresses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from notify.audience.rules import OF_CONTACTS, OF_TOPICS, OF_WISHES, REASONS, SUPPRESSIONS, rank
from notify.channels.channel import of_residents
from notify.core import points
from notify.core.db import raw
from notify.models import Alert, Lane
from zones.membership import Membership

log = structlog.get_logger()

REACHED = len(REASONS)
_NOT_SUBSCRIBED, _MUTED, _BELOW = (REASONS.index(reason) for reason in (*OF_TOPICS, *OF_WISHES))

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


class Tally(NamedTuple):
    """Counts of residents inside, and of their contacts: shape (channels, languages, REASONS and, last, REACHED).

    `no_contact`: the residents inside who have no contact on the channels asked about; `nothing`: those all of whose
    contacts on them are left out, by the first of their reasons.
    """

    residents: int
    no_contact: int
    nothing: NDArray[np.int64]
    contacts: NDArray[np.int64]


class Precedence(NamedTuple):
    """What of an alert decides which wishes it passes: its lane, and the rank of its severity (`rules.rank`)."""

    lane: Lane
    severity: int | None = None


def precedence(alert: Alert) -> Precedence:
    return Precedence(alert.lane, rank(alert.severity))


ROUTINE = Precedence(Lane.ROUTINE)  # of an alert that is not known any better


@dataclass(frozen=True)
class Wants:
    """Whether each resident subscribes to a topic, and until when some have muted it (seconds since 1970)."""

    wanted: NDArray[np.bool_]
    muted: NDArray[np.intp]
    until: NDArray[np.float64]


@dataclass(frozen=True)
class Columns:
    """Columns of residents (`ids` ascending), places and contacts; `place_of` and `contact_of` index residents."""

    ids: NDArray[np.int64]
    language: NDArray[np.uint8]
    place_of: NDArray[np.int32]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    radius_m: NDArray[np.float32] | None  # None: all are points
    contact_of: NDArray[np.int32]
    channel: NDArray[np.uint8]
    verdict: NDArray[np.uint8]  # an index of REASONS whatever the topic, or REACHED
    suppressed: NDArray[np.void]  # contact (an index), topic (0: all), reason
    lowest: NDArray[np.void]  # contact (an index), severity: of those with a lowest one
    channels: Sequence[str]  # without timelines, which have no place
    languages: int

    @property
    def size(self) -> int:
        return int(self.ids.size)

    def tally(
        self,
        area: Membership,
        topic: int,
        channels: Sequence[str],
        wants: Wants,
        now: datetime,
        also: Sequence[NDArray[np.intp]],
        but: NDArray[np.bool_] | None,
        precedence: Precedence = ROUTINE,
    ) -> Tally:
        """Count the residents inside. `topic` counts from 1; `also`: residents who count wherever they live, as
        indexes; `but`: residents to leave out, counted elsewhere."""
        hit = np.zeros(self.size, dtype=bool)
        for residents in also:
            hit[residents] = True
        hit[self._inside(area, hit)] = True
        if but is not None:
            hit &= ~but
        verdict = self._verdict(topic, wants, now, precedence)
        chosen = hit[self.contact_of]
        key = (self._form[chosen] * (REACHED + 1) + verdict[chosen]).astype(np.intp)
        shape = (len(self.channels), self.languages, REACHED + 1)
        contacts = np.bincount(key, minlength=int(np.prod(shape))).reshape(shape)
        without = int((hit & ~self._reachable(channels)).sum())
        return Tally(int(hit.sum()), without, self._nothing(chosen, verdict, channels), contacts)

    def _nothing(
        self, chosen: NDArray[np.bool_], verdict: NDArray[np.uint8], channels: Sequence[str]
    ) -> NDArray[np.int64]:
        """Count the residents of these contacts to whom none of the channels leads, by REASONS."""
        asked = np.array([channel in channels for channel in self.channels], dtype=bool)
        contacts = np.flatnonzero(chosen & asked[self.channel])
        left_out = verdict[contacts] != REACHED
        reached = np.zeros(self.size, dtype=bool)
        reached[self.contact_of[contacts[~left_out]]] = True
        contacts = contacts[left_out]
        contacts = contacts[~reached[self.contact_of[contacts]]]
        first = np.full(self.size, REACHED, dtype=np.uint8)
        np.minimum.at(first, self.contact_of[contacts], verdict[contacts])
        return np.bincount(first[first != REACHED], minlength=REACHED)

    def _inside(self, area: Membership, known: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Return the residents with a place inside, but for places of those that are known already."""
        if not known.any():
            return self.place_of[area.inside(self.lon, self.lat, self.radius_m)]
        asked = np.flatnonzero(~known[self.place_of])
        radius_m = None if self.radius_m is None else self.radius_m[asked]
        return self.place_of[asked][area.inside(self.lon[asked], self.lat[asked], radius_m)]

    def _reachable(self, channels: Sequence[str]) -> NDArray[np.bool_]:
        """Whether each resident has a contact on one of these channels, be it left out or not."""
        wanted = sum(1 << number for number, channel in enumerate(self.channels) if channel in channels)
        return np.asarray(self._own & np.uint32(wanted), dtype=bool)

    @cached_property
    def _own(self) -> NDArray[np.uint32]:
        """The channels on which each resident has a contact, a bit for each."""
        own = np.zeros(self.size, dtype=np.uint32)
        for number in range(len(self.channels)):
            own[self.contact_of[self.channel == number]] |= np.uint32(1 << number)
        return own

    @cached_property
    def _form(self) -> NDArray[np.uint16]:
        """Channel and language of each contact as one number."""
        return self.channel.astype(np.uint16) * self.languages + self.language[self.contact_of]

    def _verdict(self, topic: int, wants: Wants, now: datetime, precedence: Precedence) -> NDArray[np.uint8]:
        """Return for each contact the first of `REASONS` to leave it out, as an index."""
        verdict = self.verdict.copy()
        reached = verdict == REACHED
        verdict[reached & ~wants.wanted[self.contact_of]] = _NOT_SUBSCRIBED
        if precedence.lane is Lane.ROUTINE:
            self._apply_wishes(verdict, wants, now, precedence)
        suppressed = self.suppressed[(self.suppressed["topic"] == 0) | (self.suppressed["topic"] == topic)]
        least = np.full(verdict.size, REACHED, dtype=np.uint8)
        np.minimum.at(least, suppressed["contact"], suppressed["reason"].astype(np.uint8))
        return np.where(least < REACHED, least, verdict)

    def _apply_wishes(self, verdict: NDArray[np.uint8], wants: Wants, now: datetime, precedence: Precedence) -> None:
        """Mark what `OF_WISHES` leaves out of a routine alert."""
        silent = wants.muted[wants.until > now.timestamp()]
        if silent.size:
            muted = np.zeros(self.size, dtype=bool)
            muted[silent] = True
            verdict[(verdict == REACHED) & muted[self.contact_of]] = _MUTED
        if precedence.severity is not None and self.lowest.size:
            below = self.lowest["contact"][self.lowest["severity"] > precedence.severity]
            verdict[below[verdict[below] == REACHED]] = _BELOW


def load(s: Session, languages: Sequence[str], topics: Sequence[str], only: Sequence[int] | None = None) -> Columns:
    """Load what the transaction of `s` (`db.one_moment`) sees of all residents with a place or contact, or of some
    (`only`)."""
    values = {"languages": list(languages), "topics": list(topics), "reasons": list(SUPPRESSIONS), "only": only}
    place_of_id, lon, lat, radius_m = _places(s, values)
    channels = of_residents()
    query = CONTACTS.format(channel=_number_of(channels))
    contacts, lowest = _columns(s, query, "subscriber_id", values, _CONTACT, _LOWEST)
    subscriber, channel, state = _unpacked(contacts["packed"].astype(np.int64))
    ids = np.union1d(place_of_id, subscriber)
    return Columns(
        ids=ids,
        language=_languages(s, ids, values),
        place_of=np.searchsorted(ids, place_of_id).astype(np.int32),
        lon=lon,
        lat=lat,
        radius_m=radius_m if (radius_m > 0).any() else None,
        contact_of=np.searchsorted(ids, subscriber).astype(np.int32),
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
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]]:
    """Return resident, lon, lat and radius_m, without unreadable places; a launch raises an alarm about those."""
    places = _read(s, PLACES, "subscriber_id", values, points.ROW)
    subscribers, radius_m = places["subscriber_id"].astype(np.int64), places["radius_m"].astype(np.float32)
    lon, lat, readable = points.open_all(subscribers, places["point_sealed"])
    if readable.all():
        return subscribers, lon, lat, radius_m
    log.error("live_count.unreadable_places", residents=subscribers[~readable][:10].tolist())
    return subscribers[readable], lon[readable], lat[readable], radius_m[readable]


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

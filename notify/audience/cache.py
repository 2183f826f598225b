"""Residents as columns of numbers, so that a million of them can be counted while an operator draws an area.

`Columns` hold what one transaction of PostgreSQL sees of all residents, or of some, and never change. Residents who
changed since are in other, small columns and are counted there (`live_count`). Columns hold no addresses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from notify.audience.everywhere import InCity
from notify.audience.part_sets import Parts, sets_of
from notify.audience.rules import EMERGENCIES_ONLY, OF_TOPICS, OF_WISHES, REASONS, rank
from notify.models import Alert, Lane
from zones.membership import Membership

REACHED = len(REASONS)
_NOT_SUBSCRIBED, _MUTED, _EMERGENCIES, _BELOW = (REASONS.index(reason) for reason in (*OF_TOPICS, *OF_WISHES))


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
    """What of an alert decides which wishes it passes: its lane, the rank of its severity (`rules.rank`), and the
    emergencies that it ends or corrects: it passes all of whoever was told of one."""

    lane: Lane
    severity: int | None = None
    emergencies: tuple[int, ...] = ()


def precedence(alert: Alert, emergencies: Sequence[int] | None) -> Precedence:
    return Precedence(alert.lane, rank(alert.severity), tuple(emergencies or ()))


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
    placeless: NDArray[np.bool_]  # those without a place who have proved a phone or email (`everywhere`)
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
        warned: NDArray[np.intp] | None = None,
    ) -> Tally:
        """Count the residents inside. `topic` counts from 1; `also`: residents who count wherever they live, as
        indexes; `but`: residents to leave out, counted elsewhere; `warned`: those whose wishes do not count, as
        indexes."""
        hit = self._hit(area, also, but)
        verdict = self._verdict(topic, wants, now, precedence, warned)
        return self._tally(np.flatnonzero(hit), np.flatnonzero(hit[self.contact_of]), verdict, channels)

    def tally_each(
        self,
        areas: Sequence[Membership],
        topic: int,
        channels: Sequence[str],
        wants: Wants,
        now: datetime,
        but: NDArray[np.bool_] | None,
    ) -> list[Tally]:
        """Return `tally` of each of many areas, for a routine alert. What does not depend on the area is done once."""
        verdict = self._verdict(topic, wants, now, ROUTINE, None)
        tallies = []
        for area in areas:
            residents = np.flatnonzero(self._hit(area, (), but))
            tallies.append(self._tally(residents, self._contacts_of(residents), verdict, channels))
        return tallies

    def _tally(
        self,
        residents: NDArray[np.intp],
        contacts: NDArray[np.intp],
        verdict: NDArray[np.uint8],
        channels: Sequence[str],
    ) -> Tally:
        """Count residents, ascending, and all of their contacts, in any order; both are indexes."""
        key = (self._form[contacts] * (REACHED + 1) + verdict[contacts]).astype(np.intp)
        shape = (len(self.channels), self.languages, REACHED + 1)
        counts = np.bincount(key, minlength=int(np.prod(shape))).reshape(shape)
        without = int((~self._reachable(channels, residents)).sum())
        return Tally(int(residents.size), without, self._nothing(residents, contacts, verdict, channels), counts)

    def _contacts_of(self, residents: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the contacts of residents, as indexes."""
        order, starts = self._by_resident
        first, many = starts[residents], starts[residents + 1] - starts[residents]
        within = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)  # 0, 1, .. for each resident
        found: NDArray[np.intp] = order[np.repeat(first, many) + within]
        return found

    @cached_property
    def _by_resident(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The contacts in the order of their residents, and where those of each resident begin and the last one's
        end."""
        order = np.argsort(self.contact_of, kind="stable")
        return order, np.searchsorted(self.contact_of[order], np.arange(self.size + 1))

    def reached(
        self,
        area: Membership,
        topic: int,
        channels: Sequence[str],
        wants: Wants,
        now: datetime,
        also: Sequence[NDArray[np.intp]],
        but: NDArray[np.bool_] | None,
        precedence: Precedence,
        warned: NDArray[np.intp] | None,
        among: NDArray[np.int64],
    ) -> int:
        """Count the residents of `among` (ids) to whom at least one of the channels leads. Else as `tally`."""
        at = np.searchsorted(self.ids, among)
        known = at < self.size
        known[known] = self.ids[at[known]] == among[known]
        few = np.zeros(self.size, dtype=bool)
        few[at[known]] = True
        hit = self._hit(area, also, but) & few
        asked = np.array([channel in channels for channel in self.channels], dtype=bool)
        verdict = self._verdict(topic, wants, now, precedence, warned)
        found = np.zeros(self.size, dtype=bool)
        found[self.contact_of[hit[self.contact_of] & asked[self.channel] & (verdict == REACHED)]] = True
        return int(found.sum())

    def sets(
        self, area: Membership, parts: Parts, also: Sequence[NDArray[np.intp]], but: NDArray[np.bool_] | None
    ) -> NDArray[np.int64]:
        """Return of each resident inside in which of these parts they have places in the area, as bits
        (`wordings.sets_of`). Else as `tally`."""
        hit = self._hit(area, also, but)
        inside = np.flatnonzero(area.inside(self.lon, self.lat, self.radius_m))
        radius_m = None if self.radius_m is None else self.radius_m[inside]
        sets = sets_of(parts, self.size, self.place_of[inside], self.lon[inside], self.lat[inside], radius_m)
        return sets[hit]

    def _hit(
        self, area: Membership, also: Sequence[NDArray[np.intp]], but: NDArray[np.bool_] | None
    ) -> NDArray[np.bool_]:
        hit = np.zeros(self.size, dtype=bool)
        for residents in also:
            hit[residents] = True
        hit[self._inside(area, hit)] = True
        if isinstance(area, InCity) and area.whole:
            hit |= self.placeless
        return hit if but is None else hit & ~but

    def _nothing(
        self,
        residents: NDArray[np.intp],
        contacts: NDArray[np.intp],
        verdict: NDArray[np.uint8],
        channels: Sequence[str],
    ) -> NDArray[np.int64]:
        """Count the residents of these contacts to whom none of the channels leads, by REASONS."""
        asked = np.array([channel in channels for channel in self.channels], dtype=bool)
        contacts = contacts[asked[self.channel[contacts]]]
        first = np.full(self.size, REACHED, dtype=np.uint8)  # of the reasons, where all contacts have one
        of, found = self.contact_of[contacts], verdict[contacts]
        left_out = found != REACHED
        np.minimum.at(first, of[left_out], found[left_out])
        first[of[~left_out]] = REACHED
        first = first[residents]
        return np.bincount(first[first != REACHED], minlength=REACHED)

    def _inside(self, area: Membership, known: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Return the residents with a place inside, but for places of those that are known already."""
        if not known.any():
            return self.place_of[area.inside(self.lon, self.lat, self.radius_m)]
        asked = np.flatnonzero(~known[self.place_of])
        radius_m = None if self.radius_m is None else self.radius_m[asked]
        return self.place_of[asked][area.inside(self.lon[asked], self.lat[asked], radius_m)]

    def _reachable(self, channels: Sequence[str], residents: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether each of these residents has a contact on one of these channels, be it left out or not."""
        wanted = sum(1 << number for number, channel in enumerate(self.channels) if channel in channels)
        return np.asarray(self._own[residents] & np.uint32(wanted), dtype=bool)

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

    def _verdict(
        self, topic: int, wants: Wants, now: datetime, precedence: Precedence, warned: NDArray[np.intp] | None
    ) -> NDArray[np.uint8]:
        """Return for each contact the first of `REASONS` to leave it out, as an index."""
        verdict = self.verdict.copy()
        reached = verdict == REACHED
        verdict[reached & ~wants.wanted[self.contact_of]] = _NOT_SUBSCRIBED
        if precedence.lane is Lane.ROUTINE:
            self._apply_wishes(verdict, wants, now, precedence, warned)
        suppressed = self.suppressed[(self.suppressed["topic"] == 0) | (self.suppressed["topic"] == topic)]
        least = np.full(verdict.size, REACHED, dtype=np.uint8)
        np.minimum.at(least, suppressed["contact"], suppressed["reason"].astype(np.uint8))
        return np.where(least < REACHED, least, verdict)

    def _apply_wishes(
        self,
        verdict: NDArray[np.uint8],
        wants: Wants,
        now: datetime,
        precedence: Precedence,
        warned: NDArray[np.intp] | None,
    ) -> None:
        """Mark what `OF_WISHES` leaves out of a routine alert."""
        reached = verdict == REACHED
        if warned is not None and warned.size:
            told = np.zeros(self.size, dtype=bool)
            told[warned] = True
            reached &= ~told[self.contact_of]
        silent = wants.muted[wants.until > now.timestamp()]
        if silent.size:
            muted = np.zeros(self.size, dtype=bool)
            muted[silent] = True
            verdict[reached & muted[self.contact_of]] = _MUTED
        if not self.lowest.size:
            return
        never = self.lowest["contact"][self.lowest["severity"] >= EMERGENCIES_ONLY]
        verdict[never[reached[never] & (verdict[never] == REACHED)]] = _EMERGENCIES
        if precedence.severity is not None:
            below = self.lowest["contact"][self.lowest["severity"] > precedence.severity]
            verdict[below[reached[below] & (verdict[below] == REACHED)]] = _BELOW

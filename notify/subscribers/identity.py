"""Decide which resident a phone and an email belong to, or why that cannot be decided.

A resident has one phone and one email. Addresses in one row belong to one resident, unless that would give a resident a
second phone or email, or a first one without any of the resident's places: it may be a landline that two people share,
or a number that has passed to another person. Then nothing is merged or guessed, because nobody must get alerts about
somebody else's home.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.subscribers.consent import BY_OWNER
from notify.subscribers.csv_records import CHANNELS_OF

Key = tuple[str, bytes]  # channel, address index
Couple = tuple[bytes, bytes]  # indexes of a phone and an email in the same row

_INDEX_BYTES = 32
PHONE, EMAIL = (CHANNELS_OF[column] for column in ("phone", "email"))
_COLUMN = {channel: column for column, channel in CHANNELS_OF.items()}
_OTHER = {PHONE: EMAIL, EMAIL: PHONE}
_WHAT_TO_DO = (
    "If these are two people, leave it in the line of one of them. If it is one person, import the line with --merge."
)


NEVER = datetime.max.replace(tzinfo=UTC)


class Conflict(Exception):
    """A row contradicts what is known. The text names the columns and says what to do, without an address."""


class Couples:
    """All pairs of phone and email in a file, so that the order of its rows does not matter.

    It takes about 200 bytes for each row that has both. `elsewhere`: the pairs of which one address belongs to a
    resident, and which the file has with none of that resident's places (`newcomers`).
    """

    def __init__(self, pairs: Iterable[Couple]) -> None:
        """`pairs`: two indexes of 32 bytes each."""
        self.elsewhere: set[Couple] = set()
        joined = bytearray()
        for phone, email in pairs:
            joined += phone
            joined += email
        once = np.unique(np.frombuffer(joined, f"S{2 * _INDEX_BYTES}"))
        both = once.view(f"S{_INDEX_BYTES}").reshape(-1, 2)
        self._sorted: dict[str, Any] = {
            PHONE: both,  # as `unique` sorted it
            EMAIL: both[np.argsort(both[:, 1], kind="stable")][:, ::-1],
        }

        self._shared = {
            (channel, _whole(index))
            for channel, rows in self._sorted.items()
            for index in rows[1:, 0][rows[1:, 0] == rows[:-1, 0]]
        }

    def is_shared(self, key: Key) -> bool:
        """Return whether the file has an address with more than one address of the other channel."""
        return key in self._shared

    def partners(self, keys: Iterable[Key]) -> dict[Key, list[Key]]:
        """Return, for each of these addresses, those of the other channel in the same rows, if any.

        Pass many at once: each search costs some microseconds, however few addresses it looks for.
        """
        asked = list(keys)
        found: dict[Key, list[Key]] = {}
        for channel, rows in self._sorted.items():
            of_channel = [key for key in asked if key[0] == channel]
            indexes = np.array([index for _, index in of_channel], f"S{_INDEX_BYTES}")
            first, end = (np.searchsorted(rows[:, 0], indexes, side) for side in ("left", "right"))
            for at in np.flatnonzero(first < end):
                others = rows[first[at] : end[at], 1]
                found[of_channel[at]] = [(_OTHER[channel], _whole(other)) for other in others]
        return found


def _whole(index: bytes) -> bytes:
    """Restore trailing NULs, which NumPy removes as padding."""
    return bytes(index).ljust(_INDEX_BYTES, b"\0")


@dataclass(slots=True)
class Known:
    """The owner of each address, the channels on which each of these residents has one, and who was erased when.

    `freed`: addresses of erased residents for which there is a later consent. `joined`: when the owner of an address
    last signed up by a code, or took away a topic or a place.
    """

    owner: dict[Key, int] = field(default_factory=dict)
    channels: dict[int, set[str]] = field(default_factory=dict)
    erased: dict[int, datetime] = field(default_factory=dict)
    freed: set[Key] = field(default_factory=set)
    joined: dict[Key, datetime] = field(default_factory=dict)

    def give(self, resident: int, keys: Iterable[Key]) -> None:
        for key in keys:
            self.owner[key] = resident
            self.channels.setdefault(resident, set()).add(key[0])

    def free(self, keys: Iterable[Key], consent_at: datetime | None) -> None:
        """Take addresses from residents erased before this consent: they may belong to another person by now."""
        for key in keys:
            erased_at = self.erased.get(self.owner.get(key, 0))
            if erased_at and consent_at and consent_at > erased_at:
                del self.owner[key]
                self.freed.add(key)


def known(s: Session, keys: set[Key], contacts: str = "contacts") -> Known:
    """Read what is stored about residents with one of these addresses. `contacts`: the table, or a query."""
    found = s.execute(
        text(f"""
            SELECT c.channel, c.address_index, c.subscriber_id,
                   c.address_sealed IS NULL AS emptied, r.erased_at, others.channels,
                   greatest(r.chosen_at, (SELECT max(x.at) FROM consents x
                                           WHERE x.contact_id = c.id AND x.how = ANY(:by_owner))) AS joined_at
              FROM unnest(string_to_array(:channels, ' '), CAST(:indexes AS bytea[])) AS k (channel, address_index)
              JOIN {contacts} c USING (channel, address_index)
              LEFT JOIN subscribers r ON r.id = c.subscriber_id,
                   LATERAL (SELECT array_agg(o.channel) AS channels FROM {contacts} o
                             WHERE o.subscriber_id = c.subscriber_id) others
             WHERE c.subscriber_id IS NOT NULL
             ORDER BY c.address_sealed IS NOT NULL  -- who has it now stands for who had it"""),  # noqa: S608  a name of ours
        {"channels": " ".join(channel for channel, _ in keys), "indexes": [index for _, index in keys]}
        | {"by_owner": list(BY_OWNER)},
    ).all()
    return Known(
        {(row.channel, bytes(row.address_index)): row.subscriber_id for row in found},
        {row.subscriber_id: set(row.channels) for row in found},
        {row.subscriber_id: row.erased_at or NEVER for row in found if row.emptied or row.erased_at},
        joined={
            (row.channel, bytes(row.address_index)): row.joined_at for row in found if row.joined_at and not row.emptied
        },
    )


def free(s: Session, keys: Iterable[Key]) -> None:
    """Make addresses of erased residents available to others. Consents stay with the old contact, which can no longer
    be found by an address; suppressions and carrier blocks stay with the address."""
    given = list(keys)
    s.execute(
        text("""
            UPDATE contacts c SET address_index = sha256(uuid_send(gen_random_uuid()))
              FROM unnest(CAST(:channels AS text[]), CAST(:indexes AS bytea[])) AS k (channel, address_index)
             WHERE (c.channel, c.address_index) = (k.channel, k.address_index) AND c.address_sealed IS NULL"""),
        {"channels": [channel for channel, _ in given], "indexes": [index for _, index in given]},
    )


def owner(
    keys: Iterable[Key], partners: Sequence[Key], known: Known, couples: Couples, merge: bool = False
) -> int | None:
    """Return the resident that a row with these addresses is about; None for a new one. Raises Conflict.

    A row with one address also belongs to the owner of an address that another row has together with it: `partners`
    are those addresses. `merge`: the operator has confirmed that addresses in one row belong to one resident, however
    many.
    """
    given = list(keys)
    if len(given) > 1 or merge:
        return _together(given, known, None if merge else couples)
    if given[0] not in known.owner and len(partners) == 1:
        try:
            return _together([given[0], *partners], known, couples)
        except Conflict:
            return None  # the row with both is reported
    return known.owner.get(given[0])


def _together(keys: list[Key], known: Known, couples: Couples | None) -> int | None:
    owners = {known.owner[key] for key in keys if key in known.owner}
    if len(owners) > 1:
        raise Conflict(
            "phone, email: they belong to two different residents. Correct the line; or, if both are right, "
            "give each of them a line of its own."
        )
    resident = next(iter(owners), None)
    new = [key for key in keys if key not in known.owner]
    if new and couples:
        for channel, _ in filter(couples.is_shared, keys):
            raise Conflict(f"{_COLUMN[channel]}: the file gives it with more than one {_other(channel)}. {_WHAT_TO_DO}")
        for channel, _ in new:
            if resident is not None and channel in known.channels[resident]:
                raise Conflict(
                    f"{_other(channel)}: it belongs to a resident with another {_COLUMN[channel]}. {_WHAT_TO_DO}"
                )
            if resident is not None and _couple(keys) in couples.elsewhere:
                raise Conflict(_living_elsewhere(_other(channel), _COLUMN[channel]))
    return resident


def _couple(keys: Iterable[Key]) -> Couple:
    index = dict(keys)
    return index[PHONE], index[EMAIL]


def _living_elsewhere(known: str, new: str) -> str:
    return (
        f"{known}: it belongs to a resident who has no {new} and lives elsewhere. If it is one person, import the line"
        f" with --merge. If these are two people, leave the {known} out of this line; or, when it has passed from one"
        " to the other, first correct or erase the resident who had it (`tocsin residents`)."
    )


def _other(channel: str) -> str:
    return _COLUMN[_OTHER[channel]]

"""Find pairs of phone and email in a file of which one address belongs to a resident and the other is new.

A known number may have passed to another person. The pair is accepted if a line with both has one of the resident's
places. This is checked before the first line is stored, so that the order of lines does not matter.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, islice

from sqlalchemy import text

from notify.core.db import transaction
from notify.subscribers.homes import are_theirs
from notify.subscribers.identity import EMAIL, PHONE, Couple
from notify.subscribers.rows import BadRow, Reader, Row

AT_ONCE = 5_000  # lines of a query

Line = tuple[Couple, int, list[str]]  # phone and email, line number, fields


class Newcomers:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._new: set[Couple] = set()
        self._at_home: set[Couple] = set()

    def passing(self, lines: Iterable[Line]) -> Iterator[Couple]:
        """Yield the pairs of these lines, checking each of them."""
        lines = iter(lines)
        while some := list(islice(lines, AT_ONCE)):
            self._look(some)
            yield from (couple for couple, _, _ in some)

    def elsewhere(self) -> set[Couple]:
        """Return the pairs that no line has with a place of the known resident."""
        return self._new - self._at_home

    def _look(self, lines: Sequence[Line]) -> None:
        with transaction() as s:
            indexes = b"".join(phone + email for (phone, email), _, _ in lines)  # an array would take ten times as long
            found = s.execute(text(_HALF_KNOWN), {"count": len(lines), "indexes": indexes}).all()
        self._new.update(lines[at][0] for at, _ in found)
        placed = [(lines[at][0], resident, row) for at, resident in found if (row := self._read(*lines[at][1:]))]
        if placed:
            with transaction() as s:
                theirs = are_theirs(s, [(resident, row) for _, resident, row in placed])
            self._at_home.update(compress((couple for couple, _, _ in placed), theirs))

    def _read(self, line: int, fields: list[str]) -> Row | None:
        try:
            return self._reader.read(line, fields)
        except BadRow:
            return None  # it is reported when the line is imported


# Contacts of erased residents and replaced addresses (without `address_sealed`) do not count.
_HALF_KNOWN = f"""
    SELECT at, coalesce(p.subscriber_id, e.subscriber_id)
      FROM (SELECT at, substr(CAST(:indexes AS bytea), 64 * at + 1, 32) AS phone,
                   substr(CAST(:indexes AS bytea), 64 * at + 33, 32) AS email
              FROM generate_series(0, :count - 1) AS at) k
      LEFT JOIN contacts p ON (p.channel, p.address_index) = ('{PHONE}', k.phone)
                          AND p.address_sealed IS NOT NULL AND p.subscriber_id IS NOT NULL
      LEFT JOIN contacts e ON (e.channel, e.address_index) = ('{EMAIL}', k.email)
                          AND e.address_sealed IS NOT NULL AND e.subscriber_id IS NOT NULL
     WHERE (p.id IS NULL) <> (e.id IS NULL)
"""  # noqa: S608

"""Store good rows: whom they are about is decided in the order of the file, the rest is set-based SQL."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Self

from sqlalchemy import CursorResult, text
from sqlalchemy.orm import Session

from notify.core import crypto, keyring, points
from notify.core.db import raw
from notify.subscribers import addresses, homes
from notify.subscribers.homes import SEALED_ADDRESS
from notify.subscribers.identity import EMAIL, PHONE, Conflict, Couple, Couples, Key, Known, free, known, owner
from notify.subscribers.rows import Row

IMPORT_LOCK = 7_461_002  # two simultaneous imports could make two residents of one person
ERASED = (
    "This resident asked to be erased, or to get messages elsewhere. If the resident has signed up again since then,"
    " give the new consent_at and consent_how."
)
JOINED = (
    "This resident has signed up since then, without this place. If the resident has asked for it later, give the new"
    " consent_at and consent_how."
)


@dataclass(frozen=True, slots=True)
class Stored:
    """How many rows of each table are new, and how many rows of the file have a suppressed address."""

    residents: int = 0
    contacts: int = 0
    places: int = 0
    topics: int = 0
    consents: int = 0
    suppressed: int = 0
    to_ask: int = 0  # contacts without a consent that will be asked for one

    def __add__(self, other: Self) -> "Stored":
        return Stored(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Stored)))


@dataclass(slots=True)
class Settled:
    """A row and the resident that it is about; -n is the n-th new resident of the chunk."""

    row: Row
    keys: dict[str, Key]  # by column
    owner: int


def store(
    s: Session, rows: Sequence[Row], now: datetime, couples: Couples, *, merge: bool = False, ask: bool = False
) -> tuple[Stored, list[tuple[int, str]]]:
    """Store rows. Return what is new, and (line, reason) of the rows that contradict what is known.

    `couples` are those of the whole file. `ask`: contacts without a consent will be asked for one. Raises
    IntegrityError when somebody signs up with one of the addresses at the same time: try again.
    """
    if not rows:
        return Stored(), []
    s.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": IMPORT_LOCK})
    keyring.hold(s)
    settled, had, freed, refused = settle(s, rows, couples, merge=merge)
    if freed:
        free(s, freed)
    s.execute(text(f"CREATE TEMP TABLE incoming ({INCOMING}) ON COMMIT DROP"))
    new_ids = _new_ids(s, -min((one.owner for one in settled), default=0))
    copy(s, settled, had, lambda resident: new_ids[-resident - 1] if resident < 0 else resident)
    return _insert(s, now, ask), refused


def couple_of(phone: str, email: str) -> Couple:
    return addresses.index(PHONE, phone), addresses.index(EMAIL, email)


def settle(
    s: Session,
    rows: Sequence[Row],
    couples: Couples,
    contacts: str = "contacts",
    new: int = 0,
    *,
    merge: bool = False,
) -> tuple[list[Settled], set[Key], set[Key], list[tuple[int, str]]]:
    """Decide whom each row is about. Return the rows, the addresses that exist already, those that become free for
    another resident, and (line, reason) of the rows that are refused.

    New residents are counted down from `new`.
    """
    keyed = [(row, _keys(row)) for row in rows]
    given = {key for _, keys in keyed for key in keys.values()}
    alone = {key for _, keys in keyed if len(keys) == 1 for key in keys.values()}
    partners = couples.partners(alone)
    there = known(s, given.union(*partners.values()), contacts)
    had = set(there.owner)
    settled: list[Settled] = []
    refused: list[tuple[int, str]] = []
    foreign = _foreign(s, keyed, there)
    for row, keys in keyed:
        if row.line in foreign:
            refused.append((row.line, JOINED))
            continue
        there.free(keys.values(), row.consent_at)
        try:
            resident = owner(keys.values(), partners.get(next(iter(keys.values())), ()), there, couples, merge)
        except Conflict as conflict:
            refused.append((row.line, str(conflict)))
            continue
        if resident in there.erased:
            refused.append((row.line, ERASED))
            continue
        if resident is None:
            new -= 1
            resident = new
        there.give(resident, keys.values())
        settled.append(Settled(row, keys, resident))
    return settled, had - there.freed, there.freed, refused


def _foreign(s: Session, keyed: Sequence[tuple[Row, dict[str, Key]]], there: Known) -> set[int]:
    """Return the lines older than the day on which a resident joined, which have none of the resident's places: they
    may be about somebody who had the phone or email before."""
    older = [
        (there.owner[key], row)
        for row, keys in keyed
        for key in keys.values()
        if key in there.joined and (row.consent_at is None or row.consent_at < there.joined[key])
    ]
    return {row.line for (_, row), at_home in zip(older, homes.are_theirs(s, older), strict=True) if not at_home}


def _keys(row: Row) -> dict[str, Key]:
    keys = {}
    if row.phone:
        keys["phone"] = (PHONE, addresses.index(PHONE, row.phone))
    if row.email:
        keys["email"] = (EMAIL, addresses.index(EMAIL, row.email))
    return keys


def _new_ids(s: Session, count: int) -> list[int]:
    rows = s.execute(
        text("SELECT nextval(pg_get_serial_sequence('subscribers', 'id')) FROM generate_series(1, :count)"),
        {"count": count},
    )
    return list(rows.scalars())


def copy(s: Session, settled: Sequence[Settled], had: set[Key], number: Callable[[int], int]) -> None:
    """Copy rows into the table `incoming`. An address is encrypted where it first appears, unless it is stored."""
    with raw(s).cursor() as cursor, cursor.copy("COPY incoming FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(_TYPES)
        for values in _values(settled, had, number):
            copy.write_row(values)


def _values(settled: Sequence[Settled], had: set[Key], number: Callable[[int], int]) -> Iterator[tuple[object, ...]]:
    sealed = set(had)

    def seal(key: Key | None, address: str | None) -> tuple[bytes | None, bytes | None]:
        if key is None or address is None:
            return None, None
        if key in sealed:
            return key[1], None
        sealed.add(key)
        return key[1], crypto.seal(address, key[0])

    residents = [number(one.owner) for one in settled]
    sealed_points = points.seal_all(residents, [one.row.lon for one in settled], [one.row.lat for one in settled])
    for one, resident, point in zip(settled, residents, sealed_points, strict=True):
        row = one.row
        yield (
            row.line,
            resident,
            one.owner < 0,
            row.language,
            " ".join(row.topics),
            *seal(one.keys.get("phone"), row.phone),
            *seal(one.keys.get("email"), row.email),
            *point,
            row.label,
            crypto.seal(row.address, SEALED_ADDRESS) if row.address else None,
            row.consent_at,
            row.consent_how or None,
        )


INCOMING = """
        line int, subscriber_id bigint, is_new bool, language text, topics text,
        phone_index bytea, phone_sealed bytea, email_index bytea, email_sealed bytea,
        point_sealed bytea, cell_index bytea, label text, place_sealed bytea, consent_at timestamptz, consent_how text
"""
_TYPES = ["int4", "int8", "bool", "text", "text", "bytea", "bytea", "bytea", "bytea", "bytea", "bytea", "text",
          "bytea", "timestamptz", "text"]  # fmt: skip

# One row for each address in `incoming`.
GIVEN = f"""
    WITH given AS (
        SELECT subscriber_id, channel, address_index, address_sealed, consent_at, consent_how
          FROM incoming, LATERAL (VALUES ('{PHONE}', phone_index, phone_sealed), ('{EMAIL}', email_index, email_sealed))
               AS a (channel, address_index, address_sealed)
         WHERE address_index IS NOT NULL
    )
"""  # noqa: S608


def _insert(s: Session, now: datetime, ask: bool) -> Stored:
    def run(statement: str) -> int:
        done = s.execute(text(statement), {"now": now} if ":now" in statement else {})
        assert isinstance(done, CursorResult)  # noqa: S101  it is not a SELECT
        return done.rowcount

    run("ANALYZE incoming (subscriber_id, phone_index, email_index)")
    residents = run(_RESIDENTS)
    contacts = run(GIVEN + _CONTACTS)
    run(GIVEN + _VERIFY)
    consents = run(GIVEN + _CONSENTS)
    suppressed = s.execute(text(SUPPRESSED)).scalar_one()
    asked = run(GIVEN + _ASKS) if ask else 0
    return Stored(residents, contacts, run(_PLACES), run(_TOPICS), consents, suppressed, asked)


_RESIDENTS = """
    INSERT INTO subscribers (id, language, created_at) OVERRIDING SYSTEM VALUE
    SELECT DISTINCT ON (subscriber_id) subscriber_id, language, CAST(:now AS timestamptz)
      FROM incoming WHERE is_new ORDER BY subscriber_id, line
"""
_CONTACTS = """
    INSERT INTO contacts (subscriber_id, channel, address_index, address_sealed, verified_at, created_at)
    SELECT subscriber_id, channel, address_index, (array_agg(address_sealed ORDER BY address_sealed))[1],
           min(consent_at), CAST(:now AS timestamptz)
      FROM given GROUP BY subscriber_id, channel, address_index HAVING bool_or(address_sealed IS NOT NULL)
"""
# For contacts that existed before; new ones get `verified_at` from the statement above. An older list does not bring
# back who had a number that was reassigned.
_VERIFY = """
    UPDATE contacts c SET verified_at = g.at
      FROM (SELECT channel, address_index, min(consent_at) AS at
              FROM given WHERE address_sealed IS NULL GROUP BY channel, address_index) g
     WHERE (c.channel, c.address_index) = (g.channel, g.address_index) AND c.verified_at IS NULL AND g.at IS NOT NULL
       AND (c.dead_at IS NULL OR g.at > c.dead_at)
"""
# The LIMIT makes PostgreSQL use the index; without it, a table that grew in this import is read whole for each chunk.
_CONSENTS = """
    INSERT INTO consents (contact_id, kind, at, how)
    SELECT DISTINCT c.id, 'opt-in', g.consent_at, g.consent_how
      FROM given g JOIN contacts c USING (channel, address_index)
      LEFT JOIN LATERAL (
           SELECT true AS noted FROM consents x
            WHERE x.contact_id = c.id AND x.kind = 'opt-in' AND x.topic IS NULL
              AND x.at = g.consent_at AND x.how = g.consent_how LIMIT 1) known ON true
     WHERE g.consent_at IS NOT NULL AND noted IS NULL
"""
_UNASKED = """
    c.verified_at IS NULL AND c.asked_at IS NULL AND c.address_sealed IS NOT NULL
    AND NOT EXISTS (SELECT FROM suppressions x WHERE x.topic IS NULL
                       AND (x.channel, x.address_index) = (c.channel, c.address_index))"""
_ASKS = f"""
    INSERT INTO import_asks (contact_id, made_at)
    SELECT DISTINCT c.id, CAST(:now AS timestamptz) FROM given g JOIN contacts c USING (channel, address_index)
     WHERE {_UNASKED}
    ON CONFLICT DO NOTHING
"""  # noqa: S608
# Counts what _ASKS would insert, for a dry run: also of contacts that are new.
TO_ASK = f"""
    SELECT count(*) FROM (SELECT channel, address_index FROM given GROUP BY channel, address_index
                          HAVING bool_and(consent_at IS NULL)) g
      LEFT JOIN contacts c USING (channel, address_index)
     WHERE (c.id IS NULL AND NOT EXISTS (SELECT FROM suppressions x WHERE x.topic IS NULL
                                            AND (x.channel, x.address_index) = (g.channel, g.address_index))
            OR {_UNASKED}) AND NOT EXISTS (SELECT FROM import_asks i WHERE i.contact_id = c.id)
"""  # noqa: S608
_TOPICS = """
    INSERT INTO preferences (subscriber_id, topic)
    SELECT subscriber_id, CAST(unnest(string_to_array(topics, ' ')) AS topic) FROM incoming
    ON CONFLICT DO NOTHING
"""
_PLACES = """
    INSERT INTO places (subscriber_id, label, point_sealed, cell_index, address_sealed, created_at)
    SELECT subscriber_id, label, point_sealed, cell_index, place_sealed, CAST(:now AS timestamptz)
      FROM incoming ORDER BY line
    ON CONFLICT DO NOTHING
"""
# Counts what _PLACES would insert, for a dry run.
NEW_PLACES = """
    SELECT count(*) FROM (SELECT DISTINCT subscriber_id, point_sealed FROM incoming) i
     WHERE NOT EXISTS (SELECT FROM places p
                        WHERE (p.subscriber_id, p.point_sealed) = (i.subscriber_id, i.point_sealed))
"""
SUPPRESSED = f"""
    SELECT count(*) FROM incoming i
     WHERE EXISTS (SELECT FROM suppressions s
                    WHERE s.topic IS NULL AND (s.channel, s.address_index) IN
                          (('{PHONE}', i.phone_index), ('{EMAIL}', i.email_index)))
"""  # noqa: S608

"""Store good rows: whom they are about is decided in the order of the file, the rest is set-based SQL."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Self

from sqlalchemy import CursorResult, text
from sqlalchemy.orm import Session

from notify.core import crypto, keyring, points
from notify.core.db import raw
from notify.subscribers import addresses, import_lock
from notify.subscribers.homes import SEALED_ADDRESS
from notify.subscribers.identity import EMAIL, PHONE, Couple, Couples, Key, free
from notify.subscribers.restoring import Told, restore, restore_consents
from notify.subscribers.rows import Row
from notify.subscribers.settling import Settled, settle


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


def store(
    s: Session, rows: Sequence[Row], now: datetime, couples: Couples, *, merge: bool = False, ask: bool = False
) -> tuple[Stored, list[tuple[int, str]]]:
    """Store rows. Return what is new, and (line, reason) of the rows that contradict what is known.

    `couples` are those of the whole file. `ask`: contacts without a consent will be asked for one. Raises
    IntegrityError when somebody signs up with one of the addresses at the same time: try again.
    """
    if not rows:
        return Stored(), []
    import_lock.take(s)
    keyring.hold(s)
    settled, had, freed, refused = settle(s, rows, couples, merge=merge)
    if freed:
        free(s, freed)
    s.execute(text(f"CREATE TEMP TABLE incoming ({INCOMING}) ON COMMIT DROP"))
    new_ids = _new_ids(s, -min((one.owner for one in settled), default=0))

    def number(resident: int) -> int:
        return new_ids[-resident - 1] if resident < 0 else resident

    copy(s, settled, had, number)
    told = [
        Told(one.row.history, one.keys, number(one.owner), one.owner < 0)
        for one in settled
        if one.row.history is not None
    ]
    stored = _insert(s, now, ask, lambda: restore_consents(s, told, had))
    restore(s, told, had)
    return stored, refused


def couple_of(phone: str, email: str) -> Couple:
    return addresses.index(PHONE, phone), addresses.index(EMAIL, email)


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
    at = [(one.row.lon, one.row.lat) if one.row.has_place else (0.0, 0.0) for one in settled]
    sealed_points = points.seal_all(residents, [lon for lon, _ in at], [lat for _, lat in at])
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
            *(point if row.has_place else (None, None)),
            row.label,
            crypto.seal(row.address, SEALED_ADDRESS) if row.address else None,
            row.consent_at,
            row.consent_how or None,
            row.radius_m,
            row.consent_words,
            row.history.choices.since if row.history and row.history.choices else None,
        )


INCOMING = """
        line int, subscriber_id bigint, is_new bool, language text, topics text,
        phone_index bytea, phone_sealed bytea, email_index bytea, email_sealed bytea,
        point_sealed bytea, cell_index bytea, label text, place_sealed bytea, consent_at timestamptz, consent_how text,
        radius_m real, consent_words text, since timestamptz
"""
_TYPES = ["int4", "int8", "bool", "text", "text", "bytea", "bytea", "bytea", "bytea", "bytea", "bytea", "text",
          "bytea", "timestamptz", "text", "float4", "text", "timestamptz"]  # fmt: skip

# One row for each address in `incoming`.
GIVEN = f"""
    WITH given AS (
        SELECT subscriber_id, channel, address_index, address_sealed, consent_at, consent_how, consent_words
          FROM incoming, LATERAL (VALUES ('{PHONE}', phone_index, phone_sealed), ('{EMAIL}', email_index, email_sealed))
               AS a (channel, address_index, address_sealed)
         WHERE address_index IS NOT NULL
    )
"""  # noqa: S608


def _insert(s: Session, now: datetime, ask: bool, consented: Callable[[], int]) -> Stored:
    """Store what is in `incoming`. `consented`: stores other consents before, and returns how many of these it had."""

    def run(statement: str) -> int:
        done = s.execute(text(statement), {"now": now} if ":now" in statement else {})
        assert isinstance(done, CursorResult)  # noqa: S101  it is not a SELECT
        return done.rowcount

    run("ANALYZE incoming (subscriber_id, phone_index, email_index)")
    residents = run(_RESIDENTS)
    contacts = run(GIVEN + _CONTACTS)
    run(GIVEN + _VERIFY)
    consents = consented() + run(GIVEN + _CONSENTS)
    suppressed = s.execute(text(SUPPRESSED)).scalar_one()
    asked = run(GIVEN + _ASKS) if ask else 0
    return Stored(residents, contacts, run(_PLACES), run(_TOPICS), consents, suppressed, asked)


_RESIDENTS = """
    INSERT INTO subscribers (id, language, created_at) OVERRIDING SYSTEM VALUE
    SELECT DISTINCT ON (subscriber_id) subscriber_id, language, coalesce(since, CAST(:now AS timestamptz))
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
    INSERT INTO consents (contact_id, kind, at, how, words)
    SELECT c.id, 'opt-in', g.consent_at, g.consent_how, max(g.consent_words)
      FROM given g JOIN contacts c USING (channel, address_index)
      LEFT JOIN LATERAL (
           SELECT true AS noted FROM consents x
            WHERE x.contact_id = c.id AND x.kind = 'opt-in' AND x.topic IS NULL
              AND x.at = g.consent_at AND x.how = g.consent_how LIMIT 1) known ON true
     WHERE g.consent_at IS NOT NULL AND noted IS NULL GROUP BY c.id, g.consent_at, g.consent_how
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
# A new topic keeps the pause of all others.
_TOPICS = """
    INSERT INTO preferences (subscriber_id, topic, muted_until)
    SELECT i.subscriber_id, CAST(unnest(string_to_array(i.topics, ' ')) AS topic), pause.until
      FROM incoming i,
           LATERAL (SELECT CASE WHEN count(*) = 0
                                THEN (SELECT w.muted_until FROM choices w WHERE w.subscriber_id = i.subscriber_id)
                                WHEN bool_and(p.muted_until IS NOT NULL) THEN min(p.muted_until) END AS until
                      FROM preferences p WHERE p.subscriber_id = i.subscriber_id) pause
    ON CONFLICT DO NOTHING
"""
_PLACES = """
    INSERT INTO places (subscriber_id, label, point_sealed, cell_index, radius_m, address_sealed, created_at)
    SELECT subscriber_id, label, point_sealed, cell_index, radius_m, place_sealed, CAST(:now AS timestamptz)
      FROM incoming WHERE point_sealed IS NOT NULL ORDER BY line
    ON CONFLICT DO NOTHING
"""
# Counts what _PLACES would insert, for a dry run.
NEW_PLACES = """
    SELECT count(*) FROM (SELECT DISTINCT subscriber_id, point_sealed FROM incoming) i
     WHERE point_sealed IS NOT NULL AND NOT EXISTS (SELECT FROM places p
                        WHERE (p.subscriber_id, p.point_sealed) = (i.subscriber_id, i.point_sealed))
"""
SUPPRESSED = f"""
    SELECT count(*) FROM incoming i
     WHERE EXISTS (SELECT FROM suppressions s
                    WHERE s.topic IS NULL AND (s.channel, s.address_index) IN
                          (('{PHONE}', i.phone_index), ('{EMAIL}', i.email_index)))
"""  # noqa: S608

"""A city of a million residents with everything that years of use leave behind: zones, addresses, past alerts with
their deliveries, opt-outs, ledgers, questions, and places that somebody has to look up.

Written by SQL, as quickly as PostgreSQL takes it: its figures are about reading.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import shapely
from sqlalchemy import text

from notify.core import crypto, db
from notify.core.db import transaction
from notify.models import Lane
from notify.subscribers.homes import SEALED_ADDRESS
from tests.bench.installation import Installation
from tests.factories import square
from tests.factories import zone as keep_zone
from tests.owner import owning

ZONES = 50
SENT = 4  # routine alerts to everybody in these seven days
STREETS = 400
BATCHES = 200  # of each of them


@dataclass(frozen=True, slots=True)
class Million:
    """`area`: everybody lives in it. `fifth`: an approved routine alert to all of them, not launched yet."""

    residents: int
    first: int
    area: shapely.Geometry
    fifth: int


def build(city: Installation, residents: int, past: int) -> Million:
    """Add residents with a phone and a street address each, and `past` alerts, each with its own incident."""
    first, area = furnish(city, residents)
    now = datetime.now(UTC)
    fifth = city.approved(area, "sms", Lane.ROUTINE)
    for alert in range(SENT):
        _sent_to_all(city.approved(area, "sms", Lane.ROUTINE), now - timedelta(days=alert + 1))
    copy_alerts(city.approved(area, "sms"), past, now)
    with db.schema_connection() as connection:
        connection.execute("VACUUM ANALYZE")
    return Million(residents, first, area, fifth)


def furnish(city: Installation, residents: int) -> tuple[int, shapely.Geometry]:
    """Add zones, addresses and residents with all that is stored of them. Return the first one's id, and the area."""
    area = city.settle(residents, "sms")
    west, south, *_ = area.bounds
    now = datetime.now(UTC)
    with transaction() as s:
        for n in range(ZONES):
            keep_zone(s, f"Zone {n}", square(west + n % 10 * 0.01, south + n // 10 * 0.02, 0.01), now=now)
    streets = [crypto.seal(f"{100 + n} Street {n}", SEALED_ADDRESS) for n in range(STREETS)]
    with owning() as s:
        first: int = s.execute(text("SELECT min(id) FROM subscribers")).scalar_one()
        s.execute(text("SET LOCAL session_replication_role = replica"))
        values = {"now": now, "past": now - timedelta(days=730), "streets": streets, "west": west, "south": south}
        for statement in _OF_RESIDENTS:
            s.execute(text(statement), values)
    return first, area


def copy_alerts(alert: int, past: int, now: datetime, *, apart: bool = True) -> None:
    """Add `past` alerts that were sent, one each hour until now, like this one. `apart`: with an incident of their own
    each, else in that of this one."""
    with owning() as s:
        columns = s.scalars(
            text("""SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns
                     WHERE table_name = 'alerts' AND table_schema = current_schema() AND column_name <> 'id'
                       AND column_name NOT IN
                           ('incident_id', 'state', 'created_at', 'launched_at', 'finished_at', 'expires_at')""")
        ).one()
        s.execute(
            text(f"""
                WITH made AS (
                    INSERT INTO incidents (event, created_at)
                    SELECT 'storm', CAST(:now AS timestamptz) - n * interval '1 hour'
                      FROM generate_series(1, :past) AS n
                    RETURNING id, created_at AS at)
                INSERT INTO alerts ({columns}, incident_id, state, created_at, launched_at, finished_at, expires_at)
                SELECT {columns}, CASE WHEN :apart THEN made.id ELSE alerts.incident_id END, 'sent', made.at, made.at,
                       made.at, made.at + interval '30 minutes'
                  FROM made, alerts WHERE alerts.id = :alert"""),
            {"past": past, "alert": alert, "now": now, "apart": apart},
        )


def _sent_to_all(alert: int, at: datetime) -> None:
    """Have an alert sent to every contact, by SQL."""
    with owning() as s:
        s.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in _SENT:
            s.execute(text(statement), {"alert": alert, "at": at})


_SENT = (
    """UPDATE alerts SET state = 'sent', launched_at = :at, created_at = :at, finished_at = :at, fanout_done_at = :at,
              expires_at = CAST(:at AS timestamptz) + interval '1 hour' WHERE id = :alert""",
    f"""INSERT INTO batches (alert_id, channel, language, lane, sender_id, ordinal, size, state)
        SELECT :alert, 'sms', 'en', 'routine', 1, n, (SELECT count(*) / {BATCHES} FROM contacts), 'done'
          FROM generate_series(1, {BATCHES}) AS n""",
    f"""INSERT INTO deliveries
               (alert_id, contact_id, batch_id, sender_id, claimed_at, sent_at, settled_at, attempts, state)
        SELECT :alert, c.id, b.first + c.id * {BATCHES} / (c.last + 1), 1, :at, :at, :at, 1, 'delivered'
          FROM (SELECT id, max(id) OVER () AS last FROM contacts WHERE subscriber_id IS NOT NULL) AS c,
               (SELECT min(id) AS first FROM batches WHERE alert_id = :alert) AS b""",
)
# Each resident has been here for two years. One in five reads Spanish, one in a hundred has opted out, one in twenty
# has texted, and one in three was asked this year whether they still live there.
_OF_RESIDENTS = (
    "UPDATE subscribers SET created_at = :past, language = CASE WHEN id % 5 = 0 THEN 'es' ELSE 'en' END",
    f"""UPDATE places SET address_sealed = (CAST(:streets AS bytea[]))[1 + id % {STREETS}]""",
    """INSERT INTO consents (contact_id, kind, at, how, words)
       SELECT id, 'opt-in', :past, 'the web', 'Free from the city' FROM contacts WHERE subscriber_id IS NOT NULL""",
    """INSERT INTO suppressions (channel, address_index, reason, at)
       SELECT channel, address_index, CASE WHEN id % 200 = 0 THEN 'opt-out' ELSE 'invalid' END, :now
         FROM contacts WHERE id % 100 = 0""",
    """INSERT INTO address_ledger (channel, address_index, contact_id, at, act, reason, how)
       SELECT channel, address_index, id, :now, 'suppressed', 'opt-out', 'a text' FROM contacts WHERE id % 100 = 0""",
    """INSERT INTO inbound (provider, reference, address_index, meaning, received_at)
       SELECT 'twilio', 'SM' || id, address_index, 'help', CAST(:now AS timestamptz) - id % 300 * interval '1 day'
         FROM contacts WHERE id % 20 = 0""",
    """INSERT INTO address_checks (subscriber_id, contact_id, asked_at, answer, answered_at)
       SELECT subscriber_id, id, CAST(:now AS timestamptz) - id % 300 * interval '1 day',
              CASE WHEN id % 2 = 0 THEN 'same' END, CASE WHEN id % 2 = 0 THEN CAST(:now AS timestamptz) END
         FROM contacts WHERE subscriber_id IS NOT NULL AND id % 3 = 0""",
    """INSERT INTO direct_messages (kind, contact_id, step, channel, subject, text, state, made_at, settled_at)
       SELECT 'question', id, 1, 'sms', '', 'Still there?', 'accepted',
              CAST(:now AS timestamptz) - id % 30 * interval '1 day', :now
         FROM contacts WHERE subscriber_id IS NOT NULL AND id % 5 = 0""",
    f"""INSERT INTO address_points (source, number, street, lon, lat)
       SELECT 'the benchmark', 100 + n / {STREETS}, 'Street ' || n % {STREETS},
              CAST(:west AS float8) + n % 997 * 0.0001, CAST(:south AS float8) + n % 991 * 0.0001
         FROM generate_series(1, (SELECT count(*) / 3 FROM subscribers)) AS n""",
    """INSERT INTO place_checks (place_id, given_by, made_at)
       SELECT id, 'map', :now FROM places WHERE id % 500 = 0""",
)

"""Each kind of residents' data is gone after its time, and not before; the page /privacy states the same table."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from shapely.geometry import box
from sqlalchemy import text

from notify.core.db import transaction
from notify.operations.kept_data import KINDS, Kind
from notify.subscribers import holdings
from tests.database import sql
from tests.factories import NOW, operator, outage, resident
from tests.owner import as_owner

pytestmark = pytest.mark.usefixtures("database")
# Of no resident in particular.
OTHERS = {"sign_in_tries", "collection_feeds", "calls", "answer_searches", "city_requests"}

# How a row of each kind is made that is that old. `ends_at` of a conversation is its time.
MADE = {
    "joinings": """INSERT INTO joinings (token_hash, channel, address_sealed, language, words, made_at, code_ends_at)
                   VALUES ('x', 'sms', 'x', 'en', '', :at, :at)""",
    "direct_messages": """INSERT INTO direct_messages (kind, contact_id, step, channel, subject, text, state, made_at)
                          VALUES ('self-test', :contact, 1, 'sms', '', 'TEST', 'accepted', :at)""",
    "reminders": """INSERT INTO reminders (subscriber_id, kind, day, edition, true_in, said, places, made_at, until)
                    SELECT subscriber_id, 'evening', '2026-12-01', 1, 1, '[]', '{}', :at, :at
                      FROM contacts WHERE id = :contact""",
    "sealed_words": """WITH m AS (INSERT INTO direct_messages
                                         (kind, contact_id, step, channel, subject, text, state, made_at)
                                  VALUES ('calendar', :contact, 1, 'email', '', '', 'accepted', :at) RETURNING id)
                       INSERT INTO sealed_words (message_id, channel, kept_sealed) SELECT id, 'email', 'x' FROM m""",
    "outage_reports": """INSERT INTO outage_reports
                         SELECT o.id, c.subscriber_id, :at, :at, NULL, 1, 1
                           FROM outages o, contacts c WHERE c.id = :contact""",
    "conversations": """INSERT INTO conversations (channel, address_index, changed_at, ends_at)
                        VALUES ('sms', 'x', :at, :at)""",
    "inbound": """INSERT INTO inbound (provider, reference, address_index, meaning, received_at)
                  VALUES ('twilio', 'SM1', 'x', 'stop', :at)""",
    "receipts": """INSERT INTO receipts (provider, code, reference, event_key, suppress, received_at, applied_at)
                   VALUES ('twilio', '', '', '', '', :at, :at)""",
    "collection_feeds": """INSERT INTO collection_feeds (token_hash, address_sealed, language, made_at, revoked_at)
                           VALUES ('x', '', 'en', :at, :at)""",
    "answer_searches": """INSERT INTO answer_searches (words, language, day, count)
                          VALUES ('x', 'en', CAST(CAST(:at AS timestamptz) AT TIME ZONE 'America/New_York' AS date), 1)
                          """,
    "city_requests": """INSERT INTO city_requests
                               (form, service_code, service, address_sealed, state, made_at, settled_at, made_by)
                        SELECT gen_random_uuid(), '1', 'Pothole', 'x', 'filed', :at, :at, max(id) FROM operators""",
    "calls": "INSERT INTO calls (form, reason, at) VALUES (gen_random_uuid(), 'pothole', :at)",
    "sign_in_tries": "INSERT INTO sign_in_tries (kind, who, level, at) VALUES ('join-city', sha256('x'), 1, :at)",
}
OF_DAYS = {"answer_searches"}  # whose rows have the date and not the time
DELETED = [kind for kind in KINDS if kind.forget is not None]


def test_every_table_with_something_of_a_resident_has_a_time() -> None:
    named = [table for kind in KINDS for table in kind.tables]
    assert len(named) == len(set(named))
    assert set(named) == {*holdings.HELD, *holdings.LEFT_OUT, *OTHERS}
    assert all(bool(kind.kept) != bool(kind.until) for kind in KINDS), "a span or words, not both"
    assert {table for kind in DELETED for table in kind.tables} == set(MADE)


@pytest.mark.parametrize("kind", DELETED, ids=lambda kind: kind.tables[0])
def test_it_is_gone_after_its_time_and_not_before(kind: Kind) -> None:
    (table,) = kind.tables
    kept = kind.kept() if kind.kept else timedelta(0)
    made(table, NOW - kept + timedelta(seconds=1))
    run(kind.forget)
    assert rows(table) == 1
    made_older(table, kept)
    run(kind.forget)
    assert rows(table) == 0


def test_a_calendar_that_goes_on_is_kept() -> None:
    made("collection_feeds", NOW - timedelta(days=4000))
    as_owner("UPDATE collection_feeds SET revoked_at = NULL")
    (kind,) = [one for one in KINDS if "collection_feeds" in one.tables]
    run(kind.forget)
    assert rows("collection_feeds") == 1


def test_a_report_that_is_not_used_up_is_kept() -> None:
    made("receipts", NOW - timedelta(days=400))
    as_owner("UPDATE receipts SET applied_at = NULL")
    (kind,) = [one for one in KINDS if "receipts" in one.tables]
    run(kind.forget)
    assert rows("receipts") == 1


def made(table: str, at: datetime) -> None:
    with transaction() as s:
        operator(s, now=NOW)
        outage(s, box(0, 0, 1, 1), now=NOW)
        s.execute(
            text("""INSERT INTO collection_editions (number, published_at, note)
                          VALUES (1, now(), '') ON CONFLICT DO NOTHING""")
        )
        s.execute(
            text(MADE[table]), {"at": at, "contact": resident(s).sms} if ":contact" in MADE[table] else {"at": at}
        )


def made_older(table: str, kept: timedelta) -> None:
    as_owner(f"DELETE FROM {table}")
    made(table, NOW - kept - (timedelta(days=1) if table in OF_DAYS else timedelta(seconds=1)))


def run(forget: Callable[..., None] | None) -> None:
    assert forget is not None
    with transaction() as s:
        forget(s, NOW)


def rows(table: str) -> int:
    return int(sql(f"SELECT count(*) FROM {table}")[0][0])

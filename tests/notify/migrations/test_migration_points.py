"""Places from before points were sealed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
import pytest
from alembic import command
from sqlalchemy import text

from notify import migrations
from notify.audience.live_count import LiveCount
from notify.core import crypto, points
from notify.core.db import transaction
from notify.core.errors import Refused, Unavailable, WrongKey
from notify.core.settings import settings
from tests.conftest import SECRET_KEY
from tests.factories import NOW, homes, resident, square
from tests.notify.core.test_keyring import OTHER, use_keys
from tests.owner import owning
from zones.membership import Membership

BEFORE = """
    ALTER TABLE places ADD COLUMN lon double precision CHECK (lon BETWEEN -180 AND 180),
                       ADD COLUMN lat double precision CHECK (lat BETWEEN -90 AND 90);
    UPDATE places p SET lon = x.lon, lat = x.lat
      FROM unnest(CAST(:ids AS bigint[]), CAST(:lon AS float8[]), CAST(:lat AS float8[])) AS x (id, lon, lat)
     WHERE x.id = p.id;
    ALTER TABLE places DROP COLUMN point_sealed, DROP COLUMN cell_index,
                       ALTER COLUMN lon SET NOT NULL, ALTER COLUMN lat SET NOT NULL,
                       ADD UNIQUE (subscriber_id, lon, lat);
    CREATE INDEX places_lon_lat ON places (lon, lat) INCLUDE (subscriber_id, radius_m);
    UPDATE alembic_version SET version_num = '0027';
"""
SCHEMA = """
    SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute
     WHERE attrelid = 'places'::regclass AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT conname, pg_get_constraintdef(oid), true FROM pg_constraint WHERE conrelid = 'places'::regclass
    UNION ALL SELECT indexname, indexdef, true FROM pg_indexes WHERE tablename = 'places'
    UNION ALL SELECT tgname, tgenabled::text, true FROM pg_trigger
               WHERE tgrelid = 'places'::regclass AND NOT tgisinternal
    ORDER BY 1, 2
"""


def sql(statement: str, **values: Any) -> list[Any]:
    with owning() as s:
        result = s.execute(text(statement), values)
        return list(result) if result.returns_rows else []


def take_back(at: Sequence[tuple[float, float]]) -> None:
    """To the schema before, with these coordinates in clear."""
    ids = [row.id for row in sql("SELECT id FROM places ORDER BY id")]
    with owning() as s:
        for statement in BEFORE.strip().split(";\n"):
            values = {"ids": ids, "lon": [lon for lon, _ in at], "lat": [lat for _, lat in at]}
            s.execute(text(statement), values if ":ids" in statement else {})


def file_of_places() -> bytes:
    sql("CHECKPOINT")
    file: bytes = sql("SELECT pg_read_binary_file(pg_relation_filepath('places')) AS content")[0].content
    assert file
    return file


def migrate() -> None:
    command.upgrade(migrations._config(), "0028")


def test_places_keep_where_they_are_to_a_centimetre(own_database: str) -> None:
    rng = np.random.default_rng(1)
    at = [(float(lon), float(lat)) for lon, lat in rng.uniform(0.01, 0.99, (60, 2))]
    with transaction() as s:
        for n in range(0, 60, 3):
            resident(s, at=at[n : n + 3])
        s.execute(text("UPDATE places SET label = 'home ' || id, radius_m = id"))
    schema, before = sql(SCHEMA), sql("SELECT id, subscriber_id, label, radius_m FROM places ORDER BY id")
    take_back(at)
    sql("DELETE FROM resident_changes")
    migrate()
    assert sql(SCHEMA) == schema
    assert sql("SELECT id, subscriber_id, label, radius_m FROM places ORDER BY id") == before
    with transaction() as s:
        assert np.abs(np.array(homes(s)) - np.array(at)).max() <= 0.500001e-7
        for (lon, lat), row in zip(at, s.execute(text("SELECT * FROM places ORDER BY id")), strict=True):
            assert (row.point_sealed, row.cell_index) == points.seal(row.subscriber_id, lon, lat)
    counted = LiveCount(("en", "es"))
    assert counted.count(Membership(square(0, 0)), "storm", ["sms"], NOW).residents == 20
    with transaction() as s:  # the triggers that tell of changes are there again
        resident(s)
    assert counted.count(Membership(square(0, 0)), "storm", ["sms"], NOW).residents == 21


def test_what_lay_in_clear_is_not_in_the_tables_file_any_more(own_database: str) -> None:
    """A column that is dropped only stays in every row."""
    with transaction() as s:
        resident(s, at=[(0.123, 0.456)])
    take_back([(0.123, 0.456)])
    assert np.array([0.123, 0.456]).tobytes() in file_of_places()
    migrate()
    for number in (0.123, 0.456):
        assert np.array(number).tobytes() not in file_of_places()


def test_two_places_of_a_resident_that_are_one_now_reach_as_far_as_either(own_database: str) -> None:
    close = [(0.5, 0.5), (0.5 + 2e-8, 0.5), (0.5 - 1e-8, 0.5), (0.6, 0.5)]
    with transaction() as s:
        resident(s, at=[(0.1 * n, 0.1) for n in range(4)])
        resident(s, at=[(0.5, 0.5)])
        s.execute(text("UPDATE places SET radius_m = 10 * id"))
    take_back([*close, (0.5, 0.5)])
    migrate()
    with transaction() as s:
        assert homes(s) == [(0.5, 0.5), (0.6, 0.5), (0.5, 0.5)]
    assert [row.radius_m for row in sql("SELECT radius_m FROM places ORDER BY id")] == [30, 40, 50]


def test_another_key_is_refused_and_nothing_changes(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction() as s:
        resident(s)
    take_back([(0.5, 0.5)])
    for key, refused in ((OTHER, WrongKey), ("", Unavailable)):
        use_keys(monkeypatch, key)
        with pytest.raises(refused, match="SECRET_KEY"):
            migrate()
    use_keys(monkeypatch, SECRET_KEY)
    assert [(row.lon, row.lat) for row in sql("SELECT lon, lat FROM places")] == [(0.5, 0.5)]
    sql("DELETE FROM key_ring")  # as in a database from before there was one
    use_keys(monkeypatch, OTHER)
    with pytest.raises(WrongKey):
        migrate()
    use_keys(monkeypatch, SECRET_KEY)
    migrate()
    with transaction() as s:
        assert homes(s) == [(0.5, 0.5)]
    assert sql("SELECT fingerprint FROM key_ring")[0].fingerprint == crypto.fingerprint(SECRET_KEY.encode())


def test_an_empty_database_needs_no_key(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    take_back([])
    monkeypatch.delenv("TOCSIN_SECRET_KEY")
    settings.cache_clear()
    crypto.forget_keys()
    migrate()
    monkeypatch.setenv("TOCSIN_SECRET_KEY", SECRET_KEY)
    settings.cache_clear()
    with transaction() as s:
        resident(s)
        assert homes(s) == [(0.5, 0.5)]


@pytest.mark.parametrize("killed", [True, False])
def test_a_rotation_ends_before(own_database: str, killed: bool) -> None:
    with transaction() as s:
        resident(s)
    take_back([(0.5, 0.5)])
    with psycopg.connect(own_database, autocommit=True) as other:
        if killed:
            sql("UPDATE key_ring SET next = :key", key=crypto.fingerprint(OTHER.encode()))
        else:
            other.execute("SELECT pg_advisory_lock(7461004)")
        with pytest.raises(Refused, match="is being replaced"):
            migrate()
    sql("UPDATE key_ring SET next = NULL")
    migrate()

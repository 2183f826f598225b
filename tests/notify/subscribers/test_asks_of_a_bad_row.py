"""One row that PostgreSQL refuses keeps nobody else from being asked (law 15); an alarm names it."""

from datetime import timedelta

from sqlalchemy import text

from notify.core import alarms, crypto
from notify.core.db import transaction
from notify.subscribers import address_checks, import_asks
from tests import texting
from tests.database import sql
from tests.factories import NOW, resident
from tests.owner import refuse


def rung() -> list[str]:
    return [one.kind for one in sql("SELECT kind FROM alarms")]


def test_contacts_of_an_import(own_database: str) -> None:
    texting.town(NOW)
    with transaction() as s:
        first, *_others = [resident(s, verified=False, now=NOW) for _ in range(3)]
        s.execute(
            text("INSERT INTO import_asks SELECT id, :now FROM contacts WHERE subscriber_id IS NOT NULL"), {"now": NOW}
        )
    refuse("direct_messages", f"NEW.contact_id = {first.sms}", act="INSERT")
    with transaction() as s:
        assert import_asks.work(s, NOW) == 2
    assert sql("SELECT count(*) AS n FROM direct_messages")[0].n == 2
    assert rung() == [alarms.REFUSED_ROW]


def test_residents_who_may_have_moved(own_database: str) -> None:
    texting.town(NOW)
    with transaction() as s:
        first, *_others = [resident(s, now=NOW - timedelta(days=400)) for _ in range(3)]
        s.execute(text("UPDATE places SET address_sealed = :a"), {"a": crypto.seal("120 Main St", "address")})
    refuse("address_checks", f"NEW.subscriber_id = {first.id}", act="INSERT")
    with transaction() as s:
        assert address_checks.ask_due(s, NOW, 10) == 2
    assert rung() == [alarms.REFUSED_ROW]

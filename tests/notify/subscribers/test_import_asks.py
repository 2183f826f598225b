"""An import without a consent asks once, a few at a time and by day, and nobody who has left."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.delivery import sender_pool
from notify.subscribers import import_asks, import_csv, opt_out, serving
from notify.subscribers.importing import ImportReport
from tests.database import sql
from tests.factories import NOW, operator, sender
from tests.notify.subscribers.test_importing import lines, row

pytestmark = pytest.mark.usefixtures("database")
UNKNOWN = {"consent_at": "", "consent_how": "", "email": ""}


@pytest.fixture(autouse=True)
def _a_city_that_sends(database: str) -> None:
    with transaction() as s:
        sender(s)
        sender(s, "sendgrid")
    sender_pool.read_anew()


def phone(n: int) -> str:
    return f"+1215555{n:04}"


def take(*rows: dict[str, str], ask: bool = True, dry_run: bool = False) -> ImportReport:
    return import_csv(lines(*rows), NOW, ask=ask, dry_run=dry_run)


def people(count: int) -> Sequence[dict[str, str]]:
    return [row(phone=phone(n), **UNKNOWN) for n in range(count)]


def work(now: datetime = NOW) -> int:
    with transaction() as s:
        return import_asks.work(s, now)


def end(state: str, reason: str = "") -> None:
    sql("UPDATE direct_messages SET state = :state, reason = :reason, settled_at = :now"
        " WHERE state IN ('waiting', 'claimed')", state=state, reason=reason, now=NOW)  # fmt: skip


def messages() -> int:
    return int(sql("SELECT count(*) AS n FROM direct_messages")[0].n)


def test_only_who_came_without_a_consent_is_asked_and_only_on_demand() -> None:
    take(*people(3), ask=False)
    assert work() == 0
    report = take(*people(3), row(phone=phone(50), email=""))
    assert report.new.to_ask == 3
    assert work() == 3
    assert {one.kind for one in sql("SELECT kind FROM direct_messages")} == {"question"}
    assert sql("SELECT count(*) AS n FROM contacts WHERE verified_at IS NOT NULL")[0].n == 1, "nobody is verified by it"


def test_a_dry_run_says_how_many_would_be_asked() -> None:
    take(*people(2), ask=False)
    assert take(*people(4), dry_run=True).new.to_ask == 4
    assert take(*people(4), dry_run=True, ask=False).new.to_ask == 0
    assert work() == 0


def test_a_portion_at_a_time_and_the_next_once_it_is_out() -> None:
    take(*people(import_asks.PORTION + 5))
    assert work() == import_asks.PORTION
    assert work() == 0
    end("accepted")
    assert work() == 5


@pytest.mark.parametrize(("hour", "asked"), [(3, 0), (8, 0), (9, 1), (19, 1), (20, 0), (23, 0)])
def test_by_day_only(hour: int, asked: int) -> None:
    take(*people(1))
    noon = NOW  # in New York
    assert work(noon + timedelta(hours=hour - 12)) == asked


def test_once_ever_and_only_what_went_out_counts() -> None:
    take(*people(1))
    work()
    assert sql("SELECT asked_at FROM contacts")[0].asked_at is None
    end("failed", "too-late")
    assert work() == 1, "it was not sent, so it is tried again"
    end("accepted")
    work()
    assert sql("SELECT asked_at FROM contacts")[0].asked_at == NOW
    assert take(*people(1)).new.to_ask == 0
    assert work(NOW + timedelta(days=400)) == 0
    assert messages() == 2


def test_what_may_have_gone_out_is_not_sent_again_and_a_refusal_is_final() -> None:
    take(*people(2))
    work()
    sql("UPDATE direct_messages SET state = 'unknown' WHERE id = (SELECT min(id) FROM direct_messages)")
    sql("UPDATE direct_messages SET state = 'failed', reason = '30006' WHERE state = 'waiting'")
    assert work() == 0
    assert sql("SELECT count(*) AS n FROM import_asks")[0].n == 0
    assert sql("SELECT count(*) AS n FROM contacts WHERE asked_at IS NOT NULL")[0].n == 1


def test_who_has_left_is_never_asked_also_if_they_leave_while_they_wait() -> None:
    with transaction() as s:
        opt_out(s, "sms", phone(0), how="STOP", now=NOW)
    take(*people(3))
    with transaction() as s:
        opt_out(s, "sms", phone(1), how="STOP", now=NOW)
    assert work() == 1


def test_who_is_erased_is_not_asked() -> None:
    take(*people(1))
    with transaction() as s:
        serving.erase(s, sql("SELECT id FROM subscribers")[0].id, NOW, operator(s, "agent"))
    assert work() == 0
    assert not sql("SELECT 1 FROM import_asks")


def test_the_email_has_a_link_and_the_text_asks_for_yes_in_the_language_of_the_resident() -> None:
    take(row(phone="", email="ana@example.org", language="es", consent_at="", consent_how=""))
    assert work() == 1
    (one,) = sql("SELECT channel, subject, text FROM direct_messages")
    assert "{place}" in one.text
    assert "lista antigua" in one.text
    take(*people(1))
    work()
    assert "YES" in sql("SELECT text FROM direct_messages WHERE channel = 'sms'")[0].text


def test_columns_that_another_vendor_calls_otherwise_are_mapped() -> None:
    given = [one.replace("phone,", "Mobile Phone,", 1) for one in lines(row(email=""))[:1]] + lines(row(email=""))[1:]
    with pytest.raises(Invalid):
        import_csv(given, NOW)
    assert import_csv(given, NOW, called={"Mobile Phone": "phone"}).kept == 1
    with pytest.raises(Invalid, match="no column 'mobil'"):
        import_csv(given, NOW, called={"mobil": "phone"})
    with pytest.raises(Invalid, match="no column 'telefon'"):
        import_csv(given, NOW, called={"Mobile Phone": "telefon"})

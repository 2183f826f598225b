"""Readers of a notice are taken in in batches: whoever kills that between two of them, each is reminded once."""

import subprocess
import sys

import pytest
from sqlalchemy import text

from notify.core.db import transaction
from notify.service311.reminders import readers, wishes
from notify.subscribers import consent
from tests.database import sql
from tests.notify.service311.reminders.evenings import remind
from tests.notify.service311.reminders.test_readers import EVENING, person, publish, reminded
from tests.notify.service311.reminders.test_readers import zones as zones
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("database", "zones")

BEGIN = f"""
from datetime import datetime
from notify.service311.reminders import readers
readers.AT_ONCE = 2
readers.begin(datetime.fromisoformat("{EVENING.isoformat()}"))
"""


def taken_in() -> int:
    return int(sql("SELECT count(*) FROM reminder_wishes")[0][0])


def test_a_kill_between_two_batches_loses_nobody_and_reminds_nobody_twice() -> None:
    people = [person() for _ in range(6)]
    publish()
    with transaction() as s:  # the second batch waits for this resident
        s.execute(text("SELECT FROM subscribers WHERE id = :id FOR UPDATE"), {"id": people[3].id})
        with subprocess.Popen([sys.executable, "-c", BEGIN]) as process:
            try:
                until(lambda: taken_in() == 2, 60, "the first batch is committed")
            finally:
                process.kill()
    with transaction() as s:
        assert wishes.stop(s, people[0].id, EVENING)
        wishes.wish(s, people[2].id, 20, "sms", EVENING, how=consent.BY_WEB)
    assert remind(EVENING) == 1, "of the two who are in, one has refused meanwhile"
    until(lambda: readers.begin(EVENING) or taken_in() == 6, 60, "the others are taken in")
    assert sql("SELECT count(*) FROM collection_notices WHERE reminded_day IS NULL") == [(0,)]
    assert remind(EVENING) == 3
    assert remind(EVENING) == 0
    assert sorted(reminded()) == sorted([people[n].id for n in (1, 3, 4, 5)])
    assert sql("SELECT hour FROM reminder_wishes WHERE until_day IS NULL") == [(20,)], "their own wish stays"


def test_a_text_is_chosen_before_an_email_in_whatever_batch_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "AT_ONCE", 1)
    both = person(email="ana@example.org")
    mail = person(phone=None, email="ben@example.org")
    publish()
    assert readers.begin(EVENING) == 2
    assert sorted(sql("SELECT subscriber_id, channel FROM reminder_wishes")) == [(both.id, "sms"), (mail.id, "email")]

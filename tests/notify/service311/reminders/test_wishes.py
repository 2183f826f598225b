"""A resident asks for reminders, changes their mind, and stops."""

from datetime import date, timedelta

import pytest

from notify.core.db import transaction
from notify.core.errors import Invalid, NotFound, Refused
from notify.models import Topic
from notify.service311.reminders import wishes
from notify.service311.reminders.wishes import Wish
from notify.subscribers import consent, holdings, serving
from tests.database import sql
from tests.factories import resident
from tests.notify.service311.days import NOW, settle

pytestmark = pytest.mark.usefixtures("database")

HOW = consent.BY_WEB
AFTER_SIX = NOW.replace(hour=23, minute=30)  # 18:30 in the city


def test_a_wish_is_kept_with_the_words_that_were_agreed_to_and_changed_and_ended() -> None:
    settle()
    with transaction() as s:
        ana = resident(s, email="ana@example.org", language="es")
        assert wishes.channels(s, ana.id) == ("sms", "email")
        assert wishes.of(s, ana.id) is None
        assert wishes.wish(s, ana.id, 18, "sms", NOW, how=HOW) == Wish(18, "sms", NOW)
    ((contact, kind, topic, how, words),) = sql(
        "SELECT contact_id, kind, topic::text, how, words FROM consents WHERE topic IS NOT NULL"
    )
    assert (contact, kind, topic, how) == (ana.sms, "opt-in", "collection", HOW)
    assert "6:00 pm" in words
    assert "STOP" in words
    with transaction() as s:
        later = NOW + timedelta(hours=9)
        assert wishes.wish(s, ana.id, 20, "email", later, how=HOW, agreed="As you like") == Wish(20, "email", NOW)
        assert wishes.of(s, ana.id) == Wish(20, "email", NOW), "since the first time"
        assert holdings.read(s, ana.id, NOW)["reminder_wishes"][0]["hour"] == 20
    assert sql("SELECT words FROM consents ORDER BY id DESC LIMIT 1") == [("As you like",)]
    with transaction() as s:
        assert wishes.stop(s, ana.id, NOW)
        assert not wishes.stop(s, ana.id, NOW)
        assert wishes.of(s, ana.id) is None


@pytest.mark.parametrize(("now", "seen"), [(NOW, 16), (AFTER_SIX, 17)], ids=["before the hour", "after it"])
def test_who_asks_after_the_hour_is_first_reminded_the_next_day(now, seen) -> None:  # type: ignore[no-untyped-def]
    settle()
    with transaction() as s:
        wishes.wish(s, resident(s).id, 18, "sms", now, how=HOW)
    assert sql("SELECT seen_day, seen_edition FROM reminder_wishes") == [(date(2026, 11, seen), 1)]


def test_it_needs_an_hour_a_channel_and_a_contact_that_may_be_written_to() -> None:
    with transaction() as s:
        ben = resident(s)
        for hour, channel in ((11, "sms"), (24, "sms"), (18, "mastodon")):
            with pytest.raises(Invalid):
                wishes.wish(s, ben.id, hour, channel, NOW, how=HOW)
        with pytest.raises(Refused, match="email"):
            wishes.wish(s, ben.id, 18, "email", NOW, how=HOW)
        unproven = resident(s, verified=False)
        with pytest.raises(Refused, match="phone"):
            wishes.wish(s, unproven.id, 18, "sms", NOW, how=HOW)
        consent.opt_out(s, "sms", ben.phone, how="a test", now=NOW, topic=Topic.COLLECTION)
        with pytest.raises(Refused):
            wishes.wish(s, ben.id, 18, "sms", NOW, how=HOW)
        serving.erase(s, ben.id, NOW, None)
        with pytest.raises(NotFound):
            wishes.wish(s, ben.id, 18, "sms", NOW, how=HOW)

"""Who has a notice sees when they will be reminded of it, and refuses before that."""

from datetime import date, timedelta

import pytest

from notify.core.db import transaction
from notify.service311.desk import card
from notify.service311.reminders import next_evenings, readers, wishes
from notify.subscribers import choices, consent, holdings
from tests.database import sql
from tests.factories import Resident, operator
from tests.notify.service311.days import NORTH, NOW, SOUTH, THANKSGIVING
from tests.notify.service311.reminders.evenings import at, wishing
from tests.notify.service311.reminders.test_readers import EVENING, LAST_WEEK, evening, left, opted_out, person, publish
from tests.notify.service311.reminders.test_readers import zones as zones

pytestmark = pytest.mark.usefixtures("database", "zones")

DAY_AFTER = LAST_WEEK + timedelta(days=1)


def shown(who: Resident, now: object = DAY_AFTER) -> tuple[date, ...]:
    with transaction() as s:
        return next_evenings.of(s, who.id, now)  # type: ignore[arg-type]


def test_a_reader_sees_the_evening_from_the_moment_they_have_the_notice_until_it_has_come() -> None:
    ana, south = person(), person([SOUTH])
    assert shown(ana) == ()
    publish(told=False)
    assert shown(ana) == (), "it has not reached them"
    sql("UPDATE deliveries SET state = 'accepted' WHERE state IN ('queued', 'held')")
    assert shown(ana) == (THANKSGIVING,)
    assert shown(south) == (), "nothing changes there"
    assert shown(ana, EVENING - timedelta(minutes=1)) == (THANKSGIVING,)
    assert evening() == 1
    assert shown(ana, EVENING) == (), "the wish says it from now on"


def test_nothing_is_shown_that_does_not_come() -> None:
    ana, ben, eve, own = person(), person(), person(), wishing(NORTH)
    publish()
    left(ana)
    opted_out(ben)
    assert [shown(one) for one in (ana, ben, own)] == [(), (), ()]
    assert shown(eve) == (THANKSGIVING,)
    publish_today = at(THANKSGIVING, 9)
    sql("UPDATE alerts SET state = 'cancelled'")
    assert shown(eve) == ()
    assert shown(eve, publish_today) == ()


def test_an_evening_that_is_muted_is_not_shown() -> None:
    ana = person()
    publish()
    for until, seen in ((EVENING + timedelta(hours=1), ()), (EVENING - timedelta(hours=1), (THANKSGIVING,))):
        with transaction() as s:
            choices.pause(s, ana.id, until)
        assert shown(ana) == seen
    with transaction() as s:
        choices.pause(s, ana.id, EVENING + timedelta(hours=1))
    evening()
    assert sql("SELECT count(*) FROM reminders") == [(0,)], "nor does it come"


def test_a_notice_of_the_evenings_own_day_has_no_reminder() -> None:
    ana = person()
    publish(EVENING - timedelta(hours=10))
    assert shown(ana, EVENING - timedelta(hours=5)) == ()


def test_who_refuses_before_the_evening_is_not_reminded_and_sees_that() -> None:
    ana, ben = person(), person()
    publish()
    with transaction() as s:
        assert not wishes.refused(s, ana.id)
        wishes.stop(s, ana.id, DAY_AFTER)
        assert wishes.refused(s, ana.id)
        assert not wishes.refused(s, ben.id)
        known = card.show(s, ana.id, DAY_AFTER, operator(s, role="agent"))
        assert (known.evenings, known.no_reminders, known.reminded) == ((), True, None)
    assert shown(ana) == ()
    readers.begin(EVENING)
    assert sql("SELECT subscriber_id FROM reminder_wishes WHERE until_day > '2000-01-01'") == [(ben.id,)]


def test_the_copy_of_their_data_says_that_they_refused() -> None:
    ana = person()
    with transaction() as s:
        wishes.stop(s, ana.id, NOW)
        (kept,) = holdings.read(s, ana.id, NOW)["reminder_wishes"]
        assert kept == {"subscriber_id": ana.id, "refused": "no reminders of collections, until you ask for them"}
        wishes.wish(s, ana.id, 19, "sms", NOW, how=consent.BY_WEB)
        (kept,) = holdings.read(s, ana.id, NOW)["reminder_wishes"]
        assert (kept["hour"], kept["until_day"], kept["seen_day"].year) == (19, None, NOW.year)

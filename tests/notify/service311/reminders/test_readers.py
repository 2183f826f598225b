"""Who has a notice is reminded the evening before each day that it changes, once; and nobody else is."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.alerts import lifecycle
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import sender_pool
from notify.delivery.direct_conditions import NEEDED
from notify.models import Topic
from notify.models.reminder import NEVER
from notify.operations import kept_data
from notify.service311 import calendars
from notify.service311.notices import acts
from notify.service311.reminders import late, news, readers, wishes
from notify.service311.reminders.aside import Aside
from notify.service311.reminders.wishes import Wish
from notify.subscribers import consent, own, serving
from tests.database import sql
from tests.factories import Resident, operator, resident, resolve, sender
from tests.notify.service311.days import NORTH, NOW, SOUTH, THANKSGIVING, settle, suspend
from tests.notify.service311.reminders.evenings import at, remind, wishing

pytestmark = pytest.mark.usefixtures("database")

HOLIDAY = f"{THANKSGIVING} Thanksgiving Day"
NEW_DAY = THANKSGIVING + timedelta(days=1)  # of those in the north
EVENING = at(THANKSGIVING, readers.HOUR)
LAST_WEEK = at(THANKSGIVING - timedelta(days=7), 10)


@pytest.fixture
def zones(database: object, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    for name, value in (("TWILIO_ACCOUNT_SID", "AC" + "0" * 32), ("TWILIO_AUTH_TOKEN", "t"), ("SENDGRID_API_KEY", "k")):
        monkeypatch.setenv(f"TOCSIN_{name}", value)
    settings.cache_clear()
    ids = settle()
    with transaction() as s:
        sender(s)
        sender(s, "sendgrid")
    sender_pool.read_anew()
    return ids


def person(at: Sequence[tuple[float, float]] = (NORTH,), **given: object) -> Resident:
    with transaction() as s:
        return resident(s, at=at, topics=("collection",), now=NOW, **given)


def publish(now: datetime = LAST_WEEK, *, told: bool = True, remind: bool = True) -> int:
    """Publish the notice of Thanksgiving; return its alert. `told`: everybody who should has it."""
    with transaction() as s:
        by, edition = operator(s), calendars.current(s)
    assert edition is not None
    channels = ["sms", "email"]
    published = acts.publish_holiday(HOLIDAY, edition.number, channels, None, by, now, settings(), remind=remind)
    assert published.waiting == ""
    resolve(published.alert.id, now)
    if told:
        with transaction() as s:
            s.execute(text("UPDATE deliveries SET state = 'accepted' WHERE state IN ('queued', 'held')"))
    return published.alert.id


def evening(now: datetime = EVENING) -> int:
    readers.begin(now)
    return remind(now)


def reminded() -> list[int]:
    return [row[0] for row in sql("SELECT subscriber_id FROM reminders WHERE kind = 'evening' ORDER BY id")]


def words(channel: str = "sms") -> list[str]:
    told = "SELECT text FROM direct_messages WHERE kind = 'reminder' AND channel = :channel ORDER BY id"
    return [row[0] for row in sql(told, channel=channel)]


@pytest.mark.usefixtures("zones")
def test_a_notice_is_repeated_the_evening_before_the_new_day_to_those_who_have_it() -> None:
    ana, _south, ben = person(email="ana@example.org"), person([SOUTH]), person([NORTH, SOUTH], language="es")
    publish()
    assert evening(EVENING - timedelta(days=1)) == 0, "of the usual day nothing comes"
    assert evening(EVENING - timedelta(minutes=1)) == 0
    assert evening() == 2
    assert sorted(reminded()) == sorted([ana.id, ben.id])
    english, spanish = sorted(words(), reverse=True)
    assert english == (
        "Tocsin city alerts: tomorrow, Fri, Nov 27: recycling (moved from Thu, Nov 26, set out by 6:00 AM), trash"
        " (moved from Thu, Nov 26, set out today from 6:00 PM) at {place1}. Edition 1. Reply REMIND OFF to end."
    )
    assert "RECORDAR NO" in spanish
    assert evening(EVENING + timedelta(hours=1)) == 0, "once"
    assert evening(EVENING + timedelta(days=1)) == 0, "and only of what the notice says"
    assert evening(at(THANKSGIVING + timedelta(days=3))) == 0, "Monday is as usual"


@pytest.mark.usefixtures("zones")
def test_only_its_readers_are_taken_in_and_once() -> None:
    ana = person()
    alert = publish()
    later = person()
    with transaction() as s:  # another alert, which they have
        s.execute(
            text("""INSERT INTO deliveries (alert_id, contact_id, batch_id, sender_id, claimed_at, sent_at, state)
                    SELECT :other, :contact, batch_id, sender_id, claimed_at, sent_at, state
                      FROM deliveries LIMIT 1"""),
            {"other": alert + 1, "contact": later.sms},
        )
    assert (readers.begin(EVENING), readers.begin(EVENING)) == (1, 0)
    assert sql("SELECT subscriber_id FROM reminder_wishes") == [(ana.id,)]


@pytest.mark.usefixtures("zones")
def test_what_an_earlier_notice_left_does_not_choose_the_channel() -> None:
    ana = person(email="ana@example.org")
    with transaction() as s:
        wishes.wish(s, ana.id, 20, "email", NOW, how=consent.BY_WEB)
        s.execute(text("UPDATE reminder_wishes SET until_day = '2026-11-20'"))  # the last notice went by email alone
    publish()
    assert evening() == 1
    assert sql("SELECT hour, channel, until_day FROM reminder_wishes") == [(readers.HOUR, "sms", NEW_DAY)]


@pytest.mark.usefixtures("zones")
def test_what_is_as_usual_is_not_repeated() -> None:
    person()
    publish()
    readers.begin(EVENING)
    with transaction() as s:  # as another notice would, of later days
        s.execute(text("UPDATE reminder_wishes SET until_day = :day"), {"day": THANKSGIVING + timedelta(days=9)})
    assert evening(at(THANKSGIVING + timedelta(days=3))) == 0, "trash on Monday"


@pytest.mark.usefixtures("zones")
def test_an_email_says_why_it_comes() -> None:
    person(phone=None, email="ana@example.org")
    publish()
    assert evening() == 1
    (letter,) = words("email")
    assert "because a notice to you changed a collection day" in " ".join(letter.split())
    assert "you asked to be reminded" not in letter


def cancelled() -> None:
    alert = publish()
    with transaction() as s:
        lifecycle.cancel(s, alert, None, LAST_WEEK)


def unsent() -> None:
    publish()
    with transaction() as s:
        s.execute(text("UPDATE deliveries SET state = 'failed', reason = 'x' WHERE state = 'accepted'"))


def of_today() -> None:
    publish(EVENING - timedelta(hours=10))


@pytest.mark.usefixtures("zones")
@pytest.mark.parametrize("told", [cancelled, unsent, of_today])
def test_nobody_is_reminded_of_what_they_do_not_have_or_read_today(told: Callable[[], None]) -> None:
    person()
    told()
    assert evening() == 0
    assert sql("SELECT count(*) FROM direct_messages WHERE kind = 'reminder'") == [(0,)]


@pytest.mark.usefixtures("zones")
def test_its_author_may_do_without() -> None:
    person()
    publish(remind=False)
    assert evening() == 0


@pytest.mark.usefixtures("zones")
def test_who_wants_reminders_gets_theirs_and_no_second() -> None:
    ana = wishing(NORTH, hour=20)
    publish()
    assert evening() == 0
    assert evening(EVENING + timedelta(hours=2)) == 1
    assert sql("SELECT hour, until_day FROM reminder_wishes") == [(20, None)]
    assert reminded() == [ana.id]


def left(who: Resident) -> None:
    with transaction() as s:
        own.choose(s, who.id, [Topic.SNOW], "en", LAST_WEEK)


def opted_out(who: Resident) -> None:
    with transaction() as s:
        consent.opt_out(s, "sms", who.phone, how="a test", now=LAST_WEEK)


def refused(who: Resident) -> None:
    with transaction() as s:
        assert not wishes.stop(s, who.id, LAST_WEEK)


def erased(who: Resident) -> None:
    with transaction() as s:
        serving.erase(s, who.id, LAST_WEEK, None)


@pytest.mark.usefixtures("zones")
@pytest.mark.parametrize("done", [left, opted_out, refused, erased])
@pytest.mark.parametrize("when", ["before", "after"])
def test_who_is_against_it_gets_none(done: Callable[[Resident], None], when: str) -> None:
    """Before the evening, or between it and the moment at which the message is sent."""
    ana = person()
    publish()
    if when == "before":
        done(ana)
        assert evening() == 0
        return
    assert evening() == 1
    if done is refused:
        with transaction() as s:
            assert wishes.stop(s, ana.id, EVENING), "there was something to stop"
    else:
        done(ana)
    assert needed(EVENING) == 0


def forget(s: Session, now: datetime) -> None:
    (kind,) = (one for one in kept_data.KINDS if "reminders" in one.tables)
    assert kind.forget is not None
    kind.forget(s, now)


def needed(now: datetime) -> int:
    """How many reminders that wait would be sent."""
    with transaction() as s:
        found = s.execute(
            text(f"SELECT count(*) FROM direct_messages m WHERE m.kind = 'reminder' AND {NEEDED}"),
            {"now": now, "city_quiet": None},
        )
        return int(found.scalar_one())


@pytest.mark.usefixtures("zones")
def test_a_refusal_holds_for_the_next_notice_and_ends_with_a_wish() -> None:
    ana = person()
    publish()
    evening()
    with transaction() as s:
        assert wishes.stop(s, ana.id, EVENING)
        assert wishes.of(s, ana.id) is None
    with transaction() as s:
        s.execute(text("UPDATE collection_notices SET reminded_day = NULL"))
    readers.begin(EVENING)
    assert sql("SELECT until_day FROM reminder_wishes") == [(NEVER,)]
    later = EVENING + timedelta(days=2, hours=2)
    with transaction() as s:
        forget(s, later + timedelta(days=400))
        assert s.scalar(text("SELECT until_day FROM reminder_wishes")) == NEVER
        wishes.wish(s, ana.id, 19, "sms", later, how=consent.BY_WEB)
    ((until, since, seen),) = sql("SELECT until_day, since, seen_day FROM reminder_wishes")
    assert (until, since) == (None, later)
    assert seen == date(2026, 11, 29), "the hour is over: from tomorrow on"


@pytest.mark.usefixtures("zones")
def test_a_reader_who_wishes_more_is_not_reminded_twice_of_a_day() -> None:
    ana = person()
    publish()
    assert evening() == 1
    with transaction() as s:
        assert wishes.of(s, ana.id) is None
        assert wishes.current(s, ana.id, EVENING) == Wish(readers.HOUR, "sms", EVENING, NEW_DAY)
        wishes.wish(s, ana.id, 21, "sms", EVENING + timedelta(hours=1), how=consent.BY_WEB)
        assert wishes.current(s, ana.id, EVENING) == wishes.of(s, ana.id)
    assert evening(EVENING + timedelta(hours=3)) == 0
    assert len(words()) == 1


def test_a_change_after_the_reminder_is_corrected_and_another_change_is_not_told(zones: dict[str, int]) -> None:
    ana = person()
    publish()
    assert evening() == 1
    with transaction() as s:
        s.execute(text("UPDATE direct_messages SET state = 'accepted' WHERE kind = 'reminder'"))
    suspend(zones["North"], [THANKSGIVING], EVENING + timedelta(hours=1))
    assert news.tell(lambda: EVENING + timedelta(hours=2), Aside()) == 1
    assert "CHANGED" in words()[1]
    assert sql("SELECT kind, subscriber_id FROM reminders ORDER BY id") == [("evening", ana.id), ("correction", ana.id)]


def test_a_near_change_is_no_message_for_who_only_has_a_notice(zones: dict[str, int]) -> None:
    person()
    publish()
    readers.begin(EVENING)
    monday = THANKSGIVING + timedelta(days=4)
    with transaction() as s:  # as another notice would, of later days
        s.execute(text("UPDATE reminder_wishes SET until_day = :day"), {"day": monday})
    suspend(zones["North"], [monday], EVENING)
    later = at(monday - timedelta(days=2), 10)
    assert news.tell(lambda: later, Aside()) == 0
    assert sql("SELECT count(*) FROM direct_messages WHERE kind = 'reminder'") == [(0,)]


@pytest.mark.usefixtures("zones")
def test_what_is_over_is_forgotten() -> None:
    person()
    publish()
    evening()
    with transaction() as s:
        forget(s, EVENING + timedelta(days=60))
    assert sql("SELECT count(*) FROM reminder_wishes") == [(0,)]


@pytest.mark.usefixtures("zones")
def test_who_chose_no_hour_is_not_reminded_in_quiet_hours() -> None:
    """What is held beyond midnight is over, and nobody's fault."""
    person()
    wishing(NORTH, hour=readers.HOUR)
    publish()
    assert evening() == 2
    assert sql("SELECT any_hour, count(*) FROM direct_messages WHERE kind = 'reminder' GROUP BY 1 ORDER BY 1") == [
        (False, 1),
        (True, 1),
    ]
    with transaction() as s:
        assert late.close(s, at(NEW_DAY, 1)) == 1, "of the one who chose the hour"

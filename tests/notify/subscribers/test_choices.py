"""What residents choose about routine messages, and how it is stored."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session

from notify.core.errors import Invalid
from notify.core.quiet_time import NEVER, QuietHours
from notify.models import Choices, Contact, Preference, Topic
from notify.subscribers import choices, own, serving
from notify.subscribers.choices import Chosen
from tests.factories import NOW, Resident, resident

OWN = QuietHours(time(22), time(6, 30))
TODAY = NOW.astimezone(ZoneInfo("America/New_York")).date()


@pytest.fixture
def who(s: Session) -> Resident:
    return resident(s, topics=("snow", "storm"))


def test_who_chooses_nothing_has_no_row(s: Session, who: Resident) -> None:
    choices.choose(s, who.id, Chosen(), NOW)
    choices.choose(s, who.id, Chosen(timezone="America/New_York"), NOW)
    assert s.get(Choices, who.id) is None
    assert choices.read(s, who.id, NOW) == Chosen()


def test_what_is_chosen_is_read_again_and_can_be_taken_back(s: Session, who: Resident) -> None:
    wanted = Chosen(OWN, "Europe/Rome", 3, TODAY + timedelta(days=9), "weekly")
    choices.choose(s, who.id, wanted, NOW)
    assert choices.read(s, who.id, NOW) == wanted
    choices.choose(s, who.id, Chosen(NEVER), NOW)
    assert choices.read(s, who.id, NOW) == Chosen(NEVER)
    choices.choose(s, who.id, Chosen(), NOW)
    assert s.get(Choices, who.id, populate_existing=True) is None


def test_a_pause_ends_when_that_day_begins_where_the_resident_lives(s: Session, who: Resident) -> None:
    choices.choose(s, who.id, Chosen(timezone="Asia/Tokyo", muted_until=date(NOW.year + 1, 1, 2)), NOW)
    until = s.get_one(Preference, (who.id, Topic.SNOW), populate_existing=True).muted_until
    assert until == datetime(NOW.year + 1, 1, 1, 15, tzinfo=UTC)


def test_a_topic_that_is_chosen_in_a_pause_is_paused_too(s: Session, who: Resident) -> None:
    choices.choose(s, who.id, Chosen(muted_until=TODAY + timedelta(days=9)), NOW)
    own.choose(s, who.id, [Topic.HEAT], "en", NOW)
    assert choices.read(s, who.id, NOW).muted_until == TODAY + timedelta(days=9)
    choices.choose(s, who.id, Chosen(), NOW)
    assert choices.read(s, who.id, NOW).muted_until is None


def test_a_pause_outlasts_a_while_without_topics(s: Session, who: Resident) -> None:
    day = TODAY + timedelta(days=9)
    choices.choose(s, who.id, Chosen(muted_until=day), NOW)
    own.choose(s, who.id, [], "en", NOW)
    assert choices.read(s, who.id, NOW).muted_until == day
    own.choose(s, who.id, [Topic.HEAT], "en", NOW)
    assert choices.read(s, who.id, NOW).muted_until == day
    assert s.get(Choices, who.id, populate_existing=True) is None
    own.choose(s, who.id, [], "en", NOW)
    choices.choose(s, who.id, Chosen(muted_until=day + timedelta(days=1)), NOW)
    assert choices.read(s, who.id, NOW).muted_until == day + timedelta(days=1)
    choices.choose(s, who.id, Chosen(), NOW)
    own.choose(s, who.id, [Topic.HEAT], "en", NOW)
    assert choices.read(s, who.id, NOW).muted_until is None, "it was ended while there was no topic"


def test_a_pause_ends_on_the_same_day_in_another_time_zone(s: Session, who: Resident) -> None:
    day = TODAY + timedelta(days=9)
    choices.choose(s, who.id, Chosen(muted_until=day), NOW)
    choices.choose(s, who.id, Chosen(timezone="America/Los_Angeles", muted_until=day), NOW)
    assert choices.read(s, who.id, NOW).muted_until == day
    by_text = datetime(day.year, day.month, day.day, 15, 7, tzinfo=UTC)
    choices.pause(s, who.id, by_text)
    choices.choose(s, who.id, Chosen(muted_until=day), NOW)
    assert choices.muted_until(s, who.id) == by_text


def test_a_pause_that_is_over_is_none(s: Session, who: Resident) -> None:
    choices.choose(s, who.id, Chosen(muted_until=TODAY + timedelta(days=1)), NOW)
    assert choices.read(s, who.id, NOW + timedelta(days=2)).muted_until is None


@pytest.mark.parametrize(
    "wrong",
    [
        Chosen(timezone="Mars/Olympus"),
        Chosen(timezone="../etc/passwd"),
        Chosen(most_a_day=0),
        Chosen(most_a_day=21),
        Chosen(muted_until=TODAY),
        Chosen(muted_until=TODAY + timedelta(days=400)),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(s: Session, who: Resident, wrong: Chosen) -> None:
    with pytest.raises(Invalid):
        choices.choose(s, who.id, wrong, NOW)
    assert s.get(Choices, who.id) is None


def test_hours_of_a_form() -> None:
    assert choices.hours("own", "22:00", "06:30") == OWN
    assert choices.hours("city", "x", "") is None
    assert choices.hours("never", "", "") == NEVER
    for begin, end in (("", "08:00"), ("25:00", "08:00"), ("08:00", "08:00")):
        with pytest.raises(Invalid):
            choices.hours("own", begin, end)


def test_the_lowest_severity_of_somebody_elses_contact_stays(s: Session, who: Resident) -> None:
    other = resident(s)
    choices.set_lowest(s, who.id, {who.sms or 0: 3, other.sms or 0: 4})
    assert s.get_one(Contact, who.sms, populate_existing=True).lowest_severity == 3
    assert s.get_one(Contact, other.sms, populate_existing=True).lowest_severity is None
    with pytest.raises(Invalid):
        choices.set_lowest(s, who.id, {who.sms or 0: 1})
    with pytest.raises(Invalid):
        choices.set_lowest(s, who.id, {who.sms or 0: 6})


def test_an_erased_resident_leaves_no_choice_behind(s: Session, who: Resident) -> None:
    choices.choose(s, who.id, Chosen(OWN), NOW)
    choices.set_lowest(s, who.id, {who.sms or 0: 3})
    serving.erase(s, who.id, NOW, None)
    assert s.get(Choices, who.id, populate_existing=True) is None
    assert s.get_one(Contact, who.sms, populate_existing=True).lowest_severity is None


def test_a_pause_that_is_not_changed_stays_to_the_second(s: Session, who: Resident) -> None:
    """Asked for by text, it ends at any time of day, perhaps today, and perhaps for one topic only."""
    until = NOW + timedelta(minutes=5)
    for topic in (Topic.SNOW, Topic.STORM):
        s.get_one(Preference, (who.id, topic)).muted_until = until
    s.flush()
    shown = choices.read(s, who.id, NOW).muted_until
    choices.choose(s, who.id, Chosen(OWN, muted_until=shown), NOW)
    assert s.get_one(Preference, (who.id, Topic.SNOW), populate_existing=True).muted_until == until
    s.get_one(Preference, (who.id, Topic.STORM)).muted_until = None
    s.flush()
    choices.choose(s, who.id, Chosen(OWN), NOW)
    assert s.get_one(Preference, (who.id, Topic.SNOW), populate_existing=True).muted_until == until

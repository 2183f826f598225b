"""Outages: each act is recorded, and drafts the alert that tells it, to those whom it concerns, once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from notify.alerts import arrivals, lifecycle
from notify.alerts.writing import drafting
from notify.alerts.writing.drafting import Draft
from notify.city import whole
from notify.city.parts import Drawn
from notify.core.db import transaction
from notify.core.errors import Invalid, NotAllowed, Refused
from notify.core.settings import settings
from notify.models import Alert, OutageStep, StoredContent
from notify.service311.outages import acting, kept, said
from notify.service311.outages.acting import Done, Report, Where
from notify.service311.outages.steps import Act, State
from notify.subscribers import wishes
from tests import factories
from tests.database import sql
from tests.factories import Person, square

NOW = datetime(2027, 1, 12, 15, tzinfo=UTC)  # ten in the morning in New York
RIVERSIDE, HARBOR = Where(("custom:Riverside",)), Where(("custom:Harbor",))
HERE, THERE = (0.5, 0.5), (1.5, 0.5)


def at(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


@pytest.fixture(autouse=True)
def town(database: str) -> None:
    with transaction() as s:
        factories.zone(s, now=NOW)
        factories.zone(s, "Harbor", square(1.001, 0.0), now=NOW)
        factories.sender(s, now=NOW)


@pytest.fixture
def people(town: None) -> list[factories.Resident]:
    """One in Riverside, one in Harbor, one with places in both."""
    with transaction() as s:
        each = ((HERE,), (THERE,), (HERE, THERE))
        return factories.residents(s, [Person(at=one, topics=("outage",)) for one in each], now=NOW)


def report(where: Where = RIVERSIDE, now: datetime = NOW, *, role: str = "author", **more: Any) -> Done:
    with transaction() as s:
        by = factories.operator(s, role, now=NOW)
        return acting.report(s, Report("power", where, **more), by, now, settings())


def act(done: Done, what: Act, hours: float = 0.0, **times: datetime) -> Done:
    with transaction() as s:
        by = factories.operator(s, "author", now=NOW)
        return acting.apply(s, done.outage.id, what, by, at(hours), settings(), **times)


def grow(done: Done, where: Where = HARBOR, hours: float = 0.5) -> Done:
    with transaction() as s:
        by = factories.operator(s, "author", now=NOW)
        return acting.grow(s, done.outage.id, where, by, at(hours), settings())


def sent(alert: Alert | None, hours: float = 0.0) -> set[int]:
    """Approve an alert, send it, and return the contacts that it went to."""
    assert alert is not None
    with transaction() as s:
        allowed = settings().model_copy(update=factories.CREDENTIALS)
        lifecycle.approve(s, alert.id, factories.operator(s, "approver", now=NOW), at(hours), allowed)
        lifecycle.launch(s, alert.id, None, at(hours))
    factories.resolve(alert.id, at(hours))
    return {row.contact_id for row in sql("SELECT contact_id FROM deliveries WHERE alert_id = :id", id=alert.id)}


def text_of(alert: Alert | None, language: str = "en") -> str:
    assert alert is not None
    with transaction() as s:
        said = select(StoredContent.text).where(
            StoredContent.alert_id == alert.id, StoredContent.channel == "sms", StoredContent.language == language
        )
        return str(s.scalars(said).one())


def state_of(alert: Alert | None) -> str:
    assert alert is not None
    with transaction() as s:
        return s.get_one(Alert, alert.id).state.value


def steps_of(done: Done) -> list[tuple[str, bool]]:
    """Each act, and whether it is told."""
    with transaction() as s:
        rows = s.scalars(select(OutageStep).where(OutageStep.outage_id == done.outage.id).order_by(OutageStep.id)).all()
        return [(row.act, row.alert_id is not None) for row in rows]


def test_an_unplanned_outage_from_the_first_word_to_the_last(people: list[factories.Resident]) -> None:
    home, _harbor, both = (one.sms for one in people)
    done = report()
    assert "Power is out in Riverside." in text_of(done.alert)
    assert "No end time yet." in text_of(done.alert)
    assert sent(done.alert) == {home, both}
    estimate = act(done, Act.ESTIMATE, 0.5, back_at=at(5))
    assert "Power is still out in Riverside." in text_of(estimate.alert)
    assert "Now expected back by 3 PM" in text_of(estimate.alert)
    assert sent(estimate.alert, 0.5) == {home, both}
    small = act(done, Act.ESTIMATE, 1, back_at=at(5.25))
    assert small.alert is None
    assert small.outage.back_at == at(5.25)
    again = act(done, Act.ESTIMATE, 1.5, back_at=at(5.5))
    assert again.alert is not None, "with the step before it, half an hour later than was told"
    assert sent(again.alert, 1.5) == {home, both}
    restored = act(done, Act.RESTORE, 4)
    assert "Power is back on in Riverside." in text_of(restored.alert)
    assert "Still out? Reply OFF." in text_of(restored.alert)
    assert "¿Sigue sin servicio? Responda OFF." in text_of(restored.alert, "es")
    assert sent(restored.alert, 4) == {home, both}
    assert restored.alert is not None
    assert restored.alert.incident_id == done.outage.incident_id
    assert steps_of(done) == [
        ("confirm", True), ("estimate", True), ("estimate", False), ("estimate", True), ("restore", True)
    ]  # fmt: skip


def test_an_area_that_grows_writes_to_its_new_part_and_to_nobody_twice(people: list[factories.Resident]) -> None:
    home, harbor, both = (one.sms for one in people)
    done = report(back_at=at(5))
    sent(done.alert)
    grown = grow(done)
    assert "Power is out in Harbor." in text_of(grown.alert), "the first message, with the new part's name"
    assert "Expected back by 3 PM" in text_of(grown.alert)
    assert sent(grown.alert, 0.5) == {harbor}, "who has places in both had the first one"
    update = act(done, Act.ESTIMATE, 1, back_at=at(7))
    assert "in Riverside and Harbor" in text_of(update.alert)
    assert sent(update.alert, 1) == {home, harbor, both}
    assert sent(act(done, Act.RESTORE, 6).alert, 6) == {home, harbor, both}


def test_growth_leaves_out_who_is_about_to_be_told(people: list[factories.Resident]) -> None:
    """The first message is launched, but its audience is not resolved yet."""
    _home, harbor, _both = (one.sms for one in people)
    done = report()
    with transaction() as s:
        allowed = settings().model_copy(update=factories.CREDENTIALS)
        assert done.alert is not None
        lifecycle.approve(s, done.alert.id, factories.operator(s, "approver", now=NOW), NOW, allowed)
        lifecycle.launch(s, done.alert.id, None, NOW)
    assert sent(grow(done).alert, 0.5) == {harbor}


def test_who_joins_in_both_parts_is_told_once(people: list[factories.Resident]) -> None:
    done = report()
    sent(done.alert)
    grown = grow(done)
    sent(grown.alert, 0.5)
    with transaction() as s:
        late = factories.resident(s, at=(HERE, THERE), topics=("outage",), now=at(1))
        wishes.note_arrival(s, late.id, at(1))
    with transaction() as s:
        arrivals.tell(s, at(1.5))
    told = [row.alert_id for row in sql("SELECT alert_id FROM deliveries WHERE contact_id = :id", id=late.sms)]
    assert done.alert is not None
    assert told == [done.alert.id]


def test_what_nobody_has_read_is_written_anew(people: list[factories.Resident]) -> None:
    home, harbor, both = (one.sms for one in people)
    done = report(back_at=at(3))
    later = act(done, Act.ESTIMATE, 0.1, back_at=at(5))
    assert state_of(done.alert) == "cancelled"
    assert later.alert is not None
    assert later.alert.phase == "issue"
    grown = grow(done, hours=0.2)
    assert state_of(later.alert) == "cancelled"
    assert "Power is out in Riverside and Harbor." in text_of(grown.alert)
    assert sent(grown.alert, 0.2) == {home, harbor, both}


def test_what_is_over_before_anybody_was_told_is_not_told() -> None:
    done = report()
    restored = act(done, Act.RESTORE, 0.2)
    assert restored.alert is None
    assert state_of(done.alert) == "cancelled"
    with transaction() as s:
        assert kept.in_force(s, at(0.3)) == [], "nobody was told of it"


def test_planned_work_with_its_reminder(people: list[factories.Resident]) -> None:
    home, _harbor, both = (one.sms for one in people)
    done = report(begins_at=at(46), back_at=at(50))  # 8 AM of the day after tomorrow
    assert "Power will be shut off in Riverside from 8 AM" in text_of(done.alert)
    reminder = done.reminder
    assert reminder is not None
    assert reminder.launch_at == at(32), "6 PM of the evening before"
    assert "Reminder: Power will be shut off in Riverside from 8 AM" in text_of(reminder)
    assert "Recordatorio: se cortara la electricidad" in text_of(reminder, "es")
    assert sent(done.alert) == {home, both}
    with transaction() as s:
        allowed = settings().model_copy(update=factories.CREDENTIALS)
        lifecycle.approve(s, reminder.id, factories.operator(s, "approver", now=NOW), at(1), allowed)
        lifecycle.launch(s, reminder.id, None, at(1))
    with transaction() as s:
        assert lifecycle.launch_due(s, at(31.9)) == []
    for _twice in range(2):
        with transaction() as s:
            launched = [one.id for one in lifecycle.launch_due(s, at(32))]
    assert launched == []
    factories.resolve(reminder.id, at(32))
    with transaction() as s:
        assert kept.shown(s, done.outage.id).known.state is State.REMINDED
    begun = act(done, Act.BEGIN, 46)
    assert "Planned work has begun. Power is out in Riverside. Expected back by 12 noon" in text_of(begun.alert)
    assert sent(begun.alert, 46) == {home, both}
    longer = act(done, Act.ESTIMATE, 49, back_at=at(52))
    assert "Planned work takes longer." in text_of(longer.alert)
    assert sent(longer.alert, 49) == {home, both}
    restored = act(done, Act.RESTORE, 51)
    assert sent(restored.alert, 51) == {home, both}
    assert "Reply OFF." in text_of(restored.alert)


def test_postponed_work_takes_its_reminder_back(people: list[factories.Resident]) -> None:
    done = report(begins_at=at(46), back_at=at(50))
    sent(done.alert)
    moved = act(done, Act.POSTPONE, 1, begins_at=at(70), back_at=at(74))
    assert state_of(done.reminder) == "cancelled"
    assert moved.reminder is not None
    assert moved.reminder.launch_at == at(56)
    assert "New time: Power will be shut off" in text_of(moved.alert)
    sent(moved.alert, 1)
    off = act(done, Act.POSTPONE, 2)
    assert state_of(moved.reminder) == "cancelled"
    assert off.reminder is None
    assert "Planned work is postponed. Power stays on for now in Riverside." in text_of(off.alert)
    sent(off.alert, 2)
    closed = act(done, Act.CLOSE, 3)
    assert closed.alert is None
    assert closed.outage.state == State.RESTORED


def test_a_grown_plan_is_reminded_of_everywhere(people: list[factories.Resident]) -> None:
    done = report(begins_at=at(46), back_at=at(50))
    sent(done.alert)
    grown = grow(done)
    assert state_of(done.reminder) == "cancelled"
    assert "in Riverside and Harbor" in text_of(grown.reminder)


def cancel(alert: Alert | None, hours: float) -> None:
    assert alert is not None
    with transaction() as s:
        lifecycle.cancel(s, alert.id, factories.operator(s, "author", now=NOW), at(hours))


def test_growth_that_was_taken_back_is_told_with_the_next(people: list[factories.Resident]) -> None:
    _home, harbor, _both = (one.sms for one in people)
    done = report()
    sent(done.alert)
    cancel(grow(done).alert, 0.5)
    again = grow(done, hours=0.6)
    assert "Power is out in Harbor." in text_of(again.alert)
    assert again.outage.names["en"] == "Riverside and Harbor"
    assert sent(again.alert, 0.6) == {harbor}
    with pytest.raises(Invalid, match="told already"):
        grow(done, hours=0.7)


def test_who_has_a_growth_that_was_stopped_is_not_told_again(people: list[factories.Resident]) -> None:
    _home, harbor, _both = (one.sms for one in people)
    done = report()
    sent(done.alert)
    first = grow(done)
    assert sent(first.alert, 0.5) == {harbor}
    sql("UPDATE deliveries SET state = 'accepted'")
    cancel(first.alert, 0.6)
    with transaction() as s:
        joined = factories.resident(s, at=(THERE,), topics=("outage",), now=at(0.7))
    assert sent(grow(done, hours=0.8).alert, 0.8) == {joined.sms}


def test_two_growths_are_one_message_while_the_first_waits(people: list[factories.Resident]) -> None:
    """Who has a place in both new parts would get two first messages."""
    _home, harbor, _both = (one.sms for one in people)
    with transaction() as s:
        factories.zone(s, "Hill", square(0.0, 1.001), now=NOW)
        hill = factories.resident(s, at=((0.5, 1.5), THERE), topics=("outage",), now=NOW)
    done = report()
    sent(done.alert)
    first = grow(done)
    second = grow(done, Where(("custom:Hill",)), 0.6)
    assert state_of(first.alert) == "cancelled"
    assert "in Harbor and Hill" in text_of(second.alert)
    assert sent(second.alert, 0.6) == {harbor, hill.sms}


def test_an_all_clear_that_was_taken_back_leaves_it_out() -> None:
    done = report()
    sent(done.alert)
    cancel(act(done, Act.RESTORE, 1).alert, 1)
    with transaction() as s:
        assert len(kept.in_force(s, at(30))) == 1
        one = kept.shown(s, done.outage.id)
        assert (one.known.state, one.restored_at) == (State.OUT, None)
    assert "Power is back on" in text_of(act(done, Act.RESTORE, 2).alert)


def test_an_all_clear_that_was_written_outside_of_the_desk_ends_it() -> None:
    done = report()
    sent(done.alert)
    with transaction() as s:
        wanted = Draft("outage", "all-clear", blanks={"utility": "power"}, incident=done.outage.incident_id)
        clear = drafting.draft(s, wanted, factories.operator(s, now=NOW), at(1), settings())
        assert kept.shown(s, done.outage.id).known.state is State.OUT
    sent(clear, 1)
    with transaction() as s:
        one = kept.shown(s, done.outage.id)
        assert (one.known.state, one.restored_at) == (State.RESTORED, clear.launched_at or at(1))
        assert said.in_public(s, at(1)) == []
        assert len(kept.recent(s, at(1))) == 1
        assert kept.recent(s, at(1) + kept.RECENT) == []
    with pytest.raises(Refused, match="in another state"):
        act(done, Act.RESTORE, 2)


def test_a_whole_city_is_called_that_in_each_message() -> None:
    names = [f"Quarter {n}" for n in range(whole.PARTS)]
    with transaction() as s:
        for n, name in enumerate(names):
            factories.zone(s, name, square(3.0 + n, 0.0), kind="neighbourhood", now=NOW)
    done = report(Where([f"neighbourhood:{name}" for name in names]))
    assert "Power is out in the whole city." in text_of(done.alert)
    assert "en toda la ciudad" in text_of(done.alert, "es")
    sent(done.alert)
    late = act(done, Act.ESTIMATE, 1, back_at=at(6)).alert
    assert "in the whole city." in text_of(late)


def test_an_update_that_was_stopped_was_not_told(people: list[factories.Resident]) -> None:
    done = report(back_at=at(3))
    sent(done.alert)
    update = act(done, Act.ESTIMATE, 0.5, back_at=at(6))
    sent(update.alert, 0.5)
    cancel(update.alert, 0.5)
    assert act(done, Act.ESTIMATE, 0.6, back_at=at(6.1)).alert is not None


def test_a_paused_message_gives_way_to_the_next(people: list[factories.Resident]) -> None:
    done = report(back_at=at(3))
    sent(done.alert)
    assert done.alert is not None
    with transaction() as s:
        lifecycle.pause(s, done.alert.id, factories.operator(s, "author", now=NOW), at(0.1))
    act(done, Act.ESTIMATE, 0.5, back_at=at(6))
    assert state_of(done.alert) == "cancelled"


def test_the_same_outage_is_recorded_once() -> None:
    report()
    with pytest.raises(Refused, match="there already"):
        report()
    report(begins_at=at(46), back_at=at(50))
    with transaction() as s:
        by = factories.operator(s, "author", now=NOW)
        acting.report(s, Report("water", RIVERSIDE), by, NOW, settings())
    report(HARBOR)


def test_a_drawn_area_keeps_its_name_and_needs_two_people() -> None:
    where = Where(parts=(Drawn(factories.square(0.2, 0.2, 0.1).__geo_interface__),), called="Mill Street")
    done = report(where)
    assert done.alert is not None
    assert done.alert.two_people == ["free-words"]
    sent(done.alert)
    grown = grow(done, hours=0.5)
    assert grown.alert is not None
    assert grown.alert.two_people == [], "the part that is added is a zone"
    sent(grown.alert, 0.5)
    update = act(done, Act.ESTIMATE, 1, back_at=at(6))
    assert "in Mill Street and Harbor" in text_of(update.alert)


def test_what_is_wrong_is_refused() -> None:
    with pytest.raises(NotAllowed):
        report(role="agent")
    with pytest.raises(Invalid, match="start in the future"):
        report(begins_at=at(-1))
    done = report()
    with pytest.raises(Refused, match="another state"):
        act(done, Act.BEGIN, back_at=at(3))
    with pytest.raises(Invalid, match="When should service be back"):
        act(done, Act.ESTIMATE, 1)
    assert steps_of(done) == [("confirm", True)], "what is refused leaves nothing"


def test_announced_work_is_not_announced_for_ever() -> None:
    """Nobody has said that it began, or is over."""
    sent(report(begins_at=at(2), back_at=at(6)).alert)
    with transaction() as s:
        assert [len(said.in_public(s, at(hours))) for hours in (1, 5, 7.9, 8)] == [1, 1, 1, 0]


def test_work_that_has_begun_stays_in_public_after_the_time_at_which_it_should_be_over() -> None:
    done = report(begins_at=at(1), back_at=at(3))
    sent(done.alert)
    sent(act(done, Act.BEGIN, 1.5).alert, 1.5)
    with transaction() as s:
        assert [one.said.state for one in said.in_public(s, at(30))] == [State.OUT]

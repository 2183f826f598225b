"""An update, a correction and an all-clear go to those who were told before and to the newly affected, once each."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from notify import audience
from notify.alerts import lifecycle
from notify.alerts.reporting import reports
from notify.alerts.writing import working_drafts, working_start
from notify.alerts.writing.working_drafts import Change
from notify.audience import live_count
from notify.audience.told import OrTold
from notify.core.db import transaction
from notify.core.errors import Refused
from notify.core.settings import Settings, settings
from notify.models import Alert, Preference, Suppression, Topic
from tests import factories
from tests.database import sql
from tests.factories import NOW, square
from tests.owner import owning

LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def people(database: str) -> dict[str, factories.Resident]:
    with transaction() as s:
        factories.zone(s)
        factories.zone(s, "Hillside", square(1, 0))
        names = ("stays", "moves", "stops", "leaves", "failed")
        found = {name: factories.resident(s) for name in names}
        return found | {"away": factories.resident(s, at=[(1.5, 0.5)])}


@pytest.fixture
def first(people: dict[str, factories.Resident]) -> int:
    """An alert to Riverside that all its residents got but one; after it one moved, one texted STOP, one unsubscribed
    from the topic, and somebody moved in."""
    alert = factories.alert_resolved(expires_at=NOW + timedelta(hours=6))
    sql("UPDATE deliveries SET state = 'delivered' WHERE alert_id = :a", a=alert)
    sql("UPDATE deliveries SET state = 'failed', reason = '30005' WHERE contact_id = :c", c=people["failed"].sms)
    with transaction() as s:
        factories.move(s, people["moves"].id, 50, 50)
        factories.move(s, people["failed"].id, 50, 50)
        index = s.execute(text("SELECT address_index FROM contacts WHERE id = :c"), {"c": people["stops"].sms}).scalar()
        s.add(Suppression(channel="sms", address_index=index, topic=None, reason="opt-out", at=NOW))
        s.delete(s.get_one(Preference, (people["leaves"].id, Topic.STORM)))
        people["new"] = factories.resident(s)
    return alert


def composed(alert: int, phase: str, *, correct: bool = False, **fields: str) -> int:
    """Make the alert that one click opens, with more `fields` filled in."""
    with transaction() as s:
        author = factories.operator(s, "author")
        incident = s.get_one(Alert, alert).incident_id
        draft = working_start.start(s, "storm", phase, author, LATER, incident=incident, correct=correct)
        changes = {name: Change(value) for name, value in fields.items()}
        working_drafts.save(s, draft.id, changes, author, LATER)
        wanted = working_drafts.read(s, draft, settings())
        assert wanted.problems == {}
        return working_drafts.make(s, draft.id, draft.version, wanted.wanted, author, LATER, settings())


def launch(alert: int) -> None:
    allowed = settings().model_copy(update=factories.CREDENTIALS)
    with transaction() as s:
        lifecycle.approve(s, alert, factories.operator(s, "approver"), LATER, allowed)
        lifecycle.launch(s, alert, factories.operator(s), LATER)
    factories.resolve(alert, LATER)


def written(alert: int) -> dict[int, str]:
    rows = sql("SELECT contact_id, coalesce(reason, state::text) AS state FROM deliveries WHERE alert_id = :a", a=alert)
    found = {row.contact_id: row.state for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize("phase", ["update", "all-clear"])
def test_the_same_people_and_the_newly_affected_once_each(
    people: dict[str, factories.Resident], first: int, phase: str
) -> None:
    following = composed(first, phase)
    with transaction() as s:
        alert = s.get_one(Alert, following)
        assert alert.told_before == [first]
        said = audience.preview(s, alert, LATER)
    launch(following)
    assert written(following) == {
        people["stays"].sms: "queued",
        people["moves"].sms: "queued",
        people["new"].sms: "queued",
        people["stops"].sms: "opt-out",
        people["leaves"].sms: "not-subscribed",
    }
    assert (said.residents, said.by_channel, said.skipped) == (5, {"sms": 3}, {"opt-out": 1, "not-subscribed": 1})


def test_who_was_told_and_has_no_place_any_more_is_counted_while_writing(
    people: dict[str, factories.Resident], first: int
) -> None:
    with owning() as s:
        s.execute(text("DELETE FROM places WHERE subscriber_id = :id"), {"id": people["moves"].id})
    with transaction() as s:
        expected = audience.preview(s, s.get_one(Alert, composed(first, "update")), LATER)
    counted = live_count.LiveCount(audience.written())
    assert counting(counted, first) == expected
    assert expected.by_channel == {"sms": 3}


@pytest.mark.parametrize("large", [1, live_count.LARGE])
def test_who_changes_while_somebody_writes_is_counted_as_a_launch_would(
    people: dict[str, factories.Resident], first: int, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_count, "LARGE", large)
    counted = live_count.LiveCount(audience.written())
    following = composed(first, "update")
    with transaction() as s:
        factories.move(s, people["away"].id, 1.1, 0.5)
        s.execute(text("UPDATE places SET radius_m = 20000 WHERE subscriber_id = :id"), {"id": people["away"].id})
    for name in ("stays", "new", "moves"):  # told, not told, and told but away: one after another
        with transaction() as s:
            assert counting(counted, first) == audience.preview(s, s.get_one(Alert, following), LATER)
            factories.move(s, people[name].id, 60, 60)
    with transaction() as s:
        expected = audience.preview(s, s.get_one(Alert, following), LATER)
    assert counting(counted, first) == expected
    assert expected.by_channel == {"sms": 3}


def test_whom_a_large_alert_was_sent_to_is_kept_for_a_minute(
    people: dict[str, factories.Resident], first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = live_count.LiveCount(audience.written())

    def reached(state: str) -> int:
        sql("UPDATE deliveries SET state = CAST(:state AS delivery_state), reason = '30005' WHERE contact_id = :c",
            state=state, c=people["moves"].sms)  # fmt: skip
        return counting(counted, first).by_channel["sms"]

    assert (reached("undelivered"), reached("failed"), reached("undelivered")) == (3, 2, 3)  # small: read every time
    monkeypatch.setattr(live_count, "LARGE", 1)
    assert (reached("failed"), reached("undelivered")) == (3, 3)
    assert (reached("failed"), reached("failed")) == (3, 3)
    monkeypatch.setattr(live_count, "TOLD_FOR", timedelta(0))
    assert reached("failed") == 2


def counting(counted: live_count.LiveCount, first: int) -> audience.Audience:
    return counted.count(OrTold(square(0, 0), {first: ()}), "storm", ("sms",), LATER)


def test_a_larger_area_has_those_who_were_told_and_a_part_of_it_has_not(
    people: dict[str, factories.Resident], first: int
) -> None:
    ids = {row.name: row.id for row in sql("SELECT name, id FROM zones")}
    larger = composed(first, "update", **{f"zone.{ids['Riverside']}": "on", f"zone.{ids['Hillside']}": "on"})
    launch(larger)
    reached = {contact for contact, state in written(larger).items() if state == "queued"}
    assert reached == {people[name].sms for name in ("stays", "moves", "new", "away")}
    whole = {f"zone.{number}": "" for number in ids.values()}
    part = composed(first, "all-clear", **whole, earlier="", area="0,0\n0.4,0\n0.4,0.4\n0,0.4", area_name="Old Town")
    with transaction() as s:
        assert s.get_one(Alert, part).told_before == []
        assert audience.preview(s, s.get_one(Alert, part), LATER).residents == 0


def test_who_moved_away_hears_of_the_last_part_and_of_no_part_twice(people: dict[str, factories.Resident]) -> None:
    """Danger in two zones is cleared one after the other; somebody got it and lives in neither now."""
    danger = factories.alert_resolved(zones=["Riverside", "Hillside"], expires_at=NOW + timedelta(hours=6))
    sql("UPDATE deliveries SET state = 'delivered' WHERE alert_id = :a", a=danger)
    with transaction() as s:
        factories.move(s, people["moves"].id, 50, 50)
    clears = [clear(danger, minute, zone) for minute, zone in ((1, "Riverside"), (2, "Hillside"))]
    kept = sql("SELECT told_before, told_apart FROM alerts WHERE id = ANY(:a) ORDER BY id", a=clears)
    assert [(row.told_before, row.told_apart) for row in kept] == [([], {}), ([danger], {str(danger): [clears[0]]})]
    assert written(clears[0]) == {people[name].sms: "queued" for name in ("stays", "stops", "leaves", "failed")}
    assert written(clears[1]) == {people[name].sms: "queued" for name in ("moves", "away")}
    counted = live_count.LiveCount(audience.written())
    whom = OrTold(square(1, 0), {danger: (clears[0],)})
    assert counted.count(whom, "storm", ("sms",), LATER).by_channel == {"sms": 2}


def test_two_parts_cleared_in_one_minute_are_told_apart_before_the_first_audience_is_known(
    people: dict[str, factories.Resident],
) -> None:
    danger = factories.alert_resolved(zones=["Riverside", "Hillside"], expires_at=NOW + timedelta(hours=6))
    with transaction() as s:
        factories.move(s, people["moves"].id, 50, 50)
        incident = s.get_one(Alert, danger).incident_id
    at, more = NOW + timedelta(minutes=1), {"incident": incident, "phase": "all-clear"}
    first, last = (factories.alert_launched(now=at, zones=[zone], **more) for zone in ("Riverside", "Hillside"))
    factories.resolve(last, at)
    factories.resolve(first, at)
    assert written(last).keys() == {people[name].sms for name in ("moves", "away")}
    assert written(first).keys() == {people[name].sms for name in ("stays", "stops", "leaves", "failed")}


def test_who_may_not_have_read_of_the_first_part_hears_of_the_last(people: dict[str, factories.Resident]) -> None:
    danger = factories.alert_resolved(zones=["Riverside", "Hillside"], expires_at=NOW + timedelta(hours=6))
    part = clear(danger, 1, "Riverside")
    states = {"stays": "undelivered", "moves": "unknown", "stops": "delivered", "leaves": "accepted"}
    for name, state in states.items():
        sql("""UPDATE deliveries SET state = CAST(:state AS delivery_state), reason = '30005'
                WHERE (alert_id, contact_id) = (:a, :c)""", state=state, a=part, c=people[name].sms)  # fmt: skip
    assert written(clear(danger, 2, "Hillside")).keys() == {people[name].sms for name in ("stays", "moves", "away")}


def test_an_all_clear_to_the_last_part_is_not_for_all_where_danger_was_announced_again(
    people: dict[str, factories.Resident],
) -> None:
    danger = factories.alert_resolved(zones=["Riverside", "Hillside"], expires_at=NOW + timedelta(hours=6))
    clear(danger, 1, "Riverside")
    clear(danger, 2, "Riverside", phase="update")
    with transaction() as s:
        assert s.get_one(Alert, clear(danger, 3, "Hillside")).told_before == []
        assert danger in s.get_one(Alert, clear(danger, 4, "Riverside")).told_before


def clear(danger: int, minute: int, zone: str, phase: str = "all-clear") -> int:
    """A launched alert of the same incident to one zone."""
    with transaction() as s:
        incident = s.get_one(Alert, danger).incident_id
    return factories.alert_resolved(now=NOW + timedelta(minutes=minute), incident=incident, phase=phase, zones=[zone])


def test_a_correction_has_the_weight_and_end_of_what_it_corrects(people: dict[str, factories.Resident]) -> None:
    first = factories.alert_resolved(
        zones=["Hillside"], urgency="Expected", certainty="Possible", expires_at=NOW + timedelta(hours=9)
    )
    with transaction() as s:
        again, old = s.get_one(Alert, composed(first, "update", correct=True)), s.get_one(Alert, first)
        assert (again.severity, again.urgency, again.certainty) == (old.severity, "Expected", "Possible")
        assert again.expires_at == old.expires_at
        assert (again.channels, again.area_hash) == (old.channels, old.area_hash)
        assert again.blanks["hazard"] == old.blanks["hazard"]
        said = {one: [words.text for words in reports.words(s, one.id)] for one in (again, old)}
        assert all(words.startswith(("Correction:", "Correccion:", "Corrección:")) for words in said[again])
        assert not any("orrec" in words for words in said[old])


def test_the_channels_of_a_follow_up_are_kept(first: int) -> None:
    with transaction() as s:
        factories.sender(s, "sendgrid")
        incident = s.get_one(Alert, first).incident_id
        more = factories.alert_ready(
            s, incident=incident, phase="update", follows=first, channels=("email",), now=LATER
        )
        lifecycle.launch(s, more.id, None, LATER)
        assert more.told_before == []
        draft = working_start.start(s, "storm", "all-clear", factories.operator(s, "author"), LATER, incident=incident)
        assert {name for name in draft.fields if name.startswith("channel.")} == {"channel.sms", "channel.email"}


def test_whom_it_goes_to_is_part_of_what_was_approved(first: int) -> None:
    following = composed(first, "update")
    allowed = settings().model_copy(update=factories.CREDENTIALS)
    with transaction() as s:
        lifecycle.approve(s, following, factories.operator(s, "approver"), LATER, allowed)
    with owning() as s:
        s.execute(text("UPDATE alerts SET told_before = '{}' WHERE id = :a"), {"a": following})
    with transaction() as s, pytest.raises(Refused, match="not what was approved"):
        lifecycle.launch(s, following, factories.operator(s), LATER)


@pytest.mark.parametrize("approved_first", [True, False])
def test_those_who_were_warned_after_it_was_written_hear_the_all_clear_too(
    people: dict[str, factories.Resident], first: int, approved_first: bool
) -> None:
    clear = composed(first, "all-clear")
    with transaction() as s:
        update = factories.alert_ready(s, incident=s.get_one(Alert, first).incident_id, phase="update", now=LATER).id
        late = factories.resident(s)
        if approved_first:
            lifecycle.approve(s, clear, factories.operator(s, "approver"), LATER, approving())
        lifecycle.launch(s, update, None, LATER)
    factories.resolve(update, LATER)
    with transaction() as s:
        factories.move(s, late.id, 50, 50)
        if not approved_first:
            lifecycle.approve(s, clear, factories.operator(s, "approver"), LATER, approving())
            assert s.get_one(Alert, clear).told_before == [first, update], "its page counts them"
        assert lifecycle.launch(s, clear, factories.operator(s), LATER).told_before == [first, update]
    factories.resolve(clear, LATER)
    assert written(clear)[late.sms] == "queued"


def approving() -> Settings:
    return settings().model_copy(update=factories.CREDENTIALS)

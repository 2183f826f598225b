"""Whoever was told of an emergency hears at once that it is over, or was a mistake, whatever they chose."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from notify import audience
from notify.alerts import lifecycle
from notify.alerts.reporting import reports
from notify.audience.cache import precedence
from notify.audience.live_count import LiveCount
from notify.core.db import transaction
from notify.delivery import forecast
from notify.models import Alert, Contact, Lane, Subscriber, Suppression
from notify.subscribers import proving
from tests.database import sql
from tests.factories import Resident, alert_ready, operator, resident, resolve, sender, square, zone
from tests.notify.delivery.night import (
    EVENING,
    MORNING,
    NIGHT,
    NOON,
    choose,
    claim_all,
    ends,
    launch,
    people,
    settle,
)  # fmt: skip

pytestmark = pytest.mark.usefixtures("usual_quiet_hours")

LATER = NIGHT + timedelta(hours=2)
ROUTINE = {"severity": "Minor", "urgency": "Past"}


def goes_on(alert: int, phase: str = "all-clear", **draft: Any) -> Alert:
    """Launch a routine alert in the incident of another one; its audience is not resolved yet."""
    with transaction() as s:
        first = reports.find_alert(s, alert)
        later = alert_ready(s, event=first.event, phase=phase, incident=first.incident_id, now=LATER,
                            expires_at=LATER + timedelta(hours=20), **(ROUTINE | draft))  # fmt: skip
        lifecycle.launch(s, later.id, operator(s), LATER)
        assert later.lane is Lane.ROUTINE
        return later


def emergency() -> int:
    alert = launch(NIGHT, event="storm")
    assert len(claim_all(NIGHT)) == len(sql("SELECT 1 FROM deliveries WHERE state <> 'skipped'"))
    return alert


def with_wishes() -> list[Resident]:
    """Residents with each wish that holds back or leaves out, and one with none."""
    muted, above, limited, zone_of_its_own, _plain = who = people(5)
    with transaction() as s:
        s.execute(text("UPDATE contacts SET lowest_severity = 4 WHERE id = :id"), {"id": above.sms})
        s.execute(
            text("UPDATE preferences SET muted_until = :until WHERE subscriber_id = :id"),
            {"id": muted.id, "until": MORNING + timedelta(days=1)},
        )
    choose(limited, most_a_day=1)
    choose(zone_of_its_own, timezone="Europe/Rome")
    return who


@pytest.mark.parametrize(
    ("phase", "draft"), [("all-clear", {}), ("update", {"corrects": True}), ("all-clear", {"corrects": True})]
)
def test_the_end_of_an_emergency_comes_at_night_whatever_was_chosen(phase: str, draft: dict[str, Any]) -> None:
    who = with_wishes()
    later = goes_on(emergency(), phase, **draft)
    resolve(later.id, LATER)
    assert ends(later.id) == {("queued", None): 5}
    assert {one.contact_id for one in claim_all(LATER)} == {one.sms for one in who}
    assert ends(later.id) == {("sending", None): 5}


def test_the_claim_alone_lets_it_go_at_night() -> None:
    """Its audience was resolved before the quiet time began."""
    people()
    later = goes_on(emergency())
    resolve(later.id, NOON)
    assert len(claim_all(NIGHT)) == 3


def test_an_update_that_neither_ends_nor_corrects_waits_for_the_morning() -> None:
    people()
    later = goes_on(emergency(), "update")
    resolve(later.id, LATER)
    assert ends(later.id) == {("held", "quiet-hours"): 3}


def test_the_end_of_a_routine_alert_waits_for_the_morning() -> None:
    people()
    first = launch(EVENING)
    claim_all(EVENING)
    later = goes_on(first)
    resolve(later.id, LATER)
    assert ends(later.id) == {("held", "quiet-hours"): 3}


def test_whoever_was_not_told_of_the_emergency_is_not_woken_by_its_end() -> None:
    told, refused, left = people()
    with transaction() as s:
        zone(s, "Hillside", square(1, 0), now=EVENING)
        there = resident(s, at=[(1.5, 0.5)], topics=("storm",), now=EVENING)
    first = emergency()
    with transaction() as s:
        s.execute(
            text("UPDATE deliveries SET state = 'failed', reason = 'refused' WHERE contact_id = :id"),
            {"id": refused.sms},
        )
        s.execute(text("DELETE FROM preferences WHERE subscriber_id = :id"), {"id": left.id})
    later = goes_on(first, zones=("Riverside", "Hillside"))
    resolve(later.id, LATER)
    assert [one.contact_id for one in claim_all(LATER)] == [told.sms]
    assert dict(sql("SELECT contact_id, reason FROM deliveries WHERE alert_id = :id", id=later.id)) == {
        told.sms: None,
        refused.sms: "quiet-hours",
        left.sms: "not-subscribed",
        there.sms: "quiet-hours",
    }


def test_an_opt_out_stops_it() -> None:
    who, *_ = people()
    first = emergency()
    with transaction() as s:
        index = s.execute(text("SELECT address_index FROM contacts WHERE id = :id"), {"id": who.sms}).scalar_one()
        s.add(Suppression(channel="sms", address_index=index, topic=None, reason="opt-out", at=NIGHT))
    later = goes_on(first)
    resolve(later.id, LATER)
    assert ends(later.id) == {("skipped", "opt-out"): 1, ("queued", None): 2}


def test_whoever_was_told_on_another_contact_hears_it_on_all() -> None:
    with transaction() as s:
        zone(s, now=EVENING)
        sender(s, now=EVENING)
        sender(s, "sendgrid", now=EVENING)
        resident(s, topics=("storm",), email="", now=EVENING)
    later = goes_on(emergency(), channels=("sms", "email"))
    resolve(later.id, LATER)
    assert ends(later.id) == {("queued", None): 2}


def test_its_plan_begins_at_once_and_counts_whom_it_reaches() -> None:
    with_wishes()
    first = emergency()
    with transaction() as s:
        incident = reports.find_alert(s, first).incident_id
        alert = alert_ready(s, event="storm", phase="all-clear", incident=incident, now=LATER,
                            expires_at=LATER + timedelta(hours=20), **ROUTINE)  # fmt: skip
        plan = forecast.plan(s, alert, LATER)
        found = audience.emergencies(s, alert)
        counted = audience.preview(s, alert, LATER)
    assert plan.warnings == ()
    assert found == [first]
    assert (counted.total, counted.skipped) == (5, {})
    live = LiveCount(("en", "es"))
    area = audience.membership(alert)
    assert live.count(area, "storm", ("sms",), LATER, precedence(alert, found)) == counted
    with transaction() as s:  # counted apart, as a resident who changed
        s.execute(text("UPDATE contacts SET lowest_severity = 3 WHERE lowest_severity IS NULL"))
    assert live.count(area, "storm", ("sms",), LATER, precedence(alert, found)) == counted
    assert live.count(area, "storm", ("sms",), LATER, precedence(alert, None)).skipped == {
        "below-severity": 4,
        "muted": 1,
    }


def goes_on_with(alert: int, minutes: int, phase: str, **draft: Any) -> int:
    """A routine alert of the incident, some minutes after LATER."""
    at = LATER + timedelta(minutes=minutes)
    with transaction() as s:
        first = reports.find_alert(s, alert)
        later = alert_ready(
            s, event=first.event, phase=phase, incident=first.incident_id, now=at,
            expires_at=at + timedelta(hours=20), **(ROUTINE | draft),
        )  # fmt: skip
        lifecycle.launch(s, later.id, operator(s), at)
    resolve(later.id, at)
    return later.id


def cleared() -> int:
    """An emergency that all have heard of, and its end."""
    people()
    first = emergency()
    resolve(goes_on(first).id, LATER)
    assert len(claim_all(LATER)) == 3
    return first


def test_a_correction_of_a_routine_notice_waits_as_the_notice_did() -> None:
    first = cleared()
    goes_on_with(first, 10, "update")
    assert ends(goes_on_with(first, 20, "update", corrects=True)) == {("held", "quiet-hours"): 3}


def test_a_correction_of_the_end_does_not_wait() -> None:
    assert ends(goes_on_with(cleared(), 20, "all-clear", corrects=True)) == {("queued", None): 3}


def test_the_end_is_told_once() -> None:
    first = cleared()
    goes_on_with(first, 10, "update")
    again = goes_on_with(first, 180, "all-clear")
    assert ends(again) == {("held", "quiet-hours"): 3}
    with transaction() as s:
        assert not audience.emergencies(s, reports.find_alert(s, again))
    assert claim_all(LATER + timedelta(minutes=181)) == []


def test_the_end_of_each_part_is_told_at_once() -> None:
    with transaction() as s:
        zone(s, now=EVENING)
        zone(s, "Harbor", square(1, 0), now=EVENING)
        sender(s, now=EVENING)
        resident(s, at=[(0.5, 0.5), (1.5, 0.5)], topics=("storm",), now=EVENING)
    first = launch(NIGHT, event="storm", zones=("Riverside", "Harbor"))
    assert len(claim_all(NIGHT)) == 1
    for minutes, part in ((0, "Harbor"), (60, "Riverside")):
        assert ends(goes_on_with(first, minutes, "all-clear", zones=(part,))) == {("queued", None): 1}
        assert len(claim_all(LATER + timedelta(minutes=minutes))) == 1


def test_what_is_said_after_a_correction_does_not_hold_it_back() -> None:
    people()
    first = emergency()
    correction = goes_on_with(first, 0, "update", corrects=True)
    goes_on_with(first, 1, "update")
    claim_all(LATER + timedelta(minutes=2))
    assert ends(correction) == {("sending", None): 3}


def test_a_notice_that_was_cancelled_was_not_said() -> None:
    people()
    first = emergency()
    notice = goes_on_with(first, 0, "update")
    with transaction() as s:
        lifecycle.cancel(s, notice, operator(s), LATER)
    assert ends(goes_on_with(first, 5, "update", corrects=True)) == {("queued", None): 3}


@pytest.mark.parametrize("corrects", [False, True])
def test_a_follow_up_of_the_end_does_not_wait_either(corrects: bool) -> None:
    with transaction() as s:
        zone(s, now=EVENING)
        sender(s, now=EVENING)
        sender(s, "sendgrid", now=EVENING)
        resident(s, topics=("storm",), email="", now=EVENING)
    first = emergency()
    end = goes_on_with(first, 0, "all-clear", corrects=corrects)
    claim_all(LATER)
    settle("failed", end)
    again = goes_on_with(first, 5, "all-clear", corrects=corrects, follows=end, channels=("email",))
    assert ends(again) == {("queued", None): 1}


def test_a_correction_does_not_wait_while_the_emergency_holds() -> None:
    """A routine notice in between does not make it one of that notice."""
    people()
    first = emergency()
    goes_on_with(first, 10, "update")
    assert ends(goes_on_with(first, 20, "update", corrects=True)) == {("queued", None): 3}


def test_an_end_that_was_stopped_has_ended_nothing() -> None:
    people()
    first = emergency()
    stopped = goes_on_with(first, 0, "all-clear")
    with transaction() as s:
        lifecycle.pause(s, stopped, operator(s), LATER)
    assert ends(goes_on_with(first, 10, "all-clear")) == {("queued", None): 3}


@pytest.mark.parametrize("channels", [("sms",), ("sms", "social")])
def test_an_end_that_reached_nobody_is_told_at_once_again(channels: tuple[str, ...]) -> None:
    """A post on the city's timeline told no resident who waits for a text."""
    people()
    with transaction() as s:
        sender(s, "mastodon", now=EVENING)
    first = emergency()
    end = goes_on_with(first, 0, "all-clear", channels=channels)
    claim_all(LATER)
    settle("failed", end)
    with transaction() as s:
        s.execute(
            text("""UPDATE deliveries SET state = 'delivered', reason = NULL WHERE alert_id = :end AND contact_id IN (
                        SELECT id FROM contacts WHERE timeline_of IS NOT NULL)"""),
            {"end": end},
        )
    assert ends(goes_on_with(first, 5, "all-clear")) == {("queued", None): 3}


def test_what_the_former_owner_of_a_phone_was_told_was_not_told_to_the_next_one() -> None:
    (who,) = people(1)
    first = emergency()
    with transaction() as s:
        next_one = resident(s, topics=("storm",), phone=None, now=NIGHT)
        contact, owner = s.get_one(Contact, who.sms), s.get_one(Subscriber, next_one.id)
        theirs, _ = proving.pass_on(s, contact, owner, NIGHT + timedelta(minutes=5))
        theirs.verified_at = NIGHT + timedelta(minutes=5)
    later = goes_on_with(first, 0, "all-clear")
    # They live there, too, and hear of it in the morning.
    assert ends(later) == {("held", "quiet-hours"): 1, ("skipped", "erased"): 1}

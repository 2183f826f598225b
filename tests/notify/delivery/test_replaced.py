"""What is held when a later alert of its incident takes its place."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from notify.alerts import lifecycle
from notify.core.db import transaction
from notify.delivery import held, recovery
from tests.database import sql
from tests.factories import operator, resident, resolve, sender, square, zone
from tests.notify.delivery.night import EVENING, MORNING, NIGHT, OF, claim_all, ends, follow, launch, people

pytestmark = pytest.mark.usefixtures("usual_quiet_hours")

LATER = NIGHT + timedelta(hours=2)
NEXT = MORNING + held.LOOK_AGAIN


def test_what_is_held_is_left_out_once_a_later_alert_has_gone_out() -> None:
    people()
    first = launch(NIGHT)
    later = follow(first, LATER)
    assert held.release(MORNING) == [], "whom the later one goes to is not known yet"
    resolve(later, LATER)
    held.release(MORNING)
    assert ends(first) == {("held", "quiet-hours"): 3}, "the later one may still be stopped"
    assert {one.contact_id for one in claim_all(MORNING)} == {row.contact_id for row in sql(OF, alert=later)}
    held.release(NEXT)
    assert claim_all(NEXT) == []
    assert ends(first) == {("skipped", "replaced"): 3}
    assert ends(later) == {("sending", None): 3}


def test_an_all_clear_to_all_of_the_area_cancels_what_is_held() -> None:
    people()
    first = launch(NIGHT)
    resolve(follow(first, LATER, "all-clear"), LATER)
    recovery.end_leftovers(LATER)
    held.release(MORNING)
    assert ends(first) == {("cancelled", "cancelled"): 3}
    assert len(claim_all(MORNING)) == 3


def test_what_is_held_goes_out_when_the_later_alert_is_stopped_before_it_went() -> None:
    people()
    first = launch(NIGHT)
    later = follow(first, LATER)
    resolve(later, LATER)
    with transaction() as s:
        lifecycle.pause(s, later, operator(s), LATER)
    held.release(MORNING)
    assert ends(first) == {("held", "quiet-hours"): 3}
    with transaction() as s:
        lifecycle.cancel(s, later, operator(s), MORNING)
    recovery.end_leftovers(MORNING)
    held.release(NEXT)
    claim_all(NEXT)
    assert ends(first) == {("sending", None): 3}


def test_a_danger_that_still_holds_at_another_place_goes_out() -> None:
    with transaction() as s:
        zone(s, now=EVENING)
        zone(s, "Hillside", square(1, 0), now=EVENING)
        sender(s, now=EVENING)
        both = resident(s, at=[(0.5, 0.5), (1.5, 0.5)], topics=("snow",), now=EVENING)
        here = resident(s, topics=("snow",), now=EVENING)
    first = launch(NIGHT, zones=("Riverside", "Hillside"))
    resolve(follow(first, LATER, zones=("Riverside",)), LATER)
    held.release(MORNING)
    assert sorted(one.contact_id for one in claim_all(MORNING)) == sorted([both.sms or 0, both.sms or 0, here.sms or 0])
    held.release(NEXT)
    assert ends(first) == {("sending", None): 1, ("skipped", "replaced"): 1}


def test_a_danger_that_was_cleared_at_night_does_not_go_out_in_the_morning() -> None:
    """Not even to who does not get the all-clear: it went by email, and only to one of the two zones."""
    with transaction() as s:
        zone(s, now=EVENING)
        zone(s, "Hillside", square(1, 0), now=EVENING)
        sender(s, now=EVENING)
        sender(s, "sendgrid", now=EVENING)
        cleared = resident(s, topics=("snow",), now=EVENING)
        there = resident(s, at=[(1.5, 0.5)], topics=("snow",), now=EVENING)
    first = launch(NIGHT, zones=("Riverside", "Hillside"))
    resolve(follow(first, LATER, "all-clear", zones=("Riverside",), channels=("email",)), LATER)
    held.release(MORNING)
    assert [one.contact_id for one in claim_all(MORNING)] == [there.sms]
    assert (cleared.sms, "skipped", "replaced") in {tuple(row) for row in sql(OF, alert=first)}


def test_who_does_not_get_the_later_alert_gets_the_first() -> None:
    with transaction() as s:
        zone(s, now=EVENING)
        sender(s, now=EVENING)
        sender(s, "sendgrid", now=EVENING)
        who = resident(s, topics=("snow",), email="", now=EVENING)
        s.execute(text("UPDATE contacts SET verified_at = NULL WHERE id = :id"), {"id": who.mail})
    first = launch(NIGHT)
    later = follow(first, LATER, channels=("email",))
    resolve(later, LATER)
    held.release(MORNING)
    claim_all(MORNING)
    assert ends(later) == {("skipped", "unverified"): 1}
    assert ends(first) == {("sending", None): 1}

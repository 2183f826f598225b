"""A number of alerts a day, a mute and a lowest severity: routine alerts obey them, and emergencies do not."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from notify.audience.rules import EMERGENCIES_ONLY
from notify.core.db import transaction
from notify.delivery import claims, held, leases
from notify.subscribers import choices
from tests.database import sql
from tests.factories import resident, sender, zone
from tests.notify.delivery.night import EVENING, MORNING, NOON, choose, claim_all, launch, people, states

pytestmark = pytest.mark.usefixtures("usual_quiet_hours")


def test_an_alert_above_the_number_of_a_day_waits_for_the_next_morning() -> None:
    who, _, _ = people()
    choose(who, most_a_day=1)

    launch(NOON)
    launch(NOON)
    assert len(claim_all(NOON)) == 5
    assert states() == {("sending", None): 5, ("held", "most-a-day"): 1}
    assert held.release(MORNING - timedelta(seconds=1)) == []
    assert len(held.release(MORNING)) == 1
    assert [one.contact_id for one in claim_all(MORNING)] == [who.sms]


def test_the_number_of_a_day_counts_alerts_and_not_phones() -> None:
    with transaction() as s:
        zone(s, now=EVENING)
        sender(s, now=EVENING)
        sender(s, "sendgrid", now=EVENING)
        who = resident(s, topics=("snow",), email="", now=EVENING)
    choose(who, most_a_day=1)

    launch(NOON, channels=("sms", "email"))
    assert {one.contact_id for one in claim_all(NOON)} == {who.sms, who.mail}


def test_an_emergency_is_above_no_number() -> None:
    who, _, _ = people()
    choose(who, most_a_day=1)

    launch(NOON)
    launch(NOON, event="storm")
    assert len(claim_all(NOON)) == 6


def test_two_claims_at_once_never_find_room_for_one_alert_more() -> None:
    who = people(6)
    for one in who:
        choose(one, most_a_day=1)

    for _ in range(4):
        launch(NOON)
    with transaction() as s:
        by = sender(s).id
    found = [leases.lease(batch.id, 60) for batch in sql("SELECT id FROM batches ORDER BY id")]
    with ThreadPoolExecutor(4) as workers:
        claimed = [
            one for some in workers.map(lambda x: x and claims.claim(x, by, 100, NOON), found) for one in some or ()
        ]
    assert sorted(one.contact_id for one in claimed) == sorted(one.sms or 0 for one in who)
    assert states() == {("sending", None): 6, ("held", "most-a-day"): 18}


@pytest.mark.parametrize(("lane", "comes"), [("snow", False), ("storm", True)])
def test_a_lowest_severity_and_a_mute_leave_out_of_routine_alerts_only(lane: str, comes: bool) -> None:
    above, muted, _ = people()
    with transaction() as s:
        s.execute(text("UPDATE contacts SET lowest_severity = 4 WHERE id = :id"), {"id": above.sms})
        s.execute(
            text("UPDATE preferences SET muted_until = :until WHERE subscriber_id = :id"),
            {"id": muted.id, "until": MORNING + timedelta(days=1)},
        )

    launch(NOON, event=lane)
    left_out = {} if comes else {("skipped", "below-severity"): 1, ("skipped", "muted"): 1}
    assert states() == {("queued", None): 3 if comes else 1} | left_out
    with transaction() as s:
        s.execute(
            text("UPDATE deliveries SET state = 'queued', reason = NULL, batch_id = (SELECT min(id) FROM batches)")
        )
    assert len(claim_all(NOON)) == (3 if comes else 1), "and the claim looks again"


def test_an_unknown_severity_is_below_none_but_for_who_wants_only_emergencies() -> None:
    who, never, _ = people()
    with transaction() as s:
        s.execute(text("UPDATE contacts SET lowest_severity = 4 WHERE id = :id"), {"id": who.sms})
        choices.set_lowest(s, never.id, {never.sms or 0: EMERGENCIES_ONLY})
    launch(NOON, severity="Unknown")
    assert states() == {("queued", None): 2, ("skipped", "emergencies-only"): 1}
    with transaction() as s:  # chosen since the audience was resolved: the claim looks again
        choices.set_lowest(s, who.id, {who.sms or 0: EMERGENCIES_ONLY})
    assert len(claim_all(NOON)) == 1
    assert states() == {("sending", None): 1, ("skipped", "emergencies-only"): 2}
    launch(NOON, event="storm")
    assert states()["queued", None] == 3, "an emergency comes on all"

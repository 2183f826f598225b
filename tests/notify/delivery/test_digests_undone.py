"""Digests whose message is stopped, refused or lost on its way: what was in it is neither lost nor sent twice."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from notify.alerts import lifecycle
from notify.core.db import transaction
from notify.delivery import digests, held, recovery
from notify.subscribers import choices
from tests.factories import operator
from tests.notify.delivery.night import (
    FIVE,
    LATER,
    MONDAY,
    NOON,
    choose,
    claim_all,
    ends,
    launch,
    people,
    reader,
    settle,
    words,
)

pytestmark = pytest.mark.usefixtures("usual_quiet_hours")


@pytest.mark.parametrize("end", ["cancel", "pause", "expire"])
def test_when_the_newest_is_stopped_before_it_leaves_the_others_still_come(end: str) -> None:
    reader()
    first, second = launch(NOON, hours=40), launch(NOON, hours=40)
    newest = launch(NOON, hours=30)
    held.release(FIVE)
    with transaction() as s:
        if end == "expire":
            s.execute(text("UPDATE alerts SET state = 'expired' WHERE id = :id"), {"id": newest})
        else:
            getattr(lifecycle, end)(s, newest, operator(s), FIVE)
    recovery.end_leftovers(FIVE)
    held.release(FIVE + held.LOOK_AGAIN)
    (one,) = claim_all(FIVE + held.LOOK_AGAIN)
    assert one.words is not None
    assert f"/alerts/{newest}" not in one.words.text
    assert ends(second) == {("sending", None): 1}
    assert ends(first) == {("held", "merged"): 1}


def refuse(at: datetime) -> None:
    """The provider has not taken it: it is queued again, as `recording` does."""
    with transaction() as s:
        s.execute(text("UPDATE deliveries SET state = 'queued', settled_at = :at WHERE state = 'sending'"), {"at": at})
        s.execute(text("UPDATE batches SET state = 'waiting', not_before = NULL WHERE state = 'unsettled'"))


def test_what_went_along_goes_back_when_its_carrier_is_cancelled_after_a_refusal() -> None:
    reader()
    first, newest = launch(NOON, hours=40), launch(NOON, hours=40)
    held.release(FIVE)
    assert len(claim_all(FIVE)) == 1
    refuse(FIVE)
    with transaction() as s:
        lifecycle.cancel(s, newest, operator(s), FIVE)
    recovery.end_leftovers(FIVE)
    digests.follow(LATER)
    assert ends(first) == {("held", "digest"): 1}
    held.release(LATER)
    assert words(claim_all(LATER)) == [""]
    assert ends(first) == {("sending", None): 1}


def test_what_is_cancelled_meanwhile_is_not_in_the_next_try() -> None:
    reader()
    first, second, newest = (launch(NOON, hours=40) for _ in range(3))
    held.release(FIVE)
    claim_all(FIVE)
    refuse(FIVE)
    with transaction() as s:
        lifecycle.cancel(s, first, operator(s), FIVE)
    (one,) = claim_all(LATER)
    assert one.words is not None
    assert f"/alerts/{first}" not in one.words.text
    assert f"/alerts/{second}" in one.words.text
    recovery.end_leftovers(LATER)
    settle("accepted")
    digests.follow(LATER + timedelta(minutes=1))
    assert ends(first) == {("cancelled", "cancelled"): 1}
    assert ends(second) == {("accepted", "merged"): 1}
    assert ends(newest) == {("accepted", None): 1}


def test_what_had_left_with_its_carrier_is_not_cancelled_afterwards() -> None:
    reader()
    first, _newest = launch(NOON, hours=40), launch(NOON, hours=40)
    held.release(FIVE)
    claim_all(FIVE)
    with transaction() as s:
        lifecycle.cancel(s, first, operator(s), FIVE)
    recovery.end_leftovers(FIVE)
    settle("accepted")
    digests.follow(LATER)
    assert ends(first) == {("accepted", "merged"): 1}


def test_a_worker_that_is_killed_leaves_the_merged_with_its_carrier() -> None:
    """Nobody knows yet whether the message left: nothing of it is sent anew before that is known."""
    reader()
    first, newest = launch(NOON, hours=40), launch(NOON, hours=40)
    held.release(FIVE)
    claim_all(FIVE)
    with transaction() as s:
        s.execute(text("UPDATE deliveries SET state = 'unknown', reason = 'worker-lost' WHERE state = 'sending'"))
    digests.follow(LATER)
    held.release(LATER)
    assert ends(first) == {("held", "merged"): 1}
    assert claim_all(LATER) == []
    with transaction() as s:  # the provider has it
        s.execute(
            text("UPDATE deliveries SET state = 'accepted', settled_at = :at WHERE alert_id = :id"),
            {"id": newest, "at": LATER},
        )
    digests.follow(LATER + timedelta(minutes=1))
    assert ends(first) == {("accepted", "merged"): 1}


def test_a_failed_message_fails_for_all_that_was_in_it() -> None:
    reader()
    first, _newest = launch(NOON, hours=40), launch(NOON, hours=40)
    held.release(FIVE)
    claim_all(FIVE)
    settle("failed")
    digests.follow(LATER)
    assert ends(first) == {("failed", "x"): 1}


def test_what_certainly_did_not_leave_takes_nothing_with_it() -> None:
    """The worker died before it posted, and the alert of the carrier was over when the provider was asked."""
    reader()
    first, _newest = launch(NOON, hours=40), launch(NOON, hours=40)
    held.release(FIVE)
    claim_all(FIVE)
    with transaction() as s:
        s.execute(text("UPDATE deliveries SET state = 'failed', reason = 'not-sent' WHERE state = 'sending'"))
    digests.follow(LATER)
    held.release(LATER)
    assert words(claim_all(LATER)) == [""]
    assert ends(first) == {("sending", None): 1}


def test_who_wants_no_digest_any_more_gets_what_waits_for_it() -> None:
    who, other = people(2)
    for one in (who, other):
        choose(one, digest="weekly")
    first, second = launch(NOON, hours=24 * 10), launch(NOON, hours=24 * 10)
    assert ends(first) == ends(second) == {("held", "digest"): 2}
    with transaction() as s:
        choices.choose(s, who.id, choices.Chosen(), NOON)
    later = NOON + timedelta(minutes=10)
    held.release(later)
    assert {one.contact_id for one in claim_all(later)} == {who.sms}
    assert ends(first) == ends(second) == {("sending", None): 1, ("held", "digest"): 1}
    held.release(MONDAY)
    (one,) = claim_all(MONDAY)
    assert (one.contact_id, one.words is not None) == (other.sms, True)

"""Reach the unreached: exactly those, once, on channels that the first alert did not use."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from notify import audience
from notify.alerts import follow_up, lifecycle
from notify.core.db import transaction
from notify.core.errors import NotAllowed, Refused
from notify.core.settings import settings
from notify.models import Alert
from tests import factories
from tests.database import sql
from tests.factories import NOW

LATER = NOW + timedelta(minutes=5)


def all_set() -> object:
    return settings().model_copy(update=factories.CREDENTIALS)


@pytest.fixture
def first(database: str) -> tuple[int, list[factories.Resident]]:
    """A text to six residents, five of whom have an email: not delivered to the first four."""
    with transaction() as s:
        factories.zone(s)
        factories.sender(s, "twilio")
        factories.sender(s, "sendgrid")
        people = [factories.resident(s, email="" if n != 3 else None) for n in range(6)]
    alert = factories.alert_resolved(channels=("sms",), expires_at=NOW + timedelta(hours=6))
    states = ("undelivered", "failed", "undelivered", "undelivered", "delivered", "accepted")
    for person, state in zip(people, states, strict=True):
        sql(
            "UPDATE deliveries SET state = CAST(:state AS delivery_state), reason = '30005' WHERE contact_id = :c",
            state=state,
            c=person.sms,
        )
    return alert, people


def make(alert: int, role: str = "author") -> int:
    with transaction() as s:
        return follow_up.make(s, alert, factories.operator(s, role), LATER, all_set()).id  # type: ignore[arg-type]


def launch(alert: int) -> None:
    with transaction() as s:
        lifecycle.approve(s, alert, factories.operator(s, "approver"), LATER, all_set())  # type: ignore[arg-type]
        lifecycle.launch(s, alert, factories.operator(s), LATER)
    factories.resolve(alert, LATER)


def written(alert: int) -> set[tuple[int, str]]:
    rows = sql("SELECT contact_id, state::text AS state FROM deliveries WHERE alert_id = :a", a=alert)
    return {(row.contact_id, row.state) for row in rows}


def test_it_reaches_those_who_were_not_reached_and_nobody_else(
    first: tuple[int, list[factories.Resident]],
) -> None:
    alert, people = first
    follow = make(alert)
    with transaction() as s:
        made = s.get_one(Alert, follow)
        assert (made.channels, made.incident_id, made.follows) == (
            ["email"],
            s.get_one(Alert, alert).incident_id,
            alert,
        )
        assert audience.preview(s, made, LATER).by_channel == {"email": 3}
    launch(follow)
    assert written(follow) == {(people[n].mail, "queued") for n in (0, 1, 2)}
    factories.resolve(follow, LATER)  # a second resolver
    assert len(written(follow)) == 3


def test_an_opt_out_holds_and_a_late_receipt_counts(first: tuple[int, list[factories.Resident]]) -> None:
    alert, people = first
    follow = make(alert)
    sql("DELETE FROM preferences WHERE subscriber_id = :r", r=people[0].id)
    sql("UPDATE deliveries SET state = 'delivered', reason = NULL WHERE contact_id = :c", c=people[1].sms)
    launch(follow)
    assert written(follow) == {(people[0].mail, "skipped"), (people[2].mail, "queued")}


def test_there_is_one_however_many_click_at_once(first: tuple[int, list[factories.Resident]]) -> None:
    alert, _ = first
    with transaction() as s:
        factories.operator(s, "author")
    outcomes: list[str] = []

    def click() -> None:
        try:
            outcomes.append(str(make(alert) > 0))
        except Refused as error:
            outcomes.append(error.message)

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()
    assert sorted(outcome.endswith("already.") for outcome in outcomes) == [False, True, True, True]
    assert sql("SELECT count(*) AS n FROM alerts WHERE follows = :a", a=alert)[0].n == 1


def test_what_cannot_be_followed_is_refused(first: tuple[int, list[factories.Resident]]) -> None:
    alert, _ = first
    with pytest.raises(NotAllowed):
        make(alert, "agent")
    follow = make(alert)
    launch(follow)
    with pytest.raises(Refused, match="a follow-up itself"):
        make(follow)
    everywhere = factories.alert_resolved(channels=("sms", "email"))
    with pytest.raises(Refused, match="used every channel"):
        make(everywhere)
    with transaction() as s:
        ready = factories.alert_ready(s).id
    with pytest.raises(Refused, match="nothing can follow it"):
        make(ready)


@pytest.mark.parametrize(
    ("phase", "why"), [("update", "later alert replaces"), ("all-clear", "is cancelled: nothing can follow it")]
)
def test_words_that_a_later_alert_replaces_are_not_sent_again(
    first: tuple[int, list[factories.Resident]], phase: str, why: str
) -> None:
    alert, _ = first
    with transaction() as s:
        incident = s.execute(text("SELECT incident_id FROM alerts WHERE id = :a"), {"a": alert}).scalar_one()
        later = factories.alert_ready(s, incident=incident, phase=phase, now=LATER)
        lifecycle.launch(s, later.id, None, LATER)
    with pytest.raises(Refused, match=why):
        make(alert)


@pytest.mark.parametrize("state", ["cancelled", "expired"])
def test_one_that_ended_before_its_launch_does_not_use_it_up(
    first: tuple[int, list[factories.Resident]], state: str
) -> None:
    alert, _ = first
    sql("UPDATE alerts SET state = CAST(:state AS alert_state) WHERE id = :a", state=state, a=make(alert))
    follow = make(alert)
    with pytest.raises(Refused, match=f"Alert {follow} follows"):
        make(alert)
    launch(follow)
    with transaction() as s:
        lifecycle.cancel(s, follow, None, LATER)
    with pytest.raises(Refused, match=f"Alert {follow} follows"):
        make(alert)


def queue(person: factories.Resident) -> None:
    """Let a text of the first alert wait for its sender, on which nothing was accepted."""
    sql("UPDATE deliveries SET state = 'failed', reason = '30005', sent_at = NULL")
    sql("UPDATE deliveries SET state = 'queued', reason = NULL WHERE contact_id = :c", c=person.sms)


def step(alert: int, act: Callable[..., object]) -> None:
    with transaction() as s:
        act(s, alert, factories.operator(s), LATER)


def test_a_paused_alert_is_not_followed_until_it_is_resumed(first: tuple[int, list[factories.Resident]]) -> None:
    alert, people = first
    queue(people[0])
    step(alert, lifecycle.pause)
    with transaction() as s:
        assert follow_up.offer(s, s.get_one(Alert, alert), LATER, all_set()).channels == ()  # type: ignore[arg-type]
    with pytest.raises(Refused, match=f"Alert {alert} is paused") as refused:
        make(alert)
    assert "Resume it" in refused.value.hint
    step(alert, lifecycle.resume)
    assert make(alert)


def test_a_follow_up_is_not_launched_while_the_first_is_paused(first: tuple[int, list[factories.Resident]]) -> None:
    alert, people = first
    queue(people[0])
    follow = make(alert)
    step(alert, lifecycle.pause)
    with pytest.raises(Refused, match=f"Alert {alert} is paused"):
        launch(follow)
    assert written(follow) == set()
    step(alert, lifecycle.resume)
    launch(follow)
    assert (people[1].mail, "queued") in written(follow)
    assert (people[0].mail, "queued") not in written(follow), "the text waits again for its sender"


def test_an_alert_is_not_resumed_once_its_follow_up_goes_to_those_who_wait(
    first: tuple[int, list[factories.Resident]],
) -> None:
    alert, people = first
    queue(people[0])
    follow = make(alert)
    with transaction() as s:
        lifecycle.approve(s, follow, factories.operator(s, "approver"), LATER, all_set())  # type: ignore[arg-type]
        lifecycle.launch(s, follow, factories.operator(s), LATER)
    step(alert, lifecycle.pause)
    for _ in ("before it knows its people", "when it goes to them"):
        with pytest.raises(Refused, match=f"Alert {follow} goes to people for whom messages of alert {alert} wait"):
            step(alert, lifecycle.resume)
        factories.resolve(follow, LATER)
    assert (people[0].mail, "queued") in written(follow)
    sql("UPDATE deliveries SET state = 'failed', reason = '550' WHERE contact_id = :c", c=people[0].mail)
    step(alert, lifecycle.resume)

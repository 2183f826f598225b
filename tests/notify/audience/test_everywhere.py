"""Who gave no place gets what goes to the whole city, and nothing else; counted, resolved and told alike."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from shapely.geometry import box
from sqlalchemy import text

from notify import audience
from notify.alerts import arrivals, lifecycle
from notify.alerts.approving import explanation
from notify.alerts.reporting import zone_reach
from notify.audience import Audience
from notify.audience.cache import precedence
from notify.audience.live_count import LiveCount
from notify.city import whole
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import held
from notify.models import Alert, Contact, Place, Suppression
from notify.subscribers import received, wishes
from tests.database import sql
from tests.factories import (
    NOW,
    Resident,
    alert_draft,
    alert_ready,
    alert_resolved,
    operator,
    resident,
    resolve,
    square,
    zone,
)

QUARTERS = ("North", "South", "East", "West", "Middle")
LATER = NOW + timedelta(seconds=5)


@pytest.fixture(autouse=True)
def city(database: str) -> None:
    """Five neighbourhoods in a row, from (0, 0) eastwards; `Town` is all of them."""
    with transaction() as s:
        for n, name in enumerate(QUARTERS):
            zone(s, name, square(n, 0), kind="neighbourhood")
        zone(s, "Town", box(0, 0, 5, 1))


def somebody(at: tuple[tuple[float, float], ...] = (), **more: object) -> Resident:
    with transaction() as s:
        return resident(s, at=at, **more)  # type: ignore[arg-type]


def contacts(alert: int) -> list[int]:
    rows = sql("SELECT contact_id FROM deliveries WHERE alert_id = :a AND state <> 'skipped' ORDER BY 1", a=alert)
    return [row.contact_id for row in rows]


def counts(alert_id: int) -> tuple[Audience, Audience]:
    """The live count of an alert, and what a launch would resolve."""
    with transaction() as s:
        alert = s.get_one(Alert, alert_id)
        area, given = audience.membership(alert), (alert.topic.value, alert.channels, NOW, precedence(alert, None))
        resolved = audience.preview(s, alert, NOW)
    return LiveCount(("en", "es")).count(area, *given), resolved


@pytest.mark.parametrize("zones", [("Town",), QUARTERS])
def test_the_whole_city_reaches_who_gave_no_place(zones: tuple[str, ...]) -> None:
    home, nowhere = somebody(((0.5, 0.5),)), somebody()
    alert = alert_resolved(zones=zones)
    assert contacts(alert) == [home.sms, nowhere.sms]


@pytest.mark.parametrize("zones", [("North",), QUARTERS[:4]])
def test_a_part_of_the_city_does_not(zones: tuple[str, ...]) -> None:
    home, _nowhere = somebody(((0.5, 0.5),)), somebody()
    assert contacts(alert_resolved(zones=zones)) == [home.sms]


@pytest.mark.parametrize("zones", [("Town",), ("North",)])
def test_the_live_count_is_what_a_launch_resolves(zones: tuple[str, ...]) -> None:
    somebody(((0.5, 0.5),))
    somebody(email="")
    somebody(verified=False)  # nothing may be sent to them: they are in no audience
    somebody(topics=())
    somebody(((9.5, 9.5),))  # has a place, elsewhere
    left, erased, damaged = somebody(), somebody(), somebody(((0.5, 0.5),))
    with transaction() as s:
        one = s.get_one(Contact, left.sms)
        s.add(Suppression(channel="sms", address_index=one.address_index, reason="opt-out", at=NOW))
        s.get_one(Contact, erased.sms).address_sealed = None
        s.execute(text("UPDATE places SET point_sealed = '\\x00' || substr(point_sealed, 2) WHERE subscriber_id = :i"),
                  {"i": damaged.id})  # fmt: skip
        alert = alert_ready(s, zones=zones, channels=("sms", "email")).id
    live, stored = counts(alert)
    assert live == stored
    whole_city = zones == ("Town",)
    assert stored.residents == (4 if whole_city else 1)
    assert stored.skipped == ({"not-subscribed": 1, "opt-out": 1} if whole_city else {})


def test_the_live_count_follows_who_removes_their_last_place() -> None:
    somebody(((0.5, 0.5),))
    away = somebody(((9.5, 9.5),))
    with transaction() as s:
        alert = s.get_one(Alert, alert_ready(s, zones=("Town",)).id)
        area = audience.membership(alert)
    live = LiveCount(("en", "es"))
    given = (area, alert.topic.value, alert.channels, NOW, precedence(alert, None))
    assert live.count(*given).residents == 1
    with transaction() as s:
        s.execute(text("DELETE FROM places WHERE subscriber_id = :id"), {"id": away.id})
    assert live.count(*given).residents == 2
    assert counts(alert.id)[1].residents == 2


def test_it_is_frozen_when_the_alert_is_written() -> None:
    with transaction() as s:
        alert = alert_draft(s, zones=("Town",)).id
        zone(s, "New quarter", square(5, 0), kind="neighbourhood")
    with transaction() as s:
        assert s.get_one(Alert, alert).whole_city
        assert not whole.is_whole(s, box(0, 0, 5, 1))
        assert whole.is_whole(s, box(-1, -1, 7, 2))


def test_borders_drawn_anew_are_still_the_whole_city() -> None:
    with transaction() as s:
        assert whole.is_whole(s, box(0.00002, 0.00002, 4.99998, 0.99998))
        assert not whole.is_whole(s, box(0.0, 0.0, 4.99, 1.0))
        assert not whole.is_whole(s, box(0, 0, 5, 1).difference(box(2.2, 0.2, 2.4, 0.4)))


def test_an_all_clear_goes_to_those_who_were_told_and_only_to_them() -> None:
    nowhere = somebody()
    somebody(((0.5, 0.5),))
    first = alert_resolved(zones=("Town",))
    sql("UPDATE deliveries SET state = 'delivered' WHERE alert_id = :a", a=first)
    incident = sql("SELECT incident_id FROM alerts WHERE id = :a", a=first)[0][0]
    new = somebody()
    part = alert_resolved(zones=QUARTERS[:3], phase="all-clear", incident=incident, now=LATER)
    assert nowhere.sms not in contacts(part), "it is not over for them"
    rest = alert_resolved(zones=QUARTERS[3:], phase="all-clear", incident=incident, now=LATER + timedelta(seconds=5))
    assert nowhere.sms in contacts(rest)
    assert new.sms not in contacts(rest)


def test_a_follow_up_reaches_those_without_a_place_whom_nothing_reached() -> None:
    reached, missed = somebody(), somebody()
    first = alert_resolved(zones=("Town",))
    sql("UPDATE deliveries SET state = 'delivered' WHERE contact_id = :c", c=reached.sms)
    sql("UPDATE deliveries SET state = 'failed', reason = 'invalid' WHERE contact_id = :c", c=missed.sms)
    incident = sql("SELECT incident_id FROM alerts WHERE id = :a", a=first)[0][0]
    again = alert_resolved(zones=(), incident=incident, follows=first, now=LATER)
    assert contacts(again) == [missed.sms]


def test_who_joins_without_a_place_gets_what_holds_for_the_whole_city() -> None:
    everywhere, _part = alert_resolved(zones=("Town",)), alert_resolved(zones=("North",))
    with transaction() as s:
        nowhere = resident(s, at=())
        wishes.note_arrival(s, nowhere.id, NOW)
    with transaction() as s:
        assert len(arrivals.tell(s, LATER)) == 1
    rows = sql("SELECT alert_id, state::text FROM deliveries WHERE contact_id = :c", c=nowhere.sms)
    assert [tuple(row) for row in rows] == [(everywhere, "queued")]


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch) -> Iterator[datetime]:
    monkeypatch.setenv("TOCSIN_QUIET_HOURS", "21:00-08:00")
    settings.cache_clear()
    yield datetime(2027, 1, 13, 3, tzinfo=UTC)
    settings.cache_clear()


@pytest.mark.parametrize(
    ("phase", "zones", "becomes"),
    [("update", QUARTERS[:3], "queued"), ("all-clear", QUARTERS[:3], "queued"), ("all-clear", ("Town",), "held")],
)
def test_what_is_held_for_them_goes_out_unless_the_whole_city_has_a_later_word(
    night: datetime, phase: str, zones: tuple[str, ...], becomes: str
) -> None:
    nowhere = somebody(topics=("snow",))
    somebody(((0.5, 0.5),), topics=("snow",))
    ends = {"now": night, "expires_at": night + timedelta(hours=24), "event": "snow"}
    first = alert_resolved(zones=("Town",), **ends)
    incident = sql("SELECT incident_id FROM alerts WHERE id = :a", a=first)[0][0]
    alert_resolved(zones=zones, phase=phase, incident=incident, **ends)
    held.release(night + timedelta(hours=12))
    found = sql("SELECT state::text FROM deliveries WHERE (alert_id, contact_id) = (:a, :c)", a=first, c=nowhere.sms)
    assert [row.state for row in found] == [becomes]
    over = sql("SELECT state = 'cancelled' AS over FROM alerts WHERE id = :a", a=first)[0].over
    assert over == (becomes == "held"), "what an alert holds ends with it"


def test_the_review_and_the_report_count_them_in_a_row_of_their_own() -> None:
    somebody(((0.5, 0.5),))
    somebody()
    with transaction() as s:
        alert = alert_ready(s, zones=("Town",))
        rows = explanation.explain(s, alert, NOW).zones
        assert [(row.kind, row.zone, row.residents) for row in rows] == [("custom", "Town", 1), ("no-place", "", 1)]
        assert rows[1].label == "No place given: the whole city only"
        lifecycle.launch(s, alert.id, operator(s), NOW)
        number = alert.id
    resolve(number)
    with transaction() as s:
        alert = s.get_one(Alert, number)
        reach = zone_reach.reach(s, alert, zone_reach.residents(s, alert, NOW))
    assert [(row.kind, row.residents, row.to_come) for row in reach] == [("custom", 1, 1), ("no-place", 1, 1)]


def test_why_says_that_it_went_to_the_whole_city() -> None:
    nowhere = somebody()
    got, part = alert_resolved(zones=("Town",)), alert_resolved(zones=("North",))
    with transaction() as s:
        answer = received.read(s, nowhere.id, LATER)
    assert [(one.alert_id, one.place, one.everywhere) for one in answer.received] == [(got, "", True)]
    assert part not in [one.alert_id for one in answer.missed]


def test_why_not_names_an_alert_to_the_whole_city() -> None:
    alert = alert_resolved(zones=("Town",))
    with transaction() as s:
        late = resident(s, at=(), now=LATER)
        answer = received.read(s, late.id, LATER)
    assert [(one.alert_id, one.place) for one in answer.missed] == [(alert, "the whole city")]
    assert answer.missed[0].why == "You signed up after it was sent."


def test_placeless_are_found_within_their_ids() -> None:
    people = [somebody(), somebody(), somebody(((0.5, 0.5),)), somebody()]
    with transaction() as s:
        assert s.query(Place).count() == 1
        found = audience.everywhere.placeless(s, after=people[0].id, through=people[3].id)
    assert np.array_equal(found, [people[1].id, people[3].id])

"""Exercise mode, and drills with their scores."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from notify.accounts import sessions
from notify.alerts import lifecycle
from notify.alerts.practice import drill_scores, drills, scenarios
from notify.alerts.words import linting
from notify.alerts.writing import working_start
from notify.content.compose import catalogue
from notify.core.db import transaction
from notify.core.errors import Invalid, NotAllowed, Refused
from notify.core.settings import settings
from notify.models import Alert
from notify.training.city import TrainingCity
from tests import factories
from tests.factories import NOW
from zones.geometry import to_wkb

SIMULATOR = "http://127.0.0.1:8025"
ZONES = ("Harbor Point", "Saltmarsh", "Millrace")


@pytest.fixture
def rehearsing(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack of simulators, with the zones of the storm scenario."""
    for name in ("SIMULATOR", "TWILIO_BASE", "SENDGRID_BASE", "MASTODON_BASE"):
        monkeypatch.setenv(f"TOCSIN_{name}_URL", SIMULATOR)
    settings.cache_clear()
    with transaction() as s:
        factories.scenario_zones(s, "storm")


def started(name: str = "storm", at: datetime = NOW) -> int:
    with transaction() as s:
        return drills.start(s, name, factories.operator(s, "admin"), at, uuid4()).id


def scores(drill: int) -> list[drill_scores.Score]:
    with transaction() as s:
        ((_, scores),) = drill_scores.of_drills(s, [drills.find(s, drill)])
        return scores


def idle(now: datetime) -> list[str]:
    with transaction() as s:
        return [one.role for one in drill_scores.not_drilled(s, now)]


def test_scenarios_play_in_the_training_city_about_events_that_exist() -> None:
    zones = {f"{zone.kind}:{zone.name}" for zone in TrainingCity().zones()}
    for one in scenarios.all_scenarios():
        assert set(one.zones) <= zones, one.name
        assert catalogue().event(one.event).defaults("issue")
        assert one.task
        assert one.minutes > 0
    assert {one.name for one in scenarios.all_scenarios()} == {"storm", "outage", "boil-water", "collection-change"}


def test_a_score_has_the_times_and_the_area(rehearsing: None) -> None:
    drill = started()
    with transaction() as s:
        factories.sender(s)
        alert = factories.alert_draft(s, zones=ZONES[:2], now=NOW + timedelta(seconds=200), status="Exercise")
        allowed = settings().model_copy(update=factories.CREDENTIALS | {"mastodon_base_url": SIMULATOR})
        later = NOW + timedelta(seconds=260)
        lifecycle.approve(s, alert.id, factories.operator(s, "approver"), later, allowed)
    (score,) = scores(drill)
    assert (score.author, score.draft_s) == ("author@tocsin.example.org", 200)
    assert (score.approver, score.approve_s) == ("approver@tocsin.example.org", 60)
    assert score.area_error == pytest.approx(100 / 3, abs=0.1), "one of three equal zones is missing"
    assert not score.launched
    with transaction() as s:
        assert score.findings == len(linting.findings(s, s.get_one(Alert, alert.id), settings()))


def test_only_exercises_about_its_event_and_in_its_time_count_and_the_last_of_an_author(rehearsing: None) -> None:
    drill = started()
    soon = NOW + timedelta(minutes=1)
    with transaction() as s:
        factories.alert_draft(s, zones=ZONES, now=soon)  # real
        factories.alert_draft(s, zones=ZONES, now=NOW - timedelta(minutes=1), status="Exercise")
        factories.alert_draft(s, zones=ZONES, now=NOW + timedelta(minutes=30), status="Exercise")
        factories.alert_draft(s, zones=ZONES, now=soon, status="Exercise", event="snow")
    assert scores(drill) == []
    with transaction() as s:
        factories.alert_draft(s, zones=ZONES[:1], now=soon, status="Exercise")
        last = factories.alert_draft(s, zones=ZONES, now=soon, status="Exercise").id
    ((alert, error),) = [(one.alert_id, one.area_error) for one in scores(drill)]
    assert (alert, error) == (last, 0.0)


def test_what_is_missing_and_what_is_too_much_are_both_errors() -> None:
    wanted = to_wkb(factories.square(0, 0))
    assert drill_scores.area_error(wanted, to_wkb(factories.square(0, 0))) == 0
    assert drill_scores.area_error(wanted, to_wkb(factories.square(5, 0))) == pytest.approx(200)
    assert drill_scores.area_error(wanted, to_wkb(factories.square(0.5, 0))) == pytest.approx(100)
    assert drill_scores.area_error(wanted, None) == 100


def test_who_has_not_drilled_this_month(rehearsing: None) -> None:
    with transaction() as s:
        for role in ("author", "approver", "admin", "agent"):
            factories.operator(s, role)
    assert idle(NOW) == ["admin", "approver", "author"], "agents write no alerts of this kind"
    started()
    with transaction() as s:
        factories.alert_draft(s, zones=ZONES, now=NOW, status="Exercise")
    assert idle(NOW) == ["admin", "approver"]
    assert idle(datetime(2027, 2, 1, 4, 59, tzinfo=UTC)) == ["admin", "approver"], "January in the city"
    assert idle(datetime(2027, 2, 1, 5, 0, tzinfo=UTC)) == ["admin", "approver", "author"]


def test_a_form_sent_twice_starts_one_drill_and_a_second_of_the_event_waits(rehearsing: None) -> None:
    form = uuid4()
    with transaction() as s:
        by = factories.operator(s, "author")
        first = drills.start(s, "storm", by, NOW, form).id
        assert drills.start(s, "storm", by, NOW, form).id == first
        with pytest.raises(Refused, match="about the same event"):
            drills.start(s, "storm", by, NOW, uuid4())
        drills.end(s, first, by, NOW + timedelta(minutes=1))
        assert not drills.running(s, NOW + timedelta(minutes=1))
        assert drills.start(s, "storm", by, NOW + timedelta(minutes=1), uuid4()).id != first


def test_who_may_start_and_end(rehearsing: None) -> None:
    with transaction() as s:
        author, agent = factories.operator(s, "author"), factories.operator(s, "agent")
        with pytest.raises(NotAllowed):
            drills.start(s, "storm", agent, NOW, uuid4())
        drill = drills.start(s, "storm", factories.operator(s, "admin"), NOW, uuid4()).id
        with pytest.raises(NotAllowed, match="somebody else"):
            drills.end(s, drill, author, NOW)
        with pytest.raises(Invalid, match="There is no scenario 'earthquake'"):
            drills.start(s, "earthquake", author, NOW, uuid4())
        with pytest.raises(Refused, match="needs the zones of the training city"):
            drills.start(s, "outage", author, NOW, uuid4())


def test_neither_drill_nor_mode_where_a_provider_is_real(database: str) -> None:
    with transaction() as s:
        by = factories.operator(s, "admin")
        with pytest.raises(Refused, match="no simulators"):
            drills.start(s, "storm", by, NOW, uuid4())
        with pytest.raises(Refused, match="no simulators"):
            drills.set_mode(s, 1, True, by, NOW)


def test_in_exercise_mode_nothing_real_is_approved_or_launched(rehearsing: None) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        ready = factories.alert_ready(s, zones=ZONES, now=now).id
        draft = factories.alert_draft(s, zones=ZONES, now=now).id
        token = sessions.begin(s, factories.operator(s, "approver"), "password", "a test", now)
        live = sessions.find(s, token, now)
        assert live
        assert not live.operator.exercising
        drills.set_mode(s, live.id, True, live.operator, now)
    with transaction() as s:
        live = sessions.find(s, token, now)
        assert live
        assert live.operator.exercising
        with pytest.raises(Refused, match=f"Alert {ready} is real, and you are in exercise mode"):
            lifecycle.launch(s, ready, live.operator, now)
        with pytest.raises(Refused, match="is real"):
            lifecycle.approve(s, draft, live.operator, now, settings())
        assert working_start.start(s, "storm", "issue", live.operator, now).fields["status"]["value"] == "Exercise"
        drills.set_mode(s, live.id, False, live.operator, now)
    with transaction() as s:
        live = sessions.find(s, token, now)
        assert live
        lifecycle.launch(s, ready, live.operator, now)


def test_the_mode_is_void_where_providers_have_become_real(rehearsing: None, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        token = sessions.begin(s, factories.operator(s), "password", "a test", now)
        live = sessions.find(s, token, now)
        assert live
        drills.set_mode(s, live.id, True, live.operator, now)
    monkeypatch.delenv("TOCSIN_SIMULATOR_URL")
    settings.cache_clear()
    with transaction() as s:
        live = sessions.find(s, token, now)
        assert live
        assert not live.operator.exercising

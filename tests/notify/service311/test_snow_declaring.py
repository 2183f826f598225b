"""A snow emergency is drafted: everybody reads the rule of their own street first."""

from datetime import UTC, datetime, timedelta

import pytest
from shapely.geometry import LineString, Point, box
from sqlalchemy import select

from notify.alerts import lifecycle
from notify.alerts.writing import wordings
from notify.channels import sms_segments
from notify.core.db import transaction
from notify.core.errors import Invalid, NotAllowed, Refused
from notify.core.settings import settings
from notify.models import Alert, StoredContent, StoredWording
from notify.service311.snow import declaring, emergencies, routes
from notify.service311.snow.rules import OTHERS, ROUTES, Ban, Phase
from tests import factories
from tests.database import sql
from zones.addresses.rows import StreetRow

NOW = datetime(2027, 1, 12, 15, tzinfo=UTC)


def at(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


TWO = (Phase(at(6), at(17), (Ban(ROUTES),)), Phase(at(17), at(29), (Ban(OTHERS, "even"),)))


@pytest.fixture(autouse=True)
def town(database: str) -> None:
    with transaction() as s:
        factories.zone(s, "Downtown", box(0, 0, 0.1, 0.1), "neighbourhood", now=NOW)
        line = LineString([(0.01, 0.05), (0.09, 0.05)])
        routes.keep(s, [StreetRow("1", "MAIN ST", None, None, "", "", 2, line)], "city", NOW)


def declared(*phases: Phase, incident: int | None = None, role: str = "author") -> int:
    with transaction() as s:
        by = factories.operator(s, role, now=NOW)
        instead = {"en": "City garages are free.", "es": "Los garajes son gratis."}
        return declaring.declare(s, phases, "+12155550124", instead, by, NOW, settings(), incident).id


def launched(alert: int) -> None:
    with transaction() as s:
        for provider in ("twilio", "sendgrid", "mastodon"):
            factories.sender(s, provider, now=NOW)
        allowed = settings().model_copy(update=factories.CREDENTIALS)
        lifecycle.approve(s, alert, factories.operator(s, "approver", now=NOW), NOW, allowed)
        lifecycle.launch(s, alert, None, NOW)


def text_of(alert: int, wording: int, language: str = "en") -> str:
    with transaction() as s:
        return str(
            s.scalars(
                select(StoredContent.text).where(
                    StoredContent.alert_id == alert, StoredContent.wording == wording,
                    StoredContent.channel == "sms", StoredContent.language == language,
                )
            ).one()
        )  # fmt: skip


def test_each_reads_the_rule_of_their_own_street_first() -> None:
    alert = declared(*TWO)
    with transaction() as s:
        labels = {one.number: one.label for one in wordings.parts_of(s, alert)}
        sets = {
            frozenset(labels[n] for n in one.parts): one.wording
            for one in s.scalars(select(StoredWording).where(StoredWording.alert_id == alert))
        }
        assert s.get_one(Alert, alert).expires_at == at(29)
    route, other = "Snow emergency routes", "Other streets"
    assert set(sets) == {frozenset({route}), frozenset({other}), frozenset({route, other})}
    on_route = text_of(alert, sets[frozenset({route})])
    assert "No parking on the snow route near you from" in on_route
    assert "Then" not in on_route
    elsewhere = text_of(alert, sets[frozenset({other})])
    assert "No parking on the even-numbered side from" in elsewhere
    assert "Then" not in elsewhere
    both = text_of(alert, sets[frozenset({route, other})])
    assert "Snow emergency in the whole city." in both, "not the names of all its zones"
    assert both.index("the snow route near you") < both.index("Also no parking on the even-numbered side")
    general = text_of(alert, 0)
    then = general.index("Also no parking on the even-numbered side of other streets")
    assert general.index("on snow emergency routes") < then
    assert sms_segments.count(general).segments <= 2
    assert "en la ruta de nieve cercana" in text_of(alert, sets[frozenset({route})], "es")


@pytest.mark.parametrize(
    ("away_m", "read"),
    [(5, {"Snow emergency routes"}), (30, {"Snow emergency routes", "Other streets"}), (100, {"Other streets"})],
)
def test_a_house_at_a_corner_reads_the_rules_of_both_streets(away_m: float, read: set[str]) -> None:
    alert, house = declared(*TWO), Point(0.05, 0.05 + away_m / routes.METRES_A_DEGREE)
    with transaction() as s:
        parts = wordings.parts_of(s, alert)
        assert {one.label for one in parts if one.area.covers(house)} == read


def test_where_nothing_is_forbidden_the_general_words_are_read() -> None:
    alert = declared(TWO[0])
    with transaction() as s:
        (only,) = s.scalars(select(StoredWording).where(StoredWording.alert_id == alert))
        assert [one.label for one in wordings.parts_of(s, alert)] == ["Snow emergency routes"]
    assert list(only.parts) == [1]


def test_a_draft_is_not_in_force() -> None:
    declared(*TWO)
    with transaction() as s:
        assert emergencies.in_force(s, NOW) is None


def test_changed_rules_and_the_lift_stay_in_the_incident() -> None:
    first = declared(*TWO)
    with transaction() as s:
        incident = s.get_one(Alert, first).incident_id
    launched(first)
    second = declared(TWO[1], incident=incident)
    with transaction() as s:
        assert s.get_one(Alert, second).phase == "update"
        by = factories.operator(s, "author", now=NOW)
        lifted = declaring.lift(s, incident, by, NOW, settings())
        assert (lifted.phase, lifted.incident_id, lifted.told_before) == ("all-clear", incident, [first])


def test_a_lift_does_not_wear_off_before_the_phases_that_it_ends() -> None:
    first = declared(*TWO)
    launch(first, 0)
    sql("UPDATE alerts SET state = 'sent'")  # all have it
    with transaction() as s:
        assert emergencies.in_force(s, at(1)) is not None
        incident = s.get_one(Alert, first).incident_id
        lifted = declaring.lift(s, incident, factories.operator(s, "author", now=NOW), at(2), settings())
        assert lifted.expires_at < at(20)
        lift = lifted.id
    launch(lift, 2)
    with transaction() as s:
        assert emergencies.in_force(s, at(20)) is None


def launch(alert: int, hours: float) -> None:
    with transaction() as s:
        for provider in ("twilio", "sendgrid", "mastodon"):
            factories.sender(s, provider, now=NOW)
        allowed = settings().model_copy(update=factories.CREDENTIALS)
        lifecycle.approve(s, alert, factories.operator(s, "approver", now=NOW), at(hours), allowed)
        lifecycle.launch(s, alert, factories.operator(s, "admin", now=NOW), at(hours))


def test_the_all_clear_is_proposed_when_the_last_phase_has_ended() -> None:
    first = declared(*TWO)
    with transaction() as s:
        by = factories.operator(s, "approver", now=NOW)
        for provider in ("twilio", "sendgrid", "mastodon"):
            factories.sender(s, provider, now=NOW)
        lifecycle.approve(s, first, by, NOW, settings().model_copy(update=factories.CREDENTIALS))
        lifecycle.launch(s, first, None, NOW)
        assert emergencies.to_clear(s, at(28)) is None, "it is in force"
    with transaction() as s:
        lifecycle.expire_due(s, at(30))
        proposed = emergencies.to_clear(s, at(30))
        assert proposed is not None
        assert (proposed.alert_id, emergencies.to_clear(s, at(29 + 49))) == (first, None)
        declaring.lift(s, proposed.incident_id, factories.operator(s, "author", now=NOW), at(30), settings())
        assert emergencies.to_clear(s, at(30)) is None, "it is written"


@pytest.mark.parametrize(
    ("phases", "said"),
    [
        ((), "needs a phase"),
        ((Phase(at(6), at(5), (Ban(ROUTES),)),), "ends before it begins"),
        ((Phase(at(6), at(7), ()),), "forbids nothing"),
        ((Phase(at(-3), at(-1), (Ban(ROUTES),)),), "ended already"),
        ((Phase(at(-3), at(9), (Ban(ROUTES),)),), "Phase 1 begins at .*, 3 hours ago"),
        ((TWO[0], Phase(at(-24), at(-7), (Ban(OTHERS),))), "begins before the one before it"),
        ((Phase(at(-24), at(-7), (Ban(OTHERS),)), TWO[0]), "Phase 1 begins at .*, 24 hours ago"),
    ],
)
def test_phases_that_are_wrong_are_refused(phases: tuple[Phase, ...], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        declared(*phases)


def test_a_phase_may_have_begun_an_hour_ago_and_one_that_was_told_any_time_ago() -> None:
    running = Phase(at(-1), at(8), (Ban(ROUTES),))
    first = declared(running)
    launched(first)
    with transaction() as s:
        incident = s.get_one(Alert, first).incident_id
        by = factories.operator(s, "author", now=NOW)
        longer = [Phase(running.starts, at(12), running.bans)]
        declaring.declare(s, longer, "", {}, by, at(5), settings(), incident)
        with pytest.raises(Invalid, match="7 hours ago"):
            declaring.declare(s, [Phase(at(-2), at(12), running.bans)], "", {}, by, at(5), settings(), incident)


def test_what_is_launched_hours_after_its_first_phase_began_or_ended_is_refused_with_what_to_do() -> None:
    alert = declared(*TWO)
    with transaction() as s:
        for provider in ("twilio", "sendgrid", "mastodon"):
            factories.sender(s, provider, now=NOW)
        allowed = settings().model_copy(update=factories.CREDENTIALS)
        lifecycle.approve(s, alert, factories.operator(s, "approver", now=NOW), at(7), allowed)
    for late_h, said in ((8.1, "more than 2 hours before the launch"), (18, "before the launch")):
        with pytest.raises(Refused) as refused, transaction() as s:
            lifecycle.launch(s, alert, factories.operator(s, "admin", now=NOW), at(late_h))
        assert any(said in one for one in refused.value.details), late_h
        assert "write it again" in refused.value.hint
    with transaction() as s:
        assert emergencies.in_force(s, at(8.1)) is None
        incident = s.get_one(Alert, alert).incident_id
        lifecycle.launch(s, alert, factories.operator(s, "admin", now=NOW), at(7.9))
    longer = declared(Phase(at(6), at(30), (Ban(ROUTES),)), incident=incident)
    launch(longer, 12)  # residents were told of this phase already


def test_an_approval_hours_after_the_phase_began_is_refused_too() -> None:
    alert = declared(*TWO)
    with pytest.raises(Refused, match="name times that have passed"):
        launch(alert, 9)


def test_two_rules_of_one_phase_are_told_to_who_lives_on_the_routes_of_each_class() -> None:
    with transaction() as s:
        for number, name, lat in ((2, "night", 0.02), (3, "day", 0.08)):
            line = LineString([(0.01, lat), (0.09, lat)])
            routes.keep(s, [StreetRow(str(number), f"{name} ST", None, None, "", "", 2, line, name)], name, NOW)
    alert = declared(Phase(at(6), at(17), (Ban("night"), Ban("day", "odd"))))
    with transaction() as s:
        labels = {one.number: one.label for one in wordings.parts_of(s, alert)}
        sets = {
            frozenset(labels[n] for n in one.parts): one.wording
            for one in s.scalars(select(StoredWording).where(StoredWording.alert_id == alert))
        }
    assert set(labels.values()) == {"night", "day"}
    night, day, both = (text_of(alert, sets[frozenset(some)]) for some in ({"night"}, {"day"}, {"night", "day"}))
    assert "No parking on the snow route near you from" in night
    assert "odd" not in night
    assert "No parking on the odd-numbered side from" in day
    assert "the snow route near you" not in day
    assert both.index("the snow route near you") < both.index("Also no parking on the odd-numbered side")


def test_an_agent_may_not_declare_one() -> None:
    with pytest.raises(NotAllowed):
        declared(*TWO, role="agent")

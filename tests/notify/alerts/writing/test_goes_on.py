"""What an update says and where it goes after an all-clear to a part of the area: the danger goes on in the rest."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from shapely.geometry.base import BaseGeometry
from sqlalchemy import event

from notify.alerts import incidents, standing
from notify.alerts.writing import area_zones, drafting, goes_on, replaced_area, working_drafts, working_start
from notify.city import zones as city_zones
from notify.city.parts import Drawn
from notify.core import db
from notify.core.db import transaction
from notify.core.settings import settings
from notify.models import Alert
from tests import factories
from tests.database import sql
from tests.factories import NOW, square
from tests.owner import as_owner
from zones.geometry import from_wkb, to_geojson

LATER = NOW + timedelta(minutes=5)
ENDS = {"expires_at": NOW + timedelta(hours=8)}


@pytest.fixture
def danger(database: str) -> int:
    """A storm graver than usual, in three zones."""
    with transaction() as s:
        for n, name in enumerate(("Riverside", "Harbor", "Old Town")):
            factories.zone(s, name, square(n, 0))
    zones = ("Riverside", "Harbor", "Old Town")
    return factories.alert_launched(zones=zones, severity="Extreme", urgency="Future", **ENDS)


def next_of(alert: int, minutes: int, phase: str, *zones: str, parts: Sequence[Drawn] = (), name: str = "") -> int:
    with transaction() as s:
        incident = s.get_one(Alert, alert).incident_id
    at = NOW + timedelta(minutes=minutes)
    return factories.alert_launched(
        now=at, incident=incident, phase=phase, zones=zones, parts=parts, area_description=name, **ENDS
    )


def fields(alert: int, phase: str, *, correct: bool = False) -> tuple[dict[str, str], set[str]]:
    """The form as it is opened: its fields, and the names of the zones ticked in it."""
    with transaction() as s:
        by, incident = factories.operator(s, "author"), s.get_one(Alert, alert).incident_id
        draft = working_start.start(s, "storm", phase, by, LATER, incident=incident, correct=correct)
        found = {name: value for name, value in working_drafts.values_of(draft).items() if value}
        names = {f"zone.{one.zone.id}": one.zone.name for one in city_zones.all_zones(s)}
    return found, {names[name] for name in found if name in names}


def default_area(alert: int) -> BaseGeometry:
    """Where an update goes by REST or command, without an area of its own."""
    with transaction() as s:
        wanted = drafting.Draft("storm", "update", incident=s.get_one(Alert, alert).incident_id)
        return from_wkb(drafting.area_of(s, wanted, settings()).wkb)


def test_an_update_goes_on_from_the_danger_in_the_zones_where_it_is_not_over(danger: int) -> None:
    next_of(danger, 1, "all-clear", "Harbor")
    found, ticked = fields(danger, "update")
    assert (found["severity"], found["urgency"], "expires_at" in found) == ("Extreme", "Future", True)
    assert ticked == {"Riverside", "Old Town"}
    assert "earlier" not in found
    assert default_area(danger).equals(square(0, 0).union(square(2, 0)))


def test_each_all_clear_to_a_part_takes_its_zones_away(danger: int) -> None:
    next_of(danger, 1, "all-clear", "Harbor")
    next_of(danger, 2, "all-clear", "Old Town")
    assert fields(danger, "update")[1] == {"Riverside"}


def test_where_the_rest_is_not_whole_zones_it_begins_with_all_of_the_area(danger: int) -> None:
    half = Drawn(to_geojson(square(1, 0, 0.5)))
    next_of(danger, 1, "all-clear", parts=[half], name="the pier")
    found, ticked = fields(danger, "update")
    assert (found["earlier"], found["severity"], ticked) == ("on", "Extreme", set())


def test_a_zone_that_was_redrawn_since_is_not_ticked_for_the_old_one(danger: int) -> None:
    with transaction() as s:
        factories.zone(s, "Riverside", square(0, 0, 0.5), now=LATER)
        alert = s.get_one(Alert, danger)
        assert area_zones.exactly(s, [alert], from_wkb(alert.area or b"")) == {}


def test_a_newer_update_is_what_holds_not_the_alert_that_it_replaced(danger: int) -> None:
    newer = next_of(danger, 1, "update", "Riverside", "Harbor", "Old Town")
    clear = next_of(danger, 2, "all-clear", "Harbor")
    with transaction() as s:
        found = goes_on.find(s, s.get_one(Alert, danger).incident_id, "update", "Actual")
        assert found is not None
        assert (found.alert.id, [one.id for one in found.cleared]) == (newer, [clear])
    assert fields(danger, "update")[0]["severity"] != "Extreme"


def test_after_an_update_to_a_part_is_ended_the_first_alert_holds_in_the_rest(danger: int) -> None:
    update = next_of(danger, 1, "update", "Harbor")
    sql("UPDATE alerts SET state = 'sent' WHERE id = :a", a=update)
    clear = next_of(danger, 2, "all-clear", "Harbor")
    with transaction() as s:
        found = goes_on.find(s, s.get_one(Alert, danger).incident_id, "update", "Actual")
        assert found is not None
        assert (found.alert.id, [one.id for one in found.cleared]) == (danger, [clear])


@pytest.mark.parametrize("clears", [[("Riverside", "Harbor", "Old Town")], [("Riverside",), ("Harbor", "Old Town")]])
def test_when_it_is_over_everywhere_the_all_clear_is_the_last_word(danger: int, clears: list[tuple[str, ...]]) -> None:
    last = [next_of(danger, n, "all-clear", *zones) for n, zones in enumerate(clears, 1)][-1]
    with transaction() as s:
        found = goes_on.find(s, s.get_one(Alert, danger).incident_id, "update", "Actual")
        assert found is not None
        assert (found.alert.id, found.cleared) == (last, ())
    assert "severity" not in fields(danger, "update")[0]


def test_an_all_clear_is_to_where_the_danger_still_holds_and_ends_it(danger: int) -> None:
    next_of(danger, 1, "all-clear", "Harbor")
    found, ticked = fields(danger, "all-clear")
    assert ticked == {"Riverside", "Old Town"}
    assert "earlier" not in found
    next_of(danger, 2, "all-clear", "Riverside", "Old Town")
    with transaction() as s:
        assert incidents.still_true(s, s.get_one(Alert, danger).incident_id, "Actual") == []


def test_an_all_clear_is_to_all_that_several_alerts_say_still(danger: int) -> None:
    next_of(danger, 1, "update", "Harbor")
    assert fields(danger, "all-clear")[1] == {"Riverside", "Harbor", "Old Town"}
    assert fields(danger, "update")[1] == {"Harbor"}, "an update goes on from the newest"


def test_a_correction_of_the_all_clear_goes_on_from_that(danger: int) -> None:
    clear = next_of(danger, 1, "all-clear", "Harbor")
    with transaction() as s:
        found = goes_on.find(s, s.get_one(Alert, danger).incident_id, "all-clear", "Actual", corrects=True)
        assert found is not None
        assert found.alert.id == clear


def test_only_a_part_that_is_not_over_counts_as_left_out(danger: int) -> None:
    next_of(danger, 1, "all-clear", "Harbor")
    with transaction() as s:
        incident = s.get_one(Alert, danger).incident_id
        rest = square(0, 0).union(square(2, 0))
        assert replaced_area.find(s, incident, "update", rest, status="Actual", corrects=False) is None
        left_out = replaced_area.find(s, incident, "update", square(0, 0), status="Actual", corrects=False)
        assert left_out is not None
        assert (left_out.id, left_out.shape.equals(rest)) == (danger, True)


@pytest.mark.parametrize("phase", ["update", "all-clear"])
def test_an_incident_of_many_alerts_is_read_in_a_few_statements(danger: int, phase: str) -> None:
    for n in range(1, 9):
        next_of(danger, n, "update", ("Riverside", "Harbor")[n % 2])
    said: list[str] = []

    def note(conn: object, cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    with transaction() as s:
        incident = s.get_one(Alert, danger).incident_id
        event.listen(db.engine(), "before_cursor_execute", note)
        found = goes_on.find(s, incident, phase, "Actual")
        event.remove(db.engine(), "before_cursor_execute", note)
    assert found is not None
    assert len(found.holds) == {"update": 1, "all-clear": 3}[phase], "one is left of the two in Harbor and Riverside"
    assert len(said) <= 6


def test_a_real_alert_goes_on_from_a_real_one_and_practice_from_practice(danger: int) -> None:
    with transaction() as s:
        incident = s.get_one(Alert, danger).incident_id
    practice = next_of(danger, 1, "update", "Harbor")
    as_owner(
        "ALTER TABLE alerts DISABLE TRIGGER USER", f"UPDATE alerts SET status = 'Exercise' WHERE id = {practice}",
        "ALTER TABLE alerts ENABLE TRIGGER USER",
    )  # fmt: skip
    with transaction() as s:
        standing.renew(s, incident, "Actual", [danger])
        for status, expected in (("Actual", danger), ("Exercise", practice)):
            found = goes_on.find(s, incident, "update", status)
            assert found is not None
            assert found.alert.id == expected
        ends = goes_on.find(s, incident, "all-clear", "Actual")
        assert ends is not None
        assert [one.id for one in ends.holds] == [danger]

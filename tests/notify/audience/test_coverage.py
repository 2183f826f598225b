"""How many residents of each zone are signed up."""

from pathlib import Path

import pytest

from notify.audience import coverage
from notify.audience.coverage import ZoneCoverage
from notify.city import geocoder
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.subscribers import consent
from tests.factories import NOW, operator, resident, square, zone
from tests.notify.city.test_damaged_shapes import damage
from tests.owner import as_owner
from zones.addresses.readings import HouseNumber
from zones.addresses.rows import AddressRow


@pytest.fixture(autouse=True)
def _three_zones(database: str) -> None:
    with transaction() as s:
        for n, name in enumerate(("West", "Middle", "East")):
            zone(s, name, square(n, 0), "neighbourhood")


def live(count: int, at: list[tuple[float, float]], **who: object) -> None:
    with transaction() as s:
        for _ in range(count):
            resident(s, at=at, **who)  # type: ignore[arg-type]


def houses(count: int, lon: float) -> None:
    rows = [AddressRow(HouseNumber(n + 1), "Main St", "", "", "", lon, 0.5) for n in range(count)]
    with transaction() as s:
        geocoder.keep_addresses(s, rows, f"houses at {lon}", NOW, confirmed=True)


def found() -> dict[str, ZoneCoverage]:
    return {one.zone: one for one in coverage.measure("neighbourhood", NOW).zones}


def test_residents_are_counted_once_in_each_zone_where_they_have_a_place() -> None:
    live(20, [(0.5, 0.5), (0.6, 0.5), (1.5, 0.5)])
    live(11, [(1.5, 0.5)], language="es")
    live(10, [(9.0, 9.0)])
    measured = coverage.measure("neighbourhood", NOW)
    assert {one.zone: one.residents for one in measured.zones} == {"West": 20, "Middle": 30, "East": 0}
    assert (measured.residents, measured.elsewhere) == (40, 10)
    assert found()["Middle"].languages == {"en": 20, "es": 10}


def test_who_cannot_be_reached_is_not_signed_up() -> None:
    live(10, [(0.5, 0.5)], verified=False)
    with transaction() as s:
        for _ in range(10):
            who = resident(s, at=[(0.5, 0.5)])
            consent.opt_out(s, "sms", who.phone, how="STOP", now=NOW)
        for _ in range(10):
            who = resident(s, at=[(0.5, 0.5)], email="")
            consent.opt_out(s, "sms", who.phone, how="STOP", now=NOW)
    assert found()["West"].residents == 10, "those who left by text, and not by email"


def test_small_numbers_are_not_told() -> None:
    live(9, [(0.5, 0.5)])
    live(19, [(1.5, 0.5)], language="es")
    assert found()["West"].residents == 0
    assert found()["West"].languages == {}
    assert found()["Middle"].residents == 10


def test_the_least_covered_come_first_by_addresses_and_by_population_once_all_are_known(tmp_path: Path) -> None:
    live(20, [(0.5, 0.5)])
    live(10, [(1.5, 0.5)])
    live(10, [(2.5, 0.5)])
    houses(100, 0.5)
    houses(20, 1.5)
    first = coverage.measure("neighbourhood", NOW)
    assert [(one.zone, one.addresses, one.share) for one in first.zones] == [
        ("West", 100, 0.2), ("Middle", 20, 0.5), ("East", 0, None),
    ]  # fmt: skip
    file = tmp_path / "people.csv"
    file.write_text('zone,population\nwest,40\nMIDDLE,"1,000"\n')
    with transaction() as s:
        assert coverage.set_populations(s, "neighbourhood", file, NOW, operator(s)) == ["East"]
    assert [one.zone for one in coverage.measure("neighbourhood", NOW).zones] == ["West", "Middle", "East"]
    file.write_text("zone,population\nWest,40\nMiddle,1000\nEast,100\n")
    with transaction() as s:
        coverage.set_populations(s, "neighbourhood", file, NOW, operator(s))
    by_people = coverage.measure("neighbourhood", NOW)
    assert by_people.by_population
    assert [(one.zone, one.share) for one in by_people.zones] == [("Middle", 0.01), ("East", 0.1), ("West", 0.5)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("zone,people\nWest,1\n", "columns"),
        ("zone,population\nNowhere,1\n", "no zone 'Nowhere'"),
        ("zone,population\nWest,many\n", "Line 2"),
        ("zone,population\nWest,1\nwest,2\n", "twice"),
        ("", "columns"),
    ],
)
def test_a_file_of_populations_that_cannot_be_used_changes_nothing(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "people.csv").write_text(text)
    with transaction() as s, pytest.raises(Invalid, match=says):
        coverage.set_populations(s, "neighbourhood", tmp_path / "people.csv", NOW, operator(s))
    assert found()["West"].population is None


def test_a_damaged_zone_and_a_damaged_place_stop_no_other() -> None:
    live(10, [(0.5, 0.5)])
    live(10, [(1.5, 0.5)])
    damage("zone_versions", "zone_id = (SELECT id FROM zones WHERE name = 'East')")
    as_owner("UPDATE places SET point_sealed = decode(repeat('00', 16), 'hex') WHERE id = (SELECT max(id) FROM places)")
    measured = coverage.measure("neighbourhood", NOW)
    assert measured.damaged == ["East"]
    assert {one.zone: one.residents for one in measured.zones} == {"West": 10, "Middle": 0}, "9 of them"


def test_a_city_without_zones_or_residents() -> None:
    assert coverage.measure("snow", NOW).zones == []
    assert [one.residents for one in coverage.measure("neighbourhood", NOW).zones] == [0, 0, 0]
    with pytest.raises(Invalid, match="not a kind"):
        coverage.measure("nothing", NOW)

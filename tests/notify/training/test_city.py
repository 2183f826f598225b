"""The training city: always the same, and fit to train on."""

import csv
import hashlib
import subprocess
import sys
import tracemalloc
from collections import Counter
from datetime import UTC, datetime
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import phonenumbers
import pytest
import shapely

from notify.training import names
from notify.training.city import COLUMNS, TOPICS, TrainingCity
from zones.geometry import area_hash, area_m2
from zones.importing import read_zones

KINDS = {"neighbourhood": 12, "collection": 5, "evacuation": 3}


@pytest.fixture(scope="module")
def city() -> TrainingCity:
    return TrainingCity()


@pytest.fixture(scope="module")
def people(city: TrainingCity) -> list[dict[str, str]]:
    return list(city.residents(20_000))


def fingerprint(city: TrainingCity) -> str:
    rows = ["|".join(row.values()) for row in city.residents(2_500)]
    shapes = [f"{zone.kind} {zone.name} {area_hash(zone.geometry)}" for zone in city.zones()]
    return hashlib.sha256("\n".join([*rows, *shapes]).encode()).hexdigest()


def test_it_is_the_same_in_every_process() -> None:
    """Another process has other hash seeds; sets and dicts must not leak into the city."""
    code = "from tests.notify.training.test_city import *; print(fingerprint(TrainingCity()))"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == fingerprint(TrainingCity())


def test_it_is_the_city_that_trainers_know() -> None:
    """A change here changes everybody's exercises: do it on purpose."""
    assert fingerprint(TrainingCity()) == "3cd0fc4f945b4b0047e581e6601fe019936db18d9620d6d866573a6ccb44c97e"


def test_another_seed_is_another_city(city: TrainingCity) -> None:
    assert fingerprint(TrainingCity(2)) != fingerprint(city)
    assert not TrainingCity(2).river.equals(city.river)


def test_zones_are_valid_and_named_once(city: TrainingCity) -> None:
    zones = city.zones()
    counts = Counter(zone.kind for zone in zones)
    assert {kind: counts[kind] for kind in KINDS} == KINDS
    assert counts["snow"] >= 8
    assert len({(zone.kind, zone.name) for zone in zones}) == len(zones)
    assert len({zone.external_id for zone in zones}) == len(zones)
    assert all(zone.geometry.is_valid and area_m2(zone.geometry) > 100_000 for zone in zones)


@pytest.mark.parametrize("kind", ["neighbourhood", "collection"])
def test_they_tile_the_city(city: TrainingCity, kind: str) -> None:
    shapes = [zone.geometry for zone in city.zones() if zone.kind == kind]
    whole = shapely.box(*city.bounds)
    assert shapely.union_all(shapes).symmetric_difference(whole).area < 1e-9 * whole.area
    assert sum(shape.area for shape in shapes) == pytest.approx(whole.area, rel=1e-9)


def test_evacuation_zones_follow_the_river(city: TrainingCity) -> None:
    first, second, third = (zone.geometry for zone in city.zones() if zone.kind == "evacuation")
    assert first.covers(city.river)
    assert first.distance(second) == second.distance(third) == 0
    assert first.intersection(second).area == second.intersection(third).area == 0
    assert second.distance(city.river) > 0


def test_every_house_stands_on_dry_land_by_its_street(city: TrainingCity) -> None:
    houses = city.addresses
    assert houses.number.size > 10_000
    assert not shapely.intersects_xy(city.river, houses.lon, houses.lat).any()
    assert len(set(zip(houses.street.tolist(), houses.number.tolist(), strict=True))) == houses.number.size
    lines = np.array([street.line for street in city.streets])[houses.street]
    assert shapely.distance(lines, shapely.points(houses.lon, houses.lat)).max() < 0.0003  # 30 m
    assert len({street.name for street in city.streets}) == len(city.streets)


def test_only_snow_routes_have_bridges(city: TrainingCity) -> None:
    over = [street.name for street in city.streets if street.line.crosses(city.river.buffer(-1e-7))]
    routes = {zone.name for zone in city.zones() if zone.kind == "snow"}
    assert len(over) >= 8
    assert {f"{name} snow route" for name in over} <= routes


def test_the_middle_is_denser_than_the_edge(city: TrainingCity) -> None:
    west, south, east, north = city.bounds
    houses = city.addresses
    x, y = (houses.lon - west) / (east - west), (houses.lat - south) / (north - south)
    middle = ((x > 0.4) & (x < 0.6) & (y > 0.35) & (y < 0.55)).sum()
    corner = ((x > 0.8) & (y > 0.8)).sum()
    assert middle > 1.5 * corner


def test_residents_have_what_a_subscriber_csv_has(city: TrainingCity, people: list[dict[str, str]]) -> None:
    west, south, east, north = city.bounds
    for row in people:
        assert tuple(row) == COLUMNS
        assert row["phone"] or row["email"]
        assert set(row["topics"].split()) <= set(TOPICS)
        assert row["topics"]
        assert west <= float(row["lon"]) <= east
        assert south <= float(row["lat"]) <= north
        assert bool(row["consent_at"]) == bool(row["consent_how"])
        assert row["email"] == "" or row["email"].endswith("@example.org")
        assert row["address"]


def test_shares_are_those_of_a_city(people: list[dict[str, str]]) -> None:
    homes = [row for row in people if row["label"] == "home"]
    assert len(homes) == 20_000

    def share(having: int) -> float:
        return having / len(homes)

    assert share(sum(bool(row["phone"]) for row in homes)) == pytest.approx(0.70, abs=0.02)
    assert share(sum(bool(row["email"]) for row in homes)) == pytest.approx(0.75, abs=0.02)
    assert share(sum(row["language"] == "es" for row in homes)) == pytest.approx(0.22, abs=0.02)
    assert share(sum(bool(row["consent_at"]) for row in homes)) == pytest.approx(0.96, abs=0.01)
    assert share(len(people) - len(homes)) == pytest.approx(0.12, abs=0.01)
    assert {row["label"] for row in people} == {"home", "work", "school"}


def test_another_place_follows_its_resident(people: list[dict[str, str]]) -> None:
    who = ("phone", "email", "language", "topics", "consent_at", "consent_how")
    for before, row in pairwise(people):
        if row["label"] != "home":
            assert before["label"] == "home"
            assert [row[column] for column in who] == [before[column] for column in who]


def test_consent_was_given_in_the_past(people: list[dict[str, str]]) -> None:
    moments = [datetime.fromisoformat(row["consent_at"]) for row in people if row["consent_at"]]
    assert all(moment.utcoffset() is not None for moment in moments)
    assert max(moments) < datetime(2026, 11, 2, tzinfo=UTC)


def test_emails_and_phones_are_everybodys_own(people: list[dict[str, str]]) -> None:
    for column in ("phone", "email"):
        own = [row[column] for row in people if row["label"] == "home" and row[column]]
        assert len(set(own)) == len(own)


def test_a_million_phones_are_distinct_and_fictitious() -> None:
    phones = [names.phone(person) for person in range(1_000_000)]
    assert len(set(phones)) == 1_000_000
    assert all(len(phone) == 12 and phone[5:8] == "555" for phone in phones)
    assert not any(phone.endswith("5551212") for phone in phones)  # directory assistance
    aside = 100 * len(names.AREA_CODES)  # numbers 555-0100 to 555-0199, set aside for fiction
    assert all("0100" <= phone[8:] <= "0199" for phone in phones[:aside])
    for phone in [*phones[: len(names.AREA_CODES)], *phones[::1_999]]:
        assert phonenumbers.is_valid_number(phonenumbers.parse(phone)), phone


def test_fewer_residents_are_the_first_of_more(city: TrainingCity, people: list[dict[str, str]]) -> None:
    few = list(city.residents(1_234))
    assert few == people[: len(few)]
    assert sum(row["label"] == "home" for row in few) == 1_234
    assert list(city.residents(0)) == []


def test_residents_come_one_by_one(city: TrainingCity) -> None:
    """A million are not made to hand out three."""
    assert len(list(islice(city.residents(10**12), 3))) == 3


def test_memory_stays_flat_however_many_they_are(city: TrainingCity) -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        for _ in city.residents(count):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1_000)  # the houses are made once
    assert peak(20_000) < 1.2 * peak(2_000)


def test_the_files_can_be_imported(city: TrainingCity, tmp_path: Path) -> None:
    city.write_residents_csv(tmp_path / "residents.csv", 300)
    with (tmp_path / "residents.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == list(city.residents(300))
    for path in city.write_zones_geojson(tmp_path):
        found = read_zones(path, id_field="id")
        own = [zone for zone in city.zones() if zone.kind == path.stem]
        assert found.mended == found.left_out == ()
        assert [(z.name, z.external_id, area_hash(z.geometry)) for z in found.zones] == [
            (z.name, z.external_id, area_hash(z.geometry)) for z in own
        ]

"""Places that an import brings are held against the city."""

from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import box
from typer.testing import CliRunner

from notify.cli.subscribers import commands
from notify.core.db import transaction
from notify.core.errors import Refused
from notify.core.settings import settings
from notify.subscribers import COLUMNS, changing, export_csv, import_csv
from tests.factories import NOW, homes, operator, resident, zone
from tests.notify.city.geocoder.town import avenue, house, settle
from tests.notify.subscribers.test_importing import lines, row

pytestmark = pytest.mark.usefixtures("database")

INSIDE = row()
COMMUTER = row(phone="+12155550101", email="", lon="-74.7", lat="40.3")
GULF_OF_GUINEA = row(phone="+12155550102", email="", lon="0", lat="0")
SIGN_LOST = row(phone="+12155550103", email="", lon="75.1")
OFFICE_ABROAD = row(lon="2.35", lat="48.85", label="office")  # of the resident who lives inside
FILE = [INSIDE, COMMUTER, GULF_OF_GUINEA, SIGN_LOST, OFFICE_ABROAD]


def city() -> None:
    with transaction() as s:
        zone(s, "Philadelphia", box(-75.3, 39.8, -74.9, 40.1))


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_place_far_from_the_city_is_left_out_by_its_line_and_its_resident_stays(dry_run: bool) -> None:
    city()
    report = import_csv(lines(*FILE), NOW, dry_run=dry_run)
    assert (report.kept, report.bad_count, report.outside, report.is_city_known) == (2, 3, 0, True)
    assert [bad.line for bad in report.bad] == [4, 5, 6]
    for bad in report.bad:
        assert bad.reason.startswith("lon, lat: it is ")
        assert bad.reason.endswith(" km from the city. Correct it, or import it with --outside keep.")
    with transaction() as s:
        assert homes(s) == ([] if dry_run else [(-75.1, 39.9), (-74.7, 40.3)])


@pytest.mark.parametrize("dry_run", [False, True])
def test_far_places_are_kept_and_counted_when_somebody_says_that_they_are_right(dry_run: bool) -> None:
    city()
    swapped = row(phone="+12155550104", email="", lon="39.9", lat="-75.1")
    report = import_csv(lines(*FILE, swapped), NOW, outside=True, dry_run=dry_run)
    assert (report.kept, report.outside, [bad.line for bad in report.bad]) == (5, 3, [7])
    assert report.bad[0].reason.startswith("lon, lat: they are swapped")


def test_the_city_is_known_by_its_addresses_or_its_center_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_CITY_CENTER", "-75.16,39.95")
    settings.cache_clear()
    assert [bad.line for bad in import_csv(lines(*FILE), NOW).bad] == [4, 5, 6]
    monkeypatch.setenv("TOCSIN_CITY_CENTER", "")
    settings.cache_clear()
    settle(houses=[house("12", "ELM ST", -75.1, 39.9)])
    assert [bad.line for bad in import_csv(lines(*FILE), NOW).bad] == [4, 5, 6]


def test_nothing_known_of_the_city_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOCSIN_CITY_CENTER")
    settings.cache_clear()
    path = tmp_path / "residents.csv"
    path.write_text("".join(lines(*FILE)))
    done = CliRunner().invoke(commands, ["import", str(path)])
    assert (done.exit_code, "so no place was compared with it" in done.stdout) == (0, True)
    assert not import_csv(lines(*FILE), NOW).is_city_known


def test_an_address_that_the_city_knows_far_away_is_held_against_it_too() -> None:
    settle([avenue("N 5TH ST", 0)], [house("12", "ELM ST", 10.0, 50.0)])
    far = row(lon="", lat="", address="12 Elm Street")
    [bad] = import_csv(lines(far), NOW).bad
    assert bad.reason.startswith("address: it is ")
    assert "Elm" not in bad.reason
    assert import_csv(lines(far), NOW, outside=True).outside == 1


def test_the_command_keeps_them_when_it_is_told_to(tmp_path: Path) -> None:
    city()
    path = tmp_path / "residents.csv"
    path.write_text("".join(lines(GULF_OF_GUINEA)))
    assert CliRunner().invoke(commands, ["import", str(path)]).exit_code == 2
    done = CliRunner().invoke(commands, ["import", str(path), "--outside", "keep"])
    assert (done.exit_code, "1 row with a place far from the city." in done.stdout) == (0, True)


@pytest.mark.parametrize("where", [{"lon": 0.0, "lat": 0.0}, {"address": "12 Elm Street"}])
def test_a_resident_who_moves_is_held_against_all_that_is_known_of_the_city(
    where: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if "address" in where:
        settle([avenue("N 5TH ST", 0)], [house("12", "ELM ST", 10.0, 50.0)])
    else:  # neither zones nor streets
        monkeypatch.setenv("TOCSIN_CITY_CENTER", "-75.16,39.95")
        settings.cache_clear()
    with transaction() as s:
        tom = resident(s, at=[(-75.1, 39.9)])
    for outside in (False, True):
        with transaction() as s:
            to = changing.Where(**where, outside=outside)
            if outside:
                changing.move(s, tom.id, "home", to, NOW, operator(s, "agent"))
            else:
                with pytest.raises(Refused, match="far from the city"):
                    changing.move(s, tom.id, "home", to, NOW, operator(s, "agent"))


NOWHERE = {"lon": "", "lat": "", "address": "", "label": ""}


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_row_that_says_so_is_a_resident_of_the_whole_city_without_a_place(dry_run: bool) -> None:
    told = [
        row(**NOWHERE, whole_city="Yes"),
        row(**NOWHERE, phone="+12155550101", email="", whole_city=""),
        row(phone="+12155550102", email="", whole_city="yes"),
        row(phone="+12155550103", email="", whole_city="maybe"),
        row(phone="+12155550104", email="", whole_city="no"),
    ]
    report = import_csv(lines(*told, columns=(*COLUMNS, "whole_city")), NOW, dry_run=dry_run)
    assert [(bad.line, bad.reason[:40]) for bad in report.bad] == [
        (3, "lon, lat: give them, or an address. For "),
        (4, "whole_city: it says yes, but the row has"),
        (5, "whole_city: write yes, no or nothing."),
    ]
    assert (report.new.residents, report.new.places, report.new.topics) == (2, 1, 4)
    if dry_run:
        return
    with transaction() as s:
        exported = list(export_csv(s))
    rows = [line.split(",") for line in "".join(exported).splitlines()]
    assert {(one[0], one[1], one[-1]) for one in rows[1:]} == {
        ("+12155550100", "tom@example.org", "yes"),
        ("+12155550104", "", ""),
    }
    again = import_csv(exported, NOW, outside=True)
    assert (again.bad, again.new.residents) == ((), 0)


def test_a_file_of_the_whole_city_alone_needs_no_column_of_places() -> None:
    columns = ("phone", "topics", "consent_at", "consent_how", "whole_city")
    given = {name: row().get(name, "yes") for name in columns}
    report = import_csv(lines(given, columns=columns), NOW)
    assert (report.kept, report.bad) == (1, ())

"""`tocsin collections import` and `publish`: by zone, by address, from the files of two regions."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import box, mapping
from typer.testing import CliRunner, Result

from notify.cli import zones as zone_commands
from notify.cli.collections import commands
from notify.core.db import transaction
from notify.core.errors import Invalid, Refused
from notify.service311 import calendars, editions, schedule_import
from tests import factories
from tests.database import sql
from tests.notify.city.geocoder.town import avenue, settle
from tests.zones.real import real_file

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(*lines: str, name: str = "days.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


def run(path: Path, *options: str) -> Result:
    return CliRunner().invoke(commands, ["import", str(path), *options])


def report(path: Path, *options: str) -> dict[str, Any]:
    done = run(path, *options, "--json")
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


def counts(path: Path, *options: str) -> tuple[int, int, int, int, int]:
    found = report(path, *options)
    return found["new"], found["changed"], found["unchanged"], found["left_out"], found["bad_count"]


def two_zones() -> None:
    with transaction() as s:
        for n, name in enumerate(("North", "South")):
            factories.zone(s, name, box(n, 0, n + 1, 1), "collection")


def test_bad_lines_are_reported_and_the_others_are_taken(write: Callable[..., Path]) -> None:
    two_zones()
    path = write(
        "zone,stream,weekdays,week,first",
        "North,trash,Monday,,",
        "Nroth,trash,Monday,,",
        "South,trash,Tuesday,,2027-01-06",
        "South,recycling,Tuesday,A,",
        "North,trash,Thursday,,",
    )
    assert run(path, "--dry-run").stdout.splitlines() == [
        "Row 3: zone: there is no collection zone 'Nroth'.",
        "Row 4: first: 2027-01-06 is a Wednesday, but the day is Tuesday. Correct one of both.",
        "Row 5: week: it is A, but nothing says which weeks these are. Give --week-a DATE, a date in an A week; or a"
        " column first, with the date of a collection.",
        "Row 6: row 2 says something else of the trash of North. Write all weekdays into one row, or give each row a"
        " season of its own.",
        "Zones without any collection: South",
        "1 new schedule, 0 changed, 0 as before; 4 rows refused.",
        "Dry run: nothing was changed.",
    ]
    assert sql("SELECT count(*) FROM collection_schedules") == [(0,)]
    run(path)
    assert sql("SELECT stream, weekdays, from_edition FROM collection_schedules") == [("trash", [0], None)]


def test_a_file_without_a_good_row_is_refused(write: Callable[..., Path]) -> None:
    two_zones()
    with pytest.raises(Invalid, match=r"can be used\. The first is row 2: weekdays: there is none"):
        CliRunner().invoke(commands, ["import", str(write("zone,stream", "North,trash"))], catch_exceptions=False)


def test_an_edition_keeps_what_it_was_published_with(write: Callable[..., Path]) -> None:
    """A second import changes one, leaves one as it is, and with --replace takes one away; the first edition stays."""
    two_zones()
    header = "zone,stream,weekdays"
    assert counts(write(header, "North,trash,Mon", "North,yard,Mon", "South,trash,Tue")) == (3, 0, 0, 0, 0)
    assert CliRunner().invoke(commands, ["publish"]).stdout == "Edition 1 of the calendars is public.\n"
    again = write(header, "North,trash,Mon", "South,trash,Wed")
    assert counts(again, "--dry-run") == (0, 1, 1, 0, 0)
    assert counts(again, "--replace") == (0, 1, 1, 1, 0)
    assert counts(again, "--replace") == (0, 0, 2, 0, 0)
    assert CliRunner().invoke(commands, ["publish", "--note", "South on Wednesday"]).exit_code == 0
    of_edition = """SELECT stream, weekdays FROM collection_schedules WHERE from_edition <= :n
                       AND coalesce(until_edition > :n, true) ORDER BY id"""
    assert sql(of_edition, n=1) == [("trash", [0]), ("yard", [0]), ("trash", [1])]
    assert sql(of_edition, n=2) == [("trash", [0]), ("trash", [2])]
    with pytest.raises(Refused, match="Nothing has changed"), transaction() as s:
        editions.publish(s, "", factories.NOW)


def test_a_house_has_days_of_its_own(write: Callable[..., Path]) -> None:
    settle([avenue("N BROAD ST", 1, first=1000)])
    path = write("address,stream,weekdays", '"1234 N Broad St",trash,"Tue, Fri"', "1 Nowhere Lane,trash,Tue")
    found = report(path)
    assert (found["new"], found["bad_count"]) == (1, 1)
    assert found["bad"][0]["reason"].startswith("address: it is not known; write it as it is in the address file")
    assert sql("SELECT address, weekdays, zone_id FROM collection_schedules")[0][1:] == ([1, 4], None)


def test_addresses_are_looked_up_many_at_a_time_and_bad_lines_keep_their_order(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule_import, "AT_ONCE", 3)
    two_zones()
    settle([avenue("N BROAD ST", 1, first=1000), avenue("ALDER ST", 2)])
    lines = [
        "1234 N Broad St,,trash,Tue",
        "1 Nowhere Lane,,trash,Tue",
        ",North,trash,Someday",
        "104 Alder St,,trash,Wed",
    ]
    path = write("address,zone,stream,weekdays", *lines, ",South,trash,Mon", "1236 N Broad St,,trash,Tue", lines[1])
    found = report(path)
    assert (found["new"], [one["number"] for one in found["bad"]]) == (4, [3, 4, 8])
    assert len(sql("SELECT FROM collection_schedules WHERE address IS NOT NULL")) == 3


def test_dates_that_no_rhythm_gives_are_imported_and_published(write: Callable[..., Path]) -> None:
    two_zones()
    path = write(
        "zone,stream,weekdays,dates",
        "North,yard,,2027-04-09 2027-05-14",
        'South,trash,Tuesday,"2027-01-02"',
        "South,yard,,2027-04-31",
        "North,bulky,,",
    )
    found = report(path)
    assert [one["reason"].partition(".")[0] for one in found["bad"]] == [
        "dates: '2027-04-31' is not a date", "weekdays: there is none"
    ]  # fmt: skip
    assert counts(path) == (0, 0, 2, 0, 2)
    assert CliRunner().invoke(commands, ["publish"]).exit_code == 0
    now = datetime(2027, 1, 1, 12, tzinfo=UTC)
    with transaction() as s:
        yard, trash = (calendars.of_place(s, *point, now) for point in ((0.5, 0.5), (1.5, 0.5)))
    assert yard is not None
    assert trash is not None
    assert [str(one.effective) for one in yard.collections] == ["2027-04-09", "2027-05-14"]
    assert [f"{one.effective:%a %d}" for one in trash.ahead(now.date())[:2]] == ["Sat 02", "Tue 05"]


def test_the_zones_and_weeks_of_peel(tmp_path: Path) -> None:
    """51 shapes of a day and a week, some of them invalid."""
    data = json.loads(real_file("trash/peel/WasteCollectionZones.geojson").read_text())
    for one in data["features"]:
        one["properties"]["route"] = f"{one['properties']['collectday']} {one['properties']['collectsub']}"
    path = tmp_path / "peel.geojson"
    path.write_text(json.dumps(data))
    options = ["--kind", "collection", "--dissolve", "route", "--accept-warnings", "--accept-repairs"]
    assert CliRunner().invoke(zone_commands.commands, ["import", str(path), *options]).exit_code == 0
    mapped = ["--map", "zone=route", "--map", "week=collectsub", "--week-a", "2019-01-07", "--set", "stream=recycling"]
    assert counts(path, *mapped) == (8, 0, 0, 0, 0)
    days = sql("SELECT weekdays, count(*), min(every_weeks) FROM collection_schedules GROUP BY 1 ORDER BY 1")
    assert days == [([0], 2, 2), ([1], 2, 2), ([2], 2, 2), ([3], 2, 2)]


def test_the_recycling_weeks_of_baltimore(tmp_path: Path) -> None:
    path = real_file("trash/baltimore_recycling_weeks_ab.geojson")
    options = ["--kind", "collection", "--name-field", "DISTRICT", "--accept-warnings", "--accept-repairs"]
    done = CliRunner().invoke(zone_commands.commands, ["import", str(path), *options])
    assert done.exit_code == 0, done.output
    mapped = ["--map", "zone=DISTRICT", "--map", "week=Week", "--week-a", "2021-01-04"]
    fixed = ["--set", "stream=recycling", "--set", "weekdays=Mon, Tue, Wed, Thu, Fri"]
    assert counts(path, *mapped, *fixed) == (5, 0, 0, 0, 0)
    weeks = "SELECT anchor::text, count(*) FROM collection_schedules GROUP BY 1 ORDER BY 1"
    assert sql(weeks) == [("2021-01-04", 2), ("2021-01-11", 3)]
    with pytest.raises(Invalid, match="nothing says which weeks"):
        CliRunner().invoke(commands, ["import", str(path), *mapped[:4], *fixed], catch_exceptions=False)


def test_a_shape_file_of_zones_is_read_as_a_table(write: Callable[..., Path]) -> None:
    two_zones()
    told = {"NAME": "north", "DAY": "MONDAY"}
    feature = {"type": "Feature", "properties": told, "geometry": mapping(box(0, 0, 1, 1))}
    path = write(json.dumps({"type": "FeatureCollection", "features": [feature]}), name="zones.geojson")
    assert counts(path, "--set", "stream=trash") == (1, 0, 0, 0, 0)

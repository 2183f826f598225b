"""A file's zones taken into the city: versions, retirement, and what must be confirmed first."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from shapely.geometry import Polygon, box
from sqlalchemy import select, text

from notify.alerts.reporting import reports
from notify.city import zone_import
from notify.city import zones as city_zones
from notify.city.zone_import import Accepted, Report
from notify.core.db import transaction
from notify.core.errors import Invalid, NotFound, Refused
from notify.models import Audit, Street, Zone, ZoneVersion
from tests import factories
from tests.factories import NOW
from zones.files.zonefile import CleanZone, Mending, ZoneFile
from zones.geometry import from_wkb, to_wkb

pytestmark = pytest.mark.usefixtures("database")

LATER = NOW + timedelta(days=365)
ALL = Accepted(repairs=True, warnings=True)


def square(column: int, size: float = 0.01) -> Polygon:
    return box(-75 + column * 0.01, 40, -75 + column * 0.01 + size, 40 + size)


def file(*names: str, shapes: Sequence[Polygon] | None = None, mended: Sequence[Mending] = ()) -> ZoneFile:
    shapes = shapes or [square((sum(map(ord, name)) - ord("A")) % 30) for name in names]
    zones = [CleanZone(name, None, shape) for name, shape in zip(names, shapes, strict=True)]
    return ZoneFile(tuple(zones), tuple(mended), ("Road: It is a LineString.",), ("a note",), "EPSG:2272", "NAME")


def take(found: ZoneFile, source: str = "a.geojson", **more: Any) -> Report:
    with transaction() as s:
        return zone_import.take(s, more.pop("kind", "snow"), found, source, more.pop("now", NOW), **more)


def names(kind: str = "snow") -> list[str]:
    with transaction() as s:
        return [kept.zone.name for kept in city_zones.all_zones(s, kind)]


def everything() -> list[Any]:
    with transaction() as s:
        tables = ("zones", "zone_versions", "audit")
        return [s.execute(text(f"SELECT * FROM {table} ORDER BY id")).all() for table in tables]


def test_a_report_says_all_of_it() -> None:
    report = take(file("A", "B", mended=[Mending("A", "closed an open ring")]))
    assert (report.zones, report.imported.added, report.crs, report.name_field) == (2, ("A", "B"), "EPSG:2272", "NAME")
    assert report.mended == (Mending("A", "closed an open ring"),)
    assert (report.left_out, report.notes) == (("Road: It is a LineString.",), ("a note",))
    assert (report.warnings, report.needs, report.others, report.dry_run) == ((), (), 0, False)


def test_a_zone_of_the_same_name_elsewhere_is_asked_about() -> None:
    take(file("A", "B"), "pinellas.geojson")
    other = file("A", "B", shapes=[square(20), square(1, 0.02)])
    with pytest.raises(Invalid, match="must be confirmed") as refused:
        take(other, "hillsborough.geojson")
    assert refused.value.details == (
        "A: The new area does not touch the present one. Is it another zone of the same name?",
    )
    assert take(other, "hillsborough.geojson", accepted=Accepted(warnings=True)).imported.changed == ("A", "B")


@pytest.mark.parametrize("others", ["edition", "replace"])
def test_a_zone_that_is_in_the_file_but_broken_is_not_retired(others: zone_import.Others) -> None:
    take(file("A", "B", "C"))
    found = replace(file("A"), left_out=("b: It lies outside the world.",))
    with pytest.raises(Invalid, match="must be confirmed") as refused:
        take(found, others=others)
    assert refused.value.details == ("B: It is in the file but cannot be used. It stays as it was.",)
    assert take(found, others=others, accepted=ALL).imported.retired == ("C",)
    assert names() == ["A", "B"]


def test_ids_stay_where_a_file_has_none_and_go_with_those_that_it_has() -> None:
    def held() -> str | None:
        with transaction() as s:
            return city_zones.find(s, "A").zone.external_id

    for external_id, expected in (("7", "7"), (None, "7"), ("8", "8")):
        take(replace(file(), zones=(CleanZone("A", external_id, square(0)),)))
        assert held() == expected


def test_another_import_that_is_running_is_told() -> None:
    with transaction() as first, transaction() as second:
        city_zones.compare(first, "snow", [])
        second.execute(text("SET LOCAL lock_timeout = '20ms'"))
        with pytest.raises(Refused, match="Another import of zones is running"):
            city_zones.compare(second, "snow", [])
        second.rollback()


def test_importing_again_makes_versions_and_retires_what_vanished() -> None:
    take(file("A", "B", "C"))
    changed = file("A", "B", "D", shapes=[square(0, 0.02), square(1), square(3)])
    report = take(changed, now=LATER)
    assert report.imported == city_zones.Imported(("D",), ("A",), ("B",), ("C",))
    assert names() == ["A", "B", "D"]
    with transaction() as s:
        numbers = s.execute(
            select(Zone.name, ZoneVersion.number, Zone.retired_at)
            .join(ZoneVersion, ZoneVersion.zone_id == Zone.id)
            .order_by(Zone.name, ZoneVersion.number)
        ).all()
        assert numbers == [("A", 1, None), ("A", 2, None), ("B", 1, None), ("C", 1, LATER), ("D", 1, None)]
        with pytest.raises(NotFound):
            city_zones.find(s, "C")
        noted = s.execute(select(Audit.action).where(Audit.subject == "zone", Audit.at == LATER)).scalars().all()
        assert sorted(noted) == ["import", "import", "retire"]


def test_a_retired_zone_comes_back_with_its_versions() -> None:
    take(file("A", "B"))
    take(file("A"))
    assert take(file("A", "B"), now=LATER).imported.changed == ("B",)
    assert names() == ["A", "B"]
    with transaction() as s:
        assert city_zones.find(s, "B").version.number == 2


def test_a_dry_run_reports_the_same_and_changes_nothing() -> None:
    take(file("A", "B", "C"))
    before = everything()
    found = file("A", "D", shapes=[square(0, 0.02), square(21)])
    dry = take(found, dry_run=True)
    assert everything() == before
    real = take(found)
    assert dry.imported == real.imported == city_zones.Imported(("D",), ("A",), (), ("B", "C"))
    assert (dry.dry_run, dry.warnings, dry.mended) == (True, real.warnings, real.mended)


def test_an_alert_keeps_the_area_that_it_was_approved_with() -> None:
    take(file("A", "B", shapes=[square(0), square(1)]))
    with transaction() as s:
        alert = factories.alert_ready(s, zones=("A",))
        before, shown = alert.area_hash, bytes(alert.area or b"")
        number = alert.id
    take(file("B", shapes=[square(2)]))
    with transaction() as s:
        alert = reports.find_alert(s, number)
        assert (alert.area_hash, bytes(alert.area or b"")) == (before, shown)
        assert from_wkb(bytes(alert.area or b"")).equals(square(0))


# Which zones go


def test_zones_of_other_files_stay() -> None:
    take(file("A", "B"), "bay.zip")
    report = take(file("C", "D"), "flagler.zip")
    assert (report.imported.retired, report.others) == ((), 2)
    assert names() == ["A", "B", "C", "D"]


def test_zones_of_other_kinds_stay() -> None:
    take(file("A", "B"), kind="custom")
    take(file("A"), kind="snow")
    assert names("custom") == ["A", "B"]


def test_the_next_edition_under_another_name_retires_what_it_lacks() -> None:
    take(file("A", "B", "C", "X"), "zones_2025.geojson")
    report = take(file("A", "B", "D"), "zones_2026.gpkg")
    assert report.imported.retired == ("C", "X")
    assert names() == ["A", "B", "D"]


def test_a_file_with_less_than_half_of_another_is_no_edition_of_it() -> None:
    take(file("A", "B", "C"), "all.geojson")
    assert take(file("A", "D"), "some.geojson").imported.retired == ()
    assert names() == ["A", "B", "C", "D"]


def test_all_others_go_or_none_when_that_is_said() -> None:
    take(file("A", "B"), "bay.zip")
    take(file("C", "D"), "flagler.zip")
    assert take(file("C"), "flagler.zip", others="keep").imported.retired == ()
    assert take(file("C"), "new.zip", others="replace").imported.retired == ("A", "B", "D")
    assert names() == ["C"]


def test_half_a_file_is_asked_about() -> None:
    many = [f"Zone {n}" for n in range(25)]
    take(file(*many))
    before = everything()
    with pytest.raises(Invalid) as refused:
        take(file(*many[:10]))
    assert "15 zones would be retired, and only 10 of the others are in the file" in " ".join(refused.value.details)
    assert "--accept-warnings" in refused.value.hint
    assert everything() == before
    assert take(file(*many[:10]), dry_run=True).needs == ("--accept-warnings",)
    assert take(file(*many[:10]), others="keep").imported.retired == ()
    assert len(take(file(*many[:10]), accepted=Accepted(warnings=True)).imported.retired) == 15


def test_another_file_of_the_same_name_is_asked_about() -> None:
    take(file("A", "B", "C"), "zones.zip")
    with pytest.raises(Invalid) as refused:
        take(file("D", "E"), "zones.zip")
    assert "and none of the others is in the file" in " ".join(refused.value.details)
    assert names() == ["A", "B", "C"]


# Names


def test_capitals_do_not_make_another_zone() -> None:
    take(file("Old Town", shapes=[square(0)]))
    report = take(file("OLD TOWN", shapes=[square(0)]))
    assert (report.imported.unchanged, report.imported.retired) == (("OLD TOWN",), ())
    assert names() == ["OLD TOWN"]


def test_a_new_id_of_the_same_zone_is_kept() -> None:
    take(file("A"))
    with transaction() as s:
        zone = CleanZone("A", "17", atlas_shape(s, "A"))
        found = ZoneFile((zone,), (), (), (), "EPSG:4326", "NAME")
        assert zone_import.take(s, "snow", found, "a.geojson", LATER).imported.unchanged == ("A",)
    with transaction() as s:
        kept = city_zones.find(s, "A")
        assert (kept.zone.external_id, kept.version.number) == ("17", 1)


def atlas_shape(s: Any, name: str) -> Any:
    return from_wkb(city_zones.find(s, name).version.geometry)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(Invalid, match="no zone kind"):
        take(file("A"), kind="swimming")


def test_two_imports_at_once_make_one_zone_of_a_name() -> None:
    failures: list[BaseException] = []

    def one() -> None:
        try:
            take(file("A", "B", "C", "D"))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert names() == ["A", "B", "C", "D"]
    with transaction() as s:
        assert s.scalar(text("SELECT count(*) FROM zone_versions")) == 4


# What must be confirmed


def test_a_large_repair_is_confirmed_once() -> None:
    found = file("A", "B", mended=[Mending("A", "repaired (self-intersection)", -3.25), Mending("B", "repaired", 0.2)])
    with pytest.raises(Invalid) as refused:
        take(found)
    assert refused.value.details == ("A: repaired (self-intersection), area -3.25 %.",)
    assert "--accept-repairs" in refused.value.hint
    assert "--accept-warnings" not in refused.value.hint
    assert names() == []
    take(found, accepted=Accepted(repairs=True))
    assert take(found).imported.unchanged == ("A", "B"), "a zone that is as before is not asked about again"


def test_a_place_outside_the_city_is_confirmed_once() -> None:
    take(file("A", "B"))
    far = file("A", "B", "Far", shapes=[square(0), square(1), box(10, 50, 10.1, 50.1)])
    with pytest.raises(Invalid, match="must be confirmed") as refused:
        take(far)
    assert "Far lies outside the city" in " ".join(refused.value.details)
    assert names() == ["A", "B"]
    take(far, accepted=Accepted(warnings=True))
    assert take(far).needs == ()


def test_latitude_first_is_found_out_by_what_is_known() -> None:
    take(file("A", "B"))
    swapped = file("A", "B", shapes=[box(40, -75, 40.01, -74.99), box(40.02, -75, 40.03, -74.99)])
    with pytest.raises(Invalid) as refused:
        take(swapped)
    assert "--swap-axes" in " ".join(refused.value.details)


def test_accepting_repairs_accepts_no_warnings_and_the_other_way_round() -> None:
    take(file("A", "B"))
    both = file("A", "F", shapes=[square(5), box(10, 50, 11, 51)], mended=[Mending("A", "repaired", 5.0)])
    assert take(both, dry_run=True).needs == ("--accept-warnings", "--accept-repairs")
    for accepted in (Accepted(repairs=True), Accepted(warnings=True)):
        with pytest.raises(Invalid):
            take(both, accepted=accepted)
    take(both, accepted=ALL)


def test_covering_all_of_the_city_is_asked_about_once_the_city_is_known() -> None:
    take(file("A", "B"))
    assert take(file("Both", shapes=[square(0, 0.02)]), "c.json").warnings == ()
    take(file("C", "D", "E"), "b.json")
    with pytest.raises(Invalid) as refused:
        take(file("All", shapes=[square(0, 0.05)]), "d.json")
    assert refused.value.details == ("All covers the whole city.",)


# The city


def test_the_city_is_where_its_zones_and_streets_are() -> None:
    with transaction() as s:
        assert city_zones.bounds(s) is None
    take(file("A", shapes=[box(-75.2, 39.9, -75.1, 40.0)]))
    with transaction() as s:
        assert city_zones.bounds(s) == (-75.2, 39.9, -75.1, 40.0)
        line = to_wkb(box(-75.15, 39.95, -75.0, 40.2).boundary)
        s.add(Street(name="Broad St", geometry=line, west=-75.15, south=39.95, east=-75.0, north=40.2))
    with transaction() as s:
        assert city_zones.bounds(s) == (-75.2, 39.9, -75.0, 40.2)
        s.execute(text("UPDATE zones SET retired_at = now()"))
    with transaction() as s:
        assert city_zones.bounds(s) == (-75.15, 39.95, -75.0, 40.2)

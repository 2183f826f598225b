"""A place that no alert would find is noticed before one is sent."""

import pytest
from sqlalchemy import text

from notify import audience
from notify.core import alarms, points
from notify.core.db import transaction
from notify.models import Alarm
from notify.operations import rotation
from notify.operations.jobs import check_places
from tests.factories import NOW, Resident, resident, square
from tests.notify.operations.test_rotation import keys, killed_in
from zones.membership import Membership

__all__ = ["keys"]
HOME = (0.5, 0.5)


def people(count: int) -> list[Resident]:
    with transaction() as s:
        return [resident(s, at=[HOME]) for _ in range(count)]


def ringing() -> list[Alarm]:
    with transaction() as s:
        return list(alarms.ringing(s))


def damage(change: str, who: Resident) -> None:
    with transaction() as s:
        s.execute(text(f"UPDATE places SET {change} WHERE subscriber_id = :id"), {"id": who.id})


@pytest.mark.usefixtures("database")
def test_places_that_no_small_area_finds_ring_until_they_are_entered_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_places, "AT_ONCE", 3)
    everybody = people(8)
    check_places.run()
    assert ringing() == []
    moved, broken = everybody[1], everybody[6]
    damage("cell_index = 'damaged!'", moved)
    damage("point_sealed = 'damaged, damaged'", broken)
    check_places.run()
    (alarm,) = ringing()
    assert (alarm.kind, alarm.message.split()[0]) == ("unreadable-place", "2")
    assert f"(residents {moved.id}, {broken.id})" in alarm.message
    with transaction() as s:
        sealed = points.seal(moved.id, *HOME)
        s.execute(
            text("UPDATE places SET cell_index = :cell WHERE subscriber_id = :id"),
            {"cell": sealed.cell_index, "id": moved.id},
        )
    check_places.run()
    assert [one.message.split()[0] for one in ringing()] == ["1"]
    damage(f"point_sealed = '\\x{points.seal(broken.id, *HOME).point_sealed.hex()}'", broken)
    check_places.run()
    assert ringing() == []


@pytest.mark.usefixtures("database")
def test_what_rings_is_what_a_search_misses() -> None:
    """An index of a cell that there is, but where this place is not."""
    here, there = people(2)
    damage(f"cell_index = '\\x{points.seal(there.id, 7.0, 7.0).cell_index.hex()}'", there)
    with transaction() as s:
        found = audience.residents_inside(s, Membership(square(0.495, 0.495, 0.01)), NOW)
    assert found.tolist() == [here.id]
    check_places.run()
    assert f"(residents {there.id})" in ringing()[0].message


@pytest.mark.usefixtures("keys")
def test_all_is_sound_while_the_key_is_replaced_and_after() -> None:
    people(5)
    killed_in("contacts")
    check_places.run()
    rotation.rotate(NOW)
    check_places.run()
    assert ringing() == []

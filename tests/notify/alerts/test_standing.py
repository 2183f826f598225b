"""Who has the last word where: what later alerts of an incident leave of the earlier ones."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry

from notify.alerts import incidents, lifecycle, listing
from notify.alerts.standing import Spoken, left
from notify.core.db import raw, transaction
from notify.models import Alert
from tests import factories
from tests.database import sql
from tests.factories import NOW, square
from tests.owner import as_owner
from zones.geometry import to_geojson

ZONES = ("Riverside", "Harbor", "Hilltop")


@pytest.fixture
def danger(database: str) -> int:
    with transaction() as s:
        for n, name in enumerate(ZONES):
            factories.zone(s, name, square(n, 0))
    return factories.alert_launched(zones=ZONES)


def then(first: int, minutes: int, phase: str, *zones: str, **more: Any) -> int:
    with transaction() as s:
        incident = s.get_one(Alert, first).incident_id
    return factories.alert_launched(
        now=NOW + timedelta(minutes=minutes), incident=incident, phase=phase, zones=zones, **more
    )


def seen(number: int) -> listing.Listed:
    with transaction() as s:
        found = listing.one(raw(s), number)
    assert found is not None
    return found


def holding(first: int) -> list[int]:
    with transaction() as s:
        return incidents.still_true(s, s.get_one(Alert, first).incident_id, "Actual")


def test_a_part_leaves_the_rest_and_the_zones_in_it(danger: int) -> None:
    then(danger, 1, "all-clear", "Harbor")
    assert seen(danger).left_in == ["Hilltop", "Riverside"]
    assert not seen(danger).is_replaced
    assert holding(danger) == [danger]


def test_danger_cleared_in_pieces_is_over(danger: int) -> None:
    """Each all-clear goes to one zone; none to all of the area."""
    clears = [then(danger, n, "all-clear", name) for n, name in enumerate(ZONES, 1)]
    assert (seen(danger).ended_by, seen(danger).left_in) == (clears[-1], None)
    assert seen(danger).is_over
    assert holding(danger) == []


def test_an_update_to_the_rest_leaves_the_all_clear_to_the_part(danger: int) -> None:
    clear = then(danger, 1, "all-clear", "Harbor")
    update = then(danger, 2, "update", "Riverside", "Hilltop")
    assert not seen(clear).is_replaced
    assert (seen(danger).superseded_by, seen(danger).is_over) == (update, False)
    assert holding(danger) == [update]


def test_what_is_cancelled_has_no_word(danger: int) -> None:
    clear = then(danger, 1, "all-clear", *ZONES)
    assert seen(danger).ended_by == clear
    with transaction() as s:
        lifecycle.cancel(s, clear, None, NOW + timedelta(minutes=2))
    assert seen(danger).ended_by is None


def test_an_all_clear_does_not_wear_off(danger: int) -> None:
    clear = then(danger, 1, "all-clear", "Harbor")
    sql("UPDATE alerts SET state = 'expired' WHERE id = :a", a=clear)
    then(danger, 2, "update", "Riverside")
    assert seen(danger).left_in == ["Hilltop"]


def test_a_follow_up_has_no_word_of_its_own_but_shares_the_fate(danger: int) -> None:
    with transaction() as s:
        incident = s.get_one(Alert, danger).incident_id
        factories.sender(s, "sendgrid")
        again = factories.alert_ready(
            s, incident=incident, follows=danger, channels=("email",), now=NOW + timedelta(minutes=1)
        ).id
        lifecycle.launch(s, again, None, NOW + timedelta(minutes=1))
    assert not seen(danger).is_replaced
    clear = then(danger, 2, "all-clear", *ZONES)
    assert (seen(danger).ended_by, seen(again).ended_by) == (clear, clear)


def test_a_damaged_area_keeps_nobody_from_being_stopped(danger: int) -> None:
    update = then(danger, 1, "update", "Harbor")
    as_owner(
        "ALTER TABLE alerts DISABLE TRIGGER USER",
        f"UPDATE alerts SET area = 'x' WHERE id = {danger}",
        "ALTER TABLE alerts ENABLE TRIGGER USER",
    )
    assert seen(danger).left_in == ["Hilltop", "Riverside"]
    with transaction() as s:
        lifecycle.cancel(s, update, None, NOW + timedelta(minutes=2))
    assert seen(danger).left_in is None


def test_an_area_that_is_not_valid_any_more_keeps_nobody_from_being_warned(danger: int) -> None:
    bow_tie = shapely.Polygon([(0, 0), (2, 1), (2, 0), (0, 1)])
    as_owner(
        "ALTER TABLE alerts DISABLE TRIGGER USER",
        f"UPDATE alerts SET area = decode('{shapely.to_wkb(bow_tie, hex=True)}', 'hex') WHERE id = {danger}",
        "ALTER TABLE alerts ENABLE TRIGGER USER",
    )
    clear = then(danger, 1, "all-clear", "Riverside", "Harbor")
    assert seen(danger).ended_by == clear


def test_the_last_that_goes_out_has_the_last_word_whatever_the_clocks_say(danger: int) -> None:
    """It waited for the lock, or its host's clock is slow."""
    update = then(danger, 5, "update", "Harbor")
    again = then(danger, 1, "update", "Harbor")
    assert (seen(update).superseded_by, seen(again).is_replaced) == (again, False)
    clear = then(danger, 1, "all-clear", "Harbor")
    assert (seen(again).ended_by, seen(clear).is_replaced) == (clear, False)
    times = [seen(one).launched_at for one in (update, again, clear)]
    assert times == sorted(set(times))


def test_a_block_of_a_large_area_counts_and_a_border_drawn_anew_does_not(danger: int) -> None:
    block = shapely.box(0.3, 0.3, 0.3012, 0.3009)  # 130 by 100 m of a square of 330 by 110 km
    city = shapely.box(0, 0, 3, 1)
    clear = then(danger, 1, "all-clear", **drawn(city - block))
    assert (seen(danger).left_in, holding(danger)) == (["Riverside"], [danger])
    last = then(danger, 2, "all-clear", **drawn(shapely.box(0.00003, 0.00003, 2.99997, 0.99997)))  # 3 m less
    assert (seen(danger).ended_by, seen(clear).superseded_by, holding(danger)) == (last, last, [])


def drawn(area: BaseGeometry) -> dict[str, Any]:
    return {"area": to_geojson(area), "area_description": "Bay Area", "confirmed": ["whole-city"]}


def test_danger_that_comes_back_beside_a_border_goes_out(danger: int) -> None:
    """All but a strip of 20 m between two zones that were cleared one after the other: each has a half of the strip."""
    then(danger, 1, "all-clear", "Riverside")
    then(danger, 2, "all-clear", "Harbor", "Hilltop")
    strip = shapely.box(0.9999, 0, 1.0001, 1)
    again = then(danger, 3, "update", **drawn(shapely.box(0, 0, 3, 1) - strip))
    assert (seen(danger).superseded_by, seen(danger).left_in, holding(danger)) == (again, None, [again])


METRES = st.integers(-25, 25).map(lambda n: n * 1.03e-5)
PIECES = st.lists(
    st.tuples(st.booleans(), st.integers(0, 5), st.integers(1, 6), METRES, METRES),
    min_size=1,
    max_size=6,
)


@given(PIECES)
def test_nothing_is_over_where_something_is_left(pieces: Sequence[tuple[bool, int, int, float, float]]) -> None:
    """Borders differ by up to 25 m, about as much as what does not count."""
    of = Spoken(0, clear=False, speaks=True, area=shapely.box(0, 0, 6, 1))
    later = [
        Spoken(n, clear=clear, speaks=True, area=shapely.box(west + moved, low, west + width + moved, 1))
        for n, (clear, west, width, moved, low) in enumerate(pieces, 1)
    ]
    found, clears = left(of, later), left(of, [one for one in later if one.clear])
    assert not clears.area.is_empty or found.area.is_empty
    assert shapely.difference(found.area, clears.area).area < 1e-12
    for one in found.words:
        assert not shapely.intersection(found.area, one.area).area > 0


WORDS = st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 5), min_size=1)), min_size=1, max_size=6)


@given(WORDS)
def test_each_place_belongs_to_the_last_one_that_spoke_there(words: Sequence[tuple[bool, set[int]]]) -> None:
    said = [
        Spoken(n, clear=clear, speaks=True, area=shapely.union_all([square(zone, 0) for zone in zones]))
        for n, (clear, zones) in enumerate(words)
    ]
    for at, (_, zones) in enumerate(words):
        last = {zone: max(n for n, (_, others) in enumerate(words) if zone in others) for zone in zones}
        found = left(said[at], said[at + 1 :])
        assert {one.id for one in found.words} == {n for n in last.values() if n > at}
        rest = shapely.union_all([square(zone, 0) for zone, n in last.items() if n == at])
        assert found.area.equals(rest)

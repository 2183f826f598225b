"""House numbers on the ranges of a block, and where streets meet."""

import pytest
from shapely.geometry import LineString, MultiLineString

from zones.addresses.ranges import ENDS, MOST_CROSSINGS, OFFSET_M, Side, crossings, metres, middle, place_on

NORTHWARD = LineString([(-75.0, 40.0), (-75.0, 40.001)])
EVEN, ODD = Side(100, 198, True), Side(101, 199, False)


def test_even_numbers_are_on_their_side_and_rise_along_the_line() -> None:
    low, high = (place_on(NORTHWARD, number, (EVEN, ODD)) for number in (110, 190))
    assert low is not None
    assert high is not None
    assert low[1] < high[1]
    assert low[0] == high[0] < -75.0  # on the left of a line that goes north
    assert metres(low, (-75.0, low[1])) == pytest.approx(OFFSET_M, rel=0.01)
    across = place_on(NORTHWARD, 111, (EVEN, ODD))
    assert across is not None
    assert across[0] > -75.0


def test_numbers_that_fall_along_the_line() -> None:
    down = (Side(198, 100, True),)
    low, high = (place_on(NORTHWARD, number, down) for number in (110, 190))
    assert low is not None
    assert high is not None
    assert low[1] > high[1]


@pytest.mark.parametrize("number", [99, 200, 111])
def test_a_number_that_no_side_has_is_nowhere(number: int) -> None:
    assert place_on(NORTHWARD, number, (EVEN,)) is None


def test_a_side_with_odd_and_even_numbers_has_both() -> None:
    assert [Side(1, 10, True).share(number) for number in (1, 2, 10, 11)] == [0, pytest.approx(1 / 9), 1, None]


def test_no_house_stands_on_the_crossing() -> None:
    first = place_on(NORTHWARD, 100, (EVEN,))
    assert first is not None
    assert first[1] == pytest.approx(40.0 + ENDS * 0.001)


def test_a_side_of_one_house_is_in_the_middle_and_one_without_has_none() -> None:
    assert Side(7, 7, True).share(7) == 0.5
    assert Side(None, None, True).share(7) is None


def test_a_line_in_two_parts_is_taken_by_its_longest() -> None:
    parts = MultiLineString([[(-75.0, 40.0), (-75.0, 40.0001)], [(-75.0, 40.01), (-75.0, 40.02)]])
    place = place_on(parts, 150, (EVEN,))
    assert place is not None
    assert 40.01 < place[1] < 40.02


def test_streets_meet_once_where_they_cross_and_not_where_they_only_come_near() -> None:
    across = LineString([(-75.001, 40.0005), (-74.999, 40.0005)])
    assert crossings([NORTHWARD], [across]) == [pytest.approx((-75.0, 40.0005))]
    twin = LineString([(-75.0001, 40.0), (-75.0001, 40.001)])  # the other roadway of a boulevard, 9 m beside
    assert len(crossings([NORTHWARD, twin], [across])) == 1
    touching = LineString([(-75.0001, 40.0005), (-75.001, 40.0005)])
    assert len(crossings([NORTHWARD], [touching])) == 1
    assert crossings([NORTHWARD], [LineString([(-75.01, 40.0), (-75.01, 40.001)])]) == []


def test_one_line_with_two_names_has_a_few_crossings() -> None:
    line = LineString([(-75.0 + i * 0.001, 40.0 + (i % 2) * 0.001) for i in range(8_000)])
    assert len(crossings([line], [line])) == MOST_CROSSINGS


def test_the_middle_of_a_street_is_on_one_of_its_blocks() -> None:
    blocks = [LineString([(-75.0, 40.0 + i / 1000), (-75.0, 40.001 + i / 1000)]) for i in range(3)]
    assert middle(blocks) == pytest.approx((-75.0, 40.0015))

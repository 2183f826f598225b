"""What holds at an address: the words that who lives there reads, however many alerts have several wordings."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from notify.alerts.writing.wordings import Part, Wording
from notify.core.db import transaction
from notify.service311.desk import here
from tests.factories import NOW, alert_launched, square, zone

WEST, EAST = Part(1, square(0.0, 0.0, 0.4), "West"), Part(2, square(0.6, 0.0, 0.4), "East")
APART = {
    "wording_parts": (WEST, EAST),
    "wordings": (
        Wording(frozenset({1}), area="Far West"),
        Wording(frozenset({2}), area="Far East"),
        Wording(frozenset({1, 2}), area="Both ends"),
    ),
}


@contextmanager
def statements(s: Session) -> Iterator[list[str]]:
    said: list[str] = []

    def note(conn: object, cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(s.get_bind(), "before_cursor_execute", note)
    yield said
    event.remove(s.get_bind(), "before_cursor_execute", note)


@pytest.fixture
def told(database: str) -> None:
    with transaction() as s:
        zone(s, now=NOW)
    for _n in range(3):
        alert_launched(**APART)


@pytest.mark.parametrize(("lon", "names"), [(0.2, "Far West"), (0.8, "Far East")])
def test_at_a_point_one_statement_says_who_reads_which_words(told: None, lon: float, names: str) -> None:
    with transaction() as s, statements(s) as said:
        found = here.alerts(s, NOW, (lon, 0.2))
    assert [[names in word.text for word in one.words] for one in found] == [[True, True]] * 3  # in both languages
    assert sum("wording_parts" in one for one in said) == 1


def test_between_the_parts_the_general_words_are_read(told: None) -> None:
    with transaction() as s:
        found = here.alerts(s, NOW, (0.5, 0.2))
    assert {word.wording for one in found for word in one.words} == {0}


def test_for_the_whole_city_one_statement_names_all_parts(told: None) -> None:
    with transaction() as s, statements(s) as said:
        found = here.alerts(s, NOW)
    assert [dict(one.parts) for one in found] == [{0: "", 1: "West", 2: "East", 3: "West + East"}] * 3
    for one in found:
        assert list(dict.fromkeys(word.wording for word in one.words)) == [1, 2, 3, 0], "everybody else comes last"
    assert sum("wording_parts" in one for one in said) == 1


def test_a_zone_shows_its_own_words_before_those_of_others(told: None) -> None:
    with transaction() as s:
        east = zone(s, "East side", square(0.6, 0.0, 0.3), now=NOW).id
    with transaction() as s:
        there = here.in_zone(s, east, NOW)
        assert there is not None
        assert len(there.alerts) == 3
        assert {one.wording for each in there.alerts for one in each.own} == {2}
        assert {one.wording for each in there.alerts for one in each.others} == {1, 3, 0}

"""Imports into the gazetteer: all of one source or nothing, seen at once, and with every bad row counted."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from notify.city import geocoder
from notify.core.db import transaction
from notify.core.errors import Invalid
from tests.notify.city.geocoder.town import NOW, avenue, found, house, settle
from zones.addresses.rows import AddressRow, BadRow, LandmarkRow

ELM, OAK = house("12", "ELM ST", -75.0, 40.0), house("14", "OAK ST", -75.0, 40.0)


def number(question: str) -> int:
    with transaction() as s:
        return int(s.scalar(text(question)) or 0)


def keep(rows: list[AddressRow | BadRow], source: str = "city") -> geocoder.Kept:
    with transaction() as s:
        return geocoder.keep_addresses(s, rows, source, NOW, confirmed=True)


def test_an_import_replaces_what_came_with_the_same_source(database: str) -> None:
    assert keep([ELM, OAK]).replaced == 0
    keep([house("1", "COUNTY RD", -75.0, 40.0)], "county")
    kept = keep([OAK])
    assert (kept.kept, kept.replaced) == (1, 2)
    assert not found("12 Elm St").matches
    assert found("14 Oak St").certain
    assert found("1 County Rd").certain


def test_bad_rows_are_counted_and_listed_and_the_good_ones_kept(database: str) -> None:
    kept = keep([BadRow(2, "number: there is none."), ELM, BadRow(4, "street: there is none.")])
    assert (kept.kept, kept.bad_count, [bad.number for bad in kept.bad]) == (1, 2, [2, 4])
    assert number("SELECT (detail->>'bad')::int FROM audit WHERE subject = 'address_points'") == 2


def test_an_import_that_fails_in_the_midst_changes_nothing(database: str) -> None:
    keep([ELM])

    def failing() -> Iterator[AddressRow]:
        yield OAK
        raise Invalid("The file ends in the midst of a row.")

    with pytest.raises(Invalid), transaction() as s:
        geocoder.keep_addresses(s, failing(), "city", NOW, confirmed=True)
    assert found("12 Elm St").certain
    assert not found("14 Oak St").matches


def test_swapped_coordinates_are_asked_about(database: str) -> None:
    settle([avenue("ELM ST", 0)])
    turned = [house(str(n), "ELM ST", 40.001, -75.0) for n in (100, 102)] + [house("104", "ELM ST", -75.0, 40.001)]
    with pytest.raises(Invalid, match=r"swapped\? If they are, 2 of 3 places"):
        keep(turned)
    with pytest.raises(Invalid, match=r"swapped\? If they are, 1 of 1 places"):
        settle(landmarks=[LandmarkRow("City Hall", (40.001, -75.0), "")])
    assert number("SELECT count(*) FROM address_points") == 0
    keep([*turned, house("106", "ELM ST", -75.0, 40.001)])
    assert number("SELECT count(*) FROM address_points") == 4


def test_a_file_without_a_good_row_changes_nothing(database: str) -> None:
    keep([ELM])
    with pytest.raises(Invalid, match=r"1 row, and none can be used\. The first is row 2: number: there is none\."):
        keep([BadRow(2, "number: there is none.")])
    assert found("12 Elm St").certain


@pytest.mark.parametrize("source", ["", "  ", "x" * 61, "a\nb" + "\x1b[2J"])
def test_a_source_has_a_plain_name(source: str, database: str) -> None:
    with pytest.raises(Invalid, match="source"):
        keep([ELM], source)


def test_a_landmark_with_an_address_is_placed_where_that_is_certain(database: str) -> None:
    settle([avenue("N 5TH ST", 0), avenue("S 5TH ST", 1)], [ELM])
    marks = [LandmarkRow("Mill", None, "12 elm"), LandmarkRow("Fort", None, "150 5th St")]
    with transaction() as s:
        kept = geocoder.keep_landmarks(
            s, list(enumerate(marks, 1)), "city", NOW, lambda address: geocoder.locate(s, address)
        )
    assert (kept.kept, [(bad.number, bad.reason) for bad in kept.bad]) == (
        1,
        [(2, "address: it was not found with certainty.")],
    )
    assert found("mill").matches[0].kind == "landmark"


def test_what_is_not_committed_is_not_seen_by_others(database: str) -> None:
    keep([ELM])
    with transaction() as s:
        geocoder.keep_addresses(s, [OAK], "city", NOW, confirmed=True)
        assert found("12 Elm St").certain
        assert geocoder.find(s, "14 Oak St").certain
        s.rollback()
    assert found("12 Elm St").certain
    assert not found("14 Oak St").matches

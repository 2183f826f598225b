"""Addresses taken apart: the right reading is among those that are given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zones.addresses.readings import HouseNumber, Reading, begun, crossing, house_number, readings


def reading(text: str, street: str) -> Reading:
    """The first reading that has this street."""
    found = [one for one in readings(text) if one.street.key == street]
    assert found, [one.street.key for one in readings(text)]
    return found[0]


@pytest.mark.parametrize(
    ("text", "number", "street", "unit", "zip_code"),
    [
        ("1234 n broad st apt 5", "1234", "N BROAD ST", "APT 5", ""),
        ("1234 N. Broad St., #5, Philadelphia, PA 19121", "1234", "N BROAD ST", "5", "19121"),
        ("1234 n broad st # 5", "1234", "N BROAD ST", "5", ""),
        ("Apt 5, 1234 North Broad Street", "1234", "N BROAD ST", "APT 5", ""),
        ("5/1234 Broad St", "1234", "BROAD ST", "5", ""),
        ("1234 broad st apt5", "1234", "BROAD ST", "5", ""),
        ("1234 Broad St 2nd floor", "1234", "BROAD ST", "2", ""),
        ("1234 Broad St rear", "1234", "BROAD ST", "REAR", ""),
        ("1234 S Front", "1234", "S FRONT", "", ""),
        ("19121 1234 N Broad St", "1234", "N BROAD ST", "", "19121"),
        ("19121, 1234 N Broad St", "1234", "N BROAD ST", "", "19121"),
        ("1234 N Broad St 19121-4321", "1234", "N BROAD ST", "", "19121"),
        ("12345 5th St", "12345", "5 ST", "", ""),
        ("12345 Main St", "12345", "MAIN ST", "", ""),
        ("1234A Broad St", "1234A", "BROAD ST", "", ""),
        ("1234 1/2 Broad St", "1234 1/2", "BROAD ST", "", ""),
        ("123-125 Elm St", "123-125", "ELM ST", "", ""),
        ("37-12 35th Ave", "37-12", "35 AVE", "", ""),
        ("300 S 500 E", "300", "S 500 E", "", ""),
        ("1234 noth broad st", "1234", "N BROAD ST", "", ""),
        ("1234 Broad", "1234", "BROAD", "", ""),
        ("N Broad St", "None", "N BROAD ST", "", ""),
    ],
)
def test_ways_to_write_an_address(text: str, number: str, street: str, unit: str, zip_code: str) -> None:
    found = reading(text, street)
    assert (str(found.number), found.unit, found.zip) == (number, unit, zip_code)


def test_a_letter_behind_the_number_may_be_of_it_or_a_misspelt_direction() -> None:
    found = {(str(one.number), one.leaning) for one in readings("1234 A Broad St") if one.street.key == "BROAD ST"}
    assert found == {("1234A", ""), ("1234", "S")}


def test_what_stands_behind_the_street_is_the_city_or_not_understood() -> None:
    assert reading("1234 Broad St, Philadelphia, PA", "BROAD ST").behind_comma == ("PHILADELPHIA", "PA")
    assert reading("1234 Broad St Philadelphia PA", "BROAD ST").tail == ("PHILADELPHIA", "PA")


@pytest.mark.parametrize("text", ["broad & vine", "Broad St at Vine St", "corner of Broad and Vine", "Broad @ Vine"])
def test_a_crossing_has_two_streets(text: str) -> None:
    both = crossing(text)
    assert both is not None
    assert [side[0].street.name for side in both] == ["BROAD", "VINE"]
    assert crossing("1234 Broad St") is None


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", HouseNumber(12)), ("12B", HouseNumber(12, "B")), ("12 1/2", HouseNumber(12, "1/2")),
     ("12 A", HouseNumber(12, "A")), ("12-C", HouseNumber(12, "C")), ("12½", HouseNumber(12, "1/2")),
     ("121/2", HouseNumber(12, "1/2")), ("12 AB", None), ("12A B", None),
     ("10/244-246", HouseNumber(244, "-246")), ("rear", None), ("", None), ("12 Main", None), ("1234567", None)],
)  # fmt: skip
def test_a_house_number_alone(text: str, number: HouseNumber | None) -> None:
    assert house_number(text) == number


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("123", 123),
        ("123-125", 125),
        ("2801-07", 2807),
        ("2899-03", 2899),
        ("37-12", 37),
        ("12-35", 12),
        ("100-900", 100),
        ("12A", 12),
    ],
)
def test_a_hyphen_means_several_houses_only_where_it_may(text: str, last: int) -> None:
    number = house_number(text)
    assert number is not None
    assert (str(number), number.last) == (text, last)


def test_an_address_that_is_being_typed() -> None:
    assert begun("1234 n bro") == (HouseNumber(1234), "N BRO")
    assert begun("n bro") == (None, "n bro")


@given(st.text(max_size=80))
def test_any_text_can_be_read(text: str) -> None:
    assert all(one.street.key is not None for one in readings(text))
    crossing(text)
    begun(text)


@given(
    st.integers(1, 99_999),
    st.sampled_from(["", "N", "south"]),
    st.sampled_from(["Maple", "5th", "Cherry Hill", "St James"]),
    st.sampled_from(["", "St", "avenue", "Blvd."]),
    st.sampled_from(["", " apt 5", ", #3B", " Suite 400"]),
    st.sampled_from(["", " 19121", ", Philadelphia, PA 19121", ", Philadelphia"]),
)
def test_unit_and_city_never_hide_the_number_and_the_street(
    number: int, before: str, name: str, kind: str, unit: str, behind: str
) -> None:
    street = " ".join(part for part in (before, name, kind) if part)
    alone = readings(f"{number} {street}")[0]
    assert alone.number == HouseNumber(number)
    found = [(one.number, one.street) for one in readings(f"{number} {street}{unit}{behind}")]
    assert (alone.number, alone.street) in found

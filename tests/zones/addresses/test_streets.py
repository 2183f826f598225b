"""Names of streets in one form."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zones.addresses.streets import LONGEST_TEXT, street_name, words_of
from zones.addresses.words import DIRECTIONS, TYPES

NAMES = st.lists(st.text(string.ascii_uppercase, min_size=3, max_size=9), min_size=1, max_size=3).filter(
    lambda words: not {*words} & (TYPES.keys() | DIRECTIONS.keys())
)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("North Broad Street", "N BROAD ST"),
        ("N. BROAD ST.", "N BROAD ST"),
        ("n broad str", "N BROAD ST"),
        ("S Fifth street", "S 5 ST"),
        ("5 th st", "5 ST"),
        ("5th St N", "5 ST N"),
        ("twenty-first st", "21 ST"),
        ("Fift Ninth St", "59 ST"),
        ("St James Pl", "SAINT JAMES PL"),
        ("Saint James Place", "SAINT JAMES PL"),
        ("Mt. Airy Ave", "MOUNT AIRY AVE"),
        ("O'Neill Ct", "ONEILL CT"),
        ("Cañon Rd", "CANON RD"),
        ("Cobbs Crk Pkwy", "COBBS CREEK PKWY"),
        ("East-West Hwy", "E WEST HWY"),
        ("CR12", "COUNTY ROAD 12"),
        ("sr89", "STATE ROUTE 89"),
        ("US1 N", "US HIGHWAY 1 N"),
        ("I35", "INTERSTATE 35"),
        ("Hwy50", "HIGHWAY 50"),
        ("FM1960 Rd W", "FARM TO MARKET ROAD 1960 RD W"),
        ("Martin Luther King Jr Blvd SE", "MARTIN LUTHER KING JR BLVD SE"),
    ],
)
def test_ways_to_write_a_name(written: str, key: str) -> None:
    assert street_name(written).key == key


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Hwy 1/Main St", "HWY 1 & MAIN ST"),
        ("I-35 / Main", "I 35 & MAIN"),
        ("I35/5th St", "I 35 & 5th ST"),
        ("County Rd 12/CR14", "COUNTY RD 12 & CR 14"),
        ("SR 89A/ Oak", "SR 89A & OAK"),
        ("US1/I-95", "US 1 & I 95"),
        ("Main/US1", "MAIN & US 1"),
        ("12 Hwy 1/2", "12 HWY 1/2"),
        ("1231/2 US 1", "1231/2 US 1"),
        ("10 1/2 CR 12", "10 1/2 CR 12"),
        ("12 Oak St Apt I35", "12 OAK ST APT I35"),
        ("12 Oak St #CR12", "12 OAK ST # CR12"),
    ],
)
def test_a_stroke_behind_a_numbered_road_and_a_road_glued_to_its_number(written: str, words: str) -> None:
    assert " ".join(words_of(written)) == words


@pytest.mark.parametrize("ordinal", ["32ndd", "32n", "32dn", "32 nd", "32", "32nd", "32TH"])
def test_the_ending_of_an_ordinal_may_be_misspelt_behind_a_house_number(ordinal: str) -> None:
    assert street_name(words_of(f"1234 {ordinal} St")[1:]).key == "32 ST"


@pytest.mark.parametrize(
    ("written", "before", "name", "kind", "after"),
    [
        ("North St", "", "NORTH", "ST", ""),
        ("N St NW", "", "N", "ST", "NW"),
        ("Avenue N", "", "AVENUE N", "", ""),
        ("S 500 E", "S", "500", "", "E"),
        ("Broadway", "", "BROADWAY", "", ""),
        ("Avenue of the Americas", "", "AVENUE OF THE AMERICAS", "", ""),
        ("Bridge St", "", "BRIDGE", "ST", ""),
        ("Park Ave", "", "PARK", "AVE", ""),
    ],
)
def test_words_that_may_be_a_direction_or_a_type_are_a_name_where_nothing_else_is(
    written: str, before: str, name: str, kind: str, after: str
) -> None:
    found = street_name(written)
    assert (found.before, found.name, found.kind, found.after) == (before, name, kind, after)


@given(st.sampled_from(["", *DIRECTIONS]), NAMES, st.sampled_from(["", *TYPES]))
def test_a_name_in_its_short_form_is_read_as_the_same_name(direction: str, words: list[str], kind: str) -> None:
    name = street_name(" ".join([direction, *words, kind]))
    assert street_name(name.key) == name
    assert (name.before, name.kind) == (DIRECTIONS.get(direction, ""), TYPES.get(kind, ""))


@given(st.sampled_from(["", "N", "SW"]), NAMES, st.sampled_from(["", "ST", "AVENUE"]), st.randoms())
def test_case_spaces_and_points_make_no_difference(before: str, words: list[str], kind: str, random) -> None:  # type: ignore[no-untyped-def]
    plain = " ".join(part for part in (before, *words, kind) if part)
    shuffled = "".join(c.lower() if random.random() < 0.5 else c for c in plain).replace(" ", "  ") + "."
    assert street_name(shuffled) == street_name(plain)


@given(st.text(max_size=2 * LONGEST_TEXT))
def test_any_text_can_be_read(text: str) -> None:
    street_name(text)
    assert all(word and not word.isspace() for word in words_of(text))

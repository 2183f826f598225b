"""What an address is found as: every kind of match, what is sure, and what is not."""

import pytest

from notify.city.geocoder.finding import A_STREET, AMBIGUOUS, NO_SUCH_NUMBER, NOT_FOUND, UNSURE
from notify.core.settings import settings
from tests.notify.city.geocoder.town import BLOCK, SOUTH, WEST, avenue, found, house, settle, street, suggested
from zones.addresses.rows import LandmarkRow


@pytest.fixture
def town(database: str) -> None:
    settle(
        [
            avenue("N 5TH ST", 0, south=4),
            avenue("S 5TH ST", 0),
            avenue("N BROAD ST", 1, first=1000),
            avenue("MAPLE AVE", 2),
            avenue("MARBLE AVE", 3, first=2000),
            avenue("CHERRY HILL RD", 4),
            street("VINE ST", 2),
            street("ELM ST", 3),
            street("ELM CT", 1, first=500),
            street("W GIRARD AVE", 4, first=700),
        ],
        [
            house("120", "MAPLE AVE", WEST + 2 * BLOCK - 0.0002, SOUTH + 0.0003, zip_code="19121", city="BELLHAVEN"),
            house("125A", "MAPLE AVE", WEST + 2 * BLOCK + 0.0002, SOUTH + 0.0004),
            house("2000", "BROOK LN", WEST, SOUTH, unit="1"),
            house("2000", "BROOK LN", WEST, SOUTH + 0.0001, unit="2"),
            house("40-46", "BROOK LN", WEST, SOUTH + 0.0005),
        ],
        [LandmarkRow("City Hall", (WEST, SOUTH), ""), LandmarkRow("30th Street Station", (WEST, SOUTH), "")],
    )


@pytest.mark.parametrize(
    ("text", "label", "kind"),
    [
        ("120 Maple Ave", "120 Maple Ave, Bellhaven 19121", "point"),
        ("1234 n broad st apt 5", "1234 N Broad St, 19121", "range"),
        ("19121 1234 north broad street", "1234 N Broad St, 19121", "range"),
        ("1234 N Broad St 19121", "1234 N Broad St, 19121", "range"),
        ("1234 broad", "1234 N Broad St, 19121", "range"),
        ("1234 noth braod sr", "1234 N Broad St, 19121", "range"),
        ("120 MPALE AVENUE, Bellhaven", "120 Maple Ave, Bellhaven 19121", "point"),
        ("121 cherryhill road", "121 Cherry Hill Rd, 19121", "range"),
        ("150 vine", "150 Vine St", "range"),
        ("42 brook ln", "40-46 Brook Ln", "point"),
        ("40-46 brook ln", "40-46 Brook Ln", "point"),
        ("2000 brook ln #2", "2000 Brook Ln", "point"),
        ("125 Maple Ave", "125A Maple Ave", "point"),
        ("125A Maple Ave", "125A Maple Ave", "point"),
    ],
)
def test_a_house_is_found_for_sure(town: None, text: str, label: str, kind: str) -> None:
    answer = found(text)
    assert (answer.matches[0].label, answer.matches[0].kind) == (label, kind)
    assert (answer.certain, answer.ambiguous, answer.message) == (True, False, "")


def test_a_unit_is_found_by_its_own_point(town: None) -> None:
    assert [found(f"2000 Brook Ln apt {unit}").matches[0].lat for unit in (1, 2)] == [SOUTH, SOUTH + 0.0001]


def test_a_number_on_a_range_lies_on_its_side_of_its_block(town: None) -> None:
    even, odd = found("150 S 5th St").matches[0], found("151 S 5th St").matches[0]
    assert even.lon < WEST < odd.lon
    assert even.lat == pytest.approx(SOUTH + BLOCK * 50 / 98)
    low, high = found("110 Vine St").matches[0], found("190 Vine St").matches[0]
    assert high.lon < low.lon  # its numbers fall from west to east


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("150 5th st", "N 5 ST", "S 5 ST"),
        ("150 fifth street", "N 5 ST", "S 5 ST"),
        ("150 B 5th St", "N 5 ST", "S 5 ST"),  # beside N on the keyboard
        ("150 a 5th st", "S 5 ST", "N 5 ST"),  # beside S
    ],
)
def test_streets_that_fit_equally_well_are_ambiguous(town: None, text: str, first: str, second: str) -> None:
    answer = found(text)
    assert [match.street for match in answer.matches[:2]] == [first, second]
    assert (answer.certain, answer.ambiguous, answer.message) == (False, True, AMBIGUOUS)


def test_a_type_that_is_left_out_is_told_by_the_number_where_it_can_be(town: None) -> None:
    assert found("550 elm").matches[0].street == "ELM CT"
    assert found("550 elm").certain
    settle([street("ELM ST", 3, first=500), street("ELM CT", 1, first=500)])
    assert found("550 elm").ambiguous


@pytest.mark.parametrize("text", ["150 N Girard Ave", "750 E Girard Ave", "1234 S Broad St"])
def test_what_was_said_to_be_north_is_never_surely_south(town: None, text: str) -> None:
    assert not found(text).certain


@pytest.mark.parametrize("text", ["150 S 15th St", "150 S 6th St", "150 S 55th St"])
def test_digits_are_never_misspelt(town: None, text: str) -> None:
    assert "S 5 ST" not in {match.street for match in found(text).matches}


def test_digits_inside_a_name_are_never_misspelt(database: str) -> None:
    settle([avenue("STATE ROUTE 89", 0), avenue("TOWNSHIP RD 4", 1)])
    assert found("150 state rotue 89").certain
    assert not found("150 state route 80").matches
    assert not found("150 state route 8").matches
    assert not found("150 township rd 14").matches


def test_a_street_without_the_number_is_a_street_and_no_near_name_takes_its_place(town: None) -> None:
    settle([avenue("MAPLE AVE", 2), avenue("MAPEL AVE", 3, first=2000)])
    answer = found("2050 Maple Ave")
    assert not answer.certain
    assert ("street", "MAPLE AVE") in {(match.kind, match.street) for match in answer.matches}


@pytest.mark.parametrize("number", ["99", "500", "1199"])
def test_a_number_that_is_not_on_the_street_is_not_made_up(town: None, number: str) -> None:
    answer = found(f"{number} Cherry Hill Rd")
    assert ([match.kind for match in answer.matches], answer.certain) == (["street"], False)


@pytest.mark.parametrize("text", ["", "1234", "qqq xxx zzz", "1234 Qzxwv St", "\0", "🙂" * 50, "a" * 10_000])
def test_what_cannot_be_found_says_so(town: None, text: str) -> None:
    answer = found(text)
    assert (answer.matches, answer.certain, answer.message) == ((), False, NOT_FOUND)


def test_a_street_alone_is_a_place_about_halfway(town: None) -> None:
    answer = found("cherry hill rd")
    assert (answer.matches[0].kind, answer.certain, answer.message) == ("street", False, A_STREET)
    assert SOUTH < answer.matches[0].lat < SOUTH + 4 * BLOCK
    assert found("brook ln").matches[0].kind == "street"  # known by its houses only


def test_a_number_that_a_street_has_not_is_said(town: None) -> None:
    answer = found("99999 Maple Ave")
    assert (answer.matches[0].kind, answer.certain, answer.message) == ("street", False, NO_SUCH_NUMBER)


@pytest.mark.parametrize("text", ["maple & vine", "Maple Ave at Vine St", "corner of vine st and mapel ave"])
def test_a_crossing(town: None, text: str) -> None:
    (match,) = found(text).matches
    assert (match.kind, match.lon, match.lat) == ("intersection", WEST + 2 * BLOCK, SOUTH + 2 * BLOCK)
    assert set(match.label.split(" & ")) == {"Maple Ave", "Vine St"}


def test_streets_that_do_not_meet_have_no_crossing(town: None) -> None:
    assert [match.kind for match in found("maple ave & marble ave").matches] == []


@pytest.mark.parametrize("text", ["city hall", "City Hal", "30th street station", "30th St. Station"])
def test_a_landmark(town: None, text: str) -> None:
    assert found(text).matches[0].kind == "landmark"


def test_a_place_that_is_not_called_just_so_is_asked_back(town: None) -> None:
    settle(landmarks=[LandmarkRow("School No. 12", (WEST, SOUTH), ""), LandmarkRow("Hospital East", (WEST, SOUTH), "")])
    assert [found(text).message for text in ("school no 12", "hospital east")] == ["", ""]
    assert [found(text).message for text in ("School No. 13", "Hospital West")] == [UNSURE] * 2


@pytest.mark.parametrize("text", ["Maple Rd & Vine St", "Maple Ave & Vine Blvd", "Vine St & Mapel Ave"])
def test_a_crossing_of_other_streets_than_were_named_is_asked_back(town: None, text: str) -> None:
    answer = found(text)
    assert (answer.matches[0].kind, answer.message) == ("intersection", UNSURE)


def test_another_zip_code_than_that_of_the_house_counts_against_it(town: None) -> None:
    right, wrong = found("120 Maple Ave 19121").matches[0], found("120 Maple Ave 19999").matches[0]
    assert wrong.score < right.score


@pytest.mark.parametrize(
    "text",
    [
        "120 Maple Ave, Camden NJ 08102",
        "120 Maple Ave, Camden",
        "120 Maple Ave Camden",
        "120 Maple Ave 08102",
        "150 Vine St, Camden, NJ",  # on a range, of which no city is known
        "150 Vine St, Los Angeles, CA 90001",
    ],
)
def test_an_address_of_another_city_is_never_sure(town: None, text: str) -> None:
    answer = found(text)
    assert (answer.certain, answer.message) == (False, UNSURE)


@pytest.mark.parametrize(
    "text", ["120 Maple Ave, Belhaven", "120 Maple Ave, City of Bellhaven, PA", "150 Vine St Bellhaven Pennsylvania"]
)
def test_the_city_may_be_written_in_any_way(town: None, text: str) -> None:
    assert found(text).certain


def test_what_is_not_known_is_not_held_against_a_city(database: str) -> None:
    settle([street("VINE ST", 2)])
    assert found("150 Vine St, Camden 08102").certain


def test_the_city_that_was_set_is_known(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_CITY", "City of Bellhaven")
    settings.cache_clear()
    settle([street("VINE ST", 2)])
    assert found("150 Vine St, Bellhaven").certain
    assert not found("150 Vine St, Camden").certain


def test_the_same_address_in_two_cities_is_told_apart_by_the_city_or_the_zip_code(database: str) -> None:
    settle(
        houses=[
            house("10", "MAIN ST", -75.0, 40.0, city="EASTON", zip_code="18042"),
            house("10", "MAIN ST", -76.0, 40.0, city="WESTON", zip_code="18256"),
        ]
    )
    assert found("10 main st").ambiguous
    for text in ("10 Main St, Weston", "10 Main St Weston PA", "10 Main St 18256", "18256 10 main st"):
        assert (found(text).matches[0].lon, found(text).certain) == (-76.0, True), text


def test_hyphens_of_queens(database: str) -> None:
    settle(houses=[house("37-12", "35 AVE", -73.9, 40.7), house("37-14", "35 AVE", -73.9, 40.71)])
    assert found("37-12 35th Ave").matches[0].lat == 40.7
    assert not found("37 35th Ave").certain
    assert not found("37-16 35th Ave").certain


def test_where_hyphens_are_as_in_queens_no_number_is_a_range(database: str) -> None:
    houses = [house("12-34", "30TH AVE", -73.9, 40.7), house("12-38", "30TH AVE", -73.9, 40.71)]
    settle([street("BROADWAY", 0, first=2)], houses)
    assert found("12-34 30th Ave").certain
    for text in ("14 30th Ave", "12 30th Ave", "12-36 30th Ave", "12-36 Broadway", "12-35 Broadway"):
        assert not found(text).certain, text
    assert found("12 Broadway").certain


def test_half_numbers_are_not_those_behind_the_stroke(database: str) -> None:
    settle([street("N BROAD ST", 0, first=2)], [house("123 1/2", "N BROAD ST", -75.0, 40.0)])
    for text in ("1231/2 N Broad St", "123 1/2 N Broad St", "123½ N Broad St"):
        assert (found(text).matches[0].label, found(text).certain) == ("123 1/2 N Broad St", True), text
    assert not found("100/2 N Broad St").certain
    assert found("3/12 N Broad St").matches[0].number == "12"


def test_another_letter_is_another_house(database: str) -> None:
    settle(houses=[house("100A", "ELM ST", -75.0, 40.0)])
    assert found("100 Elm St").certain
    assert not found("100Z Elm St").certain


def test_a_letter_apart_is_another_house_too(database: str) -> None:
    settle(houses=[house("100A", "ELM ST", -75.0, 40.0), house("102", "ELM ST", -75.0, 40.0)])
    for text in ("100 B Elm St", "100-B Elm St", "100b elm st"):
        assert not found(text).certain, text
    assert found("100 A Elm St").certain
    assert found("102 B Elm St").certain  # an apartment, or a slip of the finger: there is but one 102


def test_on_a_grid_the_directions_of_a_street_do_not_change_places(database: str) -> None:
    """Utah: 300 East on 400 South and 300 South on 400 East are eight blocks apart."""
    both = [house("300", "E 400 S", -111.88, 40.76), house("300", "S 400 E", -111.87, 40.75)]
    settle(houses=both)
    for text, street_ in (("300 E 400 S", "E 400 S"), ("300 S 400 E", "S 400 E"), ("300 East 400 South", "E 400 S")):
        answer = found(text)
        assert (answer.certain, answer.matches[0].street) == (True, street_), text
    settle(houses=both[1:])
    assert not found("300 E 400 S").certain


def test_what_is_just_as_written_beats_what_is_near_it(database: str) -> None:
    settle(houses=[house("600", "ELM ST", -75.0, 40.0), house("600 1/2", "ELM ST", -75.0, 40.005)])
    for text, number in (("600 Elm St", "600"), ("600 1/2 Elm St", "600 1/2"), ("600.5 Elm St", "600 1/2")):
        answer = found(text)
        assert (answer.certain, answer.matches[0].number) == (True, number), text


@pytest.mark.parametrize(
    ("kept", "written"),
    [
        ("10 1/2", "10-1/2"),
        ("10-1/2", "10 1/2"),
        ("123-3/4", "123 3/4"),
        ("2300.5", "2300 1/2"),
        ("537 1/2", "537.5"),
        ("537.0", "537"),
        ("N95W18000", "n95w18000"),
        ("N95W18000", "N95 W18000"),
        ("1", "One"),
    ],
)
def test_ways_to_write_a_house_number(kept: str, written: str, database: str) -> None:
    settle([street("MAIN ST", 0, first=17_900)], [house(kept, "S WACKER DR", -75.0, 40.0)])
    answer = found(f"{written} S Wacker Dr")
    assert (answer.certain, answer.matches[0].kind) == (True, "point")


@pytest.mark.parametrize(
    "text", ["537.7 Elm St", "537 7 Elm St", "N96W18000 Elm St", "N95W537 Elm St", "N537W18000 Elm St", "537.55 Elm St"]
)
def test_digits_that_belong_to_nothing_make_it_unsure(text: str, database: str) -> None:
    settle([street("ELM ST", 0, first=500)], [house("N95W18000", "ELM ST", -75.0, 40.0)])
    assert not found(text).certain


@pytest.mark.parametrize(
    "text", ["1234 N Broad St 7", "1234 N Broad St, 7", "1234 N Broad St 7, 19121", "120 Maple Ave 2 Bellhaven"]
)
def test_a_bare_number_behind_the_street_makes_it_unsure(town: None, text: str) -> None:
    answer = found(text)
    assert (answer.certain, answer.message, answer.matches[0].number != "") == (False, UNSURE, True)
    for unit in ("apt 7", "#7", "7B"):
        assert found(f"1234 N Broad St {unit}, 19121").certain


@pytest.mark.parametrize(
    ("kept", "written"),
    [
        ("MARTIN LUTHER KING JR BLVD", "MLK Blvd"),
        ("MARTIN LUTHER KING BLVD", "Dr. Martin Luther King Jr. Blvd"),
        ("M L KING BLVD", "MLK Jr Boulevard"),
        ("COUNTY ROAD 12", "Co Rd 12"),
        ("CO RD 12", "CR 12"),
        ("CR 12", "County Rd 12"),
        ("STATE ROUTE 89", "SR 89"),
        ("STATE HWY 89", "SR-89"),
        ("US HIGHWAY 1", "US 1"),
        ("US HWY 1", "U.S. Route 1"),
        ("INTERSTATE 35", "I-35"),
        ("N I 35", "N Interstate Hwy 35"),
        ("FM 1960", "Farm to Market Rd 1960"),
        ("N ST", "N St"),
        ("N ST NW", "N St NW"),
    ],
)
def test_roads_by_their_short_names(kept: str, written: str, database: str) -> None:
    others = ("35TH ST", "1ST ST", "S ST", "M ST", "COUNTY RD", "89TH ST")
    settle([avenue(kept, 0), *(avenue(name, east) for east, name in enumerate(others, 1))])
    answer = found(f"150 {written}")
    assert answer.certain, answer
    assert answer.matches[0].lon == pytest.approx(WEST, abs=0.0005)


@pytest.mark.parametrize("text", ["150 I-35", "150 I-135", "150 County Rd 12", "150 Highway 9"])
def test_a_numbered_road_that_is_not_known_is_no_other_road(text: str, database: str) -> None:
    settle([avenue("35TH ST", 0), avenue("COUNTY RD", 1), avenue("HIGHWAY", 2)])
    assert not found(text).certain


@pytest.mark.parametrize("text", ["maple/vine", "Maple Ave / Vine St", "maple x vine", "Maple Ave y Vine St"])
def test_a_crossing_in_other_ways(town: None, text: str) -> None:
    (match,) = found(text).matches
    assert (match.kind, match.lon, match.lat) == ("intersection", WEST + 2 * BLOCK, SOUTH + 2 * BLOCK)


@pytest.mark.parametrize(
    "text",
    ["Hwy 1/Main St", "us1 / main", "US-1/Main", "Main/US1", "US Hwy 1 / County Rd 12", "CR12/us 1", "us1 & cr12"],
)
def test_a_crossing_of_numbered_roads(text: str, database: str) -> None:
    county = "12" in text
    settle([avenue("US HIGHWAY 1" if "Hwy 1/Main" not in text else "HWY 1", 2), street("MAIN ST", 2)])
    if county:
        settle([avenue("US HIGHWAY 1", 2), street("COUNTY ROAD 12", 2)])
    (match,) = found(text).matches
    assert (match.kind, match.lon, match.lat) == ("intersection", WEST + 2 * BLOCK, SOUTH + 2 * BLOCK)


@pytest.mark.parametrize("text", ["150 US1", "150 us 1", "150 US-1", "150 us hwy1"])
def test_a_house_on_a_road_that_is_glued_to_its_number(text: str, database: str) -> None:
    settle([avenue("US HIGHWAY 1", 2), street("MAIN ST", 2)])
    assert found(text).matches[0].label == "150 US Highway 1, 19121"
    assert found(text).certain


def test_streets_called_x_and_y_are_streets(database: str) -> None:
    settle([avenue("AVENUE X", 0), avenue("N Y AVE", 1), avenue("X ST", 2)])
    for text in ("150 Avenue X", "150 N Y Ave", "150 X St"):
        assert found(text).certain, text
    assert found("n y ave").matches[0].kind == "street"


def test_points_and_ranges_in_other_letters_and_forms_are_one_street(database: str) -> None:
    settle([avenue("MAPLE AVE", 0), avenue("ELM ST", 1)], [
        house("110", "Maple Ave", WEST, SOUTH + 0.0018), house("110", "Elm Street", WEST + BLOCK, SOUTH + 0.0018)
    ])  # fmt: skip
    for text in ("110 maple ave", "110 elm st"):
        answer = found(text)
        assert (answer.matches[0].kind, answer.certain, len(answer.matches)) == ("point", True, 1), text
    assert suggested("map") == ["Maple Ave"]


def test_nothing_is_known_where_nothing_was_imported(database: str) -> None:
    assert found("12 Elm St").message == NOT_FOUND
    assert suggested("12 elm") == []


def test_suggestions_have_the_number_that_was_typed(town: None) -> None:
    assert suggested("150 5") == ["150 N 5th St, 19121", "150 S 5th St, 19121"]
    assert suggested("1234 n br") == ["1234 N Broad St, 19121"]
    assert suggested("1234 broad st") == ["1234 N Broad St, 19121"]
    assert suggested("120 mapel") == ["120 Maple Ave, Bellhaven 19121"]
    assert suggested("9999 maple") == ["Maple Ave"]


def test_suggestions_without_a_number(town: None) -> None:
    assert suggested("che") == ["Cherry Hill Rd"]
    assert suggested("ci") == ["City Hall"]
    assert suggested("hall") == ["City Hall"]
    assert suggested("m") == suggested("1") == []
    assert suggested("north 5") == ["N 5th St"]

"""The setting of the city's neighbours."""

import pytest

from notify.core.neighbours import Neighbour, parsed

TWO = "Brook County=https://brook.example.org/a?b=c 19401 19403 -75.4,40,-75.3,40.1 ; Hill=https://hill.example.org"


def test_neighbours_have_a_page_and_perhaps_zip_codes_and_an_area() -> None:
    assert parsed("") == ()
    brook, hill = parsed(TWO)
    box = (-75.4, 40.0, -75.3, 40.1)
    assert brook == Neighbour("Brook County", "https://brook.example.org/a?b=c", frozenset({"19401", "19403"}), box)
    assert hill == Neighbour("Hill", "https://hill.example.org")
    assert brook.has(-75.35, 40.05)
    assert not brook.has(-75.35, 40.2)
    assert not hill.has(0, 0)


@pytest.mark.parametrize(
    ("address", "is_named"),
    [
        ("1 Main St, BROOK COUNTY, PA", True),
        ("1 Main St 19403-1234", True),
        ("1 Brook St", False),
        ("119401 Main", False),
    ],
)
def test_an_address_may_name_a_neighbour(address: str, *, is_named: bool) -> None:
    assert parsed(TWO)[0].is_named(address) is is_named


@pytest.mark.parametrize(
    "setting",
    [
        "Brook",
        "=https://a.example.org",
        "Brook=http://a.example.org",
        "Brook=https://a.example.org 1940",
        "B=https://a.example.org 3,2,1,0",
    ],
)
def test_what_is_no_neighbour_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match="such as"):
        parsed(setting)

"""Zones that the place of a request names, and places that only look as if they did."""

import pytest

from notify.alerts.writing import zones_named

ZONES = {
    1: "1",
    2: "North",
    3: "Old Town",
    4: "Peña Vieja",
    5: "Parks and Gardens",
    6: "Harbor",
    7: "Harbor Point",
    8: "Zone 12",
    9: "B2",
    10: "East, Lower",
    11: "Twice",
    12: "twice",
    13: "Centro",
}


@pytest.mark.parametrize(
    ("place", "named"),
    [
        ("North", [2]),
        ("  OLD   town. ", [3]),
        ("pena vieja", [4]),
        ("PEÑA VIEJA y Centro", [4, 13]),
        ("Pen\u0303a Vieja", [4]),
        ("Harbor Point", [7]),
        ("Harbor, North and Old Town", [6, 2, 3]),
        ("Harbor, North, and Old Town", [6, 2, 3]),
        ("Harbor\nNorth", [6, 2]),
        ("Harbor & North; Harbor", [6, 2]),
        ("Parks and Gardens", [5]),
        ("Parks and Gardens, North", [5, 2]),
        ("East, Lower", [10]),
        ("1", [1]),
        ("zone 1", [1]),
        ("Zones 1, B2 and North", [1, 9, 2]),
        ("zone 1 and zone b2", [1, 9]),
        ("Zona 1 y zona North", [1, 2]),
        ("zone 12", [8]),
    ],
)
def test_names_by_themselves_count(place: str, named: list[int]) -> None:
    assert zones_named.named(ZONES, place) == named


@pytest.mark.parametrize(
    "place",
    [
        "",
        "1 Main St",
        "North Avenue",
        "Centro, 1",
        "zone 1, B2",
        "Harbor and the pier",
        "near Harbor",
        "all but Harbor",
        "Harbor, North Avenue",
        "Harbor,",
        "old townhouse",
        "Twice",
        "Twice, Harbor",
        "zones",
    ],
)
def test_other_words_name_none(place: str) -> None:
    assert zones_named.named(ZONES, place) == []

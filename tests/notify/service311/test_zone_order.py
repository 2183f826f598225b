"""Zones are listed as people look for them."""

from notify.service311 import zone_order


def test_zones_stand_in_the_order_of_the_week_and_of_their_numbers() -> None:
    there = ["Friday collection", "Zone 10", "monday", "Zone 2", "Riverside", "Tuesday, North"]
    assert sorted(there, key=zone_order.place) == [
        "monday", "Tuesday, North", "Friday collection", "Riverside", "Zone 2", "Zone 10",
    ]  # fmt: skip

"""Many addresses are looked up as one by one, in few statements."""

import pytest
from sqlalchemy import event

from notify.city import geocoder
from notify.core.db import transaction
from tests.notify.city.geocoder import town

pytestmark = pytest.mark.usefixtures("database")

TEXTS = (
    "100 N Birch St", "104 birch street", "101 Birch Ave", "105 Alder St", "Nowhere Lane 5", "300 Birch St", "Birch St",
    "104 Brich St", "104A Birch St", "120-122 Alder St", "", "104 Birch St, 19121",
)  # fmt: skip


def settle() -> None:
    houses = [town.house(n, "BIRCH ST", -75.0, 40.0 + i * 1e-3) for i, n in enumerate(("100", "104", "104B", "300"))]
    streets = [town.avenue("ALDER ST", 2), town.avenue("BIRCH AVE", 1), town.street("BIRCH ST", 3, first=400)]
    town.settle(streets, houses)


def test_many_are_found_as_each_alone() -> None:
    settle()
    with transaction() as s:
        alone = [geocoder.find(s, one) for one in TEXTS]
        assert geocoder.find_many(s, TEXTS) == alone
        assert [one.certain for one in alone].count(True) >= 3
        assert geocoder.find_many(s, []) == []


def test_houses_that_are_spelt_as_they_are_stored_take_one_statement() -> None:
    settle()
    asked: list[str] = []
    with transaction() as s:
        geocoder.find(s, "100 Birch St")  # the names are in memory
        event.listen(s.connection(), "before_cursor_execute", lambda *given: asked.append(given[2]))
        found = geocoder.find_many(s, [f"{n} Birch St" for n in (100, 104, 300)] * 50)
    assert all(one.certain for one in found)
    assert len(asked) == 2, "the version of the names, and all houses"

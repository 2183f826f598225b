"""Limits of an operator: kept, changed one by one, read again."""

from datetime import time
from typing import Any

import pytest
from sqlalchemy.orm import Session

from notify.accounts import operator_limits
from notify.accounts.operator_limits import Hours, Limits
from notify.core.errors import Invalid, NotFound
from tests.factories import NOW, operator, zone


def test_a_limit_that_is_not_given_stays(s: Session) -> None:
    tom, admin = operator(s, "author"), operator(s)
    assert operator_limits.of(s, tom) == Limits()
    riverside = zone(s).id
    operator_limits.change(s, tom, NOW, admin, contacts=500)
    operator_limits.change(s, tom, NOW, admin, topics=["snow", "collection"], hours="06:00-22:00")
    operator_limits.change(s, tom, NOW, admin, zones=["Riverside"])
    kept = Limits(500, ("snow", "collection"), (riverside,), Hours(time(6), time(22)))
    assert operator_limits.of(s, tom) == kept
    assert operator_limits.zone_names(s, kept) == ["custom:Riverside"]
    nothing = operator_limits.change(s, tom, NOW, admin, contacts=None, topics=["all"], zones=["all"], hours="all")
    assert nothing == operator_limits.of(s, tom) == Limits()


@pytest.mark.parametrize("contacts", [0, 2**31 - 1, None])
def test_a_limit_of_contacts_is_a_count_or_none(s: Session, contacts: int | None) -> None:
    tom = operator(s, "author")
    assert operator_limits.change(s, tom, NOW, None, contacts=contacts).contacts == contacts


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"contacts": -1}, "-1 is not a valid number"),
        ({"contacts": 2**31}, "2147483648 is not a valid number"),
        ({"topics": ["snwo"]}, "There is no topic 'snwo'"),
        ({"hours": "6 to 22"}, "'6 to 22' are not hours"),
        ({"hours": "06:00"}, "'06:00' are not hours"),
        ({"hours": "06:00-06:00"}, "'06:00-06:00' are not hours"),
        ({"hours": "06:00-25:00"}, "'06:00-25:00' are not hours"),
    ],
)
def test_what_is_no_limit_is_named(s: Session, wrong: dict[str, Any], words: str) -> None:
    tom = operator(s, "author")
    operator_limits.change(s, tom, NOW, None, contacts=7)
    with pytest.raises(Invalid, match=words):
        operator_limits.change(s, tom, NOW, None, **wrong)
    assert operator_limits.of(s, tom) == Limits(7)


def test_an_unknown_zone_is_not_found(s: Session) -> None:
    with pytest.raises(NotFound, match="Riversude"):
        operator_limits.change(s, operator(s, "author"), NOW, None, zones=["Riversude"])


@pytest.mark.parametrize(
    ("hours", "at", "is_within"),
    [
        (Hours(time(6), time(22)), time(6), True),
        (Hours(time(6), time(22)), time(22), False),
        (Hours(time(22), time(6)), time(23), True),
        (Hours(time(22), time(6)), time(5, 59), True),
        (Hours(time(22), time(6)), time(6), False),
    ],
)
def test_hours_may_go_over_midnight(hours: Hours, at: time, is_within: bool) -> None:
    assert hours.has(at) is is_within

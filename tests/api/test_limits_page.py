"""The form of an operator's limits."""

from collections.abc import Callable
from datetime import time

import httpx
import pytest

from notify.accounts import operator_limits
from notify.accounts.operator_limits import Hours, Limits
from notify.core.db import transaction
from tests import factories

GIVEN = {"contacts": "5,000", "topics": ["snow", "storm"], "zones": "Riverside\n\n", "begin": "22:00", "until": "06:00"}


@pytest.fixture
def author(door: httpx.Client) -> int:
    with transaction() as s:
        factories.zone(s)
        return factories.operator(s, "author").id


def limits() -> Limits:
    with transaction() as s:
        return operator_limits.of(s, factories.operator(s, "author"))


def test_an_admin_sets_and_takes_away_limits(at_desk: Callable[[str], httpx.Client], author: int) -> None:
    door, path = at_desk("admin"), f"/console/operators/{author}/limits"
    done = door.post(path, data=GIVEN)
    assert (done.status_code, done.headers["location"]) == (303, f"/console/operators/{author}")
    kept = limits()
    assert (kept.contacts, kept.topics, kept.hours) == (5000, ("snow", "storm"), Hours(time(22), time(6)))
    shown = door.get(path).text
    assert 'value="5000"' in shown
    assert "custom:Riverside</textarea>" in shown
    assert 'value="snow" checked' in shown
    assert 'value="22:00"' in shown
    assert path in door.get(f"/console/operators/{author}").text
    assert door.post(path, data={}).status_code == 303
    assert limits() == Limits()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"contacts": "many"}, "is not a number of contacts"),
        ({"contacts": "9" * 15}, "is not a valid number of contacts"),
        ({"topics": ["gossip"]}, "There is no topic"),
        ({"zones": "Riversude"}, "Riversude"),
        ({"until": ""}, "are not hours"),
    ],
)
def test_a_mistake_is_named_and_the_form_keeps_what_was_typed(
    at_desk: Callable[[str], httpx.Client], author: int, wrong: dict[str, str], words: str
) -> None:
    refused = at_desk("admin").post(f"/console/operators/{author}/limits", data=GIVEN | wrong)
    assert refused.status_code in {404, 422}
    assert words in refused.text
    assert 'value="22:00"' in refused.text
    assert limits() == Limits()


def test_who_is_not_an_admin_changes_nothing(at_desk: Callable[[str], httpx.Client], author: int) -> None:
    for role in ("author", "approver", "agent"):
        assert at_desk(role).post(f"/console/operators/{author}/limits", data=GIVEN).status_code == 403
    assert limits() == Limits()

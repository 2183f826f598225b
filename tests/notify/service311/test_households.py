"""A household's calendar: what it is of is forgotten with it, and who has fetched which edition is counted."""

import pytest

from notify.core import crypto
from notify.core.db import transaction
from notify.core.errors import NotFound
from notify.service311.outputs import households
from tests.database import sql
from tests.notify.service311.days import NORTH, NOW, SOUTH, publish, settle, take

pytestmark = pytest.mark.usefixtures("database")


def begun(at: tuple[float, float]) -> str:
    with transaction() as s:
        return households.begin(s, "120 Main St", *at, "en", NOW)


def test_what_a_calendar_was_of_is_forgotten_when_it_ends() -> None:
    settle()
    token = begun(NORTH)
    with transaction() as s:
        assert households.find(s, token).place == NORTH
        households.revoke(s, token, NOW)
    ((sealed, zone),) = sql("SELECT address_sealed, zone_id FROM collection_feeds")
    assert (crypto.unseal(bytes(sealed), households.PURPOSE), zone) == ("", None)
    with transaction() as s:
        assert households.find(s, token).place is None
        with pytest.raises(NotFound):
            households.find(s, f"{token}x")


def test_households_that_have_an_older_edition_are_counted_by_zone() -> None:
    settle()
    with transaction() as s:
        take(s, {"zone": "South", "stream": "trash", "weekdays": "Wed"})
        publish(s)
    tokens = [begun(NORTH), begun(NORTH), begun(SOUTH), begun(SOUTH)]
    with transaction() as s:
        for token, edition in zip(tokens[:3], (1, 2, 1), strict=True):  # the fourth was never fetched
            households.note_fetched(s, token, edition)
        assert households.behind(s, 1) == []
        assert households.behind(s, 2) == [("North", 1), ("South", 1)]
        households.note_fetched(s, tokens[1], 1)  # an old copy on the way
        households.revoke(s, tokens[2], NOW)
        assert households.behind(s, 2) == [("North", 1)]
        assert households.behind(s, 3) == [("North", 2)]

"""What the page of the rules shows of the next edition."""

from datetime import date

import pytest

from notify.core.db import transaction
from notify.service311 import next_edition, rule_store
from notify.service311.rules import Effect, Rule
from tests.notify.service311.days import NOW, THANKSGIVING, settle

pytestmark = pytest.mark.usefixtures("database")


def test_streams_that_are_kept_until_different_days_stand_apart() -> None:
    """Recycling is collected each second week, trash each week."""
    settle()
    with transaction() as s:
        (slide,) = (one for one in rule_store.standing(s) if one.kind == "rule")
        rule_store.remove(s, slide.id, NOW)
        rule_store.add_rule(s, Rule(frozenset({"Thanksgiving Day"}), Effect.SUSPEND), "city code 12", NOW)
        year = next_edition.read(s, 2026, NOW).year
    assert [(line.streams, line.new and line.new.why.until) for line in year if line.nominal == THANKSGIVING] == [
        (("recycling",), date(2026, 12, 10)),
        (("trash",), date(2026, 11, 30)),
    ]

"""The dates of the holidays that a city names."""

from datetime import date

import pytest

from notify.core.errors import Invalid
from notify.service311.holiday_dates import chosen_holidays, named_holidays


def test_a_city_gets_the_dates_of_the_names_that_it_lists() -> None:
    found = chosen_holidays(["Thanksgiving Day", "Independence Day"], "US", "MD", [2026, 2027])
    assert [each.day for each in found] == [
        date(2026, 7, 4), date(2026, 11, 26), date(2027, 7, 4), date(2027, 11, 25)
    ]  # fmt: skip


def test_the_dates_are_those_of_the_holiday_and_not_of_its_observance() -> None:
    days = [each.day for each in named_holidays("US", None, [2026])]
    assert date(2026, 7, 4) in days
    assert date(2026, 7, 3) not in days


def test_a_holiday_of_the_state_and_one_that_is_not_public_are_known() -> None:
    assert date(2026, 11, 27) in [each.day for each in named_holidays("US", "MD", [2026])]
    assert "Boxing Day" in [each.name for each in named_holidays("CA", "ON", [2026])]


def test_what_the_library_does_not_know_is_refused() -> None:
    with pytest.raises(Invalid, match="Talk Like a Pirate Day"):
        chosen_holidays(["Talk Like a Pirate Day", "Labor Day"], "US", None, [2026])
    for country, subdivision in (("XX", None), ("US", "ZZ")):
        with pytest.raises(Invalid):
            named_holidays(country, subdivision, [2026])

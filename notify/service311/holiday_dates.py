"""The dates of named holidays, from the `holidays` library. The city lists the names."""

from collections.abc import Collection, Iterable

import holidays

from notify.core.errors import Invalid
from notify.service311.rules import Holiday


def named_holidays(country: str, subdivision: str | None, years: Iterable[int]) -> list[Holiday]:
    """Return every day that the library knows for a country (US) and state or province (MD), in order of the dates.

    Of all its categories: public ones, and those that only banks or the government keep. The dates are those of the
    holidays themselves, never of their observance, which is the rule's choice (`Weekend`).
    Raises Invalid for a country or subdivision that the library does not know.
    """
    try:
        of_country = type(holidays.country_holidays(country))
        found = holidays.country_holidays(
            country,
            subdiv=subdivision,
            years=list(years),
            observed=False,
            categories=of_country.supported_categories,
        )
    except NotImplementedError as error:
        raise Invalid(f"The holidays of {country} {subdivision or ''} are not known.", hint=str(error)) from error
    # One date may have several names, joined by "; ".
    return [Holiday(day, name) for day in sorted(found) for name in found.get_list(day)]


def chosen_holidays(
    names: Collection[str], country: str, subdivision: str | None, years: Iterable[int]
) -> list[Holiday]:
    """Return the holidays of these names. Raises Invalid for a name that has no date in any of the years."""
    listed = [each for each in named_holidays(country, subdivision, years) if each.name in names]
    if missing := sorted(set(names) - {each.name for each in listed}):
        raise Invalid(f"{', '.join(missing)}: no such holiday in {country} {subdivision or ''}.", hint="Give its date.")
    return listed

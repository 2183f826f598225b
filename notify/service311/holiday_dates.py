"""The dates of named holidays, from the `holidays` library. The city lists the names."""

from collections.abc import Collection, Iterable
from datetime import date

import holidays

from notify.core.errors import Invalid
from notify.core.translation import gettext as _
from notify.service311.outputs.words import HOLIDAYS
from notify.service311.rules import Holiday


def named_holidays(country: str, subdivision: str | None, years: Iterable[int]) -> list[Holiday]:
    """Return every day that the library knows for a country (US) and state or province (MD), in order of the dates.

    Of all its categories: public ones, and those that only banks or the government keep. The dates are those of the
    holidays themselves, never of their observance, which is the rule's choice (`Weekend`).
    Raises Invalid for a country or subdivision that the library does not know.
    """
    try:
        if country not in holidays.list_supported_countries():  # the library takes any name of its module for one
            raise NotImplementedError(country)
        of_country = type(holidays.country_holidays(country))
        found = holidays.country_holidays(
            country,
            subdiv=subdivision,
            years=list(years),
            observed=False,
            categories=of_country.supported_categories,
        )
    except NotImplementedError as error:
        raise Invalid(
            _("The holidays of %(where)s are not known.", where=f"{country} {subdivision or ''}".strip()),
            hint=_("Write a country such as US, and a state such as MD; or give the dates by hand."),
        ) from error
    # One date may have several names, joined by "; ".
    return [Holiday(day, name) for day in sorted(found) for name in found.get_list(day)]


def by_dates(listed: Iterable[Holiday]) -> dict[tuple[date, ...], list[str]]:
    """Return the names of each holiday by its dates: the library has some of them twice, as "Birthday of Martin Luther
    King, Jr." and "Martin Luther King Jr. Day". Our own names (`outputs.words`) come first."""
    days: dict[str, list[date]] = {}
    for one in listed:
        days.setdefault(one.name, []).append(one.day)
    found: dict[tuple[date, ...], list[str]] = {}
    for name, of_name in days.items():
        found.setdefault(tuple(of_name), []).append(name)
    ours = {name: place for place, name in enumerate(HOLIDAYS)}
    return {dates: sorted(names, key=lambda name: ours.get(name, len(ours))) for dates, names in found.items()}


def chosen_holidays(
    names: Collection[str], country: str, subdivision: str | None, years: Iterable[int]
) -> list[Holiday]:
    """Return the holidays of these names. Raises Invalid for a name that has no date in any of the years."""
    listed = [each for each in named_holidays(country, subdivision, years) if each.name in names]
    if missing := sorted(set(names) - {each.name for each in listed}):
        raise Invalid(
            _("%(names)s: no such holiday in %(where)s.", names=", ".join(missing),
              where=f"{country} {subdivision or ''}".strip()),
            hint=_("Give its date."),
        )  # fmt: skip
    return listed

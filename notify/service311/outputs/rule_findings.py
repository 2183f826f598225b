"""What is wrong with the rules of the next edition, in words."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from notify.city import zones as city_zones
from notify.core.translation import gettext as _
from notify.core.translation import translated
from notify.service311 import zone_order
from notify.service311.calendars import KIND
from notify.service311.next_edition import Findings
from notify.service311.outputs import rule_words
from notify.service311.outputs.rule_words import date_of, listed
from notify.service311.rule_checks import Hidden


def sentences(found: Findings, zones: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the next edition, a sentence or two each."""
    lines: list[str] = []
    by_name: dict[str, list[int]] = {}
    for one in found.unknown:
        by_name.setdefault(one.name, []).append(one.year)
    for name, years in by_name.items():
        told = {"name": translated(name), "years": listed(map(str, sorted(set(years))))}
        lines.append(_("A rule names %(name)s, which has no date in %(years)s: it does nothing then.", **told))
    for vain in found.in_vain:
        said = _("Nothing is due then, so this exception does nothing: %(exception)s.",
                 exception=rule_words.exception(vain.exception, zones))  # fmt: skip
        if vain.meant:
            said += " " + _("What is collected that day is due by the schedule on %(days)s: give that date.",
                            days=listed(map(date_of, vain.meant)))  # fmt: skip
        lines.append(said)
    lines += [_hidden(one) for one in found.hidden]
    if found.unused:
        lines.append(
            _("No rule names %(names)s: collections stay on their days.", names=listed(map(translated, found.unused)))
        )
    if found.until is None:
        lines.append(_("No holidays are listed: no day of collection ever moves."))
    return lines


def _hidden(one: Hidden) -> str:
    return _(
        "%(rule)s does nothing in %(year)s: a rule before it decides each of its days, %(earlier)s. Move it up, or"
        " remove it.",
        rule=rule_words.named(one.rule), year=one.year, earlier=listed(map(rule_words.named, one.by)),
    )  # fmt: skip


def zone_names(s: Session) -> dict[str, str]:
    """Return the names of the collection zones by id, as the engine has it, in their order in lists."""
    there = sorted(city_zones.all_zones(s, KIND), key=lambda one: zone_order.place(one.zone.name))
    return {str(one.zone.id): one.zone.name for one in there}

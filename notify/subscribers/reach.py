"""By which of their phones and emails a resident is reached, in a sentence for their own page.

It follows the rules that decide about each message (`audience.rules`); a test compares both. There is no order: all are
written to at the same time (docs/adr/0052).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from babel.dates import format_date
from babel.lists import format_list

from notify.audience.rules import EMERGENCIES_ONLY
from notify.channels.channel import CHANNELS
from notify.core import translation
from notify.core.translation import gettext as _
from notify.models import Topic
from notify.subscribers.choices import Chosen
from notify.subscribers.own import OwnContact


@dataclass(frozen=True, slots=True)
class Reach:
    """The contacts that get emergencies; of these, those that get all that can wait, and those that get what is grave
    enough of it."""

    emergencies: Sequence[OwnContact]
    notices: Sequence[OwnContact]
    grave_ones: Sequence[OwnContact]


def reach(contacts: Sequence[OwnContact], topics: Collection[str]) -> Reach:
    """Return who is reached where. `topics`: those that the resident has chosen."""
    open_ones = [one for one in contacts if _is_open(one, topics)]
    return Reach(
        open_ones,
        [one for one in open_ones if one.lowest_severity is None],
        [one for one in open_ones if one.lowest_severity is not None and one.lowest_severity < EMERGENCIES_ONLY],
    )


def sentences(
    contacts: Sequence[OwnContact], topics: Collection[Topic | str], chosen: Chosen, *, has_place: bool
) -> Sequence[str]:
    """Return in the reader's language how an emergency and how what can wait reach a resident. `chosen`: when what can
    wait comes."""
    if not topics:
        return [_("Nothing comes now: you have chosen no topic below.")]
    found = reach(contacts, topics)
    if not found.emergencies:
        return [_("Nothing reaches you now, not even in an emergency.")]
    ways = _ways(found.emergencies)
    first = _("Emergencies come %(ways)s.", ways=ways)
    if len(found.emergencies) > 1:
        first = _("Emergencies come %(ways)s, at the same time.", ways=ways)
    told = [first]
    if any(one.left for one in found.emergencies):
        told.append(_("But not about a topic that was stopped there."))
    if not has_place:
        told.append(_("You have no place, so only what goes to the whole city comes."))
    if chosen.muted_until is not None:
        until = format_date(chosen.muted_until, "long", locale=translation.locale())
        return [*told, _("You paused what can wait until %(until)s.", until=until)]
    if len(found.notices) == len(found.emergencies):
        told.append(_("What can wait comes the same way."))
    elif found.notices:
        told.append(_("What can wait comes only %(ways)s.", ways=_ways(found.notices)))
    elif not found.grave_ones:
        told.append(_("What can wait does not come: you chose only emergencies."))
    if chosen.digest is not None and (found.notices or found.grave_ones):
        told.append(_("It comes together, at the times that you chose below."))
    if found.grave_ones:
        ways = _ways(found.grave_ones)
        told.append(_("Of what can wait, only what is grave enough comes %(ways)s, as you chose below.", ways=ways))
    return told


def _is_open(contact: OwnContact, topics: Collection[str]) -> bool:
    """Return whether an emergency of some topic reaches a contact."""
    return not (contact.stopped or contact.barred or contact.blocked) and bool(set(topics) - set(contact.left))


def _ways(contacts: Sequence[OwnContact]) -> str:
    return format_list([_way(one) for one in contacts], locale=translation.locale())


def _way(contact: OwnContact) -> str:
    if CHANNELS[contact.channel].letter:
        return _("by email to %(shown)s", shown=contact.shown)
    return _("by text to %(shown)s", shown=contact.shown)

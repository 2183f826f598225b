"""The calendar of a place for the year ahead in an email, which a resident asks for.

What it says of the place is kept sealed until it is sent. Its links hold nothing secret: they are those of the zones.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.orm import Session

from notify.accounts import tries
from notify.channels.channel import EMAIL
from notify.content.compose import UNSUBSCRIBE_URL
from notify.core import crypto, keyring, points
from notify.core.errors import NotFound, Refused
from notify.core.settings import settings
from notify.core.texts import worded
from notify.core.translation import gettext as _
from notify.core.translation import language, speaking
from notify.delivery import sealed_words
from notify.models import Contact, DirectMessage, Operator, Place, Subscriber, Zone
from notify.service311 import calendars, streams
from notify.service311.calendars import Calendar
from notify.service311.outputs import print_view
from notify.subscribers import consent, serving
from notify.subscribers.homes import SEALED_ADDRESS
from notify.subscribers.joining import require_sender
from templates import RESIDENTS

KIND = "calendar"
ASKED_TWICE = timedelta(minutes=10)  # the same place once more: a double click, or somebody who does not see it come


class Spot(NamedTuple):
    """`lon`, `lat`: degrees in WGS84. `label`: the address, as its owner knows it."""

    lon: float
    lat: float
    label: str


def takes(channel: str) -> bool:
    """Return whether a calendar may be sent on a channel."""
    return channel == EMAIL.name


def spot(s: Session, subscriber_id: int, place_id: int) -> Spot:
    """Return a resident's own place. Raises NotFound; Unavailable when it is damaged."""
    place = s.get(Place, place_id)
    if place is None or place.subscriber_id != subscriber_id:
        raise NotFound(_("This place is not there any more."))
    keyring.hold(s)
    address = crypto.unseal(place.address_sealed, SEALED_ADDRESS) if place.address_sealed else place.label
    return Spot(*points.open_one(subscriber_id, place.point_sealed), address)


def send(
    s: Session, subscriber_id: int, contact_id: int, at: Spot, now: datetime, by: Operator | None = None
) -> DirectMessage | None:
    """Write the calendar of a place to one of the resident's emails; None if it was written a moment ago. `by`: the
    agent who asks for them.

    Raises NotFound, also without collection days; Refused where nothing may be sent; TooManyTries; Unavailable.
    """
    contact = s.get(Contact, contact_id, with_for_update={"key_share": True})  # a second press waits for the first
    if contact is None or contact.subscriber_id != subscriber_id or contact.verified_at is None:
        raise NotFound(_("This is not one of your phones and emails."))
    if not takes(contact.channel):
        raise Refused(_("The calendar of a year is too long for a text."), hint=_("Choose an email."))
    if consent.reasons_against(s, contact.channel, contact.address_index):
        raise Refused(_("Nothing is sent to this email now."), hint=_("Your page says why, and how to mend it."))
    if at.label in sealed_words.places(s, contact.id, KIND, now - ASKED_TWICE):
        return None
    calendar = calendars.of_place(s, at.lon, at.lat, now, at.label)
    if calendar is None or not calendar.ahead(calendars.today(now)):
        raise NotFound(_("We have no collection days for %(address)s.", address=at.label))
    tries.count(s, tries.of_calendar_mail(subscriber_id), now)
    require_sender(contact.channel)
    with speaking(s.get_one(Subscriber, subscriber_id).language):
        text = written(s, calendar, at.label, now)
        said = worded(RESIDENTS)[KIND]
    known = settings()
    frame = said["text"].format(
        words=sealed_words.WORDS, program=known.program, link=f"{known.public_url}/me",
        stop=said["stop_by_link"].format(leave=UNSUBSCRIBE_URL),
    )  # fmt: skip
    message = DirectMessage(
        kind=KIND, contact_id=contact.id, step=1, channel=contact.channel, state="waiting", made_at=now, any_hour=True,
        subject=said["subject"], text=frame,
    )  # fmt: skip
    s.add(message)
    sealed_words.keep(s, message, text, at.label)
    serving.note(s, now, by, "mail calendar", subscriber_id, contact=contact.id, edition=calendar.edition.number)
    return message


def written(s: Session, calendar: Calendar, label: str, now: datetime) -> str:
    """Return the calendar as a text, in the reader's language: the days of each month, changes with their reasons."""
    shown = print_view.document(calendar, label, calendars.today(now))
    parts = [shown["title"], shown["set_out"]]
    if calendar.unsure:
        unsure = ", ".join(streams.name(one) for one in calendar.unsure)
        parts.append(_("We are not sure about %(streams)s here: two zones meet. Ask us.", streams=unsure))
    for month in shown["months"]:
        days = [f"{day['day']}: {day['what']}" + (f"\n    {day['why']}" if day["why"] else "") for day in month["days"]]
        parts.append("\n".join([month["name"].upper(), *days]))
    parts += [shown["until"], *_links(s, calendar, now), shown["edition"]]
    return "\n\n".join(part for part in parts if part)


def _links(s: Session, calendar: Calendar, now: datetime) -> list[str]:
    """Return where a calendar program and a printer find the days. A house with days of its own has no such address
    that everybody may know."""
    site, spoken = settings().public_url, f"?lang={language()}"
    if calendar.address:
        link = f"{site}/collections{spoken}"
        return [_("For the calendar of your phone, write your address here: %(link)s", link=link)]
    links = []
    for zone_id, name in calendar.zones:
        of_zone = calendars.of_zone(s, s.get_one(Zone, zone_id), now)
        if of_zone is not None and of_zone.collections:
            home = f"{site}/collections/zones/{zone_id}"
            links.append(
                "\n".join(
                    [
                        _("%(zone)s, for the calendar of your phone: %(link)s", zone=name, link=f"{home}.ics{spoken}"),
                        _("%(zone)s, to print: %(link)s", zone=name, link=f"{home}.pdf{spoken}"),
                    ]
                )
            )
    return links

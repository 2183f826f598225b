"""Write the words of an alert in every channel and language. Reads only, and the alert need not be stored."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.alerts.words import city_words
from notify.channels.channel import timelines
from notify.city.area import Houses
from notify.content import compose
from notify.core.characters import visible
from notify.core.errors import Invalid
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.models import Alert, Sender

Name: TypeAlias = compose.Words | Houses  # of a part of the area


def given(names: compose.Words, settings: Settings) -> compose.Words:
    """Return the names that an operator gave to an area, one for every language or by language. Raises Invalid."""
    if isinstance(names, str):
        return visible(names)
    if others := [language for language in names if language not in settings.languages]:
        raise Invalid(
            _("There are no messages in %(language)s.", language=repr(others[0])),
            hint=_("Choose from: %(languages)s.", languages=", ".join(settings.languages)),
        )
    return {language: shown for language, words in names.items() if (shown := visible(words))}


def rendered(
    s: Session,
    alert: Alert,
    event: compose.Event,
    filled: compose.Filled,
    area_names: Sequence[Name],
    now: datetime,
    settings: Settings,
) -> Sequence[compose.Rendered]:
    """Return the words of an alert, which need not be stored: the city's own, where it has them. Raises Invalid."""
    languages = compose.catalogue().written(settings.languages)
    context = compose.Context(
        city=settings.city,
        area={language: called(area_names, event, language) for language in languages},
        expires_at=alert.expires_at,
        timezone=settings.tz,
        link=f"{settings.public_url}/alerts/{alert.id}",
        program=settings.program,
        help_contact=settings.help_contact,
        status=alert.status,
        corrects=alert.corrects,
        lane=alert.lane.value,
        networks=_networks(s),
        now=max(now, alert.launch_at) if alert.launch_at else now,  # weekdays are relative to the launch
    )
    ours, stale = city_words.in_force(s, event, alert.phase, settings)
    written = compose.render(ours, alert.phase, filled, channels=alert.channels, languages=languages, context=context)
    return [replace(one, stale=(ours.words_of(alert.phase, one.channel), one.language) in stale) for one in written]


def _networks(s: Session) -> Sequence[str]:
    """The social networks that we post to."""
    networks = select(Sender.provider).where(Sender.channel.in_(timelines()), Sender.status == "open").distinct()
    return s.scalars(networks.order_by(Sender.provider)).all() or compose.NETWORKS


def called(names: Sequence[Name], event: compose.Event, language: str) -> str:
    """The name of the area in a language."""
    speech = event.common[language].speech
    called = []
    for name in names:
        match name:
            case Houses():
                called.append(speech.street(name.name, name.first, name.last, name.side))
            case str():
                called.append(name)
            case _:
                called.append(name.get(language) or next(iter(name.values())))
    return speech.listing(called)

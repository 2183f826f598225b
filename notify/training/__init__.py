"""Fill the database with the training city: zones, streets, residents, senders, an operator of each role. All of it is
invented. `city` generates it, `blocks` cuts its streets into blocks, `names` has the names, `collections` the days of
collection."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import datetime

from shapely.geometry import box
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from notify import subscribers
from notify.accounts import operators
from notify.city import basemap, geocoder
from notify.city import zones as city_zones
from notify.core.db import transaction
from notify.delivery import senders
from notify.models import Operator, Sender, Subscriber
from notify.service311.snow import routes
from notify.training.blocks import MAIN, blocks, houses
from notify.training.city import COLUMNS, TrainingCity
from notify.training.collections import settle_days

ZONE = "Riverside"
RIVER = "Bell River"
SOURCE = "training city"  # of its zones, streets and addresses
# One of each role, so that every role can be practised.
OPERATORS = (
    (operators.TRAINING_AUTHOR, "author"),
    (operators.TRAINING_APPROVER, "approver"),
    ("agent@tocsin.example.org", "agent"),
    ("admin@tocsin.example.org", "admin"),
)
# provider, address, rate per second: short codes start at 100 segments, and cities negotiate more
SENDERS = (
    ("twilio", "+15555550100", 300.0),
    ("sendgrid", "alerts@tocsin.example.org", 500.0),
    ("mastodon", "city", 1.0),
)


def settle(residents: int, now: datetime, on_progress: Callable[[int], None] | None = None) -> bool:
    """Create the city; return False if it has that many residents already. `on_progress` gets the rows imported so far.

    An interrupted import is resumed: existing residents stay as they are.
    """
    with transaction() as s:
        if s.execute(select(func.count()).select_from(Subscriber)).scalar_one() >= residents:
            settle_days(s, now)  # of a city that was made before it had collection days
            settle_routes(s, now)
            return False
        city = TrainingCity()
        for kind in dict.fromkeys(zone.kind for zone in city.zones()):
            city_zones.keep(s, kind, [zone for zone in city.zones() if zone.kind == kind], SOURCE, now)
        draw(s, city)
        geocoder.keep_streets(s, blocks(city), SOURCE, now)
        geocoder.keep_addresses(s, houses(city), SOURCE, now)
        known = set(s.scalars(select(Operator.email)))
        for email, role in OPERATORS:
            if email not in known:
                operators.add(s, email, role, now)
        add_senders(s, now)
        settle_days(s, now)
        settle_routes(s, now, city)
    subscribers.import_csv(csv_lines(city, residents), now, on_progress=on_progress)
    return True


def settle_routes(s: Session, now: datetime, city: TrainingCity | None = None) -> None:
    """Store the snow emergency routes, unless the city has some: its main streets."""
    if not routes.classes(s):
        routes.keep(s, (row for row in blocks(city or TrainingCity()) if row.rank == MAIN), SOURCE, now)


def draw(s: Session, city: TrainingCity) -> None:
    """Store the river and the city limits for the map."""
    basemap.keep_layer(s, "water", [(RIVER, city.river)])
    basemap.keep_layer(s, "boundary", [(city.name, box(*city.bounds))])


def add_senders(s: Session, now: datetime) -> None:
    """Add a sender on each channel that has none."""
    held = set(s.scalars(select(Sender.channel)))
    for provider, address, rate in SENDERS:
        if senders.channel_of(provider) not in held:
            senders.add(s, provider, address, rate, now)


def csv_lines(city: TrainingCity, residents: int) -> Iterator[str]:
    """Yield the residents as lines of a subscriber CSV, so that they are imported like those of a real city."""
    line = io.StringIO()
    writer = csv.DictWriter(line, COLUMNS)
    writer.writeheader()
    yield line.getvalue()
    for row in city.residents(residents):
        line.seek(0)
        line.truncate()
        writer.writerow(row)
        yield line.getvalue()

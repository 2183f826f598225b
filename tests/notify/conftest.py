"""A transaction in a city with one zone and one sender."""

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from notify.core.db import transaction
from tests.factories import sender, zone
from tests.owner import owning


@pytest.fixture
def s(database: str) -> Iterator[Session]:
    with transaction() as session:
        zone(session)
        sender(session)
        yield session


@pytest.fixture
def owner(database: str) -> Iterator[Session]:
    """The same for the owner of the tables, who may change what nobody else may."""
    with owning() as session:
        zone(session)
        sender(session)
        yield session

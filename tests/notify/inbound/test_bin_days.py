"""BIN: the next collection days at the places of the resident who asks, in one text message."""

import pytest

from notify.channels import sms_segments
from notify.channels.contract import Inbound
from notify.core.db import transaction
from notify.inbound.messages import receive
from tests import factories
from tests.notify.service311.days import NORTH, NOW, SOUTH, settle, suspend

pytestmark = pytest.mark.usefixtures("database")
WEEK = NOW.replace(day=24)  # the Tuesday before Thanksgiving


@pytest.mark.parametrize(
    ("places", "language", "days"),
    [
        ([NORTH], "en", "recycling Fri 11/27 (later), trash Fri 11/27 (later). All days: "),
        ([NORTH], "es", "reciclaje vie 27/11 (después), basura vie 27/11 (después). Todos los dias: "),
        ([NORTH, (0.6, 0.6)], "en", "recycling Fri 11/27 (later), trash Fri 11/27 (later). All days: "),
        ([NORTH, SOUTH], "en", "home: recycling Fri 11/27 (later), trash Fri 11/27 (later); home: trash Tue 11/24"),
        ([(9, 9)], "en", "no change of collections is announced for your places"),
    ],
)
def test_it_answers_with_the_days_of_the_places(places: list[tuple[float, float]], language: str, days: str) -> None:
    settle()
    with transaction() as s:
        who = factories.resident(s, at=places, language=language, now=NOW)
        answer = receive(s, "twilio", Inbound(who.phone, "+15555550100", "BIN", "SM1", ""), WEEK).text
    assert answer is not None
    assert days in answer
    cost = sms_segments.count(answer)
    assert (cost.encoding, cost.segments) == ("GSM-7", 1)


def test_a_suspended_day_is_said_and_a_stranger_hears_of_no_place() -> None:
    zone = settle()["South"]
    suspend(zone, [WEEK.date()], NOW)
    with transaction() as s:
        who = factories.resident(s, at=[SOUTH], now=NOW)
        known, stranger = (
            receive(s, "twilio", Inbound(phone, "+15555550100", "BIN", f"SM{phone}", ""), WEEK).text or ""
            for phone in (who.phone, "+12155559998")
        )
    assert "trash Tue 11/24 (no collection)" in known
    assert "we do not know your address" in stranger

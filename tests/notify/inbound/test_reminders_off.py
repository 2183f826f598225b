"""REMIND OFF ends the reminders that come to a number, also where nobody knows any more whose number it is."""

import pytest

from notify.channels.contract import Inbound
from notify.core.db import transaction
from notify.inbound.messages import receive
from notify.service311.reminders import wishes
from notify.subscribers import proving
from tests import factories
from tests.database import sql
from tests.factories import NOW

pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.parametrize("words", ["REMIND OFF", "Stop reminders"])
@pytest.mark.parametrize(("channel", "ends"), [("sms", True), ("email", False)])
def test_after_a_long_silence(words: str, channel: str, *, ends: bool) -> None:
    with transaction() as s:
        who = factories.resident(s, at=[(0.5, 0.5)], email="ana@example.org", topics=("collection",), now=NOW)
        wishes.wish(s, who.id, 19, channel, NOW, how="a test")
    with transaction() as s:
        silent = NOW + 2 * proving.RESTS
        said = receive(s, "twilio", Inbound(who.phone, "+15555550100", words, "SM1", ""), silent).text or ""
        assert (wishes.of(s, who.id) is None) == ends
    if ends:
        assert "no more reminders" in said
        assert sql("SELECT FROM suppressions") == [], "all else still comes"

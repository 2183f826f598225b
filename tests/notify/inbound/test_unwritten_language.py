"""Residents whose language has no words of ours, as imports bring them, are answered in the city's first language."""

from datetime import timedelta

import pytest
from shapely.geometry import box

from notify.channels.contract import Inbound
from notify.core.db import transaction
from notify.inbound.messages import receive
from tests import factories
from tests.database import sql
from tests.factories import NOW

pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.parametrize("language", ["vi", "zh-Hans"])
@pytest.mark.parametrize(
    ("first", "words", "answer"),
    [
        ("en", "OFF", "noted: no power at home. Expected back by "),
        ("es", "OFF", "anotado: sin luz en home."),
        ("en", "STOP SNOW", "snow"),
        ("es", "STOP SNOW", "nieve"),
        ("en", "START SNOW", "snow"),
        ("en", "REMIND", ""),
        ("en", "BIN", ""),
    ],
)
def test_they_are_answered(monkeypatch: pytest.MonkeyPatch, language: str, first: str, words: str, answer: str) -> None:
    monkeypatch.setenv("TOCSIN_LANGUAGES", f'["{first}", "{"en" if first == "es" else "es"}"]')
    with transaction() as s:
        factories.outage(s, box(0.4, 0.4, 0.6, 0.6), back_at=NOW + timedelta(hours=6))
        who = factories.resident(s, at=[(0.5, 0.5)], topics=("snow", "storm"), now=NOW, language=language)
    with transaction() as s:
        said = receive(s, "twilio", Inbound(who.phone, "+15555550100", words, "SM1", ""), NOW + timedelta(hours=1))
    assert said.text, "an answer"
    assert answer in said.text
    assert bool(sql("SELECT FROM suppressions WHERE topic = 'snow'")) == (words == "STOP SNOW")

"""An alert in two wordings, wherever people read it: in public the general words, on their own pages their own."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from notify.alerts.public import signing
from notify.alerts.writing.wordings import Part, Wording
from notify.cli import verify
from notify.cli.alert import commands as alert_commands
from notify.core.db import transaction
from notify.subscribers import received
from tests import factories
from tests.api import asked, joins
from tests.api.joins import join

# The resident of `joins` lives in the middle of the zone.
APART = {
    "blanks": {"hazard": "flood"},
    "wording_parts": [Part(1, factories.square(0.4, 0.4, 0.2), "The middle")],
    "wordings": [Wording(frozenset({1}), {"hazard": "tornado"})],
}


@pytest.fixture
def alert(database: str, door: httpx.Client) -> int:
    joins.city_that_sends()
    join(door)
    return factories.alert_resolved(now=datetime.now(UTC), **APART)


def words_of(alert: int, wording: int, language: str = "en") -> str:
    ((words,),) = asked.rows(
        "SELECT text FROM contents WHERE alert_id = :a AND channel = 'sms' AND language = :l AND wording = :w",
        a=alert, l=language, w=wording,
    )  # fmt: skip
    return str(words)


def test_everybody_is_told_the_general_words_and_each_resident_their_own(door: httpx.Client, alert: int) -> None:
    public = door.get(f"/alerts/{alert}?lang=en").text
    assert "Flash flood" in public or "flood" in public.lower()
    assert "tornado" not in public.lower()
    for feed in ("/feeds/alerts.atom", "/feeds/alerts.json"):
        answer = door.get(feed)
        assert answer.status_code == 404 or "tornado" not in answer.text.lower()
    with transaction() as s:
        person = s.execute(text("SELECT max(id) FROM subscribers")).scalar_one()
        (one,) = received.read(s, person, datetime.now(UTC)).received
    assert one.words == words_of(alert, 1)
    assert "tornado" in door.get("/me/why?lang=en").text.lower()
    copy = json.loads(door.get("/me/data.json").text) if door.get("/me/data.json").status_code == 200 else None
    assert copy is None or "ornado" in json.dumps(copy)


def test_true_words_of_a_part_of_the_area_are_true(door: httpx.Client, alert: int) -> None:
    def said(given: str) -> str:
        return door.post("/verify", data={"code": given}, follow_redirects=True).text

    theirs, general = said(words_of(alert, 1)), said(words_of(alert, 0))
    for page, own, other in ((theirs, "ornado", "lood"), (general, "lood", "ornado")):
        assert "The words are the same" in page
        exact = page[page.index('id="exact"') :]
        assert own in exact
        assert other not in exact
    by_code = said(str(alert))
    assert "Some places got their own words" in by_code
    for number in (0, 1):
        for language in ("en", "es"):
            first = words_of(alert, number, language).split(".")[0]
            assert re.sub(r"\W", "", first) in re.sub(r"\W", "", re.sub("<[^>]+>", "", by_code))
    assert "The words are not the same" in said(words_of(alert, 1) + " Pay 50 dollars to this account today.")


def test_a_signed_copy_has_all_wordings(door: httpx.Client, alert: int, tmp_path: Path) -> None:
    with transaction() as s:
        signing.sign_launched(s, datetime.now(UTC))
    (tmp_path / "copy.json").write_bytes(door.get(f"/verify/{alert}.json").content)
    (tmp_path / "keys.json").write_bytes(door.get("/.well-known/tocsin-keys.json").content)
    checked = ["verify", str(tmp_path / "copy.json"), "--keys", str(tmp_path / "keys.json")][1:]
    told = json.loads(CliRunner().invoke(verify.commands, [*checked, "--json"]).stdout)["statement"]
    assert told["words"]["sms"]["en"]["text"] == words_of(alert, 0)
    assert [one["sms"]["en"]["text"] for one in told["wordings"]] == [words_of(alert, 1)]
    shown = CliRunner().invoke(verify.commands, checked).stdout
    assert "ornado" in shown


def test_staff_see_each_wording_with_its_part_and_how_many_read_it(
    database: str, at_desk: Callable[[str], httpx.Client]
) -> None:
    with transaction() as s:
        factories.zone(s)
        factories.sender(s)
        factories.residents(s, [factories.Person(at=[at]) for at in ((0.5, 0.5), (0.1, 0.1), (0.2, 0.2))])
        draft = factories.alert_draft(s, now=datetime.now(UTC), **APART).id
    page = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", at_desk("approver").get(f"/console/alerts/{draft}").text))
    assert "The middle 1 resident" in page
    assert "Everybody else, and in public 2 residents" in page
    assert "ornado" in page
    assert "lood" in page


def test_the_report_has_the_words_of_all(alert: int) -> None:
    told = CliRunner().invoke(alert_commands, ["report", str(alert), "--json"])
    words = json.loads(told.stdout)["words"]
    assert {(one["wording"], one["text"]) for one in words if one["language"] == "en"} == {
        (number, words_of(alert, number)) for number in (0, 1)
    }
    shown = CliRunner().invoke(alert_commands, ["report", str(alert)]).stdout
    assert "The middle" in shown

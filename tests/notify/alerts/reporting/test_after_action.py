"""The after-action report: its numbers add up, and its files have the same ones."""

import csv
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from shapely.geometry import box
from sqlalchemy import text

from notify.alerts.reporting import after_action, report_files
from notify.alerts.reporting.after_action import AfterAction, Reach
from notify.core.db import transaction
from notify.core.errors import NotAllowed, Refused
from tests import factories
from tests.factories import NOW

SETTLED = """UPDATE deliveries SET state = CAST(:state AS delivery_state), reason = :why, sent_at = :at
              WHERE id = :id"""


@pytest.fixture
def alert(database: str) -> int:
    """Twelve residents of two zones: 8 texts delivered over a minute, 2 failed; 2 are not verified."""
    with transaction() as s:
        factories.zone(s, "West", box(0, 0, 0.5, 1), "neighbourhood")
        factories.zone(s, "East", box(0.5, 0, 1, 1), "neighbourhood")
        for n in range(12):
            where = [(0.25 if n < 9 else 0.75, 0.5)]
            factories.resident(s, at=where, email="", language="es" if n % 3 == 0 else "en", verified=n not in (4, 11))
    number = factories.alert_resolved(zones=["West", "East"], channels=("sms",))
    with transaction() as s:
        queued = s.scalars(text("SELECT id FROM deliveries WHERE state = 'queued' ORDER BY contact_id")).all()
        for place, delivery in enumerate(queued):
            s.execute(
                text(SETTLED),
                {
                    "id": delivery,
                    "state": "failed" if place >= 8 else "delivered",
                    "why": "30003" if place >= 8 else None,
                    "at": NOW + timedelta(seconds=6 * (place + 1)),
                },
            )
    return number


@pytest.fixture
def found(alert: int) -> AfterAction:
    with transaction() as s:
        return after_action.read(s, alert, factories.operator(s), NOW)


def test_everybody_in_the_area_is_reached_failed_or_left_out(found: AfterAction) -> None:
    assert found.whole == Reach(total=12, reached=8, failed=2, left_out=2)
    assert found.whole.total == found.progress.audience.total
    assert found.whole.to_come == 0
    for parts in (found.channels, found.languages):
        for figure in ("total", "reached", "failed", "left_out"):
            assert sum(getattr(part, figure) for part in parts.values()) == getattr(found.whole, figure), figure
    assert {language: part.total for language, part in found.languages.items()} == {"en": 8, "es": 4}


def test_a_zone_counts_residents_who_were_reached(found: AfterAction) -> None:
    assert [(one.zone, one.residents, one.reached) for one in found.zones] == [("East", 3, 0), ("West", 9, 8)]


def test_milestones_are_measured_from_the_launch(found: AfterAction) -> None:
    after = {one.name: one.after_s for one in found.milestones}
    assert after["written"] in (None, 0.0)
    assert (after["first message"], after["50 % sent"], after["95 % sent"], after["last message"]) == (6, 30, 60, 60)
    assert after["finished"] is None


def test_the_curve_ends_at_the_number_of_messages_sent(found: AfterAction) -> None:
    left = found.curve.left["sms"]
    assert left[-1] == 10
    assert list(left) == sorted(left)
    assert left[int(33 / found.curve.step_s) - 1] == 5, "after about half of the minute"


def test_the_files_have_the_numbers_of_the_page(found: AfterAction) -> None:
    document = json.loads(report_files.as_json(found))
    assert document["whole"] == {"total": 12, "reached": 8, "failed": 2, "left_out": 2}
    rows = list(csv.reader(io.StringIO(report_files.as_csv(found).decode("utf-8-sig"))))
    values = {tuple(row[:3]): row[3] for row in rows[1:]}
    assert values["all", "contacts", "reached"] == "8"
    assert values["channel", "sms", "failed"] == "2"
    assert values["zone", "neighbourhood:West", "reached"] == "8"
    shown = report_files.document(found)
    assert (shown["reach"][0]["reached"], shown["reach"][1]["failed"]) == (8, 2)


def test_the_pdf_is_tagged_and_says_the_same(found: AfterAction, tmp_path: Path) -> None:
    made = report_files.pdf(found)
    assert made.startswith(b"%PDF-")
    assert found.drawing is not None
    without = replace(found, drawing=None)
    assert len(made) > len(report_files.pdf(without)), "it has a map"
    assert report_files.as_json(without) == report_files.as_json(found), "which is in no table"
    assert b"/MarkInfo" in made
    assert made == report_files.pdf(found), "the same report is the same file"
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is absent")
    (tmp_path / "report.pdf").write_bytes(made)
    read = subprocess.run(
        ["pdftotext", "-layout", tmp_path / "report.pdf", "-"], capture_output=True, text=True, check=True
    )
    words = " ".join(read.stdout.split())
    assert "8 of 12 contacts in the area were reached; 2 failed, 2 were left out" in words
    assert "West 9 8" in words


def test_the_chart_of_the_pdf_has_its_scale_and_its_legend_on_the_same_page(found: AfterAction, tmp_path: Path) -> None:
    assert found.curve.ticks == (0, 5, 10)
    assert replace(found.curve, left={"sms": (0, 1)}).ticks == (0, 1)
    assert replace(found.curve, left={"sms": (0, 41), "email": (0, 3)}).ticks == (0, 50, 100)
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is absent")
    for lines in range(12, 30, 2):  # the chart moves down the page, and to the next one
        longer = replace(found, milestones=found.milestones + (found.milestones[2],) * lines)
        (tmp_path / "report.pdf").write_bytes(report_files.pdf(longer))
        read = subprocess.run(["pdftotext", tmp_path / "report.pdf", "-"], capture_output=True, text=True, check=True)
        (page,) = [one for one in read.stdout.split("\f") if "Messages sent over time" in one]
        said = page.split("Messages sent over time")[1]
        assert "Texts: 10" in said, lines
        assert re.search(r"\b5\s+0\b", " ".join(said.split())), lines


def test_words_are_never_code_or_formulas(alert: int) -> None:
    """Of a template in Typst, and of a spreadsheet. A name of an area is the operator's own."""
    number = factories.alert_resolved(
        zones=(),
        confirmed=("whole-city",),
        area=box(0, 0, 1, 1).__geo_interface__,
        area_description="=1+1 #panic() $x$ *b* <a>",
        channels=("sms",),
    )
    with transaction() as s:
        found = after_action.read(s, number, factories.operator(s), NOW)
    assert report_files.pdf(found).startswith(b"%PDF-")
    assert b"'=1+1 #panic()" in report_files.as_csv(found)


def test_no_file_has_a_residents_address(alert: int, found: AfterAction) -> None:
    with transaction() as s:
        phone = factories.resident(s).phone
    for made in (report_files.as_json(found), report_files.as_csv(found)):
        assert b"+1" not in made
        assert phone.encode() not in made


def test_agents_and_drafts_have_no_report(alert: int) -> None:
    with transaction() as s:
        with pytest.raises(NotAllowed):
            after_action.read(s, alert, factories.operator(s, "agent"), NOW)
        draft = factories.alert_draft(s, zones=["West"]).id
        with pytest.raises(Refused, match="has not been launched"):
            after_action.read(s, draft, factories.operator(s), NOW)


def test_an_alert_that_reached_nobody_has_a_report(database: str) -> None:
    with transaction() as s:
        factories.zone(s)
    number = factories.alert_resolved(zones=["Riverside"], channels=("sms",))
    with transaction() as s:
        found = after_action.read(s, number, factories.operator(s), datetime.now(NOW.tzinfo))
    assert found.whole == Reach(0, 0, 0, 0)
    assert report_files.pdf(found).startswith(b"%PDF-")


def test_places_far_from_the_area_are_not_read(database: str) -> None:
    """A place is found by the cell of the grid that it is in. One that is read and cannot be opened rings an alarm."""
    with transaction() as s:
        factories.zone(s, "West", box(0, 0, 0.2, 0.2), "neighbourhood")
    alert = factories.alert_resolved(zones=["West"], channels=("sms",))
    with transaction() as s:
        far = factories.resident(s, at=[(20.0, 20.0)]).id
        s.execute(
            text("UPDATE places SET point_sealed = decode(repeat('00', 16), 'hex') WHERE subscriber_id = :id"),
            {"id": far},
        )
        after_action.read(s, alert, factories.operator(s), NOW)
        assert s.scalars(text("SELECT message FROM alarms")).all() == []

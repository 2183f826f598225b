"""The after-action report of an incident: its alerts as in their own reports, the requests, notes and acts."""

import csv
import io
import json
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from shapely.geometry import box
from sqlalchemy import text

from notify.alerts import claims, incidents, warn_requests
from notify.alerts.reporting import after_action, incident_files, incident_report, report_files
from notify.alerts.reporting.incident_report import IncidentReport, People
from notify.core.db import transaction
from notify.core.errors import NotAllowed, NotFound
from notify.core.translation import speaking
from tests import factories
from tests.factories import NOW


@pytest.fixture
def incident(database: str) -> int:
    """Three residents told twice, of whom the third is reached by the second alert only; and a request to warn."""
    with transaction() as s:
        factories.zone(s, "West", box(0, 0, 1, 1), "neighbourhood")
        for _ in range(3):
            factories.resident(s, at=[(0.5, 0.5)], email="")
        by = factories.operator(s)
        asked = warn_requests.Asked("Engine 4", "field", "Levee leaks", "Mill St", timedelta(minutes=5), None, uuid4())
        request = warn_requests.take(s, asked, by, NOW - timedelta(minutes=20)).id
        warn_requests.read_back(s, request, by, NOW - timedelta(minutes=18))
    first = factories.alert_resolved(zones=["West"], channels=("sms",))
    with transaction() as s:
        number = s.scalars(text("SELECT incident_id FROM alerts")).one()
        warn_requests.answer(s, request, first, factories.operator(s), NOW + timedelta(minutes=1))
        incidents.add_note(s, number, "Siren 4 is broken.", uuid4(), factories.operator(s), NOW)
    second = factories.alert_resolved(
        zones=["West"], channels=("sms",), incident=number, phase="update", now=NOW + timedelta(hours=1)
    )
    with transaction() as s:
        for alert, most in ((first, 2), (second, 3)):
            s.execute(
                text("""UPDATE deliveries SET state = 'delivered', sent_at = :at WHERE id IN
                         (SELECT id FROM deliveries WHERE alert_id = :alert ORDER BY contact_id LIMIT :most)"""),
                {"alert": alert, "most": most, "at": NOW + timedelta(hours=2)},
            )
        s.execute(text("UPDATE deliveries SET state = 'failed', reason = '30003' WHERE state = 'queued'"))
    return number


@pytest.fixture
def found(incident: int) -> IncidentReport:
    with transaction() as s:
        return incident_report.read(s, incident, factories.operator(s), NOW)


def test_contacts_are_counted_once_though_told_twice(found: IncidentReport) -> None:
    assert [one.whole.reached for one in found.alerts] == [2, 3]
    assert found.people == People(contacts=3, reached=3)


def test_an_alert_is_as_in_its_own_report(found: IncidentReport) -> None:
    with transaction() as s:
        by = factories.operator(s)
        alone = [after_action.read(s, one.progress.id, by, NOW) for one in found.alerts]
    assert list(found.alerts) == alone
    shown = incident_files.document(found)
    assert shown["alerts"] == [report_files.document(one) for one in alone]


def test_the_request_stands_in_the_reports_of_the_incident_and_of_its_alert(found: IncidentReport) -> None:
    (request,) = found.requests
    first, second = found.alerts
    assert (first.requests, second.requests) == ((request,), ())
    assert (request.asked_by, request.alert, request.was_late) == ("Engine 4", first.progress.id, True)
    at = {one.name: one.at for one in first.milestones}
    assert at["requested"] == NOW - timedelta(minutes=20)
    assert at["read back"] == NOW - timedelta(minutes=18)
    facts = dict(incident_files.document(found)["requests"][0]["facts"])
    assert facts["Read back"].endswith("by admin@tocsin.example.org")
    assert facts[f"Answered by alert {first.progress.id}"].endswith(", late")


def test_each_alert_says_what_it_is_to_the_others(found: IncidentReport) -> None:
    first, second = [report_files.document(one) for one in found.alerts]
    assert first["kin"] == [{"alert": second["number"], "words": f"Alert {second['number']} has replaced it."}]
    assert second["kin"] == [{"alert": first["number"], "words": f"It updates alert {first['number']}."}]
    with speaking("es"):
        assert report_files.document(found.alerts[1])["kin"][0]["words"] == f"Actualiza la alerta {first['number']}."


def test_a_correction_and_an_all_clear_say_so(found: IncidentReport, tmp_path: Path) -> None:
    last = found.alerts[1].progress.id
    later = NOW + timedelta(hours=2)
    with transaction() as s:
        s.execute(text("UPDATE alerts SET state = 'sent', finished_at = launched_at"))
    fixed = factories.alert_resolved(
        zones=["West"], channels=("sms",), incident=found.incident, phase="update", corrects=True, now=later
    )
    with transaction() as s:
        s.execute(text("UPDATE alerts SET state = 'sent', finished_at = launched_at WHERE id = :id"), {"id": fixed})
    clear = factories.alert_resolved(
        zones=["West"], channels=("sms",), incident=found.incident, phase="all-clear", now=later + timedelta(minutes=1)
    )
    with transaction() as s:
        said = [
            report_files.document(after_action.read(s, one, factories.operator(s), later))["kin"]
            for one in (fixed, clear)
        ]
        made = report_files.pdf(after_action.read(s, fixed, factories.operator(s), later))
    assert [one["words"] for one in said[0]] == [f"It corrects alert {last}.", f"All-clear {clear} has ended it."]
    assert [one["words"] for one in said[1]] == [f"It is the all-clear that ends alert {fixed}."]
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is absent")
    (tmp_path / "report.pdf").write_bytes(made)
    read = subprocess.run(["pdftotext", tmp_path / "report.pdf", "-"], capture_output=True, text=True, check=True)
    assert f"It corrects alert {last}. All-clear {clear} has ended it." in " ".join(read.stdout.split())


def test_asking_by_itself_and_zones_that_were_taken_are_acts(found: IncidentReport) -> None:
    second = found.alerts[1]
    with transaction() as s:
        by = factories.operator(s)
        claims.take(s, found.incident, "West", by, NOW + timedelta(minutes=2))
        claims.release(s, found.incident, claims.of(s, found.incident)[0].id, by, NOW + timedelta(minutes=90))
    with transaction() as s:
        again = incident_report.read(s, found.incident, by, NOW)
        assert s.scalars(text("SELECT count(*) FROM direct_messages WHERE kind = 'ask'")).one()
    shown = report_files.document(again.alerts[0])["steps"], report_files.document(again.alerts[1])["steps"]
    acts = [[one["action"] for one in of_alert] for of_alert in shown]
    assert "Zone taken (West)" in acts[0]
    assert "Zone released (West)" not in acts[0], "the second alert was in force"
    assert "Zone released (West)" in acts[1]
    assert ("Approval asked for", "Tocsin") in [(one["action"], one["who"]) for one in shown[1]]
    whole = [one["action"] for one in incident_files.document(again)["steps"]]
    assert "Zone taken (West)" in whole
    assert f"Approval asked for (alert {second.progress.id})" in whole


def test_notes_and_acts_stand_in_order(found: IncidentReport) -> None:
    assert [one.what for one in found.notes] == ["Siren 4 is broken."]
    acts = [(one.kind, one.what) for one in found.steps]
    assert acts[:2] == [("request", "take"), ("request", "read-back")]
    assert acts.count(("alert", "launch")) == 2
    assert [one.at for one in found.steps] == sorted(one.at for one in found.steps)


def test_the_files_have_the_numbers_of_the_page(found: IncidentReport) -> None:
    first = found.alerts[0].progress.id
    document = json.loads(incident_files.as_json(found))
    assert document["people"] == {"contacts": 3, "reached": 3}
    assert document["alerts"][0]["whole"] == {"total": 3, "reached": 2, "failed": 1, "left_out": 0}
    assert document["requests"][0]["read_back_by"] == "admin@tocsin.example.org"
    rows = list(csv.reader(io.StringIO(incident_files.as_csv(found).decode("utf-8-sig"))))
    assert rows[0] == ["alert number", "section", "item", "figure", "value"]
    values = {tuple(row[:4]): row[4] for row in rows[1:]}
    assert values["", "incident", str(found.incident), "reached at least once"] == "3"
    assert values[str(first), "all", "contacts", "reached"] == "2"
    assert values["", "request", str(found.requests[0].id), "danger"] == "Levee leaks"


def test_the_pdf_says_the_same(found: IncidentReport, tmp_path: Path) -> None:
    made = incident_files.pdf(found)
    assert made.startswith(b"%PDF-")
    assert b"/MarkInfo" in made
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is absent")
    (tmp_path / "report.pdf").write_bytes(made)
    read = subprocess.run(
        ["pdftotext", "-layout", tmp_path / "report.pdf", "-"], capture_output=True, text=True, check=True
    )
    words = " ".join(read.stdout.split())
    assert "3 of 3 contacts were reached at least once" in words
    assert "2 of 3 contacts in the area were reached; 1 failed, 0 were left out" in words
    assert "Levee leaks" in words
    assert "Siren 4 is broken." in words


def test_agents_read_none_and_an_incident_without_a_launch_has_one(incident: int) -> None:
    with transaction() as s:
        with pytest.raises(NotAllowed):
            incident_report.read(s, incident, factories.operator(s, "agent"), NOW)
        with pytest.raises(NotFound):
            incident_report.read(s, 999, factories.operator(s), NOW)
        empty = factories.alert_draft(s, zones=["West"]).incident_id
        found = incident_report.read(s, empty, factories.operator(s), NOW)
    assert (found.alerts, found.people) == ((), People(0, 0))
    assert incident_files.pdf(found).startswith(b"%PDF-")


def test_what_the_pdf_shows_is_in_the_readers_language(found: IncidentReport) -> None:
    with speaking("es"):
        shown = incident_files.document(found)
    alert = shown["alerts"][0]
    assert {one["state"] for one in alert["reasons"]} <= {"Fuera", "Rechazado", "No entregado"}
    assert "Escrita (alerta " in str(shown["steps"])
    assert " ene 2027, " in shown["since"]
    assert " Jan 2027, " in incident_files.document(found)["since"]

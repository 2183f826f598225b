"""The page of the audit, and its exports."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from notify.accounts import audit_export, audit_trail, operators
from notify.accounts.audit_trail import Filter
from notify.core import audit, audit_seals
from notify.core.db import transaction
from notify.core.errors import NotAllowed
from notify.operations.jobs import seal_audit
from tests import factories
from tests.api import asked

Desk = Callable[[str], httpx.Client]
NOON = datetime(2027, 1, 12, 17, 0, tzinfo=UTC)  # in New York


@pytest.fixture
def looked(door: httpx.Client) -> None:
    """Somebody looked at resident 7 on one day, at resident 8 on the next; Tocsin stopped a sender."""
    with transaction() as s:
        agent = factories.operator(s, "agent")
        audit.note(s, now=NOON, by=agent, action="find", subject="subscriber", subject_id=7, channel="sms")
        audit.note(
            s,
            now=NOON + timedelta(days=1),
            by=agent,
            action="show",
            subject="subscriber",
            subject_id=8,
            how="<b>call</b>",
        )
        audit.note(s, now=NOON, by=None, action="stop", subject="sender", subject_id=3, why="=HYPERLINK(1)")
    audit_seals.settled.forget()
    seal_audit.run()


def rows_of(page: str) -> list[str]:
    return [row.partition("</tr>")[0] for row in page.split("<tr>")[2:]]


def test_details_name_operators_and_tell_times_on_the_citys_clock(door: httpx.Client, at_desk: Desk) -> None:
    with transaction() as s:
        deputy = factories.operator(s, "agent")
        facts = {"deputy": deputy.id, "until": NOON.isoformat(), "channels": ["sms", "email"], "residents": deputy.id}
        audit.note(s, now=NOON, by=None, action="plan", subject="duty", subject_id=3, **facts)
        who = deputy.id
    (seen,) = [row for row in rows_of(at_desk("admin").get("/console/audit?subject=duty").text) if ">plan<" in row]
    assert ">agent@tocsin.example.org</b>" in seen
    assert re.search(r">12 Jan 2027, 12:00:00\sPM</b>", seen)
    assert ">sms, email</b>" in seen
    assert f">{who}</b>" in seen, "a number of residents is no operator"


def test_it_says_who_did_what_to_whom(looked: None, at_desk: Desk) -> None:
    page = at_desk("admin").get("/console/audit").text
    (seen,) = [row for row in rows_of(page) if "show" in row]
    assert "agent@tocsin.example.org" in seen
    assert "Resident" in seen
    assert 'subject_id=8"' in seen
    assert "&lt;b&gt;call&lt;/b&gt;" in seen
    assert "13 Jan 2027, 12:00:00" in seen
    (stop,) = [row for row in rows_of(page) if ">stop<" in row]
    assert "Tocsin" in stop
    assert asked.rows("SELECT encode(hash, 'hex') FROM audit_seals ORDER BY audit_id DESC LIMIT 1")[0][0] in page


def test_a_row_that_is_not_sealed_in_time_is_called_late(city: datetime, at_desk: Desk) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        audit.note(s, now=now - timedelta(minutes=1), by=None, action="stop", subject="sender", subject_id=3)
        audit.note(s, now=now, by=None, action="start", subject="sender", subject_id=3)
    newest, older = rows_of(at_desk("admin").get("/console/audit?subject=sender&subject_id=3").text)
    assert "late: not yet sealed" not in newest
    assert "late: not yet sealed" in older
    seal_audit.run()
    assert "late: not yet sealed" not in at_desk("admin").get("/console/audit?subject=sender&subject_id=3").text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("operator=agent@tocsin.example.org", ["show", "find"]),
        ("operator=tocsin&subject=sender", ["stop"]),
        ("operator=nobody@example.org", []),
        ("action=find", ["find"]),
        ("subject=subscriber", ["show", "find"]),
        ("subject=subscriber&subject_id=7", ["find"]),
        ("subject=subscriber&since=2027-01-13T12:00", ["show"]),
        ("subject=subscriber&since=2027-01-12&until=2027-01-12", ["find"]),
        ("since=2027-01-12T11:59&until=2027-01-12T12:00", []),
    ],
)
def test_each_filter_and_their_combinations(looked: None, at_desk: Desk, query: str, found: list[str]) -> None:
    page = at_desk("approver").get(f"/console/audit?{query}").text
    told = [row.partition('<th scope="row">')[2].partition("<")[0] for row in rows_of(page)]
    assert told == found
    assert ("Nothing in the audit matches." in page) is not bool(found)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=tomorow", "from: &#39;tomorow&#39; is not a valid time"),
        ("until=2027-03-14T02:30", "to: &#39;2027-03-14T02:30&#39; does not exist"),
        ("until=9999-12-31", "to: &#39;9999-12-31&#39;"),
        ("since=0001-01-01T00:00%2B14:00", "from:"),
        ("subject_id=seven", "number: &#39;seven&#39; is not a number"),
        ("subject_id=9223372036854775808", "number:"),
        ("before=-1", "before:"),
        ("action=" + "x" * 201, "action:"),
        ("operator=%00", "operator:"),
    ],
)
def test_what_cannot_be_read_is_named(looked: None, at_desk: Desk, query: str, said: str) -> None:
    answer = at_desk("admin").get(f"/console/audit?{query}")
    assert answer.status_code == 422
    assert said in answer.text


def test_older_rows_are_on_further_pages(at_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = at_desk("admin")
    with transaction() as s:
        for n in range(2 * audit_trail.PAGE + 3):
            audit.note(s, now=NOON, by=None, action="many", subject="thing", subject_id=n + 1)
    numbers, path = [], "/console/audit?action=many"
    while path:
        page = desk.get(path).text
        numbers += [int(row.partition("subject_id=")[2].partition('"')[0]) for row in rows_of(page)]
        path = page.partition(">Older<")[0].rpartition('href="')[2].partition('"')[0] if ">Older<" in page else ""
        path = path.replace("&amp;", "&")
    assert numbers == list(range(2 * audit_trail.PAGE + 3, 0, -1))


@pytest.mark.parametrize("role", ["author", "agent"])
def test_who_may_not_read_it_is_refused(looked: None, at_desk: Desk, role: str) -> None:
    desk = at_desk(role)
    for answer in (desk.get("/console/audit"), desk.post("/console/audit/export", data={"format": "csv"})):
        assert answer.status_code == 403
        assert "<table" not in answer.text
        assert "HYPERLINK" not in answer.text
    assert "/console/audit" not in desk.get("/console").text


def test_an_approver_reads_and_only_an_admin_exports(looked: None, at_desk: Desk) -> None:
    desk = at_desk("approver")
    assert "/console/audit/export" not in desk.get("/console/audit").text
    assert desk.post("/console/audit/export", data={"format": "csv"}).status_code == 403
    with transaction() as s, pytest.raises(NotAllowed):
        audit_trail.note_export(s, Filter(), "csv", NOON, factories.operator(s, "approver"))
    assert asked.number("SELECT count(*) FROM audit WHERE action = 'export'") == 0


def test_a_csv_has_no_formula_in_it(looked: None, at_desk: Desk) -> None:
    with transaction() as s:
        audit.note(s, now=NOON, by=None, action="=1+1", subject="@SUM(A1)", subject_id=-3)
    answer = at_desk("admin").post("/console/audit/export", data={"format": "csv", "until": "2027-01-12"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="audit-')
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    odd = next(row for row in rows if row["subject_id"] == "-3")
    assert (odd["action"], odd["subject"]) == ("'=1+1", "'@SUM(A1)")
    assert not [cell for row in rows for cell in row.values() if cell[:1] in tuple("=@+\t\r")]
    assert json.loads(next(row for row in rows if row["action"] == "stop")["detail"]) == {"why": "=HYPERLINK(1)"}


def test_json_lines_have_the_filtered_rows_oldest_first_and_the_export_is_recorded(
    looked: None, at_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_export, "AT_ONCE", 1)
    desk = at_desk("admin")
    answer = desk.post("/console/audit/export", data={"format": "jsonl", "subject": "subscriber"})
    assert answer.headers["content-type"] == "application/jsonl; charset=utf-8"
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert [(row["action"], row["subject_id"], row["operator"]) for row in rows] == [
        ("find", 7, "agent@tocsin.example.org"),
        ("show", 8, "agent@tocsin.example.org"),
    ]
    assert rows[0]["at"] == "2027-01-12T17:00:00Z"
    assert rows[1]["detail"] == {"how": "<b>call</b>"}
    assert rows[1]["hash"]
    assert rows[1]["prev_hash"]
    ((detail,),) = asked.rows("SELECT detail FROM audit WHERE action = 'export'")
    assert detail == {"format": "jsonl", "filter": {"subject": "subscriber"}}


def test_a_bad_export_shows_the_page_again(looked: None, at_desk: Desk) -> None:
    desk = at_desk("admin")
    for sent, said in (({"format": "xls"}, "format:"), ({"format": "csv", "since": "x"}, "from:")):
        answer = desk.post("/console/audit/export", data=sent)
        assert answer.status_code == 422
        assert said in answer.text
    assert asked.number("SELECT count(*) FROM audit WHERE action = 'export'") == 0


def test_a_form_of_another_site_exports_nothing(looked: None, at_desk: Desk) -> None:
    desk = at_desk("admin")
    answer = desk.post("/console/audit/export", data={"format": "csv"}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


def test_operators_are_named_as_subjects(at_desk: Desk) -> None:
    desk = at_desk("admin")
    with transaction() as s:
        operators.add(s, "new.one@example.org", "agent", NOON)
    assert "new.<wbr>one<wbr>@example.<wbr>org" in "".join(rows_of(desk.get("/console/audit?action=add").text))

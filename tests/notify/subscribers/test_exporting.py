"""Residents go out as the CSV that they came in by."""

import csv
import io
import os
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import text

from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.models import Topic
from notify.subscribers import COLUMNS, changing, count, export_csv, import_csv, opt_out, serving
from notify.subscribers.csv_records import MORE_COLUMNS
from notify.subscribers.storing import Stored
from tests.factories import NOW, operator, resident
from tests.owner import as_owner

pytestmark = pytest.mark.usefixtures("database")


def export() -> list[str]:
    with transaction() as s:
        return list(export_csv(s))


def rows(lines: Iterable[str]) -> list[dict[str, str]]:
    return list(csv.DictReader("".join(lines).splitlines()))


def file(*rows: str) -> list[str]:
    return [",".join(COLUMNS) + "\n", *(f"{row}\n" for row in rows)]


def wipe() -> None:
    as_owner("TRUNCATE subscribers, contacts, places, preferences, consents, suppressions CASCADE")


def test_an_export_is_the_file_that_was_imported() -> None:
    given = file(
        "+12155550100,tom@example.org,en,snow storm,-75.1,39.9,1 Main Street,home,2026-05-31T14:30:00Z,web form",
        "+12155550100,tom@example.org,en,snow storm,-75.2,39.8,,work,2026-05-31T14:30:00Z,web form",
        ',ana@example.org,es,,-75.3,39.7234568,"Calle ""Uno"", 2",casa,,',
    )
    import_csv(given, NOW)
    topics = {"storm snow", "snow storm"}
    exported = rows(export())
    for was, now in zip(rows(given), exported, strict=True):
        assert now.pop("topics") in topics | {""}
        assert now.pop("consent_at")[:19] == was.pop("consent_at")[:19]
        assert was.pop("topics") in topics | {""}
        assert {name: now[name] for name in was} == was


def test_an_export_can_be_imported_elsewhere_and_says_the_same_there() -> None:
    """Also of a resident with several phones and emails, of which some are verified."""
    import_csv(
        file(
            "+12155550100,a@example.org,en,storm,1,1,,home,2026-05-31,form",
            "+12155550100,b@example.org,en,storm,2,2,,work,,",
            "+12155550101,a@example.org,en,storm,1,1,,home,,",
            "+12155550101,,en,storm,1,1,,home,2026-06-01,call",
            "+12155550102,b@example.org,en,storm,1,1,,home,,",
        ),
        NOW,
        merge=True,
        outside=True,
    )
    exported, before = export(), state()
    wipe()
    report = import_csv(exported, NOW, merge=True, outside=True)
    assert report.bad == ()
    assert import_csv(exported, NOW, outside=True).bad == (), "here the addresses are known to be one resident's"
    assert state() == before
    assert before[0] == (1, 5, 2, 3)


def state() -> list[Any]:
    with transaction() as s:
        numbers = s.execute(
            text("""SELECT (SELECT count(*) FROM subscribers), (SELECT count(*) FROM contacts),
                           (SELECT count(*) FROM places), (SELECT count(verified_at) FROM contacts)""")
        ).one()
        contacts = s.execute(text("SELECT address_index, verified_at FROM contacts ORDER BY 1")).all()
        consents = s.execute(
            text("SELECT address_index, at, how FROM consents JOIN contacts c ON c.id = contact_id ORDER BY 1, 2")
        ).all()
        return [tuple(numbers), *map(tuple, contacts), *map(tuple, consents)]


def test_who_opted_out_is_exported_without_consent() -> None:
    with transaction() as s:
        tom = resident(s)
        opt_out(s, "sms", tom.phone, how="a test", now=NOW)
    [row] = rows(export())
    assert (row["phone"], row["consent_at"], row["consent_how"]) == (tom.phone, "", "")


def test_who_is_not_verified_is_exported_without_consent() -> None:
    with transaction() as s:
        resident(s)
        s.execute(text("UPDATE contacts SET verified_at = NULL"))
    [row] = rows(export())
    assert (row["consent_at"], row["consent_how"]) == ("", "")


def test_who_was_erased_is_not_exported() -> None:
    with transaction() as s:
        resident(s)
        s.execute(text("UPDATE contacts SET address_sealed = NULL"))
        s.execute(text("UPDATE subscribers SET erased_at = now()"))
    assert rows(export()) == []


def test_an_export_of_nobody_is_its_header() -> None:
    assert export() == [",".join(COLUMNS + MORE_COLUMNS) + "\r\n"]


def test_an_export_leaves_an_audit_row_even_when_its_reader_stops_early() -> None:
    """As `| head` does: the command has read residents, and its transaction is rolled back."""
    with transaction() as s:
        resident(s)
    command = [sys.executable, "-m", "notify.cli", "subscribers", "export"]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, env=environment, check=False, timeout=60)
    finally:
        os.close(writing)
    assert done.stderr == b""
    with transaction() as s:
        assert s.execute(text("SELECT action, subject FROM audit")).all() == [("export", "subscribers")]


def test_counts() -> None:
    with transaction() as s:
        tom = resident(s, email="", at=[(0, 0), (1, 1)])
        resident(s, verified=False)
        opt_out(s, "sms", tom.phone, how="a test", now=NOW)
        opt_out(s, "sms", "+12155559999", how="a test", now=NOW)
        counts = count(s)
    assert (counts.residents, counts.places, counts.suppressed) == (2, 3, 2)
    assert counts.contacts == {"email": {"verified": 1, "unverified": 0}, "sms": {"verified": 1, "unverified": 1}}
    assert ("sms, unverified", 1) in counts.as_rows()


FORMULAS = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "'=1+1", "''-x", "\uff1d1+1")


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_spreadsheet_runs_nothing_of_an_export_and_the_import_takes_it_as_it_was(formula: str) -> None:
    """In every column that a resident fills in; numbers, such as phones and coordinates, stay numbers."""
    of_others = ["'" + formula] * 2  # as an export writes it, or somebody who knows spreadsheets
    cells = ["+12155550100", "=a@example.org", "en", "storm", "-75.1", "39.9", *of_others, "2026-05-31", of_others[0]]
    import_csv(file(",".join(f'"{cell}"' for cell in cells)), NOW)
    exported, before = export(), state()
    [cells_out] = rows(exported)
    assert (cells_out["phone"], cells_out["lon"]) == ("+12155550100", "-75.1")
    assert [cells_out[name] for name in ("address", "label", "consent_how")] == [f"'{formula}"] * 3
    assert cells_out["email"] == "'=a@example.org"
    wipe()
    assert import_csv(exported, NOW).bad == ()
    assert (export(), state()) == (exported, before)


ODD = {
    "address": 'Apt "3", 1½ Main St; <b>&amp; Calle Ñandú\\n',
    "label": "  -1  two\u00a0 spaces\t'=x ",
    "how": '\'-5, "said" so; \uff1dso ',
}


@pytest.mark.parametrize("outside", [False, True])
def test_odd_values_from_every_door_come_back_as_they_were(outside: bool, database: str) -> None:
    """An export that is imported again changes nothing, here and in an empty database, and exports the same."""
    at = ("151.2", "-33.9") if outside else ("-75.1234567", "39.9")
    told = ["ES-mx", "storm,snow", *at, ODD["address"], ODD["label"], "2026-05-31T23:59:59.123456-04:00", ODD["how"]]
    given = io.StringIO()
    people = ("+12155550100", "o'brien+=@example.org"), ("+12155550101", "")
    csv.writer(given).writerows([COLUMNS, *([*contacts, *told] for contacts in people)])
    assert import_csv([given.getvalue()], NOW, outside=outside).bad == ()
    with transaction() as s:
        agent = operator(s, "agent")
        one = s.execute(text("SELECT min(id) FROM subscribers")).scalar_one()
        to = changing.Where(lon=-75.0000001, lat=40.0)
        changing.move(s, one, ODD["label"].strip(), to, NOW, agent, label=" =two\n\tlines ")
        changing.correct(s, one, "new@example.org", "y" * serving.LONGEST_HOW, NOW, agent)
        serving.opt_out(s, "+12155550100", "call", NOW, agent)
        serving.lift(s, "+12155550100", "opt-out", "z" * serving.LONGEST_HOW, NOW, agent)
    exported, before = export(), state()
    told_of = {row["phone"]: row for row in rows(exported)}
    assert told_of["+12155550100"]["label"] == "'=two lines"
    assert told_of["+12155550101"]["address"] == ODD["address"]
    assert told_of["+12155550101"]["label"] == "'-1 two spaces '=x"
    assert told_of["+12155550101"]["consent_how"] == ODD["how"].strip(), "as a spreadsheet shows it"
    again = import_csv(exported, NOW, outside=outside)
    assert (again.bad, again.new) == ((), Stored())
    assert (export(), state()) == (exported, before)
    wipe()
    assert import_csv(exported, NOW, outside=outside).bad == ()
    assert sorted(lines_of(export())) == sorted(lines_of(exported))


def lines_of(exported: list[str]) -> list[str]:
    return "".join(exported).splitlines()


@pytest.mark.parametrize("label", ["a\x00b", "x" * 61])
def test_no_door_takes_a_label_that_an_import_would_refuse(label: str) -> None:
    with transaction() as s:
        tom = resident(s)
        with pytest.raises(Invalid, match="label: "):
            changing.move(s, tom.id, "home", changing.Where(lon=-75, lat=40), NOW, operator(s, "agent"), label)
        with pytest.raises(Invalid, match="how: "):
            changing.correct(s, tom.id, "new@example.org", "call\x00", NOW, operator(s, "agent"))


def test_a_topic_that_a_contact_opted_out_of_is_left_out() -> None:
    """Elsewhere nobody knows of the opt-out; the other topics, and other residents, keep theirs."""
    with transaction() as s:
        tom = resident(s, topics=("snow", "storm"), email="")
        resident(s, topics=("snow", "storm"))
        opt_out(s, "sms", tom.phone, how="a test", now=NOW, topic=Topic.STORM)
    assert [row["topics"] for row in rows(export())] == ["snow", "snow storm"]
    assert rows(export())[0]["consent_at"] != "", "the contact itself may be written to about others"


def test_one_damaged_address_or_place_keeps_no_other_from_being_exported() -> None:
    with transaction() as s:
        tom, ann, bob, eve = (resident(s, email="") for _ in range(4))
        s.execute(
            text("""UPDATE contacts SET address_sealed = '\\x00'
                     WHERE subscriber_id = :tom OR (subscriber_id, channel) = (:ann, 'sms')"""),
            {"tom": tom.id, "ann": ann.id},
        )
        s.execute(
            text("UPDATE places SET point_sealed = substr(sha256('x'), 1, 16) WHERE subscriber_id = :bob"),
            {"bob": bob.id},
        )
    command = [sys.executable, "-m", "notify.cli", "subscribers", "export"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    told = rows([done.stdout])
    assert [(row["phone"], row["email"], row["lon"]) for row in told] == [
        ("", ann.email, "0.5"), (bob.phone, bob.email, ""), (eve.phone, eve.email, "0.5")
    ]  # fmt: skip
    assert (done.returncode, "left out: 3 addresses, 1 place." in done.stderr) == (2, True)
    with transaction() as s:
        ringing = dict(s.execute(text("SELECT kind, message FROM alarms WHERE resolved_at IS NULL")).all())
    assert sorted(ringing) == ["unreadable-address", "unreadable-place"]
    assert f"({tom.id}, {ann.id})" in ringing["unreadable-address"]
    assert f"({bob.id})" in ringing["unreadable-place"]

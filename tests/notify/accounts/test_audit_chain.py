"""The chain of hashes over the audit: what is sealed and when, and what a verification notices."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from notify.accounts import audit_verification, operators
from notify.accounts.audit_verification import Verdict
from notify.cli.audit import commands
from notify.core import audit, audit_seals
from notify.core.db import one_moment, transaction
from notify.core.errors import Invalid, NotAllowed
from notify.operations.jobs import seal_audit
from tests import factories
from tests.api import asked
from tests.factories import NOW
from tests.owner import as_owner, owning

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def _another_leader() -> Iterator[None]:
    audit_seals.settled.forget()
    yield
    audit_seals.settled.forget()


def act(s: Session, subject_id: int = 1, **detail: object) -> None:
    audit.note(s, now=NOW, by=None, action="act", subject="thing", subject_id=subject_id, **detail)


def acted(times: int) -> None:
    for n in range(times):
        with transaction() as s:
            act(s, n)


def verified(noted: str = "") -> Verdict:
    with one_moment() as s:
        return audit_verification.verify(s, None, noted)


def faults() -> list[tuple[int, str]]:
    return [(fault.audit_id, fault.kind) for fault in verified().faults]


def sealed() -> list[int]:
    with transaction() as s:
        return list(s.scalars(text("SELECT audit_id FROM audit_seals ORDER BY audit_id")))


@contextmanager
def tampering() -> Iterator[Session]:
    """As somebody who owns the tables, and takes their triggers away for a moment."""
    with owning() as s:
        s.execute(text("ALTER TABLE audit DISABLE TRIGGER USER; ALTER TABLE audit_seals DISABLE TRIGGER USER"))
        yield s
        s.execute(text("ALTER TABLE audit ENABLE TRIGGER USER; ALTER TABLE audit_seals ENABLE TRIGGER USER"))


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch) -> str:
    """Nine rows, sealed; the head."""
    with transaction() as s:
        chief = operators.add(s, "chief@example.org", "admin", NOW)
        monkeypatch.setenv("TOCSIN_OPERATOR_KEY", operators.add_key(s, "chief", NOW, chief))
    with transaction() as s:
        audit.note(
            s,
            now=NOW + timedelta(microseconds=1),
            by=factories.operator(s, "admin", "chief@example.org"),
            action="count",
            subject="audience",
            subject_id=0,
            box=[1.5, -0.25],
            words='"é\\ ünd\n 😀',
            more=None,
        )
    acted(6)
    seal_audit.run()
    head = verified().head
    assert head is not None
    return head


def test_every_row_is_sealed_by_the_job_and_the_log_has_the_head() -> None:
    acted(3)
    with structlog.testing.capture_logs() as logged:
        seal_audit.run()
        seal_audit.run()
    whole = verified()
    assert (whole.rows, whole.sealed, whole.unsealed, whole.is_whole) == (3, 3, 0, True)
    assert [(one["event"], one["rows"], one["head"]) for one in logged] == [("audit.sealed", 3, whole.head)]


def test_rows_of_an_older_database_are_sealed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_seals, "AT_ONCE", 4)
    acted(9)
    seal_audit.run()
    assert verified().sealed == 9
    assert verified().is_whole


def test_nobody_waits_and_a_row_that_commits_late_is_sealed_in_its_place() -> None:
    """Real transactions: the first takes the smaller id and commits last. The sealing holds up neither."""
    acted(1)
    with transaction() as slow:
        act(slow, 2)
        with transaction() as quick:
            act(quick, 3)
        seal_audit.run()
        seal_audit.run()
        assert sealed() == []  # the first row, too, waits: row 2 could still have been anywhere below row 3
        assert (verified().unsealed, verified().is_whole) == (2, True)
        act(slow, 4)  # it still writes
    seal_audit.run()
    assert sealed() == [1, 2, 3, 4]
    assert verified().is_whole


def test_work_that_never_pauses_does_not_keep_rows_from_being_sealed() -> None:
    """Transactions overlap without end, each shorter than the run of the job after the next."""
    open_ones = []
    for _ in range(7):
        following = transaction()
        act(following.__enter__())
        open_ones.append(following)
        if len(open_ones) > 2:
            open_ones.pop(0).__exit__(None, None, None)
        seal_audit.run()
    assert sealed() == [1, 2, 3]
    for one in open_ones:
        one.__exit__(None, None, None)
    seal_audit.run()
    assert sealed() == [1, 2, 3, 4, 5, 6, 7]
    assert verified().is_whole


def test_a_long_transaction_that_has_not_acted_is_not_waited_for() -> None:
    with transaction() as importing:
        importing.execute(text("INSERT INTO incidents (event, created_at) VALUES ('storm', now())"))
        acted(2)
        seal_audit.run()
        assert sealed() == [1, 2]


def test_what_is_rolled_back_leaves_a_gap_and_no_fault() -> None:
    acted(1)
    with transaction() as s:
        act(s)
        s.rollback()
    acted(1)
    seal_audit.run()
    assert sealed() == [1, 3]
    assert verified().is_whole


def test_two_schedulers_seal_a_row_once() -> None:
    acted(3)
    with transaction() as s, transaction() as other:
        through = audit_seals.Settled().through(s)
        assert through == audit_seals.Settled().through(other) == 3
        assert audit_seals.seal(s, through) == 3
        s.commit()
        assert audit_seals.seal(other, through) == 0
    assert verified().is_whole


@pytest.mark.parametrize(
    "change",
    [
        "at = at + interval '1 microsecond'",
        "at = 'infinity'",
        "at = '4713-01-01 BC'",
        "operator_id = NULL",
        "action = 'counted'",
        "subject = 'alert'",
        "subject_id = 1",
        "detail = detail || '{\"more\": 0}'",
        "detail = jsonb_set(detail, '{box,0}', '1.50')",
        "detail = '{}'",
    ],
)
def test_a_change_of_any_column_is_found(chain: str, change: str) -> None:
    with tampering() as s:
        s.execute(text(f"UPDATE audit SET {change} WHERE action = 'count'"))
    assert faults() == [(3, "changed")]


def test_every_column_of_the_audit_is_hashed(chain: str) -> None:
    """A new column needs a new version of what is hashed."""
    with transaction() as s:
        columns = s.scalars(text("SELECT column_name FROM information_schema.columns WHERE table_name = 'audit'")).all()
        row = s.execute(text(f"SELECT {audit_seals.COLUMNS} FROM audit a LIMIT 1")).one()
    assert set(columns) == set(row._fields)


def test_a_row_that_is_gone_is_found_and_a_gap_in_the_seals_too(chain: str) -> None:
    with tampering() as s:
        s.execute(text("DELETE FROM audit WHERE id IN (1, 5)"))
    assert faults() == [(1, "missing"), (5, "missing")]
    with tampering() as s:
        s.execute(text("DELETE FROM audit_seals WHERE audit_id IN (1, 5)"))
    assert faults() == [(2, "cut"), (6, "cut")]


def test_a_row_inserted_in_the_middle_is_found_and_never_sealed(chain: str) -> None:
    with tampering() as s:
        s.execute(text("DELETE FROM audit WHERE id = 5; DELETE FROM audit_seals WHERE audit_id = 5"))
        s.execute(
            text("INSERT INTO audit OVERRIDING SYSTEM VALUE SELECT 5, at, NULL, 'x', 'y', 0 FROM audit WHERE id = 4")
        )
    acted(1)
    seal_audit.run()
    assert faults() == [(5, "inserted"), (6, "cut")]


def test_a_seal_made_up_for_a_changed_row_does_not_fit_the_next_one(chain: str) -> None:
    with tampering() as s:
        s.execute(text("UPDATE audit SET subject_id = 99 WHERE id = 4"))
        row = s.execute(text(f"SELECT {audit_seals.COLUMNS} FROM audit a WHERE id = 4")).one()
        prev = s.scalar(text("SELECT prev_hash FROM audit_seals WHERE audit_id = 4"))
        forged = {"hash": audit_seals.hash_of(row, prev)}
        s.execute(text("UPDATE audit_seals SET hash = :hash WHERE audit_id = 4"), forged)
    assert faults() == [(5, "cut")]


def test_only_a_head_noted_elsewhere_tells_of_an_end_that_was_cut_off_or_written_anew(chain: str) -> None:
    """The owner of the tables can do both: ADR 0032."""
    with tampering() as s:
        s.execute(text("DELETE FROM audit WHERE id > 6; DELETE FROM audit_seals WHERE audit_id > 6"))
    acted(2)
    seal_audit.run()
    assert verified().is_whole
    told = verified(chain)
    assert not told.is_whole
    assert chain in told.faults[0].words


def test_a_noted_head_is_found_when_the_chain_has_grown(chain: str) -> None:
    acted(2)
    seal_audit.run()
    whole = verified(f" {chain.upper()} ")
    assert (whole.noted_at, whole.is_whole, whole.through) == (9, True, 11)
    with pytest.raises(Invalid, match="not a hash"):
        verified("abc")


def test_the_seals_cannot_be_changed_by_our_processes_nor_by_mistake(chain: str) -> None:
    for statement in ("UPDATE audit_seals SET version = 2", "DELETE FROM audit_seals", "TRUNCATE audit_seals"):
        with pytest.raises(DBAPIError, match="permission denied"), transaction() as s:
            s.execute(text(statement))
    with pytest.raises(DBAPIError, match="never change"):
        as_owner("UPDATE audit_seals SET version = 2")
    with tampering() as s:
        s.execute(text("UPDATE audit_seals SET version = 2 WHERE audit_id = 3"))
    assert faults() == [(3, "unknown")]


def test_anybody_can_compute_the_hash_as_the_documentation_says(chain: str) -> None:
    """Without our code, from the export alone."""
    prev = "0" * 64
    for line in CliRunner().invoke(commands, ["export"]).stdout.splitlines()[:9]:
        row = json.loads(line)
        hashed, detail = row.pop("hash"), line.partition('"detail": ')[2][:-1]
        del row["operator"]
        assert row["prev_hash"] == prev
        record = json.dumps(row | {"detail": detail}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        prev = sha256(record.encode()).hexdigest()
        assert hashed == prev
    assert prev == chain


def test_the_command_says_whether_it_is_whole(chain: str) -> None:
    done = CliRunner().invoke(commands, ["verify", "--head", chain])
    assert done.exit_code == 0
    assert "9 rows: 9 sealed, 0 not sealed yet." in done.stdout
    assert f"Head: {chain} (row 9)" in done.stdout
    with tampering() as s:
        s.execute(text("UPDATE audit SET action = 'x' WHERE id > 2"))
    done = CliRunner().invoke(commands, ["verify"])
    assert done.exit_code == 1
    assert "Row 3 or its seal was changed." in done.stdout
    assert "The chain is broken." in done.stdout
    read = json.loads(CliRunner().invoke(commands, ["verify", "--json"]).stdout)
    assert (read["fault_count"], read["faults"][0]["audit_id"]) == (7, 3)


def test_of_many_faults_a_hundred_are_listed_and_all_are_counted(chain: str) -> None:
    with tampering() as s:
        s.execute(
            text(
                """INSERT INTO audit (at, action, subject, subject_id)
                   SELECT now(), 'a', 'b', n FROM generate_series(1, 150) n"""
            )
        )
    seal_audit.run()
    with tampering() as s:
        s.execute(text("UPDATE audit SET action = 'x'"))
    assert (verified().fault_count, len(verified().faults)) == (159, audit_verification.MOST_FAULTS)


@pytest.mark.parametrize("role", ["author", "agent"])
def test_who_may_not_read_the_audit_may_not_verify_it(role: str) -> None:
    with transaction() as s:
        by = factories.operator(s, role)
    with pytest.raises(NotAllowed), one_moment() as s:
        audit_verification.verify(s, by)
    assert asked.number("SELECT count(*) FROM audit_seals") == 0

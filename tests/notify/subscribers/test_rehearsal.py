"""`subscribers import --dry-run`: the same report, nothing kept, and nobody held up."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from notify.core.db import engine, transaction
from notify.subscribers import import_csv, opt_out
from tests.factories import NOW
from tests.notify.subscribers.test_identity import FILES
from tests.notify.subscribers.test_importing import TOM, ask, everything, lines, row

pytestmark = pytest.mark.usefixtures("database")

MIXED = [
    row(),
    row(lon="-75.2", label="work", topics="snow heat"),
    row(phone="", consent_at="2026-06-01"),
    row(lat="x"),
    row(phone="+12155550101", email="ann@example.org", language="fr"),
    row(phone="+12155550101", email="", consent_at="", consent_how=""),
    row(phone="+12155550102", email="ann@example.org", lon="-75.4"),
    row(phone="+12155550103", email="bob@example.org", topics=""),
    row(phone="+12155550103", email="bob@example.org", topics="", lon="-75.5"),
]


@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize("chunk", [2, 5_000])
@pytest.mark.parametrize("before", [0, 1, 2, 3, len(MIXED)])
def test_a_dry_run_reports_what_the_import_then_does(
    before: int, chunk: int, merge: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notify.subscribers.importing.CHUNK", chunk)
    import_csv(lines(*MIXED[:before]), NOW)
    stored = everything()
    rehearsed = import_csv(lines(*MIXED), NOW, dry_run=True, merge=merge)
    assert everything() == stored
    assert rehearsed.dry_run
    assert import_csv(lines(*MIXED), NOW, merge=merge) == replace(rehearsed, dry_run=False)


@pytest.mark.parametrize("chunk", [1, 5_000])
@pytest.mark.parametrize("name", FILES)
def test_a_dry_run_knows_who_is_who(name: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notify.subscribers.importing.CHUNK", chunk)
    rehearsed = import_csv(lines(*FILES[name][0]), NOW, dry_run=True)
    assert import_csv(lines(*FILES[name][0]), NOW) == replace(rehearsed, dry_run=False)


def test_a_dry_run_holds_up_neither_a_sign_up_nor_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of the file the same resident opts out, and an import of the same addresses is done."""
    monkeypatch.setattr("notify.subscribers.importing.CHUNK", 1)
    first, second = lines(row())[1], lines(row(lon="-75.2"))[1]

    def meanwhile(rows: int) -> None:
        if rows == 1:
            with transaction() as s:
                s.connection().exec_driver_sql("SET LOCAL lock_timeout = '10s'")
                opt_out(s, "sms", TOM["phone"], how="a test", now=NOW)
            with transaction() as s:
                locks = s.connection().exec_driver_sql(
                    "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
                    " WHERE a.datname = current_database() AND a.backend_type = 'client backend'"  # no autovacuum
                    " AND l.relation IN ('contacts'::regclass, 'subscribers'::regclass, 'places'::regclass)"
                    " AND pid <> pg_backend_pid()"
                )
                assert locks.scalar_one() == 0
            import_csv(lines(row()), NOW)

    import_csv([lines(row())[0], first, second], NOW, dry_run=True, on_progress=meanwhile)
    assert ask("SELECT count(*) FROM subscribers") == [1]


def test_a_dry_run_that_fails_leaves_no_table_behind() -> None:
    def stop(rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_csv(lines(row()), NOW, dry_run=True, on_progress=stop)
    assert temporary_tables() == []
    assert import_csv(lines(row()), NOW, dry_run=True).new.residents == 1


def temporary_tables() -> list[object]:
    def found() -> Iterator[object]:
        for _ in range(5):
            with engine().connect() as connection:
                yield from connection.exec_driver_sql("SELECT 1 FROM pg_class WHERE relname = 'incoming'").scalars()

    return list(found())

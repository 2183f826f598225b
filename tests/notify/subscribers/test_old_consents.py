"""Consents of the year 26, which earlier versions imported: they are no proof."""

import importlib
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from notify.core.db import transaction
from notify.subscribers import export_csv, import_csv
from tests.factories import NOW
from tests.notify.subscribers.test_importing import ask, lines, row

pytestmark = pytest.mark.usefixtures("database")
YEAR_26, GOOD = datetime(26, 5, 31, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)


def consent(contact: int, at: datetime) -> None:
    with transaction() as s:
        s.execute(
            text("""INSERT INTO consents (contact_id, kind, at, how) VALUES (:contact, 'opt-in', :at, 'form')"""),
            {"contact": contact, "at": at},
        )
        s.execute(
            text("UPDATE contacts SET verified_at = least(verified_at, :at) WHERE id = :contact"),
            {"contact": contact, "at": at},
        )


def test_they_verify_nobody_after_the_migration_and_are_not_exported() -> None:
    phones = [row(phone=f"+1215555010{n}", email="", consent_at="", consent_how="") for n in range(3)]
    import_csv(lines(*phones), NOW)
    wrong, both, right = ask("SELECT id FROM contacts ORDER BY id")
    consent(wrong, YEAR_26)
    consent(both, YEAR_26)
    consent(both, GOOD)
    consent(right, GOOD)
    migration = importlib.import_module("notify.migrations.versions.0026_names_of_keys")
    with transaction() as s:
        s.execute(migration._VERIFIED_BY_NOTHING)
    assert ask("SELECT verified_at FROM contacts ORDER BY id") == [None, GOOD, GOOD]
    with transaction() as s:
        exported = list(export_csv(s))
    assert "0026-" not in "".join(exported)
    assert import_csv(exported, NOW).bad == ()
